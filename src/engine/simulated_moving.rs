//! Replicas in the world in memory: where Kafka would put them, and what becomes of moves.

use crate::{
    model::NodeId,
    observed::{KafkaFacts, PartitionFacts, Reassignment},
    plan::Plan,
    reconcile::assignment::Move,
};

/// A new partition, each on the nodes after those of the one before, as Kafka does it.
pub(super) fn placed(plan: &Plan, id: usize, replication: u8) -> PartitionFacts {
    let mut nodes: Vec<NodeId> = plan.staying().map(|(id, _)| id).collect();
    let shift = id % nodes.len().max(1);
    nodes.rotate_left(shift);
    nodes.truncate(usize::from(replication));
    PartitionFacts { leader: None, isr: nodes.clone(), replicas: nodes }
}

/// Begins a move: the partition has its old replicas and its new ones. One under way gets a new aim.
pub(super) fn begin(kafka: &mut KafkaFacts, one: &Move) {
    let topic = kafka.topics.get_mut(&one.topic);
    let Some(partition) = topic.and_then(|topic| topic.partitions.get_mut(one.partition)) else { return };
    let under_way = kafka.reassignments.entry(one.topic.clone()).or_default();
    let called_off = under_way.remove(&one.partition).unwrap_or_default().adding;
    let before =
        partition.replicas.iter().copied().filter(|node| !called_off.contains(node) || partition.isr.contains(node));
    let before: Vec<NodeId> = before.collect();
    let adding = one.to.iter().copied().filter(|node| !before.contains(node)).collect();
    let removing: Vec<NodeId> = before.into_iter().filter(|node| !one.to.contains(node)).collect();
    partition.replicas = one.to.iter().chain(&removing).copied().collect();
    under_way.insert(one.partition, Reassignment { adding, removing });
}

/// What comes about by itself: nodes that run copy what they are to have, then the old replicas go; replicas are in
/// sync on nodes that run; a disk holds what its node has a replica of.
pub(super) fn settle(kafka: &mut KafkaFacts, running: &[NodeId]) {
    for (name, topic) in &mut kafka.topics {
        let mut under_way = kafka.reassignments.get_mut(name);
        for (id, partition) in topic.partitions.iter_mut().enumerate() {
            let runs = |node: &NodeId| running.contains(node);
            let moving = under_way.as_ref().and_then(|of| of.get(&id)).cloned().unwrap_or_default();
            let Reassignment { adding, removing } = &moving;
            partition.isr =
                partition.replicas.iter().copied().filter(|node| runs(node) && !adding.contains(node)).collect();
            let stays = |node: &NodeId| !removing.contains(node);
            let copied = !partition.isr.is_empty() && adding.iter().all(runs);
            if copied && (!adding.is_empty() || partition.isr.iter().any(stays)) {
                partition.replicas.retain(stays);
                partition.isr = partition.replicas.iter().copied().filter(runs).collect();
                if let Some(of) = &mut under_way {
                    of.remove(&id);
                }
            }
            partition.leader = partition.isr.first().copied();
        }
    }
    kafka.reassignments.retain(|_, partitions| !partitions.is_empty());
    disks(kafka, running);
}

fn disks(kafka: &mut KafkaFacts, running: &[NodeId]) {
    let known = kafka.disks.clone();
    kafka.disks.retain(|node, _| running.contains(node));
    for node in running {
        let disk = kafka.disks.entry(*node).or_default();
        disk.replicas.clear();
        for (name, topic) in &kafka.topics {
            for (id, _) in topic.partitions.iter().enumerate().filter(|(_, one)| one.replicas.contains(node)) {
                let sizes = known.values().filter_map(|disk| disk.replicas.get(name)?.get(&id));
                let size = sizes.max().copied().unwrap_or(0);
                disk.replicas.entry(name.clone()).or_default().insert(id, size);
            }
        }
    }
}
