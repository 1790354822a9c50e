//! What is made before the first client asks for it.

use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    find_coordinator_response::Coordinator,
};

use super::*;

/// A new cluster: it has neither, and sets about it.
fn new(ask: &Ask) -> Answer {
    match ask.key {
        ApiKey::FindCoordinator => {
            let request = ask.read::<FindCoordinatorRequest>();
            assert_eq!((request.key_type, request.coordinator_keys.len()), (0, 1), "not of one group");
            let not_yet = Coordinator::default().with_error_code(ResponseError::CoordinatorNotAvailable.code());
            ask.reply::<FindCoordinatorRequest>(FindCoordinatorResponse::default().with_coordinators(vec![not_yet]))
        }
        ApiKey::InitProducerId => {
            let request = ask.read::<InitProducerIdRequest>();
            assert_eq!(request.transactional_id, None, "a transaction's id would be kept for days");
            assert_eq!((request.producer_id.0, request.producer_epoch), (-1, -1));
            let not_yet = ResponseError::CoordinatorLoadInProgress.code();
            ask.reply::<InitProducerIdRequest>(InitProducerIdResponse::default().with_error_code(not_yet))
        }
        _ => Answer::Close,
    }
}

#[tokio::test]
async fn one_broker_is_asked_for_a_coordinator_and_each_for_a_producers_id_once() {
    let fake = Fake::start(3, new).await;
    let admin = admin(&fake);
    admin.make_offsets_topic().await;
    admin.make_producer_ids(NodeId::first(3)).await;
    assert_eq!(fake.asked_of(ApiKey::FindCoordinator).len(), 1);
    let mut producers = fake.asked_of(ApiKey::InitProducerId);
    producers.sort_unstable();
    assert_eq!(producers, [1, 2, 3]);
}

#[tokio::test]
async fn a_broker_that_answers_nothing_holds_up_no_app_for_long() {
    let fake = Fake::start(3, |ask| if ask.node == 2 { Answer::Silence } else { new(ask) }).await;
    let admin = admin(&fake);
    let made = tokio::time::timeout(LONG, admin.make_producer_ids(NodeId::first(3)));
    made.await.expect("waited for what the clients would have asked for themselves");
    assert_eq!(fake.asked_of(ApiKey::InitProducerId).len(), 3);
}

#[tokio::test]
async fn each_broker_that_answers_is_asked_until_it_lists_the_topic_for_offsets() {
    let fake = Fake::start(3, |ask| {
        assert_eq!(ask.read::<MetadataRequest>().topics.unwrap()[0].name, Some(wire("__consumer_offsets")));
        let listed = MetadataResponseTopic::default().with_partitions(vec![MetadataResponsePartition::default()]);
        let topics = match ask.node {
            2 if ask.before < 6 => vec![MetadataResponseTopic::default().with_error_code(3)],
            3 => return Answer::Close,
            _ => vec![listed],
        };
        ask.reply::<MetadataRequest>(MetadataResponse::default().with_topics(topics))
    })
    .await;
    admin(&fake).offsets_topic_is_listed(NodeId::first(3)).await;
    let asked = |node: i32| fake.asked_of(ApiKey::Metadata).iter().filter(|&&each| each == node).count();
    assert_eq!((asked(1), asked(3)), (1, 1));
    assert!(asked(2) > 3, "asked {} times", asked(2));
}
