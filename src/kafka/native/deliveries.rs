//! What became of every record that was handed to librdkafka: the callbacks write, `produce` reads.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use rdkafka::types::RDKafkaErrorCode;

/// How many lines of one kind of failure are named.
const NAMED: usize = 5;

/// Where a record landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// The records that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub code: RDKafkaErrorCode,
    /// How many.
    pub records: u64,
    /// The first few of their lines, each with the record's size in bytes.
    pub lines: Vec<(u64, usize)>,
}

/// The account of all records of one producer.
#[derive(Debug, Default)]
pub struct Deliveries {
    records: AtomicU64,
    given_up: AtomicU64,
    bytes: AtomicU64,
    each: AtomicBool,
    landed: Mutex<Option<Landing>>,
    failures: Mutex<Vec<Failure>>,
    follower: Follower,
}

/// Who is told of each record by the number of its line: where it landed, or why it failed.
type Tell = Box<dyn Fn(u64, Result<Landing, RDKafkaErrorCode>) + Send + Sync>;

/// Somebody who follows each record, if anybody does.
#[derive(Default)]
struct Follower(OnceLock<Tell>);

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() { "Follower" } else { "nobody" })
    }
}

impl Deliveries {
    /// From now on remembers where the latest record landed, not only the first.
    pub fn watch_each(&self) {
        self.each.store(true, Ordering::Relaxed);
    }

    /// From now on tells `tell` of each record, on the thread that polls. There can be one follower only.
    pub fn follow(&self, tell: impl Fn(u64, Result<Landing, RDKafkaErrorCode>) + Send + Sync + 'static) {
        // A second follower would mean that two audits share one producer, which nothing can make happen.
        let _ = self.follower.0.set(Box::new(tell));
    }

    /// The record of `line` with `bytes` (key and value) was acknowledged.
    ///
    /// Reports are served on the one thread that polls, a million a second: relaxed counting, and no lock for
    /// any but the first, whose place is shown where it is the only one.
    pub(super) fn acknowledged(&self, line: u64, bytes: usize, landing: Landing) {
        let before = self.records.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if before == 0 || self.each.load(Ordering::Relaxed) {
            *lock(&self.landed) = Some(landing);
        }
        if let Some(tell) = self.follower.0.get() {
            tell(line, Ok(landing));
        }
    }

    /// librdkafka had taken the record of `line` with `size` bytes, and gave it up.
    pub(super) fn given_up(&self, line: u64, size: usize, code: RDKafkaErrorCode) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
        self.failed(line, size, code);
    }

    /// Of how many of the records that librdkafka took it has told what became of them.
    pub(super) fn told_of(&self) -> u64 {
        self.records() + self.given_up.load(Ordering::Relaxed)
    }

    /// The record of `line` with `size` bytes failed.
    pub fn failed(&self, line: u64, size: usize, code: RDKafkaErrorCode) {
        if let Some(tell) = self.follower.0.get() {
            tell(line, Err(code));
        }
        let mut failures = lock(&self.failures);
        let at = failures.iter().position(|failure| failure.code == code).unwrap_or_else(|| {
            failures.push(Failure { code, records: 0, lines: Vec::new() });
            failures.len() - 1
        });
        let failure = &mut failures[at];
        failure.records += 1;
        // Reports come in the order of partitions and batches, not of lines.
        let place = failure.lines.partition_point(|&(other, _)| other < line);
        if place < NAMED {
            failure.lines.insert(place, (line, size));
            failure.lines.truncate(NAMED);
        }
    }

    /// How many records were acknowledged.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// The bytes of their keys and values.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Where the first acknowledged record landed; after [`Deliveries::watch_each`] the latest.
    pub fn landing(&self) -> Option<Landing> {
        *lock(&self.landed)
    }

    /// The failures, by reason.
    pub fn failures(&self) -> Vec<Failure> {
        lock(&self.failures).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves nothing half-written here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rdkafka::types::RDKafkaErrorCode;

    use super::{Deliveries, Landing};

    #[test]
    fn the_lowest_lines_of_a_failure_are_named() {
        let deliveries = Deliveries::default();
        for line in (1..=10).rev() {
            deliveries.failed(line, 7, RDKafkaErrorCode::MessageSizeTooLarge);
        }
        deliveries.failed(3, 1, RDKafkaErrorCode::MessageTimedOut);
        let failures = deliveries.failures();
        assert_eq!(failures[0].records, 10);
        assert_eq!(failures[0].lines, [(1, 7), (2, 7), (3, 7), (4, 7), (5, 7)]);
        assert_eq!(failures[1].lines, [(3, 1)]);
    }

    #[test]
    fn what_was_never_taken_is_not_told_of() {
        let deliveries = Deliveries::default();
        deliveries.failed(1, 7, RDKafkaErrorCode::MessageSizeTooLarge);
        assert_eq!(deliveries.told_of(), 0);
        deliveries.given_up(2, 7, RDKafkaErrorCode::MessageTimedOut);
        deliveries.acknowledged(3, 7, Landing { partition: 0, offset: 0 });
        assert_eq!(deliveries.told_of(), 2);
        assert_eq!(deliveries.failures().len(), 2);
    }

    #[test]
    fn the_first_landing_stays_unless_each_is_watched() {
        let deliveries = Deliveries::default();
        let [first, second] = [1, 2].map(|offset| Landing { partition: 0, offset });
        deliveries.acknowledged(1, 5, first);
        deliveries.acknowledged(2, 6, second);
        assert_eq!(deliveries.landing(), Some(first));
        deliveries.watch_each();
        deliveries.acknowledged(3, 0, second);
        assert_eq!(deliveries.landing(), Some(second));
        assert_eq!((deliveries.records(), deliveries.bytes()), (3, 11));
    }

    #[test]
    fn a_follower_hears_of_each_record_by_its_line() {
        use std::sync::{Arc, Mutex};
        let (deliveries, heard) = (Deliveries::default(), Arc::new(Mutex::new(Vec::new())));
        let all = Arc::clone(&heard);
        deliveries.follow(move |line, result| all.lock().unwrap().push((line, result)));
        let landing = Landing { partition: 1, offset: 9 };
        deliveries.acknowledged(7, 100, landing);
        deliveries.failed(8, 100, RDKafkaErrorCode::MessageTimedOut);
        assert_eq!(*heard.lock().unwrap(), [(7, Ok(landing)), (8, Err(RDKafkaErrorCode::MessageTimedOut))]);
    }
}
