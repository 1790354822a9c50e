//! What a look at the cluster has to show before it is believed.

use std::collections::BTreeSet;

use crate::{model::TopicName, observed::KafkaFacts};

/// What was done to the cluster since the last look: a look that does not show it yet is not believed, or it would be
/// done again.
#[derive(Default)]
pub(super) struct Expected {
    /// Topics that were made.
    pub topics: BTreeSet<TopicName>,
    /// Whether preferred leaders were elected.
    pub leaders: bool,
    /// The level that the metadata were raised to.
    pub level: Option<i16>,
}

impl Expected {
    /// Whether one node's topics show all of it.
    pub fn is_topics_of_one(&self) -> bool {
        self.topics.is_empty() && self.level.is_none()
    }

    /// Whether a look shows all of it.
    pub fn is_shown(&self, facts: &KafkaFacts) -> bool {
        self.topics.iter().all(|topic| facts.topics.contains_key(topic))
            && (!self.leaders || facts.preferred_lead())
            && self.level <= facts.metadata_level
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        model::NodeId,
        observed::{PartitionFacts, TopicFacts},
    };

    #[test]
    fn a_look_is_believed_once_it_shows_what_was_done() {
        let topic: TopicName = "posts".parse().unwrap();
        let expected = Expected { topics: BTreeSet::from([topic.clone()]), leaders: true, level: Some(30) };
        let facts = |leader: u8, level: i16| {
            let replicas = NodeId::first(2).collect();
            let partition = PartitionFacts { leader: Some(NodeId(leader)), replicas, isr: Vec::new() };
            let topics =
                BTreeMap::from([(topic.clone(), TopicFacts { partitions: vec![partition], ..Default::default() })]);
            KafkaFacts { metadata_level: Some(level), topics, ..KafkaFacts::default() }
        };
        assert!(expected.is_shown(&facts(1, 30)));
        assert!(!expected.is_shown(&facts(2, 30)), "the preferred leader does not lead yet");
        assert!(!expected.is_shown(&facts(1, 29)), "the level is the old one");
        assert!(!expected.is_shown(&KafkaFacts { metadata_level: Some(30), ..KafkaFacts::default() }), "no topic");
        assert!(Expected::default().is_shown(&KafkaFacts::default()));
        assert!(Expected::default().is_shown(&facts(2, 29)));
    }
}
