//! Producer ids: each broker hands out its own, of a block that it fetches from the controller when it is first asked,
//! and turns that producer away meanwhile. librdkafka comes again half a second later
//! (`rd_kafka_idemp_pid_timer_restart`), and may meet the next broker that has to fetch its block first.

use std::time::Duration;

use futures_util::future::join_all;
use kafka_protocol::{
    ResponseError,
    messages::{InitProducerIdRequest, ProducerId},
};
use tokio::time::{sleep, timeout};

use super::wire::{Connection, KafkaError};

/// How long nodes may take. One that has just started has its block within 0.1 s (two busy cores); who waits longer
/// than this gains nothing over librdkafka, which may meet another node.
const PATIENCE: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_millis(10);
/// "None yet", of a producer's id and of its epoch.
const NONE: i16 = -1;
/// What a broker says that waits for its block.
const FETCHING: i16 = ResponseError::CoordinatorLoadInProgress.code();

/// Asks for the id of a new idempotent producer, which belongs to no transaction.
pub fn request() -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_producer_id(ProducerId(NONE.into()))
        .with_producer_epoch(NONE)
}

/// Returns when each of the nodes at `bootstrap`, `host:port` separated by commas, has a block of ids. Those that do
/// not answer are left to the producer, which asks itself and says what is wrong.
pub async fn fetched(bootstrap: &str) {
    let nodes = bootstrap.split(',').map(|address| timeout(PATIENCE, fetched_at(address.trim())));
    join_all(nodes).await;
}

async fn fetched_at(address: &str) -> Result<(), KafkaError> {
    let mut node = Connection::open(address, PATIENCE).await?;
    while node.call(&request()).await?.error_code == FETCHING {
        sleep(SOON).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiKey, InitProducerIdResponse};

    use super::*;
    use crate::kafka::wire::fake::{Answer, Ask, Fake};

    fn answer(ask: &Ask, code: i16) -> Answer {
        let request = ask.read::<InitProducerIdRequest>();
        assert_eq!(request.transactional_id, None, "a transaction's id would be kept for days");
        assert_eq!((request.producer_id.0, request.producer_epoch), (-1, -1));
        ask.reply::<InitProducerIdRequest>(InitProducerIdResponse::default().with_error_code(code))
    }

    #[tokio::test]
    async fn each_node_is_asked_until_it_has_its_block() {
        let fake = Fake::start(3, |ask| answer(ask, if ask.before < 5 { FETCHING } else { 0 })).await;
        fetched(&fake.addresses.join(", ")).await;
        let asked = fake.asked_of(ApiKey::InitProducerId);
        assert!(asked.len() > 5, "{asked:?}");
        for node in 1..=3 {
            assert!(asked.contains(&node), "{asked:?}");
        }
    }

    #[tokio::test]
    async fn nodes_that_answer_nothing_or_not_in_time_hold_up_nobody_for_long() {
        let fake = Fake::start(3, |ask| match ask.node {
            1 => Answer::Silence,
            2 => Answer::Close,
            _ => answer(ask, FETCHING),
        })
        .await;
        let refused = "127.0.0.1:1".to_owned();
        let all: Vec<String> = fake.addresses.iter().cloned().chain([refused, "nonsense".to_owned()]).collect();
        timeout(PATIENCE * 30, fetched(&all.join(","))).await.expect("waited for what the producer asks itself");
        assert!(fake.asked_of(ApiKey::InitProducerId).len() > 3);
    }
}
