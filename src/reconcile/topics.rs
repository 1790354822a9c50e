//! Topics made, grown, changed setting by setting, and pruned.

use super::{Blocked, Next, Step, Waiting, setting};
use crate::{
    observed::{Observed, PartitionFacts},
    plan::{Plan, TopicPlan},
};

/// The steps towards the topics of the plan, and away from those that it is to prune.
///
/// # Errors
/// A topic cannot become what the plan says.
pub(super) fn next(plan: &Plan, observed: &Observed, next: &mut Next) -> Result<(), Blocked> {
    for topic in plan.topics.values() {
        self::topic(topic, observed, next)?;
    }
    if plan.prune {
        let unnamed =
            observed.kafka.topics.keys().filter(|name| !name.is_internal() && !plan.topics.contains_key(name));
        next.steps.extend(unnamed.map(|name| Step::DeleteTopic { topic: name.clone() }));
    }
    Ok(())
}

/// The topics that can be made although not all nodes answer yet: all run, and the controller, which places the
/// replicas, lists them. A node answers only once it has all that was written before it was let in.
pub(super) fn early(plan: &Plan, observed: &Observed, next: &mut Next) {
    let kafka = &observed.kafka;
    let Some(listed) = kafka.controller.and_then(|controller| kafka.answering.get(&controller)) else { return };
    if plan.staying().all(|(id, _)| observed.docker.runs(id) && listed.contains(&id)) {
        let missing = plan.topics.values().filter(|topic| !kafka.topics.contains_key(&topic.name));
        next.steps.extend(missing.map(create));
    }
}

fn create(topic: &TopicPlan) -> Step {
    let &TopicPlan { ref name, partitions, replication, .. } = topic;
    Step::CreateTopic { topic: name.clone(), partitions, replication }
}

fn topic(topic: &TopicPlan, observed: &Observed, next: &mut Next) -> Result<(), Blocked> {
    let name = topic.name.clone();
    let Some(facts) = observed.kafka.topics.get(&name) else {
        next.steps.push(create(topic));
        return Ok(());
    };
    if observed.kafka.unheard.contains(&name) {
        next.waiting.push(Waiting::Unheard(name.clone()));
    }
    // Of Kafka's own topics kdev.toml names no number.
    let has = if name.is_internal() { topic.partitions } else { facts.partitions.len() as u32 };
    if has > topic.partitions {
        return Err(Blocked::FewerPartitions { topic: name, has, wanted: topic.partitions });
    }
    if has < topic.partitions {
        next.steps.push(Step::AddPartitions { topic: name.clone(), from: has, to: topic.partitions });
    }
    let least_in_sync = facts.partitions.iter().map(|partition| partition.isr.len()).min().unwrap_or(0);
    for (key, value) in &topic.config {
        let own = facts.config.get(key);
        // A minimum that replicas to come are to fulfil would refuse writes until they are there.
        let too_early = key == "min.insync.replicas" && value.parse().is_ok_and(|least: usize| least > least_in_sync);
        if !own.is_some_and(|own| setting::same(own, value)) && !too_early {
            next.steps.push(Step::SetTopicConfig {
                topic: name.clone(),
                name: key.clone(),
                from: facts.in_force(key).map(str::to_owned),
                to: value.clone(),
            });
        }
    }
    // Those that are being moved are waited for as such.
    let moving = |id: &usize| observed.kafka.reassignments.get(&topic.name).is_some_and(|of| of.contains_key(id));
    let apart = |(id, partition): &(usize, &PartitionFacts)| !partition.in_sync() && !moving(id);
    let out_of_sync = facts.partitions.iter().enumerate().filter(apart).count();
    if out_of_sync > 0 {
        next.waiting.push(Waiting::OutOfSync { topic: name, partitions: out_of_sync });
    }
    Ok(())
}
