//! The work of `produce`: every record of a source goes out, and every one is accounted for.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    Compression, Delivery, Extras, Source,
    chunks::Chunks,
    outcome::{Ending, Outcome},
    sender::{Answer, Sender},
    single,
};
use crate::{
    error::Result,
    kafka::{
        Target,
        native::{Connection, Outbox, find, max_message_bytes},
        producer_ids,
        rate::Pace,
    },
};

/// Bytes of a batch: just below what Kafka takes by default (`max.message.bytes`, 1,048,588). A larger record makes a
/// batch of its own.
const USUAL_BATCH: usize = 1_040_000;
/// Records of a batch at most: so many that small ones fill it, too. librdkafka's own 10,000 are full first.
const BATCH_RECORDS: &str = "20000";
/// For how long records without a key go to the same partition, in milliseconds. In librdkafka's own 10 a file fills
/// one partition's batch after another, and one broker after another works; with 2 all of them do. With the larger
/// batch, 1,000,000 records of 100 bytes took 0.95 of the time and 0.91 of the CPU, 200,000 of 1 KiB 0.93 and 0.78
/// (medians of 15 and 9, by turns); with 0, which spreads every record, 1.3 of the time.
const ONE_PARTITION_MS: &str = "2";

/// How long a batch that is not full waits for more records, in milliseconds: librdkafka's own, for those of whose
/// records somebody may wait.
const LINGER_MS: &str = "5";
/// The same where all records are there already and none has a time of its own. While a partition has a request under
/// way and its next batch is ready, by this time or because it is full, the thread of librdkafka's idempotent producer
/// asks again and again whether it may go (`rd_kafka_toppar_producer_serve`). With 100, 1,000,000 records of 100 bytes
/// took 0.92 of the time and 0.88 of the CPU, 200,000 of 1 KiB the same (medians of 9, by turns). With 200 a topic of
/// 60 partitions took 1.4 of the time, since the queue is full before a batch is; with 100 as long as with 5, one of
/// 600 a tenth longer.
const LINGER_AT_REST_MS: &str = "100";

/// Records with less time than this do not spend it waiting for others; librdkafka refuses a time below the linger.
const LONG: Duration = Duration::from_secs(1);

/// All that `produce` needs to know.
pub struct Request<'a> {
    /// Where to.
    pub target: &'a Target,
    /// What.
    pub source: Source,
    /// What each record gets in addition.
    pub extras: Extras,
    /// How.
    pub delivery: Delivery,
}

/// Sends everything of the request's source to its topic. Blocks; not for async threads.
///
/// `each` is told of every record where it is `Some`, which then is waited for one by one, as on a terminal: with
/// its landing, or `None` where it failed; and once in the beginning, when the topic has been found.
///
/// # Errors
/// No broker answers, no such topic, no such partition: nothing was sent then. Whatever happens later is in the
/// outcome.
pub fn produce<'a>(
    request: Request<'_>,
    each: Option<&'a mut dyn FnMut(Answer) -> io::Result<()>>,
    stop: &'a CancellationToken,
) -> Result<Outcome> {
    if let Some(outcome) = single::send(&request, stop) {
        return Ok(outcome);
    }
    let Request { target, source, extras, delivery } = request;
    let care = match source {
        Source::One { .. } => Care::InOrder,
        Source::Lines { .. } if each.is_some() => Care::InOrder,
        Source::Lines { .. } | Source::Generated { .. } => Care::InOrderAndOnce,
    };
    if care == Care::InOrderAndOnce && target.in_project {
        have_producer_ids(&target.bootstrap);
    }
    let linger = linger(&source, delivery);
    let connection = connect(target, delivery, care, linger, USUAL_BATCH)?;
    let topic = find(&connection, target)?;
    // A single small record needs no limit to be told apart from others, and is there sooner without the question.
    let limit = if source.small().is_some() { None } else { max_message_bytes(&connection, &topic) };
    // A batch over the topic's limit would be refused with all its records.
    let connection = match limit {
        Some(limit) if limit < USUAL_BATCH => connect(target, delivery, care, linger, limit)?,
        _ => connection,
    };
    if let Some(partition) = extras.partition {
        topic.check(partition)?;
    }
    let outbox = Outbox::new(connection, &topic)?;
    if each.is_some() {
        outbox.connection().link().deliveries.watch_each();
    }
    let mut sender = Sender {
        outbox,
        topic,
        limit,
        // Compressed, a larger record may be small enough: then the broker has to say.
        refused_over: limit.filter(|_| delivery.compression == Compression::None),
        extras,
        each,
        answered: 0,
        pace: delivery.rate.map(|rate| Pace::new(rate, Instant::now())),
        stop,
    };
    let start = Instant::now();
    let ending = match source {
        Source::Lines { input, shape, at_rest: _ } => sender.lines(Chunks::of(input), &shape),
        Source::One { key, value } => sender.one(key.as_deref(), value.as_deref()),
        Source::Generated { count, size } => sender.generated(count, size),
    };
    // What is sent at a rate stops waiting for its time when the records before it fail.
    let ending = ending.unwrap_or_else(|_| if stop.is_cancelled() { Ending::Interrupted } else { Ending::Failing });
    sender.settle(delivery.timeout, matches!(ending, Ending::Interrupted));
    Ok(sender.outcome(start.elapsed(), ending))
}

/// What retries may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// Send a record twice or out of order: bulk, which an idempotent producer sends no slower.
    InOrderAndOnce,
    /// Send records out of order. One by one no idempotent producer is used: it needs a producer id first, which on
    /// a new cluster, when a broker has to get its block of ids, librdkafka waits 500 ms for.
    InOrder,
}

