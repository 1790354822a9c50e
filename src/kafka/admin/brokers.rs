//! The brokers themselves: who is registered, what was set on one of them at run time, and one taken off the list.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::{
    ResponseError,
    messages::{
        BrokerId, DescribeClusterRequest, DescribeConfigsRequest, UnregisterBrokerRequest,
        describe_configs_request::DescribeConfigsResource,
    },
};

use super::{Admin, configs::alteration, route::node_id};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
    model::NodeId,
};

/// Kafka's number for "broker" among configurable resources.
pub(super) const BROKER: i8 = 4;
/// Kafka's number for "set on this broker at run time" among the sources of a setting.
const DYNAMIC: i8 = 2;

impl Admin {
    /// The brokers that the controller has on its list, running or not: one that has stopped stays on it until it
    /// is taken off.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn registered(&self) -> Result<BTreeSet<NodeId>> {
        let deadline = self.deadline();
        let request = DescribeClusterRequest::default().with_include_fenced_brokers(true);
        let read = || async {
            let answer = self.any(&request, deadline).await?;
            KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), || {
                "the list of brokers".to_owned()
            })?;
            Ok(answer.brokers.iter().filter_map(|broker| node_id(broker.broker_id.0)).collect())
        };
        let found = self.retrying(deadline, read).await;
        found.map_err(Error::from).while_(|| "listing the brokers".to_owned())
    }

    /// Takes a broker off the list. One that is not on it counts as taken off.
    ///
    /// Kafka refuses nothing here: neither a broker that runs, which then asks in vain to be let in again, nor one
    /// that holds replicas. The caller has to know that it does neither.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn unregister(&self, node: NodeId) -> Result<()> {
        let deadline = self.deadline();
        let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(i32::from(node.0)));
        let ask = || async {
            let answer = self.any(&request, deadline).await?;
            match KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), || node.service()) {
                Err(error) if error.code() == Some(ResponseError::BrokerIdNotRegistered) => Ok(()),
                outcome => outcome,
            }
        };
        let outcome = self.retrying(deadline, ask).await;
        outcome.map_err(Error::from).while_(|| format!("taking {} off the list of brokers", node.service()))
    }

    /// Those of the settings `names` that were set on this very broker at run time.
    ///
    /// # Errors
    /// The node could not be asked.
    pub async fn broker_config(&self, node: NodeId, names: &[&str]) -> Result<BTreeMap<String, String>> {
        let deadline = self.deadline();
        let resource = DescribeConfigsResource::default()
            .with_resource_type(BROKER)
            .with_resource_name(to_text(&node.to_string()))
            .with_configuration_keys(Some(names.iter().map(|name| to_text(name)).collect()));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let read = || async {
            let mut found = BTreeMap::new();
            for result in self.node(i32::from(node.0), &request, deadline).await?.results {
                let text = message(result.error_message.as_ref());
                KafkaError::check(result.error_code, text, || format!("settings of {}", node.service()))?;
                for config in result.configs.iter().filter(|config| config.config_source == DYNAMIC) {
                    if let Some(value) = &config.value {
                        found.insert(config.name.to_string(), value.to_string());
                    }
                }
            }
            Ok(found)
        };
        let found = self.retrying(deadline, read).await;
        found.map_err(Error::from).while_(|| format!("reading settings of {}", node.service()))
    }

    /// Changes settings of one broker at run time: those in `set` get their value, those in `unset` return to what
    /// the broker was started with. Only the broker itself takes them.
    ///
    /// # Errors
    /// The node could not be asked, or refuses.
    pub async fn alter_broker_config(
        &self,
        node: NodeId,
        set: &BTreeMap<String, String>,
        unset: &BTreeSet<String>,
    ) -> Result<()> {
        let deadline = self.deadline();
        let request = alteration(BROKER, &node.to_string(), set, unset);
        let alter = || async {
            for result in self.node(i32::from(node.0), &request, deadline).await?.responses {
                let text = message(result.error_message.as_ref());
                KafkaError::check(result.error_code, text, || node.service())?;
            }
            Ok(())
        };
        let outcome = self.retrying(deadline, alter).await;
        outcome.map_err(Error::from).while_(|| format!("changing settings of {}", node.service()))
    }
}
