//! Replicas moved from node to node: begun, watched, called off.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        AlterPartitionReassignmentsRequest, BrokerId, ListPartitionReassignmentsRequest,
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
    },
};
use tokio::time::Instant;

use super::{
    Admin,
    route::{node_id, topic_name, wire_topic},
    topics::milliseconds_until,
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message},
    model::TopicName,
    observed::Reassignment,
    reconcile::assignment::Move,
};

impl Admin {
    /// Begins to move partitions to these replicas; Kafka copies, and lets go of the old replicas once the new ones
    /// are in sync. A partition that is being moved already gets the new aim. A topic or partition that is gone by
    /// now is left out.
    ///
    /// # Errors
    /// The cluster could not be asked, or refuses a partition: the others are begun all the same.
    pub async fn reassign(&self, moves: &[Move]) -> Result<()> {
        let deadline = self.deadline();
        let outcome = self.retrying(deadline, || self.reassign_once(moves, deadline)).await;
        outcome.map_err(Error::from).while_(|| "moving replicas".to_owned())
    }

    async fn reassign_once(&self, moves: &[Move], deadline: Instant) -> Result<(), KafkaError> {
        let mut topics: BTreeMap<&TopicName, Vec<ReassignablePartition>> = BTreeMap::new();
        for Move { topic, partition, to, from: _ } in moves {
            let replicas = to.iter().map(|id| BrokerId(i32::from(id.0))).collect();
            // No topic has as many partitions as would not fit.
            let partition = ReassignablePartition::default().with_partition_index(*partition as i32);
            topics.entry(topic).or_default().push(partition.with_replicas(Some(replicas)));
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            ReassignableTopic::default().with_name(wire_topic(name)).with_partitions(partitions)
        });
        let request = AlterPartitionReassignmentsRequest::default()
            .with_topics(topics.collect())
            .with_timeout_ms(milliseconds_until(deadline));
        let answer = self.any(&request, deadline).await?;
        KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), || "the move".to_owned())?;
        for topic in &answer.responses {
            for partition in &topic.partitions {
                let text = message(partition.error_message.as_ref());
                let subject = || format!("partition {} of topic `{}`", partition.partition_index, topic.name.as_str());
                match KafkaError::check(partition.error_code, text, subject) {
                    Err(error) if error.code() == Some(ResponseError::UnknownTopicOrPartition) => {}
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }

    /// The partitions that are being moved.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn reassignments(&self) -> Result<BTreeMap<TopicName, BTreeMap<usize, Reassignment>>> {
        let deadline = self.deadline();
        let read = || async {
            let request = ListPartitionReassignmentsRequest::default()
                .with_topics(None)
                .with_timeout_ms(milliseconds_until(deadline));
            let answer = self.any(&request, deadline).await?;
            KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), || {
                "the list of moves".to_owned()
            })?;
            let ids = |ids: &[BrokerId]| ids.iter().filter_map(|id| node_id(id.0)).collect();
            let mut found: BTreeMap<TopicName, BTreeMap<usize, Reassignment>> = BTreeMap::new();
            for topic in &answer.topics {
                let Some(name) = topic_name(&topic.name) else { continue };
                for partition in &topic.partitions {
                    let Ok(id) = usize::try_from(partition.partition_index) else { continue };
                    let (adding, removing) = (ids(&partition.adding_replicas), ids(&partition.removing_replicas));
                    found.entry(name.clone()).or_default().insert(id, Reassignment { adding, removing });
                }
            }
            Ok(found)
        };
        let found = self.retrying(deadline, read).await;
        found.map_err(Error::from).while_(|| "listing the replicas that are being moved".to_owned())
    }
}
