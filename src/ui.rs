//! What a person sees: the only place that prints talk. Layer 4.
//!
//! stdout carries data, stderr talk. Whether there are colours, spinners or quiet is decided once, in [`Ui::new`].

pub mod audit;
pub mod balance;
pub mod doctor;
pub mod error;
pub mod logs;
mod pace;
pub mod plan;
pub mod progress;
pub mod status;
pub mod table;
pub mod timeline;

use std::io::{ErrorKind, IsTerminal, Write};

use clap::ValueEnum;

use crate::error::{Error, Kind};

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Errors only.
    Quiet,
    /// What happens.
    Normal,
    /// And the library errors below.
    Verbose,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// How much talk.
    pub level: Level,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
}

impl Ui {
    /// Decides, once, about colours and talk.
    pub fn new(color: Color, quiet: bool, verbose: bool) -> Self {
        // NO_COLOR counts when it is set and not empty (no-color.org).
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let on = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        let ui = Ui {
            level: match (quiet, verbose) {
                (true, _) => Level::Quiet,
                (_, true) => Level::Verbose,
                _ => Level::Normal,
            },
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        };
        console::set_colors_enabled(on(ui.stdout_is_terminal));
        console::set_colors_enabled_stderr(on(ui.stderr_is_terminal));
        ui
    }

    /// Data: a line on stdout. A closed pipe ends the process quietly, as `head` expects; a full disk does not.
    pub fn data(&self, text: &str) {
        self.raw_data(format!("{text}\n").as_bytes());
    }

    /// Data: just these bytes on stdout.
    pub fn raw_data(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => {
                self.error(&Error::failed(format!("cannot write to stdout: {error}")).source(error));
                std::process::exit(Kind::Failed.exit_code().into());
            }
        }
    }

    /// Talk: a line on stderr, unless quiet.
    pub fn say(&self, text: &str) {
        if self.level > Level::Quiet {
            self.always(text);
        }
    }

    /// A question on stderr; the answer is typed behind it.
    pub fn ask(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        // Where stderr is closed there is nobody left to ask.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// Talk that even `-q` does not silence.
    pub fn always(&self, text: &str) {
        // Where stderr is closed there is nobody left to tell.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// Bytes for people: `1.2 GiB`.
pub fn bytes(bytes: u64) -> String {
    humansize::format_size(bytes, humansize::BINARY.decimal_places(1))
}

/// A count for people, with commas: `1,234,567`.
pub fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// The count of records, or of those that are known of: `≥ 1,234`.
pub fn counted(records: u64, partial: bool) -> String {
    if partial { format!("≥ {}", count(records)) } else { count(records) }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn digits_in_groups() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
