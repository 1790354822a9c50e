//! What is at stake in a step: how much data go, and who reads the topic. Only a running cluster can tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use crate::{
    kafka::admin::{Admin, Goes},
    model::TopicName,
    observed::KafkaFacts,
    plan::Plan,
    reconcile::{
        Step,
        change::{Change, Loss},
        setting::{self, CLEANUP_POLICY, RETENTION_BYTES, RETENTION_MS},
    },
};

/// A step that would be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The step itself.
    #[serde(skip)]
    pub step: Step,
    /// What `up` says while it takes it: imperative.
    pub text: String,
    /// What it changes.
    #[serde(flatten)]
    pub change: Change,
}

impl Planned {
    /// The step, nothing measured.
    pub fn of(step: Step) -> Self {
        Planned { text: step.to_string(), change: step.change(), step }
    }
}

/// The readers of each topic.
type Readers = BTreeMap<TopicName, BTreeSet<String>>;

/// The steps with what is at stake in them. What cannot be measured counts as something.
pub async fn measure(steps: Vec<Step>, kafka: &Admin, plan: &Plan, facts: &KafkaFacts) -> Vec<Planned> {
    let moves = |step: &Step| matches!(step, Step::AddPartitions { .. } | Step::DeleteTopic { .. });
    let readers = match steps.iter().any(moves) {
        true => kafka.readers().await.unwrap_or_default(),
        false => Readers::new(),
    };
    let mut measured = Vec::new();
    for step in steps {
        let mut planned = Planned::of(step);
        if let Step::AddPartitions { topic, .. } | Step::DeleteTopic { topic } = &planned.step
            && let Some(groups) = readers.get(topic)
        {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            let groups = match groups.len() {
                1 => format!("group {}", groups[0]),
                _ => format!("groups {}", groups.join(", ")),
            };
            planned.change.meaning.push(format!("read by {groups}"));
        }
        if planned.change.destructive
            && let Some((topic, goes)) = goes(&planned.step, plan, facts)
        {
            loss(&mut planned.change, topic, &goes, kafka).await;
        }
        measured.push(planned);
    }
    measured
}

/// Writes into the change how much goes. A setting by which nothing goes now destroys nothing.
async fn loss(change: &mut Change, topic: &TopicName, goes: &[Goes], kafka: &Admin) {
    let mut most = Loss::default();
    for &goes in goes {
        match kafka.loss(topic, goes).await {
            // Both limits work on the same records, oldest first.
            Ok(loss) => {
                most = Loss { records: most.records.max(loss.records), bytes: most.bytes.max(loss.bytes) };
            }
            Err(error) => return change.meaning.push(format!("how much would go could not be measured: {error}")),
        }
    }
    change.loss = Some(most);
    if change.field.is_some() && most == Loss::default() {
        change.destructive = false;
        change.meaning.push("no record goes now".to_owned());
    }
}

/// Which records a step takes away; none for steps that are not about a topic's records.
fn goes<'a>(step: &'a Step, plan: &Plan, facts: &KafkaFacts) -> Option<(&'a TopicName, Vec<Goes>)> {
    let (topic, name, to) = match step {
        Step::DeleteTopic { topic } => return Some((topic, vec![Goes::All])),
        Step::SetTopicConfig { topic, name, to, .. } => (topic, name, to),
        _ => return None,
    };
    // The value that will hold once the whole file does.
    let value = |setting: &str| {
        let planned = plan.topics.get(topic).and_then(|topic| topic.config.get(setting));
        planned.map(String::as_str).or_else(|| facts.topics.get(topic)?.in_force(setting))
    };
    let deletes = value(CLEANUP_POLICY).is_none_or(|policies| setting::has(policies, "delete"));
    let older = |to: &str| setting::limit(to).map(|ms| Goes::OlderThan(Duration::from_millis(ms)));
    let beyond = |to: &str| setting::limit(to).map(Goes::Beyond);
    let goes = match name.as_str() {
        RETENTION_MS if deletes => older(to).into_iter().collect(),
        RETENTION_BYTES if deletes => beyond(to).into_iter().collect(),
        CLEANUP_POLICY => {
            let from = facts.topics.get(topic).and_then(|facts| facts.in_force(CLEANUP_POLICY)).unwrap_or_default();
            let comes = |policy| setting::has(to, policy) && !setting::has(from, policy);
            match comes("compact") {
                // Which records are followed by one of the same key is not known: all but the newest of each.
                true => vec![Goes::All],
                false if comes("delete") => value(RETENTION_MS)
                    .and_then(older)
                    .into_iter()
                    .chain(value(RETENTION_BYTES).and_then(beyond))
                    .collect(),
                false => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    Some((topic, goes))
}
