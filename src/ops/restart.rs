//! `kdev restart`: services one after another, each when the one before is back.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Session, logs::no_such_service, planning, up::locked};
use crate::{
    docker::Sought,
    engine::{
        live::Live,
        run::{self, Run},
    },
    error::{Error, Result},
    event::Events,
    model::Role,
    observed::{ContainerFacts, ContainerState},
    reconcile::{Step, Waiting, up},
};

/// A node registers again at the latest after its old session's three seconds; the rest is patience.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Restarts the services in the order given.
///
/// # Errors
/// No such service; a service does not come back.
pub async fn restart(
    session: &Session,
    services: &[String],
    events: &Events,
    cancel: &CancellationToken,
) -> Result<()> {
    let _lock = locked(session, "kdev restart", events, cancel).await?;
    let facts = session.docker.facts(&session.settings.project, &Sought::Nothing).await?;
    for service in services {
        let mut containers = facts.services().filter(|c| &c.service == service).peekable();
        if containers.peek().is_none() {
            return Err(no_such_service(service, &facts, session));
        }
        if containers.any(ContainerFacts::is_unplugged) {
            let error = Error::failed(format!("{service} is on no network, and would start on none"));
            return Err(error.hint("kdev up   (makes its container anew)"));
        }
    }
    let plan = planning::plan(session, false).await?;
    for service in services {
        for container in facts.services().filter(|c| &c.service == service) {
            let name = container.name.clone();
            let service = service.clone();
            let world = Arc::new(Live::new(session.docker.clone(), plan.clone()));
            let stop = Step::Stop { service: service.clone(), name: name.clone(), why: String::new() };
            let is_ended = matches!(container.state, ContainerState::Created | ContainerState::Exited { .. });
            let first = if is_ended { Vec::new() } else { vec![stop] };
            let run = Run { events, cancel, timeout: TIMEOUT, first };
            // Only this container is started, and only Kafka's return waited for, leaders included: what else kdev.toml may
            // ask for by now is `kdev up`'s to do.
            run::reach(&world, run, |observed| {
                let mut next = up::next(&plan, false, observed).map_err(super::up::blocked)?;
                next.steps.retain(|step| *step == Step::ElectLeaders && container.role == Role::Node);
                next.waiting.retain(|waiting| !matches!(waiting, Waiting::Unsafe { .. }));
                if container.role != Role::Node {
                    next.waiting.clear();
                }
                let state = observed.docker.containers.iter().find(|c| c.name == name);
                match state {
                    Some(found) if matches!(found.state, ContainerState::Created | ContainerState::Exited { .. }) => {
                        next.steps.push(Step::Start { service: service.clone(), name: name.clone() });
                    }
                    Some(found) if container.role == Role::App && !observed.settled.contains(&found.id) => {
                        if let Ok(app) = service.parse() {
                            next.waiting.push(Waiting::Settling(app));
                        }
                    }
                    _ => {}
                }
                Ok(next)
            })
            .await?
            .failed_apps
            .into_iter()
            .next()
            .map_or(Ok(()), Err)?;
        }
    }
    Ok(())
}
