//! `observe`, `quorum` and `summary`.

use std::collections::BTreeSet;

use kafka_protocol::messages::{
    ApiKey, DescribeQuorumRequest, DescribeQuorumResponse, ListGroupsRequest, ListGroupsResponse, ListOffsetsRequest,
    ListOffsetsResponse,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};

use super::*;
use crate::observed::KafkaFacts;

/// Node 1 has an old idea of the controller; node 3 does not answer.
fn two_of_three(ask: &Ask) -> Answer {
    match (ask.node, ask.key) {
        (3, _) => Answer::Close,
        (1, ApiKey::Metadata) => metadata(ask, &[3]),
        (_, ApiKey::Metadata) => metadata(ask, &[1, 2]),
        (1, ApiKey::DescribeQuorum) => quorum(ask, 1, 5),
        (_, ApiKey::DescribeQuorum) => quorum(ask, 2, 6),
        _ => Answer::Close,
    }
}

#[tokio::test]
async fn observe_believes_the_newest_controller() {
    let fake = Fake::start(3, two_of_three).await;
    let facts = admin(&fake).observe(&addresses(&fake), LONG).await;
    let all: Vec<NodeId> = NodeId::first(3).collect();
    assert_eq!(facts.answering.keys().copied().collect::<Vec<_>>(), all[..2]);
    assert_eq!(facts.answering[&NodeId(1)].iter().copied().collect::<Vec<_>>(), all);
    assert_eq!(facts.controller, Some(NodeId(2)));
    assert_eq!(facts.cluster_id.as_deref(), Some("the-cluster"));
    assert_eq!(facts.metadata_level, Some(30));
    let partitions = &facts.topics[&topic("posts")].partitions;
    let leaders: Vec<_> = partitions.iter().map(|partition| partition.leader).collect();
    assert_eq!(leaders, [Some(NodeId(1)), Some(NodeId(2))]);
    assert_eq!(partitions[0].replicas, all);
    assert_eq!(partitions[0].isr, all[..2]);
    assert!(!partitions[0].in_sync());
}

#[tokio::test]
async fn a_topic_that_one_node_does_not_list_is_told() {
    let fake = Fake::start(3, |ask| match (ask.node, ask.key, ask.before) {
        (2, ApiKey::Metadata, ..3) => ask.reply::<MetadataRequest>(MetadataResponse::default()),
        (_, ApiKey::Metadata, _) => metadata(ask, &[1, 2]),
        _ => quorum(ask, 1, 5),
    })
    .await;
    let admin = admin(&fake);
    let unheard = async || admin.observe(&addresses(&fake), LONG).await.unheard;
    assert_eq!(unheard().await, BTreeSet::from([topic("posts")]));
    assert_eq!(unheard().await, BTreeSet::new());
}

#[tokio::test]
async fn who_looks_again_keeps_its_connections_and_then_asks_the_controller() {
    let fake = Fake::start(3, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[1, 2]),
        _ => quorum(ask, 2, 6),
    })
    .await;
    let admin = admin(&fake);
    for _ in 0..3 {
        let facts = admin.observe(&addresses(&fake), LONG).await;
        assert_eq!((facts.answering.len(), facts.metadata_level), (3, Some(30)));
    }
    let before = fake.asked().len();
    admin.quorum().await.unwrap();
    assert_eq!(fake.asked()[before..].iter().map(|asked| asked.0).collect::<Vec<_>>(), [2]);
    assert_eq!(fake.accepted(), 3);
}

#[tokio::test]
async fn one_node_is_asked_who_is_in_charge_until_it_does_not_know() {
    // Node 1 never knows; node 2 knows the first two times.
    let fake = Fake::start(3, |ask| match (ask.key, ask.node) {
        (ApiKey::Metadata, _) => metadata(ask, &[1, 2]),
        (_, 2) if ask.before < 3 => quorum(ask, 3, 6),
        (_, 3) => quorum(ask, 3, 7),
        _ => ask.reply::<DescribeQuorumRequest>(DescribeQuorumResponse::default().with_error_code(41)),
    })
    .await;
    let admin = admin(&fake);
    for asked in [vec![1, 2], vec![2], vec![2, 1, 3], vec![3]] {
        let before = fake.asked_of(ApiKey::DescribeQuorum).len();
        let facts = admin.observe_by_one(&addresses(&fake), LONG).await;
        assert_eq!((facts.answering.len(), facts.controller), (3, Some(NodeId(3))));
        assert_eq!(fake.asked_of(ApiKey::DescribeQuorum)[before..], asked);
    }
    assert_eq!(fake.accepted(), 3);
}

