//! A record as one line of NDJSON, without loss.

use super::{Record, text};

/// Appends `record` as one line, newline included:
///
/// ```json
/// {"topic":"posts","partition":3,"offset":17,"timestamp":1763856000000,"key":"ada","value":"hi","headers":[{"key":"trace","value":"7f"}]}
/// ```
///
/// Written by hand around `serde_json`'s strings: a derived serializer would need the headers in a structure
/// of its own first, and cost twice as much for the usual record without any.
pub fn encode(out: &mut Vec<u8>, record: &impl Record) {
    out.extend_from_slice(b"{\"topic\":");
    text::write_str(out, record.topic());
    number(out, b",\"partition\":", record.partition().into());
    number(out, b",\"offset\":", record.offset());
    match record.timestamp() {
        Some(timestamp) => number(out, b",\"timestamp\":", timestamp),
        None => out.extend_from_slice(b",\"timestamp\":null"),
    }
    out.extend_from_slice(b",\"key\":");
    text::write(out, record.key());
    out.extend_from_slice(b",\"value\":");
    text::write(out, record.value());
    out.extend_from_slice(b",\"headers\":[");
    for (i, header) in record.headers().iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"key\":" } else { b",{\"key\":" });
        text::write(out, Some(header.key));
        out.extend_from_slice(b",\"value\":");
        text::write(out, header.value);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}\n");
}

fn number(out: &mut Vec<u8>, field: &[u8], number: i64) {
    out.extend_from_slice(field);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use crate::kafka::record::Owned;

    fn line(record: &Owned) -> String {
        let mut out = Vec::new();
        super::encode(&mut out, record);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_documented_example() {
        let record = Owned {
            topic: "posts".to_owned(),
            partition: 3,
            offset: 17,
            timestamp: Some(1_763_856_000_000),
            key: Some(b"ada".to_vec()),
            value: Some(br#"{"content":"hi"}"#.to_vec()),
            headers: vec![(b"trace".to_vec(), Some(b"7f".to_vec()))],
        };
        assert_eq!(
            line(&record),
            concat!(
                r#"{"topic":"posts","partition":3,"offset":17,"timestamp":1763856000000,"key":"ada","#,
                r#""value":"{\"content\":\"hi\"}","headers":[{"key":"trace","value":"7f"}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn null_empty_and_binary_differ() {
        let record = Owned {
            topic: "posts".to_owned(),
            key: Some(Vec::new()),
            headers: vec![(b"h".to_vec(), None), (b"h".to_vec(), Some(Vec::new())), (vec![0xff], Some(vec![0xfe]))],
            ..Owned::default()
        };
        assert_eq!(
            line(&record),
            concat!(
                r#"{"topic":"posts","partition":0,"offset":0,"timestamp":null,"key":"","value":null,"#,
                r#""headers":[{"key":"h","value":null},{"key":"h","value":""},"#,
                r#"{"key":{"base64":"/w=="},"value":{"base64":"/g=="}}]}"#,
                "\n"
            )
        );
    }
}
