//! Where partitions begin and end, and which offset a time has.

use std::time::Duration;

use backon::{BlockingRetryable, ConstantBuilder};
use rdkafka::{
    Offset, TopicPartitionList, bindings::rd_kafka_offsets_for_times, error::KafkaError, types::RDKafkaErrorCode,
};

use super::{Connection, Topic, client::millis, failure, reason};
use crate::error::{Error, Result};

/// What one partition holds: the offsets from `start` to before `end`.
///
/// `end` is the last stable offset: what a reader of committed records can reach, below every open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The partition.
    pub partition: i32,
    /// The offset of its first record.
    pub start: i64,
    /// The offset after its last.
    pub end: i64,
}

/// How long all leaders together may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who leads moves within a second; one that nobody leads is refused after five.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSES: usize = 100;

/// Asks the leaders of `partitions` for their extents: one request each for the starts, one for the ends.
///
/// # Errors
/// A partition has no leader; a leader does not answer.
pub fn extents(connection: &Connection, topic: &Topic, partitions: &[i32]) -> Result<Vec<Extent>> {
    // ListOffsets takes -2 and -1 where a time would stand, and so does librdkafka's look-up by time.
    let starts = look_up(connection, topic, partitions, Offset::Beginning)?;
    let ends = look_up(connection, topic, partitions, Offset::End)?;
    Ok(partitions
        .iter()
        .zip(starts.into_iter().zip(ends))
        .map(|(&partition, (start, end))| {
            let end = end.unwrap_or(0);
            // A retention run between the two requests moves the start only.
            Extent { partition, start: start.unwrap_or(0).min(end), end }
        })
        .collect())
}

/// For each of `partitions` the offset of its first record with a timestamp of `time` (ms since 1970) or later,
/// `None` where there is none.
///
/// # Errors
/// As [`extents`].
pub fn offsets_at(connection: &Connection, topic: &Topic, partitions: &[i32], time: i64) -> Result<Vec<Option<i64>>> {
    look_up(connection, topic, partitions, Offset::Offset(time.max(0)))
}

fn look_up(connection: &Connection, topic: &Topic, partitions: &[i32], what: Offset) -> Result<Vec<Option<i64>>> {
    let name = topic.name.as_str();
    let backoff = ConstantBuilder::new().with_delay(PAUSE).with_max_times(PAUSES);
    let found = (|| ask(connection, name, partitions, what)).retry(backoff).when(Refused::is_passing).call();
    found.map_err(|Refused { partition, why, code: _ }| {
        let place = partition.map_or(name.to_owned(), |partition| format!("{name}[{partition}]"));
        Error::failed(format!("the offsets of {place} cannot be read: {why}"))
            .hint("kdev status shows which nodes are down")
    })
}

/// Why offsets were not to be had: of all, or of one partition.
struct Refused {
    partition: Option<i32>,
    why: String,
    code: Option<RDKafkaErrorCode>,
}

impl Refused {
    fn new(partition: Option<i32>, code: RDKafkaErrorCode) -> Self {
        Refused { partition, why: reason(code), code: Some(code) }
    }

    /// A leader is being found, as just after the topic was made; or it does not know yet that it leads again, or where
    /// its partition ends, as just after a start. librdkafka asks anew who leads.
    fn is_passing(&self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.code,
            Some(
                Code::NotLeaderForPartition
                    | Code::LeaderNotAvailable
                    | Code::FencedLeaderEpoch
                    | Code::UnknownLeaderEpoch
                    | Code::OffsetNotAvailable
            )
        )
    }
}

fn ask(
    connection: &Connection,
    name: &str,
    partitions: &[i32],
    what: Offset,
) -> std::result::Result<Vec<Option<i64>>, Refused> {
    let of = |partition, error: KafkaError| match error.rdkafka_error_code() {
        Some(code) => Refused::new(Some(partition), code),
        None => Refused { partition: Some(partition), why: error.to_string(), code: None },
    };
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for &partition in partitions {
        list.add_partition_offset(name, partition, what).map_err(|error| of(partition, error))?;
    }
    // SAFETY: a live client and a live list, which the call fills in and does not keep.
    let code = unsafe { rd_kafka_offsets_for_times(connection.native(), list.ptr(), millis(PATIENCE)) };
    if let Some(code) = failure(code) {
        return Err(Refused::new(None, code));
    }
    partitions
        .iter()
        .map(|&partition| {
            let found = list.find_partition(name, partition);
            let missing = || Refused { partition: Some(partition), why: "no answer".to_owned(), code: None };
            let found = found.ok_or_else(missing)?;
            found.error().map_err(|error| of(partition, error))?;
            Ok(match found.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        })
        .collect()
}
