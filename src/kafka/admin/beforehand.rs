//! What brokers make only when a client first asks for it, and turn that client away meanwhile: made beforehand.
//!
//! librdkafka asks again after half a second, one or three, and may meet the next broker that has to make it first.

use std::time::Duration;

use futures_util::future::join_all;
use kafka_protocol::messages::FindCoordinatorRequest;
use tokio::time::Instant;

use super::{
    Admin,
    groups::{GROUP, OFFSETS_TOPIC},
};
use crate::{
    kafka::{producer_ids, wire::to_text},
    model::{NodeId, TopicName},
};

/// What brokers that run answer within, even while they start what they need.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a busy machine takes at most until all brokers of a new cluster have heard of the topic for offsets.
const LISTED: Duration = Duration::from_secs(3);
/// How soon it is asked again. Each question takes processor time from nodes that have just started.
const SOON: Duration = Duration::from_millis(40);
const ANY_GROUP: &str = "kdev";

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

    /// Waits until all of `nodes` list Kafka's topic for groups' offsets. From then on the leaders of its partitions
    /// need 0.1 to 0.2 s to read them, and a client whose group has no coordinator before takes 3 s to ask again
    /// (confluent-kafka 2.16.1, seen by its join at the broker). A cluster that takes longer than usual is left to its
    /// clients, and a node that does not answer is not waited for.
    pub async fn offsets_topic_is_listed(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let Ok(topic) = OFFSETS_TOPIC.parse::<TopicName>() else { return };
        let deadline = Instant::now() + LISTED;
        let heard = nodes.into_iter().map(async |node| {
            while self.partitions_listed_by(node.0.into(), &topic, deadline).await.is_ok_and(|listed| listed == 0)
                && Instant::now() + SOON < deadline
            {
                tokio::time::sleep(SOON).await;
            }
        });
        join_all(heard).await;
    }

    /// Has each of `nodes` fetch its block of producer ids from the controller, which its first idempotent producer
    /// needs, unless it has one. What cannot be asked is left to that producer, which asks itself.
    pub async fn make_producer_ids(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let deadline = Instant::now() + PATIENCE;
        let request = producer_ids::request();
        // As above, by COORDINATOR_LOAD_IN_PROGRESS.
        join_all(nodes.into_iter().map(|node| self.node(node.0.into(), &request, deadline))).await;
    }
}
