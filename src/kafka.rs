//! Kafka: the only user of librdkafka and of the protocol codec. Layer 2; never imports `docker`.
//!
//! [`wire`] carries one request over one connection; [`admin`] knows which node to ask what; [`listener`] proves
//! an address. Records go in and out through librdkafka: [`produce`], [`consume`], [`record`].

pub mod admin;
pub mod audit;
pub mod consume;
pub mod listener;
mod native;
pub mod produce;
mod producer_ids;
pub mod rate;
pub mod record;
pub mod wire;

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
