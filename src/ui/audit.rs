//! The account of an audit.

use console::style;

use super::{count, table};
use crate::audit::Report;

/// The account for people.
pub fn render(report: &Report) -> String {
    let seconds = report.elapsed_ms as f64 / 1000.0;
    let headline = format!(
        "audit {} of {}: {} records in {seconds:.1} s",
        report.run,
        style(&report.topic).bold(),
        count(report.records)
    );
    let mut lines = vec![headline, String::new()];
    let mut row = |name: &str, number: u64, is_good: bool, note: &str| {
        let figure = if is_good { style(count(number)).green() } else { style(count(number)).red() };
        lines.push(format!("  {name:<14}{figure}{}{note}", if note.is_empty() { "" } else { "   " }));
    };
    row("acknowledged", report.acknowledged, report.acknowledged == report.records, "");
    row("lost", report.lost, report.lost == 0, "acknowledged, and not in the topic");
    row("duplicated", report.duplicated, report.duplicated == 0, "");
    row("reordered", report.reordered, report.reordered == 0, "");
    row("failed", report.failed + report.unanswered, report.failed + report.unanswered == 0, "never acknowledged");
    lines.push(format!("  {:<14}{} ms", "longest stall", count(report.longest_stall_ms)));
    if report.fell_short() {
        lines.push(format!("  {:<14}{}", "rate", style(rate(report)).yellow()));
    }
    if !report.partitions.is_empty() {
        let mut table = table::table(&["partition", "acknowledged", "longest stall", "began at"]);
        for partition in &report.partitions {
            table.add_row([
                partition.partition.to_string(),
                count(partition.acknowledged),
                format!("{} ms", count(partition.longest_stall_ms)),
                format!("{:.1} s", partition.stall_at_ms as f64 / 1000.0),
            ]);
        }
        lines.extend([String::new(), table::text(&table)]);
    }
    lines.join("\n")
}

fn rate(report: &Report) -> String {
    let text = |rate: f64| format!("{}/s", (rate * 10.0).round() / 10.0);
    format!(
        "{} of the {} asked for: the machine or the cluster was too slow",
        text(report.rate_reached),
        text(report.rate_asked)
    )
}

/// What is wrong, in one line.
pub fn verdict(report: &Report) -> String {
    let kinds = [
        (report.lost, "lost"),
        (report.duplicated, "duplicated"),
        (report.reordered, "reordered"),
        (report.failed + report.unanswered, "not acknowledged"),
    ];
    let wrong: Vec<String> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(*number)))
        .collect();
    format!("the audit of {} failed: {}", report.topic, wrong.join(", "))
}

/// Which records, and why.
pub fn evidence(report: &Report) -> Vec<String> {
    let lost = report
        .lost_first
        .iter()
        .map(|lost| format!("lost: sequence {} of {}[{}]", lost.sequence, report.topic, lost.partition));
    let failures =
        report.failures.iter().map(|failure| format!("{} records: {}", count(failure.records), failure.reason));
    let unanswered = (report.unanswered > 0)
        .then(|| format!("{} records: nothing heard until waiting ended", count(report.unanswered)));
    lost.chain(failures).chain(unanswered).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{evidence, render, verdict};
    use crate::audit::Ledger;

    #[test]
    fn the_account_of_a_bad_run() {
        let mut ledger = Ledger::default();
        for number in 0..4 {
            let sequence = ledger.open();
            ledger.acknowledged(sequence, 0, Duration::from_millis(number * 10));
        }
        let failed = ledger.open();
        ledger.failed(failed, "Message timed out".to_owned());
        [0, 2, 1, 1].into_iter().for_each(|sequence| ledger.found(sequence, 0));
        let (sending, elapsed) = (Duration::from_secs(1), Duration::from_millis(1250));
        let report = ledger.report("posts".parse().unwrap(), "1a2b3c4d", 500.0, sending, elapsed);
        assert_eq!(
            verdict(&report),
            "the audit of posts failed: 1 lost, 1 duplicated, 1 reordered, 1 not acknowledged"
        );
        assert_eq!(evidence(&report), ["lost: sequence 3 of posts[0]", "1 records: Message timed out"]);
        insta::assert_snapshot!(console::strip_ansi_codes(&render(&report)), @r"
        audit 1a2b3c4d of posts: 5 records in 1.2 s

          acknowledged  4
          lost          1   acknowledged, and not in the topic
          duplicated    1
          reordered     1
          failed        1   never acknowledged
          longest stall 10 ms
          rate          5/s of the 500/s asked for: the machine or the cluster was too slow

        PARTITION  ACKNOWLEDGED  LONGEST STALL  BEGAN AT
        0          4             10 ms          0.0 s
        ");
    }
}
