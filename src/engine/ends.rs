//! Where partitions begin and end, asked while their replicas come into sync: leaders that have just started take a
//! while to answer that for the first time, and there is time then.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::{
    kafka::admin::{Admin, Ends},
    observed::{KafkaFacts, PartitionFacts},
};

/// What was asked before that is told no more.
const FRESH: Duration = Duration::from_secs(1);

/// The question, once it was asked.
#[derive(Default)]
pub(super) struct Beforehand(Mutex<Option<(Instant, JoinHandle<Ends>)>>);

impl Beforehand {
    /// Asks, where replicas are waited for, all leaders can tell, and it was not asked before. Nobody waits for the answer.
    pub fn ask(&self, kafka: &Arc<Admin>, facts: &KafkaFacts) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if facts.in_sync() || !facts.partitions().all(can_tell) || asked.is_some() {
            return;
        }
        let (kafka, facts) = (Arc::clone(kafka), facts.clone());
        *asked = Some((Instant::now(), tokio::spawn(async move { kafka.ends(&facts, FRESH).await })));
    }

    /// The answer, if it is of a moment ago.
    pub async fn answer(&self) -> Option<Ends> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (_, answer) = asked.filter(|(at, _)| at.elapsed() < FRESH)?;
        answer.await.ok()
    }
}

/// A leader does not know where its partition ends before `min.insync.replicas` are in sync (`OFFSET_NOT_AVAILABLE`):
/// most of them, by that setting's usual values.
fn can_tell(partition: &PartitionFacts) -> bool {
    partition.leader.is_some() && 2 * partition.isr.len() > partition.replicas.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        kafka::{
            admin::tests::asked_for_offsets,
            wire::fake::{Answer, Fake},
        },
        model::NodeId,
        observed::TopicFacts,
    };

    /// One partition of three replicas, of which these are in sync.
    fn facts(isr: &[u8]) -> KafkaFacts {
        let nodes = |ids: &[u8]| ids.iter().copied().map(NodeId).collect();
        let partition = PartitionFacts { leader: Some(NodeId(1)), replicas: nodes(&[1, 2, 3]), isr: nodes(isr) };
        let topic = TopicFacts { partitions: vec![partition], ..TopicFacts::default() };
        KafkaFacts { topics: BTreeMap::from([("posts".parse().unwrap(), topic)]), ..KafkaFacts::default() }
    }

    #[tokio::test]
    async fn it_is_asked_once_and_only_while_replicas_are_waited_for() {
        let fake = Fake::start(1, |_| Answer::Close).await;
        let kafka = Arc::new(Admin::for_nodes(&BTreeMap::from([(NodeId(1), fake.addresses[0].clone())])));
        let before = Beforehand::default();
        before.ask(&kafka, &facts(&[1, 2, 3]));
        assert_eq!(before.answer().await, None, "all are in sync");
        before.ask(&kafka, &facts(&[1]));
        assert_eq!(before.answer().await, None, "its leader cannot tell yet");
        let mut unled = facts(&[1, 2]);
        unled.topics.values_mut().for_each(|topic| topic.partitions[0].leader = None);
        before.ask(&kafka, &unled);
        assert_eq!(before.answer().await, None, "who leads is not known yet, and the answer would have gaps");
        before.ask(&kafka, &facts(&[1, 2]));
        before.ask(&kafka, &facts(&[1, 2]));
        assert_eq!(before.answer().await, Some(Ends::default()), "the leader breaks off: nothing is known");
        assert_eq!(before.answer().await, None, "it was told already");
        assert_eq!(asked_for_offsets(&fake), 1, "the connection ends with the first question");
    }
}
