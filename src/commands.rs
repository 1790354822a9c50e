//! A file per command: its arguments, documented, on top; below them one function that calls `ops` and shows what
//! comes of it. Layer 5.

pub mod audit;
pub mod completions;
mod consent;
pub mod consume;
pub mod doctor;
pub mod down;
pub mod env;
pub mod exec;
pub mod groups;
pub mod init;
pub mod logs;
pub mod ls;
pub mod plan;
pub mod produce;
pub mod rebalance;
pub mod restart;
pub mod run;
pub mod status;
pub mod streams;
pub mod topics;
pub mod up;

use std::{process::ExitCode, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    config::load::Overrides,
    error::{Error, Kind, Result},
    kafka::Target,
    model::TopicName,
    ops::{Session, addresses},
    ui::{Level, Ui},
};
use streams::Streams;

/// What every command gets beside its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// How to print.
    pub ui: Ui,
    /// `-p` and `-f`.
    pub overrides: Overrides,
    /// Set by the first Ctrl-C.
    pub cancel: CancellationToken,
}

impl Context {
    /// Reads kdev.toml and connects to the engine.
    async fn session(&self) -> Result<Session> {
        self.until_stopped(Session::open(self.settings()?)).await
    }

    /// Does `work`, which changes nothing: Ctrl-C ends it wherever it is.
    async fn until_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.cancel.cancelled() => Err(Error::new(Kind::Interrupted, "stopped on request")),
        }
    }
}

/// `-o table|json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For scripts.
    Json,
}

/// Pretty JSON on stdout.
fn print_json(ui: &Ui, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::failed(format!("cannot write JSON: {error}")).source(error))?;
    ui.data(&text);
    Ok(())
}

/// The topic that `produce` or `consume` works on, and where it is: the project's cluster, or the one given.
pub(crate) async fn target(
    command: &'static str,
    topic: Option<TopicName>,
    bootstrap: Option<String>,
    context: &Context,
) -> Result<Target> {
    let settings = context.settings()?;
    let topic = topic.or_else(|| settings.default_topic().cloned()).ok_or_else(|| {
        Error::usage("kdev.toml has several topics and none is `posts`: name one").hint(format!("kdev {command} TOPIC"))
    })?;
    Ok(match bootstrap {
        Some(bootstrap) => Target { cluster: bootstrap.clone(), bootstrap, topic, command, in_project: false },
        None => {
            let cluster = format!("project {}", settings.project.name);
            let bootstrap = context.until_stopped(addresses::bootstrap_at_once(settings)).await?;
            Target { bootstrap, cluster, topic, command, in_project: true }
        }
    })
}

/// Runs what blocks, on a thread of its own.
pub(crate) async fn blocking(
    context: Context,
    work: impl FnOnce(Streams, CancellationToken) -> Result<()> + Send + 'static,
) -> Result<ExitCode> {
    let streams = Streams::detect(console::colors_enabled(), context.ui.level == Level::Quiet);
    let stop = context.cancel.clone();
    let done = tokio::task::spawn_blocking(move || work(streams, stop)).await;
    done.map_err(|error| Error::failed(format!("the work broke off: {error}")).source(error))??;
    Ok(ExitCode::SUCCESS)
}

/// Addresses of a cluster on the command line: `host:port`, or several with commas. Without a port it is Kafka's own.
///
/// librdkafka takes the rest of a port by 65536, and answers for an address that is none only after its time-out.
fn bootstrap(text: &str) -> Result<String, String> {
    for address in text.split(',').map(str::trim) {
        let named = address.split_once("://").map_or(address, |(_, address)| address);
        // The colons of an IPv6 address in brackets begin no port.
        let (host, port) = match named.rsplit_once(':') {
            Some((host, port)) if !named.ends_with(']') => (host, Some(port)),
            _ => (named, None),
        };
        if host.is_empty() {
            return Err(format!("`{address}` has no host: give HOST:PORT, several with commas"));
        }
        if let Some(port) = port.filter(|port| !port.parse().is_ok_and(|port: u16| port > 0)) {
            return Err(format!("`{port}` of `{address}` is no port: they go from 1 to 65535"));
        }
    }
    Ok(text.to_owned())
}

/// How long a record may take. librdkafka takes 0 ms for no limit, and has to keep a record for 5 ms to fill a batch.
fn record_timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if timeout < LEAST_TIMEOUT || i32::try_from(timeout.as_millis()).is_err() {
        return Err("it must be between 10ms and 24 days".to_owned());
    }
    Ok(timeout)
}

const LEAST_TIMEOUT: Duration = Duration::from_millis(10);

/// A length of time on the command line: `90s`, `2m`, `1m30s`.
fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "give a number with a unit: 90s, 2m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_address_is_told() {
        for text in
            ["localhost:9092", "a:1,b:65535", "a:1, b:2", "kafka", "[::1]:9092", "[::1]", "PLAINTEXT://localhost:9092"]
        {
            assert_eq!(bootstrap(text), Ok(text.to_owned()));
        }
        for text in ["", ":", ":9092", "a:1,", "a:1,,b:2", "PLAINTEXT://:1"] {
            assert!(bootstrap(text).unwrap_err().contains("has no host"), "{text}");
        }
        for text in ["localhost:89906", "a:0", "a:", "a:1,b:x", "a:-1", "[::1]:0"] {
            assert!(bootstrap(text).unwrap_err().contains("is no port"), "{text}");
        }
    }

    #[test]
    fn a_records_time_is_one_that_librdkafka_keeps_to() {
        for text in ["1ns", "500us", "0s", "5ms", "9999us", "25days"] {
            assert!(record_timeout(text).unwrap_err().contains("between 10ms and 24 days"), "{text}");
        }
        assert_eq!(record_timeout("10ms"), Ok(LEAST_TIMEOUT));
        assert!(record_timeout("24days").is_ok());
    }
}
