//! Leadership given back to the preferred replicas, after nodes were away.

use kafka_protocol::{ResponseError, messages::ElectLeadersRequest};
use tokio::time::Instant;

use super::{Admin, topics::milliseconds_until};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message},
};

/// Kafka's number for "preferred" among kinds of election; the other one may lose records.
const PREFERRED: i8 = 0;

impl Admin {
    /// Makes the first replica of each partition its leader again, and says how many changed.
    /// Partitions where it leads already are left alone.
    ///
    /// One that is in sync may still be refused (`PREFERRED_LEADER_NOT_AVAILABLE`): a broker whose volume was made anew
    /// has yet to tell the controller in which directory its replicas are (KIP-858). It is asked for again.
    ///
    /// # Errors
    /// The cluster could not be asked, or a preferred replica does not come to be one that may lead.
    pub async fn elect_preferred_leaders(&self) -> Result<usize> {
        let deadline = self.deadline();
        let outcome = self.retrying(deadline, || self.elect_once(deadline)).await;
        outcome.map_err(Error::from).while_(|| "electing the preferred leaders".to_owned())
    }

    async fn elect_once(&self, deadline: Instant) -> Result<usize, KafkaError> {
        let request = ElectLeadersRequest::default()
            .with_election_type(PREFERRED)
            .with_topic_partitions(None)
            .with_timeout_ms(milliseconds_until(deadline));
        let answer = self.any(&request, deadline).await?;
        KafkaError::check(answer.error_code, None, || "the election".to_owned())?;
        let mut elected = 0;
        for topic in &answer.replica_election_results {
            for partition in &topic.partition_result {
                let text = message(partition.error_message.as_ref());
                let subject = || {
                    let (topic, id) = (topic.topic.as_str(), partition.partition_id);
                    format!("partition {id} of topic `{topic}`")
                };
                match KafkaError::check(partition.error_code, text, subject) {
                    Err(error) if error.code() == Some(ResponseError::ElectionNotNeeded) => {}
                    outcome => {
                        outcome?;
                        elected += 1;
                    }
                }
            }
        }
        Ok(elected)
    }
}
