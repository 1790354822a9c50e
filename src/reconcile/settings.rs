//! Broker settings that need no restart: set for the whole cluster at run time.
//!
//! `[kafka.config]` is the whole truth about them: what was set at run time and does not stand in it is taken back,
//! so that a line removed from kdev.toml is gone from the cluster too.

use super::{Next, Step, setting};
use crate::{observed::Observed, plan::Plan};

/// The steps towards the plan's cluster-wide settings.
pub(super) fn settings(plan: &Plan, observed: &Observed, next: &mut Next) {
    let now = &observed.kafka.config;
    let topics = observed.kafka.topics.keys().filter(|name| !name.is_internal()).count();
    for (name, value) in &plan.dynamic {
        // What a node was started with holds where nothing was set at run time.
        let holds = now.get(name).or(plan.started_with.get(name));
        if holds.is_none_or(|holds| !setting::same(holds, value)) {
            let (name, from, to) = (name.clone(), now.get(name).cloned(), value.clone());
            next.steps.push(Step::SetBrokers { name, from, to, topics });
        }
    }
    for (name, value) in now.iter().filter(|(name, _)| !plan.dynamic.contains_key(*name) && !is_throttle(name)) {
        next.steps.push(Step::UnsetBrokers { name: name.clone(), from: value.clone(), topics });
    }
}

/// Whether a setting is part of moving replicas, which takes it back by itself.
fn is_throttle(name: &str) -> bool {
    name.ends_with(".throttled.rate")
}
