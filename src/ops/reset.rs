//! Where a group is to go on reading, partition by partition. Pure.

use std::str::FromStr;

use jiff::{Timestamp, tz::TimeZone};

use crate::kafka::consume::{Moment, Position};

/// `--to`: where a group goes on reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// `start`: the first record of each partition.
    Start,
    /// `end`: after the last record of each partition.
    End,
    /// `100`: this offset, in each partition.
    Offset(i64),
    /// `@2026-11-22T10:00`, or `15m` for that long ago: the first record that is not older.
    At(Moment),
    /// `-10`, `+10`: so many before or after where the group is, in each partition.
    By(i64),
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let position: Position = text.parse().map_err(|wrong: String| match text.starts_with('@') {
            true => wrong,
            false => "give start, end, an offset, @2026-11-22T10:00, 15m (that long ago), -10 or +10 (from where the \
                      group is)"
                .to_owned(),
        })?;
        Ok(match position {
            Position::Start => To::Start,
            Position::End => To::End,
            Position::Offset(offset) => To::Offset(fits(offset)),
            Position::At(moment) => To::At(moment),
            Position::Last(count) => To::By(-fits(count)),
            Position::Skip(count) => To::By(fits(count)),
        })
    }
}

impl To {
    /// The time that is meant, in Unix milliseconds; none where no time is.
    ///
    /// # Errors
    /// The wall clock's time is out of range in this zone.
    pub fn millis(self) -> Result<Option<i64>, String> {
        match self {
            To::At(moment) => moment.millis(Timestamp::now(), &TimeZone::system()).map(Some),
            To::Start | To::End | To::Offset(_) | To::By(_) => Ok(None),
        }
    }
}

/// A partition, and where the group is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first offset that is there.
    pub start: i64,
    /// The end offset.
    pub end: i64,
    /// Where the group is; none where it has committed nothing.
    pub committed: Option<i64>,
    /// The first offset of the time that is meant; none where no record is as late, or no time is meant.
    pub at: Option<i64>,
}

impl Place {
    /// The offset to commit, within what the partition has; none where the group has no place to go on from.
    pub fn target(&self, to: To) -> Option<i64> {
        let target = match to {
            To::Start => self.start,
            To::End => self.end,
            To::Offset(offset) => offset,
            To::At(_) => self.at.unwrap_or(self.end),
            To::By(count) => self.committed?.saturating_add(count),
        };
        Some(target.clamp(self.start, self.end.max(self.start)))
    }

    /// Records between an offset and the end.
    pub fn lag(&self, offset: Option<i64>) -> u64 {
        u64::try_from(self.end - offset.unwrap_or(self.start)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Place, To};

    const PLACE: Place = Place { start: 10, end: 50, committed: Some(20), at: Some(33) };

    #[test]
    fn each_kind_of_target() {
        let target = |text: &str| PLACE.target(text.parse().unwrap());
        assert_eq!(target("start"), Some(10));
        assert_eq!(target("end"), Some(50));
        assert_eq!(target("15"), Some(15));
        assert_eq!(target("@0"), Some(33));
        assert_eq!(target("15m"), Some(33));
        assert_eq!(target("-5"), Some(15));
        assert_eq!(target("+5"), Some(25));
        assert_eq!([target("0"), target("99"), target("-99"), target("+99")], [Some(10), Some(50), Some(10), Some(50)]);
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let nothing = Place { committed: None, at: None, ..PLACE };
        assert_eq!(nothing.target("-5".parse().unwrap()), None);
        assert_eq!(nothing.target("@0".parse().unwrap()), Some(50), "no record is as late: the end");
        assert_eq!((nothing.lag(None), nothing.lag(Some(45)), nothing.lag(Some(60))), (40, 5, 0));
    }

    #[test]
    fn mistakes_are_told() {
        for text in ["", "begin", "--1", "1.5", "@x", "99999999999999999999"] {
            assert!(text.parse::<To>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_target_is_always_within_the_partition(start in 0i64..100, more in 0i64..100, committed in proptest::option::of(0i64..300), by in any::<i64>()) {
            let place = Place { start, end: start + more, committed, at: None };
            for to in [To::Start, To::End, To::Offset(by), To::By(by)] {
                if let Some(target) = place.target(to) {
                    prop_assert!((place.start..=place.end).contains(&target));
                }
            }
        }
    }
}
