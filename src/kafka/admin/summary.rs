//! All that `status` shows of Kafka, in two rounds of calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use super::{
    Admin, GroupKind, ListedGroup,
    groups::OFFSETS_TOPIC,
    lag::{lags, partitions_of},
    offsets::{Partition, by_leader},
};
use crate::{
    kafka::wire::KafkaError,
    model::{NodeId, TopicName},
    observed::KafkaFacts,
};

/// First and next offsets of partitions.
pub type Ends = [BTreeMap<Partition, i64>; 2];

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSummary {
    /// Nodes, controller, topics.
    pub facts: KafkaFacts,
    /// All groups, by name.
    pub groups: Vec<GroupSummary>,
    /// Offsets from start to end, summed over a topic's partitions; Kafka's own topics left out.
    /// A compacted or transactional topic holds fewer records than that. Where the leader of a
    /// partition does not answer, its part is missing.
    pub messages: BTreeMap<TopicName, u64>,
    /// The topics of which a part is missing in `messages`.
    pub partly: BTreeSet<TopicName>,
    /// How many partitions each node leads; Kafka's own topics left out.
    pub leaders: BTreeMap<NodeId, usize>,
}

/// A group in few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    /// Its name.
    pub name: String,
    /// What its members speak.
    pub kind: GroupKind,
    /// Kafka's word for its state.
    pub state: String,
    /// How many members it has.
    pub members: usize,
    /// Records not yet processed, in all partitions; none for share groups, and where it
    /// could not be found out.
    pub lag: Option<u64>,
}

impl Admin {
    /// Looks at all of the cluster. Never fails, and ends after `timeout`: what does not answer is absent. Nothing is
    /// tried twice but what a broker still reads. On a live cluster it takes about 10 ms.
    pub async fn summary(&self, addresses: &BTreeMap<NodeId, String>, timeout: Duration) -> ClusterSummary {
        self.give(addresses);
        // A node that hangs uses up the first round's time; the second needs some too.
        let first = timeout / 2;
        let (deadline, listed_by) = (Instant::now() + timeout, Instant::now() + first);
        let lists = addresses.keys().map(|&id| self.groups_read(id, listed_by));
        let (facts, lists) = join(self.observe(addresses, first), join_all(lists)).await;
        let unled = facts.controller.is_none() && !facts.answering.is_empty();
        let leaders = leaders(&facts);
        let ends = self.reachable_ends(&leaders, deadline);
        let rest = self.summarized(facts, ends, std::future::ready(lists), deadline);
        // Nodes that have just started on a busy machine may take longer to find out than all else.
        let leader = async { if unled { self.quorum_once(deadline).await.ok()?.leader } else { None } };
        let (mut summary, leader) = join(rest, leader).await;
        summary.facts.controller = summary.facts.controller.or(leader);
        summary
    }

    /// As [`Admin::summary`], where nodes, controller and topics were looked at just now: only the rest is asked. The
    /// records of the `new` topics are the caller's to know; `ends` are those that are known, and asked where any is not.
    pub async fn summary_of(
        &self,
        facts: KafkaFacts,
        new: &BTreeSet<TopicName>,
        ends: Option<Ends>,
        timeout: Duration,
    ) -> ClusterSummary {
        let deadline = Instant::now() + timeout;
        // Where the topic is missing that groups are kept in, there is none.
        let may_have_groups = facts.topics.keys().any(|name| name.as_str() == OFFSETS_TOPIC);
        let nodes: Vec<NodeId> = facts.answering.keys().filter(|_| may_have_groups).copied().collect();
        let lists = join_all(nodes.into_iter().map(|id| self.groups_read(id, Instant::now() + timeout / 2)));
        let mut leaders = leaders(&facts);
        leaders.retain(|(topic, _), _| !new.contains(topic));
        let known = |[first, next]: &Ends| leaders.keys().all(|one| first.contains_key(one) && next.contains_key(one));
        let ends = async {
            match ends.filter(known) {
                Some(ends) => ends,
                None => self.reachable_ends(&leaders, deadline).await,
            }
        };
        let mut summary = self.summarized(facts, ends, lists, deadline).await;
        summary.partly.retain(|topic| !new.contains(topic));
        summary
    }

    /// First and next offsets of all partitions whose leader answers within `timeout`.
    pub async fn ends(&self, facts: &KafkaFacts, timeout: Duration) -> Ends {
        self.reachable_ends(&leaders(facts), Instant::now() + timeout).await
    }

