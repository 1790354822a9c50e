//! Groups, their members and their lag.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerProtocolAssignment,
        DescribeGroupsRequest, DescribeGroupsResponse, FindCoordinatorRequest, FindCoordinatorResponse,
        ListGroupsRequest, ListGroupsResponse, ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest,
        OffsetFetchResponse, ShareGroupDescribeRequest, ShareGroupDescribeResponse,
        consumer_group_describe_response as new,
        consumer_protocol_assignment::TopicPartition,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        find_coordinator_response::Coordinator,
        list_groups_response::ListedGroup as WireGroup,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        offset_fetch_response::{OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics},
        share_group_describe_response as share,
    },
    protocol::Encodable,
};

use super::*;
use crate::kafka::admin::{GroupKind, groups::wire_group};

/// The broker that coordinates the groups.
pub(super) const COORDINATOR: i32 = 2;

pub(super) fn listed(ask: &Ask, groups: &[(&str, &str)]) -> Answer {
    let groups = if ask.node == COORDINATOR { groups } else { &[] };
    let groups = groups.iter().map(|&(name, kind)| {
        WireGroup::default()
            .with_group_id(wire_group(name))
            .with_group_state(to_text("Stable"))
            .with_group_type(to_text(kind))
    });
    let response = ListGroupsResponse::default().with_groups(groups.collect());
    ask.reply::<ListGroupsRequest>(response)
}

/// A classic assignment of partitions 0 to 2 of `posts`, as clients write it.
fn assignment() -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(1);
    let posts = TopicPartition::default().with_topic(wire("posts")).with_partitions(vec![0, 1, 2]);
    ConsumerProtocolAssignment::default().with_assigned_partitions(vec![posts]).encode(&mut bytes, 1).unwrap();
    bytes.freeze()
}

pub(super) fn classic(ask: &Ask, code: i16, assignment: Bytes) -> Answer {
    let member = DescribedGroupMember::default()
        .with_member_id(to_text("m-1"))
        .with_client_id(to_text("app"))
        .with_client_host(to_text("/172.18.0.5"))
        .with_member_assignment(assignment);
    let group = DescribedGroup::default()
        .with_error_code(code)
        .with_error_message(Some(to_text("")))
        .with_group_state(to_text("Stable"))
        .with_protocol_data(to_text("range"))
        .with_members(vec![member]);
    ask.reply::<DescribeGroupsRequest>(DescribeGroupsResponse::default().with_groups(vec![group]))
}

/// Partition 0 committed at 4, partition 1 at -1 (nothing), and 0 of a topic that is gone.
fn committed(ask: &Ask) -> Answer {
    let partition =
        |id, offset| OffsetFetchResponsePartitions::default().with_partition_index(id).with_committed_offset(offset);
    let topic =
        |name, partitions| OffsetFetchResponseTopics::default().with_name(wire(name)).with_partitions(partitions);
    let topics = vec![topic("posts", vec![partition(0, 4), partition(1, -1)]), topic("gone", vec![partition(0, 1)])];
    let group = OffsetFetchResponseGroup::default().with_topics(topics);
    let request = ask.read::<OffsetFetchRequest>();
    assert_eq!(request.groups[0].topics, None);
    ask.reply::<OffsetFetchRequest>(OffsetFetchResponse::default().with_groups(vec![group]))
}

/// Metadata that knows Kafka's topic of groups.
fn offsets_topic(ask: &Ask) -> Answer {
    let topic = MetadataResponseTopic::default()
        .with_name(Some(wire("__consumer_offsets")))
        .with_partitions(vec![MetadataResponsePartition::default()]);
    ask.reply::<MetadataRequest>(MetadataResponse::default().with_topics(vec![topic]))
}

fn coordinator(ask: &Ask) -> Answer {
    let found = Coordinator::default().with_node_id(BrokerId(COORDINATOR));
    let response = FindCoordinatorResponse::default().with_coordinators(vec![found]);
    ask.reply::<FindCoordinatorRequest>(response)
}

/// Every partition runs from 2 to 10.
fn offsets(ask: &Ask) -> Answer {
    let topics = ask.read::<ListOffsetsRequest>().topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(asked.partition_index)
                .with_offset(if asked.timestamp == -2 { 2 } else { 10 })
        });
        ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    let response = ListOffsetsResponse::default().with_topics(topics.collect());
    ask.reply::<ListOffsetsRequest>(response)
}

pub(super) fn classic_cluster(ask: &Ask) -> Answer {
    match ask.key {
        ApiKey::DescribeCluster => cluster(ask),
        ApiKey::Metadata => metadata(ask, &[1, 2, 1]),
        ApiKey::DescribeQuorum => quorum(ask, 2, 6),
        ApiKey::ListGroups => listed(ask, &[("g", "classic")]),
        ApiKey::DescribeGroups => classic(ask, 0, assignment()),
        ApiKey::OffsetFetch => committed(ask),
        ApiKey::ListOffsets => offsets(ask),
        _ => Answer::Close,
    }
}

