//! The admin client against fake brokers.

mod beforehand;
mod change;
mod features;
mod groups;
mod look;
pub(crate) mod nodes;
mod offsets;
mod topics;

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, BrokerId, DescribeClusterRequest, DescribeClusterResponse, DescribeQuorumRequest,
        DescribeQuorumResponse, MetadataRequest, MetadataResponse, TopicName as WireTopic,
        describe_cluster_response::DescribeClusterBroker,
        describe_quorum_response::{PartitionData, ReplicaState, TopicData},
        metadata_response::{MetadataResponsePartition, MetadataResponseTopic},
    },
};

use super::Admin;
use crate::{
    kafka::wire::{
        KafkaError,
        fake::{Answer, Ask, Fake},
        to_text,
    },
    model::{NodeId, TopicName},
};

const LONG: Duration = Duration::from_secs(20);

fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

fn wire(name: &str) -> WireTopic {
    WireTopic(to_text(name))
}

fn addresses(fake: &Fake) -> BTreeMap<NodeId, String> {
    NodeId::first(9).zip(fake.addresses.iter().cloned()).collect()
}

fn admin(fake: &Fake) -> Admin {
    Admin::for_nodes(&addresses(fake))
}

/// How often offsets of partitions were asked for.
pub(crate) fn asked_for_offsets(fake: &Fake) -> usize {
    fake.asked_of(ApiKey::ListOffsets).len()
}

fn code(error: &crate::error::Error) -> Option<ResponseError> {
    KafkaError::of(error)?.code()
}

/// Metadata of `posts`, whose partition `i` is led by `leaders[i]`; -1: by nobody.
fn metadata(ask: &Ask, leaders: &[i32]) -> Answer {
    let partitions = leaders.iter().zip(0..).map(|(&leader, id)| {
        MetadataResponsePartition::default()
            .with_partition_index(id)
            .with_leader_id(BrokerId(leader))
            .with_replica_nodes(vec![BrokerId(1), BrokerId(2), BrokerId(3)])
            .with_isr_nodes(vec![BrokerId(1), BrokerId(2)])
    });
    // Kafka promises no order.
    let mut partitions: Vec<_> = partitions.collect();
    partitions.reverse();
    let posts = MetadataResponseTopic::default().with_name(Some(wire("posts"))).with_partitions(partitions);
    let wanted = ask.read::<MetadataRequest>().topics;
    let topics = match wanted {
        None => vec![posts],
        Some(wanted) => wanted
            .into_iter()
            .map(|wanted| match wanted.name {
                Some(name) if name == wire("posts") => posts.clone(),
                name => MetadataResponseTopic::default().with_name(name).with_error_code(3),
            })
            .collect(),
    };
    let response = MetadataResponse::default()
        .with_brokers(ask.brokers())
        .with_cluster_id(Some(to_text("the-cluster")))
        // As Kafka: some broker, not the controller.
        .with_controller_id(BrokerId(1))
        .with_topics(topics);
    ask.reply::<MetadataRequest>(response)
}

fn cluster(ask: &Ask) -> Answer {
    let brokers = ask.advertised().map(|(id, host, port)| {
        DescribeClusterBroker::default().with_broker_id(BrokerId(id)).with_host(to_text(&host)).with_port(port)
    });
    let response =
        DescribeClusterResponse::default().with_error_message(Some(to_text(""))).with_brokers(brokers.collect());
    ask.reply::<DescribeClusterRequest>(response)
}

fn quorum(ask: &Ask, leader: i32, epoch: i32) -> Answer {
    let voter = |id: i32, end: i64, caught_up: i64| {
        ReplicaState::default()
            .with_replica_id(BrokerId(id))
            .with_log_end_offset(end)
            .with_last_caught_up_timestamp(caught_up)
    };
    let log = PartitionData::default()
        .with_error_message(Some(to_text("")))
        .with_leader_id(BrokerId(leader))
        .with_leader_epoch(epoch)
        .with_high_watermark(95)
        .with_current_voters(vec![voter(1, 90, 1000), voter(2, 100, 2000), voter(3, -1, -1)]);
    let topic = TopicData::default().with_topic_name(wire("__cluster_metadata")).with_partitions(vec![log]);
    let response = DescribeQuorumResponse::default().with_error_message(Some(to_text(""))).with_topics(vec![topic]);
    ask.reply::<DescribeQuorumRequest>(response)
}
