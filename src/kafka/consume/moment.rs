//! Times as people type them.

use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// A point in time, as typed: resolved only when used, for it may depend on the clock and the time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// With its offset from UTC, or as milliseconds since 1970.
    Exact(Timestamp),
    /// By the wall clock here.
    Local(DateTime),
    /// This long ago.
    Ago(Duration),
}

impl Moment {
    /// Parses what stands after `@`: `2026-11-22`, `2026-11-22T10:00`, `2026-11-22T10:00:00Z`, `1763856000000`.
    ///
    /// # Errors
    /// It is no time.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let millis = text.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
            return millis.map(Moment::Exact).ok_or_else(|| format!("`{text}` ms is beyond the year 9999"));
        }
        text.parse()
            .map(Moment::Exact)
            .or_else(|_| text.parse().map(Moment::Local))
            .map_err(|_| format!("`{text}` is no time such as 2026-11-22T10:00 or 2026-11-22T10:00:00Z"))
    }

    /// Milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// The wall clock's time is out of range in this zone.
    pub fn millis(self, now: Timestamp, zone: &TimeZone) -> Result<i64, String> {
        match self {
            Moment::Exact(timestamp) => Ok(timestamp.as_millisecond()),
            // In the hour that a clock change skips or doubles, jiff takes the compatible reading of RFC 5545.
            Moment::Local(time) => zone
                .to_ambiguous_zoned(time)
                .compatible()
                .map(|zoned| zoned.timestamp().as_millisecond())
                .map_err(|error| error.to_string()),
            Moment::Ago(duration) => {
                let ago = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                Ok(now.as_millisecond().saturating_sub(ago).max(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{Timestamp, tz::TimeZone};

    use super::Moment;

    fn millis(text: &str) -> i64 {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        Moment::parse(text).unwrap().millis(Timestamp::UNIX_EPOCH, &zone).unwrap()
    }

    #[test]
    fn times_with_and_without_a_zone() {
        assert_eq!(millis("1970-01-01T02:00"), 0);
        assert_eq!(millis("1970-01-02"), 22 * 3_600_000);
        assert_eq!(millis("1970-01-01T00:00:01Z"), 1000);
        assert_eq!(millis("1970-01-01T00:00:01.5+01:00"), -3_598_500);
        assert_eq!(millis("1763856000000"), 1_763_856_000_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "2026-13-01", "99999999999999999999"] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ago_never_falls_before_1970() {
        let now = Timestamp::from_millisecond(5000).unwrap();
        let ago = |ms| Moment::Ago(Duration::from_millis(ms)).millis(now, &TimeZone::UTC);
        assert_eq!(ago(2000), Ok(3000));
        assert_eq!(ago(9000), Ok(0));
    }
}
