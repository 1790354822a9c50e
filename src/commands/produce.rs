//! `kdev produce`: lines, NDJSON or made-up records to a topic.

pub mod header;
mod report;

use std::{
    fs::File,
    io::{self, Write, stderr, stdin},
    os::fd::AsFd,
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use jiff::{Timestamp, tz::TimeZone};
use rustix::fs::{self, FileType};
use tokio_util::sync::CancellationToken;

use super::streams::Streams;
use crate::{
    error::{Error, Result},
    kafka::{
        Target,
        consume::Moment,
        produce::{Answer, Compression, Delivery, Extras, Partitioner, Request, Shape, Source, produce},
        rate::Rate,
    },
    model::TopicName,
};

/// Send records: lines of stdin or a file, one record, or made-up ones.
///
/// Each line is a record's value, the empty line too. On a terminal each line is answered with where it landed.
/// Ends with a summary on stderr, and with exit code 1 if one record was not acknowledged by all replicas in sync.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  kdev produce                                     type lines; Ctrl-D ends
  kdev produce --key ada --value '{\"content\":\"hi\"}'
  kdev produce --file posts.txt --key-separator :
  kdev consume posts -o json --exit | kdev produce copy -i json
  kdev produce --generate 1000000 --size 100
  kdev produce --generate 60000 --rate 500/s       a minute of even load")]
pub struct ProduceArgs {
    /// The topic [default: `posts`, or the only topic of kdev.toml]
    pub topic: Option<TopicName>,

    /// Path of kdev.toml [default: the nearest one upward, else the built-in one]
    // Here --file is the input: this takes the global option's long form away, and leaves -f.
    #[arg(id = "file", short = 'f', value_name = "PATH")]
    pub kdev_toml: Option<PathBuf>,

    /// Read from this file instead of stdin
    #[arg(id = "input_file", long = "file", value_name = "PATH")]
    pub input_file: Option<PathBuf>,

    /// What a line is: a record's value, or a whole record in JSON as `consume -o json` writes it
    #[arg(short = 'i', long = "input", value_name = "FORMAT", default_value = "lines")]
    pub input: Input,

    /// The key of every record
    #[arg(long, value_name = "K", conflicts_with = "key_separator")]
    pub key: Option<String>,

    /// Each line is a key and a value with this between them
    #[arg(long, value_name = "TEXT", value_parser = not_empty)]
    pub key_separator: Option<String>,

    /// Send one record with this value, and read no input
    #[arg(long, value_name = "V", conflicts_with_all = ["input_file", "key_separator", "tombstone"])]
    pub value: Option<String>,

    /// Send null values: one for --key, else one for each line, which is its key
    #[arg(long, conflicts_with = "key_separator")]
    pub tombstone: bool,

    /// Add a header to every record; without `=` its value is null. May be repeated
    #[arg(long = "header", value_name = "K=V", value_parser = header::parse)]
    pub headers: Vec<header::Header>,

    /// The partition of every record
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Option<i32>,

    /// The timestamp of every record: 2026-11-22T10:00, with a zone or without, or milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub timestamp: Option<Moment>,

    /// Compress batches
    #[arg(long, value_name = "CODEC", default_value = "none")]
    pub compression: Compression,

    /// How a key becomes a partition: as Java's clients do, or as Python's, Go's and kcat do by default
    #[arg(long, value_name = "NAME", default_value = "murmur2")]
    pub partitioner: Partitioner,

    /// With `-i json`: ignore the records' partitions, let their keys decide
    #[arg(long)]
    pub repartition: bool,

    /// Send N made-up records
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["input_file", "key", "key_separator", "value", "tombstone"]
    )]
    pub generate: Option<u64>,

    /// Bytes of a made-up record's value
    #[arg(long, value_name = "BYTES", default_value_t = 100, requires = "generate")]
    pub size: u32,

    /// Send no faster than this, at even distances: 500/s, 100/min
    #[arg(long, value_name = "N/TIME", conflicts_with = "value")]
    pub rate: Option<Rate>,

    /// How long a record may take until it is acknowledged
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::record_timeout)]
    pub timeout: Duration,

    /// Any cluster instead of the project's
    #[arg(long, value_name = "HOST:PORT", value_parser = super::bootstrap)]
    pub bootstrap: Option<String>,
}

