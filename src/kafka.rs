//! Kafka: the only user of librdkafka and of the protocol codec. Layer 2; never imports `docker`.

pub mod consume;
mod native;
pub mod produce;
pub mod record;

use crate::model::TopicName;

/// The topic that a command works on, and where it is.
#[derive(Clone, Debug)]
pub struct Target {
    /// `host:port`, comma-separated.
    pub bootstrap: String,
    /// The cluster as messages name it: "project blog", "localhost:9092".
    pub cluster: String,
    /// The topic.
    pub topic: TopicName,
    /// The command, for what to type when it fails: "produce".
    pub command: &'static str,
    /// Whether it is the project's own cluster, where kdev.toml adds topics.
    pub in_project: bool,
}
