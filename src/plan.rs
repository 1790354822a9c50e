//! What should be, as plain data: every choice is made here. Layer 1.
//!
//! The types are in this file; [`build::build`] makes a [`Plan`] from settings and a few facts.

pub mod build;
pub mod class_path;
pub mod node;
pub mod ports;
pub mod prepared;
pub mod probe;
pub mod release;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Serialize;

use crate::model::{AppName, KafkaVersion, NodeId, Project, Role, TopicName};

/// The whole system as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Whose it is.
    pub project: Project,
    /// The network that all containers share.
    pub network: NetworkPlan,
    /// The Kafka image's reference, before its preparation.
    pub kafka_image: String,
    /// The Kafka release that the nodes run.
    pub version: KafkaVersion,
    /// Whether the metadata are raised to the release's level once all nodes run it.
    pub finalize: bool,
    /// Broker settings that are set for the whole cluster at run time, in Kafka's own names.
    pub dynamic: BTreeMap<String, String>,
    /// Of such settings those that the nodes are started with: they hold where nothing was set at run time.
    pub started_with: BTreeMap<String, String>,
    /// Kafka nodes by number, those that are to leave the cluster too.
    pub nodes: BTreeMap<NodeId, NodePlan>,
    /// How many of the nodes, from the first, are the cluster's controllers: for good.
    pub voters: u8,
    /// `min.insync.replicas` of topics that do not say otherwise.
    pub min_insync: usize,
    /// Topics of kdev.toml.
    pub topics: BTreeMap<TopicName, TopicPlan>,
    /// Whether topics that kdev.toml does not name are to be deleted; Kafka's own never are.
    pub prune: bool,
    /// Apps of kdev.toml; empty with `--no-apps`.
    pub apps: BTreeMap<AppName, AppPlan>,
}

impl Plan {
    /// The nodes that the cluster is to have.
    pub fn staying(&self) -> impl Iterator<Item = (NodeId, &NodePlan)> {
        self.nodes.iter().filter(|(_, node)| !node.leaving).map(|(&id, node)| (id, node))
    }

    /// Whether the cluster is to have the node.
    pub fn stays(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| !node.leaving)
    }

    /// Whether an object of the plan, of this kind ("container", "network" or "volume"), has the name.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        let app_containers = || self.apps.values().flat_map(|app| &app.containers);
        match kind {
            "network" => self.network.name == name,
            "volume" => self.nodes.values().any(|node| node.volume.name == name),
            _ => self.nodes.values().map(|node| &node.container).chain(app_containers()).any(|c| c.name == name),
        }
    }
}

/// A network to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkPlan {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumePlan {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// One Kafka node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodePlan {
    /// Its number.
    pub id: NodeId,
    /// The cluster's id, written into the node's storage.
    pub cluster: String,
    /// Its data volume.
    pub volume: VolumePlan,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Whether it is a controller too.
    pub controller: bool,
    /// Whether kdev.toml has it no longer: it goes once it holds no replica.
    pub leaving: bool,
    /// Its container; the image is the prepared one, known when it is made.
    pub container: ContainerPlan,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopicPlan {
    /// Its name.
    pub name: TopicName,
    /// Its partitions.
    pub partitions: u32,
    /// Replicas of each partition.
    pub replication: u8,
    /// Topic settings, in Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// An app: an image to build and containers to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppPlan {
    /// Its name.
    pub name: AppName,
    /// How its image is built.
    pub build: BuildPlan,
    /// Its containers, one a replica; the image is the built one, known when it is made.
    pub containers: Vec<ContainerPlan>,
}

/// An image to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildPlan {
    /// Name and tag of the image.
    pub tag: String,
    /// The files.
    pub source: BuildSource,
    /// The Dockerfile's path within the context, with forward slashes.
    pub dockerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Hash of files, Dockerfile and arguments.
    pub spec: String,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
}

/// Where a build context's files come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum BuildSource {
    /// A directory of the user's.
    Directory(PathBuf),
    /// The apps inside the kdev binary, where there is no kdev.toml.
    Embedded,
}

/// A container to make. `docker` translates it; nothing is decided there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerPlan {
    /// Its name on the engine.
    pub name: String,
    /// Node, app or probe.
    pub role: Role,
    /// `kafka-1`, `producer`.
    pub service: String,
    /// Host name within, and alias on the network.
    pub hostname: String,
    /// Name of the network that it joins.
    pub network: String,
    /// `uid:gid`; none: the image's own user.
    pub user: Option<String>,
    /// The whole command, program first, replacing the image's entrypoint; none: the image's own.
    pub command: Option<Vec<String>>,
    /// Environment added to the image's own.
    pub env: BTreeMap<String, String>,
    /// Named volumes.
    pub mounts: Vec<Mount>,
    /// Writable places in memory; everything else is read-only.
    pub tmpfs: Vec<Tmpfs>,
    /// Ports published on 127.0.0.1.
    pub publish: Vec<Publish>,
    /// Memory limit in bytes, swap included.
    pub memory_bytes: u64,
    /// The most processes and threads.
    pub pids: u32,
    /// How long the engine waits between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
    /// Whether the engine starts it again by itself.
    pub restart: Restart,
    /// Labels, [`crate::model::label::SPEC`] among them.
    pub labels: BTreeMap<String, String>,
    /// Hash of all the above but the labels.
    pub spec: String,
}

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// Where it appears.
    pub target: String,
}

/// A file system in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tmpfs {
    /// Where it appears.
    pub target: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether programs in it may run: Kafka's codecs unpack shared libraries into /tmp.
    pub exec: bool,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Publish {
    /// On 127.0.0.1.
    pub host: u16,
    /// In the container.
    pub container: u16,
}

/// A restart policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Restart {
    /// Never: a node that dies stays as it is, for inspection and for tests of failure.
    No,
    /// After a failure, at most so many times.
    OnFailure(u32),
}
