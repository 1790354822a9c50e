//! Gathers the few facts that planning needs, and plans.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    time::Duration,
};

use super::Session;
use crate::{
    config::Settings,
    docker::{Engine, Holder, Sought, context, taken},
    engine::storage,
    error::{Error, Result},
    model::{AppName, NodeId},
    observed::DockerFacts,
    plan::{
        Plan,
        build::{self, Known},
        ports,
    },
    template,
};

/// How long a port may be held before or after the container that publishes it runs.
const LET_GO_TRIES: u32 = 5;
const LET_GO_STEP: Duration = Duration::from_millis(100);

/// The plan for what the engine holds now.
///
/// # Errors
/// The engine does not answer, a build context cannot be read, there is no plan, or a node's port is taken.
pub async fn plan(session: &Session, apps: bool) -> Result<Plan> {
    Ok(plan_and_facts(session, apps).await?.0)
}

/// As [`plan()`], with what the engine was seen to hold.
///
/// # Errors
/// As [`plan()`].
pub async fn plan_and_facts(session: &Session, apps: bool) -> Result<(Plan, DockerFacts)> {
    let draft = draft(session, apps).await?;
    draft.check_ports().await?;
    Ok((draft.plan, draft.facts))
}

/// A plan, and what it was made from: whether its ports can be had is still to be asked.
pub struct Draft<'a> {
    session: &'a Session,
    /// The plan.
    pub plan: Plan,
    /// What the engine holds of the project.
    pub facts: DockerFacts,
    ports: Ports,
}

/// The plan for what the engine holds now, whoever may hold its ports.
///
/// # Errors
/// The engine does not answer, a build context cannot be read, or there is no plan.
pub async fn draft(session: &Session, apps: bool) -> Result<Draft<'_>> {
    let Session { settings, docker } = session;
    // A build takes so much longer than the list of all images that what earlier ones have left is looked at after one.
    let built = || settings.apps.iter().filter(|(_, app)| app.replicas > 0).map(|(name, _)| name.clone()).collect();
    let sought = Sought::Named { kafka: settings.kafka.image.clone(), apps: apps.then(built) };
    let (facts, published, remembered) = tokio::try_join!(
        docker.facts(&settings.project, &sought),
        docker.published_ports(),
        docker.remembered_ports(&settings.project),
    )?;
    let digests = if apps { digests(session).await? } else { BTreeMap::new() };
    let ports = Ports { published, remembered, local: docker.is_local() };
    let is_free = |port| ports.is_free(port);
    let known = Known { volumes: &facts.volumes, is_free: &is_free, digests: &digests, new_cluster: storage::new_id() };
    let plan = build::build(settings, &known)?;
    Ok(Draft { session, plan, facts, ports })
}

impl Draft<'_> {
    /// Whether a container of the project publishes the port.
    pub fn is_ours(&self, port: u16) -> bool {
        self.ports.published.get(&port).is_some_and(|name| is_in(&self.facts, name))
    }

    /// # Errors
    /// The engine does not answer, or a node's port is taken.
    pub async fn check_ports(&self) -> Result<()> {
        for id in self.plan.nodes.keys() {
            if let Some(error) = self.conflict(*id).await? {
                return Err(error.while_(format!("starting {}", id.service())));
            }
        }
        Ok(())
    }

    /// Who else holds a node's port, as the error that its start would be; none where it is free or ours.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn conflict(&self, id: NodeId) -> Result<Option<Error>> {
        let Session { settings, docker } = self.session;
        let Some(port) = self.plan.nodes.get(&id).map(|node| node.port) else { return Ok(None) };
        if self.is_ours(port) || !self.ports.is_held(port) {
            return Ok(None);
        }
        let is_free = |port| self.ports.is_free(port);
        let free = || ports::choose(&settings.project, settings.kafka.brokers, None, &BTreeMap::new(), is_free);
        let holder = holder(docker, port, &self.facts).await?;
        Ok(holder.map(|holder| port_taken(settings, port, &holder, free)))
    }
}

/// What is known of the ports on 127.0.0.1.
struct Ports {
    /// By the container that publishes it.
    published: BTreeMap<u16, String>,
    /// Of projects that are down: each gets its ports again when it is up.
    remembered: BTreeSet<u16>,
    /// Whether the engine is this machine.
    local: bool,
}

impl Ports {
    /// Whether a container on the engine holds it or, where the engine is this machine, anybody who listens.
    fn is_held(&self, port: u16) -> bool {
        self.published.contains_key(&port) || (self.local && TcpListener::bind(("127.0.0.1", port)).is_err())
    }

    fn is_free(&self, port: u16) -> bool {
        !self.is_held(port) && !self.remembered.contains(&port)
    }
}

/// Whether the project has a container of this name.
fn is_in(facts: &DockerFacts, name: &str) -> bool {
    facts.containers.iter().any(|container| container.name == name)
}

/// Who but us holds a port that one of our nodes is to have. What publishes it for a container takes it a moment
/// before the container is said to run, and lets go of it a moment after it is said to have ended.
async fn holder(docker: &Engine, port: u16, facts: &DockerFacts) -> Result<Option<Holder>> {
    let by_us = |holder: &Holder| matches!(holder, Holder::Container { name, .. } if is_in(facts, name));
    let mut tries = 0;
    loop {
        let holder = docker.port_holder(port).await?.filter(|holder| !by_us(holder));
        tries += 1;
        if holder.is_none() || tries == LET_GO_TRIES {
            return Ok(holder);
        }
        tokio::time::sleep(LET_GO_STEP).await;
    }
}

fn port_taken(
    settings: &Settings,
    port: u16,
    holder: &Holder,
    free: impl FnOnce() -> Result<BTreeMap<NodeId, u16>>,
) -> Error {
    let mut error = taken(port, holder);
    if settings.kafka.ports.is_none() {
        // The volumes remember the port; there is no `ports` to remove.
        error.hints.pop();
        if let Ok(free) = free() {
            let free: Vec<String> = free.values().map(u16::to_string).collect();
            error = error.hint(format!("ports = [{}] under [kafka] in kdev.toml: these are free", free.join(", ")));
        }
    }
    error
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
