//! What can be done to the world: one step, its text and its place. What it changes stands in [`super::change`].

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{about::About, assignment::Move, moves};
use crate::{
    event::Phase,
    model::{AppName, NodeId, TopicName},
    plan::release::metadata_version,
};

/// One change of the world. Steps offered together may be taken together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Fetch the Kafka image.
    Pull {
        /// Its reference.
        image: String,
    },
    /// Make the Kafka image ready for fast starts.
    Prepare {
        /// Its reference.
        image: String,
    },
    /// Build an app's image.
    Build {
        /// The app.
        app: AppName,
    },
    /// Make the project's network.
    CreateNetwork,
    /// Remove all networks of the project's name but one: the engine starts nothing on several of one name.
    SettleNetwork,
    /// Make a node's data volume.
    CreateVolume {
        /// The node.
        node: NodeId,
    },
    /// Make a node's container, which formats its storage at its first start if that is empty.
    CreateNode {
        /// The node.
        node: NodeId,
    },
    /// Start a container.
    Start {
        /// Its service.
        service: String,
        /// Its name on the engine.
        name: String,
    },
    /// Let a frozen container run on.
    Unpause {
        /// Its service.
        service: String,
        /// Its name.
        name: String,
    },
    /// Ask a container to end (SIGTERM), and end it when its time is up.
    Stop {
        /// Its service.
        service: String,
        /// Its name.
        name: String,
        /// Why, for people: "its settings changed".
        why: String,
    },
    /// Remove a container that does not run; its volumes stay.
    Remove {
        /// Its service.
        service: String,
        /// Its name.
        name: String,
        /// Why, for people.
        why: String,
    },
    /// Give a stopped node's container another name, to be put back if its successor does not serve.
    SetAside {
        /// The node.
        node: NodeId,
        /// The container's name.
        name: String,
    },
    /// Give a container that was set aside its name back.
    PutBack {
        /// The node.
        node: NodeId,
        /// The container's name while it is set aside.
        name: String,
    },
    /// Raise the metadata to the level of a new Kafka release: older binaries cannot read them then.
    Finalize {
        /// The level of `metadata.version` now.
        from: i16,
        /// The level to be.
        to: i16,
    },
    /// Set one broker setting for the whole cluster, at run time.
    SetBrokers {
        /// The setting.
        name: String,
        /// What was set at run time until now.
        from: Option<String>,
        /// Its new value.
        to: String,
        /// How many topics there are that may hold records.
        topics: usize,
    },
    /// Take a broker setting back that was made at run time: what the nodes were started with holds again.
    UnsetBrokers {
        /// The setting.
        name: String,
        /// Its value until now.
        from: String,
        /// How many topics there are that may hold records.
        topics: usize,
    },
    /// Make a topic.
    CreateTopic {
        /// Its name.
        topic: TopicName,
        /// Its partitions.
        partitions: u32,
        /// Replicas of each.
        replication: u8,
    },
    /// Give a topic more partitions.
    AddPartitions {
        /// Its name.
        topic: TopicName,
        /// How many it has.
        from: u32,
        /// How many it gets.
        to: u32,
    },
    /// Set one setting of a topic; settings that kdev.toml does not name stay as they are.
    SetTopicConfig {
        /// Its name.
        topic: TopicName,
        /// The setting.
        name: String,
        /// Its value in force now, the topic's own or inherited; none where it is not known.
        from: Option<String>,
        /// Its new value.
        to: String,
    },
    /// Delete a topic that kdev.toml does not name, with its records.
    DeleteTopic {
        /// Its name.
        topic: TopicName,
    },
    /// Limit the traffic of moves, before the first.
    Limit {
        /// Nodes that take in only so much a second.
        nodes: BTreeSet<NodeId>,
        /// Topics for which it holds.
        topics: BTreeSet<TopicName>,
        /// Whether nodes send only so much, too: the sign that replicas are being evened out.
        evening: bool,
    },
    /// Move partitions to other replicas.
    Reassign {
        /// The partitions.
        moves: Vec<Move>,
        /// Bytes to be copied.
        bytes: About,
    },
    /// Lift the limit, after the last move, wherever it is set.
    Unlimit,
    /// Take a broker that has stopped for good off the controller's list.
    Unregister {
        /// The broker.
        node: NodeId,
    },
    /// Give each partition back to its preferred leader.
    ElectLeaders,
    /// Make an app's container.
    CreateApp {
        /// The app.
        app: AppName,
        /// The container's name.
        name: String,
    },
    /// Remove an image of the project that nothing uses any more.
    RemoveImage {
        /// The app.
        app: AppName,
        /// The image's id.
        id: String,
    },
    /// Remove what a killed build left behind.
    RemoveUnfinished {
        /// The image's id.
        id: String,
    },
    /// Remove a network of the project.
    RemoveNetwork {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// Remove a node's volume, with all data in it.
    RemoveVolume {
        /// The node.
        node: NodeId,
        /// The volume's name.
        name: String,
        /// Whether it is known that no partition has a replica in it.
        empty: bool,
    },
}

