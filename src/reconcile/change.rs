//! What each step changes, as `kdev plan` shows it: the one place that says so.

use serde::Serialize;

use std::collections::BTreeSet;

use super::{
    assignment::Move,
    setting,
    step::{Step, instance},
};
use crate::{model::NodeId, plan::release::metadata_version};

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is made.
    Create,
    /// It stays, and something of it changes.
    Change,
    /// It goes.
    Delete,
}

/// Data that go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Records, by their offsets: a compacted topic holds fewer.
    pub records: u64,
    /// Their bytes on one disk: about, for Kafka tells only the size of whole partitions.
    pub bytes: u64,
}

/// What a step changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What becomes of the object.
    pub kind: Kind,
    /// What it is: `topic`, `container`, `image`, `network`, `volume`, `node`, `cluster`.
    pub object: &'static str,
    /// Which: a name.
    pub target: String,
    /// What of it changes: `partitions`, a setting's name, `state`; none where the object comes or goes.
    pub field: Option<String>,
    /// The value now; none where there is none, or where it is not known.
    pub from: Option<String>,
    /// The value to be.
    pub to: Option<String>,
    /// Whether records may go that nothing brings back.
    pub destructive: bool,
    /// How much goes, where that was measured.
    pub loss: Option<Loss>,
    /// What it means for people, for data, for programs: a sentence each.
    pub meaning: Vec<String>,
}

impl Change {
    fn new(kind: Kind, object: &'static str, target: impl ToString) -> Self {
        Change {
            kind,
            object,
            target: target.to_string(),
            field: None,
            from: None,
            to: None,
            destructive: false,
            loss: None,
            meaning: Vec::new(),
        }
    }

    /// One field of an object from one value to another.
    fn field(
        object: &'static str,
        target: impl ToString,
        field: &str,
        from: Option<String>,
        to: impl ToString,
    ) -> Self {
        let (field, to) = (Some(field.to_owned()), Some(to.to_string()));
        Change { field, from, to, ..Change::new(Kind::Change, object, target) }
    }

    fn destructive(self) -> Self {
        Change { destructive: true, ..self }
    }

    fn meaning(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        if !sentence.is_empty() {
            self.meaning.push(sentence);
        }
        self
    }
}

/// How a setting is taken over that needs no restart.
const AT_RUN_TIME: &str = "at run time: no node restarts";

/// What a broker setting means for topics that have no value of their own.
fn by_default(change: Change, name: &str, from: Option<&str>, to: &str, topics: usize) -> Change {
    let Some(of_topics) = setting::of_topics(name) else { return change };
    let from = from.unwrap_or(setting::broker_default(name));
    if topics == 0 || !setting::may_delete(of_topics, Some(from), to) {
        return change;
    }
    change.destructive().meaning(format!("topics without a {of_topics} of their own may lose records"))
}

