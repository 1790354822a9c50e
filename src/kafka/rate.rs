//! A rate as it is typed, and sending no faster than it.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

/// So many records in so much time: `500/s`, `100/min`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    per_second: f64,
}

/// More than any producer reaches on one machine.
const MOST_PER_SECOND: f64 = 10_000_000.0;
/// Less than one a day is a mistake in typing.
const LEAST_PER_SECOND: f64 = 1.0 / 86_400.0;

/// How much lost time is made up for: as long as a thread may sleep too long on a busy machine. What a stalled
/// cluster held up for longer is not sent in a burst afterwards.
const CATCH_UP: Duration = Duration::from_millis(10);

impl Rate {
    /// Records a second.
    pub fn per_second(self) -> f64 {
        self.per_second
    }

    /// The time from one record to the next.
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "give a count and a unit of time: 500/s, 100/min, 10/h".to_owned();
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count: f64 = count.trim().replace('_', "").parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let per_second = count / seconds;
        if (LEAST_PER_SECOND..=MOST_PER_SECOND).contains(&per_second) {
            return Ok(Rate { per_second });
        }
        Err("give more than one a day, and at most 10000000/s".to_owned())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.per_second >= 1.0 {
            write!(f, "{}/s", self.per_second)
        } else {
            write!(f, "{}/min", self.per_second * 60.0)
        }
    }
}

/// Keeps to a rate: one record after another at even distances.
#[derive(Clone, Debug)]
pub struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// From `now` on, at this rate. The first record is due at once.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Pace { interval: rate.interval(), next: now }
    }

    /// Takes leave to send one record, or says how long it is until one is due.
    ///
    /// # Errors
    /// It is too early by this much.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if now < self.next {
            return Err(self.next - now);
        }
        let made_up = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.next = (self.next + self.interval).max(made_up);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Pace, Rate};

    #[test]
    fn rates_are_counts_by_time() {
        let interval = |text: &str| text.parse::<Rate>().map(Rate::interval);
        assert_eq!(interval("500/s"), Ok(Duration::from_millis(2)));
        assert_eq!(interval("100/min"), Ok(Duration::from_millis(600)));
        assert_eq!(interval("10/h"), Ok(Duration::from_secs(360)));
        assert_eq!(interval("0.5/s"), Ok(Duration::from_secs(2)));
        assert_eq!(interval("1_000/s"), Ok(Duration::from_millis(1)));
        for wrong in ["500", "500/", "/s", "many/s", "5/day", "0/s", "-1/s", "inf/s", "NaN/s", "99999999/s", "0.01/h"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
        assert_eq!(["500/s", "30/min"].map(|text| text.parse::<Rate>().unwrap().to_string()), ["500/s", "30/min"]);
    }

    /// When records go, in ms, if somebody asks at these times.
    fn sent(pace: &mut Pace, start: Instant, times: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut sent = Vec::new();
        for ms in times {
            while pace.take(start + Duration::from_millis(ms)).is_ok() {
                sent.push(ms);
            }
        }
        sent
    }

    #[test]
    fn records_go_at_even_distances() {
        let start = Instant::now();
        let mut pace = Pace::new("100/s".parse().unwrap(), start);
        assert_eq!(sent(&mut pace, start, 0..35), [0, 10, 20, 30]);
        assert_eq!(pace.take(start + Duration::from_millis(36)), Err(Duration::from_millis(4)));
    }

    #[test]
    fn a_late_wakening_is_made_up_for_and_a_stall_is_not() {
        let start = Instant::now();
        let mut pace = Pace::new("500/s".parse().unwrap(), start);
        assert_eq!(sent(&mut pace, start, [0, 5].into_iter()).len(), 3, "0, 2 and 4 ms");
        let after = sent(&mut pace, start, [1005].into_iter()).len();
        // Those of the last 10 ms, and the one that is due.
        assert_eq!(after, 7, "at once after a second's stall");
    }
}
