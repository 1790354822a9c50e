//! `kdev logs`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};
use tokio::sync::mpsc;

use super::Context;
use crate::{
    error::Result,
    ops::{elsewhere, logs},
    ui,
};

/// Arguments of `kdev logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Services: kafka-1, producer, … [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on as new lines come, until Ctrl-C
    #[arg(short = 'f', long)]
    follow: bool,
    /// Path of kdev.toml [default: the nearest one upward, else the built-in one]
    // Here -f follows, as in every program that shows logs: this takes the global option's short form away.
    #[arg(id = "file", long = "file", value_name = "PATH")]
    file: Option<PathBuf>,
    /// Only the last N lines of each service
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<usize>,
    /// Only lines since then: 15m, or 2026-11-22T10:00
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Show each line's time
    #[arg(long)]
    timestamps: bool,
    /// text, or json: one object a line
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: LogOutput,
}

/// `-o` of `kdev logs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogOutput {
    /// `producer | text`.
    #[default]
    Text,
    /// `{"time","service","stream","line"}`.
    Json,
}

/// A point in time: so long ago, or a date and time, local unless it says otherwise.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<Zoned>() {
        return Ok(time.timestamp());
    }
    let local = text.parse::<DateTime>().ok().and_then(|time| time.to_zoned(TimeZone::system()).ok());
    local
        .map(|time| time.timestamp())
        .ok_or_else(|| "give a duration such as 15m, or a time such as 2026-11-22T10:00".to_owned())
}

/// Shows the logs.
pub async fn run(args: LogsArgs, context: Context) -> Result<ExitCode> {
    // `file` has reached the global options under the same id.
    let LogsArgs { services, follow, file: _, tail, since, timestamps, output } = args;
    let session = context.session().await?;
    let query = logs::Query { services, follow, tail, since };
    let services = match context.until_stopped(logs::services(&session, &query)).await {
        Ok(services) => services,
        Err(error) => return Err(elsewhere::hinted(&session, error).await),
    };
    let width = services.iter().map(String::len).max().unwrap_or(0);
    let (sender, mut lines) = mpsc::channel(1024);
    let reading = {
        let services = services.clone();
        tokio::spawn(async move { logs::follow(&session, &services, &query, sender).await })
    };
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = context.cancel.cancelled() => return Ok(ExitCode::SUCCESS),
        };
        let Some(line) = line else { break };
        let service = services.get(line.source).map_or("", String::as_str);
        context.ui.data(&match output {
            LogOutput::Text => ui::logs::text(&line, service, width, timestamps),
            LogOutput::Json => ui::logs::json(&line, service),
        });
    }
    reading
        .await
        .map_err(|error| crate::error::Error::failed(format!("reading logs broke off: {error}")).source(error))??;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_ago_than_there_are_times_is_the_earliest_time() {
        for text in ["20000y", "500000000000y"] {
            assert_eq!(since(text), Ok(Timestamp::MIN), "{text}");
        }
        assert!(since("15m").unwrap() > Timestamp::UNIX_EPOCH);
    }
}
