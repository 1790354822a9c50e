//! The work of `produce`: every record of a source goes out, and every one is accounted for.

use std::{
    borrow::Cow,
    io,
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use rdkafka::types::RDKafkaErrorCode;
use tokio_util::sync::CancellationToken;

use super::{
    Compression, Delivery, Extras, Source,
    chunks::{Chunk, Chunks},
    generate::Generated,
    shape::{Shape, Shaped},
};
use crate::{
    error::Result,
    kafka::{
        Target, native,
        native::{
            Connection, Item, Landing, OutHeader, Outbox, Stopped, Topic, find, max_message_bytes, reason,
        },
        record::Decoded,
    },
};

/// How often the stop signal is looked at while nothing else happens.
const TICK: Duration = Duration::from_millis(100);

/// How long open records are waited for after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes of a batch; librdkafka's own default. A larger record makes a batch of its own.
const USUAL_BATCH: usize = 1_000_000;

/// How many made-up records are handed over at once.
const GENERATED_AT_ONCE: u64 = 2048;

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

/// A line that is no record.
#[derive(Debug)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why no more was sent.
#[derive(Debug)]
pub enum Ending {
    /// Everything was.
    Complete,
    /// A line is no record.
    BadLine(BadLine),
    /// The input could not be read on.
    Unreadable(io::Error),
    /// Records fail for a reason that would fail the next ones too.
    Failing,
    /// Ctrl-C.
    Interrupted,
}

/// Why records failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Larger than the topic takes.
    TooLarge,
    /// The topic has no such partition.
    NoSuchPartition,
    /// Not acknowledged within the timeout.
    TimedOut,
    /// What the broker or librdkafka says.
    Other(String),
}

/// The records that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub reason: Reason,
    /// How many.
    pub records: u64,
    /// The first few of their lines, each with the record's size in bytes.
    pub lines: Vec<(u64, usize)>,
}

impl From<native::Failure> for Failure {
    fn from(failure: native::Failure) -> Self {
        let native::Failure { code, records, lines } = failure;
        let reason = match code {
            RDKafkaErrorCode::MessageSizeTooLarge => Reason::TooLarge,
            RDKafkaErrorCode::UnknownPartition => Reason::NoSuchPartition,
            RDKafkaErrorCode::MessageTimedOut => Reason::TimedOut,
            code => Reason::Other(reason(code)),
        };
        Failure { reason, records, lines }
    }
}

/// What became of everything.
#[derive(Debug)]
pub struct Outcome {
    /// Records acknowledged.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// From the first record handed over to the last report.
    pub elapsed: Duration,
    /// Where the first record landed.
    pub landing: Option<Landing>,
    /// What failed, by reason.
    pub failures: Vec<Failure>,
    /// Records of which nothing was heard when waiting ended.
    pub unknown: u64,
    /// Partitions of the topic.
    pub partitions: i32,
    /// The largest record that the topic takes, where it is known.
    pub limit: Option<usize>,
    /// The latest trouble with a connection, where something failed.
    pub trouble: Option<String>,
    /// Why no more was sent.
    pub ending: Ending,
}

impl Outcome {
    /// Records that were read from the source.
    pub fn attempted(&self) -> u64 {
        self.records + self.failed() + self.unknown
    }

    /// Records that failed.
    pub fn failed(&self) -> u64 {
        self.failures.iter().map(|failure| failure.records).sum()
    }
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
    let Request { target, source, extras, delivery } = request;
    let connection = connect(target, delivery, USUAL_BATCH)?;
    let topic = find(&connection, target)?;
    let limit = max_message_bytes(&connection, &topic);
    // A batch over the topic's limit would be refused with all its records.
    let connection = match limit {
        Some(limit) if limit < USUAL_BATCH => connect(target, delivery, limit)?,
        _ => connection,
    };
    if let Some(partition) = extras.partition {
        topic.check(partition)?;
    }
    let outbox = Outbox::new(connection, &topic)?;
    if each.is_some() {
        outbox.connection().link().deliveries.watch_each();
    }
    let compressed = delivery.compression != Compression::None;
    let mut sender = Sender { outbox, topic, limit, compressed, extras, each, answered: 0, stop };
    let start = Instant::now();
    let ending = match source {
        Source::Lines { input, shape } => sender.lines(Chunks::of(input), &shape),
        Source::One { key, value } => {
            let item = Item { key: key.as_deref(), value: value.as_deref(), line: 1 };
            match sender.is_too_large(&item) {
                true => Ok(sender.refuse(&item)),
                false => sender.plain(&[item]),
            }
            .map(|()| Ending::Complete)
        }
        Source::Generated { count, size } => sender.generated(count, size),
    };
    let ending = ending.unwrap_or(Ending::Interrupted);
    sender.settle(delivery.timeout, matches!(ending, Ending::Interrupted));
    Ok(sender.outcome(start.elapsed(), ending))
}