fn linger(source: &Source, delivery: Delivery) -> &'static str {
    let may_wait = source.is_at_rest() && delivery.rate.is_none() && delivery.timeout >= LONG;
    if may_wait { LINGER_AT_REST_MS } else { LINGER_MS }
}

/// So that the first idempotent producer after a node's start need not wait. Other people's clusters started long ago.
fn have_producer_ids(bootstrap: &str) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.block_on(producer_ids::fetched(bootstrap));
    }
}

fn connect(target: &Target, delivery: Delivery, care: Care, linger: &str, batch: usize) -> Result<Connection> {
    let timeout = delivery.timeout.as_millis().to_string();
    let batch = batch.to_string();
    Outbox::connect(
        &target.bootstrap,
        &[
            ("message.timeout.ms", &timeout),
            ("compression.codec", delivery.compression.codec()),
            ("linger.ms", linger),
            ("partitioner", delivery.partitioner.librdkafka_name()),
            ("batch.size", &batch),
            ("batch.num.messages", BATCH_RECORDS),
            ("sticky.partitioning.linger.ms", ONE_PARTITION_MS),
            ("enable.idempotence", if care == Care::InOrderAndOnce { "true" } else { "false" }),
            // One request a node at a time keeps the order without idempotence. With it, librdkafka's five are
            // allowed, but its threads then wait busily for the next: 1.4 times the CPU, and no faster.
            ("max.in.flight.requests.per.connection", "1"),
        ],
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kafka_protocol::messages::{
        ApiKey, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest, MetadataResponse,
    };

    use super::*;
    use crate::kafka::{
        produce::{Partitioner, Shape},
        wire::fake::{Answer, Ask, Fake},
    };

    const PLAIN: Delivery = Delivery {
        compression: Compression::None,
        partitioner: Partitioner::Murmur2,
        timeout: Duration::from_secs(30),
        rate: None,
    };

    /// A cluster without topics.
    fn empty(ask: &Ask) -> Answer {
        match ask.key {
            ApiKey::Metadata => ask.reply::<MetadataRequest>(MetadataResponse::default().with_brokers(ask.brokers())),
            ApiKey::InitProducerId => ask.reply::<InitProducerIdRequest>(InitProducerIdResponse::default()),
            _ => Answer::Close,
        }
    }

    /// What brokers were asked until they had said that there is no such topic.
    async fn asked(in_project: bool, source: Source) -> Vec<(i32, ApiKey)> {
        asked_within(PLAIN, in_project, source).await
    }

    async fn asked_within(delivery: Delivery, in_project: bool, source: Source) -> Vec<(i32, ApiKey)> {
        let fake = Fake::start(3, empty).await;
        let target = Target {
            bootstrap: fake.addresses.join(","),
            cluster: "project blog".to_owned(),
            topic: "posts".parse().unwrap(),
            command: "produce",
            in_project,
        };
        let run = move || {
            let extras = Extras::default();
            produce(Request { target: &target, source, extras, delivery }, None, &CancellationToken::new())
        };
        let error = tokio::task::spawn_blocking(run).await.unwrap().unwrap_err();
        assert!(error.message.contains("there is no topic `posts`"), "{}", error.message);
        fake.asked().into_iter().map(|(node, key, _)| (node, key)).collect()
    }

    /// The nodes that were asked for producer ids before anything else.
    fn first_for_ids(asked: &[(i32, ApiKey)]) -> BTreeSet<i32> {
        asked.iter().take_while(|(_, key)| *key == ApiKey::InitProducerId).map(|(node, _)| *node).collect()
    }

    #[tokio::test]
    async fn all_nodes_of_the_project_have_producer_ids_before_an_idempotent_producer_asks_one_of_them() {
        let bulk = || Source::Generated { count: 1, size: 1 };
        assert_eq!(first_for_ids(&asked(true, bulk()).await), BTreeSet::from([1, 2, 3]));
        assert!(first_for_ids(&asked(false, bulk()).await).len() < 3, "of other people's clusters one is asked");
        let one = asked(true, Source::One { key: None, value: Some(b"one".to_vec()) }).await;
        assert!(one.iter().all(|(_, key)| *key == ApiKey::Metadata), "{one:?}");
    }

    #[tokio::test]
    async fn librdkafka_starts_with_the_shortest_time_that_a_record_may_have() {
        let shortest = Delivery { timeout: Duration::from_millis(10), ..PLAIN };
        asked_within(shortest, false, Source::Generated { count: 1, size: 1 }).await;
        asked_within(shortest, false, Source::One { key: None, value: Some(b"one".to_vec()) }).await;
    }

    #[test]
    fn only_records_that_are_all_there_and_have_no_time_of_their_own_wait_longer_for_a_full_batch() {
        let lines =
            |at_rest| Source::Lines { input: Box::new(io::empty()), at_rest, shape: Shape::Value { key: None } };
        assert_eq!(linger(&lines(true), PLAIN), LINGER_AT_REST_MS);
        assert_eq!(linger(&Source::Generated { count: 1, size: 1 }, PLAIN), LINGER_AT_REST_MS);
        assert_eq!(linger(&lines(false), PLAIN), LINGER_MS);
        let paced = Delivery { rate: Some("5/s".parse().unwrap()), ..PLAIN };
        assert_eq!(linger(&lines(true), paced), LINGER_MS);
        let urgent = Delivery { timeout: Duration::from_millis(100), ..PLAIN };
        assert_eq!(linger(&lines(true), urgent), LINGER_MS);
    }
}