#[tokio::test]
async fn every_broker_lists_its_groups() {
    let fake = Fake::start(3, |ask| match ask.key {
        ApiKey::ListGroups => listed(ask, &[("z", "share"), ("a", "Consumer"), ("old", ""), ("new", "quantum")]),
        _ => cluster(ask),
    })
    .await;
    let groups = Admin::new(fake.addresses[..1].to_vec()).list_groups().await.unwrap();
    let seen: Vec<_> = groups.iter().map(|g| (g.name.as_str(), g.kind, g.coordinator)).collect();
    let expected = [
        ("a", GroupKind::Consumer, COORDINATOR),
        ("new", GroupKind::Other, COORDINATOR),
        ("old", GroupKind::Classic, COORDINATOR),
        ("z", GroupKind::Share, COORDINATOR),
    ];
    assert_eq!(seen, expected);
    let mut asked = fake.asked_of(ApiKey::ListGroups);
    asked.sort_unstable();
    assert_eq!(asked, [1, 2, 3]);
}

#[tokio::test]
async fn a_classic_group_is_described_by_its_coordinator() {
    let fake = Fake::start(3, classic_cluster).await;
    let groups = admin(&fake).describe_groups(&["g".to_owned()]).await.unwrap();
    assert_eq!(groups[0].assignor, "range");
    let member = &groups[0].members[0];
    assert_eq!((member.client_id.as_str(), member.host.as_str()), ("app", "172.18.0.5"));
    assert_eq!(member.assignment, BTreeMap::from([(topic("posts"), vec![0, 1, 2])]));
    assert_eq!(fake.asked_of(ApiKey::DescribeGroups), [COORDINATOR]);
}

#[tokio::test]
async fn a_strange_assignment_is_no_assignment() {
    // The third claims 2,147,483,647 topics.
    for strange in [&b""[..], b"connect and more", &[0, 1, 127, 255, 255, 255], &[0, 1, 0, 0, 0, 1]] {
        let fake = Fake::start(2, move |ask| match ask.key {
            ApiKey::DescribeGroups => classic(ask, 0, Bytes::from_static(strange)),
            _ => classic_cluster(ask),
        })
        .await;
        let groups = admin(&fake).describe_groups(&["g".to_owned()]).await.unwrap();
        assert_eq!(groups[0].members[0].assignment, BTreeMap::new());
    }
}

#[tokio::test]
async fn a_new_group_is_described_by_its_own_api() {
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::ListGroups => listed(ask, &[("g", "consumer")]),
        ApiKey::ConsumerGroupDescribe => {
            let posts = new::TopicPartitions::default().with_topic_name(wire("posts")).with_partitions(vec![1]);
            let assignment = new::Assignment::default().with_topic_partitions(vec![posts]);
            let member = new::Member::default()
                .with_member_id(to_text("m"))
                .with_instance_id(Some(to_text("i")))
                .with_assignment(assignment);
            let group = new::DescribedGroup::default()
                .with_group_state(to_text("Reconciling"))
                .with_assignor_name(to_text("uniform"))
                .with_members(vec![member]);
            ask.reply::<ConsumerGroupDescribeRequest>(ConsumerGroupDescribeResponse::default().with_groups(vec![group]))
        }
        _ => cluster(ask),
    })
    .await;
    let groups = admin(&fake).describe_groups(&["g".to_owned()]).await.unwrap();
    assert_eq!((groups[0].state.as_str(), groups[0].assignor.as_str()), ("Reconciling", "uniform"));
    assert_eq!(groups[0].members[0].instance.as_deref(), Some("i"));
    assert_eq!(groups[0].members[0].assignment, BTreeMap::from([(topic("posts"), vec![1])]));
}

#[tokio::test]
async fn a_moved_coordinator_is_found_again() {
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::DescribeGroups if ask.before == 0 => classic(ask, 16, assignment()),
        _ => classic_cluster(ask),
    })
    .await;
    let groups = admin(&fake).describe_groups(&["g".to_owned()]).await.unwrap();
    assert_eq!(groups[0].members.len(), 1);
    assert_eq!(fake.asked_of(ApiKey::DescribeGroups).len(), 2);
}

#[tokio::test]
async fn no_such_group_is_said_at_once() {
    let fake = Fake::start(2, classic_cluster).await;
    let admin = admin(&fake);
    let error = admin.describe_groups(&["g".to_owned(), "nope".to_owned()]).await.unwrap_err();
    assert_eq!(error.message, "group `nope`: there is no such group (GROUP_ID_NOT_FOUND)");
    assert_eq!(error.context, ["describing groups `g`, `nope`"]);
    assert_eq!(fake.asked_of(ApiKey::ListGroups).len(), 2);
    let error = admin.group_lag("nope").await.unwrap_err();
    assert_eq!(code(&error), Some(ResponseError::GroupIdNotFound));
}

