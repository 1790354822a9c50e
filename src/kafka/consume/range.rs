//! Which offsets are read, and how far reading has come.

use crate::kafka::native::Extent;

/// A count of offsets as Kafka counts them. Positions are parsed to fit.
fn offsets(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `count` offsets after the start, at most the end.
pub fn after(extent: &Extent, count: u64) -> i64 {
    extent.start.saturating_add(offsets(count)).min(extent.end)
}

/// The offset itself, or the nearest that the partition has.
pub fn nearest(extent: &Extent, offset: u64) -> i64 {
    offsets(offset).clamp(extent.start, extent.end)
}

/// Whether `offset` lies outside of every partition that is read: then nobody can have meant it.
pub fn is_outside(extents: &[Extent], offset: u64) -> bool {
    let outside = |extent: &Extent| !(extent.start..=extent.end).contains(&offsets(offset));
    extents.iter().all(outside)
}

/// Whether no partition that is read has more than `count` offsets.
pub fn is_beyond(extents: &[Extent], count: u64) -> bool {
    count > 0 && extents.iter().all(|extent| extent.end - extent.start < offsets(count))
}

/// How far bounded reading has come.
#[derive(Clone, Debug)]
pub struct Progress {
    open: Vec<(i32, i64)>,
}

impl Progress {
    /// Nothing of `ends`, each a partition and the offset after its last wanted one, has been read.
    pub fn new(ends: impl IntoIterator<Item = (i32, i64)>) -> Self {
        Progress { open: ends.into_iter().collect() }
    }

    /// The partitions not read to their ends.
    pub fn open(&self) -> Vec<i32> {
        self.open.iter().map(|&(partition, _)| partition).collect()
    }

    /// The partitions not read to their ends, with these ends.
    pub fn open_ends(&self) -> &[(i32, i64)] {
        &self.open
    }

    /// Whether the record at `offset` is wanted.
    pub fn wants(&self, partition: i32, offset: i64) -> bool {
        self.open.iter().any(|&(open, end)| open == partition && offset < end)
    }

    /// Everything of `partition` before `offset` has been read. Returns whether that was the last of it.
    ///
    /// Positions count, not records: the last offsets of a partition may hold none, where a transaction was
    /// committed or aborted, or compaction took them.
    pub fn passed(&mut self, partition: i32, offset: i64) -> bool {
        let before = self.open.len();
        self.open.retain(|&(open, end)| open != partition || offset < end);
        self.open.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::{Extent, Progress, after, is_beyond, is_outside, nearest};

    const EXTENTS: [Extent; 2] =
        [Extent { partition: 0, start: 10, end: 20 }, Extent { partition: 1, start: 0, end: 5 }];

    #[test]
    fn offsets_stay_within_the_partition() {
        let [a, b] = &EXTENTS;
        assert_eq!([after(a, 3), after(b, 3), after(b, u64::MAX)], [13, 3, 5]);
        assert_eq!([nearest(a, 3), nearest(b, 3), nearest(b, 12)], [10, 3, 5]);
    }

    #[test]
    fn only_what_no_partition_has_is_out_of_range() {
        assert_eq!([4, 7, 20, 21].map(|n| is_outside(&EXTENTS, n)), [false, true, false, true]);
        assert_eq!([0, 10, 11].map(|n| is_beyond(&EXTENTS, n)), [false, false, true]);
    }

    #[test]
    fn a_partition_ends_at_its_end_or_beyond_it() {
        let mut progress = Progress::new([(0, 20), (1, 5)]);
        assert!(progress.wants(0, 19) && !progress.wants(0, 20) && !progress.wants(7, 0));
        assert!(!progress.passed(0, 19));
        assert!(progress.passed(0, 25));
        assert!(!progress.passed(0, 26));
        assert_eq!(progress.open(), [1]);
        assert!(progress.passed(1, 5));
        assert!(progress.open().is_empty());
    }
}
