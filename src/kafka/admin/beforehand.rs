//! What brokers make only when a client first asks for it, and turn that client away meanwhile: made beforehand.
//!
//! librdkafka asks again after half a second or a second, and may meet the next broker that has to make it first.

use std::time::Duration;

use futures_util::future::join_all;
use kafka_protocol::messages::{FindCoordinatorRequest, InitProducerIdRequest, ProducerId};
use tokio::time::Instant;

use super::{Admin, groups::GROUP};
use crate::{kafka::wire::to_text, model::NodeId};

/// What brokers that run answer within, even while they start what they need.
const PATIENCE: Duration = Duration::from_secs(1);
const ANY_GROUP: &str = "kdev";
/// "None yet", of a producer's id and of its epoch.
const NONE: i16 = -1;

impl Admin {
    /// Has the cluster make its topic for groups' offsets, which the first group needs, unless it is there. What cannot
    /// be asked is left to that group, which asks itself.
    pub async fn make_offsets_topic(&self) {
        // To ask for a group's coordinator makes no group.
        let request =
            FindCoordinatorRequest::default().with_key_type(GROUP).with_coordinator_keys(vec![to_text(ANY_GROUP)]);
        // Who asks is told at once to come again (COORDINATOR_NOT_AVAILABLE) while it is made; kdev need not.
        let _ = self.any(&request, Instant::now() + PATIENCE).await;
    }

    /// Has each of `nodes` fetch its block of producer ids from the controller, which its first idempotent producer
    /// needs, unless it has one. What cannot be asked is left to that producer, which asks itself.
    pub async fn make_producer_ids(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let deadline = Instant::now() + PATIENCE;
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(ProducerId(NONE.into()))
            .with_producer_epoch(NONE);
        // As above, by COORDINATOR_LOAD_IN_PROGRESS.
        join_all(nodes.into_iter().map(|node| self.node(node.0.into(), &request, deadline))).await;
    }
}
