//! An audit: numbered records at an even rate, an account of every acknowledgement, and all of them read back.

mod lanes;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::types::RDKafkaErrorCode;
use tokio_util::sync::CancellationToken;

use lanes::Lanes;

use super::{
    Target,
    native::{Arrival, Connection, Extent, Feed, Item, Landing, Outbox, Topic, extents, find, reason},
    rate::{Pace, Rate},
    record::Record,
};
use crate::{
    audit::{Ledger, Report},
    error::{Error, Kind, Result},
};

/// How often progress is told, and the stop signal looked at.
const TICK: Duration = Duration::from_millis(100);
/// Beyond its timeout a record's report takes no longer than this.
const GRACE: Duration = Duration::from_secs(5);
/// A node that is being replaced or was lost is led around within this time; then the topic can be read again.
const READABLE: Duration = Duration::from_secs(30);

/// All that an audit needs to know.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Where to.
    pub target: &'a Target,
    /// How fast.
    pub rate: Rate,
    /// So many records; `None`: as many as the time allows.
    pub records: Option<u64>,
    /// So long; `None`: until all records are sent, or until it is stopped.
    pub lasting: Option<Duration>,
    /// Bytes of a record's value, at least.
    pub size: usize,
    /// How long a record may take until it is acknowledged.
    pub timeout: Duration,
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Records are being sent.
    Sending {
        /// Handed to the client library.
        records: u64,
        /// Of them acknowledged.
        acknowledged: u64,
        /// The longest time between two acknowledgements of one partition.
        longest_stall: Duration,
    },
    /// Everything is being read back: so many offsets.
    Reading(u64),
}

/// Sends numbered records until their number or the time is reached or `stop` is set, then reads them back. Blocks;
/// not for async threads.
///
/// Records go to the topic's partitions in turn, so that each is heard of equally often. They are JSON with the
/// fields `audit` (the run's mark), `sequence` and `content`, and stay in the topic.
///
/// # Errors
/// No broker answers, no such topic: nothing was sent then. The topic cannot be read back.
pub fn audit(request: &Request<'_>, stop: &CancellationToken, tell: &mut dyn FnMut(Progress)) -> Result<Report> {
    let Request { target, rate, records, lasting, size, timeout } = *request;
    let reader = Feed::connect(&target.bootstrap, None, true)?;
    let topic = find(&reader, target)?;
    let starts = extents(&reader, &topic, &topic.all())?;
    let patience = timeout.as_millis().to_string();
    let settings = [("message.timeout.ms", patience.as_str()), ("enable.idempotence", "true")];
    let connection = Outbox::connect(&target.bootstrap, &settings)?;
    // The outbox's own look at the topic: it has to know the partitions before it can send to a given one.
    find(&connection, target)?;
    let partitions = usize::try_from(topic.partitions).unwrap_or(0);
    let account = Arc::new(Mutex::new(Account { ledger: Ledger::default(), lanes: Lanes::new(partitions) }));
    let start = Instant::now();
    let heard = Arc::clone(&account);
    connection.link().deliveries.follow(move |sequence, result| lock(&heard).hear(sequence, result, start.elapsed()));
    let mut sender = Sender { outbox: Outbox::new(connection, &topic)?, account, run: mark(), size, stop };
    let mut pace = Pace::new(rate, start);
    let mut told = start;
    let ended = || stop.is_cancelled() || lasting.is_some_and(|lasting| start.elapsed() >= lasting);
    let mut left = records.unwrap_or(u64::MAX);
    while left > 0 && !ended() {
        match pace.take(Instant::now()) {
            Ok(()) => {
                lock(&sender.account).open();
                left -= 1;
            }
            Err(early) => sender.outbox.connection().poll(early.clamp(Duration::from_millis(1), TICK)),
        }
        sender.send_what_is_due();
        if told.elapsed() >= TICK {
            told = Instant::now();
            tell(sender.progress());
        }
    }
    let sending = start.elapsed();
    sender.settle(timeout, tell);
    let Sender { outbox, account, run, .. } = sender;
    let elapsed = start.elapsed();
    drop(outbox);
    let ends = readable(&reader, &topic)?;
    let ledger = &mut lock(&account).ledger;
    read_back(reader, &topic, &starts, &ends, &run, ledger, tell)?;
    Ok(ledger.report(topic.name, &run, rate.per_second(), sending, elapsed))
}

/// What is known of the records, and those that are still to be sent.
struct Account {
    ledger: Ledger,
    lanes: Lanes,
}

impl Account {
    fn open(&mut self) {
        let sequence = self.ledger.open();
        self.lanes.add(sequence);
    }

    fn hear(&mut self, sequence: u64, result: std::result::Result<Landing, RDKafkaErrorCode>, at: Duration) {
        match result {
            Ok(landing) => self.ledger.acknowledged(sequence, landing.partition, at),
            Err(code) => self.ledger.failed(sequence, reason(code)),
        }
        self.lanes.answered(sequence);
    }
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    // A panic elsewhere leaves counts, no broken invariant.
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sender<'a> {
    outbox: Outbox,
    account: Arc<Mutex<Account>>,
    run: String,
    size: usize,
    stop: &'a CancellationToken,
}

