//! A record in memory of its own.

use super::{Header, Record};

/// A copy of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// See [`Record::topic`].
    pub topic: String,
    /// See [`Record::partition`].
    pub partition: i32,
    /// See [`Record::offset`].
    pub offset: i64,
    /// See [`Record::timestamp`].
    pub timestamp: Option<i64>,
    /// See [`Record::key`].
    pub key: Option<Vec<u8>>,
    /// See [`Record::value`].
    pub value: Option<Vec<u8>>,
    /// See [`Record::headers`].
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Owned {
    /// Copies a record.
    pub fn of(record: &impl Record) -> Self {
        Owned {
            topic: record.topic().to_owned(),
            partition: record.partition(),
            offset: record.offset(),
            timestamp: record.timestamp(),
            key: record.key().map(<[u8]>::to_vec),
            value: record.value().map(<[u8]>::to_vec),
            headers: record
                .headers()
                .iter()
                .map(|header| (header.key.to_vec(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }
}

impl Record for Owned {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn partition(&self) -> i32 {
        self.partition
    }

    fn offset(&self) -> i64 {
        self.offset
    }

    fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect()
    }
}
