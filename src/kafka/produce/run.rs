//! The work of `produce`: every record of a source goes out, and every one is accounted for.

use std::{io, time::Instant};

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
    let connection = connect(target, delivery, care, USUAL_BATCH)?;
    let topic = find(&connection, target)?;
    // A single small record needs no limit to be told apart from others, and is there sooner without the question.
    let limit = if source.small().is_some() { None } else { max_message_bytes(&connection, &topic) };
    // A batch over the topic's limit would be refused with all its records.
    let connection = match limit {
        Some(limit) if limit < USUAL_BATCH => connect(target, delivery, care, limit)?,
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
        Source::Lines { input, shape } => sender.lines(Chunks::of(input), &shape),
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

fn connect(target: &Target, delivery: Delivery, care: Care, batch: usize) -> Result<Connection> {
    let timeout = delivery.timeout.as_millis().to_string();
    let batch = batch.to_string();
    Outbox::connect(
        &target.bootstrap,
        &[
            ("message.timeout.ms", &timeout),
            ("compression.codec", delivery.compression.codec()),
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
