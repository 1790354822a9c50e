//! One look at the cluster: who answers, who is in charge, which topics are how healthy.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;
use kafka_protocol::messages::{DescribeQuorumResponse, MetadataResponse, metadata_response::MetadataResponseTopic};
use tokio::time::Instant;

use super::{
    Admin,
    features::METADATA_VERSION,
    quorum::{quorum_request, read_quorum},
    route::{metadata_request, node_id, topic_name},
};
use crate::{
    kafka::wire::{Connection, KafkaError},
    model::{NodeId, TopicName},
    observed::{KafkaFacts, PartitionFacts, TopicFacts},
};

/// What one node says.
struct View {
    node: NodeId,
    metadata: MetadataResponse,
    metadata_level: Option<i16>,
    /// The highest level that its binaries read.
    supported: Option<i16>,
    /// The quorum's epoch and leader, as far as this node can find out.
    leader: Option<(i32, NodeId)>,
}

impl Admin {
    /// Looks at every node on its own address (`host:port`), all at once. Never fails: who does not
    /// answer within `timeout` is absent. Topic settings are not looked at
    /// ([`Admin::topic_configs`]).
    ///
    /// Quick enough for polling: 2 to 5 ms on a live cluster of three. Where the quorum is lost,
    /// nodes answer but cannot name a controller, and it takes the whole `timeout`.
    pub async fn observe(&self, addresses: &BTreeMap<NodeId, String>, timeout: Duration) -> KafkaFacts {
        self.give(addresses);
        let deadline = Instant::now() + timeout;
        let views = addresses.iter().map(|(&node, address)| self.view(node, address, deadline, true));
        let facts = merge(join_all(views).await.into_iter().filter_map(Result::ok).collect());
        // What any node could answer is asked of the one that decides.
        if let Some(address) = facts.controller.and_then(|node| addresses.get(&node)) {
            self.prefer(address);
        }
        facts
    }

    /// As [`Admin::observe`], but who is in charge is asked of one node, the one that has said it before: each that is
    /// asked for the first time needs a connection of its own to the controller, which takes one that has just started
    /// 0.1 s. Not for a torn cluster, where nodes may name different controllers. Takes `timeout` twice at most.
    pub async fn observe_by_one(&self, addresses: &BTreeMap<NodeId, String>, timeout: Duration) -> KafkaFacts {
        self.give(addresses);
        let deadline = Instant::now() + timeout;
        let before = self.preferred();
        let views = addresses
            .iter()
            .map(|(&node, address)| self.view(node, address, deadline, before.as_ref() == Some(address)));
        let mut views: Vec<View> = join_all(views).await.into_iter().filter_map(Result::ok).collect();
        if views.iter().all(|view| view.leader.is_none()) {
            // One that hangs has used up the time of the others.
            let deadline = Instant::now() + timeout;
            for view in views.iter_mut().filter(|view| addresses.get(&view.node) != before.as_ref()) {
                let answer = self.node(i32::from(view.node.0), &quorum_request(), deadline).await;
                view.leader = answer.ok().as_ref().and_then(leader_of);
                if view.leader.is_some() {
                    self.prefer(&addresses[&view.node]);
                    break;
                }
            }
        }
        merge(views)
    }

    /// `facts`, which are of a moment ago, with the topics of now: asked of the node in charge, which is never behind. None
    /// where it does not answer.
    pub async fn observe_topics(&self, mut facts: KafkaFacts, timeout: Duration) -> Option<KafkaFacts> {
        let node = facts.controller?;
        let answer = self.node(i32::from(node.0), &metadata_request(None), Instant::now() + timeout).await.ok()?;
        facts.topics = answer.topics.iter().filter_map(topic_facts).collect();
        Some(facts)
    }

    /// `quorum`: whether it is asked who is in charge.
    async fn view(&self, node: NodeId, address: &str, deadline: Instant, quorum: bool) -> Result<View, KafkaError> {
        // An idle connection may have died meanwhile (its node restarted).
        if let Some(idle) = self.pool.take(address)
            && let Ok(view) = self.view_over(idle, true, node, deadline, quorum).await
        {
            return Ok(view);
        }
        let connection = self.pool.open(address, deadline).await?;
        self.view_over(connection, false, node, deadline, quorum).await
    }

