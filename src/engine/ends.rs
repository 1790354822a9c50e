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
    /// Asks, where replicas are waited for and it was not asked before. Nobody waits for the answer.
    pub fn ask(&self, kafka: &Arc<Admin>, facts: &KafkaFacts) {
        let in_sync = facts.topics.values().flat_map(|topic| &topic.partitions).all(PartitionFacts::in_sync);
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if in_sync || asked.is_some() {
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
