//! What became of the records, in words.

use std::time::Duration;

use humansize::{DECIMAL, format_size};

use crate::{
    error::{Error, Kind},
    kafka::{
        Target,
        produce::{BadLine, Ending, Failure, Outcome, Reason},
    },
    ui,
};

/// `1,000,000 records, 100 MB acknowledged in 0.9 s (1.1 M/s) to posts`, and for a single one where it landed.
pub fn summary(outcome: &Outcome, target: &Target) -> String {
    let topic = &target.topic;
    if outcome.attempted() == 0 {
        return format!("nothing sent to {topic}: the input had no record");
    }
    let bytes = format_size(outcome.bytes, DECIMAL.space_after_value(true).decimal_places(1));
    let acknowledged = format!("{}, {bytes} acknowledged in {}", records(outcome.records), time(outcome.elapsed));
    match outcome.landing {
        Some(landing) if outcome.records == 1 => {
            format!("{acknowledged}: {topic}[{}] @ {}", landing.partition, landing.offset)
        }
        _ => format!("{acknowledged} ({}/s) to {topic}", rate(outcome.records, outcome.elapsed)),
    }
}

/// The error, if not every record was sent and acknowledged.
pub fn failure(outcome: &Outcome, target: &Target, timeout: Duration) -> Option<Error> {
    let topic = &target.topic;
    let open = outcome.failed() + outcome.unknown;
    let before = match (outcome.records, open) {
        (records, 0) => format!("{} acknowledged, none failed", self::records(records)),
        (records, open) => {
            format!("{} acknowledged, {} not", self::records(records), ui::count(open))
        }
    };
    let error = match &outcome.ending {
        Ending::Complete | Ending::Failing if open == 0 => return None,
        Ending::Complete | Ending::Failing => {
            let attempted = records(outcome.attempted());
            Error::failed(format!("{} of {attempted} not acknowledged by {topic}", ui::count(open)))
        }
        Ending::BadLine(BadLine { line, reason }) => Error::failed(format!("line {line} is no record: {reason}"))
            .details([format!("before it: {before}; it and what follows was not sent")]),
        Ending::Unreadable(error) => {
            Error::failed(format!("cannot read the input: {error}")).details([format!("before that: {before}")])
        }
        Ending::Interrupted => {
            Error::new(Kind::Interrupted, "stopped by Ctrl-C").details([format!("until then: {before}")])
        }
    };
    let mut error = error.details(outcome.failures.iter().flat_map(|f| lines(f, outcome, timeout)));
    if outcome.unknown > 0 {
        error = error.details([format!("{}: nothing heard until waiting ended", records(outcome.unknown))]);
    }
    if matches!(outcome.ending, Ending::Failing) {
        error = error.details(["the rest of the input was not sent: it would have failed the same way"]);
    }
    error = error.details(outcome.trouble.iter().cloned());
    error = error.while_(format!("producing to {topic} in {}", target.cluster));
    for failure in &outcome.failures {
        error = match &failure.reason {
            Reason::TooLarge if target.in_project => error
                .hint(format!("set \"max.message.bytes\" under [topics.{topic}.config] in kdev.toml, then: kdev up")),
            Reason::NoSuchPartition => error.hint("--repartition: let the keys decide"),
            Reason::TimedOut if target.in_project => error.hint("kdev status"),
            _ => error,
        };
    }
    if matches!(&outcome.ending, Ending::BadLine(bad) if bad.reason.starts_with("unknown field")) {
        error = error.hint("to send each line as a value, leave out -i json");
    }
    Some(error)
}

/// One line for each reason, and where it is the record's own, one for each of the first records.
fn lines(failure: &Failure, outcome: &Outcome, timeout: Duration) -> Vec<String> {
    let Failure { reason, records, lines } = failure;
    let names: Vec<String> = lines.iter().map(|(line, _)| line.to_string()).collect();
    let more = *records > lines.len() as u64;
    let which = format!(
        "line{} {}{}",
        if names.len() == 1 { "" } else { "s" },
        names.join(", "),
        if more { ", …" } else { "" }
    );
    match reason {
        Reason::TooLarge => {
            let mut out: Vec<String> = lines
                .iter()
                .map(|&(line, size)| {
                    let size = ui::count(size as u64);
                    match outcome.limit {
                        Some(limit) => format!(
                            "line {line}: {size} bytes; the topic takes at most {} in a batch",
                            ui::count(limit as u64)
                        ),
                        None => format!("line {line}: {size} bytes are more than the topic takes"),
                    }
                })
                .collect();
            if more {
                out.push(format!("… and {} more as large", ui::count(records - lines.len() as u64)));
            }
            out
        }
        Reason::NoSuchPartition => vec![format!(
            "{}: no such partition, the topic has {} ({which})",
            self::records(*records),
            outcome.partitions
        )],
        Reason::TimedOut => {
            vec![format!("{}: not acknowledged within {} ({which})", self::records(*records), time(timeout))]
        }
        Reason::Other(text) => vec![format!("{}: {text} ({which})", self::records(*records))],
    }
}

fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{} records", ui::count(count)) }
}

fn time(time: Duration) -> String {
    if time < Duration::from_millis(100) {
        format!("{} ms", time.as_millis().max(1))
    } else if time.as_millis().is_multiple_of(1000) {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[allow(clippy::cast_precision_loss)] // three digits are shown
fn rate(records: u64, time: Duration) -> String {
    let rate = records as f64 / time.as_secs_f64().max(0.001);
    match rate {
        r if r >= 1e6 => format!("{:.1} M", r / 1e6),
        r if r >= 1e4 => format!("{:.0} k", r / 1e3),
        r => format!("{r:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{failure, summary};
    use crate::{
        error::Kind,
        kafka::{
            Target,
            produce::{BadLine, Ending, Failure, Landing, Outcome, Reason},
        },
    };

    fn target() -> Target {
        Target {
            bootstrap: "localhost:9092".to_owned(),
            cluster: "project blog".to_owned(),
            topic: "posts".parse().unwrap(),
            command: "produce",
            in_project: true,
        }
    }

    fn outcome(records: u64, failures: Vec<Failure>, ending: Ending) -> Outcome {
        Outcome {
            records,
            bytes: records * 100,
            elapsed: Duration::from_millis(900),
            landing: Some(Landing { partition: 3, offset: 17 }),
            failures,
            unknown: 0,
            partitions: 6,
            limit: Some(1_048_588),
            trouble: None,
            ending,
        }
    }

    fn told(outcome: &Outcome) -> (String, Vec<String>, Vec<String>) {
        let error = failure(outcome, &target(), Duration::from_secs(30)).unwrap();
        assert_eq!(error.context, ["producing to posts in project blog"]);
        (error.message, error.details, error.hints)
    }

    #[test]
    fn the_summary_of_many_and_of_one() {
        let many = outcome(1_000_000, Vec::new(), Ending::Complete);
        assert_eq!(summary(&many, &target()), "1,000,000 records, 100 MB acknowledged in 0.9 s (1.1 M/s) to posts");
        assert!(failure(&many, &target(), Duration::ZERO).is_none());
        let none = outcome(0, Vec::new(), Ending::Complete);
        assert_eq!(summary(&none, &target()), "nothing sent to posts: the input had no record");
        let one = outcome(1, Vec::new(), Ending::Complete);
        assert_eq!(summary(&one, &target()), "1 record, 100 B acknowledged in 0.9 s: posts[3] @ 17");
    }

    #[test]
    fn records_over_the_limit_are_named() {
        let lines = vec![(7, 2_000_000)];
        let failures = vec![Failure { reason: Reason::TooLarge, records: 1, lines }];
        let (message, details, hints) = told(&outcome(9, failures, Ending::Complete));
        assert_eq!(message, "1 of 10 records not acknowledged by posts");
        assert_eq!(details, ["line 7: 2,000,000 bytes; the topic takes at most 1,048,588 in a batch"]);
        assert_eq!(hints, ["set \"max.message.bytes\" under [topics.posts.config] in kdev.toml, then: kdev up"]);
    }

    #[test]
    fn failures_are_grouped_with_their_first_lines() {
        let lines = (1..=5).map(|line| (line, 9)).collect();
        let failures = vec![Failure { reason: Reason::TimedOut, records: 10, lines }];
        let (message, details, hints) = told(&outcome(0, failures, Ending::Failing));
        assert_eq!(message, "10 of 10 records not acknowledged by posts");
        assert_eq!(
            details,
            [
                "10 records: not acknowledged within 30 s (lines 1, 2, 3, 4, 5, …)",
                "the rest of the input was not sent: it would have failed the same way"
            ]
        );
        assert_eq!(hints, ["kdev status"]);
    }

    #[test]
    fn a_bad_line_says_what_was_sent_before_it() {
        let bad = BadLine { line: 5, reason: "unknown field `a` (column 4)".to_owned() };
        let (message, details, hints) = told(&outcome(4, Vec::new(), Ending::BadLine(bad)));
        assert_eq!(message, "line 5 is no record: unknown field `a` (column 4)");
        assert_eq!(details, ["before it: 4 records acknowledged, none failed; it and what follows was not sent"]);
        assert_eq!(hints, ["to send each line as a value, leave out -i json"]);
    }

    #[test]
    fn ctrl_c_has_its_own_exit_code() {
        let error = failure(&outcome(4, Vec::new(), Ending::Interrupted), &target(), Duration::ZERO);
        assert_eq!(error.unwrap().kind, Kind::Interrupted);
    }
}
