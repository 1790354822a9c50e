//! Producing: input to records, records to a topic, and an account of every one.

mod chunks;
mod generate;
mod outcome;
mod run;
mod sender;
mod shape;
mod single;

pub use chunks::{Chunk, Chunks};
pub use outcome::{BadLine, Ending, Failure, Outcome, Reason};
pub use run::{Request, produce};
pub use sender::Answer;
pub use shape::Shape;

use super::rate::Rate;

pub use super::native::{Landing, give_batches_back};

use std::{io::Read, time::Duration};

/// librdkafka's name for how batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4: the cheapest to compute.
    Lz4,
    /// Zstandard: the smallest.
    Zstd,
}

impl Compression {
    fn codec(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

/// How a key becomes a partition. Records without a key go anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Partitioner {
    /// As Java clients and most others do.
    #[default]
    Murmur2,
    /// As clients on librdkafka do unless told otherwise: Python's, Go's, .NET's of Confluent, kcat.
    Crc32,
}

impl Partitioner {
    fn librdkafka_name(self) -> &'static str {
        match self {
            Partitioner::Murmur2 => "murmur2_random",
            Partitioner::Crc32 => "consistent_random",
        }
    }
}

/// How records are sent.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// How batches are compressed.
    pub compression: Compression,
    /// How a key becomes a partition.
    pub partitioner: Partitioner,
    /// How long a record may take until it is acknowledged.
    pub timeout: Duration,
    /// No faster than this; `None` is as fast as it goes.
    pub rate: Option<Rate>,
}

/// What is sent.
pub enum Source {
    /// Each line is a record.
    Lines {
        /// Where the lines come from.
        input: Box<dyn Read + Send>,
        /// Whether all of them are there already, as in a file: nobody waits for a line's record before the next line.
        at_rest: bool,
        /// What a line means.
        shape: Shape,
    },
    /// One record of this key and value.
    One {
        /// The key; `None` is null.
        key: Option<Vec<u8>>,
        /// The value; `None` is null.
        value: Option<Vec<u8>>,
    },
    /// Made-up records, for load.
    Generated {
        /// How many.
        count: u64,
        /// Bytes of each one's value.
        size: usize,
    },
}

impl Source {
    /// Whether none of its records is still to come into being.
    fn is_at_rest(&self) -> bool {
        match self {
            Source::Lines { at_rest, .. } => *at_rest,
            Source::One { .. } | Source::Generated { .. } => true,
        }
    }

    /// Bytes of key and value of the one record that it is, where any topic takes so many, but for one whose own limit
    /// is tiny: there the broker says so.
    fn small(&self) -> Option<usize> {
        let Source::One { key, value } = self else { return None };
        let size = key.as_ref().map_or(0, Vec::len) + value.as_ref().map_or(0, Vec::len);
        (size < SMALL).then_some(size)
    }
}

/// Half of Kafka's own limit of a batch.
const SMALL: usize = 500_000;

/// What every record gets in addition.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// The partition, whatever the record says.
    pub partition: Option<i32>,
    /// Milliseconds since 1970, whatever the record says.
    pub timestamp: Option<i64>,
    /// Headers, after the record's own.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}
