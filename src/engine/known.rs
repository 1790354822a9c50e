//! What the cluster has told and only a step changes: it is not asked for again with each look.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    error::Result,
    kafka::admin::{Admin, Setting, put_settings},
    model::TopicName,
    observed::KafkaFacts,
};

/// Somebody else may change it too: what is older is asked for again.
const FRESH: Duration = Duration::from_secs(1);

/// One such fact.
pub struct Known<T>(Mutex<State<T>>);

struct State<T> {
    /// Counts what may have changed it.
    changes: u64,
    last: Option<(Instant, T)>,
}

/// The state of a fact at the moment when it was looked up.
#[derive(Clone, Copy)]
pub struct Asked {
    changes: u64,
    at: Instant,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known(Mutex::new(State { changes: 0, last: None }))
    }
}

impl<T: Clone> Known<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fact, where it is known and fresh; and what [`Known::keep`] wants of whoever asks for it now.
    pub fn get(&self) -> (Asked, Option<T>) {
        let state = self.state();
        let fresh = state.last.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        let at = fresh.map_or_else(Instant::now, |(at, _)| *at);
        (Asked { changes: state.changes, at }, fresh.map(|(_, value)| value.clone()))
    }

    /// Keeps an answer, unless a step may have changed it since it was asked for. It is as old as what of it was known.
    pub fn keep(&self, asked: Asked, value: T) {
        let mut state = self.state();
        if state.changes == asked.changes {
            state.last = Some((asked.at, value));
        }
    }

    /// A step begins or ends that changes it.
    pub fn forget(&self) {
        let mut state = self.state();
        state.changes += 1;
        state.last = None;
    }
}

/// The settings of topics, and those of all brokers made at run time.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where it was asked for: what was set for all brokers.
    brokers: Option<BTreeMap<String, String>>,
    /// Those of the topics that were asked for, or made.
    topics: BTreeMap<TopicName, Vec<Setting>>,
}

impl Settings {
    /// Adds them to what was seen of the cluster.
    pub fn put(self, facts: &mut KafkaFacts) {
        facts.config = self.brokers.unwrap_or_default();
        for (name, settings) in self.topics {
            if let Some(topic) = facts.topics.get_mut(&name) {
                put_settings(topic, settings);
            }
        }
    }
}

impl Known<Settings> {
    /// The settings of these topics and of all brokers: only what is not known is asked for. `brokers_have_none`: those
    /// of all brokers are known to be none.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn of(&self, kafka: &Admin, topics: &[TopicName], brokers_have_none: bool) -> Result<Settings> {
        let (asked, known) = self.get();
        let mut settings = known.unwrap_or_default();
        let unknown: Vec<TopicName> =
            topics.iter().filter(|topic| !settings.topics.contains_key(*topic)).cloned().collect();
        let brokers = async {
            match settings.brokers.take() {
                Some(known) => Ok(known),
                None if brokers_have_none => Ok(BTreeMap::new()),
                None => kafka.cluster_config().await,
            }
        };
        let (of_topics, of_brokers) = tokio::try_join!(kafka.topic_settings(&unknown), brokers)?;
        settings.topics.extend(of_topics);
        settings.brokers = Some(of_brokers);
        self.keep(asked, settings.clone());
        Ok(settings)
    }

    /// A topic was made with these settings.
    pub fn made(&self, topic: &TopicName, its: Vec<Setting>) {
        let (asked, known) = self.get();
        let mut settings = known.unwrap_or_default();
        settings.topics.insert(topic.clone(), its);
        self.keep(asked, settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_question_from_before_a_change_is_not_kept() {
        let known = Known::default();
        let (asked, nothing) = known.get();
        assert_eq!(nothing, None);
        known.forget();
        known.keep(asked, "old");
        assert_eq!(known.get().1, None);
        known.keep(known.get().0, "new");
        assert_eq!(known.get().1, Some("new"));
        known.forget();
        assert_eq!(known.get().1, None);
    }
}
