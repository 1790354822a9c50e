//! The last look at all nodes. While no container changes, what is waited for soon after it are replicas and leaders:
//! one node tells of them, and those that have just started are left in peace.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{model::NodeId, observed::KafkaFacts};

/// A node that hangs or dies is seen this late.
const FRESH: Duration = Duration::from_millis(500);

/// What the next look may take from it.
#[derive(Default)]
pub(super) struct Recent(Mutex<Option<(Instant, KafkaFacts)>>);

impl Recent {
    fn last(&self) -> MutexGuard<'_, Option<(Instant, KafkaFacts)>> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a look at these nodes, if it leaves nothing to be waited for but replicas and leaders: all answer and list
    /// each other, one is in charge, and no topic is unknown to any of them.
    pub fn keep(&self, running: &BTreeMap<NodeId, String>, facts: &KafkaFacts) {
        let lists_all =
            |id| facts.answering.get(id).is_some_and(|listed| running.keys().all(|other| listed.contains(other)));
        let whole = facts.controller.is_some() && facts.unheard.is_empty() && running.keys().all(lists_all);
        *self.last() = whole.then(|| (Instant::now(), facts.clone()));
    }

    /// The look, if it is of a moment ago and these are the nodes still.
    pub fn get(&self, running: &BTreeMap<NodeId, String>) -> Option<KafkaFacts> {
        let last = self.last();
        let fresh = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        fresh.map(|(_, facts)| facts).filter(|facts| facts.answering.keys().eq(running.keys())).cloned()
    }

    /// Containers were changed.
    pub fn forget(&self) {
        *self.last() = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn nodes(ids: &[u8]) -> BTreeMap<NodeId, String> {
        ids.iter().map(|&id| (NodeId(id), format!("127.0.0.1:909{id}"))).collect()
    }

    /// Three nodes, each of which lists these.
    fn facts(listed: &[u8]) -> KafkaFacts {
        let listed: BTreeSet<NodeId> = listed.iter().copied().map(NodeId).collect();
        KafkaFacts {
            answering: NodeId::first(3).map(|id| (id, listed.clone())).collect(),
            controller: Some(NodeId(1)),
            ..KafkaFacts::default()
        }
    }

    #[test]
    fn only_a_look_at_which_all_is_there_is_kept() {
        let recent = Recent::default();
        let three = nodes(&[1, 2, 3]);
        recent.keep(&three, &facts(&[1, 2]));
        assert_eq!(recent.get(&three), None, "the third is not listed");
        recent.keep(&three, &KafkaFacts { controller: None, ..facts(&[1, 2, 3]) });
        assert_eq!(recent.get(&three), None, "nobody is in charge");
        let unheard = BTreeSet::from(["posts".parse().unwrap()]);
        recent.keep(&three, &KafkaFacts { unheard, ..facts(&[1, 2, 3]) });
        assert_eq!(recent.get(&three), None, "a topic is unknown to some");
        recent.keep(&nodes(&[1, 2, 3, 4]), &facts(&[1, 2, 3]));
        assert_eq!(recent.get(&three), None, "the fourth does not answer");
        recent.keep(&three, &facts(&[1, 2, 3]));
        assert_eq!(recent.get(&three), Some(facts(&[1, 2, 3])));
        assert_eq!(recent.get(&nodes(&[1, 2])), None, "the third does not run any more");
        recent.forget();
        assert_eq!(recent.get(&three), None);
    }
}
