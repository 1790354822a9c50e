//! Gathers the few facts that planning needs, and plans.

use std::{collections::BTreeMap, net::TcpListener};

use super::Session;
use crate::{
    docker::context,
    engine::storage,
    error::Result,
    model::{AppName, NodeId},
    observed::DockerFacts,
    plan::{
        Plan,
        build::{self, Known},
        ports,
    },
    template,
};

/// The plan for what the engine holds now.
///
/// # Errors
/// The engine does not answer, a build context cannot be read, or there is no plan.
pub async fn plan(session: &Session, apps: bool) -> Result<Plan> {
    let Session { settings, docker } = session;
    let (facts, published) = tokio::try_join!(docker.facts(&settings.project, &[], &[]), docker.published_ports())?;
    let digests = if apps { digests(session).await? } else { BTreeMap::new() };
    let local = docker.is_local();
    // A port is taken by a container on the engine, or, where the engine is this machine, by anybody who listens.
    let is_free = |port| !published.contains_key(&port) && (!local || TcpListener::bind(("127.0.0.1", port)).is_ok());
    build::build(
        settings,
        &Known { volumes: &facts.volumes, is_free: &is_free, digests: &digests, new_cluster: storage::new_id() },
    )
}

/// The nodes' ports on the host, as far as they are settled: by kdev.toml or by what is on the engine.
pub fn ports(session: &Session, facts: &DockerFacts) -> Result<BTreeMap<NodeId, u16>> {
    let settings = &session.settings;
    let mut remembered: BTreeMap<NodeId, u16> = facts.volumes.iter().map(|(&id, volume)| (id, volume.port)).collect();
    for id in NodeId::first(NodeId::MAX) {
        // What a container publishes is what can be reached, whatever was planned.
        if let Some(&port) = facts.node(id).and_then(|container| container.ports.first()) {
            remembered.insert(id, port);
        }
    }
    let given = if remembered.is_empty() { settings.kafka.ports.as_deref() } else { None };
    ports::choose(&settings.project, settings.kafka.brokers, given, &remembered, |_| true)
}

async fn digests(session: &Session) -> Result<BTreeMap<AppName, String>> {
    let args = build::build_args(&session.settings);
    let mut digests = BTreeMap::new();
    for (name, app) in &session.settings.apps {
        let source = build::build_source(app);
        let digest = context::digest(name, &source, &app.dockerfile, &args, template::APPS).await?;
        digests.insert(name.clone(), digest);
    }
    Ok(digests)
}
