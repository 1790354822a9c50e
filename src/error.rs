//! The one error of the program: what was being done, to what, why not, what to type.
//!
//! Layer 0. Every layer above returns [`Error`]; only `ui` prints it, in the shape
//!
//! ```text
//! error: port 9092 on 127.0.0.1 is taken by container `old-kafka` (image bitnami/kafka)
//!   while starting node kafka-1
//!   try: docker stop old-kafka
//!    or: remove `ports` from [kafka] in kdev.toml, and kdev picks free ones
//! ```

use std::fmt;

/// What went wrong, as far as a script has to tell: decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something failed while it was being done: exit 1.
    Failed,
    /// The command line or kdev.toml is wrong; nothing was touched: exit 2.
    Usage,
    /// No Docker engine answers, or it may not be used: exit 3.
    NoEngine,
    /// It did not come about in the time given: exit 4.
    TimedOut,
    /// `status` found the system not healthy: exit 5.
    Unhealthy,
    /// A check failed (`doctor`, `audit`), or there is a change (`plan --exit-code`): exit 6.
    CheckFailed,
    /// Ctrl-C: exit 130, as shells count SIGINT.
    Interrupted,
}

impl Kind {
    /// The process exit code that product documentation promises for this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::NoEngine => 3,
            Kind::TimedOut => 4,
            Kind::Unhealthy => 5,
            Kind::CheckFailed => 6,
            Kind::Interrupted => 130,
        }
    }
}

/// The error type of all of kdev.
#[derive(Debug)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// One line: what is wrong with what. No capital, no full stop.
    pub message: String,
    /// Lines of evidence, printed indented as they are: a container's last log lines, a snippet of kdev.toml.
    pub details: Vec<String>,
    /// What was being done, innermost first, each without the word "while".
    pub context: Vec<String>,
    /// What the user can type or change; the first becomes "try:", the others "or:".
    pub hints: Vec<String>,
    /// The library error below, for `-v`.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with its one-line message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            details: Vec::new(),
            context: Vec::new(),
            hints: Vec::new(),
            source: None,
        }
    }

    /// Something failed while it was being done (exit 1).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The command line or kdev.toml is wrong (exit 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Adds what was being done: `.while_("starting node kafka-1")`.
    #[must_use]
    pub fn while_(mut self, doing: impl Into<String>) -> Self {
        self.context.push(doing.into());
        self
    }

    /// Adds something to type or to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds lines of evidence.
    #[must_use]
    pub fn details(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Keeps the library error below.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// Adds context to a failing result.
pub trait While<T> {
    /// On failure, adds what was being done.
    fn while_(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> While<T> for Result<T> {
    fn while_(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.while_(doing()))
    }
}