#[tokio::test]
async fn the_node_in_charge_alone_tells_of_topics() {
    let fake = Fake::start(3, |ask| match ask.key {
        ApiKey::Metadata if ask.node == 2 && ask.before > 1 => Answer::Close,
        ApiKey::Metadata if ask.node == 2 => metadata(ask, &[1, 2]),
        ApiKey::Metadata => ask.reply::<MetadataRequest>(MetadataResponse::default()),
        _ => quorum(ask, 2, 6),
    })
    .await;
    let admin = admin(&fake);
    admin.give(&addresses(&fake));
    let answering = BTreeMap::from([(NodeId(1), BTreeSet::new())]);
    let before = KafkaFacts { controller: Some(NodeId(2)), answering, ..KafkaFacts::default() };
    let after = admin.observe_topics(before.clone(), LONG).await.unwrap();
    assert_eq!(after.topics[&topic("posts")].partitions.len(), 2);
    assert_eq!(KafkaFacts { topics: BTreeMap::new(), ..after }, before);
    assert_eq!(fake.asked_of(ApiKey::Metadata), [2]);
    assert_eq!(admin.observe_topics(KafkaFacts { controller: None, ..before.clone() }, LONG).await, None);
    assert_eq!(admin.observe_topics(before.clone(), LONG).await.map(|facts| facts.topics.len()), Some(1));
    assert_eq!(admin.observe_topics(before, LONG).await, None, "it has gone");
}

#[tokio::test]
async fn where_the_one_hangs_another_is_asked() {
    let fake = Fake::start(2, |ask| match (ask.key, ask.node) {
        (ApiKey::Metadata, 1) if ask.before >= 2 => Answer::Silence,
        (ApiKey::DescribeQuorum, 1) if ask.before >= 1 => Answer::Silence,
        (ApiKey::Metadata, _) => metadata(ask, &[1, 2]),
        _ => match quorum(ask, 2, 6) {
            Answer::Raw(bytes) => Answer::Late(Duration::from_millis(30), bytes),
            other => other,
        },
    })
    .await;
    let admin = admin(&fake);
    for answering in [2, 1, 1] {
        let facts = admin.observe_by_one(&addresses(&fake), Duration::from_millis(200)).await;
        assert_eq!((facts.answering.len(), facts.controller), (answering, Some(NodeId(2))));
    }
}

#[tokio::test]
async fn a_connection_that_died_between_two_looks_is_opened_anew() {
    let fake = Fake::start(1, |ask| match (ask.key, ask.before) {
        (ApiKey::Metadata, 1) => Answer::Close,
        (ApiKey::Metadata, _) => metadata(ask, &[1]),
        _ => quorum(ask, 1, 6),
    })
    .await;
    let admin = admin(&fake);
    for connections in [1, 2] {
        let facts = admin.observe(&addresses(&fake), LONG).await;
        assert_eq!((facts.answering.len(), fake.accepted()), (1, connections));
    }
}

#[tokio::test]
async fn observe_never_fails() {
    let fake = Fake::start(2, |_| Answer::Close).await;
    let nobody = admin(&fake).observe(&addresses(&fake), LONG).await;
    assert_eq!(nobody, KafkaFacts::default());
    let admin = Admin::new(vec![]);
    assert_eq!(admin.observe(&BTreeMap::new(), LONG).await, KafkaFacts::default());
}

#[tokio::test]
async fn a_node_without_a_controller_still_answers() {
    let fake = Fake::start(1, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[-1]),
        _ => Answer::Silence,
    })
    .await;
    let timeout = Duration::from_millis(200);
    let facts = admin(&fake).observe(&addresses(&fake), timeout).await;
    assert_eq!(facts.answering.len(), 1);
    assert_eq!(facts.controller, None);
    assert_eq!(facts.topics[&topic("posts")].partitions[0].leader, None);
}

#[tokio::test]
async fn quorum_tells_who_lags() {
    let fake = Fake::start(1, |ask| quorum(ask, 2, 6)).await;
    let quorum = admin(&fake).quorum().await.unwrap();
    assert_eq!(quorum.leader, Some(NodeId(2)));
    assert_eq!((quorum.epoch, quorum.high_watermark), (6, 95));
    let lags: Vec<u64> = quorum.voters.values().map(|voter| voter.lag).collect();
    assert_eq!(lags, [10, 0, 100]);
    let caught_up: Vec<_> = quorum.voters.values().map(|voter| voter.caught_up_ms).collect();
    assert_eq!(caught_up, [Some(1000), Some(2000), None]);
}