impl Step {
    /// The line of progress that the step belongs to.
    pub fn phase(&self) -> Phase {
        match self {
            Step::Pull { .. } | Step::Prepare { .. } | Step::Build { .. } => Phase::Images,
            Step::CreateNetwork | Step::SettleNetwork => Phase::Network,
            Step::CreateVolume { .. }
            | Step::CreateNode { .. }
            | Step::Unregister { .. }
            | Step::SetAside { .. }
            | Step::PutBack { .. }
            | Step::Finalize { .. }
            | Step::SetBrokers { .. }
            | Step::UnsetBrokers { .. }
            | Step::ElectLeaders => Phase::Nodes,
            Step::Limit { .. } | Step::Reassign { .. } | Step::Unlimit => Phase::Replicas,
            Step::Start { service, .. } | Step::Unpause { service, .. } | Step::Stop { service, .. } => {
                service_phase(service)
            }
            Step::Remove { service, .. } => service_phase(service),
            Step::CreateTopic { .. }
            | Step::AddPartitions { .. }
            | Step::SetTopicConfig { .. }
            | Step::DeleteTopic { .. } => Phase::Topics,
            Step::CreateApp { .. } => Phase::Apps,
            Step::RemoveImage { .. }
            | Step::RemoveUnfinished { .. }
            | Step::RemoveNetwork { .. }
            | Step::RemoveVolume { .. } => Phase::Clean,
        }
    }

    /// The app that the step is for: if it fails, only that app is given up.
    pub fn app(&self) -> Option<&str> {
        match self {
            Step::Build { app } | Step::CreateApp { app, .. } | Step::RemoveImage { app, .. } => Some(app.as_str()),
            Step::Start { service, .. }
            | Step::Unpause { service, .. }
            | Step::Stop { service, .. }
            | Step::Remove { service, .. } => (service_phase(service) == Phase::Apps).then_some(service.as_str()),
            Step::Pull { .. }
            | Step::Prepare { .. }
            | Step::CreateNetwork
            | Step::SettleNetwork
            | Step::CreateVolume { .. }
            | Step::CreateNode { .. }
            | Step::SetAside { .. }
            | Step::PutBack { .. }
            | Step::Finalize { .. }
            | Step::SetBrokers { .. }
            | Step::UnsetBrokers { .. }
            | Step::CreateTopic { .. }
            | Step::AddPartitions { .. }
            | Step::SetTopicConfig { .. }
            | Step::DeleteTopic { .. }
            | Step::Limit { .. }
            | Step::Reassign { .. }
            | Step::Unlimit
            | Step::Unregister { .. }
            | Step::ElectLeaders
            | Step::RemoveUnfinished { .. }
            | Step::RemoveNetwork { .. }
            | Step::RemoveVolume { .. } => None,
        }
    }
}

