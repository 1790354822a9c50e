//! What kdev.toml may say: its sections and keys as serde types, with the place of every value.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::Profile;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The project's name.
    pub name: Option<Spanned<String>>,
    /// `[kafka]`.
    #[serde(default)]
    pub kafka: Kafka,
    /// `[topics.*]`.
    #[serde(default)]
    pub topics: BTreeMap<Spanned<String>, Topic>,
    /// `[apps.*]`.
    #[serde(default)]
    pub apps: BTreeMap<Spanned<String>, App>,
}

/// `[kafka]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Three numbers.
    pub version: Option<Spanned<String>>,
    /// An image reference; `{version}` is replaced.
    pub image: Option<String>,
    /// 1 to 9.
    pub brokers: Option<Spanned<i64>>,
    /// A size with a unit.
    pub memory: Option<Spanned<String>>,
    /// `quick` or `throughput`.
    pub profile: Option<Profile>,
    /// One port a node.
    pub ports: Option<Spanned<Vec<Spanned<i64>>>>,
    /// Broker settings.
    #[serde(default)]
    pub config: Config,
}

/// `[topics.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// 1 to 10,000.
    pub partitions: Option<Spanned<i64>>,
    /// 1 to the number of brokers.
    pub replication: Option<Spanned<i64>>,
    /// Topic settings.
    #[serde(default)]
    pub config: Config,
}

/// `[apps.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Path of the Dockerfile, from kdev.toml's directory.
    pub dockerfile: Option<Spanned<String>>,
    /// Directory sent to the builder, from kdev.toml's directory.
    pub context: Option<Spanned<String>>,
    /// Environment.
    #[serde(default)]
    pub env: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    /// 1 to 20.
    pub replicas: Option<Spanned<i64>>,
    /// A size with a unit.
    pub memory: Option<Spanned<String>>,
}

/// Settings in Kafka's own dotted names. `"log.retention.hours" = 24` and `log.retention.hours = 24` (which
/// TOML reads as nested tables) mean the same.
pub type Config = BTreeMap<Spanned<String>, Spanned<toml::Value>>;
