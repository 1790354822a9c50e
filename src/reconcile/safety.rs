//! Whether a node may be stopped now: the model of every rolling change.
//!
//! A stop is safe when each partition that the node holds in sync stays at or above its `min.insync.replicas`
//! without it, and the quorum keeps its majority. Where the topic has one replica only, no order of things can
//! keep it served: then a stop is allowed once all else is well.

use std::fmt;

use crate::{
    model::{NodeId, TopicName},
    observed::{Observed, PartitionFacts},
    plan::Plan,
};

/// Why a node may not be stopped now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another node is down or not in service.
    Other(NodeId),
    /// Partitions would fall below their minimum of replicas in sync.
    Minimum {
        /// The first such topic.
        topic: TopicName,
        /// How many of its partitions.
        partitions: usize,
    },
    /// Some partitions are not in sync.
    OutOfSync {
        /// The first such topic.
        topic: TopicName,
        /// How many of its partitions.
        partitions: usize,
    },
    /// No active controller: nobody could move leadership away.
    Leaderless,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Other(node) => write!(f, "{} is not in service", node.service()),
            Reason::Minimum { topic, partitions } => {
                write!(f, "{partitions} partitions of {topic} would fall below min.insync.replicas")
            }
            Reason::OutOfSync { topic, partitions } => write!(f, "{partitions} partitions of {topic} are not in sync"),
            Reason::Leaderless => write!(f, "there is no active controller"),
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
    for &other in plan.nodes.keys().filter(|&&other| other != node) {
        if !kafka.answering.contains_key(&other) {
            return Err(Reason::Other(other));
        }
    }
    if kafka.controller.is_none() {
        return Err(Reason::Leaderless);
    }
    for (topic, facts) in &kafka.topics {
        let held = || facts.partitions.iter().filter(|partition| partition.replicas.contains(&node));
        let out_of_sync = held().filter(|partition| !partition.in_sync()).count();
        if out_of_sync > 0 {
            return Err(Reason::OutOfSync { topic: topic.clone(), partitions: out_of_sync });
        }
        let minimum = facts.config.get("min.insync.replicas").and_then(|value| value.parse().ok()).unwrap_or(1);
        let below = held().filter(|partition| falls_below(partition, node, minimum)).count();
        if below > 0 {
            return Err(Reason::Minimum { topic: topic.clone(), partitions: below });
        }
    }
    Ok(())
}

/// Whether writes that are served now would be refused without `node`. Where the minimum equals the number of
/// replicas every restart interrupts writes; refusing it for ever would help nobody.
fn falls_below(partition: &PartitionFacts, node: NodeId, minimum: usize) -> bool {
    let without = partition.isr.iter().filter(|&&replica| replica != node).count();
    without < minimum && partition.replicas.len() > minimum
}
