//! Writing records: large writes into a pipe, prompt ones on a terminal.

use std::{
    fs::File,
    io::{self, Write, stdout},
    os::fd::{AsFd, BorrowedFd},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::pretty::Pretty;
use crate::{
    commands::streams::Streams,
    kafka::{
        consume::{Note, Sink},
        record::{Format, Record, encode},
    },
};

/// Bytes collected before they are written. Larger writes gained nothing.
const PIPE_BUFFER: usize = 256 * 1024;

/// On a terminal, so that a person sees the first records while the others still come.
const TERMINAL_BUFFER: usize = 4 * 1024;

/// How a record is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A line for people.
    Pretty,
    /// The value's bytes and a newline.
    Value,
    /// A line of NDJSON.
    Json,
    /// As a format string says.
    Format(Format),
}

impl Layout {
    /// Parses `-o`: a name, or a format string, which has a `%` or `\` in it.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "pretty" => Ok(Layout::Pretty),
            "value" => Ok(Layout::Value),
            "json" => Ok(Layout::Json),
            _ if text.contains(['%', '\\']) => Format::parse(text).map(Layout::Format),
            _ => Err(r"pretty, value, json or a format such as '%k\t%v\n'".to_owned()),
        }
    }
}

enum Writer {
    Pretty(Pretty),
    Value,
    Json,
    Format(Format),
}

/// Standard output as a sink of records.
pub struct Output<N> {
    writer: Writer,
    buffer: Vec<u8>,
    most: usize,
    out: io::Result<File>,
    note: N,
}

impl<N: FnMut(Note)> Output<N> {
    /// Records on standard output, notes to `note`.
    pub fn new(layout: Layout, streams: &Streams, note: N) -> Self {
        let is_terminal = streams.output_is_terminal;
        let writer = match layout {
            Layout::Pretty => Writer::Pretty(Pretty::new(streams.color)),
            Layout::Value => Writer::Value,
            Layout::Json => Writer::Json,
            Layout::Format(format) => Writer::Format(format),
        };
        let most = if is_terminal { TERMINAL_BUFFER } else { PIPE_BUFFER };
        // Past the line buffer of the standard library, which would look through every byte once more.
        let out = stdout().as_fd().try_clone_to_owned().map(File::from);
        Output { writer, buffer: Vec::with_capacity(most + most / 4), most, out, note }
    }

    fn write(&mut self) -> io::Result<()> {
        let Ok(out) = &mut self.out else {
            // No standard output at all: as good as closed.
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let written = out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}

impl<N: FnMut(Note)> Sink for Output<N> {
    fn record(&mut self, record: &impl Record) -> io::Result<()> {
        match &mut self.writer {
            Writer::Pretty(pretty) => pretty.write(&mut self.buffer, record),
            Writer::Value => {
                self.buffer.extend_from_slice(record.value().unwrap_or_default());
                self.buffer.push(b'\n');
            }
            Writer::Json => encode(&mut self.buffer, record),
            Writer::Format(format) => format.write(&mut self.buffer, record),
        }
        if self.buffer.len() >= self.most { self.write() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.write() }
    }

    fn is_closed(&self) -> bool {
        match &self.out {
            Ok(out) => has_no_reader(out.as_fd()),
            Err(_) => true,
        }
    }

    fn note(&mut self, note: Note) {
        (self.note)(note);
    }
}

/// Whether the other end of a pipe is gone: `kdev consume | head -1` must end though nothing more comes.
fn has_no_reader(out: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(out, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::{Layout, has_no_reader};

    #[test]
    fn layouts_by_name_or_by_format() {
        assert_eq!(Layout::parse("json"), Ok(Layout::Json));
        assert!(matches!(Layout::parse("%v"), Ok(Layout::Format(_))));
        assert!(matches!(Layout::parse(r"\n"), Ok(Layout::Format(_))));
        assert!(Layout::parse("table").is_err());
        assert!(Layout::parse("%q").is_err());
    }

    #[test]
    fn a_pipe_without_reader_is_noticed() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(!has_no_reader(writer.as_fd()));
        drop(reader);
        assert!(has_no_reader(writer.as_fd()));
    }
}
