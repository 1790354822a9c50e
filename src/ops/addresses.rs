//! Where the project's Kafka is, for programs on the host.

use std::collections::BTreeMap;

use super::{Session, elsewhere};
use crate::{
    config::Settings,
    docker::Engine,
    error::{Error, Result},
    model::NodeId,
    plan::build,
    status,
};

/// The nodes that run, with their addresses `127.0.0.1:port`.
///
/// # Errors
/// The engine does not answer, or no node runs.
pub async fn of_running(session: &Session) -> Result<BTreeMap<NodeId, String>> {
    let ports = session.docker.running_nodes(&session.settings.project).await?;
    let running: BTreeMap<_, _> = ports.into_iter().map(|(id, port)| (id, format!("127.0.0.1:{port}"))).collect();
    if running.is_empty() {
        let error = Error::failed(format!("{} is not running", session.settings.project.name)).hint("kdev up");
        return Err(elsewhere::with_hint(session, error).await);
    }
    Ok(running)
}

/// The bootstrap addresses of the project's nodes that run, by the shortest way there is: for commands that a
/// developer types all day.
///
/// # Errors
/// As [`of_running`], and where no engine answers.
pub async fn bootstrap_at_once(settings: Settings) -> Result<String> {
    match Engine::running_nodes_at_once(&settings.project).await {
        Some(ports) => Ok(status::host_bootstrap(&ports)),
        None => bootstrap(&Session::open(settings).await?).await,
    }
}

/// The bootstrap addresses `localhost:port,…` of all nodes that run.
///
/// # Errors
/// As [`of_running`].
pub async fn bootstrap(session: &Session) -> Result<String> {
    let running = of_running(session).await?;
    let ports =
        running.into_iter().filter_map(|(id, address)| Some((id, address.rsplit(':').next()?.parse().ok()?))).collect();
    Ok(status::host_bootstrap(&ports))
}

/// The variables that tell a program on the host where Kafka is.
///
/// # Errors
/// As [`of_running`].
pub async fn environment(session: &Session) -> Result<BTreeMap<String, String>> {
    Ok(build::connection_env(&bootstrap(session).await?, &session.settings))
}
