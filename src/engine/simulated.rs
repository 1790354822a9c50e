//! A world in memory: what each step does to the facts, as far as the reconciler can see.
//!
//! `up --dry-run` starts it from the facts just observed and lets the very loop run that `up` runs, so that what
//! it prints is what would be done. The property tests start it from anything.

use std::{collections::BTreeMap, sync::Mutex};

use super::{Acted, World, simulated_moving as moving};
use crate::{
    error::{Error, Result},
    event::StepProgress,
    model::{AppName, KafkaVersion, NodeId, Role, label},
    observed::{
        AppImage, ContainerFacts, ContainerState, DockerFacts, LastNetwork, Limited, NetworkFacts, Observed,
        TopicFacts, VolumeFacts,
    },
    plan::{
        ContainerPlan, Plan,
        node::{name_aside, name_before_aside},
        release,
    },
    reconcile::Step,
};

/// The world in memory.
pub struct Simulated {
    plan: Plan,
    now: Mutex<Observed>,
    slow: usize,
    behind: Mutex<BTreeMap<NodeId, usize>>,
    broken: Option<KafkaVersion>,
}

impl Simulated {
    /// A world that holds `observed` and in which steps mean what `plan` says.
    pub fn new(plan: Plan, observed: Observed) -> Self {
        Simulated { plan, now: Mutex::new(observed), slow: 0, behind: Mutex::default(), broken: None }
    }

    /// Lets the replicas of a node that starts catch up only after so many looks.
    #[must_use]
    pub fn with_slow_replicas(self, looks: usize) -> Self {
        Simulated { slow: looks, ..self }
    }

    /// Lets nodes of this release end as soon as they are started.
    #[must_use]
    pub fn with_broken(self, version: KafkaVersion) -> Self {
        Simulated { broken: Some(version), ..self }
    }

