//! Merges log streams into one, in the order of their times. Pure. Layer 1.

use std::{cmp::Reverse, collections::BinaryHeap};

use jiff::Timestamp;

/// A log line of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// When it was written.
    pub time: Timestamp,
    /// Counts up with arrival: lines of one moment keep their order.
    pub arrival: u64,
    /// Index of the service.
    pub source: usize,
    /// Whether it came on stderr.
    pub is_stderr: bool,
    /// Its text, without the end of line.
    pub text: String,
}

/// Holds lines back until no earlier one can be expected.
///
/// A source that has ended, or that has delivered a line, bounds what may still come from it. While following, the
/// caller also releases lines by age ([`Merge::release_before`]), since a quiet service delivers nothing.
#[derive(Debug)]
pub struct Merge {
    heap: BinaryHeap<Reverse<Line>>,
    latest: Vec<Option<Timestamp>>,
    open: Vec<bool>,
}

impl Merge {
    /// For so many sources.
    pub fn new(sources: usize) -> Self {
        Merge { heap: BinaryHeap::new(), latest: vec![None; sources], open: vec![true; sources] }
    }

    /// Takes a line in.
    pub fn push(&mut self, line: Line) {
        self.latest[line.source] = self.latest[line.source].max(Some(line.time));
        self.heap.push(Reverse(line));
    }

    /// Nothing more comes from this source.
    pub fn close(&mut self, source: usize) {
        self.open[source] = false;
    }

    /// The next line, if no open source could still deliver an earlier one.
    pub fn pop(&mut self) -> Option<Line> {
        let bound = self.open.iter().zip(&self.latest).filter(|(open, _)| **open).map(|(_, latest)| *latest).min();
        let Reverse(first) = self.heap.peek()?;
        match bound {
            // An open source that has said nothing yet may say anything.
            Some(None) => None,
            Some(Some(time)) if first.time > time => None,
            _ => self.heap.pop().map(|Reverse(line)| line),
        }
    }

    /// The next line if it was written before `time`, whatever may still come.
    pub fn release_before(&mut self, time: Timestamp) -> Option<Line> {
        (self.heap.peek()?.0.time < time).then(|| self.heap.pop().map(|Reverse(line)| line))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: i64, arrival: u64, source: usize) -> Line {
        let time = Timestamp::from_second(second).expect("in range");
        Line { time, arrival, source, is_stderr: false, text: format!("{source}@{second}") }
    }

    fn drain(merge: &mut Merge) -> Vec<String> {
        std::iter::from_fn(|| merge.pop()).map(|line| line.text).collect()
    }

    #[test]
    fn lines_wait_for_sources_that_may_be_earlier() {
        let mut merge = Merge::new(2);
        merge.push(line(1, 0, 0));
        merge.push(line(3, 1, 0));
        assert!(drain(&mut merge).is_empty(), "source 1 has said nothing yet");
        merge.push(line(2, 2, 1));
        assert_eq!(drain(&mut merge), ["0@1", "1@2"]);
        merge.close(1);
        assert_eq!(drain(&mut merge), ["0@3"]);
    }

    #[test]
    fn a_quiet_source_does_not_hold_back_old_lines() {
        let mut merge = Merge::new(2);
        merge.push(line(1, 0, 0));
        let later = Timestamp::from_second(5).expect("in range");
        assert_eq!(merge.release_before(later).map(|line| line.text), Some("0@1".to_owned()));
        assert_eq!(merge.release_before(later), None);
    }
}
