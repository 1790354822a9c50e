//! Which replicas each partition should have: the fewest moves to an aim. Pure, and without memory: what is left to
//! do after some of the moves is just the others.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::balance::{Items, even_out};
use crate::model::{NodeId, TopicName};

/// A partition as it is, and how many replicas it should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its topic.
    pub topic: TopicName,
    /// Its number.
    pub id: usize,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Those in sync.
    pub isr: Vec<NodeId>,
    /// How many replicas it should have; where there are fewer nodes, it gets one on each.
    pub replication: usize,
}

/// One partition's replicas, before and after; the preferred leader first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Move {
    /// Its topic.
    pub topic: TopicName,
    /// Its number.
    pub partition: usize,
    /// Where they are.
    pub from: Vec<NodeId>,
    /// Where they are to be.
    pub to: Vec<NodeId>,
}

impl Move {
    /// The nodes that have to copy the partition.
    pub fn copies(&self) -> impl Iterator<Item = NodeId> {
        self.to.iter().copied().filter(|node| !self.from.contains(node))
    }
}

/// What is wanted beyond the right number of replicas on the right nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nothing: replicas and leaders that can stay, stay.
    Least,
    /// Replicas even over the nodes within one, and leaders as even as can be.
    Even,
}

/// The replicas of each partition, in the order of `partitions`, all on `nodes`, the preferred leader first.
///
/// Takes the fewest moves that lead to the aim, and then the fewest changes of preferred leaders.
pub fn assign(partitions: &[Partition], nodes: &BTreeSet<NodeId>, aim: Aim) -> Vec<Vec<NodeId>> {
    let nodes: Vec<NodeId> = nodes.iter().copied().collect();
    let topics: BTreeMap<&TopicName, usize> = partitions.iter().map(|p| (&p.topic, 0)).collect();
    let topics: BTreeMap<&TopicName, usize> = topics.into_keys().zip(0..).collect();
    if nodes.is_empty() {
        return partitions.iter().map(|partition| partition.replicas.clone()).collect();
    }
    let before = Replicas::of(partitions, &nodes, &topics);
    let mut at = before.chosen();
    let disturb = aim == Aim::Even;
    even_out(&mut at, nodes.len(), topics.len(), &before, disturb);
    let leaders = Leaders { replicas: &at, before: &before };
    let mut leading: Vec<Vec<usize>> = at.iter().map(|at| at.first().copied().into_iter().collect()).collect();
    even_out(&mut leading, nodes.len(), topics.len(), &leaders, disturb);
    at.into_iter()
        .zip(leading)
        .map(|(mut at, leader)| {
            if let Some(position) = at.iter().position(|node| leader.contains(node)) {
                at[..=position].rotate_right(1);
            }
            at.into_iter().map(|node| nodes[node]).collect()
        })
        .collect()
}

/// The partitions with nodes and topics as numbers.
struct Replicas<'a> {
    partitions: &'a [Partition],
    nodes: usize,
    /// The topic of each partition.
    topics: Vec<usize>,
    /// Where each partition has replicas that can stay.
    was: Vec<Vec<usize>>,
    /// Its preferred leader, where that can stay.
    led: Vec<Option<usize>>,
}

impl<'a> Replicas<'a> {
    fn of(partitions: &'a [Partition], nodes: &[NodeId], topics: &BTreeMap<&TopicName, usize>) -> Self {
        let index = |id: &NodeId| nodes.binary_search(id).ok();
        let was = |partition: &Partition| {
            let mut was: Vec<usize> = partition.replicas.iter().filter_map(index).collect();
            // Where some must go, those that lack records go first.
            while was.len() > partition.replication.max(1)
                && let Some(lacking) = was.iter().rposition(|&node| !partition.isr.contains(&nodes[node]))
            {
                was.remove(lacking);
            }
            was
        };
        Replicas {
            partitions,
            nodes: nodes.len(),
            topics: partitions.iter().map(|p| topics.get(&p.topic).copied().unwrap_or(0)).collect(),
            was: partitions.iter().map(was).collect(),
            led: partitions.iter().map(|p| p.replicas.first().and_then(index)).collect(),
        }
    }

    /// The right number of replicas each: too many are taken from the fullest nodes, the preferred leader last; too
    /// few are put on the emptiest.
    fn chosen(&self) -> Vec<Vec<usize>> {
        let mut at = self.was.clone();
        let mut loads = vec![0usize; self.nodes];
        let mut of_topic = vec![vec![0usize; self.nodes]; self.topics.iter().max().map_or(0, |most| most + 1)];
        for (at, &topic) in at.iter().zip(&self.topics) {
            for &node in at {
                loads[node] += 1;
                of_topic[topic][node] += 1;
            }
        }
        for ((partition, at), &topic) in self.partitions.iter().zip(&mut at).zip(&self.topics) {
            let wanted = partition.replication.clamp(1, self.nodes);
            while at.len() > wanted {
                let places = at.iter().copied().enumerate().skip(1);
                let fullest = places.max_by_key(|&(place, node)| (loads[node], of_topic[topic][node], place));
                let Some((place, node)) = fullest else { break };
                at.remove(place);
                loads[node] -= 1;
                of_topic[topic][node] -= 1;
            }
            while at.len() < wanted {
                let free = (0..self.nodes).filter(|node| !at.contains(node));
                let Some(node) = free.min_by_key(|&node| (loads[node], of_topic[topic][node], node)) else { break };
                at.push(node);
                loads[node] += 1;
                of_topic[topic][node] += 1;
            }
        }
        at
    }
}

impl Items for Replicas<'_> {
    fn may_be(&self, _: usize, _: usize) -> bool {
        true
    }

    fn was_on(&self, item: usize, node: usize) -> bool {
        self.was[item].contains(&node)
    }

    fn group(&self, item: usize) -> usize {
        self.topics[item]
    }
}

/// Leadership, among replicas that are settled.
struct Leaders<'a> {
    replicas: &'a [Vec<usize>],
    before: &'a Replicas<'a>,
}

impl Items for Leaders<'_> {
    fn may_be(&self, item: usize, node: usize) -> bool {
        self.replicas[item].contains(&node)
    }

    fn was_on(&self, item: usize, node: usize) -> bool {
        self.before.led[item] == Some(node)
    }

    fn group(&self, item: usize) -> usize {
        self.before.topics[item]
    }
}

#[cfg(test)]
#[path = "assignment_tests.rs"]
mod tests;
