//! Which apps have started.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use crate::{
    docker::Engine,
    model::Role,
    observed::{ContainerState, DockerFacts},
};

/// An app that has stayed up this long has started.
const STAYED_UP: Duration = Duration::from_secs(2);
/// One that has printed something and lives on for this long, too: a traceback and the end that follows it lie
/// closer together.
const PRINTED_AND_UP: Duration = Duration::from_millis(400);

/// The ids of the containers whose app has started, of those that were seen.
pub async fn apps(docker: &Engine, facts: &DockerFacts) -> BTreeSet<String> {
    let now = Timestamp::now().as_millisecond();
    let mut settled = BTreeSet::new();
    for app in facts.containers.iter().filter(|c| c.role == Role::App && c.state == ContainerState::Running) {
        let age = Duration::from_millis(u64::try_from(now - app.started_ms).unwrap_or(0));
        let printed = || async { docker.tail(&app.id, 1).await.is_ok_and(|lines| !lines.is_empty()) };
        if age >= STAYED_UP || (age >= PRINTED_AND_UP && app.restarts == 0 && printed().await) {
            settled.insert(app.id.clone());
        }
    }
    settled
}
