//! What a line of input means.

use super::super::{
    native::Item,
    record::{Decoded, decode},
};

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The line is the value.
    Value {
        /// The key of every record; `None` is null.
        key: Option<Vec<u8>>,
    },
    /// Key and value, with this between them. A line without it is a mistake.
    KeyAndValue {
        /// Not empty.
        separator: Vec<u8>,
    },
    /// The line is the key of a record without a value.
    Tombstone,
    /// The line is a record in JSON.
    Json {
        /// Whether the partition in it is ignored.
        repartition: bool,
    },
}

/// A record of a line: most are nothing but key and value, which go out by batches.
#[derive(Debug, PartialEq, Eq)]
pub enum Shaped<'a> {
    /// Key and value.
    Plain(Item<'a>),
    /// All that JSON can say.
    Full(Decoded<'a>),
    /// A blank line in NDJSON.
    Nothing,
}

impl Shape {
    /// Reads `line`, which has `number`.
    ///
    /// # Errors
    /// Why it is no record of this shape.
    pub fn read<'a>(&'a self, number: u64, line: &'a [u8]) -> Result<Shaped<'a>, String> {
        let item = |key, value| Shaped::Plain(Item { key, value, line: number });
        match self {
            Shape::Value { key } => Ok(item(key.as_deref(), Some(line))),
            Shape::Tombstone => Ok(item(Some(line), None)),
            Shape::KeyAndValue { separator } => {
                let at = memchr::memmem::find(line, separator).ok_or_else(|| {
                    format!("it has no `{}` between key and value", String::from_utf8_lossy(separator))
                })?;
                Ok(item(Some(&line[..at]), Some(&line[at + separator.len()..])))
            }
            Shape::Json { .. } if line.trim_ascii().is_empty() => Ok(Shaped::Nothing),
            Shape::Json { repartition } => {
                let mut decoded = decode(line)?;
                if *repartition {
                    decoded.partition = None;
                }
                if decoded.timestamp == Some(0) {
                    return Err("timestamp 0 cannot be sent: the client library takes it for now".to_owned());
                }
                Ok(Shaped::Full(decoded))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shape, Shaped};
    use crate::kafka::native::Item;

    fn plain<'a>(key: Option<&'a str>, value: Option<&'a str>) -> Shaped<'a> {
        Shaped::Plain(Item { key: key.map(str::as_bytes), value: value.map(str::as_bytes), line: 4 })
    }

    #[test]
    fn lines_by_their_shape() {
        let value = Shape::Value { key: Some(b"k".to_vec()) };
        assert_eq!(value.read(4, b"a:b"), Ok(plain(Some("k"), Some("a:b"))));
        assert_eq!(Shape::Tombstone.read(4, b"ada"), Ok(plain(Some("ada"), None)));
        let split = Shape::KeyAndValue { separator: b"::".to_vec() };
        assert_eq!(split.read(4, b"a::b::c"), Ok(plain(Some("a"), Some("b::c"))));
        assert_eq!(split.read(4, b"::"), Ok(plain(Some(""), Some(""))));
        assert_eq!(split.read(4, b"a:b"), Err("it has no `::` between key and value".to_owned()));
    }

    #[test]
    fn json_keeps_or_drops_the_partition() {
        let line = br#"{"partition":3,"value":"x"}"#;
        let partition = |repartition| match (Shape::Json { repartition }).read(1, line) {
            Ok(Shaped::Full(decoded)) => decoded.partition,
            other => panic!("{other:?}"),
        };
        assert_eq!(partition(false), Some(3));
        assert_eq!(partition(true), None);
        assert_eq!(Shape::Json { repartition: true }.read(1, b" \r"), Ok(Shaped::Nothing));
    }
}
