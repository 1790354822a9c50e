//! What kdev.toml may say: its sections and keys as serde types, with the place of every value.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
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
    /// `[topics]`: the topics, and the switch `prune` among them.
    #[serde(default)]
    pub topics: BTreeMap<Spanned<String>, Spanned<TopicsEntry>>,
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
    /// Whether the metadata follow the version.
    pub finalize: Option<bool>,
    /// An image reference; `{version}` is replaced.
    pub image: Option<Spanned<String>>,
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

/// What stands under `[topics]`.
#[derive(Debug)]
pub enum TopicsEntry {
    /// A table: a topic.
    Topic(Topic),
    /// `true` or `false`: a switch.
    Switch(bool),
    /// Anything else: a mistake, which [`super::check`] tells.
    Other,
}

impl<'de> Deserialize<'de> for TopicsEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = TopicsEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a topic's table, or true or false")
            }
            fn visit_bool<E>(self, on: bool) -> Result<TopicsEntry, E> {
                Ok(TopicsEntry::Switch(on))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TopicsEntry, A::Error> {
                Topic::deserialize(MapAccessDeserializer::new(map)).map(TopicsEntry::Topic)
            }
            fn visit_i64<E>(self, _: i64) -> Result<TopicsEntry, E> {
                Ok(TopicsEntry::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<TopicsEntry, E> {
                Ok(TopicsEntry::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<TopicsEntry, E> {
                Ok(TopicsEntry::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<TopicsEntry, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(TopicsEntry::Other)
            }
        }
        deserializer.deserialize_any(Entry)
    }
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
