//! `kdev rebalance`: replicas and leaders even over the nodes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    Session,
    look::look,
    planning,
    up::{blocked, locked},
};
use crate::{
    engine::{
        live::Live,
        run::{self, Run},
    },
    error::{Error, Result},
    event::Events,
    model::NodeId,
    observed::{KafkaFacts, Observed},
    plan::Plan,
    reconcile::{
        assignment::Move,
        moves::{self, Occasion},
        up,
    },
};

/// Counts up only when a field changes its meaning or goes; fields may be added.
pub const SCHEMA: u32 = 1;

/// What one node carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Replicas of partitions, leaders too.
    pub replicas: usize,
    /// Partitions that it leads.
    pub leaders: usize,
    /// Bytes of the replicas.
    pub bytes: u64,
}

/// What every node carries, before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Before.
    pub before: BTreeMap<NodeId, Load>,
    /// After.
    pub after: BTreeMap<NodeId, Load>,
    /// Partitions whose replicas, or their order, change.
    pub moves: Vec<Move>,
    /// Bytes to be copied.
    pub bytes: u64,
}

impl Balance {
    /// Whether nothing has to change.
    pub fn is_even(&self) -> bool {
        // Bytes grow by themselves while producers write.
        let counts = |loads: &BTreeMap<NodeId, Load>| {
            loads.iter().map(|(&node, load)| (node, load.replicas, load.leaders)).collect::<Vec<_>>()
        };
        self.moves.is_empty() && counts(&self.before) == counts(&self.after)
    }
}

/// What evening out would do.
///
/// # Errors
/// A node does not answer, or it cannot be done.
pub async fn preview(session: &Session, cancel: &CancellationToken) -> Result<Balance> {
    let plan = planning::plan(session, false).await?;
    let live = Live::on(session.docker.clone(), plan.clone(), Occasion::Asked);
    let observed = look(&live, &plan, cancel).await?;
    all_answer(&plan, &observed)?;
    let kafka = &observed.kafka;
    let moves = moves::wanted(&plan, kafka, Occasion::Asked).map_err(blocked)?.list;
    let bytes = moves.iter().map(|one| moves::copied(one, kafka)).sum();
    let (before, after) = (loads(&plan, kafka), loads_after(&plan, kafka, &moves));
    Ok(Balance { schema: SCHEMA, before, after, moves, bytes })
}

/// Evens out, and says what it was before and is now.
///
/// # Errors
/// A node does not answer, it cannot be done, or the user stops it.
pub async fn rebalance(
    session: &Session,
    timeout: Duration,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Balance> {
    let _lock = locked(session, "kdev rebalance", events, cancel).await?;
    let balance = preview(session, cancel).await?;
    let plan = planning::plan(session, false).await?;
    let world = Arc::new(Live::on(session.docker.clone(), plan.clone(), Occasion::Asked));
    let run = Run { events, cancel, timeout, first: Vec::new() };
    let outcome = run::reach(&world, run, |observed| up::even(&plan, observed).map_err(blocked)).await?;
    Ok(Balance { after: loads(&plan, &outcome.observed.kafka), ..balance })
}

fn all_answer(plan: &Plan, observed: &Observed) -> Result<()> {
    let kafka = &observed.kafka;
    let silent = plan.staying().map(|(id, _)| id).find(|id| !kafka.answering.contains_key(id));
    match silent {
        Some(node) => Err(Error::failed(format!("{} does not answer: replicas stay where they are", node.service()))
            .hint("kdev up")
            .hint("kdev status")),
        None if kafka.controller.is_none() => Err(Error::failed("there is no active controller").hint("kdev status")),
        None => Ok(()),
    }
}

fn loads(plan: &Plan, kafka: &KafkaFacts) -> BTreeMap<NodeId, Load> {
    let mut loads = none(plan);
    for (topic, facts) in &kafka.topics {
        for (id, partition) in facts.partitions.iter().enumerate() {
            for node in &partition.replicas {
                let load = loads.entry(*node).or_default();
                load.replicas += 1;
                load.leaders += usize::from(partition.leader == Some(*node));
                load.bytes += moves::size(topic, id, kafka);
            }
        }
    }
    loads
}

fn loads_after(plan: &Plan, kafka: &KafkaFacts, moves: &[Move]) -> BTreeMap<NodeId, Load> {
    let mut loads = none(plan);
    for partition in moves::partitions(plan, kafka) {
        let moved = moves.iter().find(|one| one.topic == partition.topic && one.partition == partition.id);
        let replicas = moved.map_or(&partition.replicas, |one| &one.to);
        for (place, node) in replicas.iter().enumerate() {
            let load = loads.entry(*node).or_default();
            load.replicas += 1;
            load.leaders += usize::from(place == 0);
            load.bytes += moves::size(&partition.topic, partition.id, kafka);
        }
    }
    loads
}

fn none(plan: &Plan) -> BTreeMap<NodeId, Load> {
    plan.nodes.keys().map(|&id| (id, Load::default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_written_meanwhile_make_nothing_uneven() {
        let load = |leaders, bytes| BTreeMap::from([(NodeId(1), Load { replicas: 6, leaders, bytes })]);
        let balance = |after| Balance { before: load(2, 100), after, ..Balance::default() };
        assert!(balance(load(2, 900)).is_even());
        assert!(!balance(load(3, 100)).is_even());
    }
}
