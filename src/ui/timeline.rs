//! Where the time of an `up` went, as a waterfall.

use std::time::Duration;

use console::style;

use crate::timeline::Span;

/// Columns of the bars.
const WIDTH: usize = 40;
/// Waits shorter than this part of the whole are left out: a start has dozens.
const WORTH_SHOWING: u32 = 100;

/// A line per span: its part of the work, its place in the whole, how long it took, what it was.
pub fn waterfall(spans: &[Span]) -> String {
    let whole = spans.iter().filter_map(|span| span.end).max().unwrap_or_default();
    let shown = spans.iter().filter(|span| !span.waited || length(span) * WORTH_SHOWING >= whole);
    let mut lines: Vec<String> = shown.map(|span| line(span, whole)).collect();
    lines.push(format!(" {:<8} {:WIDTH$}   {:>8}", "whole", "", time(whole)));
    lines.join("\n")
}

fn line(span: &Span, whole: Duration) -> String {
    let start = column(span.start, whole);
    let end = column(span.end.unwrap_or(span.start), whole).max(start + 1).min(WIDTH);
    let start = start.min(end - 1);
    let mark = if span.waited { "░" } else { "█" };
    let bar = mark.repeat(end - start);
    let bar = if span.waited { style(bar).dim() } else { style(bar).cyan() };
    let (before, after) = (" ".repeat(start), " ".repeat(WIDTH - end));
    format!(" {:<8} {before}{bar}{after}   {:>8}  {}", span.phase, time(length(span)), span.text)
}

fn length(span: &Span) -> Duration {
    span.end.unwrap_or(span.start).saturating_sub(span.start)
}

fn column(at: Duration, whole: Duration) -> usize {
    let column = (at.as_micros() * WIDTH as u128).checked_div(whole.as_micros()).unwrap_or(0);
    usize::try_from(column).unwrap_or(WIDTH)
}

fn time(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        format!("{} ms", length.as_millis())
    } else {
        format!("{:.2} s", length.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(phase: &'static str, text: &str, waited: bool, start: u64, end: u64) -> Span {
        let at = Duration::from_millis;
        Span { phase, text: text.to_owned(), waited, start: at(start), end: Some(at(end)) }
    }

    #[test]
    fn bars_stand_where_the_time_went_and_short_waits_are_left_out() {
        console::set_colors_enabled(false);
        let spans = [
            span("kdev", "plan", false, 0, 50),
            span("nodes", "start kafka-1", false, 50, 400),
            span("nodes", "kafka-1 does not answer yet", true, 400, 2000),
            span("nodes", "no active controller yet", true, 1990, 2000),
            span("topics", "create topic posts", false, 1999, 2000),
        ];
        let lines = waterfall(&spans);
        insta::assert_snapshot!(lines, @r"
         kdev     █                                             50 ms  plan
         nodes     ███████                                     350 ms  start kafka-1
         nodes            ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░     1.60 s  kafka-1 does not answer yet
         topics                                          █       1 ms  create topic posts
         whole                                                 2.00 s
        ");
    }

    #[test]
    fn nothing_takes_no_time() {
        assert!(waterfall(&[]).contains("0 ms"));
    }
}
