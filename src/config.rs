//! Command-line overrides, environment, kdev.toml and the machine-wide file, made into [`Settings`]. Layer 1.
//!
//! Reading and parsing are apart: [`load`] finds and reads, [`mod@file`] is what kdev.toml may say, [`check`] is
//! what it may not.

pub mod adopt;
pub mod check;
pub mod dynamic;
pub mod file;
pub mod load;
pub mod machine;
pub mod owned;
#[cfg(test)]
mod schema_tests;
mod times;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{AppName, KafkaVersion, Project, TopicName};

/// What the user wants, complete and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which project.
    pub project: Project,
    /// The kdev.toml that was read; none: the built-in one.
    pub file: Option<PathBuf>,
    /// The cluster.
    pub kafka: KafkaSettings,
    /// The topics that must exist.
    pub topics: BTreeMap<TopicName, TopicSettings>,
    /// Whether topics that are not among them are to be deleted.
    pub prune: bool,
    /// The apps to build and run.
    pub apps: BTreeMap<AppName, AppSettings>,
    /// A mirror or local build of the Python image, for Dockerfiles that take `PYTHON_IMAGE`.
    pub python_image: Option<String>,
}

impl Settings {
    /// The topic meant where none is named: `posts`, or the only one of the file.
    pub fn default_topic(&self) -> Option<&TopicName> {
        let mut names = self.topics.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => Some(only),
            _ => self.topics.keys().find(|name| name.as_str() == "posts"),
        }
    }
}

/// `[kafka]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// The Kafka release.
    pub version: KafkaVersion,
    /// Whether the metadata are raised to the release's level once all nodes run it.
    pub finalize: bool,
    /// The image's reference.
    pub image: String,
    /// How many nodes, 1 to 9.
    pub brokers: u8,
    /// Memory limit of a node in bytes.
    pub memory_bytes: u64,
    /// What the JVM is tuned for.
    pub profile: Profile,
    /// Exactly these ports on 127.0.0.1, node 1 first.
    pub ports: Option<Vec<u16>>,
    /// Broker settings in Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// What a node's JVM is tuned for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Fast start, little memory: serial collector, first compiler tier, few threads.
    #[default]
    Quick,
    /// All compiler tiers, G1, Kafka's own thread counts.
    Throughput,
}

/// `[topics.*]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Partitions.
    pub partitions: u32,
    /// Replicas of each.
    pub replication: u8,
    /// Topic settings in Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// `[apps.*]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    /// The directory that is sent to the builder; none: the apps inside the kdev binary.
    pub context: Option<PathBuf>,
    /// The Dockerfile's path within the context, with forward slashes.
    pub dockerfile: String,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Containers.
    pub replicas: u8,
    /// Memory limit of a container in bytes.
    pub memory_bytes: u64,
}
