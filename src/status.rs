//! Settings × Observed → [`Status`]: the contract for scripts, and what `kdev status` shows. Pure. Layer 1.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    config::Settings,
    model::{AppName, NodeId, TopicName},
    observed::{ContainerFacts, ContainerState, Observed},
    plan::{node, release::metadata_version},
    reconcile::drift::{self, Drift},
};

/// Counts up only when a field changes its meaning or goes; fields may be added.
pub const SCHEMA: u32 = 1;

/// What `kdev status -o json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The project's name.
    pub project: String,
    /// Its directory.
    pub directory: String,
    /// Whether all that kdev.toml names is there and in sync. Drift of topics is told apart: the cluster serves.
    pub healthy: bool,
    /// Why not; empty where healthy.
    pub problems: Vec<String>,
    /// Where Kafka is.
    pub bootstrap: Bootstrap,
    /// The cluster; null where no node answers.
    pub cluster: Option<Cluster>,
    /// The nodes of kdev.toml.
    pub nodes: Vec<Node>,
    /// Topics that are not Kafka's own.
    pub topics: Vec<Topic>,
    /// Consumer groups.
    pub groups: Vec<Group>,
    /// The apps of kdev.toml.
    pub apps: Vec<App>,
}

impl Status {
    /// Whether nothing of what kdev.toml names has a container.
    pub fn is_absent(&self) -> bool {
        let mut states = self.nodes.iter().map(|node| &node.state).chain(self.apps.iter().map(|app| &app.state));
        states.all(|state| state == "absent")
    }
}

/// Addresses of all nodes, separated by commas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// For programs on the host.
    pub host: String,
    /// For programs in containers on the project's network.
    pub container: String,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Kafka's id of it.
    pub id: String,
    /// The release that kdev.toml names.
    pub version: String,
    /// The finalized level of metadata, by its release name: `4.3-IV0`.
    pub metadata_version: String,
    /// The level that all nodes could read, where it is higher and not finalized.
    pub metadata_could: Option<String>,
    /// The active controller.
    pub controller: Option<NodeId>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// `kafka-1`.
    pub name: String,
    /// Its number.
    pub id: NodeId,
    /// The Kafka release that its container was made for; null where there is no container.
    pub version: Option<String>,
    /// `broker`, `controller`.
    pub roles: Vec<&'static str>,
    /// The container's state, `unreachable` where it runs and does not answer, or `absent`.
    pub state: String,
    /// Its address on the host.
    pub address: String,
    /// Partitions that it leads.
    pub leaders: usize,
    /// Resident memory, page cache not counted; 0 where it does not run.
    pub memory_bytes: u64,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// Its partitions.
    pub partitions: usize,
    /// Replicas of each.
    pub replication: usize,
    /// Partitions with a replica out of sync.
    pub under_replicated: usize,
    /// Partitions without a leader.
    pub offline: usize,
    /// Records in all partitions, by their first and last offsets.
    pub messages: u64,
    /// Whether there are more: a partition's leader did not answer, or it has none.
    pub messages_partial: bool,
    /// Whether kdev.toml names it.
    pub in_file: bool,
    /// Where it differs from what kdev.toml says; empty for topics that it does not name.
    pub drift: Vec<Drift>,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Kafka's word: Stable, Empty, …
    pub state: String,
    /// Its members.
    pub members: usize,
    /// Records between its committed offsets and the ends; none for share groups, and where it could not be found out.
    pub lag: Option<u64>,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// `running`, the state of the first container that does not run, or `absent`.
    pub state: String,
    /// Containers that run.
    pub replicas: usize,
    /// How often the engine restarted them, together.
    pub restarts: u32,
}

/// What only a running cluster and engine can tell, beside [`Observed`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Records a topic.
    pub messages: BTreeMap<TopicName, u64>,
    /// The topics that may have more.
    pub partly: BTreeSet<TopicName>,
    /// Consumer groups.
    pub groups: Vec<Group>,
    /// Resident memory by container id.
    pub memory: BTreeMap<String, u64>,
}

/// Makes the status of a project whose nodes have these host ports.
pub fn of(settings: &Settings, ports: &BTreeMap<NodeId, u16>, observed: &Observed, measured: &Measured) -> Status {
    let nodes: Vec<Node> = ports.iter().map(|(&id, &port)| node(settings, id, port, observed, measured)).collect();
    let topics: Vec<Topic> = topics(settings, observed, measured);
    let apps: Vec<App> = settings.apps.keys().map(|name| app(name, observed)).collect();
    let problems = problems(settings, observed, &nodes, &topics, &apps);
    let kafka = &observed.kafka;
    Status {
        schema: SCHEMA,
        project: settings.project.name.to_string(),
        directory: settings.project.directory.display().to_string(),
        healthy: problems.is_empty(),
        problems,
        bootstrap: Bootstrap::of(ports),
        cluster: kafka.cluster_id.as_ref().map(|id| Cluster {
            id: id.clone(),
            version: settings.kafka.version.to_string(),
            metadata_version: kafka.metadata_level.map(metadata_version).unwrap_or_default(),
            metadata_could: could(&nodes, observed),
            controller: kafka.controller,
        }),
        nodes,
        topics,
        groups: measured.groups.clone(),
        apps,
    }
}

impl Bootstrap {
    /// Of nodes with these host ports.
    pub fn of(ports: &BTreeMap<NodeId, u16>) -> Self {
        Bootstrap {
            host: host_bootstrap(ports),
            container: ports.keys().map(|&id| node::container_address(id)).collect::<Vec<_>>().join(","),
        }
    }
}

