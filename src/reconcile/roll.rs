//! The nodes: made, started, and replaced one at a time.
//!
//! A node that is replaced is stopped and set aside under another name; its successor takes its volume and its place.
//! Only when the successor serves and its replicas are in sync is the old container removed. Until then there is
//! something to put back: `rollback` does it.

use super::{Next, Step, Waiting, leave, safety};
use crate::{
    model::NodeId,
    observed::{ContainerFacts, ContainerState, Observed},
    plan::{NodePlan, Plan},
};

const CHANGED: &str = "its settings or its image changed";

/// The steps that may be taken now towards the plan's nodes. `image` is the prepared image's id, where it is there.
pub(super) fn nodes(plan: &Plan, observed: &Observed, image: Option<&str>, next: &mut Next) {
    let docker = &observed.docker;
    for (node, _) in plan.staying().filter(|(id, _)| !docker.volumes.contains_key(id)) {
        next.steps.push(Step::CreateVolume { node });
    }
    let has_network = docker.has_network(&plan.network.name);
    let all_made = plan.staying().all(|(id, _)| docker.node(id).is_some());
    let mut stale_running = Vec::new();
    for (&id, node) in &plan.nodes {
        // One that leaves comes back only where it alone has what must be moved.
        let comes_back = || leave::is_needed(id, &observed.kafka);
        if node.leaving && !docker.runs(id) && !comes_back() {
            continue;
        }
        let aside = docker.set_aside(id);
        let Some(container) = docker.node(id) else {
            if image.is_some() && docker.volumes.contains_key(&id) {
                next.steps.push(Step::CreateNode { node: id });
            }
            continue;
        };
        let (service, name) = (id.service(), container.name.clone());
        let stale = !node.leaving && stale(node, container, image);
        match container.state {
            ContainerState::Running if stale || container.is_unplugged() => stale_running.push(id),
            ContainerState::Running => {}
            ContainerState::Paused => next.steps.push(Step::Unpause { service, name }),
            ContainerState::Removing => next.waiting.push(Waiting::Ending(service)),
            ContainerState::Dead | ContainerState::Restarting => {
                let why = if stale { CHANGED } else { "it is beyond use" };
                next.steps.push(Step::Remove { service, name, why: why.to_owned() });
            }
            ContainerState::Created | ContainerState::Exited { .. } if docker.is_cut_off(container) => {
                next.steps.push(Step::Remove { service, name, why: cut_off(container).to_owned() });
            }
            // What is set aside has served; what never ran, or has not yet served, is not worth keeping.
            ContainerState::Exited { .. } if stale && aside.is_none() => {
                next.steps.push(Step::SetAside { node: id, name });
            }
            ContainerState::Created | ContainerState::Exited { .. } if stale => {
                next.steps.push(Step::Remove { service, name, why: CHANGED.to_owned() });
            }
            // All are made before one is started: a node that looks for a peer's name before the peer exists
            // loses half a second.
            // They are made while the network is: only a start needs it, and there must be one of its name.
            ContainerState::Created | ContainerState::Exited { .. } if all_made && has_network => {
                next.steps.push(Step::Start { service, name });
            }
            ContainerState::Created | ContainerState::Exited { .. } => {}
        }
        if let Some(aside) = aside
            && container.state == ContainerState::Running
            && serves(id, observed)
        {
            let (service, name) = (id.service(), aside.name.clone());
            next.steps.push(Step::Remove { service, name, why: "its successor is in sync".to_owned() });
        }
    }
    replace_one(plan, observed, image, stale_running, next);
}

/// Whether a node is in service: it answers, is a member of the cluster, and all its replicas are in sync.
pub fn serves(id: NodeId, observed: &Observed) -> bool {
    let kafka = &observed.kafka;
    let held = || kafka.partitions().filter(|p| p.replicas.contains(&id));
    kafka.answering.get(&id).is_some_and(|listed| listed.contains(&id))
        && kafka.controller.is_some()
        && held().all(|partition| partition.isr.contains(&id))
}

/// Whether a node's container was made from other settings, or from another image, than the plan's. Where the
/// image is gone from the engine, nothing can be said of it.
fn stale(node: &NodePlan, container: &ContainerFacts, image: Option<&str>) -> bool {
    container.spec != node.container.spec || image.is_some_and(|image| container.image != image)
}

/// Stops the one stale node that may be stopped, the active controller last.
fn replace_one(plan: &Plan, observed: &Observed, image: Option<&str>, mut stale: Vec<NodeId>, next: &mut Next) {
    // A node already on its way out or in comes first, and there must be an image to make the new one from.
    let under_way = plan.staying().any(|(id, _)| !observed.docker.runs(id));
    if stale.is_empty() || image.is_none() {
        return;
    }
    stale.sort_by_key(|&id| observed.kafka.controller == Some(id));
    let silent = |id: &NodeId| !observed.kafka.answering.contains_key(id);
    // Where nobody answers at all there is nothing to protect: all at once, and the cluster is back sooner.
    if observed.kafka.answering.is_empty() {
        next.steps.extend(stale.iter().filter_map(|&id| stop(id, observed)));
        return;
    }
    let candidate = stale.iter().copied().find(silent).unwrap_or(stale[0]);
    if under_way && !silent(&candidate) {
        return;
    }
    match safety::may_stop(candidate, plan, observed) {
        Ok(()) => next.steps.extend(stop(candidate, observed)),
        Err(reason) => next.waiting.push(Waiting::Unsafe { node: candidate, reason }),
    }
}

fn stop(id: NodeId, observed: &Observed) -> Option<Step> {
    let container = observed.docker.node(id)?;
    let why = if container.is_unplugged() { cut_off(container) } else { CHANGED };
    Some(Step::Stop { service: id.service(), name: container.name.clone(), why: why.to_owned() })
}

/// Why a container that is cut off has to be made anew.
pub(super) fn cut_off(container: &ContainerFacts) -> &'static str {
    if container.is_unplugged() { "it is on no network" } else { "its network is gone" }
}
