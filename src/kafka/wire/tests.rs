//! Connections against fake brokers: negotiation, and everything that can be wrong with an answer.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use kafka_protocol::{
    messages::{ApiKey, FindCoordinatorRequest, MetadataRequest, MetadataResponse},
    protocol::VersionRange,
};
use tokio::{net::TcpListener, time::Instant};

use super::{
    Connection, KafkaError, Pool,
    fake::{Answer, Ask, Fake},
    to_text,
};
use crate::error::{Error, Kind};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

fn metadata(ask: &Ask) -> Answer {
    let response = MetadataResponse::default().with_cluster_id(Some(to_text("abc")));
    ask.reply::<MetadataRequest>(response)
}

fn only(key: ApiKey, min: i16, max: i16) -> HashMap<ApiKey, VersionRange> {
    HashMap::from([(key, VersionRange { min, max })])
}

/// The error of one Metadata call to a broker that answers like this.
async fn error_of(answer: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> KafkaError {
    let fake = Fake::start(1, answer).await;
    let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
    connection.set_timeout(Duration::from_millis(300));
    let error = connection.call(&MetadataRequest::default()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&fake.addresses[0]), "no address in: {text}");
    assert!(text.contains("Metadata"), "no API in: {text}");
    error
}

#[tokio::test]
async fn calls_in_the_newest_version_of_both() {
    let fake = Fake::with_versions(1, only(ApiKey::Metadata, 0, 9), metadata).await;
    let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
    let answer = connection.call(&MetadataRequest::default()).await.unwrap();
    assert_eq!(answer.cluster_id, Some(to_text("abc")));
    assert_eq!(fake.asked(), [(1, ApiKey::Metadata, 9)]);

    let fake = Fake::with_versions(1, only(ApiKey::Metadata, 0, 99), metadata).await;
    let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
    connection.call(&MetadataRequest::default()).await.unwrap();
    assert_eq!(fake.asked(), [(1, ApiKey::Metadata, 13)]);
}

#[tokio::test]
async fn more_is_asked_before_the_first_answer_is_read() {
    let fake = Fake::start(1, metadata).await;
    let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
    let features = connection.ask_features().await.unwrap();
    let first = connection.ask(&MetadataRequest::default()).await.unwrap();
    let second = connection.ask(&MetadataRequest::default()).await.unwrap();
    connection.learn_features(features).await.unwrap();
    assert_eq!(connection.features().get("metadata.version"), Some(&30));
    for asked in [first, second] {
        assert_eq!(connection.answer(asked).await.unwrap().cluster_id, Some(to_text("abc")));
    }
}

#[tokio::test]
async fn answers_in_another_order_are_not_taken_for_each_other() {
    let fake = Fake::start(1, metadata).await;
    let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
    let _first = connection.ask(&MetadataRequest::default()).await.unwrap();
    let second = connection.ask(&MetadataRequest::default()).await.unwrap();
    let error = connection.answer(second).await.unwrap_err();
    assert!(matches!(error, KafkaError::Correlation { .. }), "{error}");
}

#[tokio::test]
async fn negotiates_with_brokers_of_every_age() {
    for newest in 0..=4 {
        let fake = Fake::with_versions(1, only(ApiKey::ApiVersions, 0, newest), metadata).await;
        let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
        connection.call(&MetadataRequest::default()).await.unwrap();
        let level = connection.features().get("metadata.version").copied();
        assert_eq!(level, (newest >= 3).then_some(30), "ApiVersions up to {newest}");
    }
}

#[tokio::test]
async fn an_api_without_a_common_version_is_named() {
    for (min, max) in [(1, 0), (100, 101)] {
        let fake = Fake::with_versions(1, only(ApiKey::Metadata, min, max), metadata).await;
        let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
        let error = connection.call(&MetadataRequest::default()).await.unwrap_err();
        assert!(matches!(error, KafkaError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("no version of Metadata"), "{error}");
        assert_eq!(fake.asked(), []);
    }
}

#[tokio::test]
async fn a_request_that_an_old_version_cannot_express_is_refused() {
    let fake = Fake::with_versions(1, only(ApiKey::FindCoordinator, 0, 3), metadata).await;
    let mut connection = Connection::open(&fake.addresses[0], LONG).await.unwrap();
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![to_text("g")]);
    let error = connection.call(&request).await.unwrap_err();
    assert!(matches!(error, KafkaError::Encode { version: 3, .. }), "{error}");
}