#[tokio::test]
async fn quorum_waits_for_the_next_controller() {
    // 41: not the controller; 5: no leader yet.
    let fake = Fake::start(1, |ask| match ask.before {
        0 => ask.reply::<DescribeQuorumRequest>(DescribeQuorumResponse::default().with_error_code(41)),
        1 => ask.reply::<DescribeQuorumRequest>(DescribeQuorumResponse::default().with_error_code(5)),
        _ => quorum(ask, 3, 7),
    })
    .await;
    assert_eq!(admin(&fake).quorum().await.unwrap().leader, Some(NodeId(3)));
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let fake = Fake::start(1, |_| Answer::Close).await;
    let dead = fake.addresses.clone();
    drop(fake);
    let error = Admin::new(dead.clone()).quorum().await.unwrap_err();
    assert!(error.message.starts_with(&format!("no Kafka node answers on {}: ", dead[0])), "{error}");
    assert_eq!(error.context, ["describing the controllers' quorum"]);
    let error = Admin::new(vec![]).quorum().await.unwrap_err();
    assert!(error.message.contains("none is given"), "{error}");
}

#[tokio::test]
async fn summary_counts_what_can_be_counted() {
    // Partition 0 is led by node 1, partition 1 by node 2, which does not answer for offsets.
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[1, 2]),
        ApiKey::DescribeQuorum => quorum(ask, 2, 6),
        ApiKey::ListGroups => ask.reply::<ListGroupsRequest>(ListGroupsResponse::default()),
        ApiKey::ListOffsets if ask.node == 1 => {
            let request = ask.read::<ListOffsetsRequest>();
            let asked = &request.topics[0].partitions;
            assert_eq!(asked.len(), 1, "only what node 1 leads");
            let offset = if asked[0].timestamp == -2 { 30 } else { 100 };
            let partition = ListOffsetsPartitionResponse::default().with_offset(offset);
            let posts = ListOffsetsTopicResponse::default().with_name(wire("posts")).with_partitions(vec![partition]);
            ask.reply::<ListOffsetsRequest>(ListOffsetsResponse::default().with_topics(vec![posts]))
        }
        _ => Answer::Close,
    })
    .await;
    let summary = admin(&fake).summary(&addresses(&fake), LONG).await;
    assert_eq!(summary.messages, BTreeMap::from([(topic("posts"), 70)]));
    assert_eq!(summary.leaders, BTreeMap::from([(NodeId(1), 1), (NodeId(2), 1)]));
    assert_eq!(summary.groups, []);
    assert_eq!(summary.facts.controller, Some(NodeId(2)));
}

#[tokio::test]
async fn known_ends_are_asked_only_where_one_is_missing() {
    let fake = Fake::start(1, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[1, 1]),
        ApiKey::DescribeQuorum => quorum(ask, 1, 6),
        _ => Answer::Close,
    })
    .await;
    let admin = admin(&fake);
    let facts = admin.observe(&addresses(&fake), LONG).await;
    let ends = |partitions: std::ops::Range<i32>| {
        [3, 10].map(|offset| partitions.clone().map(|id| ((topic("posts"), id), offset)).collect())
    };
    let none_is_new = BTreeSet::new();
    let summary = admin.summary_of(facts.clone(), &none_is_new, Some(ends(0..2)), LONG).await;
    assert_eq!(summary.messages, BTreeMap::from([(topic("posts"), 14)]));
    assert_eq!((summary.partly, fake.asked_of(ApiKey::ListOffsets).len()), (BTreeSet::new(), 0));
    let posts = BTreeSet::from([topic("posts")]);
    assert_eq!(admin.summary_of(facts.clone(), &posts, None, LONG).await.partly, BTreeSet::new(), "it is new");
    assert_eq!(admin.summary_of(facts, &none_is_new, Some(ends(0..1)), LONG).await.partly, posts, "one may have more");
    assert!(!fake.asked_of(ApiKey::ListOffsets).is_empty(), "of one partition nothing is known");
}

#[tokio::test]
async fn who_is_in_charge_is_asked_again_where_nobody_could_say() {
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::Metadata => metadata(ask, &[1, 2]),
        ApiKey::DescribeQuorum if ask.before < 2 => Answer::Silence,
        ApiKey::DescribeQuorum => quorum(ask, 2, 6),
        _ => Answer::Close,
    })
    .await;
    let admin = admin(&fake);
    let summary = admin.summary(&addresses(&fake), Duration::from_millis(600)).await;
    assert_eq!((summary.facts.answering.len(), summary.facts.controller), (2, Some(NodeId(2))));
}

#[test]
fn futures_can_move_between_threads() {
    fn send<T: Send>(_: T) {}
    let (admin, none) = (Admin::new(vec![]), BTreeMap::new());
    send(admin.observe(&none, LONG));
    send(admin.summary(&none, LONG));
    send(admin.group_lag("g"));
    send(admin.describe_groups(&[]));
    send(admin.create_topics(&[]));
    send(admin.elect_preferred_leaders());
}
