//! `kdev audit`: load, and proof of what became of it.

use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::{Output, print_json, streams::Streams};
use crate::{
    error::{Error, Kind, Result},
    kafka::{
        Target,
        audit::{Progress, Request, audit},
        rate::Rate,
    },
    model::TopicName,
    ui::{self, Ui},
};

/// Send numbered records at an even rate, read them back, and prove what was lost, doubled or reordered.
///
/// The records go to the topic, which is `posts` unless you name another, and stay there: its readers get them too.
///
/// Runs until its time or its records are over, or until Ctrl-C; then it reads everything back and prints the account,
/// with the longest time that each partition let the producer wait. Meanwhile do to the cluster what you want to know
/// about: `kdev up` with another version, `kdev restart`, `docker kill`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  kdev audit --for 30s                    half a minute of 500 records a second
  kdev audit posts --rate 1000/s -o json  until Ctrl-C; the account as JSON
Exit code 6 if a record was lost, doubled, reordered or not acknowledged.")]
pub struct AuditArgs {
    /// The topic [default: `posts`, or the only topic of kdev.toml]
    pub topic: Option<TopicName>,

    /// How fast, at even distances: 500/s, 100/min
    #[arg(long, value_name = "N/TIME", default_value = "500/s")]
    pub rate: Rate,

    /// How long to send [default: until Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = super::duration)]
    pub lasting: Option<Duration>,

    /// How many records to send
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub records: Option<u64>,

    /// Bytes of a record's value
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    pub size: u32,

    /// How long a record may take until it is acknowledged, once those before it in its partition are
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::record_timeout)]
    pub timeout: Duration,

    /// table, or json: the whole account for scripts
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,

    /// Any cluster instead of the project's
    #[arg(long, value_name = "HOST:PORT", value_parser = super::bootstrap)]
    pub bootstrap: Option<String>,
}

/// Audits `target`. Blocks; not for async threads.
///
/// # Errors
/// Arguments out of range, no broker, no such topic; exit code 6 ([`Kind::CheckFailed`]) after the account where a
/// record was lost, doubled, reordered or not acknowledged.
pub fn run(args: AuditArgs, target: &Target, ui: Ui, streams: &Streams, stop: &CancellationToken) -> Result<()> {
    let AuditArgs { topic: _, rate, lasting, records, size, timeout, output, bootstrap: _ } = args;
    if lasting.is_some_and(|lasting| lasting.is_zero()) {
        return Err(Error::usage("--for must be longer than nothing: 30s, 5m"));
    }
    if lasting.is_none() && records.is_none() {
        ui.say(&format!("sending {rate} to {}; Ctrl-C ends, and gives the account", target.topic));
    }
    let shows = streams.error_is_terminal && !streams.quiet;
    let bar = if shows { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(100));
    let request = Request { target, rate, records, lasting, size: size as usize, timeout };
    let report = audit(&request, stop, &mut |progress| bar.set_message(told(progress)));
    bar.finish_and_clear();
    let report = report.map_err(|error| error.while_(format!("auditing {} in {}", target.topic, target.cluster)))?;
    match output {
        Output::Json => print_json(&ui, &report)?,
        Output::Table => ui.data(&ui::audit::render(&report)),
    }
    if report.passes() {
        return Ok(());
    }
    Err(Error::new(Kind::CheckFailed, ui::audit::verdict(&report)).details(ui::audit::evidence(&report)))
}

fn told(progress: Progress) -> String {
    match progress {
        Progress::Sending { records, acknowledged, longest_stall } => format!(
            "{} sent, {} acknowledged, longest stall {} ms",
            ui::count(records),
            ui::count(acknowledged),
            longest_stall.as_millis()
        ),
        Progress::Reading(read) => format!("reading back: {} records", ui::count(read)),
    }
}