fn connect(target: &Target, delivery: Delivery, batch: usize) -> Result<Connection> {
    let timeout = delivery.timeout.as_millis().to_string();
    let batch = batch.to_string();
    Outbox::connect(
        &target.bootstrap,
        &[
            ("message.timeout.ms", &timeout),
            ("compression.codec", delivery.compression.codec()),
            ("partitioner", delivery.partitioner.librdkafka_name()),
            ("batch.size", &batch),
            // No record twice and none out of order, whatever is retried.
            ("enable.idempotence", "true"),
        ],
    )
}

/// What a terminal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The next line can be typed.
    Ready,
    /// The line's record landed there.
    Landed(Landing),
    /// It failed; the reason comes with the outcome.
    Failed,
}

struct Sender<'a> {
    outbox: Outbox,
    topic: Topic,
    /// The largest batch, and so the largest record, that the topic takes, where it is known.
    limit: Option<usize>,
    compressed: bool,
    extras: Extras,
    each: Option<&'a mut dyn FnMut(Answer) -> io::Result<()>>,
    /// How many records were acknowledged at the last answer.
    answered: u64,
    stop: &'a CancellationToken,
}

impl Sender<'_> {
    fn lines(&mut self, chunks: Chunks, shape: &Shape) -> Result<Ending, Stopped> {
        self.answer(Answer::Ready);
        loop {
            match chunks.receiver().recv_timeout(TICK) {
                Ok(Ok(chunk)) => {
                    if let Some(bad) = self.chunk(&chunk, shape)? {
                        return Ok(Ending::BadLine(bad));
                    }
                    chunks.done_with(chunk);
                }
                Ok(Err(error)) => return Ok(Ending::Unreadable(error)),
                Err(RecvTimeoutError::Timeout) => self.outbox.connection().poll(Duration::ZERO),
                Err(RecvTimeoutError::Disconnected) => return Ok(Ending::Complete),
            }
            if self.is_failing() {
                return Ok(Ending::Failing);
            }
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
        }
    }

    /// Sends a chunk's records up to the first bad line.
    fn chunk(&mut self, chunk: &Chunk, shape: &Shape) -> Result<Option<BadLine>, Stopped> {
        let mut waiting: Vec<Item<'_>> = Vec::new();
        for (line, bytes) in chunk.lines() {
            match shape.read(line, bytes) {
                Ok(Shaped::Plain(item)) if self.is_too_large(&item) => self.refuse(&item),
                Ok(Shaped::Plain(item)) if self.each.is_none() => waiting.push(item),
                Ok(Shaped::Plain(item)) => {
                    self.plain(&[item])?;
                    self.answer_for_one();
                }
                Ok(Shaped::Full(record)) => {
                    self.full(line, &record)?;
                    self.answer_for_one();
                }
                Ok(Shaped::Nothing) => {}
                Err(reason) => {
                    self.plain(&waiting)?;
                    return Ok(Some(BadLine { line, reason }));
                }
            }
        }
        self.plain(&waiting)?;
        Ok(None)
    }

    /// Sends records of key and value alone, by batches unless they get something in addition.
    fn plain(&mut self, items: &[Item<'_>]) -> Result<(), Stopped> {
        let Extras { partition, timestamp, ref headers } = self.extras;
        if timestamp.is_none() && headers.is_empty() {
            return self.outbox.send_all(items, partition, self.stop);
        }
        let headers = borrowed(headers);
        for item in items {
            self.outbox.send(item, partition, timestamp, &headers, self.stop)?;
            self.outbox.connection().poll(Duration::ZERO);
        }
        Ok(())
    }

    fn full(&mut self, line: u64, record: &Decoded<'_>) -> Result<(), Stopped> {
        let item =
            Item { key: record.key.as_deref(), value: record.value.as_deref(), line };
        if self.is_too_large(&item) {
            self.refuse(&item);
            return Ok(());
        }
        let partition = self.extras.partition.or(record.partition);
        if partition.is_some_and(|partition| partition >= self.topic.partitions) {
            let deliveries = &self.outbox.connection().link().deliveries;
            deliveries.failed(line, item.size(), RDKafkaErrorCode::UnknownPartition);
            return Ok(());
        }
        let timestamp = self.extras.timestamp.or(record.timestamp);
        let sent = if self.extras.headers.is_empty() {
            self.outbox.send(&item, partition, timestamp, &record.headers, self.stop)
        } else {
            let mut headers: Vec<OutHeader<'_>> = record.headers.clone();
            headers.extend(borrowed(&self.extras.headers));
            self.outbox.send(&item, partition, timestamp, &headers, self.stop)
        };
        self.outbox.connection().poll(Duration::ZERO);
        sent
    }

    /// Whether the topic cannot take it. Compressed, it may be small enough: then the broker has to say.
    fn is_too_large(&self, item: &Item<'_>) -> bool {
        !self.compressed && self.limit.is_some_and(|limit| item.size() > limit)
    }

    fn refuse(&self, item: &Item<'_>) {
        let deliveries = &self.outbox.connection().link().deliveries;
        deliveries.failed(item.line, item.size(), RDKafkaErrorCode::MessageSizeTooLarge);
    }

    fn generated(&mut self, count: u64, size: usize) -> Result<Ending, Stopped> {
        let generated = Generated::new(size);
        let mut next = 0;
        while next < count {
            let numbers = next..count.min(next + GENERATED_AT_ONCE);
            next = numbers.end;
            let items: Vec<Item<'_>> = numbers
                .map(|n| Item { key: None, value: Some(generated.value(n)), line: n + 1 })
                .collect();
            self.plain(&items)?;
            if self.is_failing() {
                return Ok(Ending::Failing);
            }
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
        }
        Ok(Ending::Complete)
    }

    /// On a terminal: waits for the record just sent, and answers.
    fn answer_for_one(&mut self) {
        if self.each.is_none() {
            return;
        }
        while !self.outbox.flush(TICK) && !self.stop.is_cancelled() {}
        let deliveries = &self.outbox.connection().link().deliveries;
        let records = deliveries.records();
        let answer = match deliveries.landing() {
            Some(landing) if records > self.answered => Answer::Landed(landing),
            _ => Answer::Failed,
        };
        self.answered = records;
        self.answer(answer);
        self.answer(Answer::Ready);
    }

    fn answer(&mut self, answer: Answer) {
        // A terminal that has gone does not keep records from being sent.
        if let Some(each) = &mut self.each
            && each(answer).is_err()
        {
            self.each = None;
        }
    }

    fn is_failing(&self) -> bool {
        self.outbox.connection().link().deliveries.failures().iter().any(|f| !concerns_one(f.code))
    }

    /// Waits for the open records. Each ends within its timeout; the rest of the time is for the report to come.
    fn settle(&mut self, timeout: Duration, interrupted: bool) {
        let patience = if interrupted { GRACE } else { timeout + GRACE };
        let mut deadline = Instant::now() + patience;
        let mut stopped = interrupted;
        while !self.outbox.flush(TICK) && Instant::now() < deadline {
            if !stopped && self.stop.is_cancelled() {
                stopped = true;
                deadline = deadline.min(Instant::now() + GRACE);
            }
        }
    }

    fn outcome(self, elapsed: Duration, ending: Ending) -> Outcome {
        let link = self.outbox.connection().link();
        let failures: Vec<Failure> = link.deliveries.failures().into_iter().map(Into::into).collect();
        let unknown = self.outbox.open();
        let trouble = if failures.is_empty() && unknown == 0 { None } else { link.last_trouble() };
        Outcome {
            records: link.deliveries.records(),
            bytes: link.deliveries.bytes(),
            elapsed,
            landing: link.deliveries.landing(),
            failures,
            unknown,
            partitions: self.topic.partitions,
            limit: self.limit,
            trouble,
            ending,
        }
    }
}

/// Whether a failure says something of its record only, so that the next may well be taken.
fn concerns_one(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::InvalidMessage
    )
}

fn borrowed(headers: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<OutHeader<'_>> {
    headers
        .iter()
        .map(|(key, value)| (Cow::Borrowed(key.as_slice()), value.as_deref().map(Cow::Borrowed)))
        .collect()
}
