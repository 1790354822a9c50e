//! Whether a node may be stopped now: the model of every rolling change.
//!
//! A stop is safe when all other nodes are in service, so that the quorum keeps its majority, and each partition that the
//! node holds has all replicas in sync: without it one is missing then, which `min.insync.replicas` allows wherever it is
//! smaller than their number. Where it is not, or the topic has one replica only, every restart interrupts writes, and
//! refusing it for ever would help nobody.

use std::fmt;

use super::assignment::Move;
use crate::{
    model::{NodeId, TopicName},
    observed::{KafkaFacts, Observed},
    plan::Plan,
};

/// Why a node may not be stopped now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another node is down or not in service.
    Other(NodeId),
    /// Some partitions are not in sync.
    OutOfSync {
        /// The first such topic.
        topic: TopicName,
        /// How many of its partitions.
        partitions: usize,
    },
    /// No active controller: nobody could move leadership away.
    Leaderless,
    /// The partition has no leader: there is nothing to copy it from.
    NoLeader,
    /// The partition would have too few replicas in sync.
    Behind {
        /// How many it would have.
        in_sync: usize,
        /// How many it needs.
        needed: usize,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Other(node) => write!(f, "{} is not in service", node.service()),
            Reason::OutOfSync { topic, partitions } => write!(f, "{partitions} partitions of {topic} are not in sync"),
            Reason::Leaderless => write!(f, "there is no active controller"),
            Reason::NoLeader => write!(f, "it has no leader"),
            Reason::Behind { in_sync, needed } => {
                write!(f, "{in_sync} of its replicas would be in sync, and it needs {needed}")
            }
        }
    }
}

/// Whether `node` may be stopped.
///
/// # Errors
/// The first reason against it.
pub fn may_stop(node: NodeId, plan: &Plan, observed: &Observed) -> Result<(), Reason> {
    let kafka = &observed.kafka;
    if !kafka.answering.contains_key(&node) {
        // It serves nobody: its end takes nothing from anyone. (Its replicas count as out of sync already.)
        return Ok(());
    }
    for (other, _) in plan.staying().filter(|(other, _)| *other != node) {
        if !kafka.answering.contains_key(&other) {
            return Err(Reason::Other(other));
        }
    }
    if kafka.controller.is_none() {
        return Err(Reason::Leaderless);
    }
    for (topic, facts) in &kafka.topics {
        let held = facts.partitions.iter().filter(|partition| partition.replicas.contains(&node));
        let out_of_sync = held.filter(|partition| !partition.in_sync()).count();
        if out_of_sync > 0 {
            return Err(Reason::OutOfSync { topic: topic.clone(), partitions: out_of_sync });
        }
    }
    Ok(())
}

/// Whether a partition's replicas may be changed now.
///
/// Kafka lets go of the old replicas once all new ones are in sync. In sync are then these, and what was in sync
/// before and stays: so many must be enough.
///
/// # Errors
/// The reason against it.
pub fn may_move(one: &Move, plan: &Plan, kafka: &KafkaFacts) -> Result<(), Reason> {
    let topic = kafka.topics.get(&one.topic);
    let partition = topic.and_then(|topic| topic.partitions.get(one.partition));
    let (Some(topic), Some(partition)) = (topic, partition.filter(|partition| partition.leader.is_some())) else {
        return Err(Reason::NoLeader);
    };
    let minimum = topic.in_force("min.insync.replicas").and_then(|value| value.parse().ok());
    let needed = minimum.unwrap_or(plan.min_insync).min(one.to.len()).max(1);
    let new = |node: &&NodeId| !partition.replicas.contains(node);
    let in_sync = one.to.iter().filter(|node| partition.isr.contains(node) || new(node)).count();
    if in_sync < needed { Err(Reason::Behind { in_sync, needed }) } else { Ok(()) }
}
