//! What brokers make only when a client first asks for it, and turn that client away meanwhile: made beforehand.
//!
//! librdkafka asks again after half a second or a second, and may meet the next broker that has to make it first.

use std::time::Duration;

use futures_util::future::{join, join_all};
use kafka_protocol::messages::{FindCoordinatorRequest, InitProducerIdRequest, ProducerId};
use tokio::time::Instant;

use super::{Admin, groups::GROUP};
use crate::{kafka::wire::to_text, model::NodeId};

/// What brokers that run answer within, even while they start what they need.
const PATIENCE: Duration = Duration::from_secs(1);
/// To ask for a group's coordinator makes no group.
const ANY_GROUP: &str = "kdev";
/// "None yet", of a producer's id and of its epoch.
const NONE: i16 = -1;

impl Admin {
    /// Has the cluster make its topic for groups' offsets, and each of `nodes` fetch its block of producer ids from the
    /// controller: the first group and the first idempotent producer need them. Whatever is there stays as it is. What
    /// cannot be asked is left to those clients, who ask themselves.
    pub async fn make_beforehand(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let deadline = Instant::now() + PATIENCE;
        // Who asks is told at once to come again (COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS) while it is
        // made; kdev has no use for it, and does not.
        let group =
            FindCoordinatorRequest::default().with_key_type(GROUP).with_coordinator_keys(vec![to_text(ANY_GROUP)]);
        let producer = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(ProducerId(NONE.into()))
            .with_producer_epoch(NONE);
        let ids = nodes.into_iter().map(|node| self.node(node.0.into(), &producer, deadline));
        let _ = join(self.any(&group, deadline), join_all(ids)).await;
    }
}
