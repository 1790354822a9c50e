//! librdkafka itself, behind the few safe types that produce and consume need.
//!
//! `rdkafka`'s own producers and consumers hand over one message a call, with an allocation each, wait in steps
//! of 100 ms in `flush`, and need a group for every consumer. The batch calls below cost a third of that, so
//! the unsafe code of kdev is here, each block with its reason, and nowhere else: these calls, and one to the allocator
//! for what they leave behind.

mod client;
mod deliveries;
mod feed;
mod limit;
mod memory;
mod message;
mod offsets;
mod outbox;
mod topic;

pub use client::{Connection, Link, connect};
pub use deliveries::{Deliveries, Failure, Landing};
pub use feed::{Arrival, Feed};
pub use limit::max_message_bytes;
pub use memory::give_batches_back;
pub use message::Message;
pub use offsets::{Extent, extents, offsets_at};
pub use outbox::{Item, Outbox, Stopped};
pub use topic::{Topic, find};

use rdkafka::{bindings::rd_kafka_resp_err_t, types::RDKafkaErrorCode};

/// librdkafka's text for an error, without its "Broker: " or "Local: " in front.
pub fn reason(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    let text = text.rsplit_once(" (").map_or(text.as_str(), |(_, inner)| inner.trim_end_matches(')'));
    let text = text.strip_prefix("Broker: ").or_else(|| text.strip_prefix("Local: ")).unwrap_or(text);
    text.to_owned()
}

/// The same for the native code; `None` where it is no error.
fn failure(code: rd_kafka_resp_err_t) -> Option<RDKafkaErrorCode> {
    (code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
}
