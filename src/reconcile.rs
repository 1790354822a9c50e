//! Plan × Observed → steps that may be taken now, and what has to be waited for. Pure. Layer 1.
//!
//! [`up::next`] and [`down::next`] look at the world afresh each time and remember nothing. A run that is killed
//! anywhere therefore needs no repair: the next look decides.

mod about;
mod apps;
pub mod assignment;
mod balance;
pub mod change;
pub mod down;
pub mod drift;
pub mod leave;
pub mod moves;
mod permission;
pub mod roll;
pub mod rollback;
pub mod safety;
pub mod setting;
mod settings;
mod step;
mod target;
mod topics;
pub mod up;
pub mod upgrade;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

pub use about::About;
pub use permission::Permission;
pub use step::Step;
pub use target::Target;

use crate::{
    event::Phase,
    model::{AppName, NodeId, TopicName},
    observed::Stranger,
    plan::release,
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
    /// Some node that answers does not list a topic yet.
    Unheard(TopicName),
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
    /// Replicas are being copied.
    Moving {
        /// How many partitions are not yet where they are to be.
        partitions: usize,
        /// The nodes that are copying.
        to: BTreeSet<NodeId>,
        /// Bytes still to be copied.
        left: u64,
    },
    /// Replicas are being copied to a node that does not answer.
    Stuck {
        /// The node.
        node: NodeId,
        /// How many partitions wait for it.
        partitions: usize,
    },
    /// A partition cannot be moved yet.
    Held {
        /// Its topic.
        topic: TopicName,
        /// Its number.
        partition: usize,
        /// Why.
        reason: safety::Reason,
    },
    /// A node that leaves still deletes what it held.
    Emptying(NodeId),
    /// A node that leaves has stopped, and the others have not all heard of it.
    Listed(NodeId),
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
            | Waiting::Emptying(_)
            | Waiting::Listed(_)
            | Waiting::Ending(_) => Phase::Nodes,
            Waiting::Moving { .. } | Waiting::Stuck { .. } | Waiting::Held { .. } => Phase::Replicas,
            Waiting::Unheard(_) | Waiting::OutOfSync { .. } => Phase::Topics,
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
            Waiting::Unheard(topic) => write!(f, "not every node lists {topic} yet"),
            Waiting::OutOfSync { topic, partitions: 1 } => write!(f, "one partition of {topic} is not in sync yet"),
            Waiting::OutOfSync { topic, partitions } => {
                write!(f, "{partitions} partitions of {topic} are not in sync yet")
            }
            Waiting::Unsafe { node, reason } => write!(f, "{} must be replaced, but {reason}", node.service()),
            Waiting::Ending(service) => write!(f, "{service} is ending"),
            Waiting::Moving { partitions, to, left: _ } => {
                let partitions =
                    if *partitions == 1 { "one partition".to_owned() } else { format!("{partitions} partitions") };
                write!(f, "moving {partitions}, now to {}", services(to))
            }
            Waiting::Stuck { node, partitions } => {
                let wait = if *partitions == 1 {
                    "one partition waits".to_owned()
                } else {
                    format!("{partitions} partitions wait")
                };
                write!(f, "{wait} for {}, which is to copy them and does not answer", node.service())
            }
            Waiting::Held { topic, partition, reason } => {
                write!(f, "partition {partition} of {topic} cannot be moved yet: {reason}")
            }
            Waiting::Emptying(node) => write!(f, "{} still deletes what it held", node.service()),
            Waiting::Listed(node) => write!(f, "{} has stopped, and is still on the list of brokers", node.service()),
            Waiting::Settling(app) => write!(f, "{app} has just started"),
        }
    }
}

/// Nodes by name: `kafka-4, kafka-5`.
fn services<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    nodes.into_iter().map(|id| id.service()).collect::<Vec<_>>().join(", ")
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
    /// Topics have more replicas than there are to be nodes.
    TooFewNodes {
        /// The topics, with the replicas of each partition.
        topics: BTreeMap<TopicName, usize>,
        /// How many nodes there are to be.
        nodes: usize,
    },
    /// All replicas of a partition are on nodes whose data are gone.
    Lost {
        /// Its topic.
        topic: TopicName,
        /// Its number.
        partition: usize,
        /// Where they were.
        nodes: Vec<NodeId>,
    },
    /// What is to be copied does not fit.
    NoRoom {
        /// Bytes to be copied.
        needed: u64,
        /// Bytes that can still be written.
        free: u64,
    },
    /// The nodes may not go from their Kafka release to the file's.
    Release(release::Refusal),
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