impl Sender<'_> {
    fn send_what_is_due(&mut self) {
        loop {
            let Some((partition, records)) = lock(&self.account).lanes.take() else { return };
            let values: Vec<String> = records.iter().map(|&sequence| value(&self.run, sequence, self.size)).collect();
            let items = records.iter().zip(&values);
            let items: Vec<Item> =
                items.map(|(&line, value)| Item { key: None, value: Some(value.as_bytes()), line }).collect();
            if self.outbox.send_all(&items, i32::try_from(partition).ok(), self.stop).is_err() {
                // The queue is full, and nobody waits for room any more: once there is some, they go.
                lock(&self.account).lanes.give_back(partition, self.outbox.untaken());
                return;
            }
        }
    }

    fn progress(&self) -> Progress {
        let ledger = &lock(&self.account).ledger;
        let (records, acknowledged) = ledger.so_far();
        Progress::Sending { records, acknowledged, longest_stall: ledger.longest_stall() }
    }

    /// Sends what is left, and waits for what was sent. Both may take a record's timeout.
    fn settle(&mut self, timeout: Duration, tell: &mut dyn FnMut(Progress)) {
        let deadline = Instant::now() + 2 * timeout + GRACE;
        let is_over = |sender: &Self| sender.outbox.open() == 0 && lock(&sender.account).lanes.is_empty();
        while !is_over(self) && Instant::now() < deadline {
            self.outbox.connection().poll(TICK);
            self.send_what_is_due();
            tell(self.progress());
        }
    }
}

/// Eight hex digits that no other run has.
fn mark() -> String {
    let mut mark = uuid::Uuid::new_v4().simple().to_string();
    mark.truncate(8);
    mark
}

fn prefix(run: &str) -> String {
    format!("{{\"audit\":\"{run}\",\"sequence\":")
}

/// A record's value, filled up to `size` bytes.
fn value(run: &str, sequence: u64, size: usize) -> String {
    let mut value = format!("{}{sequence},\"content\":\"", prefix(run));
    let fill = size.saturating_sub(value.len() + 2);
    value.extend(std::iter::repeat_n('.', fill));
    value.push_str("\"}");
    value
}

/// The number of a record of this run; none for any other record.
fn sequence(prefix: &str, value: &[u8]) -> Option<u64> {
    let rest = value.strip_prefix(prefix.as_bytes())?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// The partitions' extents, as soon as each has a leader that answers.
fn readable(reader: &Connection, topic: &Topic) -> Result<Vec<Extent>> {
    let since = Instant::now();
    loop {
        match extents(reader, topic, &topic.all()) {
            Err(error) if since.elapsed() > READABLE => {
                return Err(error.while_(format!("reading {} back", topic.name)));
            }
            Err(_) => std::thread::sleep(TICK),
            Ok(ends) => return Ok(ends),
        }
    }
}

/// Reads from `starts` to `ends`, and enters what is of this run.
fn read_back(
    reader: Connection,
    topic: &Topic,
    starts: &[Extent],
    ends: &[Extent],
    run: &str,
    ledger: &mut Ledger,
    tell: &mut dyn FnMut(Progress),
) -> Result<()> {
    let mut feed = Feed::new(reader, topic)?;
    let mut open: Vec<(i32, i64)> = Vec::new();
    let mut from: Vec<(i32, i64)> = Vec::new();
    for (start, end) in starts.iter().zip(ends).filter(|(start, end)| start.end < end.end) {
        open.push((end.partition, end.end));
        // What retention has taken meanwhile is not there to be read.
        from.push((start.partition, start.end.max(end.start)));
    }
    feed.start(from)?;
    let prefix = prefix(run);
    let (mut read, mut last_sign, mut told) = (0, Instant::now(), Instant::now());
    while !open.is_empty() {
        let batch = feed.next(TICK);
        if !batch.is_empty() {
            last_sign = Instant::now();
        }
        for arrival in batch.arrivals() {
            let (partition, next) = match arrival {
                Arrival::Record(record) => {
                    read += 1;
                    if let Some(sequence) = record.value().and_then(|value| sequence(&prefix, value)) {
                        ledger.found(sequence, record.partition());
                    }
                    (record.partition(), record.offset() + 1)
                }
                Arrival::End { partition, offset } => (partition, offset),
                // librdkafka tries on by itself; what lasts ends in the silence that is waited for below.
                Arrival::Trouble(..) => continue,
            };
            open.retain(|&(other, end)| other != partition || next < end);
        }
        drop(batch);
        if last_sign.elapsed() > READABLE {
            let open: Vec<String> = open.iter().map(|(partition, _)| format!("{}[{partition}]", topic.name)).collect();
            return Err(Error::new(Kind::TimedOut, format!("{} cannot be read back", open.join(", ")))
                .details(feed.connection().link().last_trouble())
                .hint("kdev status"));
        }
        if told.elapsed() >= TICK {
            told = Instant::now();
            tell(Progress::Reading(read));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{prefix, sequence, value};

    #[test]
    fn a_value_has_its_size_is_json_and_tells_its_number() {
        for (size, length) in [(100, 100), (1000, 1000), (0, 47)] {
            let value = value("1a2b3c4d", 17, size);
            assert_eq!(value.len(), length, "{value}");
            let json: serde_json::Value = serde_json::from_str(&value).unwrap();
            assert_eq!((json["audit"].as_str(), json["sequence"].as_u64()), (Some("1a2b3c4d"), Some(17)));
            assert_eq!(sequence(&prefix("1a2b3c4d"), value.as_bytes()), Some(17));
            assert_eq!(sequence(&prefix("00000000"), value.as_bytes()), None);
        }
    }

    #[test]
    fn what_only_begins_like_a_record_of_the_run_is_none() {
        assert_eq!(sequence(&prefix("1a"), b"{\"audit\":\"1a\",\"sequence\":"), None);
        assert_eq!(sequence(&prefix("1a"), b""), None);
    }
}