/// The bootstrap addresses for programs on the host.
pub fn host_bootstrap(ports: &BTreeMap<NodeId, u16>) -> String {
    ports.values().map(|port| format!("localhost:{port}")).collect::<Vec<_>>().join(",")
}

fn node(settings: &Settings, id: NodeId, port: u16, observed: &Observed, measured: &Measured) -> Node {
    let container = observed.docker.node(id);
    let state = match container {
        None => "absent",
        Some(container)
            if container.state == ContainerState::Running && !observed.kafka.answering.contains_key(&id) =>
        {
            "unreachable"
        }
        Some(container) => container.state.word(),
    };
    let partitions = observed.kafka.partitions();
    let controller = id.0 <= observed.docker.voters().unwrap_or_else(|| node::voters(settings.kafka.brokers));
    Node {
        name: id.service(),
        id,
        version: container.and_then(|container| container.version).map(|version| version.to_string()),
        roles: if controller { vec!["broker", "controller"] } else { vec!["broker"] },
        state: state.to_owned(),
        address: format!("localhost:{port}"),
        leaders: partitions.filter(|partition| partition.leader == Some(id)).count(),
        memory_bytes: container.and_then(|c| measured.memory.get(&c.id)).copied().unwrap_or(0),
    }
}

/// What could be finalized: every node reads it, and the cluster is not there yet.
fn could(nodes: &[Node], observed: &Observed) -> Option<String> {
    let kafka = &observed.kafka;
    let levels: Option<Vec<i16>> = nodes.iter().map(|node| kafka.supported.get(&node.id).copied()).collect();
    let could = levels?.into_iter().min()?;
    (could > kafka.metadata_level?).then(|| metadata_version(could))
}

fn topics(settings: &Settings, observed: &Observed, measured: &Measured) -> Vec<Topic> {
    observed
        .kafka
        .topics
        .iter()
        .filter(|(name, _)| !name.is_internal())
        .map(|(name, facts)| Topic {
            name: name.clone(),
            partitions: facts.partitions.len(),
            replication: facts.partitions.iter().map(|p| p.replicas.len()).max().unwrap_or(0),
            under_replicated: facts.partitions.iter().filter(|p| p.isr.len() < p.replicas.len()).count(),
            offline: facts.partitions.iter().filter(|p| p.leader.is_none()).count(),
            messages: measured.messages.get(name).copied().unwrap_or(0),
            messages_partial: measured.partly.contains(name),
            in_file: settings.topics.contains_key(name),
            drift: match settings.topics.get(name) {
                // Some setting holds for every topic: where none is known, nobody answered.
                Some(wanted) if !facts.inherited.is_empty() => drift::of(wanted, facts),
                _ => Vec::new(),
            },
        })
        .collect()
}

fn app(name: &AppName, observed: &Observed) -> App {
    let containers: Vec<&ContainerFacts> = observed.docker.app(name).collect();
    let not_running = containers.iter().find(|c| c.state != ContainerState::Running);
    let state = match (containers.first(), not_running) {
        (None, _) => "absent",
        (_, Some(container)) => container.state.word(),
        _ => "running",
    };
    App {
        name: name.clone(),
        state: state.to_owned(),
        replicas: containers.iter().filter(|c| c.state == ContainerState::Running).count(),
        restarts: containers.iter().map(|c| c.restarts).sum(),
    }
}

fn problems(settings: &Settings, observed: &Observed, nodes: &[Node], topics: &[Topic], apps: &[App]) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    if observed.docker.containers.is_empty() {
        problems.push("nothing runs: kdev up".to_owned());
        return problems;
    }
    let stays = |node: &&Node| node.id.0 <= settings.kafka.brokers;
    for node in nodes.iter().filter(stays).filter(|node| node.state != "running") {
        problems.push(format!("{} is {}", node.name, node.state));
    }
    for node in nodes.iter().filter(|node| node.id.0 > settings.kafka.brokers) {
        problems.push(format!("kdev.toml no longer has {}: kdev up moves its partitions and removes it", node.name));
    }
    if observed.kafka.controller.is_none() {
        problems.push("there is no active controller".to_owned());
    }
    for name in settings.topics.keys().filter(|name| !observed.kafka.topics.contains_key(name)) {
        problems.push(format!("topic {name} does not exist"));
    }
    for topic in topics {
        if topic.offline > 0 {
            problems.push(format!("{} partitions of {} have no leader", topic.offline, topic.name));
        } else if topic.under_replicated > 0 {
            problems.push(format!("{} partitions of {} are under-replicated", topic.under_replicated, topic.name));
        }
    }
    // Apps that were never started (`up --no-apps`) are no problem; those that stopped are.
    for app in apps.iter().filter(|app| app.state != "absent" && app.state != "running") {
        let codes: Vec<String> = observed
            .docker
            .app(&app.name)
            .filter_map(|c| match c.state {
                ContainerState::Exited { code: 0, .. } => None,
                ContainerState::Exited { oom: true, .. } => Some("out of memory".to_owned()),
                ContainerState::Exited { code, .. } => Some(format!("exit code {code}")),
                state => Some(state.word().to_owned()),
            })
            .collect();
        if !codes.is_empty() {
            problems.push(format!("{} does not run ({}): kdev logs {}", app.name, codes.join(", "), app.name));
        }
    }
    problems
}
