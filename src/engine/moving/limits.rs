//! The limit on the traffic of moves: where it is set, and how it is set and lifted.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::Addresses;
use crate::{
    engine::live::KAFKA_PATIENCE,
    error::Result,
    kafka::{admin::Admin, wire::KafkaError},
    model::{NodeId, TopicName},
    observed::{KafkaFacts, Limited},
    reconcile::moves::RATE,
};

/// Kafka's names: what a broker takes in and sends out for moves, in bytes a second, and of which topics.
const TAKES_IN: &str = "follower.replication.throttled.rate";
const SENDS: &str = "leader.replication.throttled.rate";
const TOPIC_TAKES_IN: &str = "follower.replication.throttled.replicas";
const TOPIC_SENDS: &str = "leader.replication.throttled.replicas";
/// All partitions of the topic. Replicas in sync are never held back.
const ALL: &str = "*";

/// Where kdev's limit is set. Topics are asked only where a node has it: nodes get it first and lose it last.
pub async fn limited(kafka: &Admin, facts: &KafkaFacts) -> Result<Limited> {
    let asked = facts
        .answering
        .keys()
        .map(|&node| async move { kafka.broker_config(node, &[TAKES_IN, SENDS]).await.map(|config| (node, config)) });
    let ours = RATE.to_string();
    let mut limited = Limited::default();
    for outcome in join_all(asked).await {
        let (node, config) = outcome?;
        if config.get(TAKES_IN) == Some(&ours) {
            limited.nodes.insert(node);
            limited.evening |= config.get(SENDS) == Some(&ours);
        }
    }
    if !limited.nodes.is_empty() {
        let names: Vec<TopicName> = facts.topics.keys().cloned().collect();
        let configs = kafka.topic_configs(&names).await?;
        let ours = |config: &BTreeMap<String, String>| config.get(TOPIC_TAKES_IN).is_some_and(|value| value == ALL);
        limited.topics = configs.into_iter().filter(|(_, config)| ours(config)).map(|(name, _)| name).collect();
    }
    Ok(limited)
}

/// Sets the limit on nodes, then on topics.
pub async fn limit(kafka: &Admin, nodes: &BTreeSet<NodeId>, topics: &BTreeSet<TopicName>, evening: bool) -> Result<()> {
    let mut rates = BTreeMap::from([(TAKES_IN.to_owned(), RATE.to_string())]);
    if evening {
        rates.insert(SENDS.to_owned(), RATE.to_string());
    }
    let set = nodes.iter().map(|&node| {
        let rates = &rates;
        async move { kafka.alter_broker_config(node, rates, &BTreeSet::new()).await }
    });
    join_all(set).await.into_iter().collect::<Result<()>>()?;
    let all = BTreeMap::from([TOPIC_TAKES_IN, TOPIC_SENDS].map(|name| (name.to_owned(), ALL.to_owned())));
    for topic in topics {
        unless_gone(kafka.alter_topic_config(topic, &all, &BTreeSet::new()).await)?;
    }
    Ok(())
}

/// A topic that was deleted meanwhile has nothing to be limited.
fn unless_gone(outcome: Result<()>) -> Result<()> {
    outcome.or_else(
        |error| if KafkaError::of(&error).is_some_and(KafkaError::is_unknown_topic) { Ok(()) } else { Err(error) },
    )
}

/// Lifts the limit from topics, then from nodes, wherever it is set.
pub async fn unlimit(kafka: &Admin, at: &Addresses) -> Result<()> {
    let Limited { nodes, topics, evening: _ } = limited(kafka, &kafka.observe(at, KAFKA_PATIENCE).await).await?;
    let names = |names: [&str; 2]| names.map(str::to_owned).into_iter().collect();
    let of_topic: BTreeSet<String> = names([TOPIC_TAKES_IN, TOPIC_SENDS]);
    for topic in &topics {
        unless_gone(kafka.alter_topic_config(topic, &BTreeMap::new(), &of_topic).await)?;
    }
    let of_node: BTreeSet<String> = names([TAKES_IN, SENDS]);
    let unset = nodes.iter().map(|&node| {
        let of_node = &of_node;
        async move { kafka.alter_broker_config(node, &BTreeMap::new(), of_node).await }
    });
    join_all(unset).await.into_iter().collect()
}