#[tokio::test]
async fn wrong_frames_are_told_apart() {
    let http = error_of(|_| Answer::Raw(Bytes::from_static(b"HTTP/1.1 400 Bad Request\r\n"))).await;
    assert!(matches!(http, KafkaError::Frame { .. }), "{http}");
    let negative = error_of(|_| Answer::Raw(Bytes::from_static(&[255; 8]))).await;
    assert!(matches!(negative, KafkaError::Frame { size: -1, .. }), "{negative}");
    let short = error_of(|_| Answer::Raw(Bytes::from_static(&[0, 0, 0, 3, 1, 2, 3]))).await;
    assert!(matches!(short, KafkaError::Frame { size: 3, .. }), "{short}");
    let other = error_of(|a| a.spoil::<MetadataRequest>(MetadataResponse::default(), 7, &[])).await;
    assert!(matches!(other, KafkaError::Correlation { .. }), "{other}");
    let long = error_of(|a| a.spoil::<MetadataRequest>(MetadataResponse::default(), 0, b"xy")).await;
    assert!(long.to_string().contains("2 bytes are left over"), "{long}");
    // Length 5, the right id, an empty header, and no body.
    let empty = error_of(|_| Answer::Raw(Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 2, 0]))).await;
    assert!(matches!(empty, KafkaError::Decode { .. }), "{empty}");
    assert!(![&http, &other, &long, &empty].iter().any(|error| error.is_passing()));
}

#[tokio::test]
async fn ends_and_silence_are_told_apart() {
    let closed = error_of(|_| Answer::Close).await;
    assert!(matches!(closed, KafkaError::Closed { .. }), "{closed}");
    let silent = error_of(|_| Answer::Silence).await;
    assert!(matches!(silent, KafkaError::Timeout { .. }), "{silent}");
    let half = error_of(|_| Answer::Raw(Bytes::from_static(&[0, 0, 0, 50, 0, 0]))).await;
    assert!(matches!(half, KafkaError::Timeout { .. }), "{half}");
    assert!([&closed, &silent, &half].iter().all(|error| error.is_transport()));
}

#[tokio::test]
async fn opening_tells_what_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // Connected by the kernel, served by nobody: a frozen node.
    let frozen = Connection::open(&address, SHORT).await.unwrap_err();
    assert!(matches!(frozen, KafkaError::Timeout { .. }), "{frozen}");
    assert_eq!(Error::from(frozen).kind, Kind::TimedOut);
    drop(listener);
    let refused = Connection::open(&address, LONG).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("no Kafka node answers on {address}"));
    let error = Error::from(refused);
    assert!(error.message.contains("refused"), "{error}");
    assert!(!error.hints.is_empty());
    assert!(matches!(KafkaError::of(&error), Some(KafkaError::Connect { .. })));
    let nonsense = Connection::open("no port", LONG).await.unwrap_err();
    assert!(matches!(nonsense, KafkaError::Connect { .. }), "{nonsense}");
}

#[tokio::test]
async fn the_pool_replaces_a_connection_that_died_idle() {
    // Every second request finds the connection closed, as after a node's restart.
    let fake = Fake::start(1, |a| if a.before == 1 { Answer::Close } else { metadata(a) }).await;
    let pool = Pool::default();
    for _ in 0..2 {
        let deadline = Instant::now() + LONG;
        let request = MetadataRequest::default();
        pool.call(&fake.addresses[0], &request, deadline).await.unwrap();
    }
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn the_pool_does_not_repeat_on_a_new_connection() {
    let fake = Fake::start(1, |_| Answer::Close).await;
    let (pool, request) = (Pool::default(), MetadataRequest::default());
    let call = pool.call(&fake.addresses[0], &request, Instant::now() + LONG);
    assert!(matches!(call.await, Err(KafkaError::Closed { .. })));
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn refusals_read_well() {
    let refused = |code, message: Option<&str>| {
        let message = message.map(str::to_owned);
        KafkaError::check(code, message, || "topic `posts`".to_owned()).unwrap_err().to_string()
    };
    assert_eq!(
        refused(40, Some("Unknown topic config name: x.")),
        "topic `posts`: Unknown topic config name: x (INVALID_CONFIG)"
    );
    assert_eq!(
        refused(3, None),
        "topic `posts`: the cluster has no such topic or partition (UNKNOWN_TOPIC_OR_PARTITION)"
    );
    assert_eq!(refused(58, None), "topic `posts`: SASL_AUTHENTICATION_FAILED");
    assert_eq!(refused(4711, None), "topic `posts`: error code 4711");
    assert!(KafkaError::check(0, None, String::new).is_ok());
}
