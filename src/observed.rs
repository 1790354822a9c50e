//! What is: facts from the engine and from Kafka, as plain data. Layer 0.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{AppName, KafkaVersion, NodeId, Role, TopicName};

/// Everything seen in one look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// From the Docker engine.
    pub docker: DockerFacts,
    /// From Kafka itself; empty where no node answers.
    pub kafka: KafkaFacts,
    /// Ids of the app containers that have stayed up, or have printed something and stayed up a moment.
    pub settled: BTreeSet<String>,
}

/// What the Docker engine holds for one project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DockerFacts {
    /// The images asked about that are present: reference to id.
    pub images: BTreeMap<String, ImageId>,
    /// Prepared images: the base image's id to the prepared image's id.
    pub prepared: BTreeMap<ImageId, ImageId>,
    /// The project's own app images, newest first.
    pub app_images: Vec<AppImage>,
    /// What builds in progress, or killed ones, have on the engine: images with some of the project's labels.
    pub unfinished_images: Vec<ImageId>,
    /// The project's networks by label; more than one after two starts raced.
    pub networks: Vec<NetworkFacts>,
    /// The project's data volumes.
    pub volumes: BTreeMap<NodeId, VolumeFacts>,
    /// The project's containers, nodes and apps and probes, running or not.
    pub containers: Vec<ContainerFacts>,
    /// Objects without our labels whose names begin as ours do.
    pub strangers: Vec<Stranger>,
}

/// An image's id as the engine gives it: `sha256:…`.
pub type ImageId = String;

/// An image that kdev built for an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppImage {
    /// Its id.
    pub id: ImageId,
    /// The app.
    pub app: AppName,
    /// Hash of what it was built from ([`crate::model::label::SPEC`]).
    pub spec: String,
    /// Whether it has a name: a build gives it the app's when it ends. Podman puts the labels on what earlier stages of
    /// the Dockerfile made, too.
    pub named: bool,
}

/// A network of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkFacts {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A node's data volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeFacts {
    /// Its name.
    pub name: String,
    /// The cluster whose data it holds ([`crate::model::label::CLUSTER`]).
    pub cluster: String,
    /// The node's port on 127.0.0.1 ([`crate::model::label::PORT`]).
    pub port: u16,
    /// The cluster's controllers when it was made ([`crate::model::label::VOTERS`]).
    pub voters: u8,
}

/// An object in our way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stranger {
    /// "container", "network" or "volume".
    pub kind: &'static str,
    /// Its name: the one that kdev wants.
    pub name: String,
}

/// A container of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerFacts {
    /// The engine's id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// Node, app or probe.
    pub role: Role,
    /// `kafka-1`, `producer`.
    pub service: String,
    /// Hash of the plan that it was made from.
    pub spec: String,
    /// The image that it runs.
    pub image: ImageId,
    /// The Kafka release of a node ([`crate::model::label::VERSION`]).
    pub version: Option<KafkaVersion>,
    /// Whether it is a node's earlier container, kept until its successor is in sync.
    pub set_aside: bool,
    /// What it is doing.
    pub state: ContainerState,
    /// The number of its main process on the engine's machine; none while there is none.
    pub pid: Option<u32>,
    /// When it last started: Unix milliseconds; 0 where it never did.
    pub started_ms: i64,
    /// The network that it was last started on.
    pub network: LastNetwork,
    /// How often the engine restarted it.
    pub restarts: u32,
    /// The ports on 127.0.0.1 that it publishes (by its settings, also while stopped).
    pub ports: BTreeSet<u16>,
}

impl ContainerFacts {
    /// Whether it is on no network any more, and starts on none.
    pub fn is_unplugged(&self) -> bool {
        self.network == LastNetwork::Lost
    }
}

