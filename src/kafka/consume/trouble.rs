//! What can go wrong while reading, in words.

use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;

use super::range::Progress;
use crate::{
    error::{Error, Kind},
    kafka::native::{Extent, Feed, Topic},
};

/// How long bounded reading waits for the next sign of life.
pub const STALL: Duration = Duration::from_secs(30);

/// Whether what librdkafka reports will not pass by itself.
pub fn is_lasting(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::Fatal
    )
}

/// Nothing came for as long as [`STALL`].
pub fn stalled(feed: &Feed, topic: &Topic, progress: &Progress) -> Error {
    let open = progress.open();
    let positions = feed.positions(&open);
    let lines = progress.open_ends().iter().zip(positions).map(|(&(partition, end), position)| match position {
        Some(position) => format!("{}[{partition}] was read to {position} of {end}", topic.name),
        None => format!("{}[{partition}] gave nothing; it ends at {end}", topic.name),
    });
    let error = Error::new(Kind::TimedOut, format!("nothing more came of {} for {} s", topic.name, STALL.as_secs()))
        .details(lines)
        .hint("kdev status");
    match feed.connection().link().last_trouble() {
        Some(trouble) => error.details([trouble]),
        None => error,
    }
}

/// `what` was asked for, and no partition has it.
pub fn out_of_range(topic: &Topic, extents: &[Extent], what: &str) -> Error {
    let lines = extents.iter().map(|Extent { partition, start, end }| {
        if start == end {
            format!("{}[{partition}] is empty; its next offset is {end}", topic.name)
        } else {
            format!("{}[{partition}] has offsets {start} to {}", topic.name, end - 1)
        }
    });
    Error::failed(format!("{what} is outside of {}", topic.name)).details(lines)
}
