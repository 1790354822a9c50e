//! `kdev status`: a look at everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::{join, join_all};

use super::{Session, planning};
use crate::{
    docker::Sought,
    engine::live::Live,
    error::Result,
    kafka::admin::{Admin, ClusterSummary},
    model::{NodeId, TopicName},
    observed::{ContainerState, DockerFacts, Observed},
    reconcile::Step,
    status::{self, Group, Measured, Status},
};

/// A live cluster answers in 10 ms; one that is busy or torn gets this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the project.
///
/// # Errors
/// The engine does not answer.
pub async fn status(session: &Session) -> Result<Status> {
    let docker = session.docker.facts(&session.settings.project, &Sought::Nothing).await?;
    let ports = planning::ports(session, &docker)?;
    let running = running(&docker, &ports);
    let admin = Admin::for_nodes(&running);
    let summary =
        async { if running.is_empty() { Default::default() } else { admin.summary(&running, PATIENCE).await } };
    let (mut summary, memory) = join(summary, memory(session, &docker)).await;
    let topics = &mut summary.facts.topics;
    let named: Vec<_> = session.settings.topics.keys().filter(|name| topics.contains_key(name)).cloned().collect();
    if summary.facts.controller.is_some() {
        // A cluster that does not answer this has told its other troubles already.
        let _ = admin.patience(PATIENCE).add_settings(topics, &named).await;
    }
    Ok(told(session, &ports, docker, summary, memory))
}

/// As [`status()`], of what `up` has just looked at in this world after these steps: only what that leaves out is asked.
///
/// # Errors
/// There is no port for a node.
pub async fn status_after(session: &Session, world: &Live, observed: Observed, steps: &[Step]) -> Result<Status> {
    let ports = planning::ports(session, &observed.docker)?;
    // An app that was started may have written since.
    let (new, ends) = match steps.iter().any(starts_app) {
        true => (BTreeSet::new(), None),
        false => (made(steps), world.ends().await),
    };
    let rest = world.kafka().summary_of(observed.kafka, &new, ends, PATIENCE);
    let (mut summary, memory) = join(rest, memory(session, &observed.docker)).await;
    summary.messages.extend(new.into_iter().map(|topic| (topic, 0)));
    Ok(told(session, &ports, observed.docker, summary, memory))
}

fn starts_app(step: &Step) -> bool {
    matches!(step, Step::Start { .. }) && step.app().is_some()
}

/// The topics that these steps have made, which are empty: their leaders, of which this would be the first request,
/// would take longer to answer than all else.
fn made(steps: &[Step]) -> BTreeSet<TopicName> {
    let made = |step: &Step| match step {
        Step::CreateTopic { topic, .. } => Some(topic.clone()),
        _ => None,
    };
    steps.iter().filter_map(made).collect()
}

fn told(
    session: &Session,
    ports: &BTreeMap<NodeId, u16>,
    docker: DockerFacts,
    summary: ClusterSummary,
    memory: BTreeMap<String, u64>,
) -> Status {
    let measured = Measured {
        messages: summary.messages,
        partly: summary.partly,
        groups: summary
            .groups
            .into_iter()
            .map(|group| Group { name: group.name, state: group.state, members: group.members, lag: group.lag })
            .collect(),
        memory,
    };
    let observed = Observed { docker, kafka: summary.facts, ..Observed::default() };
    status::of(&session.settings, ports, &observed, &measured)
}

/// The host addresses of the nodes that run.
pub fn running(docker: &DockerFacts, ports: &BTreeMap<NodeId, u16>) -> BTreeMap<NodeId, String> {
    ports.iter().filter(|(id, _)| docker.runs(**id)).map(|(&id, port)| (id, format!("127.0.0.1:{port}"))).collect()
}

/// Resident memory of the nodes that run; a container that ends meanwhile has none.
async fn memory(session: &Session, docker: &DockerFacts) -> BTreeMap<String, u64> {
    let nodes = NodeId::first(NodeId::MAX).filter_map(|id| docker.node(id));
    let running = nodes.filter(|container| container.state == ContainerState::Running);
    let asked = running.map(|container| async move {
        let bytes = session.docker.memory(container).await.ok()?;
        Some((container.id.clone(), bytes))
    });
    join_all(asked).await.into_iter().flatten().collect()
}