/// The network that a container was last started on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LastNetwork {
    /// It never was started.
    None,
    /// This one, by its id, or by its name (Podman 4.3).
    Known(String),
    /// It is on none any more, and starts on none: moby 2.0.0-beta.24 takes it off where a restart meets a taken port, and
    /// anybody may by `docker network disconnect`.
    Lost,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Its process runs.
    Running,
    /// Frozen.
    Paused,
    /// Between two attempts of the restart policy.
    Restarting,
    /// Its process ended.
    Exited {
        /// The exit code.
        code: i64,
        /// Whether the kernel killed it for memory.
        oom: bool,
    },
    /// Being removed by somebody.
    Removing,
    /// Beyond use: a removal that did not succeed.
    Dead,
}

impl ContainerState {
    /// One word for people.
    pub fn word(self) -> &'static str {
        match self {
            ContainerState::Created => "created",
            ContainerState::Running => "running",
            ContainerState::Paused => "paused",
            ContainerState::Restarting => "restarting",
            ContainerState::Exited { .. } => "exited",
            ContainerState::Removing => "removing",
            ContainerState::Dead => "dead",
        }
    }
}

/// What Kafka says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KafkaFacts {
    /// Nodes that answered on their host address, each with the brokers that its metadata lists.
    pub answering: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The active controller, by DescribeQuorum's leader id.
    pub controller: Option<NodeId>,
    /// The finalized level of `metadata.version`.
    pub metadata_level: Option<i16>,
    /// The highest level of `metadata.version` that each answering node's binaries can read.
    pub supported: BTreeMap<NodeId, i16>,
    /// Broker settings that were made at run time for all brokers at once.
    pub config: BTreeMap<String, String>,
    /// Every topic, internal ones too.
    pub topics: BTreeMap<TopicName, TopicFacts>,
    /// Topics of which some node that answers has not heard yet.
    pub unheard: BTreeSet<TopicName>,
    /// Reassignments under way: topic, partition's number.
    pub reassignments: BTreeMap<TopicName, BTreeMap<usize, Reassignment>>,
    /// The limit on their traffic.
    pub limited: Limited,
    /// Brokers that the controller has on its list, running or not; empty where it was not asked.
    pub registered: BTreeSet<NodeId>,
    /// Disks, of the nodes that were asked for theirs.
    pub disks: BTreeMap<NodeId, Disk>,
}

/// Where kdev's limit on the traffic of moves is set. A limit that somebody else set is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limited {
    /// Nodes that take in only so much a second.
    pub nodes: BTreeSet<NodeId>,
    /// Topics for which it holds.
    pub topics: BTreeSet<TopicName>,
    /// Whether nodes send only so much, too: the sign that replicas are being evened out, and not only added.
    pub evening: bool,
}

impl Limited {
    /// Whether there is anything of it.
    pub fn any(&self) -> bool {
        self.evening || !self.nodes.is_empty() || !self.topics.is_empty()
    }

    /// Whether all of these are limited.
    pub fn covers(&self, nodes: &BTreeSet<NodeId>, topics: &BTreeSet<TopicName>, evening: bool) -> bool {
        self.nodes.is_superset(nodes) && self.topics.is_superset(topics) && (self.evening || !evening)
    }
}

/// A partition whose replicas are being moved. Its [`PartitionFacts::replicas`] are those before and after together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reassignment {
    /// Nodes that copy it, and become replicas once they have caught up.
    pub adding: Vec<NodeId>,
    /// Nodes that lose it then.
    pub removing: Vec<NodeId>,
}

/// What a node holds on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Bytes that can still be written where its data lie; none where the node does not say.
    pub usable_bytes: Option<u64>,
    /// Bytes of each replica: topic, partition's number.
    pub replicas: BTreeMap<TopicName, BTreeMap<usize, u64>>,
}

/// A topic as the cluster has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopicFacts {
    /// Partition `i` at index `i`.
    pub partitions: Vec<PartitionFacts>,
    /// Settings made on the topic itself (only for topics asked about).
    pub config: BTreeMap<String, String>,
    /// What holds for the topic where it has no setting of its own: the brokers' settings and Kafka's defaults
    /// (only for topics asked about).
    pub inherited: BTreeMap<String, String>,
}

