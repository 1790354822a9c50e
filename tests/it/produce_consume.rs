//! Produce and consume against librdkafka's mock cluster: the account of every record, ends, groups, the round
//! trip. A mock has no transactions' markers, no compaction and no look-up by time: the live tests have those.

use std::{
    io::{self, Cursor},
    time::Duration,
};

use kdev::{
    error::{Error, Kind},
    kafka::{
        Target,
        consume::{self, Filter, Note, Position, Sink, consume},
        produce::{
            Answer, Compression, Delivery, Ending, Extras, Outcome, Partitioner, Reason, Request, Shape, Source,
            produce,
        },
        record::{Owned, Record, encode},
    },
};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tokio_util::sync::CancellationToken;

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(topics: &[(&str, i32)]) -> Cluster {
    let cluster = MockCluster::new(3).unwrap();
    for (topic, partitions) in topics {
        cluster.create_topic(topic, *partitions, 3).unwrap();
    }
    cluster
}

fn target(cluster: &Cluster, topic: &str) -> Target {
    Target {
        bootstrap: cluster.bootstrap_servers(),
        cluster: "the mock".to_owned(),
        topic: topic.parse().unwrap(),
        command: "produce",
        in_project: false,
    }
}

fn lines(input: impl Into<Vec<u8>>, shape: Shape) -> Source {
    Source::Lines { input: Box::new(Cursor::new(input.into())), at_rest: true, shape }
}

const VALUES: Shape = Shape::Value { key: None };
const JSON: Shape = Shape::Json { repartition: false };

const DELIVERY: Delivery = Delivery {
    compression: Compression::None,
    partitioner: Partitioner::Murmur2,
    timeout: Duration::from_secs(20),
    rate: None,
};

fn send(target: &Target, source: Source, extras: Extras) -> Result<Outcome, Error> {
    let request = Request { target, source, extras, delivery: DELIVERY };
    produce(request, None, &CancellationToken::new())
}

fn sent(target: &Target, source: Source) -> Outcome {
    send(target, source, Extras::default()).unwrap()
}

/// Keeps what it is shown, and is closed after `most`.
struct Kept {
    records: Vec<Owned>,
    most: usize,
}

impl Sink for Kept {
    fn record(&mut self, record: &impl Record) -> io::Result<()> {
        if self.records.len() == self.most {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.records.push(Owned::of(record));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        false
    }

    fn note(&mut self, note: Note) {
        panic!("{note:?}");
    }
}

fn request(target: &Target) -> consume::Request<'_> {
    consume::Request {
        target,
        from: Position::Start,
        to: Some(Position::End),
        partitions: Vec::new(),
        group: None,
        limit: None,
        filter: Filter::default(),
    }
}

fn read(request: &consume::Request<'_>) -> Vec<Owned> {
    let mut kept = Kept { records: Vec::new(), most: usize::MAX };
    let ending = consume(request, &mut kept, &CancellationToken::new()).unwrap();
    assert_eq!(ending, consume::Ending::Complete);
    kept.records
}

fn values(records: &[Owned]) -> Vec<String> {
    let text = |record: &Owned| String::from_utf8(record.value.clone().unwrap()).unwrap();
    records.iter().map(text).collect()
}

#[test]
fn every_line_arrives_once_and_in_order() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    let input: Vec<String> = (0..150_000).map(|n| format!("line {n}")).collect();
    let outcome = sent(&target, lines(input.join("\n"), VALUES));
    assert_eq!((outcome.records, outcome.failed(), outcome.unknown), (150_000, 0, 0));
    assert!(matches!(outcome.ending, Ending::Complete));
    assert!(values(&read(&request(&target))) == input);
}

#[test]
fn keys_go_where_java_puts_them() {
    let cluster = cluster(&[("posts", 6)]);
    let target = target(&cluster, "posts");
    let shape = Shape::KeyAndValue { separator: b":".to_vec() };
    sent(&target, lines("ada:1\ngrace:2\nlinus:3", shape));
    let mut places: Vec<(String, i32)> = read(&request(&target))
        .into_iter()
        .map(|record| (String::from_utf8(record.key.unwrap()).unwrap(), record.partition))
        .collect();
    places.sort();
    // What Kafka's own Utils.toPositive(Utils.murmur2(key)) % 6 gives.
    let expected = [("ada", 5), ("grace", 0), ("linus", 2)];
    assert_eq!(places, expected.map(|(key, partition)| (key.to_owned(), partition)));
}

