//! The last records of several partitions together.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    range::Progress,
    reading::{TICK, catch_up},
    trouble::{STALL, is_lasting, stalled},
};
use crate::{
    error::{Error, Result},
    kafka::{
        native::{Arrival, Extent, Feed, Message, Topic},
        record::{Owned, Record},
    },
};

/// How many offsets more than records are asked for in the second try, and then twice as many each time: offsets
/// without a record, of transactions and compaction, are rarely this many.
const FIRST_GAP: i64 = 64;

/// The part of a partition that is searched.
struct Window {
    partition: i32,
    /// The partition's first offset.
    floor: i64,
    from: i64,
    to: i64,
    found: u64,
}

/// The last `count` records by timestamp, of the partitions' last `count` each, oldest first; equal timestamps by
/// partition and offset. Memory holds `count` records, no more.
///
/// # Errors
/// As reading.
pub fn last(
    feed: &mut Feed,
    topic: &Topic,
    extents: &[Extent],
    count: u64,
    stop: &CancellationToken,
) -> Result<Vec<Owned>> {
    let reach = i64::try_from(count).unwrap_or(i64::MAX);
    let mut windows: Vec<Window> = extents
        .iter()
        .map(|&Extent { partition, start, end }| {
            let from = end.saturating_sub(reach).max(start);
            Window { partition, floor: start, from, to: end, found: 0 }
        })
        .collect();
    let mut newest = Newest { most: usize::try_from(count).unwrap_or(usize::MAX), heap: BinaryHeap::new() };
    let mut gap = FIRST_GAP;
    while windows.iter().any(|window| window.from < window.to) && !stop.is_cancelled() {
        let open: Vec<_> = windows.iter().filter(|w| w.from < w.to).collect();
        feed.start(open.iter().map(|window| (window.partition, window.from)))?;
        let mut progress = Progress::new(open.iter().map(|window| (window.partition, window.to)));
        read(feed, topic, &mut progress, stop, |record| {
            if let Some(window) = windows.iter_mut().find(|w| w.partition == record.partition()) {
                window.found += 1;
            }
            newest.add(record);
        })?;
        for window in &mut windows {
            window.to = window.from;
            if window.found < count {
                let missing = i64::try_from(count - window.found).unwrap_or(i64::MAX);
                window.from = window.from.saturating_sub(missing.saturating_add(gap)).max(window.floor);
            }
        }
        gap = gap.saturating_mul(2);
    }
    Ok(newest.sorted())
}

/// Reads the started partitions to their ends, and stops them.
fn read(
    feed: &mut Feed,
    topic: &Topic,
    progress: &mut Progress,
    stop: &CancellationToken,
    mut on: impl FnMut(&Message<'_>),
) -> Result<()> {
    let started = progress.open();
    let mut last_sign = Instant::now();
    let mut wait = Duration::ZERO;
    while !progress.open().is_empty() && !stop.is_cancelled() {
        let batch = feed.next(wait);
        for arrival in batch.arrivals() {
            match arrival {
                Arrival::Record(record) => {
                    let (partition, offset) = (record.partition(), record.offset());
                    if progress.wants(partition, offset) {
                        on(&record);
                    }
                    progress.passed(partition, offset + 1);
                }
                Arrival::End { partition, offset } => {
                    progress.passed(partition, offset);
                }
                Arrival::Trouble(code, _) if !is_lasting(code) => {}
                Arrival::Trouble(_, text) => {
                    return Err(Error::failed(format!("the topic {} cannot be read: {text}", topic.name)));
                }
            }
        }
        let is_idle = batch.is_empty();
        drop(batch);
        wait = if is_idle { TICK } else { Duration::ZERO };
        if !is_idle {
            last_sign = Instant::now();
            continue;
        }
        catch_up(feed, progress);
        if last_sign.elapsed() > STALL {
            return Err(stalled(feed, topic, progress));
        }
    }
    for partition in started {
        feed.stop(partition);
    }
    Ok(())
}

/// The order of records: time, partition, offset.
type Order = (i64, i32, i64);

fn order(record: &impl Record) -> Order {
    (record.timestamp().unwrap_or(i64::MIN), record.partition(), record.offset())
}

/// Keeps the newest of the records that it is shown.
struct Newest {
    most: usize,
    heap: BinaryHeap<Reverse<Kept>>,
}

struct Kept(Order, Owned);

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Newest {
    fn add(&mut self, record: &impl Record) {
        let order = order(record);
        if self.heap.len() >= self.most {
            match self.heap.peek() {
                Some(Reverse(oldest)) if oldest.0 < order => self.heap.pop(),
                _ => return,
            };
        }
        self.heap.push(Reverse(Kept(order, Owned::of(record))));
    }

    fn sorted(self) -> Vec<Owned> {
        // Sorting `Reverse` upwards gives the newest first.
        let mut records: Vec<Owned> = self.heap.into_sorted_vec().into_iter().map(|Reverse(kept)| kept.1).collect();
        records.reverse();
        records
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use super::Newest;
    use crate::kafka::record::Owned;

    fn newest(most: usize, records: &[(i64, i32, i64)]) -> Vec<(i64, i32, i64)> {
        let mut newest = Newest { most, heap: BinaryHeap::new() };
        for &(timestamp, partition, offset) in records {
            let timestamp = Some(timestamp);
            newest.add(&Owned { timestamp, partition, offset, ..Owned::default() });
        }
        newest.sorted().iter().map(super::order).collect()
    }

    #[test]
    fn the_newest_in_all_oldest_first() {
        let records = [(5, 0, 0), (1, 0, 1), (9, 1, 0), (5, 1, 1), (7, 2, 0)];
        assert_eq!(newest(3, &records), [(5, 1, 1), (7, 2, 0), (9, 1, 0)]);
        assert_eq!(newest(9, &records).len(), 5);
        assert_eq!(newest(9, &records)[0], (1, 0, 1));
        assert!(newest(0, &records).is_empty());
    }
}
