//! All that kdev asks of a running cluster and does to it, but the records themselves.
//!
//! One way for all of it: the protocol codec. Each room below adds methods to [`Admin`]; which
//! broker must be asked what is decided in `route` and in the room of the call.

mod beforehand;
mod brokers;
mod commit;
mod configs;
mod defaults;
mod disks;
mod elect;
mod features;
mod groups;
mod lag;
mod loss;
mod members;
mod observe;
mod offsets;
mod quorum;
mod readers;
mod reassign;
mod route;
mod summary;
mod topics;

#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

pub use configs::{Setting, SettingSource, put_settings};
pub use groups::{GroupKind, ListedGroup};
pub use lag::PartitionLag;
pub use loss::Goes;
pub use members::{GroupDescription, Member};
pub use offsets::At;
pub use quorum::{Quorum, QuorumReplica};
pub use summary::{ClusterSummary, Ends, GroupSummary};

pub(super) use route::{metadata_request, wire_topic};

use crate::{kafka::wire::Pool, model::NodeId};

/// How long an operation may take, retries included, unless told otherwise. Longer than a dead
/// broker's session (at most 9 s), after which its partitions and groups have moved.
const PATIENCE: Duration = Duration::from_secs(15);

/// A client for one cluster. Cheap to make: it connects when it is first asked something, and
/// keeps its connections for the next question.
#[derive(Debug)]
pub struct Admin {
    pool: Pool,
    patience: Duration,
    known: Mutex<Known>,
}

/// Where nodes can be reached.
#[derive(Debug, Default)]
struct Known {
    /// Given addresses whose node is not known.
    bootstrap: Vec<String>,
    /// Given addresses by node: they win over what the cluster advertises.
    given: BTreeMap<i32, String>,
    /// What the cluster advertises on the listener that was asked.
    advertised: BTreeMap<i32, String>,
    /// The address that answered last: asked again the next time.
    good: Option<String>,
}

impl Admin {
    /// A client that finds the cluster through any of `bootstrap` (`host:port` each), and its nodes
    /// at the addresses that they advertise there.
    pub fn new(bootstrap: Vec<String>) -> Self {
        Self::with(Known { bootstrap, ..Known::default() })
    }

    /// A client that reaches each node at its own address (`host:port`).
    pub fn for_nodes(addresses: &BTreeMap<NodeId, String>) -> Self {
        let admin = Self::with(Known::default());
        admin.give(addresses);
        admin
    }

    fn with(known: Known) -> Self {
        Admin { pool: Pool::default(), patience: PATIENCE, known: Mutex::new(known) }
    }

    /// Bounds every operation, retries included.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}