    /// The facts as they are now.
    pub fn facts(&self) -> Observed {
        let mut now = self.lock();
        for container in now.docker.containers.iter_mut().filter(|c| c.role == Role::Node) {
            if self.broken.is_some() && container.version == self.broken && container.state == ContainerState::Running {
                container.state = ContainerState::Exited { code: 1, oom: false };
            }
        }
        let mut observed = now.clone();
        drop(now);
        let mut behind = self.behind();
        settle(&self.plan, &mut observed, &behind);
        behind.retain(|_, looks| {
            *looks -= 1;
            *looks > 0
        });
        observed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Observed> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Simulated {
    fn behind(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, usize>> {
        self.behind.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl World for Simulated {
    async fn observe(&self, _acted: Acted) -> Result<Observed> {
        Ok(self.facts())
    }

    async fn apply(&self, step: &Step, _progress: &StepProgress) -> Result<()> {
        let mut now = self.lock();
        may_start(step, &self.plan.network.name, &now.docker)?;
        // What has come about since the last step stays so.
        settle(&self.plan, &mut now, &self.behind());
        change(&self.plan, &mut now, step);
        if let Step::Start { service, .. } = step
            && let Some(node) = NodeId::from_service(service)
            && self.slow > 0
        {
            self.behind().insert(node, self.slow);
        }
        Ok(())
    }

    async fn autopsy(&self, service: &str, _name: &str) -> Error {
        Error::failed(format!("{service} ended"))
    }
}

/// The engine starts nothing on a network that is gone, or on two of one name.
fn may_start(step: &Step, network: &str, docker: &DockerFacts) -> Result<()> {
    let Step::Start { name, .. } = step else { return Ok(()) };
    if !docker.has_network(network) || docker.containers.iter().any(|c| &c.name == name && docker.is_cut_off(c)) {
        return Err(Error::failed(format!("{name} has no network: {:?}", docker.networks)));
    }
    Ok(())
}

/// What comes about by itself: nodes that run answer once they are a majority, replicas catch up, apps stay up.
fn settle(plan: &Plan, observed: &mut Observed, behind: &BTreeMap<NodeId, usize>) {
    observed.docker.containers.retain(|container| container.state != ContainerState::Removing);
    for container in observed.docker.containers.iter_mut().filter(|c| c.role == Role::App) {
        // The engine tries again, and here the app stays up.
        if container.state == ContainerState::Restarting {
            container.state = ContainerState::Running;
        }
    }
    let running: Vec<NodeId> = plan.nodes.keys().copied().filter(|&id| observed.docker.runs(id)).collect();
    let voters = plan.voters;
    let up = running.iter().filter(|id| id.0 <= voters).count();
    let kafka = &mut observed.kafka;
    kafka.answering.clear();
    kafka.supported.clear();
    kafka.controller = None;
    if up > usize::from(voters) / 2 {
        kafka.answering = running.iter().map(|&id| (id, running.iter().copied().collect())).collect();
        kafka.controller = running.first().copied();
        kafka.registered.extend(&running);
        let docker = &observed.docker;
        let levels = |&id: &NodeId| Some((id, release::highest_level(docker.node(id)?.version?)?));
        kafka.supported = running.iter().filter_map(levels).collect();
        // A new cluster begins at its release's own level.
        let lowest = kafka.supported.values().min().copied();
        kafka.metadata_level = kafka.metadata_level.or(lowest);
    }
    let caught_up: Vec<NodeId> = running.into_iter().filter(|id| !behind.contains_key(id)).collect();
    moving::settle(kafka, &caught_up);
    observed.settled = observed
        .docker
        .containers
        .iter()
        .filter(|c| c.role == Role::App && c.state == ContainerState::Running)
        .map(|c| c.id.clone())
        .collect();
}

fn made(container: &ContainerPlan, image: &str) -> ContainerFacts {
    ContainerFacts {
        id: format!("new {}", container.name),
        name: container.name.clone(),
        role: container.role,
        service: container.service.clone(),
        spec: container.spec.clone(),
        image: image.to_owned(),
        version: container.labels.get(label::VERSION).and_then(|version| version.parse().ok()),
        set_aside: false,
        state: ContainerState::Created,
        pid: None,
        started_ms: 0,
        network: LastNetwork::None,
        restarts: 0,
        ports: container.publish.iter().map(|publish| publish.host).collect(),
    }
}

fn change(plan: &Plan, observed: &mut Observed, step: &Step) {
    let docker = &mut observed.docker;
    let mut set_state = |name: &str, state| {
        if let Some(container) = docker.containers.iter_mut().find(|c| c.name == name) {
            container.state = state;
        }
    };
    match step {
        Step::Start { name, .. } => {
            if let Some(container) = docker.containers.iter_mut().find(|c| &c.name == name) {
                container.state = ContainerState::Running;
                container.network =
                    docker.networks.first().map_or(LastNetwork::None, |network| LastNetwork::Known(network.id.clone()));
            }
        }
        Step::Unpause { name, .. } => set_state(name, ContainerState::Running),
        Step::Stop { name, .. } => set_state(name, ContainerState::Exited { code: 143, oom: false }),
        Step::Remove { name, .. } => docker.containers.retain(|c| &c.name != name),
        Step::SetAside { name, .. } => rename(docker, name, &name_aside(name), true),
        Step::PutBack { name, .. } => rename(docker, name, name_before_aside(name).unwrap_or(name), false),
        Step::SetBrokers { name, to, .. } => {
            observed.kafka.config.insert(name.clone(), to.clone());
        }
        Step::UnsetBrokers { name, .. } => {
            observed.kafka.config.remove(name);
        }
        Step::Finalize { to, .. } => observed.kafka.metadata_level = Some(*to),
        Step::Pull { image } => {
            docker.images.insert(image.clone(), format!("new {image}"));
        }
        Step::Prepare { image } => {
            if let Some(base) = docker.images.get(image).cloned() {
                docker.prepared.insert(base.clone(), format!("prepared {base}"));
            }
        }
        Step::Build { app } => build(plan, observed, app),
        Step::CreateNetwork => {
            docker.networks.push(NetworkFacts { id: "new".to_owned(), name: plan.network.name.clone() })
        }
        Step::SettleNetwork => docker.networks.truncate(1),
        Step::CreateVolume { node } => {
            if let Some(planned) = plan.nodes.get(node) {
                let voters = plan.voters;
                docker.volumes.insert(
                    *node,
                    VolumeFacts {
                        name: planned.volume.name.clone(),
                        cluster: planned.cluster.clone(),
                        port: planned.port,
                        voters,
                    },
                );
            }
        }
        Step::CreateNode { node } => {
            let image = docker.images.get(&plan.kafka_image).and_then(|base| docker.prepared.get(base)).cloned();
            if let (Some(planned), Some(image)) = (plan.nodes.get(node), image) {
                docker.containers.push(made(&planned.container, &image));
            }
        }
        Step::CreateApp { app, name } => {
            let planned = plan.apps.get(app);
            let image =
                planned.and_then(|planned| docker.app_image(app, &planned.build.spec)).map(|image| image.id.clone());
            let container = planned.and_then(|planned| planned.containers.iter().find(|c| &c.name == name));
            if let (Some(container), Some(image)) = (container, image) {
                docker.containers.push(made(container, &image));
            }
        }
        Step::CreateTopic { topic, partitions, replication } => {
            let config = plan.topics.get(topic).map(|planned| planned.config.clone()).unwrap_or_default();
            let partitions = (0..*partitions as usize).map(|id| moving::placed(plan, id, *replication)).collect();
            observed.kafka.topics.insert(topic.clone(), TopicFacts { partitions, config, ..TopicFacts::default() });
        }
        Step::AddPartitions { topic, to, .. } => {
            if let Some(facts) = observed.kafka.topics.get_mut(topic) {
                let replication = facts.partitions.first().map_or(1, |first| first.replicas.len());
                let new = facts.partitions.len()..*to as usize;
                facts.partitions.extend(new.map(|id| moving::placed(plan, id, replication as u8)));
            }
        }
        Step::SetTopicConfig { topic, name, to, .. } => {
            if let Some(facts) = observed.kafka.topics.get_mut(topic) {
                facts.config.insert(name.clone(), to.clone());
            }
        }
        Step::DeleteTopic { topic } => {
            observed.kafka.topics.remove(topic);
        }
        Step::Limit { nodes, topics, evening } => {
            let limited = &mut observed.kafka.limited;
            limited.nodes.extend(nodes);
            limited.topics.extend(topics.iter().cloned());
            limited.evening |= evening;
        }
        Step::Reassign { moves, .. } => moves.iter().for_each(|one| moving::begin(&mut observed.kafka, one)),
        Step::Unlimit => observed.kafka.limited = Limited::default(),
        Step::Unregister { node } => {
            observed.kafka.registered.remove(node);
        }
        // Settling gives leadership to the first replica in sync: already so.
        Step::ElectLeaders => {}
        Step::RemoveImage { id, .. } => docker.app_images.retain(|image| &image.id != id),
        Step::RemoveUnfinished { id } => docker.unfinished_images.retain(|unfinished| unfinished != id),
        Step::RemoveNetwork { id, .. } => docker.networks.retain(|network| &network.id != id),
        // The engine removes no volume that a container mounts.
        Step::RemoveVolume { node, .. } => {
            if docker.node(*node).is_none() && docker.set_aside(*node).is_none() {
                docker.volumes.remove(node);
            }
        }
    }
}

fn rename(docker: &mut DockerFacts, name: &str, to: &str, set_aside: bool) {
    if let Some(container) = docker.containers.iter_mut().find(|c| c.name == name) {
        to.clone_into(&mut container.name);
        container.set_aside = set_aside;
    }
}

fn build(plan: &Plan, observed: &mut Observed, app: &AppName) {
    if let Some(planned) = plan.apps.get(app) {
        let spec = planned.build.spec.clone();
        let id = format!("new image {} of {app}", observed.docker.app_images.len());
        let images = &mut observed.docker.app_images;
        images.iter_mut().filter(|image| &image.app == app).for_each(|image| image.named = false);
        images.insert(0, AppImage { id, app: app.clone(), spec, named: true });
    }
}