/// What a line of input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Input {
    /// A record's value.
    Lines,
    /// A record in JSON.
    Json,
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Sends what `args` say to `target`. Blocks; not for async threads.
///
/// # Errors
/// Contradicting arguments, an unreadable file, no broker, no such topic, or records that were not acknowledged.
pub fn run(args: ProduceArgs, target: &Target, streams: &Streams, stop: &CancellationToken) -> Result<()> {
    let ProduceArgs {
        topic: _,
        // It has reached the global options under the same id.
        kdev_toml: _,
        input_file,
        input,
        key,
        key_separator,
        value,
        tombstone,
        headers,
        partition,
        timestamp,
        compression,
        partitioner,
        repartition,
        generate,
        size,
        rate,
        timeout,
        bootstrap: _,
    } = args;
    let is_json = input == Input::Json;
    if is_json && (key.is_some() || key_separator.is_some() || value.is_some() || tombstone) {
        return Err(Error::usage("-i json takes key and value from the records")
            .hint("leave out --key, --key-separator, --value and --tombstone"));
    }
    if tombstone && key.is_some() && input_file.is_some() {
        return Err(Error::usage("--tombstone with --key is one record, and reads no --file")
            .hint("leave out --file")
            .hint("leave out --key, and each line of the file is a key"));
    }
    if repartition && !is_json {
        return Err(Error::usage("--repartition is for -i json: nothing else says a partition"));
    }
    let types = generate.is_none() && input_file.is_none() && value.is_none() && !(tombstone && key.is_some());
    let is_dialog = types && streams.input_is_terminal && streams.error_is_terminal;
    let shape = match (is_json, key_separator) {
        (true, _) => Shape::Json { repartition },
        (false, Some(separator)) => Shape::KeyAndValue { separator: separator.into() },
        (false, None) if tombstone => Shape::Tombstone,
        (false, None) => Shape::Value { key: key.clone().map(Into::into) },
    };
    let source = if let Some(count) = generate {
        Source::Generated { count, size: size as usize }
    } else if value.is_some() || (tombstone && key.is_some()) {
        Source::One { key: key.map(Into::into), value: value.map(Into::into) }
    } else if let Some(path) = input_file {
        let file = File::open(&path)
            .map_err(|error| Error::failed(format!("cannot read {}: {error}", path.display())).source(error))?;
        Source::Lines { at_rest: is_file(&file), input: Box::new(file), shape }
    } else if streams.input_is_closed {
        return Err(Error::failed(format!("nothing sent to {}: standard input is closed", target.topic))
            .hint(format!("kdev produce {} --file PATH   (or --value TEXT)", target.topic)));
    } else {
        Source::Lines { at_rest: is_file(stdin()), input: Box::new(stdin()), shape }
    };
    let timestamp = timestamp.map(|moment| moment.millis(Timestamp::now(), &TimeZone::system()));
    let timestamp = timestamp.transpose().map_err(Error::usage)?;
    if timestamp.is_some_and(|timestamp| timestamp <= 0) {
        return Err(Error::usage("--timestamp must be after 1970-01-01T00:00:00Z"));
    }
    let extras = Extras {
        partition,
        timestamp,
        headers: headers.into_iter().map(|header| (header.key, header.value)).collect(),
    };
    let delivery = Delivery { compression, partitioner, timeout, rate };
    let mut answer = |answer| talk(&target.topic, answer);
    let each: Option<&mut dyn FnMut(Answer) -> io::Result<()>> = if is_dialog { Some(&mut answer) } else { None };
    let outcome = produce(Request { target, source, extras, delivery }, each, stop)?;
    if is_dialog {
        // The shell's prompt begins a line of its own.
        let _ = writeln!(stderr());
    }
    if !streams.quiet && (outcome.records > 0 || outcome.attempted() == 0) {
        let _ = writeln!(stderr(), "{}", report::summary(&outcome, target));
    }
    report::failure(&outcome, target, timeout).map_or(Ok(()), Err)
}

/// Whether this is a file, and no pipe, terminal or device.
fn is_file(stream: impl AsFd) -> bool {
    fs::fstat(stream).is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_file())
}

fn talk(topic: &TopicName, answer: Answer) -> io::Result<()> {
    let mut out = stderr().lock();
    match answer {
        Answer::Ready => write!(out, "{topic}> ")?,
        Answer::Landed(landing) => writeln!(out, "{topic}[{}] @ {}", landing.partition, landing.offset)?,
        Answer::Failed => writeln!(out, "not acknowledged")?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_file_is_told_from_what_is_still_to_come() {
        assert!(is_file(File::open("Cargo.toml").unwrap()));
        assert!(!is_file(File::open("/dev/null").unwrap()));
        assert!(!is_file(UnixStream::pair().unwrap().0));
    }
}
