//! The way to the right replicas: which partitions are moved now, and what is waited for.
//!
//! Kafka itself remembers how far a move has come: reassignments that it goes on with by itself, and a limit on
//! their traffic. The limit is set before the first copy and lifted after the last, and where it holds the leaders'
//! side too, replicas are being evened out: so a run that was killed in between batches is gone on with.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    About, Blocked, Next, Step, Waiting,
    assignment::{Aim, Move, Partition, assign},
    safety, services,
};
use crate::{
    model::{NodeId, TopicName},
    observed::{KafkaFacts, Observed, PartitionFacts},
    plan::Plan,
};

/// What a node sends and takes in at most while replicas are moved, in bytes a second: a tenth of what a disk does,
/// so that producers and consumers notice little, and still a gigabyte in a quarter of a minute.
pub const RATE: u64 = 64 << 20;
/// As many partitions are copied at once: enough to keep the limit busy, few enough that a run which is stopped
/// leaves little under way.
const BATCH: usize = 10;
/// Not many bytes are copied at once either, beyond one partition.
const BATCH_BYTES: u64 = 1 << 30;

/// Whether replicas are evened out only where nodes come or go, or in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Nodes that came and are to have their share, nodes that go, numbers of replicas that changed.
    Needed,
    /// The user asked for it.
    Asked,
}

/// What is to be moved, all of it, from here to the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Partitions whose replicas, or their order, change.
    pub list: Vec<Move>,
    /// Whether the aim is an even cluster, and not only the right number of replicas.
    pub evening: bool,
}

/// Finds out what is to be moved. What is under way already counts as done.
///
/// # Errors
/// There are fewer nodes than replicas, or a partition's last replica is gone.
pub fn wanted(plan: &Plan, kafka: &KafkaFacts, occasion: Occasion) -> Result<Moves, Blocked> {
    let nodes: BTreeSet<NodeId> = plan.staying().map(|(id, _)| id).collect();
    let before = partitions(plan, kafka);
    let too_many: BTreeMap<TopicName, usize> =
        before.iter().filter(|p| p.replication > nodes.len()).map(|p| (p.topic.clone(), p.replication)).collect();
    if !too_many.is_empty() {
        return Err(Blocked::TooFewNodes { topics: too_many, nodes: nodes.len() });
    }
    let reachable = |node: &NodeId| plan.nodes.contains_key(node);
    if let Some(lost) = before.iter().find(|p| !p.replicas.iter().any(reachable)) {
        return Err(Blocked::Lost { topic: lost.topic.clone(), partition: lost.id, nodes: lost.replicas.clone() });
    }
    let leaves = before.iter().any(|p| p.replicas.iter().any(|node| !nodes.contains(node)));
    let evening = occasion == Occasion::Asked || kafka.limited.evening || leaves || waits_for_its_share(plan, &before);
    let aim = if evening { Aim::Even } else { Aim::Least };
    let after = assign(&before, &nodes, aim);
    let list = before
        .into_iter()
        .zip(after)
        .filter(|(before, after)| &before.replicas != after)
        .map(|(before, to)| Move { topic: before.topic, partition: before.id, from: before.replicas, to })
        .collect();
    Ok(Moves { list, evening })
}

/// Every partition as it will be when what is under way has ended.
pub fn partitions(plan: &Plan, kafka: &KafkaFacts) -> Vec<Partition> {
    let mut all = Vec::new();
    for (topic, facts) in &kafka.topics {
        let planned = plan.topics.get(topic).map(|planned| usize::from(planned.replication));
        let known = facts.partitions.iter().enumerate().filter(|(_, partition)| !partition.replicas.is_empty());
        for (id, partition) in known {
            let replicas = aim(kafka, topic, id, partition);
            let replication = planned.unwrap_or(replicas.len());
            all.push(Partition { topic: topic.clone(), id, replicas, isr: partition.isr.clone(), replication });
        }
    }
    all
}