fn service_phase(service: &str) -> Phase {
    if NodeId::from_service(service).is_some() { Phase::Nodes } else { Phase::Apps }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Pull { image } => write!(f, "pull image {image}"),
            Step::Prepare { image } => write!(f, "prepare image {image} for fast starts (once per image)"),
            Step::Build { app } => write!(f, "build image of {app}"),
            Step::CreateNetwork => write!(f, "create network"),
            Step::SettleNetwork => write!(f, "remove all networks of the project's name but one"),
            Step::CreateVolume { node } => write!(f, "create volume of {}", node.service()),
            Step::CreateNode { node } => write!(f, "create container of {}", node.service()),
            Step::Start { service, name } => write!(f, "start {}", instance(service, name)),
            Step::Unpause { service, name } => write!(f, "unpause {}", instance(service, name)),
            Step::Stop { service, name, why } => write!(f, "stop {}{}", instance(service, name), because(why)),
            Step::Remove { service, name, why } => {
                write!(f, "remove container of {}{}", instance(service, name), because(why))
            }
            Step::SetAside { node, .. } => write!(f, "set the old container of {} aside", node.service()),
            Step::PutBack { node, .. } => write!(f, "put the old container of {} back", node.service()),
            Step::Finalize { from, to } => {
                let (from, to) = (metadata_version(*from), metadata_version(*to));
                write!(f, "finalize metadata {to}, until now {from}: no way back to an older Kafka")
            }
            Step::SetBrokers { name, from: Some(from), to, .. } => {
                write!(f, "set {name} of all brokers: {from} to {to}")
            }
            Step::SetBrokers { name, from: None, to, .. } => write!(f, "set {name} of all brokers to {to}"),
            Step::UnsetBrokers { name, from, .. } => {
                write!(f, "take back {name} = {from} of all brokers: kdev.toml does not say so")
            }
            Step::CreateTopic { topic, partitions, replication } => {
                write!(f, "create topic {topic} ({partitions} partitions, replication {replication})")
            }
            Step::AddPartitions { topic, from, to } => {
                write!(f, "add partitions to topic {topic}: {from} to {to} (keys move to other partitions)")
            }
            Step::SetTopicConfig { topic, name, from, to } => match from {
                Some(from) if from == to => write!(f, "set {name} of topic {topic} to {to}, which it inherits now"),
                Some(from) => write!(f, "set {name} of topic {topic}: {from} to {to}"),
                None => write!(f, "set {name} of topic {topic} to {to}"),
            },
            Step::DeleteTopic { topic } => write!(f, "delete topic {topic}, which kdev.toml does not name"),
            Step::Limit { .. } => {
                write!(f, "limit the traffic of moves to {} a second and node", moves::bytes(moves::RATE))
            }
            Step::Reassign { moves, bytes } => write!(f, "{}", moves::text(moves, bytes.0)),
            Step::Unlimit => write!(f, "lift the limit on the traffic of moves"),
            Step::Unregister { node } => write!(f, "take {} off the list of brokers", node.service()),
            Step::ElectLeaders => write!(f, "elect preferred leaders"),
            Step::CreateApp { app, name } => write!(f, "create container of {}", instance(app.as_str(), name)),
            Step::RemoveImage { app, .. } => write!(f, "remove image of {app} that nothing uses"),
            Step::RemoveUnfinished { .. } => write!(f, "remove an unfinished image"),
            Step::RemoveNetwork { name, .. } => write!(f, "remove network {name}"),
            Step::RemoveVolume { node, empty: true, .. } => {
                write!(f, "remove volume of {}, which holds no partition any more", node.service())
            }
            Step::RemoveVolume { node, .. } => write!(f, "remove volume of {} and its data", node.service()),
        }
    }
}

/// The service, with the replica's number where there are several: `producer`, `producer #2`.
pub(super) fn instance(service: &str, name: &str) -> String {
    match name.rsplit_once('_') {
        Some((_, number)) if number.bytes().all(|b| b.is_ascii_digit()) => format!("{service} #{number}"),
        _ => service.to_owned(),
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}
