//! Records as kdev shows and reads them: the view that every output takes, NDJSON both ways, format strings.

mod decode;
mod encode;
mod format;
mod owned;
mod text;

pub use decode::{Decoded, SentHeader, decode};
pub use encode::encode;
pub use format::Format;
pub use owned::Owned;

/// One header: its name and, unless it is null, its value. Both may be any bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name. Several headers of one record may share it.
    pub key: &'a [u8],
    /// The value; `None` is Kafka's null, which is not the empty value.
    pub value: Option<&'a [u8]>,
}

/// A record that came from Kafka, read without copying.
///
/// A trait, since librdkafka parses timestamps and headers only when asked, and most outputs do not ask.
pub trait Record {
    /// The topic's name.
    fn topic(&self) -> &str;
    /// The partition's number.
    fn partition(&self) -> i32;
    /// The offset within the partition.
    fn offset(&self) -> i64;
    /// Milliseconds since 1970 UTC, unless the record has none (message format 0).
    fn timestamp(&self) -> Option<i64>;
    /// The key; `None` is null, which is not the empty key.
    fn key(&self) -> Option<&[u8]>;
    /// The value; `None` is null (a tombstone), which is not the empty value.
    fn value(&self) -> Option<&[u8]>;
    /// The headers in their order, duplicates included.
    fn headers(&self) -> Vec<Header<'_>>;
}
