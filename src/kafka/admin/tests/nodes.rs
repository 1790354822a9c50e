//! Replicas moved, disks, brokers.

use std::collections::BTreeSet;

use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ApiKey, DescribeConfigsRequest,
    DescribeConfigsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
    UnregisterBrokerRequest, UnregisterBrokerResponse,
    alter_partition_reassignments_response::{ReassignablePartitionResponse, ReassignableTopicResponse},
    describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult},
    describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
    list_partition_reassignments_response::{OngoingPartitionReassignment, OngoingTopicReassignment},
};

use super::*;
use crate::{observed::Reassignment, reconcile::assignment::Move};

/// A node with `posts` of one partition, on as many nodes as it is given for its first answers, later on those of the
/// last; 1 alone is in sync, and no move is on the list.
pub(crate) async fn replicas_on<const N: usize>(nodes: [i32; N]) -> Fake {
    Fake::start(1, move |ask| match ask.key {
        ApiKey::Metadata => {
            let last = nodes[ask.before.min(N - 1)];
            let partition = MetadataResponsePartition::default()
                .with_replica_nodes((1..=last).map(BrokerId).collect())
                .with_isr_nodes(vec![BrokerId(1)]);
            let posts =
                MetadataResponseTopic::default().with_name(Some(wire("posts"))).with_partitions(vec![partition]);
            ask.reply::<MetadataRequest>(MetadataResponse::default().with_topics(vec![posts]))
        }
        ApiKey::DescribeQuorum => ask.reply::<DescribeQuorumRequest>(DescribeQuorumResponse::default()),
        ApiKey::DescribeLogDirs => ask.reply::<DescribeLogDirsRequest>(DescribeLogDirsResponse::default()),
        _ => ask.reply::<ListPartitionReassignmentsRequest>(ListPartitionReassignmentsResponse::default()),
    })
    .await
}

/// How often the list of moves was asked for.
pub(crate) fn asked_for_moves(fake: &Fake) -> usize {
    fake.asked_of(ApiKey::ListPartitionReassignments).len()
}

#[tokio::test]
async fn replicas_are_moved_and_what_is_gone_is_left_out() {
    let fake = Fake::start(1, |ask| {
        let request = ask.read::<AlterPartitionReassignmentsRequest>();
        let wanted = &request.topics[0].partitions[0];
        assert_eq!((wanted.partition_index, wanted.replicas.clone()), (2, Some(vec![BrokerId(4), BrokerId(1)])));
        let code = [3, 39][ask.before];
        let partition = ReassignablePartitionResponse::default().with_partition_index(2).with_error_code(code);
        let posts = ReassignableTopicResponse::default().with_name(wire("posts")).with_partitions(vec![partition]);
        ask.reply::<AlterPartitionReassignmentsRequest>(
            AlterPartitionReassignmentsResponse::default().with_responses(vec![posts]),
        )
    })
    .await;
    let admin = admin(&fake);
    let to = vec![NodeId(4), NodeId(1)];
    let wanted = [Move { topic: topic("posts"), partition: 2, from: vec![NodeId(1), NodeId(2)], to }];
    admin.reassign(&wanted).await.unwrap();
    let error = admin.reassign(&wanted).await.unwrap_err();
    assert!(error.message.starts_with("partition 2 of topic `posts`: "), "{error}");
    assert_eq!(error.context, ["moving replicas"]);
}

#[tokio::test]
async fn moves_under_way_are_listed() {
    let fake = Fake::start(1, |ask| {
        let partition = OngoingPartitionReassignment::default()
            .with_partition_index(1)
            .with_replicas(vec![BrokerId(4), BrokerId(1), BrokerId(2)])
            .with_adding_replicas(vec![BrokerId(4)])
            .with_removing_replicas(vec![BrokerId(2)]);
        let posts = OngoingTopicReassignment::default().with_name(wire("posts")).with_partitions(vec![partition]);
        ask.reply::<ListPartitionReassignmentsRequest>(
            ListPartitionReassignmentsResponse::default().with_topics(vec![posts]),
        )
    })
    .await;
    let found = admin(&fake).reassignments().await.unwrap();
    let moved = Reassignment { adding: vec![NodeId(4)], removing: vec![NodeId(2)] };
    assert_eq!(found, BTreeMap::from([(topic("posts"), BTreeMap::from([(1, moved)]))]));
}

