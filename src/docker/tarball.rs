//! A build's context as a stream of tar, made while it is sent: never the whole of it in memory.

use std::{
    fs,
    io::{self, BufWriter, Read, Write},
    os::unix::fs::MetadataExt,
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
};

use super::context::{Body, Context, Entry, EntryKind, unreadable};
use crate::error::Result;

/// Chunks under way between the reading of files and the sending.
const CHUNKS: usize = 8;
const CHUNK_BYTES: usize = 64 * 1024;
/// The time of files that have none: 2020-01-01. Before 1980 a zip, and so a Python wheel, fails.
const TIME_OF_EMBEDDED: u64 = 1_577_836_800;

/// The stream, and what became of its making: an error there names the file.
pub(super) fn stream(
    context: Context,
) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, JoinHandle<Result<()>>) {
    let (sender, receiver) = channel(CHUNKS);
    let making = tokio::task::spawn_blocking(move || write(&context, sender));
    let stream = futures_util::stream::unfold(receiver, |mut receiver: Receiver<io::Result<Bytes>>| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    (stream, making)
}

fn write(context: &Context, sender: Sender<io::Result<Bytes>>) -> Result<()> {
    let pipe = BufWriter::with_capacity(CHUNK_BYTES, Pipe(sender.clone()));
    let mut tar = tar::Builder::new(pipe);
    for entry in &context.entries {
        match append(&mut tar, entry) {
            Ok(()) => {}
            // The engine hangs up when it has found the build wanting: it says why, not we.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                // The request must fail too: a tar that just ends could pass for a whole one.
                _ = sender.blocking_send(Err(io::Error::other("the build context cannot be read")));
                return Err(unreadable(&entry.path, error));
            }
        }
    }
    // All that can fail here is the sending, of which the engine's answer tells.
    _ = tar.into_inner().and_then(|mut pipe| pipe.flush());
    Ok(())
}

fn append<W: Write>(tar: &mut tar::Builder<W>, entry: &Entry) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header.set_mtime(TIME_OF_EMBEDDED);
    match &entry.kind {
        EntryKind::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            tar.append_data(&mut header, &entry.path, io::empty())
        }
        EntryKind::Link { target } => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            tar.append_link(&mut header, &entry.path, target)
        }
        EntryKind::File { body, executable } => {
            // Two modes only, so that another umask does not make another image.
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            if let Body::Disk(path) = body {
                let modified = fs::metadata(path)?.mtime();
                header.set_mtime(modified.try_into().unwrap_or(TIME_OF_EMBEDDED));
            }
            let (reader, length) = body.open()?;
            header.set_size(length);
            let mut content = Exactly { reader: reader.take(length), left: length };
            tar.append_data(&mut header, &entry.path, &mut content)
        }
    }
}

/// Reads as many bytes as were announced, or fails: the file may change meanwhile.
struct Exactly<R> {
    reader: io::Take<R>,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.left -= n as u64;
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        Ok(n)
    }
}

/// The writing end of the stream.
struct Pipe(Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(buffer);
        self.0.blocking_send(Ok(chunk)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
