//! When what began and ended in a run: what `up --timings` shows. Layer 0.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// The `phase` of kdev's own looks and thoughts.
pub const KDEV: &str = "kdev";

/// Something that took time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The part of the work it belongs to: a [`crate::event::Phase`]'s name, or [`KDEV`].
    pub phase: &'static str,
    /// What was done or waited for.
    pub text: String,
    /// Whether nothing was done meanwhile but wait.
    pub waited: bool,
    /// Since the timeline's origin.
    pub start: Duration,
    /// Since the timeline's origin; none while it lasts.
    pub end: Option<Duration>,
}

/// Spans in the order in which they began. Cheap to clone: all clones record into one.
#[derive(Clone, Debug)]
pub struct Timeline {
    origin: Instant,
    spans: Arc<Mutex<Vec<Span>>>,
}

/// A span that lasts, until [`Timeline::end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

impl Timeline {
    /// An empty one, whose origin is now.
    pub fn start() -> Self {
        Timeline { origin: Instant::now(), spans: Arc::default() }
    }

    /// Since the origin.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Something begins.
    pub fn begin(&self, phase: &'static str, text: impl Into<String>) -> Mark {
        self.add(phase, text.into(), false)
    }

    /// Waiting begins.
    pub fn wait(&self, phase: &'static str, text: impl Into<String>) -> Mark {
        self.add(phase, text.into(), true)
    }

    /// What was begun has ended.
    pub fn end(&self, mark: Mark) {
        let now = self.elapsed();
        if let Some(span) = self.lock().get_mut(mark.0) {
            span.end = Some(now);
        }
    }

    /// All spans; what still lasts ends now.
    pub fn spans(&self) -> Vec<Span> {
        let now = self.elapsed();
        let ended = |span: &Span| Span { end: Some(span.end.unwrap_or(now)), ..span.clone() };
        self.lock().iter().map(ended).collect()
    }

    fn add(&self, phase: &'static str, text: String, waited: bool) -> Mark {
        let start = self.elapsed();
        let mut spans = self.lock();
        spans.push(Span { phase, text, waited, start, end: None });
        Mark(spans.len() - 1)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Span>> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A span in milliseconds, for JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// As [`Span::phase`].
    pub phase: &'static str,
    /// As [`Span::text`].
    pub text: String,
    /// As [`Span::waited`].
    pub waited: bool,
    /// Milliseconds since the beginning of the command.
    pub start_ms: u64,
    /// Milliseconds since the beginning of the command.
    pub end_ms: u64,
}

impl From<Span> for Timing {
    fn from(span: Span) -> Self {
        let Span { phase, text, waited, start, end } = span;
        let ms = |at: Duration| u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        Timing { phase, text, waited, start_ms: ms(start), end_ms: ms(end.unwrap_or(start)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_the_order_of_their_beginnings_and_end_when_told() {
        let timeline = Timeline::start();
        let first = timeline.begin("nodes", "start kafka-1");
        let second = timeline.clone().wait("nodes", "kafka-1 does not answer yet");
        timeline.end(second);
        let spans = timeline.spans();
        let texts: Vec<(&str, bool)> = spans.iter().map(|span| (span.text.as_str(), span.waited)).collect();
        assert_eq!(texts, [("start kafka-1", false), ("kafka-1 does not answer yet", true)]);
        assert!(spans[0].start <= spans[1].start && spans[1].end <= spans[0].end, "{spans:?}");
        timeline.end(first);
        let ended = timeline.spans()[0].end;
        assert_eq!(ended, timeline.spans()[0].end, "what has ended grows no more");
    }

    #[test]
    fn a_timing_is_a_span_in_milliseconds() {
        let (start, end) = (Duration::from_micros(1_900), Some(Duration::from_millis(3_000)));
        let span = Span { phase: "nodes", text: "start kafka-1".to_owned(), waited: false, start, end };
        let json = serde_json::to_string(&Timing::from(span)).expect("JSON");
        assert_eq!(json, r#"{"phase":"nodes","text":"start kafka-1","waited":false,"start_ms":1,"end_ms":3000}"#);
    }
}
