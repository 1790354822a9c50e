//! Input in large pieces of whole lines, read on a thread of its own.

use std::{
    io::{self, ErrorKind, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
};

/// Bytes asked for at once. Larger reads gained nothing.
const READ: usize = 256 * 1024;

/// The longest line: Kafka takes no request over this size (`socket.request.max.bytes`).
const LONGEST: usize = 100 * 1024 * 1024;

/// How many pieces are read ahead: reading and sending overlap, and memory stays small.
const AHEAD: usize = 2;

/// Whole lines.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    /// The number of the first line, from 1.
    first: u64,
}

impl Chunk {
    /// The lines without their newlines, each with its number. An empty line is a line; the newline at the end of
    /// the input ends the last line and begins none.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let mut start = 0;
        let mut ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]);
        let lines = std::iter::from_fn(move || {
            let end = ends.next()?;
            let line = &bytes[start..end];
            start = end + 1;
            Some(line)
        });
        (self.first..).zip(lines)
    }
}

/// Cuts input into chunks.
struct Cutter<R> {
    input: R,
    /// The beginning of a line whose end has not been read.
    rest: Vec<u8>,
    next_line: u64,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    fn new(input: R) -> Self {
        Cutter { input, rest: Vec::new(), next_line: 1, ended: false }
    }

    /// Reads until at least one line is complete, into `buffer`'s memory. `None` at the end of the input.
    fn next(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Chunk>> {
        buffer.clear();
        buffer.append(&mut self.rest);
        while !self.ended {
            let old = buffer.len();
            buffer.resize(old + READ, 0);
            let read = loop {
                match self.input.read(&mut buffer[old..]) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            buffer.truncate(old + read);
            self.ended = read == 0;
            if let Some(newline) = memchr::memrchr(b'\n', &buffer[old..]) {
                let end = old + newline + 1;
                self.rest.extend_from_slice(&buffer[end..]);
                buffer.truncate(end);
                return Ok(Some(self.chunk(buffer)));
            }
            if buffer.len() > LONGEST {
                let line = self.next_line;
                return Err(io::Error::other(format!(
                    "line {line} is longer than 100 MiB, the largest request that Kafka takes"
                )));
            }
        }
        Ok((!buffer.is_empty()).then(|| self.chunk(buffer)))
    }

    fn chunk(&mut self, bytes: Vec<u8>) -> Chunk {
        let first = self.next_line;
        self.next_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Chunk { bytes, first }
    }
}

/// The chunks of an input, from a thread that reads ahead.
pub struct Chunks {
    chunks: Receiver<io::Result<Chunk>>,
    used: Sender<Vec<u8>>,
}

impl Chunks {
    /// Starts reading. A read that never returns (an idle terminal) ends with the process; nothing waits for it.
    pub fn of(input: impl Read + Send + 'static) -> Chunks {
        let (sender, chunks) = sync_channel(AHEAD);
        let (used, free) = channel();
        thread::spawn(move || read_all(Cutter::new(input), &sender, &free));
        Chunks { chunks, used }
    }

    /// Where chunks arrive; disconnected at the end of the input.
    pub fn receiver(&self) -> &Receiver<io::Result<Chunk>> {
        &self.chunks
    }

    /// Gives a chunk's memory back.
    pub fn done_with(&self, chunk: Chunk) {
        // At the end of the input nobody needs it any more.
        let _ = self.used.send(chunk.bytes);
    }
}

fn read_all(mut cutter: Cutter<impl Read>, chunks: &SyncSender<io::Result<Chunk>>, free: &Receiver<Vec<u8>>) {
    loop {
        let next = cutter.next(free.try_recv().unwrap_or_default());
        let last = !matches!(next, Ok(Some(_)));
        if let Some(next) = next.transpose()
            && chunks.send(next).is_err()
        {
            return;
        }
        if last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::{collection::vec, prelude::*};

    use super::{Chunks, Cutter};

    /// Hands out its bytes in pieces of the given sizes.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some(piece) = self.0.pop() else { return Ok(0) };
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn lines(input: impl Read) -> Vec<(u64, Vec<u8>)> {
        let mut cutter = Cutter::new(input);
        let mut lines = Vec::new();
        while let Some(chunk) = cutter.next(Vec::new()).unwrap() {
            lines.extend(chunk.lines().map(|(number, line)| (number, line.to_vec())));
        }
        lines
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_input_arrives(
            mut pieces in vec(vec(prop_oneof![Just(b'\n'), any::<u8>()], 1..20), 0..20),
        ) {
            let whole: Vec<u8> = pieces.concat();
            pieces.reverse();
            let mut expected: Vec<Vec<u8>> = whole.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            let expected: Vec<_> = (1..).zip(expected).collect();
            prop_assert_eq!(lines(Pieces(pieces)), expected);
        }
    }

    #[test]
    fn empty_lines_count_and_the_last_newline_does_not() {
        let text = |input: &str| -> Vec<String> {
            lines(input.as_bytes()).into_iter().map(|(_, line)| String::from_utf8(line).unwrap()).collect()
        };
        assert_eq!(text("a\n\nb\n"), ["a", "", "b"]);
        assert_eq!(text("a\nb"), ["a", "b"]);
        assert_eq!(text("\n"), [""]);
        assert_eq!(text("a\r\n"), ["a\r"]);
        assert!(text("").is_empty());
    }

    #[test]
    fn a_line_longer_than_a_read_stays_whole() {
        let long = "x".repeat(super::READ * 3 + 7);
        let input = format!("a\n{long}\nb\n");
        let lengths: Vec<_> = lines(input.as_bytes()).iter().map(|(_, line)| line.len()).collect();
        assert_eq!(lengths, [1, long.len(), 1]);
    }

    #[test]
    fn the_reading_thread_hands_out_everything_and_ends() {
        let input: String = (0..200_000).map(|n| format!("{n}\n")).collect();
        let chunks = Chunks::of(std::io::Cursor::new(input));
        let mut next = 1;
        while let Ok(chunk) = chunks.receiver().recv() {
            let chunk = chunk.unwrap();
            for (number, line) in chunk.lines() {
                assert_eq!(number, next);
                assert_eq!(line, (next - 1).to_string().as_bytes());
                next += 1;
            }
            chunks.done_with(chunk);
        }
        assert_eq!(next, 200_001);
    }
}
