//! `kdev plan`, which is `kdev up --dry-run`: what `up` would change, and what each change means.

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Session, planning, up};
use crate::{
    engine::{World, live::Live, simulated::Simulated},
    error::Result,
    event::{Events, Phase},
    reconcile::change::Change,
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
    /// What else there is to know: a sentence each.
    pub notes: Vec<String>,
}

/// A step that would be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The step, imperative: what `up` says while it takes it.
    pub text: String,
    /// What it changes.
    #[serde(flatten)]
    pub change: Change,
}

/// Finds out what [`up::up`] would do, by letting the same loop run on a model of what is there.
///
/// # Errors
/// As [`up::up`], as far as it can be foreseen.
pub async fn preview(session: &Session, options: &up::Options, cancel: &CancellationToken) -> Result<Preview> {
    let plan = planning::plan(session, options.apps).await?;
    let live = Live::new(session.docker.clone(), plan.clone());
    let observed = live.observe(true).await?;
    let unseen = !observed.docker.volumes.is_empty() && observed.kafka.answering.is_empty();
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    let events = Events::channel().0;
    let mut steps = up::reach(&world, &plan, options, &events, cancel).await?.steps;
    let mut notes = Vec::new();
    if unseen {
        steps.retain(|step| step.phase() != Phase::Topics);
        notes.push("no node answers, so the topics were not compared: `kdev up` does it once Kafka runs".to_owned());
    }
    let project = &session.settings.project;
    Ok(Preview {
        schema: SCHEMA,
        project: project.name.to_string(),
        directory: project.directory.display().to_string(),
        changes: !steps.is_empty(),
        steps: steps.iter().map(|step| Planned { text: step.to_string(), change: step.change() }).collect(),
        notes,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{Planned, Preview, SCHEMA};
    use crate::reconcile::Step;

    fn keys(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_schema_describes_the_very_fields_that_are_printed() {
        let step = Step::CreateNetwork;
        let preview = Preview {
            schema: SCHEMA,
            project: "blog".to_owned(),
            directory: "/blog".to_owned(),
            changes: true,
            steps: vec![Planned { text: step.to_string(), change: step.change() }],
            notes: Vec::new(),
        };
        let printed = serde_json::to_value(&preview).unwrap();
        let schema: Value = serde_json::from_str(include_str!("../../docs/plan.schema.json")).unwrap();
        assert_eq!(keys(&printed), keys(&schema["properties"]));
        assert_eq!(keys(&printed["steps"][0]), keys(&schema["$defs"]["step"]["properties"]));
        assert_eq!(schema["properties"]["schema"]["const"], SCHEMA);
    }
}
