//! What standard input, output and error are connected to.

use std::io::{IsTerminal, stderr, stdin, stdout};

/// Decided once, at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
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
            input_is_terminal: stdin().is_terminal(),
            output_is_terminal: stdout().is_terminal(),
            error_is_terminal: stderr().is_terminal(),
            color,
            quiet,
        }
    }
}
