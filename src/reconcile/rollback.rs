//! The way back of nodes whose successors did not come into service: each old container into its place again.

use std::collections::BTreeSet;

use super::{Next, Step, Waiting, roll};
use crate::{
    model::NodeId,
    observed::{ContainerState, Observed},
};

/// The nodes that have something to be put back: an old container set aside, and a successor that does not serve.
pub fn wanted(observed: &Observed) -> BTreeSet<NodeId> {
    let docker = &observed.docker;
    let not_replaced = |&id: &NodeId| {
        let runs = docker.runs(id);
        docker.set_aside(id).is_some() && !(runs && roll::serves(id, observed))
    };
    NodeId::first(NodeId::MAX).filter(not_replaced).collect()
}

/// The steps that may be taken now towards these nodes as they were, in service.
pub fn next(nodes: &BTreeSet<NodeId>, observed: &Observed) -> Next {
    let mut next = Next::default();
    for &node in nodes {
        let service = node.service();
        let why = || "it did not come into service".to_owned();
        let current = observed.docker.node(node);
        let Some(aside) = observed.docker.set_aside(node) else {
            back(node, observed, &mut next);
            continue;
        };
        let Some(current) = current else {
            next.steps.push(Step::PutBack { node, name: aside.name.clone() });
            continue;
        };
        let name = current.name.clone();
        match current.state {
            ContainerState::Running => next.steps.push(Step::Stop { service, name, why: why() }),
            ContainerState::Paused => next.steps.push(Step::Unpause { service, name }),
            ContainerState::Removing => next.waiting.push(Waiting::Ending(service)),
            ContainerState::Restarting
            | ContainerState::Dead
            | ContainerState::Created
            | ContainerState::Exited { .. } => next.steps.push(Step::Remove { service, name, why: why() }),
        }
    }
    if next.is_reached() && observed.kafka.in_sync() && !observed.kafka.preferred_lead() {
        next.steps.push(Step::ElectLeaders);
    }
    next
}

/// A container that is in its place again is started, and waited for.
fn back(node: NodeId, observed: &Observed, next: &mut Next) {
    let Some(container) = observed.docker.node(node) else { return };
    match container.state {
        ContainerState::Created | ContainerState::Exited { .. } => {
            next.steps.push(Step::Start { service: node.service(), name: container.name.clone() });
        }
        ContainerState::Running if !roll::serves(node, observed) => next.waiting.push(Waiting::Silent(node)),
        _ => {}
    }
}
