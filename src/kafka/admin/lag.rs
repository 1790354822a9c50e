//! How far a group is behind: committed offsets against the ends of partitions.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{OffsetFetchRequest, offset_fetch_request::OffsetFetchRequestGroup};
use tokio::time::Instant;

use super::{
    Admin, At, GroupDescription, GroupKind, ListedGroup,
    groups::{no_group, wire_group},
    offsets::Partition,
    route::topic_name,
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::KafkaError,
    model::TopicName,
};

/// A group's place in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// The topic.
    pub topic: TopicName,
    /// The partition's number.
    pub partition: i32,
    /// The offset of the next record to read; none where nothing was committed yet.
    pub committed: Option<i64>,
    /// The partition's end offset.
    pub end: i64,
    /// Records not yet processed. Where nothing was committed: all that are there.
    pub lag: u64,
}

impl Admin {
    /// A group's place in every partition that it has committed, or that a member is assigned;
    /// nothing for a share group, which commits none.
    ///
    /// # Errors
    /// The group does not exist; its coordinator or a partition's leader could not be asked.
    pub async fn group_lag(&self, name: &str) -> Result<Vec<PartitionLag>> {
        let deadline = self.deadline();
        let names = [name.to_owned()];
        let read = || async {
            let found = self.find_groups(&names, deadline).await?;
            let group = found.get(name).ok_or_else(|| no_group(name))?;
            let description = self.describe_group(group, deadline).await?;
            let committed = self.committed(group, deadline).await?;
            let partitions = partitions_of(&committed, &description);
            let topics: BTreeSet<TopicName> = partitions.iter().map(|(t, _)| t.clone()).collect();
            if topics.is_empty() {
                return Ok(Vec::new());
            }
            let topics: Vec<TopicName> = topics.into_iter().collect();
            let mut leaders = self.existing_leaders(&topics, deadline).await?;
            leaders.retain(|partition, _| partitions.contains(partition));
            let start = self.offsets_at(&leaders, At::Earliest, deadline).await?;
            let end = self.offsets_at(&leaders, At::Latest, deadline).await?;
            Ok(lags(&partitions, &committed, &start, &end))
        };
        let lag = self.retrying(deadline, read).await;
        lag.map_err(Error::from).while_(|| format!("reading the lag of group `{name}`"))
    }

    /// Leaders of those topics that still exist: a group may have read one that was deleted.
    async fn existing_leaders(
        &self,
        topics: &[TopicName],
        deadline: Instant,
    ) -> Result<BTreeMap<Partition, i32>, KafkaError> {
        let metadata = self.metadata(None, deadline).await?;
        let existing: BTreeSet<TopicName> =
            metadata.topics.iter().filter_map(|t| topic_name(t.name.as_ref()?)).collect();
        let topics: Vec<TopicName> = topics.iter().filter(|topic| existing.contains(topic)).cloned().collect();
        if topics.is_empty() { Ok(BTreeMap::new()) } else { self.leaders(&topics, deadline).await }
    }

    /// The offsets that a group has committed.
    pub(super) async fn committed(
        &self,
        group: &ListedGroup,
        deadline: Instant,
    ) -> Result<BTreeMap<Partition, i64>, KafkaError> {
        if group.kind == GroupKind::Share {
            return Ok(BTreeMap::new());
        }
        // No topics: all that the group has. The epoch -1 says that no member asks.
        let wanted = OffsetFetchRequestGroup::default()
            .with_group_id(wire_group(&group.name))
            .with_member_epoch(-1)
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![wanted]);
        let answer = self.node(group.coordinator, &request, deadline).await?;
        let mut committed = BTreeMap::new();
        for found in answer.groups {
            KafkaError::check(found.error_code, None, || format!("group `{}`", group.name))?;
            for topic in found.topics {
                let Some(name) = topic_name(&topic.name) else {
                    continue;
                };
                for partition in topic.partitions {
                    let id = partition.partition_index;
                    let subject = || format!("partition {id} of topic `{name}`");
                    KafkaError::check(partition.error_code, None, subject)?;
                    // -1: nothing is committed.
                    if partition.committed_offset >= 0 {
                        committed.insert((name.clone(), id), partition.committed_offset);
                    }
                }
            }
        }
        Ok(committed)
    }
}

/// What the group has committed or reads. Nothing of a share group: it has no offsets that could
/// lag. Brokers know where its window begins, but records behind that may be acknowledged already,
/// and how many (DescribeShareGroupOffsets version 1) the codec cannot read yet.
pub(super) fn partitions_of(
    committed: &BTreeMap<Partition, i64>,
    description: &GroupDescription,
) -> BTreeSet<Partition> {
    if description.kind == GroupKind::Share {
        return BTreeSet::new();
    }
    let assigned = description.members.iter().flat_map(|member| &member.assignment);
    let assigned = assigned.flat_map(|(topic, ids)| ids.iter().map(|&id| (topic.clone(), id)));
    committed.keys().cloned().chain(assigned).collect()
}

/// Puts offsets together; partitions whose end is not known (a deleted topic's) are left out.
pub(super) fn lags(
    partitions: &BTreeSet<Partition>,
    committed: &BTreeMap<Partition, i64>,
    start: &BTreeMap<Partition, i64>,
    end: &BTreeMap<Partition, i64>,
) -> Vec<PartitionLag> {
    let lag = |partition: &Partition| {
        let end = *end.get(partition)?;
        let committed = committed.get(partition).copied();
        let from = committed.or_else(|| start.get(partition).copied()).unwrap_or(0);
        Some(PartitionLag {
            topic: partition.0.clone(),
            partition: partition.1,
            committed,
            end,
            // A commit may lie behind the end after an unclean loss; nothing is left to read then.
            lag: u64::try_from(end - from).unwrap_or(0),
        })
    };
    partitions.iter().filter_map(lag).collect()
}