#[test]
fn a_round_trip_through_ndjson_loses_nothing() {
    let cluster = cluster(&[("posts", 3), ("copy", 3)]);
    let (posts, copy) = (target(&cluster, "posts"), target(&cluster, "copy"));
    let bytes: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"\x00\xff"), Some("é\"\n".as_bytes())];
    let mut input = Vec::new();
    let mut originals = Vec::new();
    for (i, key) in (0..).zip(bytes) {
        for (j, value) in (0..).zip(bytes) {
            let record = Owned {
                topic: "posts".to_owned(),
                partition: i % 3,
                offset: 0,
                timestamp: Some(1_600_000_000_000 + i64::from(i * 10 + j)),
                key: key.map(<[u8]>::to_vec),
                value: value.map(<[u8]>::to_vec),
                headers: vec![
                    (b"h".to_vec(), value.map(<[u8]>::to_vec)),
                    (b"h".to_vec(), None),
                    (vec![0xfe], key.map(<[u8]>::to_vec)),
                ],
            };
            encode(&mut input, &record);
            originals.push(record);
        }
    }
    assert_eq!(sent(&posts, lines(input, JSON)).records, 16);
    let mut again = Vec::new();
    read(&request(&posts)).iter().for_each(|record| encode(&mut again, record));
    assert_eq!(sent(&copy, lines(again, JSON)).records, 16);
    let mut copies = read(&request(&copy));
    copies.sort_by_key(|record| record.timestamp);
    assert_eq!(copies.len(), 16);
    for (copy, original) in copies.iter().zip(&originals) {
        let same = Owned { topic: original.topic.clone(), offset: 0, ..copy.clone() };
        assert_eq!(&same, original);
    }
}

#[test]
fn a_bad_line_stops_there_and_what_was_before_it_counts() {
    let cluster = cluster(&[("posts", 2)]);
    let target = target(&cluster, "posts");
    let input = "{\"value\":\"a\"}\n{\"value\":\"b\",\"partition\":9}\n{\"value\":\n{\"value\":\"c\"}\n";
    let outcome = sent(&target, lines(input, JSON));
    assert!(matches!(&outcome.ending, Ending::BadLine(bad) if bad.line == 3));
    assert_eq!(outcome.records, 1);
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(outcome.failures[0].reason, Reason::NoSuchPartition);
    assert_eq!(outcome.failures[0].lines, [(2, 1)]);
    assert_eq!(values(&read(&request(&target))), ["a"]);
}

#[test]
fn what_the_broker_refuses_is_counted_and_named() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::Produce, &[refusal]);
    let outcome = sent(&target, Source::One { key: None, value: Some(b"x".to_vec()) });
    assert_eq!((outcome.records, outcome.failed()), (0, 1));
    assert_eq!(outcome.failures[0].reason, Reason::Other("Topic authorization failed".to_owned()));
}

#[test]
fn a_record_over_the_limit_fails_alone() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    // A mock tells no limit; librdkafka's own is 200 MB, more than its queue, so that room would never come.
    let large = "x".repeat(80_000_000);
    let outcome = sent(&target, lines(format!("a\n{large}\nb"), VALUES));
    assert_eq!((outcome.records, outcome.failed()), (2, 1));
    assert_eq!(outcome.failures[0].reason, Reason::TooLarge);
    assert_eq!(outcome.failures[0].lines, [(2, 80_000_000)]);
    assert_eq!(values(&read(&request(&target))), ["a", "b"]);
}

#[test]
fn retried_batches_arrive_once_and_in_order() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    cluster.request_errors(RDKafkaApiKey::Produce, &[refusal; 3]);
    let input: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    assert_eq!(sent(&target, lines(input.join("\n"), VALUES)).records, 5000);
    assert!(values(&read(&request(&target))) == input);
}

#[test]
fn on_a_terminal_each_line_is_answered() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    let mut answers = Vec::new();
    let mut each = |answer| {
        answers.push(match answer {
            Answer::Ready => "ready".to_owned(),
            Answer::Landed(landing) => landing.offset.to_string(),
            Answer::Failed => "failed".to_owned(),
        });
        Ok(())
    };
    let source = lines("a\nb\n", VALUES);
    let request = Request { target: &target, source, extras: Extras::default(), delivery: DELIVERY };
    produce(request, Some(&mut each), &CancellationToken::new()).unwrap();
    assert_eq!(answers, ["ready", "0", "ready", "1", "ready"]);
}

