//! The way to the plan.

use super::{
    Blocked, Next, Permission, Step, Waiting, apps, leave,
    moves::{self, Occasion},
    roll, settings, topics, upgrade,
};
use crate::{
    model::{NodeId, Role},
    observed::{ContainerFacts, Observed, PartitionFacts},
    plan::{NodePlan, Plan},
};

/// The steps that may be taken now towards `plan`, and what has to be waited for. What takes records away is held
/// back.
///
/// With `apps` false, apps are left as they are.
///
/// # Errors
/// The plan cannot be reached from here.
pub fn next(plan: &Plan, apps: bool, observed: &Observed) -> Result<Next, Blocked> {
    next_permitted(plan, apps, &Permission::Nothing, observed)
}

/// As [`next`], with what `permission` allows of the steps that take records away.
///
/// # Errors
/// As [`next`].
pub fn next_permitted(
    plan: &Plan,
    with_apps: bool,
    permission: &Permission,
    observed: &Observed,
) -> Result<Next, Blocked> {
    let strangers: Vec<_> =
        observed.docker.strangers.iter().filter(|stranger| plan.has(stranger.kind, &stranger.name)).cloned().collect();
    if !strangers.is_empty() {
        return Err(Blocked::Strangers(strangers));
    }
    upgrade::check(plan, observed)?;
    let mut next = Next::default();
    let kafka_image = kafka_image(plan, observed, &mut next);
    network(plan, observed, &mut next);
    roll::nodes(plan, observed, kafka_image.as_deref(), &mut next);
    let serving = serving(plan, observed, &mut next);
    if serving {
        settings::settings(plan, observed, &mut next);
        topics::next(plan, observed, &mut next)?;
        moves::next(plan, Occasion::Needed, observed, &mut next)?;
        leave::next(plan, observed, &mut next);
        hold(permission, &mut next);
        leaders(plan, observed, &mut next);
        upgrade::finalize(plan, observed, &mut next);
    } else {
        topics::early(plan, observed, &mut next);
        stuck(plan, observed, &mut next);
    }
    let ready = serving && !plan.topics.keys().any(|name| !observed.kafka.topics.contains_key(name));
    if with_apps {
        apps::next(plan, observed, ready, &mut next);
    }
    // What looked at the network from inside and was left behind by a kill.
    for probe in observed.docker.containers.iter().filter(|c| c.role == Role::Probe) {
        next.steps.push(Step::Remove {
            service: probe.service.clone(),
            name: probe.name.clone(),
            why: "left behind".to_owned(),
        });
    }
    hold(permission, &mut next);
    // What Kafka may refuse comes first: a refusal would end the run, and leave the node stopped.
    if next.steps.iter().any(Step::is_kafkas) {
        next.steps.retain(|step| !stops_a_node(step));
    }
    Ok(next)
}

fn stops_a_node(step: &Step) -> bool {
    matches!(step, Step::Stop { service, .. } if NodeId::from_service(service).is_some())
}

/// Holds back what takes records away without permission.
fn hold(permission: &Permission, next: &mut Next) {
    next.held.extend(next.steps.extract_if(.., |step| !permission.allows(step)));
}

/// The steps that may be taken now towards replicas and leaders that are even over the nodes; nothing else.
///
/// # Errors
/// See [`moves::wanted`].
pub fn even(plan: &Plan, observed: &Observed) -> Result<Next, Blocked> {
    let mut next = Next::default();
    if serving(plan, observed, &mut next) {
        moves::next(plan, Occasion::Asked, observed, &mut next)?;
        leaders(plan, observed, &mut next);
    } else {
        stuck(plan, observed, &mut next);
        // A node that is down comes back by `up`, not by itself.
        if next.waiting.is_empty() {
            next.waiting.push(Waiting::Leaderless);
        }
    }
    Ok(next)
}

/// The prepared image's id, or the step towards it where some node needs it.
fn kafka_image(plan: &Plan, observed: &Observed, next: &mut Next) -> Option<String> {
    let docker = &observed.docker;
    let base = docker.images.get(&plan.kafka_image);
    let prepared = base.and_then(|base| docker.prepared.get(base)).cloned();
    if prepared.is_some() {
        return prepared;
    }
    // Nodes that are as planned go on without the image they came from.
    let stale = |c: &ContainerFacts, node: &NodePlan| c.spec != node.container.spec;
    let needed = plan.nodes.iter().any(|(&id, node)| match docker.node(id) {
        None => !node.leaving || leave::is_needed(id, &observed.kafka),
        Some(container) => !node.leaving && stale(container, node),
    });
    if needed {
        let image = plan.kafka_image.clone();
        next.steps.push(if base.is_none() { Step::Pull { image } } else { Step::Prepare { image } });
    }
    None
}

fn network(plan: &Plan, observed: &Observed, next: &mut Next) {
    match observed.docker.networks_named(&plan.network.name) {
        0 => next.steps.push(Step::CreateNetwork),
        1 => {}
        _ => next.steps.push(Step::SettleNetwork),
    }
}

/// Whether every node answers, lists all others, and a controller is active.
fn serving(plan: &Plan, observed: &Observed, next: &mut Next) -> bool {
    let running = |id: NodeId| observed.docker.runs(id);
    let kafka = &observed.kafka;
    let mut serving = true;
    for (id, _) in plan.staying() {
        let Some(listed) = kafka.answering.get(&id) else {
            serving = false;
            if running(id) {
                next.waiting.push(Waiting::Silent(id));
            }
            continue;
        };
        let missing: Vec<NodeId> =
            plan.staying().map(|(other, _)| other).filter(|other| running(*other) && !listed.contains(other)).collect();
        if !missing.is_empty() || plan.staying().any(|(other, _)| !listed.contains(&other)) {
            serving = false;
        }
        if !missing.is_empty() {
            next.waiting.push(Waiting::Lists { node: id, missing });
        }
    }
    if !kafka.answering.is_empty() && kafka.controller.is_none() {
        serving = false;
        next.waiting.push(Waiting::Leaderless);
    }
    serving
}

/// Moves to nodes that do not answer: Kafka goes on with them once they do.
fn stuck(plan: &Plan, observed: &Observed, next: &mut Next) {
    let kafka = &observed.kafka;
    let moving = || kafka.reassignments.values().flat_map(|partitions| partitions.values());
    for node in plan.nodes.keys().copied().filter(|id| !kafka.answering.contains_key(id)) {
        let partitions = moving().filter(|one| one.adding.contains(&node)).count();
        if partitions > 0 {
            next.waiting.push(Waiting::Stuck { node, partitions });
        }
    }
}

/// After a start or a replacement the first nodes back lead everything: load and failures belong to all.
fn leaders(plan: &Plan, observed: &Observed, next: &mut Next) {
    if !next.is_reached() {
        return;
    }
    // Kafka's own topics too: what lags behind is waited for, but where a replica lies on a node that is no more.
    for (name, topic) in &observed.kafka.topics {
        let comes = |partition: &&PartitionFacts| partition.replicas.iter().all(|id| plan.nodes.contains_key(id));
        let lagging = topic.partitions.iter().filter(|p| p.isr.len() < p.replicas.len()).filter(comes).count();
        if lagging > 0 {
            next.waiting.push(Waiting::OutOfSync { topic: name.clone(), partitions: lagging });
        }
    }
    let settled = next.waiting.is_empty() && observed.kafka.in_sync();
    if settled && !observed.kafka.preferred_lead() {
        next.steps.push(Step::ElectLeaders);
    }
}