/// The cluster while the group's coordinator moves: nobody lists the group.
#[tokio::test]
async fn a_group_whose_coordinator_is_loading_is_waited_for() {
    let fake = Fake::start(2, |ask| match ask.key {
        // Two lists of two brokers.
        ApiKey::ListGroups if ask.before < 2 => listed(ask, &[]),
        ApiKey::DescribeGroups if ask.before == 0 => classic(ask, 14, Bytes::new()),
        ApiKey::Metadata => offsets_topic(ask),
        ApiKey::FindCoordinator => coordinator(ask),
        _ => classic_cluster(ask),
    })
    .await;
    let groups = admin(&fake).describe_groups(&["g".to_owned()]).await.unwrap();
    assert_eq!(groups[0].members.len(), 1);
    assert_eq!(fake.asked_of(ApiKey::DescribeGroups), [COORDINATOR, COORDINATOR]);
}

#[tokio::test]
async fn a_group_that_its_coordinator_does_not_know_does_not_exist() {
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::DescribeGroups => classic(ask, 69, Bytes::new()),
        ApiKey::Metadata => offsets_topic(ask),
        ApiKey::FindCoordinator => coordinator(ask),
        _ => classic_cluster(ask),
    })
    .await;
    let error = admin(&fake).describe_groups(&["nope".to_owned()]).await.unwrap_err();
    assert_eq!(code(&error), Some(ResponseError::GroupIdNotFound));
    assert_eq!(fake.asked_of(ApiKey::DescribeGroups), [COORDINATOR]);
}

#[tokio::test]
async fn a_share_group_has_no_lag() {
    let fake = Fake::start(2, |ask| match ask.key {
        ApiKey::ListGroups => listed(ask, &[("g", "share")]),
        ApiKey::ShareGroupDescribe => {
            let posts = share::TopicPartitions::default().with_topic_name(wire("posts")).with_partitions(vec![0, 1]);
            let assignment = share::Assignment::default().with_topic_partitions(vec![posts]);
            let member = share::Member::default().with_assignment(assignment);
            let group = share::DescribedGroup::default().with_group_state(to_text("Stable")).with_members(vec![member]);
            ask.reply::<ShareGroupDescribeRequest>(ShareGroupDescribeResponse::default().with_groups(vec![group]))
        }
        _ => classic_cluster(ask),
    })
    .await;
    let admin = admin(&fake);
    assert_eq!(admin.group_lag("g").await.unwrap(), []);
    let groups = admin.summary(&addresses(&fake), LONG).await.groups;
    assert_eq!((groups[0].members, groups[0].lag), (1, None));
}

#[tokio::test]
async fn lag_counts_what_was_never_committed() {
    let fake = Fake::start(2, classic_cluster).await;
    let lag = admin(&fake).group_lag("g").await.unwrap();
    let seen: Vec<_> = lag.iter().map(|p| (p.partition, p.committed, p.end, p.lag)).collect();
    assert_eq!(seen, [(0, Some(4), 10, 6), (1, None, 10, 8), (2, None, 10, 8)]);
    assert!(lag.iter().all(|partition| partition.topic == topic("posts")));
}

#[tokio::test]
async fn summary_adds_up_the_lag() {
    let fake = Fake::start(2, classic_cluster).await;
    let summary = admin(&fake).summary(&addresses(&fake), LONG).await;
    let group = &summary.groups[0];
    assert_eq!((group.name.as_str(), group.members, group.lag), ("g", 1, Some(22)));
    assert_eq!(summary.messages, BTreeMap::from([(topic("posts"), 24)]));
}

/// As after a start with data: each answer but the last is that the coordinator still reads its groups.
#[tokio::test]
async fn summary_waits_until_groups_are_read() {
    let loading = ResponseError::CoordinatorLoadInProgress.code();
    let fake = Fake::start(2, move |ask| match ask.key {
        // Both brokers are asked once; the second time, then, is one that was told to come again.
        ApiKey::ListGroups if ask.node == COORDINATOR && ask.before < 2 => {
            ask.reply::<ListGroupsRequest>(ListGroupsResponse::default().with_error_code(loading))
        }
        ApiKey::DescribeGroups if ask.before == 0 => classic(ask, loading, Bytes::new()),
        ApiKey::OffsetFetch if ask.before == 0 => {
            let group = OffsetFetchResponseGroup::default().with_error_code(loading);
            ask.reply::<OffsetFetchRequest>(OffsetFetchResponse::default().with_groups(vec![group]))
        }
        _ => classic_cluster(ask),
    })
    .await;
    let groups = admin(&fake).summary(&addresses(&fake), LONG).await.groups;
    assert_eq!(groups.iter().map(|group| (group.name.as_str(), group.lag)).collect::<Vec<_>>(), [("g", Some(22))]);
}