#[test]
fn a_topic_or_partition_that_is_not_there_fails_before_anything_is_sent() {
    let cluster = cluster(&[("posts", 2)]);
    let source = || Source::One { key: None, value: None };
    let error = send(&target(&cluster, "post"), source(), Extras::default()).unwrap_err();
    assert_eq!(error.message, "there is no topic `post` in the mock");
    assert_eq!(error.hints, ["kdev produce posts"]);
    let extras = Extras { partition: Some(2), ..Extras::default() };
    let error = send(&target(&cluster, "posts"), source(), extras).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert_eq!(error.message, "there is no posts[2]: posts has 2 partitions, 0 to 1");
}

#[test]
fn reading_is_bounded_by_places_limit_and_a_closed_output() {
    let cluster = cluster(&[("posts", 2)]);
    let target = target(&cluster, "posts");
    for partition in 0..2 {
        let input: Vec<String> = (0..100).map(|n| format!("{partition}:{n}")).collect();
        let extras = Extras { partition: Some(partition), ..Extras::default() };
        send(&target, lines(input.join("\n"), VALUES), extras).unwrap();
    }
    let all = request(&target);
    let count = |request: consume::Request<'_>| read(&request).len();
    assert_eq!(count(all.clone()), 200);
    assert_eq!(count(consume::Request { partitions: vec![1, 1], ..all.clone() }), 100);
    assert_eq!(count(consume::Request { from: Position::Skip(70), ..all.clone() }), 60);
    assert_eq!(count(consume::Request { to: Some(Position::Skip(5)), ..all.clone() }), 10);
    assert_eq!(count(consume::Request { from: Position::Offset(99), ..all.clone() }), 2);
    assert_eq!(count(consume::Request { from: Position::End, ..all.clone() }), 0);
    assert_eq!(count(consume::Request { to: None, limit: Some(7), ..all.clone() }), 7);
    assert_eq!(count(consume::Request { to: None, limit: Some(0), ..all.clone() }), 0);
    let filter = Filter { key: Some(b"ada".to_vec()), ..Filter::default() };
    assert_eq!(count(consume::Request { filter, ..all.clone() }), 0);
    let beyond = consume::Request { from: Position::Offset(101), ..all.clone() };
    let mut kept = Kept { records: Vec::new(), most: 3 };
    let error = consume(&beyond, &mut kept, &CancellationToken::new()).unwrap_err();
    assert_eq!(error.message, "offset 101 is outside of posts");
    assert_eq!(error.details, ["posts[0] has offsets 0 to 99", "posts[1] has offsets 0 to 99"]);
    let ending = consume(&all, &mut kept, &CancellationToken::new()).unwrap();
    assert_eq!((ending, kept.records.len()), (consume::Ending::Closed, 3));
}

#[test]
fn a_leader_that_does_not_know_yet_that_it_leads_is_asked_again() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    assert_eq!(sent(&target, lines("a\nb", VALUES)).records, 2);
    for refusal in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    ] {
        cluster.request_errors(RDKafkaApiKey::ListOffsets, &[refusal; 2]);
        assert_eq!(values(&read(&request(&target))), ["a", "b"], "{refusal:?}");
    }
}

#[test]
fn the_last_in_all_are_the_newest_in_the_order_of_time() {
    let cluster = cluster(&[("posts", 3)]);
    let target = target(&cluster, "posts");
    let line = |n| format!("{{\"partition\":{},\"timestamp\":{},\"value\":\"{n}\"}}\n", n % 3, 1000 + n);
    let input: String = (0..90).map(line).collect();
    assert_eq!(sent(&target, lines(input, JSON)).records, 90);
    let last = |count| consume::Request { from: Position::Last(count), ..request(&target) };
    assert_eq!(values(&read(&last(4))), ["86", "87", "88", "89"]);
    assert_eq!(read(&last(1000)).len(), 90);
    assert!(read(&last(0)).is_empty());
    let following = consume::Request { to: None, limit: Some(2), ..last(4) };
    assert_eq!(values(&read(&following)), ["86", "87"]);
    let before = consume::Request { to: Some(Position::Last(4)), ..request(&target) };
    assert_eq!(read(&before).len(), 86);
}

#[test]
fn a_group_commits_what_was_shown_and_no_more() {
    let cluster = cluster(&[("posts", 1)]);
    let target = target(&cluster, "posts");
    let input: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    sent(&target, lines(input.join("\n"), VALUES));
    let group = Some("audit".to_owned());
    let member = consume::Request { group, limit: Some(5), ..request(&target) };
    assert_eq!(values(&read(&member)), input[..5]);
    let observer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &target.bootstrap).set("group.id", "audit").create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("posts", 0);
    let committed = observer.committed_offsets(asked, Duration::from_secs(20)).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(5));
}