/// The replicas that a partition has, or will have once its move is done.
fn aim(kafka: &KafkaFacts, topic: &TopicName, id: usize, partition: &PartitionFacts) -> Vec<NodeId> {
    let under_way = kafka.reassignments.get(topic).and_then(|partitions| partitions.get(&id));
    let goes = |node: &&NodeId| under_way.is_some_and(|under_way| under_way.removing.contains(node));
    partition.replicas.iter().filter(|node| !goes(node)).copied().collect()
}

/// Whether a node that came later has less than half of what would be its share. It is never a controller: where the
/// first nodes differ, somebody wanted it so, or Kafka placed a few small topics unevenly.
fn waits_for_its_share(plan: &Plan, partitions: &[Partition]) -> bool {
    let staying = plan.staying().count().max(1);
    let share = partitions.iter().map(|p| p.replicas.len()).sum::<usize>() / staying;
    let load = |id| partitions.iter().filter(|p| p.replicas.contains(&id)).count();
    share >= 2 && plan.staying().any(|(id, node)| !node.controller && 2 * load(id) < share)
}

/// The steps that may be taken now towards the right replicas, for a cluster that serves.
///
/// # Errors
/// See [`wanted`]; or there is not enough room on the disks.
pub fn next(plan: &Plan, occasion: Occasion, observed: &Observed, next: &mut Next) -> Result<(), Blocked> {
    let kafka = &observed.kafka;
    let Moves { list, evening } = wanted(plan, kafka, occasion)?;
    let under_way = |one: &Move| kafka.reassignments.get(&one.topic).is_some_and(|of| of.contains_key(&one.partition));
    let (astray, fresh): (Vec<Move>, Vec<Move>) = list.into_iter().partition(under_way);
    // What is on its way to a node that is not to have it would never arrive, or have to go again.
    let astray: Vec<Move> = astray.into_iter().filter(|one| one.from.iter().any(|&node| !plan.stays(node))).collect();
    let idle = kafka.reassignments.is_empty() && astray.is_empty();
    if fresh.is_empty() && idle {
        if kafka.limited.any() {
            next.steps.push(Step::Unlimit);
        }
        return Ok(());
    }
    enough_room(&fresh, kafka)?;
    let copied = || astray.iter().chain(&fresh).filter(|one| one.copies().next().is_some());
    let topics: BTreeSet<TopicName> = copied().map(|one| one.topic.clone()).collect();
    let nodes: BTreeSet<NodeId> = kafka.answering.keys().copied().collect();
    if !topics.is_empty() && !kafka.limited.covers(&nodes, &topics, evening) {
        next.steps.push(Step::Limit { nodes, topics, evening });
        return Ok(());
    }
    if !astray.is_empty() {
        next.steps.push(step(astray, kafka));
        return Ok(());
    }
    if !kafka.reassignments.is_empty() {
        let moving = || kafka.reassignments.values().flat_map(BTreeMap::values);
        next.waiting.push(Waiting::Moving {
            partitions: moving().count() + fresh.len(),
            to: moving().flat_map(|one| one.adding.iter().copied()).collect(),
            left: left(&fresh, kafka),
        });
        return Ok(());
    }
    let (now, held): (Vec<Move>, Vec<Move>) =
        fresh.into_iter().partition(|one| safety::may_move(one, plan, kafka).is_ok());
    match (now.is_empty(), held.first()) {
        (false, _) => next.steps.push(step(batch(now, kafka), kafka)),
        (true, Some(first)) => {
            if let Err(reason) = safety::may_move(first, plan, kafka) {
                let (topic, partition) = (first.topic.clone(), first.partition);
                next.waiting.push(Waiting::Held { topic, partition, reason });
            }
        }
        (true, None) => {}
    }
    Ok(())
}

