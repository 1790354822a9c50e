//! Plan × Observed → steps that may be taken now, and what has to be waited for. Pure. Layer 1.
//!
//! [`up::next`] and [`down::next`] look at the world afresh each time and remember nothing. A run that is killed
//! anywhere therefore needs no repair: the next look decides.

pub mod assignment;
mod balance;
pub mod change;
pub mod down;
pub mod drift;
mod permission;
pub mod safety;
pub mod setting;
mod step;
pub mod up;

use std::fmt;

pub use permission::Permission;
pub use step::Step;

use crate::{
    event::Phase,
    model::{AppName, NodeId, TopicName},
    observed::Stranger,
};

/// Why nothing can be done just now, and the plan is not reached either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A node runs and does not answer the Kafka protocol on its host address.
    Silent(NodeId),
    /// A node answers and does not list these brokers yet.
    Lists {
        /// The node.
        node: NodeId,
        /// Who is missing.
        missing: Vec<NodeId>,
    },
    /// No active controller.
    Leaderless,
    /// Partitions of a topic are not in sync.
    OutOfSync {
        /// The topic.
        topic: TopicName,
        /// How many of its partitions.
        partitions: usize,
    },
    /// A node must be replaced, and stopping it now would hurt.
    Unsafe {
        /// The node.
        node: NodeId,
        /// Why.
        reason: safety::Reason,
    },
    /// A node is about to end by itself.
    Ending(String),
    /// An app was started just now.
    Settling(AppName),
}

impl Waiting {
    /// The line of progress that it belongs to.
    pub fn phase(&self) -> Phase {
        match self {
            Waiting::Silent(_)
            | Waiting::Lists { .. }
            | Waiting::Leaderless
            | Waiting::Unsafe { .. }
            | Waiting::Ending(_) => Phase::Nodes,
            Waiting::OutOfSync { .. } => Phase::Topics,
            Waiting::Settling(_) => Phase::Apps,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::Silent(node) => write!(f, "{} does not answer yet", node.service()),
            Waiting::Lists { node, missing } => {
                let missing: Vec<String> = missing.iter().map(|id| id.service()).collect();
                write!(f, "{} does not list {} yet", node.service(), missing.join(", "))
            }
            Waiting::Leaderless => write!(f, "no active controller yet"),
            Waiting::OutOfSync { topic, partitions: 1 } => write!(f, "one partition of {topic} is not in sync yet"),
            Waiting::OutOfSync { topic, partitions } => {
                write!(f, "{partitions} partitions of {topic} are not in sync yet")
            }
            Waiting::Unsafe { node, reason } => write!(f, "{} must be replaced, but {reason}", node.service()),
            Waiting::Ending(service) => write!(f, "{service} is ending"),
            Waiting::Settling(app) => write!(f, "{app} has just started"),
        }
    }
}

/// Why the plan cannot be reached from here at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Objects that bear our names without our labels.
    Strangers(Vec<Stranger>),
    /// The topic has more partitions than the file says, and Kafka never removes one.
    FewerPartitions {
        /// The topic.
        topic: TopicName,
        /// How many it has.
        has: u32,
        /// How many the file says.
        wanted: u32,
    },
    /// The topic has another number of replicas than the file says.
    Replication {
        /// The topic.
        topic: TopicName,
        /// What it has.
        has: u8,
        /// What the file says.
        wanted: u8,
    },
}

/// What a look at the world says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// What may be done now, all of it at once.
    pub steps: Vec<Step>,
    /// What has to come about by itself.
    pub waiting: Vec<Waiting>,
    /// What would be done too, but takes records away, and nobody has permitted it.
    pub held: Vec<Step>,
}

impl Next {
    /// Whether the goal is reached, but for what is held back.
    pub fn is_reached(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_empty()
    }
}
