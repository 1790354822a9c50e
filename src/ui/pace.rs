//! How fast something large gets done, and how long the rest will take.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::bytes;

/// The pace is that of the last seconds: long enough for a batch that ends and the next that begins.
const WINDOW: Duration = Duration::from_secs(10);
/// Before that, a pace would be a guess.
const LEAST: Duration = Duration::from_secs(1);

/// What is left, at several moments.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The most that was ever left, with what was done by then.
    total: u64,
    seen: VecDeque<(Instant, u64)>,
}

impl Pace {
    /// Takes in what is left now, and says all that is known: `1.2 MiB of 3 MiB, 1 MiB/s, about 2s left`.
    pub(super) fn text(&mut self, left: u64, now: Instant) -> String {
        self.total = self.total.max(left);
        self.seen.push_back((now, left));
        while self.seen.len() > 2 && self.seen.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.seen.pop_front();
        }
        if self.total == 0 {
            return String::new();
        }
        let mut text = format!("{} of {}", bytes(self.total - left), bytes(self.total));
        if let Some(pace) = self.pace(now, left) {
            text.push_str(&format!(", {}/s", bytes(pace)));
            let rest = Duration::from_secs(left / pace.max(1));
            if rest > Duration::ZERO {
                text.push_str(&format!(", about {} left", humantime::format_duration(rest)));
            }
        }
        text
    }

    /// Bytes a second.
    fn pace(&self, now: Instant, left: u64) -> Option<u64> {
        let &(since, before) = self.seen.front()?;
        let time = now.duration_since(since);
        let done = before.checked_sub(left).filter(|done| *done > 0)?;
        (time >= LEAST).then(|| (done as f64 / time.as_secs_f64()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_reckoned_from_the_last_seconds() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.text(100 << 20, at(0)), "0 B of 100 MiB");
        assert_eq!(pace.text(90 << 20, at(1)), "10 MiB of 100 MiB, 10 MiB/s, about 9s left");
        // It gets slower: what was before the last ten seconds no longer counts.
        for second in 2..=30 {
            pace.text((90 << 20) - (second << 20), at(second));
        }
        assert_eq!(pace.text(59 << 20, at(31)), "41 MiB of 100 MiB, 1 MiB/s, about 59s left");
        assert_eq!(Pace::default().text(0, start), "");
    }
}
