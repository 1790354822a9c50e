//! Validated names, numbers and ids. Layer 0.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A value that breaks its type's rule. `Display` is a full sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no {what}: {rule}")]
pub struct Invalid {
    /// What it was meant to be: "topic name".
    pub what: &'static str,
    /// What was given.
    pub given: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Invalid;
            fn from_str(given: &str) -> Result<Self, Invalid> {
                let ok: fn(&str) -> bool = $ok;
                if ok(given) {
                    Ok($type(given.to_owned()))
                } else {
                    Err(Invalid { what: $what, given: given.to_owned(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = Invalid;
            fn try_from(given: String) -> Result<Self, Invalid> {
                given.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

fn is_label(name: &str, longest: usize) -> bool {
    !name.is_empty()
        && name.len() <= longest
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

name!(
    /// A project's name: part of every container's name, so of a host name too.
    ProjectName, "project name",
    "1 to 40 lower-case letters, digits and inner hyphens",
    |name| is_label(name, 40)
);

name!(
    /// An app's name: its host name on the project's network.
    AppName, "app name",
    "1 to 40 lower-case letters, digits and inner hyphens, and not `kafka` or `kafka-…`",
    |name| is_label(name, 40) && name != "kafka" && !name.starts_with("kafka-")
);

name!(
    /// A Kafka topic's name, by Kafka's own rule (`org.apache.kafka.common.internals.Topic`).
    TopicName, "topic name",
    "1 to 249 letters, digits, dots, underscores and hyphens, and not `.` or `..`",
    |name| !name.is_empty()
        && name.len() <= 249
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
);

impl TopicName {
    /// Whether Kafka itself made the topic, for its own use.
    pub fn is_internal(&self) -> bool {
        self.0.starts_with("__")
    }
}

impl ProjectName {
    /// The nearest valid name to a directory's name; `kdev` where nothing of it is usable.
    pub fn from_directory_name(name: &str) -> Self {
        let mut out = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            let c = if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
            if c != '-' || !out.ends_with('-') {
                out.push(c);
            }
        }
        let trimmed = out.trim_matches('-');
        let cut: String = trimmed.chars().take(40).collect();
        cut.trim_end_matches('-').parse().unwrap_or_else(|_| ProjectName("kdev".to_owned()))
    }
}

/// A project: one directory (and name) with its cluster, apps and data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Project {
    /// From `-p`, else kdev.toml, else the directory's name.
    pub name: ProjectName,
    /// The directory of kdev.toml, or the current one: absolute, links resolved.
    pub directory: PathBuf,
}

impl Project {
    /// Eight hex digits that tell apart projects of one name in different directories.
    pub fn id(&self) -> String {
        short_id(self.directory.as_os_str().as_encoded_bytes(), self.name.as_str().as_bytes())
    }

    /// The beginning of the name of every object of this project on the engine: `blog-1a2b3c4d`.
    pub fn prefix(&self) -> String {
        format!("{}-{}", self.name, self.id())
    }
}

/// Eight hex digits that tell apart pairs, of which the first holds no zero byte.
pub fn short_id(first: &[u8], second: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(first);
    hash.update([0]);
    hash.update(second);
    hex(&hash.finalize()[..4])
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A Kafka node's number: `node.id` in Kafka, 1 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u8);

impl NodeId {
    /// The most nodes a project can have.
    pub const MAX: u8 = 9;

    /// Nodes 1 to `count`.
    pub fn first(count: u8) -> impl Iterator<Item = NodeId> {
        (1..=count).map(NodeId)
    }

    /// The service's name and its host name on the project's network: `kafka-1`.
    pub fn service(self) -> String {
        format!("kafka-{}", self.0)
    }

    /// The node that a service name means, if it means one.
    pub fn from_service(service: &str) -> Option<Self> {
        let id = service.strip_prefix("kafka-")?.parse().ok()?;
        (1..=Self::MAX).contains(&id).then_some(NodeId(id))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A released Kafka version, three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KafkaVersion {
    /// 4 in 4.3.1.
    pub major: u16,
    /// 3 in 4.3.1.
    pub minor: u16,
    /// 1 in 4.3.1.
    pub patch: u16,
}

impl FromStr for KafkaVersion {
    type Err = Invalid;
    fn from_str(given: &str) -> Result<Self, Invalid> {
        let invalid = |rule| Invalid { what: "Kafka version", given: given.to_owned(), rule };
        let numbers: Option<Vec<u16>> = given.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) if major >= 4 => Ok(KafkaVersion { major, minor, patch }),
            Some(&[_, _, _]) => Err(invalid("kdev runs Kafka 4.0.0 and newer, which need no ZooKeeper")),
            _ => Err(invalid("three numbers, such as 4.3.1")),
        }
    }
}

impl TryFrom<String> for KafkaVersion {
    type Error = Invalid;
    fn try_from(given: String) -> Result<Self, Invalid> {
        given.parse()
    }
}

impl From<KafkaVersion> for String {
    fn from(version: KafkaVersion) -> String {
        version.to_string()
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The labels by which kdev finds its objects on the engine.
pub mod label {
    /// The project's name.
    pub const PROJECT: &str = "kdev.project";
    /// The project's directory.
    pub const DIRECTORY: &str = "kdev.directory";
    /// What the object is: one of [`super::Role`]'s names.
    pub const ROLE: &str = "kdev.role";
    /// The service it belongs to: `kafka-1`, `producer`.
    pub const SERVICE: &str = "kdev.service";
    /// Hash of what it was made from.
    pub const SPEC: &str = "kdev.spec";
    /// On data volumes: the cluster's id, Kafka's 22 characters of base64url.
    pub const CLUSTER: &str = "kdev.cluster";
    /// On data volumes: the node's port on 127.0.0.1, so that it stays the same over `down` and `up`.
    pub const PORT: &str = "kdev.port";
    /// On data volumes: how many controllers the cluster was made with; a static quorum cannot change that.
    pub const VOTERS: &str = "kdev.voters";
    /// On nodes' containers: the Kafka release that they run.
    pub const VERSION: &str = "kdev.version";
    /// On prepared images: the id of the Kafka image that they were made from.
    pub const BASE: &str = "kdev.base";
    /// Docker Desktop and others group containers by it.
    pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
    /// The name of the service within the group.
    pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";
}

/// What an object on the engine is for: the value of [`label::ROLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A Kafka node's container.
    Node,
    /// An app's container.
    App,
    /// An app's image, and the containers in which the engine builds it, which inherit its labels.
    Image,
    /// The project's network.
    Network,
    /// A node's data volume.
    Data,
    /// A short-lived container that looks at something from inside the network (`doctor`).
    Probe,
    /// An image made ready for fast starts, or a container at work on it; belongs to no project.
    Prepared,
}

impl Role {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Node => "node",
            Role::App => "app",
            Role::Image => "image",
            Role::Network => "network",
            Role::Data => "data",
            Role::Probe => "probe",
            Role::Prepared => "prepared",
        }
    }

    /// The role that a label's value names.
    pub fn from_label(value: &str) -> Option<Self> {
        [Role::Node, Role::App, Role::Image, Role::Network, Role::Data, Role::Probe, Role::Prepared]
            .into_iter()
            .find(|role| role.as_str() == value)
    }
}
