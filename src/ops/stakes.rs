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
    plan::{Plan, TopicPlan},
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
        if planned.change.destructive {
            match goes(&planned.step, &plan.topics, facts) {
                Some(goes) => loss(&mut planned.change, &goes, kafka).await,
                None => by_default(&mut planned.change, &planned.step, facts, kafka).await,
            }
        }
        measured.push(planned);
    }
    measured
}

/// Writes into the change how much goes. A setting by which nothing goes now destroys nothing.
async fn loss(change: &mut Change, goes: &[(TopicName, Vec<Goes>)], kafka: &Admin) {
    let mut all = Loss::default();
    for (topic, goes) in goes {
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
        all = Loss { records: all.records + most.records, bytes: all.bytes + most.bytes };
    }
    change.loss = Some(all);
    if change.field.is_some() && all == Loss::default() {
        change.destructive = false;
        change.meaning.push("no record goes now".to_owned());
    }
}

/// As [`loss`], for a setting of the brokers: it holds for all topics that have no such setting of their own.
async fn by_default(change: &mut Change, step: &Step, facts: &KafkaFacts, kafka: &Admin) {
    let Step::SetBrokers { name, to, .. } = step else { return };
    let Some(name) = setting::of_topics(name) else { return };
    let mut topics = facts.topics.clone();
    topics.retain(|topic, _| !topic.is_internal());
    let names: Vec<TopicName> = topics.keys().cloned().collect();
    if let Err(error) = kafka.add_settings(&mut topics, &names).await {
        return change.meaning.push(format!("how much would go could not be measured: {error}"));
    }
    topics.retain(|_, topic| !topic.config.contains_key(name));
    let goes: Vec<_> =
        topics.iter().map(|(topic, facts)| (topic.clone(), goes_by(name, to, &|key| facts.in_force(key)))).collect();
    loss(change, &goes, kafka).await;
}

/// Which records a step about one topic takes away; none for other steps.
fn goes(
    step: &Step,
    planned: &BTreeMap<TopicName, TopicPlan>,
    facts: &KafkaFacts,
) -> Option<Vec<(TopicName, Vec<Goes>)>> {
    match step {
        Step::DeleteTopic { topic } => Some(vec![(topic.clone(), vec![Goes::All])]),
        Step::SetTopicConfig { topic, name, to, .. } => {
            let now = |setting: &str| facts.topics.get(topic)?.in_force(setting);
            let then = |setting: &str| {
                let planned = planned.get(topic).and_then(|topic| topic.config.get(setting));
                // What the policy was is asked where the policy itself changes.
                if setting == name { now(setting) } else { planned.map(String::as_str).or_else(|| now(setting)) }
            };
            // The file's other settings may come earlier or later than this one, or be held back: what goes in
            // either case counts.
            let mut goes = goes_by(name, to, &then);
            goes.extend(goes_by(name, to, &now));
            goes.dedup();
            Some(vec![(topic.clone(), goes)])
        }
        _ => None,
    }
}

/// Which records of a topic go when its setting `name` becomes `to`; `value` knows the topic's other settings, and this
/// one's value until now.
fn goes_by<'a>(name: &str, to: &str, value: &dyn Fn(&str) -> Option<&'a str>) -> Vec<Goes> {
    let older = |to: &str| setting::limit(to).map(|ms| Goes::OlderThan(Duration::from_millis(ms)));
    let beyond = |to: &str| setting::limit(to).map(Goes::Beyond);
    let deletes = || value(CLEANUP_POLICY).is_none_or(|policies| setting::has(policies, "delete"));
    match name {
        RETENTION_MS if deletes() => older(to).into_iter().collect(),
        RETENTION_BYTES if deletes() => beyond(to).into_iter().collect(),
        CLEANUP_POLICY => {
            let from = value(CLEANUP_POLICY).unwrap_or_default();
            let comes = |policy| setting::has(to, policy) && !setting::has(from, policy);
            if comes("compact") {
                // Which records are followed by one of the same key is not known: all but the newest of each.
                vec![Goes::All]
            } else if comes("delete") {
                value(RETENTION_MS).and_then(older).into_iter().chain(value(RETENTION_BYTES).and_then(beyond)).collect()
            } else {
                Vec::new()
            }
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(name: &str, to: &str, now: &[(&'static str, &'static str)]) -> Vec<Goes> {
        goes_by(name, to, &|key| now.iter().find(|(name, _)| *name == key).map(|(_, value)| *value))
    }

    #[test]
    fn a_policy_that_is_held_back_does_not_hide_what_a_shorter_retention_takes() {
        let topic: TopicName = "posts".parse().unwrap();
        let mut facts = KafkaFacts::default();
        let now = DELETES.map(|(name, value)| (name.to_owned(), value.to_owned()));
        facts.topics.insert(topic.clone(), crate::observed::TopicFacts { inherited: now.into(), ..Default::default() });
        let plan = TopicPlan {
            name: topic.clone(),
            partitions: 1,
            replication: 1,
            config: [(CLEANUP_POLICY.to_owned(), "compact".to_owned()), (RETENTION_MS.to_owned(), "1000".to_owned())]
                .into(),
        };
        let step = Step::SetTopicConfig {
            topic: topic.clone(),
            name: RETENTION_MS.to_owned(),
            from: None,
            to: "1000".to_owned(),
        };
        let planned = BTreeMap::from([(topic.clone(), plan)]);
        assert_eq!(goes(&step, &planned, &facts), Some(vec![(topic, vec![Goes::OlderThan(Duration::from_secs(1))])]));
    }

    const DELETES: [(&str, &str); 3] =
        [(CLEANUP_POLICY, "delete"), (RETENTION_MS, "604800000"), (RETENTION_BYTES, "-1")];

    #[test]
    fn shorter_retention_takes_the_oldest_where_records_are_deleted_at_all() {
        assert_eq!(by(RETENTION_MS, "1000", &DELETES), [Goes::OlderThan(Duration::from_secs(1))]);
        assert_eq!(by(RETENTION_BYTES, "5", &DELETES), [Goes::Beyond(5)]);
        assert_eq!(by(RETENTION_MS, "1000", &[(CLEANUP_POLICY, "compact")]), []);
        assert_eq!(by("segment.ms", "1000", &DELETES), []);
    }

    #[test]
    fn a_policy_takes_what_it_brings_anew() {
        let compacts = [(CLEANUP_POLICY, "compact"), (RETENTION_MS, "1000"), (RETENTION_BYTES, "7")];
        assert_eq!(by(CLEANUP_POLICY, "compact", &DELETES), [Goes::All]);
        assert_eq!(
            by(CLEANUP_POLICY, "compact,delete", &compacts),
            [Goes::OlderThan(Duration::from_secs(1)), Goes::Beyond(7)]
        );
        assert_eq!(by(CLEANUP_POLICY, "delete", &DELETES), []);
    }
}
