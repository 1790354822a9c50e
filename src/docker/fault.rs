//! bollard's errors as kdev's.

use std::io;

use bollard::errors::Error as Fault;

use crate::error::{Error, Kind, Result};

/// The HTTP status with which the engine refused.
pub(super) fn status(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the object is not there. Podman answers 500 where it goes in that very moment.
pub(super) fn is_missing(fault: &Fault) -> bool {
    match status(fault) {
        Some(500) => reason(fault).contains("does not exist in database"),
        other => other == Some(404),
    }
}

/// What the engine (or the way to it) said, on one line.
pub(super) fn reason(fault: &Fault) -> String {
    let text = match fault {
        Fault::DockerResponseServerError { message, .. } => message.clone(),
        Fault::DockerStreamError { error } => error.clone(),
        Fault::RequestTimeoutError => "the engine did not answer in time".to_owned(),
        other => io_error(other).map_or_else(|| other.to_string(), |e| e.to_string()),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("Error response from daemon: ").unwrap_or(&line).to_owned();
    if line.is_empty() { "the engine gave no reason".to_owned() } else { line }
}

/// The operating system's error below, where the connection itself failed.
pub(super) fn io_error(fault: &Fault) -> Option<&io::Error> {
    match fault {
        // It shows itself as what it holds, so that the search for a source would miss that.
        Fault::IOError { err } => innermost(err),
        other => innermost(other),
    }
}

/// Wrappers are io errors themselves at times: the last one in the chain is the operating system's.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        found = io.or(found);
        next = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    found
}

/// A failed request as an error of kdev's: `doing` is what was tried, to what.
pub(super) fn error(doing: impl Into<String>, fault: Fault) -> Error {
    let message = reason(&fault);
    let error = match &fault {
        Fault::DockerResponseServerError { .. } | Fault::DockerStreamError { .. } => {
            let error = Error::failed(format!("the Docker engine refused: {message}"));
            if message.contains("no space left on device") {
                error
                    .hint("docker system df, to see what takes the room")
                    .hint("docker image prune, to remove images that nothing uses")
            } else {
                error
            }
        }
        Fault::RequestTimeoutError => Error::new(Kind::TimedOut, format!("{message} (120 s)"))
            .hint("docker info, to see whether the engine answers at all"),
        _ if io_error(&fault).is_some() => {
            Error::new(Kind::NoEngine, format!("the Docker engine stopped answering: {message}"))
                .hint("docker info, to see whether it is running")
        }
        _ => Error::failed(format!("the Docker engine's answer was not understood: {message}")),
    };
    error.while_(doing).source(fault)
}

/// Adds what was tried to a failing request.
pub(super) trait Doing<T> {
    /// On failure, becomes kdev's error.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, Fault> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|fault| error(doing(), fault))
    }
}

/// Success where the object is gone already: that was the wish.
pub(super) fn gone_is_fine(result: std::result::Result<(), Fault>) -> std::result::Result<(), Fault> {
    match result {
        Err(fault) if is_missing(&fault) => Ok(()),
        other => other,
    }
}

/// Runs blocking work on a thread of its own; a panic there is passed on.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Fault {
        Fault::DockerResponseServerError { status_code: 500, message: message.to_owned() }
    }

    #[test]
    fn a_refusal_names_the_reason_and_the_deed() {
        let error = error("starting node kafka-1", refused("Error response from daemon: no\n such thing"));
        assert_eq!(error.message, "the Docker engine refused: no such thing");
        assert_eq!(error.context, ["starting node kafka-1"]);
        assert_eq!(error.kind, Kind::Failed);
    }

    #[test]
    fn what_goes_while_it_is_looked_at_is_missing() {
        assert!(is_missing(&refused("container 1a2b does not exist in database: no such container")));
        assert!(!is_missing(&refused("unable to find network blog: network not found")));
    }

    #[test]
    fn a_full_disk_comes_with_a_remedy() {
        let error = error("x", refused("write /var/lib: no space left on device"));
        assert!(error.hints[1].contains("docker image prune"), "{:?}", error.hints);
    }

    #[test]
    fn a_lost_connection_is_no_engine() {
        let fault = Fault::IOError { err: io::Error::from(io::ErrorKind::ConnectionRefused) };
        assert_eq!(error("x", fault).kind, Kind::NoEngine);
    }
}
