//! Offsets, asked of the right leaders.

use kafka_protocol::messages::{
    ApiKey, ListOffsetsRequest, ListOffsetsResponse,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};

use super::*;
use crate::kafka::admin::At;

/// Each partition's answer: an error code and an offset.
fn offsets(ask: &Ask, answer: impl Fn(i32, i64) -> (i16, i64)) -> Answer {
    let topics = ask.read::<ListOffsetsRequest>().topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let (code, offset) = answer(asked.partition_index, asked.timestamp);
            ListOffsetsPartitionResponse::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(code)
                .with_offset(offset)
        });
        ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    let response = ListOffsetsResponse::default().with_topics(topics.collect());
    ask.reply::<ListOffsetsRequest>(response)
}

#[tokio::test]
async fn each_leader_is_asked_once_for_all_its_partitions() {
    let fake = Fake::start(3, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[1, 2, 1]),
        _ => {
            let node = i64::from(ask.node);
            offsets(ask, move |partition, at| (0, node * 100 + i64::from(partition) - at))
        }
    })
    .await;
    let admin = Admin::new(fake.addresses[2..].to_vec());
    let latest = admin.offsets(&topic("posts"), &[], At::Latest).await.unwrap();
    assert_eq!(latest, BTreeMap::from([(0, 101), (1, 202), (2, 103)]));
    let mut asked = fake.asked_of(ApiKey::ListOffsets);
    asked.sort_unstable();
    assert_eq!(asked, [1, 2]);
    let one = admin.offsets(&topic("posts"), &[1], At::Earliest).await.unwrap();
    assert_eq!(one, BTreeMap::from([(1, 203)]));
}

#[tokio::test]
async fn a_moved_leader_is_found_again() {
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::Metadata if ask.before == 0 => metadata(ask, &[1]),
        ApiKey::Metadata if ask.before == 1 => metadata(ask, &[-1]),
        ApiKey::Metadata => metadata(ask, &[2]),
        _ if ask.node == 1 => offsets(ask, |_, _| (6, -1)),
        _ => offsets(ask, |_, _| (0, 42)),
    })
    .await;
    let found = admin(&fake).offsets(&topic("posts"), &[], At::Latest).await.unwrap();
    assert_eq!(found, BTreeMap::from([(0, 42)]));
    assert_eq!(fake.asked_of(ApiKey::ListOffsets), [1, 2]);
}

#[tokio::test]
async fn no_record_so_late_is_no_offset() {
    let fake = Fake::start(1, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[1, 1]),
        _ => offsets(ask, |partition, at| {
            assert_eq!(at, 1_763_856_000_000);
            (0, if partition == 0 { 7 } else { -1 })
        }),
    })
    .await;
    let at = At::Timestamp(1_763_856_000_000);
    let found = admin(&fake).offsets(&topic("posts"), &[], at).await.unwrap();
    assert_eq!(found, BTreeMap::from([(0, 7)]));
}

#[tokio::test]
async fn what_does_not_exist_is_said_at_once() {
    let fake = Fake::start(1, |ask| metadata(ask, &[1, 1])).await;
    let admin = admin(&fake);
    let error = admin.offsets(&topic("nope"), &[], At::Latest).await.unwrap_err();
    assert_eq!(code(&error), Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(fake.asked().len(), 1, "asked again for a topic that does not exist");
    let error = admin.offsets(&topic("posts"), &[5], At::Latest).await.unwrap_err();
    assert!(error.message.contains("has 2 partitions"), "{error}");
}

#[tokio::test]
async fn a_leader_that_does_not_lead_yet_is_waited_for() {
    // 3: the broker has not heard of the topic; 6: it does not lead.
    let fake = Fake::start(1, |ask| match (ask.key, ask.before) {
        (ApiKey::ListOffsets, 0) => offsets(ask, |_, _| (3, -1)),
        (ApiKey::ListOffsets, 1) => offsets(ask, |_, _| (6, -1)),
        (ApiKey::ListOffsets, _) => offsets(ask, |_, _| (0, 7)),
        (ApiKey::DescribeCluster, _) => cluster(ask),
        _ => metadata(ask, &[1]),
    })
    .await;
    admin(&fake).served(&topic("posts")).await.unwrap();
    assert_eq!(fake.asked_of(ApiKey::ListOffsets).len(), 3);
}

#[tokio::test]
async fn a_new_topic_is_served_once_those_that_do_not_lead_it_list_it_too() {
    let fake = Fake::start(2, |ask| match (ask.key, ask.before) {
        (ApiKey::ListOffsets, _) => offsets(ask, |_, _| (0, 7)),
        (ApiKey::DescribeCluster, _) => cluster(ask),
        (ApiKey::Metadata, 1 | 2) => ask.reply::<MetadataRequest>(MetadataResponse::default()),
        _ => metadata(ask, &[1]),
    })
    .await;
    admin(&fake).served(&topic("posts")).await.unwrap();
    // Any of them who leads, and then the one that does not until it lists the topic.
    assert_eq!(fake.asked_of(ApiKey::Metadata)[1..], [2, 2, 2]);
}

#[tokio::test]
async fn both_ends_are_asked_for_on_one_connection() {
    let fake = Fake::start(1, |ask| {
        offsets(ask, |partition, at| match (partition, at) {
            (0, -2) => (0, 30),
            (0, _) => (0, 100),
            // 6: it does not lead.
            _ => (6, -1),
        })
    })
    .await;
    let admin = admin(&fake);
    let partitions = [(topic("posts"), 0), (topic("posts"), 1)];
    for _ in 0..2 {
        let [first, next] = admin.ends_of_leader(1, &partitions, admin.deadline()).await.unwrap();
        assert_eq!(first, BTreeMap::from([(partitions[0].clone(), 30)]));
        assert_eq!(next, BTreeMap::from([(partitions[0].clone(), 100)]));
    }
    assert_eq!(fake.accepted(), 1);
}
