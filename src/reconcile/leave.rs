//! The way out for nodes that kdev.toml has no longer.
//!
//! Kafka refuses nothing here: it takes a broker off its list that holds the only copy of a partition, and leaves
//! one that runs asking in vain to be let in again. So each step is offered only once the one before is seen to be
//! done: no partition has a replica there, by the controller and by the node's own disk; then it stops; then it is
//! taken off the list; then its container goes, then its volume.

use super::{Next, Step, Waiting};
use crate::{
    model::NodeId,
    observed::{ContainerState, KafkaFacts, Observed},
    plan::Plan,
};

pub(super) const LEAVES: &str = "kdev.toml no longer has it";

/// The steps that may be taken now, for a cluster that serves.
pub fn next(plan: &Plan, observed: &Observed, next: &mut Next) {
    let kafka = &observed.kafka;
    // The limit is lifted on all nodes while all can still be asked.
    if kafka.limited.any() {
        return;
    }
    // A broker on the list without data of ours: its volume was removed. One that runs is somebody's.
    let runs = |id: &NodeId| kafka.answering.values().any(|listed| listed.contains(id));
    let lost = kafka.registered.iter().filter(|id| !plan.nodes.contains_key(id) && !runs(id));
    let leaving = plan.nodes.keys().filter(|id| !plan.stays(**id));
    for id in leaving.chain(lost).copied() {
        if !holds(id, kafka) {
            next.steps.extend(step(id, observed, &mut next.waiting));
        }
    }
}

/// Whether a partition has a replica on the node, or is to get one.
pub fn holds(id: NodeId, kafka: &KafkaFacts) -> bool {
    let adding = kafka.reassignments.values().flat_map(|of| of.values()).any(|one| one.adding.contains(&id));
    adding || kafka.partitions().any(|one| one.replicas.contains(&id))
}

/// Whether some partition can only be had from the node: then a node that leaves has to run once more.
pub fn is_needed(id: NodeId, kafka: &KafkaFacts) -> bool {
    let others = |isr: &[NodeId]| isr.iter().any(|other| *other != id && kafka.answering.contains_key(other));
    let mut partitions = kafka.partitions();
    partitions.any(|one| one.replicas.contains(&id) && !others(&one.isr))
}

fn step(id: NodeId, observed: &Observed, waiting: &mut Vec<Waiting>) -> Option<Step> {
    let (docker, kafka) = (&observed.docker, &observed.kafka);
    let container = docker.node(id);
    let (service, why) = (id.service(), LEAVES.to_owned());
    if let Some(container) = container {
        let name = container.name.clone();
        match container.state {
            ContainerState::Running if kafka.answering.contains_key(&id) => {
                // Its own word for it that nothing is left: logs are deleted a moment after the controller says so.
                if kafka.disks.get(&id).is_some_and(|disk| disk.replicas.is_empty()) {
                    return Some(Step::Stop { service, name, why });
                }
                waiting.push(Waiting::Emptying(id));
                return None;
            }
            // It serves nobody, and nobody has a replica there.
            ContainerState::Running | ContainerState::Restarting => return Some(Step::Stop { service, name, why }),
            ContainerState::Paused => return Some(Step::Unpause { service, name }),
            ContainerState::Removing => {
                waiting.push(Waiting::Ending(service));
                return None;
            }
            ContainerState::Created | ContainerState::Exited { .. } | ContainerState::Dead => {}
        }
    }
    if kafka.registered.contains(&id) {
        if kafka.answering.values().any(|listed| listed.contains(&id)) {
            waiting.push(Waiting::Listed(id));
            return None;
        }
        return Some(Step::Unregister { node: id });
    }
    // Empty: the list was not to be had this time.
    if kafka.registered.is_empty() {
        waiting.push(Waiting::Listed(id));
        return None;
    }
    // One that was set aside, by a run that ended before its successor served, holds the volume too.
    if let Some(container) = container.or(docker.set_aside(id)) {
        return Some(Step::Remove { service, name: container.name.clone(), why });
    }
    let volume = docker.volumes.get(&id)?;
    Some(Step::RemoveVolume { node: id, name: volume.name.clone(), empty: true })
}
