//! Containers' logs as whole lines.

use std::sync::{Arc, Mutex};

use bollard::{container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{Engine, containers::short, fault};
use crate::error::Result;

/// A line longer than this is delivered in pieces, so that no container can fill our memory.
const LONGEST_LINE: usize = 1024 * 1024;

/// Which lines are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Whether to wait for more until the container ends.
    pub follow: bool,
    /// At most so many of the last lines; none: all.
    pub tail: Option<usize>,
    /// Only lines of this moment or later.
    pub since: Option<Timestamp>,
}

/// Which of its outputs the container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine received it, to the nanosecond with Docker, to the second with Podman 4.
    pub time: Timestamp,
    /// To which output.
    pub stream: LogStream,
    /// The text, without its end; what is not UTF-8 is replaced.
    pub line: String,
}

impl Engine {
    /// A container's log, line by line, both outputs in the order in which the engine received them.
    /// With `follow`, ends when the container ends.
    ///
    /// # Errors
    /// Each item: where the container is gone or the connection breaks; the stream ends with it.
    pub fn logs(&self, id: &str, query: LogQuery) -> impl Stream<Item = Result<LogLine>> + Send + 'static {
        let follow = query.follow;
        // With no old line wanted, none may come at the end either.
        let floor = if query.tail == Some(0) { Some(Timestamp::now()) } else { query.since };
        let lines = self.log(id, query);
        if !follow {
            return lines.left_stream();
        }
        let seen = Arc::new(Mutex::new(Seen { last: floor, count: 0 }));
        let (engine, id, noted) = (self.clone(), id.to_owned(), Arc::clone(&seen));
        let lines = lines.inspect_ok(move |line| locked(&noted).note(line.time));
        let rest = async move {
            let seen = locked(&seen).clone();
            engine.missed(&id, seen).await
        };
        lines.chain(stream::once(rest).flatten()).right_stream()
    }

    /// What a followed log left out. Engine 20.10 drops a last line without an end; read without
    /// following, it is there.
    async fn missed(&self, id: &str, seen: Seen) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        let query = LogQuery { since: seen.last, ..LogQuery::default() };
        // A container that was removed meanwhile has no log any more: what was followed is all.
        let lines: Vec<LogLine> = self.log(id, query).try_collect().await.unwrap_or_default();
        stream::iter(seen.rest(lines).into_iter().map(Ok))
    }

    /// The log as one request gives it.
    fn log(&self, id: &str, query: LogQuery) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        let since = query.since;
        let tail = query.tail.map_or_else(|| "all".to_owned(), |n| n.to_string());
        // The engine takes nanoseconds, bollard's type whole seconds: what comes too early is left out
        // below.
        let second = since.and_then(|since| i32::try_from(since.as_second()).ok()).unwrap_or(0);
        let options = LogsOptionsBuilder::new()
            .follow(query.follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(second)
            .tail(&tail)
            .build();
        let doing = format!("reading the log of container {}", short(id));
        let pieces = self.patient().logs(id, Some(options)).map(Some).chain(stream::iter([None]));
        let lines = pieces.scan(Assembler::default(), |assembler, piece| {
            let lines = match piece {
                Some(Ok(output)) => assembler.take(output).into_iter().map(Ok).collect(),
                Some(Err(failure)) => vec![Err(failure)],
                // The last line may lack its end.
                None => assembler.finish().into_iter().map(Ok).collect::<Vec<_>>(),
            };
            std::future::ready(Some(stream::iter(lines)))
        });
        lines
            .flatten()
            .try_filter(move |line| std::future::ready(since.is_none_or(|since| line.time >= since)))
            .map_err(move |failure| fault::error(doing.clone(), failure))
    }

    /// The last lines of a container's log, for an error's details.
    ///
    /// # Errors
    /// Where the container is gone.
    pub async fn tail(&self, id: &str, lines: usize) -> Result<Vec<String>> {
        self.tail_since(id, lines, None).await
    }

    /// As [`Engine::tail`], of what was written since that moment: a container that was started again still has the
    /// lines of its earlier lives.
    ///
    /// # Errors
    /// Where the container is gone.
    pub async fn tail_since(&self, id: &str, lines: usize, since: Option<Timestamp>) -> Result<Vec<String>> {
        let query = LogQuery { tail: Some(lines), since, ..LogQuery::default() };
        let all: Vec<LogLine> = self.logs(id, query).try_collect().await?;
        // Podman counts the pieces of a long line, and may give more than was asked for.
        let surplus = all.len().saturating_sub(lines);
        Ok(all.into_iter().skip(surplus).map(|line| line.line).collect())
    }
}

