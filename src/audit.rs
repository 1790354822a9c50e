//! The account of an audit: which numbered records were acknowledged, which were found again, and how long each
//! partition made the producer wait. Pure. Layer 1.
//!
//! `kafka::audit` sends and reads; what it sees goes into a [`Ledger`], and a [`Report`] comes out.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::model::TopicName;

/// Counts up only when a field changes its meaning or goes; fields may be added.
pub const SCHEMA: u32 = 1;

/// A rate short by less than this is no news: timers of a machine that has other work to do.
const TOLERATED: f64 = 0.98;

/// Sending may end so many seconds late: what its start takes counts for much in a run of few records.
const A_MOMENT: f64 = 0.1;

/// How many lost records are named.
const NAMED: usize = 5;

/// What became of one record.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    acknowledged: Option<i32>,
    failed: bool,
    found: u8,
}

/// The acknowledgements of one partition.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledgements {
    count: u64,
    last: Option<Duration>,
    stall: Duration,
    stall_at: Duration,
}

/// Everything that was seen of an audit's records. Times are counted from its start.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    partitions: BTreeMap<i32, Acknowledgements>,
    failures: BTreeMap<String, u64>,
    highest: BTreeMap<i32, u64>,
    reordered: u64,
}

impl Ledger {
    /// The number of the next record, from 0. It is in nobody's hands yet.
    pub fn open(&mut self) -> u64 {
        self.entries.push(Entry::default());
        self.entries.len() as u64 - 1
    }

