//! What standard input, output and error are connected to.

use std::{
    io::{IsTerminal, stderr, stdin, stdout},
    os::fd::AsFd,
};

use rustix::fs::{self, OFlags};

/// Decided once, at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// It was closed when the program began: there is nothing to read, and nobody meant so.
    pub input_is_closed: bool,
    /// Somebody types.
    pub input_is_terminal: bool,
    /// Somebody reads the data.
    pub output_is_terminal: bool,
    /// Somebody reads the talk.
    pub error_is_terminal: bool,
    /// Data may be coloured: on a terminal, or because it was asked for.
    pub color: bool,
    /// No talk but errors.
    pub quiet: bool,
}

impl Streams {
    /// What is connected now; `color` and `quiet` as the global options say.
    pub fn detect(color: bool, quiet: bool) -> Self {
        Streams {
            input_is_closed: is_stand_in(stdin()),
            input_is_terminal: stdin().is_terminal(),
            output_is_terminal: stdout().is_terminal(),
            error_is_terminal: stderr().is_terminal(),
            color,
            quiet,
        }
    }
}

/// Whether this is what the Rust runtime opens in place of a closed stream: /dev/null, for reading and writing. A
/// shell's `< /dev/null` is open for reading only.
fn is_stand_in(stream: impl AsFd) -> bool {
    let Ok(flags) = fs::fcntl_getfl(&stream) else { return false };
    let (Ok(found), Ok(null)) = (fs::fstat(&stream), fs::stat("/dev/null")) else { return false };
    flags.contains(OFlags::RDWR) && (found.st_dev, found.st_ino) == (null.st_dev, null.st_ino)
}
