//! A line of NDJSON as a record to send.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::text::Text;

/// A header to send: its name and, unless it is null, its value. Copied only where JSON had it escaped.
pub type SentHeader<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// A record to send, as its line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The partition that it wants, if it wants one.
    pub partition: Option<i32>,
    /// Milliseconds since 1970 UTC; without one it gets the time of sending.
    pub timestamp: Option<i64>,
    /// The key; `None` is null.
    pub key: Option<Cow<'a, [u8]>>,
    /// The value; `None` is null.
    pub value: Option<Cow<'a, [u8]>>,
    /// The headers in their order.
    pub headers: Vec<SentHeader<'a>>,
}

/// What a line may hold: what `encode` writes, each field optional. `topic` and `offset` say where a record
/// came from, so they are accepted and not used; any other name is a mistake worth stopping at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(default)]
    #[allow(dead_code)]
    topic: Option<IgnoredAny>,
    #[serde(default)]
    #[allow(dead_code)]
    offset: Option<IgnoredAny>,
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default, borrow)]
    key: Option<Text<'a>>,
    #[serde(default, borrow)]
    value: Option<Text<'a>>,
    #[serde(default, borrow)]
    headers: Option<Vec<Object<LineHeader<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineHeader<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(default, borrow)]
    value: Option<Text<'a>>,
}

/// What stands in JSON as an object. Alone, serde's derive takes an array too, for the fields in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Reads one line of NDJSON.
///
/// # Errors
/// What is wrong with the line, with the column in bytes: not JSON, a field of a wrong type, an unknown field,
/// wrong base64, a negative partition or timestamp.
pub fn decode(line: &[u8]) -> Result<Decoded<'_>, String> {
    let Object(Line { topic: _, offset: _, partition, timestamp, key, value, headers }) = serde_json::from_slice(line)
        .map_err(|error| {
            let text = error.to_string();
            let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
            format!("{reason} (column {})", error.column())
        })?;
    if let Some(partition) = partition.filter(|&partition| partition < 0) {
        return Err(format!("partition {partition} is negative"));
    }
    // Kafka takes no negative timestamp, and librdkafka takes 0 for "now".
    if let Some(timestamp) = timestamp.filter(|&timestamp| timestamp < 0) {
        return Err(format!("timestamp {timestamp} is negative"));
    }
    Ok(Decoded {
        partition,
        timestamp,
        key: key.map(|text| text.0),
        value: value.map(|text| text.0),
        headers: headers
            .into_iter()
            .flatten()
            .map(|Object(header)| (header.key.0, header.value.map(|text| text.0)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::decode;
    use crate::kafka::record::{Owned, encode};

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        // Both kinds that the format tells apart: any bytes, and text with all its escapes.
        prop_oneof![vec(any::<u8>(), 0..40), ".{0,20}".prop_map(String::into_bytes)]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_unchanged(
            partition in 0..i32::MAX,
            offset in 0..i64::MAX,
            timestamp in option::of(0..i64::MAX),
            key in option::of(bytes()),
            value in option::of(bytes()),
            headers in vec((bytes(), option::of(bytes())), 0..4),
        ) {
            let record = Owned { topic: String::new(), partition, offset, timestamp, key, value, headers };
            let mut line = Vec::new();
            encode(&mut line, &record);
            prop_assert_eq!(memchr::memchr(b'\n', &line), Some(line.len() - 1));
            let decoded = decode(&line).unwrap();
            let back = Owned {
                topic: String::new(),
                partition: decoded.partition.unwrap(),
                offset,
                timestamp: decoded.timestamp,
                key: decoded.key.map(Into::into),
                value: decoded.value.map(Into::into),
                headers: decoded
                    .headers
                    .into_iter()
                    .map(|(key, value)| (key.into(), value.map(Into::into)))
                    .collect(),
            };
            prop_assert_eq!(back, record);
        }

        #[test]
        fn no_line_makes_it_panic(line in vec(any::<u8>(), 0..60)) {
            let _ = decode(&line);
        }
    }

    fn reason(line: &str) -> String {
        decode(line.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_field_may_be_left_out() {
        assert_eq!(decode(b"{}").unwrap(), super::Decoded::default());
    }

    #[test]
    fn an_array_is_no_record_and_no_header() {
        for line in ["[]", " [null,null,0,1]", r#"{"headers":[["a","b"]]}"#, r#"{"headers":[{"key":"a"},["b"]]}"#] {
            assert!(reason(line).starts_with("invalid type: sequence, expected an object"), "{}", reason(line));
        }
    }

    #[test]
    fn mistakes_are_named_with_their_column() {
        assert_eq!(reason("{\"value\":"), "EOF while parsing a value (column 9)");
        assert!(reason(r#"{"sender":"ada"}"#).starts_with("unknown field `sender`"));
        assert!(reason(r#"{"value":7}"#).contains("expected a string, null or"));
        assert!(reason(r#"{"value":{"base64":"*"}}"#).starts_with("wrong base64"));
        assert!(reason(r#"{"value":{"a":1}}"#).starts_with("expected a string, null or"));
        assert_eq!(reason(r#"{"partition":-1}"#), "partition -1 is negative");
        assert!(reason("{}{}").starts_with("trailing characters"));
    }
}
