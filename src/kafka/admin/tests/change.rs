//! Groups changed from outside, and what a change of a topic takes away.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    ApiKey, DeleteGroupsRequest, DeleteGroupsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse,
    ListOffsetsRequest, ListOffsetsResponse, OffsetCommitRequest, OffsetCommitResponse,
    delete_groups_response::DeletableGroupResult,
    describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
};

use super::{
    groups::{COORDINATOR, classic, classic_cluster, listed},
    *,
};
use crate::{kafka::admin::Goes, reconcile::change::Loss};

fn known(ask: &Ask) -> Answer {
    match ask.key {
        ApiKey::DescribeCluster => cluster(ask),
        ApiKey::ListGroups => listed(ask, &[("g", "consumer")]),
        _ => Answer::Close,
    }
}

#[tokio::test]
async fn offsets_are_committed_with_the_coordinator_by_nobody_of_the_group() {
    let fake = Fake::start(3, |ask| {
        if ask.key != ApiKey::OffsetCommit {
            return known(ask);
        }
        let request = ask.read::<OffsetCommitRequest>();
        assert_eq!((request.generation_id_or_member_epoch, request.member_id.as_str()), (-1, ""));
        let posts = &request.topics[0];
        assert_eq!((posts.name.as_str(), posts.partitions.len()), ("posts", 2));
        assert_eq!((posts.partitions[1].partition_index, posts.partitions[1].committed_offset), (4, 7));
        // The coordinator has moved; then it commits; then somebody has joined.
        let code = [16, 0, 25][ask.before.min(2)];
        let partitions = posts.partitions.iter().map(|partition| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code)
        });
        let topic = OffsetCommitResponseTopic::default().with_name(wire("posts")).with_partitions(partitions.collect());
        ask.reply::<OffsetCommitRequest>(OffsetCommitResponse::default().with_topics(vec![topic]))
    })
    .await;
    let admin = admin(&fake);
    let offsets = BTreeMap::from([((topic("posts"), 0), 5), ((topic("posts"), 4), 7)]);
    admin.commit_offsets("g", &offsets).await.unwrap();
    assert_eq!(fake.asked_of(ApiKey::OffsetCommit), [COORDINATOR, COORDINATOR]);
    let error = admin.commit_offsets("g", &offsets).await.unwrap_err();
    assert_eq!(error.message, "partition 0 of topic `posts`: the group has members (UNKNOWN_MEMBER_ID)");
}

#[tokio::test]
async fn a_group_with_members_is_not_deleted() {
    let fake = Fake::start(3, |ask| {
        if ask.key != ApiKey::DeleteGroups {
            return known(ask);
        }
        let code = if ask.before == 0 { 68 } else { 0 };
        let result = DeletableGroupResult::default().with_error_code(code);
        ask.reply::<DeleteGroupsRequest>(DeleteGroupsResponse::default().with_results(vec![result]))
    })
    .await;
    let admin = admin(&fake);
    let error = admin.delete_group("g").await.unwrap_err();
    assert_eq!(error.message, "group `g`: the group has members (NON_EMPTY_GROUP)");
    admin.delete_group("g").await.unwrap();
    assert_eq!(fake.asked_of(ApiKey::DeleteGroups), [COORDINATOR, COORDINATOR]);
}

/// Three partitions of `posts` from offset 2 to 10; the record of any time asked for is at 6. Each partition has 800
/// bytes on node 1, and fewer on the others, which lag.
fn filled(ask: &Ask) -> Answer {
    match ask.key {
        ApiKey::ListOffsets => {
            let topics = ask.read::<ListOffsetsRequest>().topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|asked| {
                    let offset = match asked.timestamp {
                        -2 => 2,
                        -1 => 10,
                        _ => 6,
                    };
                    ListOffsetsPartitionResponse::default()
                        .with_partition_index(asked.partition_index)
                        .with_offset(offset)
                });
                ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
            });
            ask.reply::<ListOffsetsRequest>(ListOffsetsResponse::default().with_topics(topics.collect()))
        }
        ApiKey::DescribeLogDirs => {
            let size = if ask.node == 1 { 800 } else { 500 };
            let partition = |id| DescribeLogDirsPartition::default().with_partition_index(id).with_partition_size(size);
            let posts = DescribeLogDirsTopic::default()
                .with_name(wire("posts"))
                .with_partitions((0..3).map(partition).collect());
            let directory = DescribeLogDirsResult::default().with_topics(vec![posts]);
            ask.reply::<DescribeLogDirsRequest>(DescribeLogDirsResponse::default().with_results(vec![directory]))
        }
        _ => classic_cluster(ask),
    }
}

#[tokio::test]
async fn what_goes_is_measured_in_records_and_bytes() {
    let fake = Fake::start(3, filled).await;
    let admin = admin(&fake);
    let posts = topic("posts");
    let loss = |records, bytes| Loss { records, bytes };
    assert_eq!(admin.loss(&posts, Goes::All).await.unwrap(), loss(24, 2400));
    let old = Goes::OlderThan(Duration::from_secs(1));
    assert_eq!(admin.loss(&posts, old).await.unwrap(), loss(12, 1200));
    assert_eq!(admin.loss(&posts, Goes::Beyond(700)).await.unwrap(), loss(3, 300));
    assert_eq!(admin.loss(&posts, Goes::Beyond(800)).await.unwrap(), loss(0, 0));
    assert_eq!(
        code(&admin.loss(&topic("no"), Goes::All).await.unwrap_err()),
        Some(ResponseError::UnknownTopicOrPartition)
    );
}

#[tokio::test]
async fn readers_are_those_that_committed_or_are_assigned() {
    let fake = Fake::start(3, classic_cluster).await;
    let readers = admin(&fake).readers().await.unwrap();
    let readers: Vec<(&str, Vec<&str>)> =
        readers.iter().map(|(topic, groups)| (topic.as_str(), groups.iter().map(String::as_str).collect())).collect();
    assert_eq!(readers, [("gone", vec!["g"]), ("posts", vec!["g"])]);
}

#[tokio::test]
async fn a_group_that_goes_after_it_was_listed_reads_nothing() {
    let fake = Fake::start(3, |ask| match ask.key {
        ApiKey::DescribeGroups => classic(ask, ResponseError::GroupIdNotFound.code(), Bytes::new()),
        _ => classic_cluster(ask),
    })
    .await;
    assert!(admin(&fake).readers().await.unwrap().is_empty());
}
