//! `kdev consume`: records of a topic, to the screen or on into a pipe.

mod json;
mod output;
mod pretty;

use std::io::{Write, stderr};

use clap::{ArgAction, Args};
use jiff::{Timestamp, tz::TimeZone};
use regex::bytes::Regex;
use tokio_util::sync::CancellationToken;

use self::output::{Layout, Output};
use super::{
    produce::header::{self, Header},
    streams::Streams,
};
use crate::{
    error::{Error, Result, While},
    kafka::{
        Target,
        consume::{Filter, HeaderFilter, Note, Position, Request, consume},
    },
    model::TopicName,
    ui,
};

/// Strings of Kafka's protocol have a length of 16 bits, of which one is the sign (kafka.apache.org/protocol,
/// "STRING"). Asked for a longer one, librdkafka never says that nobody can answer.
const LONGEST_GROUP: usize = i16::MAX as usize;

/// Show records: from the start, and on as they come.
///
/// Reads committed records, as applications do. On a terminal each is a line of time, partition, offset, key and
/// value; into a pipe it is the value and a newline. Ctrl-C ends it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Where to start and to end:
  start, end            of each partition
  -10                   before the last ten records of all partitions together, by timestamp
  +100                  after the first hundred offsets of each partition
  100                   this offset, in each partition
  @2026-11-22T10:00     the first record of each partition that is not older; also with a zone, or in ms since 1970
  15m                   that long ago

Records of one partition come in their order, those of several as the nodes send them; the last ten, and their like,
in the order of their timestamps. Ctrl-C ends it, with exit code 0.

In FORMAT: %t topic, %p partition, %o offset, %T timestamp in ms, %k key, %v value, %h headers,
  %K and %s sizes of key and value (-1: null), %%; \\n \\t \\r \\0 \\\\ \\xNN

Examples:
  kdev consume --from -10 --exit
  kdev consume --from 15m --grep error -o json
  kdev consume --group audit -n 100
  kdev consume -o '%p %o %k %v\\n' --partition 0,3 --exit")]
pub struct ConsumeArgs {
    /// The topic [default: `posts`, or the only topic of kdev.toml]
    pub topic: Option<TopicName>,

    /// Where to start [default: start]
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub from: Option<Position>,

    /// Where to end: before that place, as it is now
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub to: Option<Position>,

    /// End at the present end, as `--to end`
    #[arg(long)]
    pub exit: bool,

    /// End after N records
    #[arg(short = 'n', long = "count", value_name = "N")]
    pub count: Option<u64>,

    /// Only these partitions
    #[arg(
        long = "partition",
        value_name = "N",
        value_delimiter = ',',
        value_parser = clap::value_parser!(i32).range(0..),
        action = ArgAction::Append,
        conflicts_with = "group"
    )]
    pub partitions: Vec<i32>,

    /// As a member of group G: go on where it stopped, and commit what was shown
    #[arg(long, value_name = "G")]
    pub group: Option<String>,

    /// Only records whose value matches
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<Regex>,

    /// Only records with just this key
    #[arg(long, value_name = "K")]
    pub key: Option<String>,

    /// Only records with this header, and value if one is given. May be repeated
    #[arg(long = "header", value_name = "K[=V]", value_parser = header::parse)]
    pub headers: Vec<Header>,

    /// How a record is shown: pretty, value, json or FORMAT [default: pretty on a terminal, else value]
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_parser = Layout::parse)]
    pub output: Option<Layout>,

    /// Any cluster instead of the project's
    #[arg(long, value_name = "HOST:PORT", value_parser = super::bootstrap)]
    pub bootstrap: Option<String>,
}

/// Shows what `args` ask for of `target`. Blocks; not for async threads. Ctrl-C and a closed output end it well.
///
/// # Errors
/// Contradicting arguments, no broker, no such topic, partition or offset, no more records though there should be.
pub fn run(args: ConsumeArgs, target: &Target, streams: &Streams, stop: &CancellationToken) -> Result<()> {
    let ConsumeArgs { topic: _, from, to, exit, count, partitions, group, grep, key, headers, output, bootstrap: _ } =
        args;
    let from = from.unwrap_or(Position::Start);
    if group.is_some() && !matches!(from, Position::Start | Position::End) {
        return Err(Error::usage("a group goes on where it stopped: --from does not move it")
            .hint("leave --group out, or use --from start or --from end for its very first offsets"));
    }
    match group.as_ref().map_or(1, String::len) {
        0 => return Err(Error::usage("--group needs a name")),
        1..=LONGEST_GROUP => {}
        long => {
            return Err(Error::usage(format!(
                "--group: a name of {} bytes; Kafka's protocol has room for {}",
                ui::count(long as u64),
                ui::count(LONGEST_GROUP as u64)
            )));
        }
    }
    let headers = headers.into_iter().map(|Header { key, value }| HeaderFilter { key, value });
    let request = Request {
        target,
        from,
        to: to.or(exit.then_some(Position::End)),
        partitions,
        group,
        limit: count,
        filter: Filter { grep, key: key.map(Into::into), headers: headers.collect() },
    };
    let layout = output.unwrap_or(match streams.output_is_terminal {
        true => Layout::Pretty,
        false => Layout::Value,
    });
    let mut output = Output::new(layout, streams, |note| tell(note, streams));
    consume(&request, &mut output, stop).while_(|| format!("consuming {} of {}", target.topic, target.cluster))?;
    Ok(())
}

fn tell(note: Note, streams: &Streams) {
    if streams.quiet {
        return;
    }
    let text = match note {
        Note::NothingSince(time) => match Timestamp::from_millisecond(time) {
            Ok(time) => {
                let time = time.to_zoned(TimeZone::system());
                format!("no record is as new as {}", time.strftime("%Y-%m-%d %H:%M:%S"))
            }
            Err(_) => "no record is as new as that".to_owned(),
        },
        Note::Waiting(reason) if reason.is_empty() => "no broker answers; still trying".to_owned(),
        Note::Waiting(reason) => format!("no broker answers; still trying ({reason})"),
        Note::Back => "a broker answers again".to_owned(),
    };
    // Talk that nobody can read is no reason to end.
    let _ = writeln!(stderr(), "{text}");
}