#[tokio::test]
async fn each_node_is_asked_for_its_own_disk_and_a_silent_one_is_absent() {
    let fake = Fake::start(3, |ask| {
        if ask.node == 2 {
            return Answer::Close;
        }
        let partition = |id, size| {
            DescribeLogDirsPartition::default().with_partition_index(id).with_partition_size(size).with_offset_lag(0)
        };
        let posts = DescribeLogDirsTopic::default()
            .with_name(wire("posts"))
            .with_partitions(vec![partition(0, 100), partition(5, i64::from(ask.node))]);
        let directory = DescribeLogDirsResult::default().with_topics(vec![posts]).with_usable_bytes(1000);
        ask.reply::<DescribeLogDirsRequest>(DescribeLogDirsResponse::default().with_results(vec![directory]))
    })
    .await;
    let admin = admin(&fake).patience(Duration::from_millis(500));
    let disks = admin.disks(NodeId::first(3)).await;
    assert_eq!(disks.keys().copied().collect::<Vec<_>>(), [NodeId(1), NodeId(3)]);
    let third = &disks[&NodeId(3)];
    assert_eq!(third.usable_bytes, Some(1000));
    assert_eq!(third.replicas, BTreeMap::from([(topic("posts"), BTreeMap::from([(0, 100), (5, 3)]))]));
}

#[tokio::test]
async fn a_disk_that_failed_is_an_error() {
    let fake = Fake::start(1, |ask| {
        let directory = DescribeLogDirsResult::default().with_error_code(57);
        ask.reply::<DescribeLogDirsRequest>(DescribeLogDirsResponse::default().with_results(vec![directory]))
    })
    .await;
    let error = admin(&fake).disk(NodeId(1)).await.unwrap_err();
    assert_eq!(error.context, ["measuring the data of kafka-1"]);
    assert!(error.message.contains("LOG_DIR_NOT_FOUND"), "{error}");
}

#[tokio::test]
async fn a_broker_that_is_not_registered_counts_as_taken_off() {
    let fake = Fake::start(1, |ask| {
        assert_eq!(ask.read::<UnregisterBrokerRequest>().broker_id, BrokerId(4));
        let code = [102, 0, 31][ask.before];
        ask.reply::<UnregisterBrokerRequest>(UnregisterBrokerResponse::default().with_error_code(code))
    })
    .await;
    let admin = admin(&fake);
    admin.unregister(NodeId(4)).await.unwrap();
    admin.unregister(NodeId(4)).await.unwrap();
    let error = admin.unregister(NodeId(4)).await.unwrap_err();
    assert_eq!(error.context, ["taking kafka-4 off the list of brokers"]);
}

#[tokio::test]
async fn stopped_brokers_are_registered_too() {
    let fake = Fake::start(3, |ask| {
        assert!(ask.read::<DescribeClusterRequest>().include_fenced_brokers);
        cluster(ask)
    })
    .await;
    assert_eq!(admin(&fake).registered().await.unwrap(), NodeId::first(3).collect());
}

#[tokio::test]
async fn a_brokers_own_settings_are_read_and_changed_on_that_broker() {
    let fake = Fake::start(2, |ask| {
        // Kafka refuses them on any other.
        assert_eq!(ask.node, 2);
        if ask.key == ApiKey::IncrementalAlterConfigs {
            let resource = &ask.read::<IncrementalAlterConfigsRequest>().resources[0];
            assert_eq!((resource.resource_type, resource.resource_name.as_str()), (4, "2"));
            return ask.reply::<IncrementalAlterConfigsRequest>(IncrementalAlterConfigsResponse::default());
        }
        let resource = &ask.read::<DescribeConfigsRequest>().resources[0];
        assert_eq!((resource.resource_type, resource.resource_name.as_str()), (4, "2"));
        let setting = |name: &str, source| {
            DescribeConfigsResourceResult::default()
                .with_name(to_text(name))
                .with_value(Some(to_text("7")))
                .with_config_source(source)
        };
        let result = DescribeConfigsResult::default().with_configs(vec![setting("own", 2), setting("of all", 3)]);
        ask.reply::<DescribeConfigsRequest>(DescribeConfigsResponse::default().with_results(vec![result]))
    })
    .await;
    let admin = admin(&fake);
    let own = BTreeMap::from([("own".to_owned(), "7".to_owned())]);
    assert_eq!(admin.broker_config(NodeId(2), &["own", "of all"]).await.unwrap(), own);
    admin.alter_broker_config(NodeId(2), &own, &BTreeSet::from(["other".to_owned()])).await.unwrap();
}