    fn entry(&mut self, sequence: u64) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(sequence).ok()?)
    }

    /// A record was acknowledged.
    pub fn acknowledged(&mut self, sequence: u64, partition: i32, at: Duration) {
        if let Some(entry) = self.entry(sequence) {
            entry.acknowledged = Some(partition);
        }
        let seen = self.partitions.entry(partition).or_default();
        seen.count += 1;
        if let Some(last) = seen.last {
            let gap = at.saturating_sub(last);
            if gap > seen.stall {
                (seen.stall, seen.stall_at) = (gap, last);
            }
        }
        seen.last = Some(at);
    }

    /// A record was given up by the client library.
    pub fn failed(&mut self, sequence: u64, reason: String) {
        if let Some(entry) = self.entry(sequence) {
            entry.failed = true;
        }
        *self.failures.entry(reason).or_default() += 1;
    }

    /// A record was read back. To be called in the order of each partition's offsets.
    pub fn found(&mut self, sequence: u64, partition: i32) {
        let Some(entry) = self.entry(sequence) else { return };
        entry.found = entry.found.saturating_add(1);
        let first = entry.found == 1;
        let highest = self.highest.entry(partition).or_insert(sequence);
        // A copy that comes late is a duplicate, and says nothing of the order.
        if first && sequence < *highest {
            self.reordered += 1;
        }
        *highest = sequence.max(*highest);
    }

    /// Records handed over so far, and those of them that were acknowledged.
    pub fn so_far(&self) -> (u64, u64) {
        (self.entries.len() as u64, self.partitions.values().map(|seen| seen.count).sum())
    }

    /// The longest time between two acknowledgements of one partition so far.
    pub fn longest_stall(&self) -> Duration {
        self.partitions.values().map(|seen| seen.stall).max().unwrap_or_default()
    }

    /// The account, once everything has been read back. So many records a second were to go out, in `sending`.
    pub fn report(&self, topic: TopicName, run: &str, asked: f64, sending: Duration, elapsed: Duration) -> Report {
        let count = |is: &dyn Fn(&Entry) -> bool| self.entries.iter().filter(|entry| is(entry)).count() as u64;
        let lost = |entry: &Entry| entry.acknowledged.is_some() && entry.found == 0;
        let lost_records = self.entries.iter().zip(0..).filter(|(entry, _)| lost(entry));
        let lost_first = lost_records
            .take(NAMED)
            .map(|(entry, sequence)| Lost { sequence, partition: entry.acknowledged.unwrap_or_default() });
        let partitions: Vec<Partition> = self
            .partitions
            .iter()
            .map(|(&partition, seen)| Partition {
                partition,
                acknowledged: seen.count,
                longest_stall_ms: millis(seen.stall),
                stall_at_ms: millis(seen.stall_at),
            })
            .collect();
        Report {
            schema: SCHEMA,
            topic,
            run: run.to_owned(),
            elapsed_ms: millis(elapsed),
            rate_asked: asked,
            // The first record goes at once: of few records more go in their time than were asked for.
            rate_reached: (self.entries.len() as f64 / sending.as_secs_f64()).min(asked),
            records: self.entries.len() as u64,
            acknowledged: count(&|entry| entry.acknowledged.is_some()),
            failed: count(&|entry| entry.failed),
            unanswered: count(&|entry| entry.acknowledged.is_none() && !entry.failed),
            lost: count(&lost),
            duplicated: count(&|entry| entry.found > 1),
            reordered: self.reordered,
            stored_unacknowledged: count(&|entry| entry.acknowledged.is_none() && entry.found > 0),
            longest_stall_ms: partitions.iter().map(|partition| partition.longest_stall_ms).max().unwrap_or(0),
            partitions,
            failures: self
                .failures
                .iter()
                .map(|(reason, &records)| FailureCount { reason: reason.clone(), records })
                .collect(),
            lost_first: lost_first.collect(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What `kdev audit -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Where the records are.
    pub topic: TopicName,
    /// The mark that each of the audit's records bears.
    pub run: String,
    /// From the first record to the last acknowledgement, in milliseconds.
    pub elapsed_ms: u64,
    /// Records a second that were to be sent.
    pub rate_asked: f64,
    /// Records a second that were sent, until sending ended.
    pub rate_reached: f64,
    /// Records handed to the client library.
    pub records: u64,
    /// Records acknowledged by every replica in sync.
    pub acknowledged: u64,
    /// Records that the client library gave up.
    pub failed: u64,
    /// Records of which nothing was heard when waiting ended.
    pub unanswered: u64,
    /// Acknowledged, and not in the topic.
    pub lost: u64,
    /// More than once in the topic.
    pub duplicated: u64,
    /// Behind a record of their partition that was sent later.
    pub reordered: u64,
    /// In the topic though never acknowledged: no fault, the acknowledgement may be what was lost.
    pub stored_unacknowledged: u64,
    /// The longest time between two acknowledgements of one partition, in milliseconds.
    pub longest_stall_ms: u64,
    /// The partitions that acknowledged something.
    pub partitions: Vec<Partition>,
    /// Why records failed.
    pub failures: Vec<FailureCount>,
    /// The first few lost records.
    pub lost_first: Vec<Lost>,
}

/// One partition of a [`Report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// Records that it acknowledged.
    pub acknowledged: u64,
    /// Its longest time between two acknowledgements, in milliseconds.
    pub longest_stall_ms: u64,
    /// When that began, in milliseconds from the audit's start.
    pub stall_at_ms: u64,
}

/// Records that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// The reason.
    pub reason: String,
    /// How many.
    pub records: u64,
}

/// A record that was acknowledged and is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Its number within the audit.
    pub sequence: u64,
    /// The partition that acknowledged it.
    pub partition: i32,
}

impl Report {
    /// Whether every record was acknowledged, and each is there once and in order.
    pub fn passes(&self) -> bool {
        [self.failed, self.unanswered, self.lost, self.duplicated, self.reordered].iter().all(|&count| count == 0)
    }

    /// Whether less was sent than was asked for: by the machine, or by a cluster that took no more.
    pub fn fell_short(&self) -> bool {
        let records = self.records as f64;
        let late = records / self.rate_reached - records / self.rate_asked;
        self.rate_reached < self.rate_asked * TOLERATED && late > A_MOMENT
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ledger, Lost, Report};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// A ledger of so many records to one partition, all acknowledged 10 ms apart.
    fn acknowledged(records: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for number in 0..records {
            let sequence = ledger.open();
            ledger.acknowledged(sequence, 0, MS(number * 10));
        }
        ledger
    }