impl Step {
    /// What the step changes, as far as the step itself says; what only a running cluster can tell (bytes, records,
    /// who reads) is added by whoever asks it.
    pub fn change(&self) -> Change {
        use Kind::{Create, Delete};
        let state = |service: &str, name: &str, from: &str, to: &str| {
            Change::field("container", instance(service, name), "state", Some(from.to_owned()), to)
        };
        match self {
            Step::Pull { image } => Change::new(Create, "image", image),
            Step::Prepare { image } => Change::new(Create, "image", format!("{image}, prepared for fast starts")),
            Step::Build { app } => Change::new(Create, "image", app),
            Step::CreateNetwork => Change::new(Create, "network", "of the project"),
            Step::SettleNetwork => Change::new(Delete, "network", "all of the project's name but one")
                .meaning("the one that containers are on stays"),
            Step::CreateVolume { node } => Change::new(Create, "volume", node.service()),
            Step::CreateNode { node } => Change::new(Create, "container", node.service()),
            Step::CreateApp { app, name } => Change::new(Create, "container", instance(app.as_str(), name)),
            Step::Start { service, name } => state(service, name, "stopped", "running"),
            Step::Unpause { service, name } => state(service, name, "paused", "running"),
            Step::Stop { service, name, why } => state(service, name, "running", "stopped").meaning(why.as_str()),
            Step::Remove { service, name, why } => {
                Change::new(Delete, "container", instance(service, name)).meaning(why.as_str())
            }
            Step::SetAside { node, .. } => Change::field("container", node.service(), "place", None, "set aside")
                .meaning("it is kept until its successor is in sync"),
            Step::PutBack { node, .. } => Change::field("container", node.service(), "place", None, "put back"),
            Step::Finalize { from, to } => {
                let from = Some(metadata_version(*from));
                Change::field("cluster", "metadata", "metadata.version", from, metadata_version(*to))
                    .meaning("the point of no return: an older Kafka can no longer read the data")
                    .meaning("finalize = false in [kafka] keeps it back")
            }
            Step::SetBrokers { name, from, to, topics } => {
                let change = Change::field("cluster", "brokers", name, from.clone(), to).meaning(AT_RUN_TIME);
                by_default(change, name, from.as_deref(), to, *topics)
            }
            Step::UnsetBrokers { name, from, topics } => {
                let to = "what the nodes were started with";
                let change = Change::field("cluster", "brokers", name, Some(from.clone()), to).meaning(AT_RUN_TIME);
                by_default(change, name, Some(from), setting::broker_default(name), *topics)
            }
            Step::CreateTopic { topic, partitions, replication } => Change {
                to: Some(format!("{partitions} partitions, replication {replication}")),
                ..Change::new(Create, "topic", topic)
            },
            Step::AddPartitions { topic, from, to } => {
                Change::field("topic", topic, "partitions", Some(from.to_string()), to)
                    .meaning("the order per key holds only among the records that come after it")
            }
            Step::SetTopicConfig { topic, name, from, to } => {
                let change = Change::field("topic", topic, name, from.clone(), to).meaning(setting::meaning(
                    name,
                    from.as_deref(),
                    to,
                ));
                if setting::may_delete(name, from.as_deref(), to) { change.destructive() } else { change }
            }
            Step::DeleteTopic { topic } => Change::new(Delete, "topic", topic).destructive(),
            Step::Limit { .. } => Change::field("cluster", "replicas", "traffic of moves", None, "limited")
                .meaning("producers and consumers keep the rest of the disk and the network"),
            Step::Reassign { moves, .. } => {
                let mut topics: Vec<&str> = moves.iter().map(|one| one.topic.as_str()).collect();
                topics.dedup();
                let nodes = |of: fn(&Move) -> &[NodeId]| {
                    let all: BTreeSet<u8> = moves.iter().flat_map(of).map(|node| node.0).collect();
                    all.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(",")
                };
                let (from, to) = (nodes(|one| &one.from), nodes(|one| &one.to));
                Change::field("topic", topics.join(", "), "replicas on nodes", Some(from), to)
                    .meaning("an old replica goes only once the new one is in sync")
            }
            Step::Unlimit => {
                Change::field("cluster", "replicas", "traffic of moves", Some("limited".to_owned()), "not limited")
            }
            Step::Unregister { node } => {
                let registered = Some("registered".to_owned());
                Change::field("node", node.service(), "broker", registered, "not registered")
            }
            Step::ElectLeaders => Change::field("cluster", "partitions", "leaders", None, "preferred"),
            Step::RemoveImage { app, .. } => Change::new(Delete, "image", app),
            Step::RemoveUnfinished { id } => Change::new(Delete, "image", id),
            Step::RemoveNetwork { name, .. } => Change::new(Delete, "network", name),
            Step::RemoveVolume { node, empty: true, .. } => {
                Change::new(Delete, "volume", node.service()).meaning("no partition has a replica in it by then")
            }
            Step::RemoveVolume { node, .. } => {
                Change::new(Delete, "volume", node.service()).destructive().meaning("all data in it go")
            }
        }
    }
}