/// A partition as the cluster has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartitionFacts {
    /// The leader, if there is one.
    pub leader: Option<NodeId>,
    /// All replicas, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Those in sync.
    pub isr: Vec<NodeId>,
}

impl TopicFacts {
    /// The value of a setting that is in force, wherever it comes from; none where it is not known.
    pub fn in_force(&self, setting: &str) -> Option<&str> {
        self.config.get(setting).or_else(|| self.inherited.get(setting)).map(String::as_str)
    }
}

impl PartitionFacts {
    /// Whether every replica is in sync and one of them leads.
    pub fn in_sync(&self) -> bool {
        self.leader.is_some() && self.isr.len() == self.replicas.len()
    }
}

impl KafkaFacts {
    /// The partitions of all topics.
    pub fn partitions(&self) -> impl Iterator<Item = &PartitionFacts> {
        self.topics.values().flat_map(|topic| &topic.partitions)
    }

    /// Whether every partition of every topic has a leader, and all replicas in sync.
    pub fn in_sync(&self) -> bool {
        self.partitions().all(PartitionFacts::in_sync)
    }

    /// Whether every partition is led by its preferred leader, the first of its replicas.
    pub fn preferred_lead(&self) -> bool {
        self.partitions().all(|partition| partition.leader == partition.replicas.first().copied())
    }
}

impl DockerFacts {
    /// How many controllers the cluster was made with; none where there are no data.
    pub fn voters(&self) -> Option<u8> {
        self.volumes.values().map(|volume| volume.voters).max()
    }

    /// The container of a node.
    pub fn node(&self, id: NodeId) -> Option<&ContainerFacts> {
        let service = id.service();
        self.containers.iter().find(|c| c.role == Role::Node && c.service == service && !c.set_aside)
    }

    /// Whether a container can start on the network of this name: of two the engine takes neither.
    pub fn has_network(&self, name: &str) -> bool {
        self.networks_named(name) == 1
    }

    /// How many networks of the project have this name.
    pub fn networks_named(&self, name: &str) -> usize {
        self.networks.iter().filter(|network| network.name == name).count()
    }

    /// Whether a container that does not run can never work again: the engine looks for the network that it was on by
    /// that one's id, and `docker network prune` takes those that no running container is on.
    pub fn is_cut_off(&self, container: &ContainerFacts) -> bool {
        match &container.network {
            LastNetwork::None => false,
            LastNetwork::Known(known) => !self.networks.iter().any(|n| *known == n.id || *known == n.name),
            LastNetwork::Lost => true,
        }
    }

    /// Whether a node's container runs.
    pub fn runs(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|container| container.state == ContainerState::Running)
    }

    /// The earlier container of a node that is being replaced.
    pub fn set_aside(&self, id: NodeId) -> Option<&ContainerFacts> {
        let service = id.service();
        self.containers.iter().find(|c| c.role == Role::Node && c.service == service && c.set_aside)
    }

    /// The containers of services: nodes and apps, not what only looks or builds, nor what is set aside.
    pub fn services(&self) -> impl Iterator<Item = &ContainerFacts> {
        self.containers.iter().filter(|c| matches!(c.role, Role::Node | Role::App) && !c.set_aside)
    }

    /// The containers of an app, in the order of their names.
    pub fn app<'a>(&'a self, name: &'a AppName) -> impl Iterator<Item = &'a ContainerFacts> {
        self.containers.iter().filter(move |c| c.role == Role::App && c.service == name.as_str())
    }

    /// The image that was built for an app from `spec`, once it has its name.
    pub fn app_image(&self, app: &AppName, spec: &str) -> Option<&AppImage> {
        self.app_images.iter().find(|image| image.named && &image.app == app && image.spec == spec)
    }
}
