//! What became of a source's records.

use std::{io, time::Duration};

use rdkafka::types::RDKafkaErrorCode;

use crate::kafka::native::{self, Landing, reason};

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
