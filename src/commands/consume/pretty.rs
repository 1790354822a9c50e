//! Records for people: time, partition, offset, key, value, headers, one record a line.

use std::io::Write as _;

use console::Style;
use jiff::{Timestamp, tz::TimeZone};

use super::json;
use crate::kafka::record::Record;

/// Writes records for people.
pub struct Pretty {
    zone: TimeZone,
    colors: Colors,
}

/// What is coloured how.
pub struct Colors {
    /// Time, brackets, null.
    pub dim: Style,
    /// Where a record is.
    pub place: Style,
    /// The record's key, and names in JSON.
    pub key: Style,
    /// Strings in JSON.
    pub string: Style,
    /// Numbers in JSON.
    pub number: Style,
    /// true, false and null in JSON.
    pub word: Style,
}

impl Colors {
    fn new(colored: bool) -> Self {
        let style = |style: Style| style.force_styling(colored);
        Colors {
            dim: style(Style::new().dim()),
            place: style(Style::new().cyan()),
            key: style(Style::new().yellow()),
            string: style(Style::new().green()),
            number: style(Style::new().magenta()),
            word: style(Style::new().red()),
        }
    }
}

impl Pretty {
    /// With times of the system's zone.
    pub fn new(colored: bool) -> Self {
        Pretty { zone: TimeZone::system(), colors: Colors::new(colored) }
    }

    /// Appends `record` as a line.
    pub fn write(&mut self, out: &mut Vec<u8>, record: &impl Record) {
        let Colors { dim, place, key, .. } = &self.colors;
        let time = record.timestamp().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let time = match time {
            Some(time) => time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            None => "no time".to_owned(),
        };
        let at = format!("{}[{}] @ {}", record.topic(), record.partition(), record.offset());
        append(out, format_args!("{}  {}  ", dim.apply_to(time), place.apply_to(at)));
        match record.key() {
            Some(bytes) => append(out, format_args!("{}  ", key.apply_to(text(bytes)))),
            None => append(out, format_args!("{}  ", dim.apply_to("null"))),
        }
        match record.value() {
            Some(bytes) if !json::write(out, bytes, &self.colors) => {
                append(out, format_args!("{}", text(bytes)));
            }
            Some(_) => {}
            None => append(out, format_args!("{}", dim.apply_to("null"))),
        }
        for header in record.headers() {
            let name = text(header.key);
            let header = match header.value {
                Some(value) => format!("{name}={}", text(value)),
                None => name,
            };
            append(out, format_args!("  {}", dim.apply_to(header)));
        }
        out.push(b'\n');
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

/// Text as it is, but for what would move the cursor or change the terminal; other bytes as `\xff`.
fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Colors, Pretty};
    use crate::kafka::record::Owned;

    fn line(colored: bool, record: &Owned) -> String {
        let mut pretty = Pretty { zone: TimeZone::UTC, colors: Colors::new(colored) };
        let mut out = Vec::new();
        pretty.write(&mut out, record);
        String::from_utf8(out).unwrap()
    }

    fn record() -> Owned {
        Owned {
            topic: "posts".to_owned(),
            partition: 3,
            offset: 17,
            timestamp: Some(1_763_856_000_123),
            key: Some(b"ada".to_vec()),
            value: Some(br#"{"a":1}"#.to_vec()),
            headers: vec![(b"trace".to_vec(), Some(b"7f".to_vec())), (b"x".to_vec(), None)],
        }
    }

    #[test]
    fn without_colours_it_is_plain_text() {
        assert_eq!(line(false, &record()), "2025-11-23 00:00:00.123  posts[3] @ 17  ada  {\"a\":1}  trace=7f  x\n");
    }

    #[test]
    fn colours_change_no_letter() {
        let colored = line(true, &record());
        assert!(colored.contains("\u{1b}["));
        assert_eq!(console::strip_ansi_codes(&colored), line(false, &record()));
    }

    #[test]
    fn what_could_harm_a_terminal_is_escaped() {
        let value = Some(b"\x1b[2Ja\nb\xff\xc3\xa9".to_vec());
        let record = Owned { value, key: None, headers: Vec::new(), ..record() };
        assert!(line(false, &record).ends_with("null  \\u{1b}[2Ja\\nb\\xffé\n"));
    }
}