/// How far a followed log has come.
#[derive(Clone, Debug)]
struct Seen {
    /// The time of the last line.
    last: Option<Timestamp>,
    /// How many lines of that time there were: Podman's times are whole seconds.
    count: usize,
}

impl Seen {
    fn note(&mut self, time: Timestamp) {
        if self.last == Some(time) {
            self.count += 1;
        } else {
            *self = Seen { last: Some(time), count: 1 };
        }
    }

    /// The lines that are not among those seen, of all since the last one's time.
    fn rest(&self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let known = lines.iter().filter(|line| Some(line.time) == self.last).count().min(self.count);
        let mut skipped = 0;
        let unseen = lines.into_iter().filter(|line| {
            let is_known = Some(line.time) == self.last && skipped < known;
            skipped += usize::from(is_known);
            !is_known && self.last.is_none_or(|last| line.time >= last)
        });
        unseen.collect()
    }
}

fn locked(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    // A panic while it was held left plain data behind, no broken invariant.
    seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Makes lines of pieces. The engine sends each piece with a timestamp in front, and breaks a long line
/// into several, each with its own.
#[derive(Debug, Default)]
struct Assembler {
    stdout: Open,
    stderr: Open,
    last: Timestamp,
}

/// A line that has not ended yet.
#[derive(Debug, Default)]
struct Open {
    begun: Option<Timestamp>,
    bytes: Vec<u8>,
}

impl Assembler {
    fn take(&mut self, output: LogOutput) -> Vec<LogLine> {
        let (stream, message) = match output {
            LogOutput::StdErr { message } => (LogStream::Stderr, message),
            LogOutput::StdOut { message } | LogOutput::StdIn { message } => (LogStream::Stdout, message),
            // bollard takes everything beyond its two streams for a terminal's raw output; without a
            // terminal that is the engine's own error, whose 8-byte header it leaves in front.
            LogOutput::Console { message } if message.starts_with(&[3, 0, 0, 0]) && message.len() >= 8 => {
                (LogStream::Stderr, message.slice(8..))
            }
            LogOutput::Console { message } => (LogStream::Stdout, message),
        };
        let (time, text) = split_time(&message);
        let time = time.unwrap_or(self.last);
        self.last = time;
        let open = match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        let mut lines = Vec::new();
        for piece in text.split_inclusive(|byte| *byte == b'\n') {
            open.begun.get_or_insert(time);
            open.bytes.extend_from_slice(piece);
            if piece.ends_with(b"\n") || open.bytes.len() > LONGEST_LINE {
                lines.extend(open.end(stream));
            }
        }
        lines
    }

    fn finish(&mut self) -> Vec<LogLine> {
        let ends = [self.stdout.end(LogStream::Stdout), self.stderr.end(LogStream::Stderr)];
        let mut lines: Vec<LogLine> = ends.into_iter().flatten().collect();
        lines.sort_by_key(|line| line.time);
        lines
    }
}

impl Open {
    fn end(&mut self, stream: LogStream) -> Option<LogLine> {
        let time = self.begun.take()?;
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.ends_with(b"\n") {
            bytes.pop();
        }
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
        Some(LogLine { time, stream, line: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// The timestamp in front of a piece, and the rest.
fn split_time(message: &[u8]) -> (Option<Timestamp>, &[u8]) {
    // The longest form is 35 characters: 2026-05-07T21:09:36.123456789+02:00.
    let space = message.iter().take(36).position(|byte| *byte == b' ');
    // An empty line's piece may end right after the timestamp.
    let end = space.or_else(|| message.iter().take(36).position(|byte| *byte == b'\n'));
    let parsed = end.and_then(|end| {
        let time = std::str::from_utf8(&message[..end]).ok()?.parse().ok()?;
        Some((time, end + usize::from(space.is_some())))
    });
    match parsed {
        Some((time, rest)) => (Some(time), &message[rest..]),
        None => (None, message),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut { message: Bytes::copy_from_slice(text.as_bytes()) }
    }

    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr { message: Bytes::copy_from_slice(text.as_bytes()) }
    }

    /// Each line as `o 5.000000001 text`, by stream and second.
    fn lines(pieces: Vec<LogOutput>) -> Vec<String> {
        let mut assembler = Assembler::default();
        let mut lines: Vec<LogLine> = pieces.into_iter().flat_map(|piece| assembler.take(piece)).collect();
        lines.extend(assembler.finish());
        let show = |line: LogLine| {
            let stream = if line.stream == LogStream::Stdout { "o" } else { "e" };
            format!("{stream} {}.{} {}", line.time.as_second(), line.time.subsec_nanosecond(), line.line)
        };
        lines.into_iter().map(show).collect()
    }

    #[test]
    fn a_long_line_comes_in_pieces_each_with_a_time_of_its_own() {
        let pieces = vec![
            out("1970-01-01T00:00:05.000000001Z begin "),
            err("1970-01-01T00:00:05.000000002Z other\n"),
            out("1970-01-01T00:00:05.000000003Z end\n"),
        ];
        assert_eq!(lines(pieces), ["e 5.2 other", "o 5.1 begin end"]);
    }

    #[test]
    fn a_last_line_without_an_end_is_delivered() {
        assert_eq!(lines(vec![out("1970-01-01T00:00:01Z no end")]), ["o 1.0 no end"]);
    }

    #[test]
    fn empty_lines_carriage_returns_offsets_and_broken_utf8_are_read() {
        let pieces = vec![
            out("1970-01-01T00:00:01.000000000Z \n"),
            out("1970-01-01T02:00:02+02:00 a b\r\n"),
            LogOutput::StdErr { message: Bytes::from_static(b"1970-01-01T00:00:03Z x\xff\n") },
        ];
        assert_eq!(lines(pieces), ["o 1.0 ", "o 2.0 a b", "e 3.0 x\u{fffd}"]);
    }

    #[test]
    fn the_engines_own_error_loses_its_binary_header() {
        let message = Bytes::from_static(b"\x03\0\0\0\0\0\0\x16Error grabbing logs: x\n");
        assert_eq!(lines(vec![LogOutput::Console { message }]), ["e 0.0 Error grabbing logs: x"]);
    }

    #[test]
    fn after_a_followed_log_only_what_was_missed_is_delivered() {
        let line = |second, text: &str| LogLine {
            time: Timestamp::from_second(second).expect("a time"),
            stream: LogStream::Stdout,
            line: text.to_owned(),
        };
        let mut seen = Seen { last: None, count: 0 };
        for second in [4, 5, 5] {
            seen.note(Timestamp::from_second(second).expect("a time"));
        }
        let all = vec![line(5, "b"), line(5, "c"), line(5, "d"), line(6, "e")];
        assert_eq!(seen.rest(all.clone()), all[2..]);
        assert_eq!(Seen { last: None, count: 0 }.rest(all.clone()), all);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let piece = "x".repeat(LONGEST_LINE);
        let pieces = vec![out(&piece), out(&piece), out("y\n")];
        assert_eq!(lines(pieces).len(), 2);
    }
}
