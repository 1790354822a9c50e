//! The doctor's report as lines that read without colour.

use console::style;

use crate::ops::doctor::report::{Category, Check, Report, Status};

/// The report for people.
pub fn render(report: &Report) -> String {
    let mut blocks = Vec::new();
    let mut rest = report.checks.as_slice();
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|check| check.category == first.category).count();
        let (group, others) = rest.split_at(length);
        blocks.push(block(first.category, group));
        rest = others;
    }
    if !report.notes.is_empty() {
        let notes: Vec<String> = report.notes.iter().map(|note| format!("  - {note}")).collect();
        blocks.push(format!("{}\n{}", style("not checked").bold(), notes.join("\n")));
    }
    if let Some(bootstrap) = &report.bootstrap {
        blocks.push(format!(
            "programs on this machine use  {}\nprograms in containers use    {}\n\
             (in a container, localhost is the container itself: no Kafka is there)",
            bootstrap.host, bootstrap.container
        ));
    }
    blocks.push(summary(report));
    blocks.join("\n\n")
}

fn block(category: Category, checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut lines = vec![style(title(category)).bold().to_string()];
    for check in checks {
        lines.push(format!("  {} {:width$}  {}", mark(check.status), check.name, check.message));
        let margin = " ".repeat(6 + width);
        lines.extend(check.details.iter().map(|line| format!("{margin}{line}")));
        let fixes = check.fix.iter().flat_map(|fix| fix.lines()).enumerate();
        lines.extend(fixes.map(|(number, fix)| {
            let word = if number == 0 { "fix:" } else { " or:" };
            format!("{margin}{} {fix}", style(word).cyan())
        }));
    }
    lines.join("\n")
}

fn title(category: Category) -> &'static str {
    match category {
        Category::Engine => "engine",
        Category::Machine => "machine",
        Category::Project => "project",
        Category::Ports => "ports on 127.0.0.1",
        Category::Network => "network",
        Category::FromHost => "advertised addresses, from this machine",
        Category::FromContainer => "advertised addresses, from a container",
    }
}

fn mark(status: Status) -> String {
    match status {
        Status::Pass => style("✓").green(),
        Status::Warning => style("!").yellow().bold(),
        Status::Fail => style("✗").red().bold(),
    }
    .to_string()
}

fn summary(report: &Report) -> String {
    let summary = report.summary;
    let warnings = if summary.warning == 1 { "warning" } else { "warnings" };
    format!("{} passed, {} {warnings}, {} failed", summary.pass, summary.warning, summary.fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ops::doctor::report::Summary, status::Bootstrap};

    #[test]
    fn a_report_reads_without_colour() {
        console::set_colors_enabled(false);
        let checks = vec![
            Check::pass(Category::Machine, "memory", "8 GiB"),
            Check::warning(Category::Machine, "disk", "1 GiB is free", "make room\nmore disk"),
            Check::pass(Category::FromHost, "localhost:9092", "kafka-1 answers"),
            Check::fail(Category::FromHost, "localhost:9093", "kafka-2 does not run", "kdev up"),
        ];
        let report = Report {
            schema: 1,
            project: None,
            summary: Summary::of(&checks),
            checks,
            notes: vec!["something".to_owned()],
            bootstrap: Some(Bootstrap { host: "localhost:9092".to_owned(), container: "kafka-1:19092".to_owned() }),
            verdict: None,
        };
        insta::assert_snapshot!(render(&report), @r"
        machine
          ✓ memory  8 GiB
          ! disk    1 GiB is free
                    fix: make room
                     or: more disk

        advertised addresses, from this machine
          ✓ localhost:9092  kafka-1 answers
          ✗ localhost:9093  kafka-2 does not run
                            fix: kdev up

        not checked
          - something

        programs on this machine use  localhost:9092
        programs in containers use    kafka-1:19092
        (in a container, localhost is the container itself: no Kafka is there)

        2 passed, 1 warning, 1 failed
        ");
    }
}