    fn report(ledger: &Ledger) -> Report {
        ledger.report("posts".parse().unwrap(), "1a2b", 5.0, MS(1000), MS(1000))
    }

    #[test]
    fn what_is_there_once_and_in_order_passes() {
        let mut ledger = acknowledged(5);
        (0..5).for_each(|sequence| ledger.found(sequence, 0));
        let report = report(&ledger);
        assert!(report.passes(), "{report:?}");
        assert_eq!((report.records, report.acknowledged, report.longest_stall_ms), (5, 5, 10));
    }

    #[test]
    fn a_rate_that_was_not_reached_is_told() {
        let rate = |records, sending| {
            let report = acknowledged(records).report("posts".parse().unwrap(), "1a2b", 500.0, sending, MS(5000));
            (report.rate_reached, report.fell_short())
        };
        assert_eq!(rate(2000, MS(4000)), (500.0, false));
        assert_eq!(rate(1980, MS(4000)), (495.0, false), "less than 2 %");
        assert_eq!(rate(1600, MS(4000)), (400.0, true));
        assert_eq!(rate(1, MS(0)), (500.0, false), "one record takes no time");
        assert_eq!(rate(10, MS(50)), (200.0, false), "nor does a start");
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let mut ledger = acknowledged(4);
        [0, 1, 3].into_iter().for_each(|sequence| ledger.found(sequence, 0));
        let report = report(&ledger);
        assert_eq!((report.lost, report.reordered), (1, 0));
        assert_eq!(report.lost_first, [Lost { sequence: 2, partition: 0 }]);
        assert!(!report.passes());
    }

    #[test]
    fn a_copy_is_a_duplicate_and_not_out_of_order() {
        let mut ledger = acknowledged(4);
        [0, 1, 2, 1, 3].into_iter().for_each(|sequence| ledger.found(sequence, 0));
        let report = report(&ledger);
        assert_eq!((report.duplicated, report.reordered, report.lost), (1, 0, 0));
        assert!(!report.passes());
    }

    #[test]
    fn order_counts_within_a_partition_only() {
        let mut ledger = acknowledged(6);
        for (sequence, partition) in [(1, 1), (0, 0), (3, 0), (2, 0), (4, 0), (5, 1)] {
            ledger.found(sequence, partition);
        }
        assert_eq!(report(&ledger).reordered, 1);
    }

    #[test]
    fn what_failed_and_is_stored_all_the_same_is_no_loss() {
        let mut ledger = acknowledged(1);
        let failed = ledger.open();
        ledger.failed(failed, "timed out".to_owned());
        ledger.open();
        ledger.found(0, 0);
        ledger.found(failed, 0);
        let report = report(&ledger);
        assert_eq!((report.failed, report.unanswered, report.lost), (1, 1, 0));
        assert_eq!(report.stored_unacknowledged, 1);
        assert_eq!(report.failures[0].reason, "timed out");
        assert!(!report.passes());
    }

    #[test]
    fn the_longest_stall_is_told_by_partition_with_its_beginning() {
        let mut ledger = Ledger::default();
        for (partition, at) in [(0, 5), (1, 6), (0, 15), (1, 206), (0, 30), (1, 210)] {
            let sequence = ledger.open();
            ledger.acknowledged(sequence, partition, MS(at));
        }
        let report = report(&ledger);
        assert_eq!(report.longest_stall_ms, 200);
        assert_eq!(report.partitions.iter().map(|p| p.longest_stall_ms).collect::<Vec<_>>(), [15, 200]);
        assert_eq!(report.partitions[1].stall_at_ms, 6);
    }

    #[test]
    fn strangers_numbers_are_left_out() {
        let mut ledger = acknowledged(1);
        ledger.found(0, 0);
        ledger.found(77, 0);
        assert!(report(&ledger).passes());
    }
}
