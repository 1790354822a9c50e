//! Proof of one address: what is advertised there, and who answers.

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::messages::{
    DescribeConfigsRequest, MetadataRequest, describe_configs_request::DescribeConfigsResource,
};

use super::wire::{Connection, KafkaError, message, to_text};
use crate::{
    error::{Error, Result},
    model::NodeId,
};

/// Kafka's number for "broker" among configurable resources.
const BROKER: i8 = 4;

/// The brokers that the node at `address` (`host:port`) names to whoever asks there, each with the
/// address that a client is to use. `timeout` bounds the connection and then the question.
///
/// # Errors
/// Nobody answers, or what answers does not speak Kafka's protocol.
pub async fn advertised(address: &str, timeout: Duration) -> Result<BTreeMap<NodeId, String>> {
    let mut connection = Connection::open(address, timeout).await.map_err(Error::from)?;
    // An empty list of topics: none is described.
    let request = MetadataRequest::default().with_topics(Some(Vec::new())).with_allow_auto_topic_creation(false);
    let answer = connection.call(&request).await.map_err(Error::from)?;
    let brokers = answer.brokers.into_iter().filter_map(|broker| {
        let id = NodeId(u8::try_from(broker.node_id.0).ok()?);
        Some((id, format!("{}:{}", broker.host, broker.port)))
    });
    Ok(brokers.collect())
}

/// Proves that node `id` itself answers at `address`: a broker gives out its own settings only, and
/// refuses those of another by name.
///
/// # Errors
/// Nobody answers, or another node does.
pub async fn answers_as(id: NodeId, address: &str, timeout: Duration) -> Result<()> {
    let mut connection = Connection::open(address, timeout).await.map_err(Error::from)?;
    let resource = DescribeConfigsResource::default()
        .with_resource_type(BROKER)
        .with_resource_name(to_text(&id.to_string()))
        .with_configuration_keys(Some(vec![to_text("node.id")]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    for result in connection.call(&request).await.map_err(Error::from)?.results {
        let text = message(result.error_message.as_ref());
        let subject = || format!("who answers at {address} is not {}", id.service());
        KafkaError::check(result.error_code, text, subject).map_err(Error::from)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::{
        ResponseError,
        messages::{
            ApiKey, DescribeConfigsResponse, MetadataResponse, describe_configs_response::DescribeConfigsResult,
        },
    };

    use super::*;
    use crate::kafka::wire::fake::{Answer, Ask, Fake};

    const LONG: Duration = Duration::from_secs(10);

    /// Node 1 is itself; node 2 answers as some other node would.
    fn cluster(ask: &Ask) -> Answer {
        match ask.key {
            ApiKey::Metadata => ask.reply::<MetadataRequest>(MetadataResponse::default().with_brokers(ask.brokers())),
            _ => {
                let code = if ask.node == 1 { 0 } else { ResponseError::InvalidRequest.code() };
                let result = DescribeConfigsResult::default()
                    .with_error_code(code)
                    .with_error_message(Some(to_text("Unexpected broker id, expected 7")))
                    .with_resource_type(BROKER);
                ask.reply::<DescribeConfigsRequest>(DescribeConfigsResponse::default().with_results(vec![result]))
            }
        }
    }

    #[tokio::test]
    async fn the_advertised_addresses_are_those_of_the_listener() {
        let fake = Fake::start(2, cluster).await;
        let found = advertised(&fake.addresses[0], LONG).await.unwrap();
        let expected = NodeId::first(2).zip(fake.addresses.clone()).collect();
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn another_node_at_the_address_is_told() {
        let fake = Fake::start(2, cluster).await;
        answers_as(NodeId(1), &fake.addresses[0], LONG).await.unwrap();
        let error = answers_as(NodeId(2), &fake.addresses[1], LONG).await.unwrap_err();
        assert!(error.message.contains("is not kafka-2"), "{}", error.message);
        assert!(error.message.contains("expected 7"), "{}", error.message);
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_an_error() {
        let error = advertised("127.0.0.1:1", LONG).await.unwrap_err();
        assert!(error.message.contains("127.0.0.1:1"), "{}", error.message);
    }
}
