//! Containers' logs as whole lines.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex},
};

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
    /// Only what comes after what was read before.
    pub after: LogPosition,
}

/// How far a container's log was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// The latest time of a line; none: nothing was read.
    time: Option<Timestamp>,
    /// How many lines of that time were read: Podman's times are whole seconds.
    lines: usize,
}

impl LogPosition {
    /// Before all lines of that moment; without one, before all.
    pub fn since(time: Option<Timestamp>) -> Self {
        LogPosition { time, lines: 0 }
    }

    /// The same moment in the log of a container that was not read yet.
    #[must_use]
    pub fn of_another(self) -> Self {
        Self::since(self.time)
    }

    /// A line was read. The two outputs are written down by the engine side by side: a line may be older than the one
    /// before it.
    pub fn note(&mut self, time: Timestamp) {
        match Some(time).cmp(&self.time) {
            Ordering::Greater => *self = LogPosition { time: Some(time), lines: 1 },
            Ordering::Equal => self.lines += 1,
            Ordering::Less => {}
        }
    }

    /// Tells of each line of the log from that moment on, by its time, whether it was not read yet.
    fn is_new(self) -> impl FnMut(Timestamp) -> bool {
        let LogPosition { time: last, lines: mut known } = self;
        move |time| {
            let is_known = known > 0 && Some(time) == last;
            known -= usize::from(is_known);
            !is_known && Some(time) >= last
        }
    }
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
        let floor = if query.tail == Some(0) { LogPosition::since(Some(Timestamp::now())) } else { query.after };
        let lines = self.log(id, query);
        if !follow {
            return lines.left_stream();
        }
        let seen = Arc::new(Mutex::new(floor));
        let (engine, id, noted) = (self.clone(), id.to_owned(), Arc::clone(&seen));
        let lines = lines.inspect_ok(move |line| locked(&noted).note(line.time));
        let rest = async move {
            let after = *locked(&seen);
            engine.missed(&id, after).await
        };
        lines.chain(stream::once(rest).flatten()).right_stream()
    }

    /// What a followed log left out. Engine 20.10 drops a last line without an end; read without
    /// following, it is there.
    async fn missed(&self, id: &str, after: LogPosition) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        let query = LogQuery { after, ..LogQuery::default() };
        // A container that was removed meanwhile has no log any more: what was followed is all.
        let lines: Vec<LogLine> = self.log(id, query).try_collect().await.unwrap_or_default();
        stream::iter(lines.into_iter().map(Ok))
    }

    /// The log as one request gives it.
    fn log(&self, id: &str, query: LogQuery) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        let since = query.after.time;
        let mut is_new = query.after.is_new();
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
            .try_filter(move |line| std::future::ready(is_new(line.time)))
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
        let query = LogQuery { tail: Some(lines), after: LogPosition::since(since), follow: false };
        let all: Vec<LogLine> = self.logs(id, query).try_collect().await?;
        // Podman counts the pieces of a long line, and may give more than was asked for.
        let surplus = all.len().saturating_sub(lines);
        Ok(all.into_iter().skip(surplus).map(|line| line.line).collect())
    }
}

fn locked(seen: &Mutex<LogPosition>) -> std::sync::MutexGuard<'_, LogPosition> {
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
    fn what_was_read_does_not_come_again_and_nothing_else_is_left_out() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let new = |after: LogPosition, seconds: &[i64]| {
            let mut is_new = after.is_new();
            seconds.iter().map(|&second| u8::from(is_new(at(second)))).collect::<Vec<_>>()
        };
        let mut read = LogPosition::default();
        assert_eq!(new(read, &[4, 5, 5, 3]), [1, 1, 1, 1], "nothing was read");
        [4, 5, 3, 5].map(at).into_iter().for_each(|time| read.note(time));
        assert_eq!(new(read, &[3, 4, 5, 5, 5, 6]), [0, 0, 0, 0, 1, 1], "two of second 5 were read");
        assert_eq!(new(read.of_another(), &[4, 5, 5, 6]), [0, 1, 1, 1], "another container's are new");
        assert_eq!(new(LogPosition::since(Some(at(5))), &[4, 5, 6, 5]), [0, 1, 1, 1]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let piece = "x".repeat(LONGEST_LINE);
        let pieces = vec![out(&piece), out(&piece), out("y\n")];
        assert_eq!(lines(pieces).len(), 2);
    }
}
