//! Offsets committed in the name of a group, and groups deleted. Kafka allows both only while a group has no members.

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    DeleteGroupsRequest, OffsetCommitRequest,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};
use tokio::time::Instant;

use super::{
    Admin,
    groups::{no_group, wire_group},
    offsets::Partition,
    route::wire_topic,
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, to_text},
    model::TopicName,
};

/// "No member": what a commit says that comes from outside of the group.
const OUTSIDE: i32 = -1;

impl Admin {
    /// Commits offsets for a group, as its members would.
    ///
    /// # Errors
    /// The group does not exist, has members, or its coordinator could not be asked. Then some partitions may have
    /// been committed: the same call again does the rest.
    pub async fn commit_offsets(&self, group: &str, offsets: &BTreeMap<Partition, i64>) -> Result<()> {
        let deadline = self.deadline();
        let outcome = self.retrying(deadline, || self.commit_once(group, offsets, deadline)).await;
        outcome.map_err(Error::from).while_(|| format!("committing offsets for group `{group}`"))
    }

    async fn commit_once(
        &self,
        group: &str,
        offsets: &BTreeMap<Partition, i64>,
        deadline: Instant,
    ) -> Result<(), KafkaError> {
        let mut topics: BTreeMap<&TopicName, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for ((topic, id), &offset) in offsets {
            topics.entry(topic).or_default().push(
                OffsetCommitRequestPartition::default()
                    .with_partition_index(*id)
                    .with_committed_offset(offset)
                    .with_committed_metadata(Some(to_text(""))),
            );
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            OffsetCommitRequestTopic::default().with_name(wire_topic(name)).with_partitions(partitions)
        });
        let request = OffsetCommitRequest::default()
            .with_group_id(wire_group(group))
            .with_generation_id_or_member_epoch(OUTSIDE)
            .with_topics(topics.collect());
        let answer = self.node(self.coordinator(group, deadline).await?, &request, deadline).await?;
        for topic in answer.topics {
            for partition in topic.partitions {
                let subject = || {
                    let (topic, id) = (topic.name.as_str(), partition.partition_index);
                    format!("partition {id} of topic `{topic}`")
                };
                KafkaError::check(partition.error_code, None, subject)?;
            }
        }
        Ok(())
    }

    /// Deletes a group with its offsets.
    ///
    /// # Errors
    /// The group does not exist, has members, or its coordinator could not be asked.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        let deadline = self.deadline();
        let request = DeleteGroupsRequest::default().with_groups_names(vec![wire_group(group)]);
        let delete = || async {
            let answer = self.node(self.coordinator(group, deadline).await?, &request, deadline).await?;
            for result in answer.results {
                KafkaError::check(result.error_code, None, || format!("group `{group}`"))?;
            }
            Ok(())
        };
        let outcome = self.retrying(deadline, delete).await;
        outcome.map_err(Error::from).while_(|| format!("deleting group `{group}`"))
    }

    async fn coordinator(&self, group: &str, deadline: Instant) -> Result<i32, KafkaError> {
        let found = self.find_groups(&[group.to_owned()], deadline).await?;
        found.get(group).map(|group| group.coordinator).ok_or_else(|| no_group(group))
    }
}
