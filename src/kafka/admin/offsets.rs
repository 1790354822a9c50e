//! Offsets of partitions, asked of their leaders.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use kafka_protocol::messages::{
    BrokerId, ListOffsetsRequest, ListOffsetsResponse,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
};
use tokio::time::Instant;

use super::{
    Admin,
    route::{topic_name, wire_topic},
    topics::milliseconds_until,
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::KafkaError,
    model::TopicName,
};

/// A point in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The first offset still there.
    Earliest,
    /// The offset that the next record will get, of what consumers may see (the high watermark).
    Latest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The first record whose timestamp is not smaller: Unix milliseconds.
    Timestamp(i64),
}

impl At {
    /// What stands for it in the request (`ListOffsetsRequest.java`).
    fn number(self) -> i64 {
        match self {
            At::Latest => -1,
            At::Earliest => -2,
            At::MaxTimestamp => -3,
            At::Timestamp(ms) => ms.max(0),
        }
    }
}

/// A partition of a topic.
pub(super) type Partition = (TopicName, i32);

impl Admin {
    /// The offset of a point in each of a topic's partitions; an empty slice means all of them.
    /// Partitions that have no such record (timestamps only) are absent.
    ///
    /// # Errors
    /// No such topic or partition; a partition has no leader; a leader does not answer.
    pub async fn offsets(&self, topic: &TopicName, partitions: &[i32], at: At) -> Result<BTreeMap<i32, i64>> {
        let deadline = self.deadline();
        let ask = || async {
            let mut leaders = self.leaders(std::slice::from_ref(topic), deadline).await?;
            if !partitions.is_empty() {
                let wanted: BTreeSet<Partition> = partitions.iter().map(|&id| (topic.clone(), id)).collect();
                if let Some((_, id)) = wanted.iter().find(|p| !leaders.contains_key(p)) {
                    return Err(no_partition(topic, *id, leaders.len()));
                }
                leaders.retain(|partition, _| wanted.contains(partition));
            }
            self.offsets_at(&leaders, at, deadline).await
        };
        let found = self.retrying(deadline, ask).await;
        let found = found.map_err(Error::from);
        let found = found.while_(|| format!("reading offsets of topic `{topic}`"))?;
        Ok(found.into_iter().map(|((_, id), offset)| (id, offset)).collect())
    }

    /// Each partition's leader.
    pub(super) async fn leaders(
        &self,
        topics: &[TopicName],
        deadline: Instant,
    ) -> Result<BTreeMap<Partition, i32>, KafkaError> {
        let mut leaders = BTreeMap::new();
        for topic in self.metadata(Some(topics), deadline).await?.topics {
            let Some(name) = topic.name.as_ref().and_then(topic_name) else {
                continue;
            };
            KafkaError::check(topic.error_code, None, || format!("topic `{name}`"))?;
            for partition in topic.partitions {
                let id = partition.partition_index;
                if partition.leader_id.0 < 0 {
                    let text = format!("partition {id} of topic `{name}` has no leader");
                    return Err(KafkaError::Missing(text));
                }
                leaders.insert((name.clone(), id), partition.leader_id.0);
            }
        }
        Ok(leaders)
    }

    /// One request to each leader, all at once.
    pub(super) async fn offsets_at(
        &self,
        leaders: &BTreeMap<Partition, i32>,
        at: At,
        deadline: Instant,
    ) -> Result<BTreeMap<Partition, i64>, KafkaError> {
        let asked = by_leader(leaders).into_iter().map(|(leader, partitions)| async move {
            let found = self.offsets_of_leader(leader, &partitions, at, deadline).await?;
            found.into_iter().map(|(p, offset)| Ok((p, offset?))).collect::<Result<Vec<_>, _>>()
        });
        let found = try_join_all(asked).await?;
        // -1: no record with such a timestamp.
        Ok(found.into_iter().flatten().filter(|&(_, offset)| offset >= 0).collect())
    }

    pub(super) async fn offsets_of_leader(
        &self,
        leader: i32,
        partitions: &[Partition],
        at: At,
        deadline: Instant,
    ) -> Result<Vec<(Partition, Result<i64, KafkaError>)>, KafkaError> {
        let request = offsets_request(partitions, at, deadline);
        Ok(read_offsets(self.node(leader, &request, deadline).await?))
    }

    /// The first offsets, and those that the next records will get, of partitions that a node leads. Those of which it
    /// says otherwise are absent.
    pub(super) async fn ends_of_leader(
        &self,
        leader: i32,
        partitions: &[Partition],
        deadline: Instant,
    ) -> Result<[BTreeMap<Partition, i64>; 2], KafkaError> {
        let [first, last] = [At::Earliest, At::Latest].map(|at| offsets_request(partitions, at, deadline));
        let answers = self.node_both(leader, [&first, &last], deadline).await?;
        Ok(answers.map(|answer| {
            let found = read_offsets(answer).into_iter();
            found.filter_map(|(partition, offset)| Some((partition, offset.ok()?))).collect()
        }))
    }
}

fn offsets_request(partitions: &[Partition], at: At, deadline: Instant) -> ListOffsetsRequest {
    let mut topics: BTreeMap<&TopicName, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (topic, id) in partitions {
        let partition = ListOffsetsPartition::default().with_partition_index(*id).with_timestamp(at.number());
        topics.entry(topic).or_default().push(partition);
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| ListOffsetsTopic::default().with_name(wire_topic(name)).with_partitions(partitions));
    ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(topics.collect())
        .with_timeout_ms(milliseconds_until(deadline))
}

fn read_offsets(answer: ListOffsetsResponse) -> Vec<(Partition, Result<i64, KafkaError>)> {
    let mut found = Vec::new();
    for topic in answer.topics {
        let Some(name) = topic_name(&topic.name) else {
            continue;
        };
        for partition in topic.partitions {
            let id = partition.partition_index;
            let subject = || format!("partition {id} of topic `{name}`");
            let outcome = KafkaError::check(partition.error_code, None, subject);
            found.push(((name.clone(), id), outcome.map(|()| partition.offset)));
        }
    }
    found
}

/// The partitions of each leader.
pub(super) fn by_leader(leaders: &BTreeMap<Partition, i32>) -> BTreeMap<i32, Vec<Partition>> {
    let mut grouped: BTreeMap<i32, Vec<Partition>> = BTreeMap::new();
    for (partition, &leader) in leaders {
        grouped.entry(leader).or_default().push(partition.clone());
    }
    grouped
}

fn no_partition(topic: &TopicName, id: i32, count: usize) -> KafkaError {
    KafkaError::Refused {
        subject: format!("partition {id} of topic `{topic}`"),
        error: kafka_protocol::ResponseError::UnknownTopicOrPartition,
        message: Some(format!("the topic has {count} partitions, counted from 0")),
    }
}
