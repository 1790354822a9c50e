//! `kdev down`: stop and remove.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Session, up::locked};
use crate::{
    docker::Sought,
    engine::{
        live::Live,
        prepare,
        run::{self, Outcome, Run},
    },
    error::Result,
    event::{Event, Events},
    observed::DockerFacts,
    plan::{NetworkPlan, Plan},
    reconcile::down::{self, Extent},
};

/// Ten times what stopping everything takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Removes what the project has on the engine. What of the data goes is said before it goes.
///
/// # Errors
/// The engine refuses, or the user stops it.
pub async fn down(session: &Session, extent: Extent, events: &Events, cancel: &CancellationToken) -> Result<Outcome> {
    let _lock = locked(session, "kdev down", events, cancel).await?;
    let sought = match extent {
        Extent::All => Sought::All { kafka: None },
        Extent::KeepData => Sought::Nothing,
    };
    let before = session.docker.facts(&session.settings.project, &sought).await?;
    if let Some(warning) = loss(extent, &before) {
        events.send(Event::Warning(warning));
    }
    let world = Arc::new(Live::new(session.docker.clone(), nothing(session)).having_seen(before));
    let run = Run { events, cancel, timeout: TIMEOUT, first: Vec::new() };
    let outcome = run::reach(&world, run, |observed| Ok(down::next(extent, observed))).await?;
    // Of no project: without this the next preparation of the same image would be the first to see them.
    match prepare::remove_remains(&session.docker).await {
        Ok(removed) if removed.is_empty() => {}
        Ok(removed) => events.send(Event::Note(format!(
            "removed what the preparation of an image, which was killed, had left: {}",
            removed.join(", ")
        ))),
        Err(error) => {
            events.send(Event::Trouble(Box::new(error.while_("removing what was left of preparing an image"))))
        }
    }
    Ok(outcome)
}

/// A plan of nothing: what is to be removed is found by its labels.
fn nothing(session: &Session) -> Plan {
    let project = session.settings.project.clone();
    Plan {
        network: NetworkPlan { name: project.prefix(), labels: BTreeMap::new() },
        kafka_image: String::new(),
        version: session.settings.kafka.version,
        finalize: false,
        dynamic: BTreeMap::new(),
        started_with: BTreeMap::new(),
        nodes: BTreeMap::new(),
        voters: 0,
        min_insync: 1,
        topics: BTreeMap::new(),
        prune: false,
        apps: BTreeMap::new(),
        project,
    }
}

fn loss(extent: Extent, docker: &DockerFacts) -> Option<String> {
    let volumes: Vec<&str> = docker.volumes.values().map(|volume| volume.name.as_str()).collect();
    (extent == Extent::All && !volumes.is_empty())
        .then(|| format!("removing all topics and their data: volumes {}", volumes.join(", ")))
}