fn step(moves: Vec<Move>, kafka: &KafkaFacts) -> Step {
    let bytes = moves.iter().map(|one| copied(one, kafka)).sum();
    Step::Reassign { moves, bytes: About(bytes) }
}

/// As many as go at once; what copies nothing goes along.
fn batch(moves: Vec<Move>, kafka: &KafkaFacts) -> Vec<Move> {
    let (mut partitions, mut bytes) = (0, 0);
    let mut goes = |one: &Move| {
        if one.copies().next().is_none() {
            return true;
        }
        let size = copied(one, kafka);
        let room = partitions == 0 || (partitions < BATCH && bytes + size <= BATCH_BYTES);
        if room {
            partitions += 1;
            bytes += size;
        }
        room
    };
    moves.into_iter().filter(|one| goes(one)).collect()
}

/// Bytes of a partition, by its fullest replica.
pub fn size(topic: &TopicName, partition: usize, kafka: &KafkaFacts) -> u64 {
    let sizes = kafka.disks.values().filter_map(|disk| disk.replicas.get(topic)?.get(&partition));
    sizes.copied().max().unwrap_or(0)
}

/// Bytes that a move copies.
pub fn copied(one: &Move, kafka: &KafkaFacts) -> u64 {
    size(&one.topic, one.partition, kafka) * one.copies().count() as u64
}

/// Bytes still to be copied: the rest of what is under way, and all of what is to follow.
fn left(fresh: &[Move], kafka: &KafkaFacts) -> u64 {
    let later: u64 = fresh.iter().map(|one| copied(one, kafka)).sum();
    let mut now = 0;
    for (topic, partitions) in &kafka.reassignments {
        for (&partition, under_way) in partitions {
            let on = |node: &NodeId| kafka.disks.get(node).and_then(|disk| disk.replicas.get(topic)?.get(&partition));
            let all = kafka.disks.keys().filter_map(on).max().copied().unwrap_or(0);
            now += under_way.adding.iter().map(|node| all - on(node).copied().unwrap_or(0)).sum::<u64>();
        }
    }
    later + now
}

/// The old replicas go only after the new ones are there, and all volumes lie on the engine's one disk: so all
/// copies must find room beside what is there.
fn enough_room(moves: &[Move], kafka: &KafkaFacts) -> Result<(), Blocked> {
    let needed = moves.iter().map(|one| copied(one, kafka)).sum();
    let least = kafka.disks.values().filter_map(|disk| disk.usable_bytes).min();
    match least {
        Some(free) if free < needed => Err(Blocked::NoRoom { needed, free }),
        _ => Ok(()),
    }
}

/// `copy 12 replicas of posts to kafka-4 (3.2 MiB)`, or what else becomes of the partitions.
pub(super) fn text(moves: &[Move], size: u64) -> String {
    let topics: BTreeSet<&str> = moves.iter().map(|one| one.topic.as_str()).collect();
    let topics = match topics.len() {
        0..=3 => topics.into_iter().collect::<Vec<_>>().join(", "),
        n => format!("{n} topics"),
    };
    let to: BTreeSet<NodeId> = moves.iter().flat_map(Move::copies).collect();
    let copies: usize = moves.iter().map(|one| one.copies().count()).sum();
    let replicas = |n: usize| if n == 1 { "one replica".to_owned() } else { format!("{n} replicas") };
    if copies > 0 {
        let size = if size > 0 { format!(" ({})", bytes(size)) } else { String::new() };
        return format!("copy {} of {topics} to {}{size}", replicas(copies), services(&to));
    }
    let fewer = moves.iter().map(|one| one.from.len() - one.to.len().min(one.from.len())).sum();
    match fewer {
        0 => format!("change the order of replicas of {topics}, so that leaders are even"),
        n => format!("give up {} of {topics}", replicas(n)),
    }
}

/// Bytes for people.
pub(super) fn bytes(bytes: u64) -> String {
    humansize::format_size(bytes, humansize::BINARY.decimal_places(1))
}
