//! `--from` and `--to`.

use std::str::FromStr;

use super::moment::Moment;

/// A place in a topic, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// `start`: the first record of each partition.
    Start,
    /// `end`: after the last record of each partition, as of now.
    End,
    /// `-10`: before the last ten records of all partitions together, by timestamp.
    Last(u64),
    /// `+100`: after the first hundred offsets of each partition.
    Skip(u64),
    /// `100`: this offset, in each partition.
    Offset(u64),
    /// `@2026-11-22T10:00`, or `15m` for that long ago: the first record of each partition that is not older.
    At(Moment),
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            let count: Option<u64> = digits.parse().ok().filter(|_| !digits.starts_with('+'));
            count
                .filter(|&count| i64::try_from(count).is_ok())
                .ok_or_else(|| format!("`{digits}` is no number of records"))
        };
        match text {
            "start" => Ok(Position::Start),
            "end" => Ok(Position::End),
            _ => {
                if let Some(time) = text.strip_prefix('@') {
                    Moment::parse(time).map(Position::At)
                } else if let Some(count) = text.strip_prefix('-') {
                    number(count).map(Position::Last)
                } else if let Some(count) = text.strip_prefix('+') {
                    number(count).map(Position::Skip)
                } else if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
                    number(text).map(Position::Offset)
                } else {
                    humantime::parse_duration(text).map(|ago| Position::At(Moment::Ago(ago))).map_err(|_| {
                        "start, end, -10 (the last ten), +100 (skip a hundred), 100 (an offset), \
                             @2026-11-22T10:00 or 15m (that long ago)"
                            .to_owned()
                    })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Moment, Position};

    #[test]
    fn each_kind() {
        let parse = |text: &str| text.parse::<Position>().unwrap();
        assert_eq!(parse("start"), Position::Start);
        assert_eq!(parse("end"), Position::End);
        assert_eq!(parse("-10"), Position::Last(10));
        assert_eq!(parse("+100"), Position::Skip(100));
        assert_eq!(parse("100"), Position::Offset(100));
        assert_eq!(parse("15m"), Position::At(Moment::Ago(Duration::from_secs(900))));
        assert_eq!(parse("@0"), Position::At(Moment::Exact(jiff::Timestamp::UNIX_EPOCH)));
        assert!(matches!(parse("@2026-11-22T10:00"), Position::At(Moment::Local(_))));
    }

    #[test]
    fn mistakes_are_told() {
        for text in ["", "begin", "-", "--1", "+-1", "++1", "-x", "@", "@x", "15", "99999999999999999999"] {
            let result = text.parse::<Position>();
            assert_eq!(result.is_ok(), text == "15", "{text}: {result:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,20}") {
            let _ = text.parse::<Position>();
        }
    }
}