    /// The second round: offsets, and what the groups of each node's list do.
    async fn summarized(
        &self,
        facts: KafkaFacts,
        ends: impl Future<Output = Ends>,
        lists: impl Future<Output = Vec<Result<Vec<ListedGroup>, KafkaError>>>,
        deadline: Instant,
    ) -> ClusterSummary {
        let groups = async {
            let mut groups: Vec<ListedGroup> = lists.await.into_iter().flatten().flatten().collect();
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            let known = join_all(groups.iter().map(|group| async move {
                let description = self.once_read(deadline, || self.describe_group(group, deadline));
                join(description, self.once_read(deadline, || self.committed(group, deadline))).await
            }));
            let known = known.await;
            (groups, known)
        };
        let ([start, end], (groups, known)) = join(ends, groups).await;

        let groups = groups.iter().zip(known).map(|(group, (description, committed))| {
            let lag = match (&description, &committed) {
                (Ok(description), Ok(committed)) if group.kind != GroupKind::Share => {
                    let partitions = partitions_of(committed, description);
                    let lags = lags(&partitions, committed, &start, &end);
                    Some(lags.iter().map(|partition| partition.lag).sum())
                }
                _ => None,
            };
            GroupSummary {
                name: group.name.clone(),
                kind: group.kind,
                state: description.as_ref().map_or(&group.state, |d| &d.state).clone(),
                members: description.map_or(0, |description| description.members.len()),
                lag,
            }
        });
        let (messages, partly) = (messages(&start, &end), partly(&facts, &start, &end));
        ClusterSummary { groups: groups.collect(), messages, partly, leaders: led(&facts), facts }
    }

    async fn groups_read(&self, node: NodeId, deadline: Instant) -> Result<Vec<ListedGroup>, KafkaError> {
        self.once_read(deadline, || self.groups_of(i32::from(node.0), deadline)).await
    }

    /// First and next offsets of those partitions whose leader answers.
    async fn reachable_ends(&self, leaders: &BTreeMap<Partition, i32>, deadline: Instant) -> Ends {
        let asked = by_leader(leaders)
            .into_iter()
            .map(|(leader, partitions)| async move { self.ends_of_leader(leader, &partitions, deadline).await });
        let mut all = [BTreeMap::new(), BTreeMap::new()];
        for [first, last] in join_all(asked).await.into_iter().flatten() {
            all[0].extend(first);
            all[1].extend(last);
        }
        all
    }
}

fn leaders(facts: &KafkaFacts) -> BTreeMap<Partition, i32> {
    let partitions =
        facts.topics.iter().flat_map(|(name, topic)| (0..).zip(&topic.partitions).map(move |one| (name, one)));
    partitions
        .filter_map(|(name, (id, partition))| Some(((name.clone(), id), i32::from(partition.leader?.0))))
        .collect()
}

fn led(facts: &KafkaFacts) -> BTreeMap<NodeId, usize> {
    let mut led: BTreeMap<NodeId, usize> = facts.answering.keys().map(|&id| (id, 0)).collect();
    for (name, topic) in &facts.topics {
        if !name.is_internal() {
            for leader in topic.partitions.iter().filter_map(|partition| partition.leader) {
                *led.entry(leader).or_default() += 1;
            }
        }
    }
    led
}

fn messages(start: &BTreeMap<Partition, i64>, end: &BTreeMap<Partition, i64>) -> BTreeMap<TopicName, u64> {
    let mut messages = BTreeMap::new();
    for (partition, &end) in end.iter().filter(|((topic, _), _)| !topic.is_internal()) {
        if let Some(&start) = start.get(partition) {
            let count = u64::try_from(end - start).unwrap_or(0);
            *messages.entry(partition.0.clone()).or_insert(0) += count;
        }
    }
    messages
}

/// The topics with partitions of which not both ends are known.
fn partly(facts: &KafkaFacts, start: &BTreeMap<Partition, i64>, end: &BTreeMap<Partition, i64>) -> BTreeSet<TopicName> {
    let is_known = |partition: &Partition| start.contains_key(partition) && end.contains_key(partition);
    let topics = facts.topics.iter().filter(|(name, topic)| {
        let mut ids = (0..).take(topic.partitions.len());
        !name.is_internal() && !ids.all(|id| is_known(&((*name).clone(), id)))
    });
    topics.map(|(name, _)| name.clone()).collect()
}