    /// Asks for all at once: each round of a node that is starting takes milliseconds.
    async fn view_over(
        &self,
        mut connection: Connection,
        reused: bool,
        node: NodeId,
        deadline: Instant,
        quorum: bool,
    ) -> Result<View, KafkaError> {
        connection.set_timeout(deadline.saturating_duration_since(Instant::now()));
        let features = if reused { Some(connection.ask_features().await?) } else { None };
        let metadata = connection.ask(&metadata_request(None)).await?;
        let quorum = if quorum { Some(connection.ask(&quorum_request()).await) } else { None };
        if let Some(asked) = features {
            connection.learn_features(asked).await?;
        }
        let metadata = connection.answer(metadata).await?;
        let metadata_level = connection.features().get(METADATA_VERSION).copied();
        let supported = connection.supported().get(METADATA_VERSION).copied();
        connection.set_timeout(deadline.saturating_duration_since(Instant::now()));
        let answer = match quorum {
            Some(Ok(asked)) => connection.answer(asked).await.map(Some),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        };
        // Without the answer the node answers all the same; only its controller is out of reach.
        let leader = answer.ok().and_then(|answer| {
            self.pool.keep(connection);
            leader_of(&answer?)
        });
        Ok(View { node, metadata, metadata_level, supported, leader })
    }
}

/// The quorum's epoch and leader.
fn leader_of(answer: &DescribeQuorumResponse) -> Option<(i32, NodeId)> {
    let quorum = read_quorum(answer).ok()?;
    Some((quorum.epoch, quorum.leader?))
}

/// Puts the views together. Where they differ, the controller's own counts: it is never behind.
fn merge(mut views: Vec<View>) -> KafkaFacts {
    let controller = views.iter().filter_map(|view| view.leader).max().map(|(_, leader)| leader);
    let answering = views
        .iter()
        .map(|view| {
            let listed = view.metadata.brokers.iter().filter_map(|b| node_id(b.node_id.0));
            (view.node, listed.collect())
        })
        .collect();
    let supported = views.iter().filter_map(|view| Some((view.node, view.supported?))).collect();
    let best = views.iter().position(|view| Some(view.node) == controller).unwrap_or(0);
    if views.is_empty() {
        return KafkaFacts::default();
    }
    let View { metadata, metadata_level, .. } = views.swap_remove(best);
    let topics: BTreeMap<_, _> = metadata.topics.iter().filter_map(topic_facts).collect();
    let mut unheard = BTreeSet::new();
    for other in &views {
        let heard: BTreeSet<_> =
            other.metadata.topics.iter().filter_map(|topic| Some(topic.name.as_ref()?.as_str())).collect();
        unheard.extend(topics.keys().filter(|name| !heard.contains(name.as_str())).cloned());
    }
    KafkaFacts {
        answering,
        cluster_id: metadata.cluster_id.map(|id| id.to_string()).filter(|id| !id.is_empty()),
        controller,
        metadata_level,
        supported,
        config: BTreeMap::new(),
        topics,
        unheard,
        ..KafkaFacts::default()
    }
}

fn topic_facts(topic: &MetadataResponseTopic) -> Option<(TopicName, TopicFacts)> {
    let name = topic_name(topic.name.as_ref()?)?;
    let mut found: Vec<_> = topic.partitions.iter().collect();
    found.sort_by_key(|partition| partition.partition_index);
    let partitions = found
        .into_iter()
        .map(|partition| PartitionFacts {
            leader: node_id(partition.leader_id.0),
            replicas: partition.replica_nodes.iter().filter_map(|id| node_id(id.0)).collect(),
            isr: partition.isr_nodes.iter().filter_map(|id| node_id(id.0)).collect(),
        })
        .collect();
    Some((name, TopicFacts { partitions, ..TopicFacts::default() }))
}
