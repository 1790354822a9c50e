//! `kdev plan`, which is `kdev up --dry-run`: what `up` would change, and what each change means.

use std::sync::Arc;

use serde::Serialize;
use tokio::runtime;
use tokio_util::sync::CancellationToken;

use super::{
    Session,
    look::look,
    planning,
    stakes::{self, Planned},
    up,
};
use crate::{
    engine::{live::Live, simulated::Simulated},
    error::{Error, Result},
    event::{Events, Phase},
    model::TopicName,
    observed::{KafkaFacts, Observed},
    plan::Plan,
    reconcile::{Permission, Step, drift},
};

/// Counts up only when a field changes its meaning or goes; fields may be added.
pub const SCHEMA: u32 = 1;

/// What `kdev plan -o json` prints: docs/plan.schema.json describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The project's name.
    pub project: String,
    /// Its directory.
    pub directory: String,
    /// Whether `up` would change anything.
    pub changes: bool,
    /// What it would do, in the order in which the steps end.
    pub steps: Vec<Planned>,
    /// Topics on the cluster that kdev.toml does not name, Kafka's own left out.
    pub unnamed_topics: Vec<String>,
    /// What else there is to know: a sentence each.
    pub notes: Vec<String>,
}

/// Finds out what [`up::up`] would do, by letting the same loop run on a model of what is there.
///
/// # Errors
/// As [`up::up`], as far as it can be foreseen.
pub async fn preview(session: &Session, options: &up::Options, cancel: &CancellationToken) -> Result<Preview> {
    let (plan, facts) = planning::plan_and_facts(session, options.apps).await?;
    // As `up` does, or it might foresee something else.
    let live = Live::new(session.docker.clone(), plan.clone()).having_seen(facts);
    let observed = look(&live, &plan, cancel).await?;
    let unseen = !observed.docker.volumes.is_empty() && observed.kafka.answering.is_empty();
    let options = up::Options { permission: Permission::Everything, ..options.clone() };
    let mut steps = foreseen(plan.clone(), observed.clone(), options, cancel.clone()).await?;
    in_order(&mut steps);
    let mut notes = Vec::new();
    if unseen {
        let of_kafka = |step: &Step| {
            matches!(step, Step::Unregister { .. } | Step::RemoveVolume { .. }) || step.phase() == Phase::Topics
        };
        steps.retain(|step| !of_kafka(step));
        notes.push("no node answers, so the topics were not compared: `kdev up` does it once Kafka runs".to_owned());
    }
    if unseen {
        let leaving = plan.nodes.values().filter(|node| node.leaving);
        notes
            .extend(leaving.map(|node| format!("{} leaves once its partitions are on other nodes", node.id.service())));
    }
    let unnamed = unnamed(session, &observed.kafka);
    notes.extend(left_alone(session, &observed.kafka, &unnamed));
    let project = &session.settings.project;
    Ok(Preview {
        schema: SCHEMA,
        project: project.name.to_string(),
        directory: project.directory.display().to_string(),
        changes: !steps.is_empty(),
        steps: stakes::measure(steps, live.kafka(), &plan, &observed.kafka).await,
        unnamed_topics: unnamed.iter().map(ToString::to_string).collect(),
        notes,
    })
}

/// The steps from here to the plan, on a thread of their own: of several threads each look at the same plan would end
/// them in another order.
async fn foreseen(
    plan: Plan,
    observed: Observed,
    options: up::Options,
    cancel: CancellationToken,
) -> Result<Vec<Step>> {
    let run = move || {
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| Error::failed(format!("no thread for the plan: {error}")))?;
        let world = Arc::new(Simulated::new(plan.clone(), observed));
        let events = Events::channel().0;
        let reached = up::reach(&world, &plan, &options, None, &events, &cancel);
        runtime.block_on(reached).map(|outcome| outcome.steps)
    };
    let ran = tokio::task::spawn_blocking(run).await;
    ran.map_err(|error| Error::failed(format!("the plan broke off: {error}")).source(error))?
}

/// What is done to topics at the same time, in the order of their names.
fn in_order(steps: &mut [Step]) {
    for together in steps.chunk_by_mut(|a, b| a.phase() == Phase::Topics && b.phase() == Phase::Topics) {
        together.sort_by_cached_key(|step| (step.change().target, step.change().field));
    }
}

fn unnamed<'a>(session: &Session, facts: &'a KafkaFacts) -> Vec<&'a TopicName> {
    facts.topics.keys().filter(|name| !name.is_internal() && !session.settings.topics.contains_key(*name)).collect()
}

/// What is on the cluster and not in kdev.toml, and stays.
fn left_alone(session: &Session, facts: &KafkaFacts, unnamed: &[&TopicName]) -> Vec<String> {
    let mut notes = Vec::new();
    if !unnamed.is_empty() && !session.settings.prune {
        let names: Vec<&str> = unnamed.iter().map(|name| name.as_str()).collect();
        notes.push(format!(
            "left alone, for kdev.toml does not name them: topics {} (`kdev topics adopt` takes them in)",
            names.join(", ")
        ));
    }
    for (name, wanted) in &session.settings.topics {
        let Some(facts) = facts.topics.get(name) else { continue };
        let own = drift::of(wanted, facts).into_iter().filter(|drift| drift.kdev_toml.is_none());
        let own: Vec<String> =
            own.map(|drift| format!("{} = {}", drift.field, drift.cluster.unwrap_or_default())).collect();
        if !own.is_empty() {
            notes.push(format!("left alone, for kdev.toml does not name it: {} of topic {name}", own.join(", ")));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{Preview, SCHEMA};
    use crate::{ops::stakes::Planned, reconcile::Step};

    fn keys(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_schema_describes_the_very_fields_that_are_printed() {
        let preview = Preview {
            schema: SCHEMA,
            project: "blog".to_owned(),
            directory: "/blog".to_owned(),
            changes: true,
            steps: vec![Planned::of(Step::CreateNetwork)],
            unnamed_topics: Vec::new(),
            notes: Vec::new(),
        };
        let printed = serde_json::to_value(&preview).unwrap();
        let schema: Value = serde_json::from_str(include_str!("../../docs/plan.schema.json")).unwrap();
        assert_eq!(keys(&printed), keys(&schema["properties"]));
        assert_eq!(keys(&printed["steps"][0]), keys(&schema["$defs"]["step"]["properties"]));
        assert_eq!(schema["properties"]["schema"]["const"], SCHEMA);
    }
}
