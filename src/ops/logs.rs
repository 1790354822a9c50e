//! `kdev logs`: all services in one stream, in the order of their times.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream::SelectAll};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Session;
use crate::{
    docker::{LogPosition, LogQuery, LogStream, Sought},
    error::{Error, Result},
    mux::{Line, Merge},
    observed::{ContainerFacts, DockerFacts},
};

/// What to show.
#[derive(Clone, Debug)]
pub struct Query {
    /// Only these services; empty: all.
    pub services: Vec<String>,
    /// Go on as new lines come.
    pub follow: bool,
    /// Only the last lines of each.
    pub tail: Option<usize>,
    /// Only lines since then.
    pub since: Option<Timestamp>,
}

/// While following, a line waits this long for earlier ones of other services.
const PATIENCE: Duration = Duration::from_millis(150);
/// How often a service whose container ended or was replaced is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The names of services in the order of [`Line::source`].
pub type Services = Vec<String>;

/// A service's log, over all containers that it has had since the first.
struct Source {
    open: bool,
    /// The container that was read last.
    container: String,
    read: LogPosition,
}

impl Source {
    fn since(time: Option<Timestamp>) -> Self {
        Source { open: false, container: String::new(), read: LogPosition::since(time) }
    }

    /// From where on this container is read, now.
    fn begin(&mut self, container: &str) -> LogPosition {
        if self.container != container {
            container.clone_into(&mut self.container);
            self.read = self.read.of_another();
        }
        self.open = true;
        self.read
    }
}

/// The chosen services that there are, replicas each by itself.
///
/// # Errors
/// No such service, or the engine does not answer.
pub async fn services(session: &Session, query: &Query) -> Result<Services> {
    let facts = session.docker.facts(&session.settings.project, &Sought::Nothing).await?;
    let present: BTreeSet<String> = facts.services().map(label).collect();
    let base = |name: &str| facts.services().any(|c| c.service == name);
    for wanted in &query.services {
        if !present.contains(wanted) && !base(wanted) {
            return Err(no_such_service(wanted, &facts, session));
        }
    }
    let chosen = |name: &&String| {
        query.services.is_empty()
            || query.services.iter().any(|wanted| wanted == *name || name.starts_with(&format!("{wanted}#")))
    };
    let services: Services = present.iter().filter(chosen).cloned().collect();
    if services.is_empty() {
        return Err(Error::failed(format!("{} has no containers", session.settings.project.name)).hint("kdev up"));
    }
    Ok(services)
}

/// Sends the services' lines, merged; ends when all have ended, or, while following, when the receiver is gone.
pub async fn follow(session: &Session, services: &Services, query: &Query, lines: mpsc::Sender<Line>) -> Result<()> {
    let mut merge = Merge::new(services.len());
    let mut arrival = 0;
    let mut streams = SelectAll::new();
    let mut sources: Vec<Source> = services.iter().map(|_| Source::since(query.since)).collect();
    let mut first = true;
    loop {
        // Containers that are there and not read yet: all at first, later those that were restarted or replaced.
        let facts = session.docker.facts(&session.settings.project, &Sought::Nothing).await?;
        for (source, service) in services.iter().enumerate() {
            let container = facts.services().find(|c| &label(c) == service);
            let Some(container) = container else {
                if first {
                    merge.close(source)
                }
                continue;
            };
            let running = matches!(container.state.word(), "running" | "restarting" | "paused");
            if sources[source].open || (!first && !running) {
                continue;
            }
            let after = sources[source].begin(&container.id);
            let query = LogQuery { follow: query.follow, tail: if first { query.tail } else { None }, after };
            let ended = futures_util::stream::once(async move { (source, None) });
            let stream = session.docker.logs(&container.id, query).map(move |line| (source, Some(line)));
            streams.push(Box::pin(stream.chain(ended)));
        }
        first = false;
        let mut look_again = tokio::time::interval(LOOK_AGAIN);
        look_again.tick().await;
        let mut release = tokio::time::interval(PATIENCE);
        loop {
            tokio::select! {
                next = streams.next(), if !streams.is_empty() => match next {
                    Some((source, Some(line))) => {
                        let line = line?;
                        sources[source].read.note(line.time);
                        arrival += 1;
                        merge.push(Line {
                            time: line.time,
                            arrival,
                            source,
                            is_stderr: line.stream == LogStream::Stderr,
                            text: line.line,
                        });
                    }
                    Some((source, None)) => {
                        sources[source].open = false;
                        merge.close(source);
                    }
                    None => {}
                },
                _ = release.tick(), if query.follow => {
                    let bound = Timestamp::now() - PATIENCE;
                    while let Some(line) = merge.release_before(bound) {
                        if lines.send(line).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                // A service without a stream may have come back.
                _ = look_again.tick(), if query.follow && sources.iter().any(|source| !source.open) => break,
                () = lines.closed() => return Ok(()),
            }
            while let Some(line) = merge.pop() {
                if lines.send(line).await.is_err() {
                    return Ok(());
                }
            }
            if streams.is_empty() && !query.follow {
                return Ok(());
            }
        }
    }
}

/// The service's name; of several replicas, with the number: `producer#2`.
fn label(container: &ContainerFacts) -> String {
    match container.name.rsplit_once('_') {
        Some((_, number)) if number.bytes().all(|b| b.is_ascii_digit()) => format!("{}#{number}", container.service),
        _ => container.service.clone(),
    }
}

/// The error for a service that is not there, with the nearest that is.
pub fn no_such_service(wanted: &str, facts: &DockerFacts, session: &Session) -> Error {
    let present: BTreeSet<&str> = facts.services().map(|c| c.service.as_str()).collect();
    let project = &session.settings.project.name;
    let mut error = Error::failed(format!("{project} has no service `{wanted}`"));
    if let Some(near) = crate::config::load::nearest_name(wanted, present.iter().copied()) {
        error = error.hint(format!("`{near}`"));
    }
    match present.is_empty() {
        true => error.hint("kdev up   (nothing runs)"),
        false => error.hint(format!("one of: {}", present.into_iter().collect::<Vec<_>>().join(", "))),
    }
}
