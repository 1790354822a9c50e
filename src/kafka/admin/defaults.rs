//! Broker settings that were made at run time for all brokers at once.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource};

use super::{Admin, brokers::BROKER, configs::alteration};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
};

/// Kafka's name for "all brokers" among resources of the kind "broker".
const ALL: &str = "";
/// Kafka's number for "set for all brokers at run time" among the sources of a setting.
const DYNAMIC_DEFAULT: i8 = 3;

impl Admin {
    /// What was set for all brokers at run time.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn cluster_config(&self) -> Result<BTreeMap<String, String>> {
        let deadline = self.deadline();
        let resource = DescribeConfigsResource::default()
            .with_resource_type(BROKER)
            .with_resource_name(to_text(ALL))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let read = || async {
            let mut found = BTreeMap::new();
            for result in self.any(&request, deadline).await?.results {
                let text = message(result.error_message.as_ref());
                KafkaError::check(result.error_code, text, || "settings of all brokers".to_owned())?;
                for config in result.configs.iter().filter(|config| config.config_source == DYNAMIC_DEFAULT) {
                    if let Some(value) = &config.value {
                        found.insert(config.name.to_string(), value.to_string());
                    }
                }
            }
            Ok(found)
        };
        let found = self.retrying(deadline, read).await;
        found.map_err(Error::from).while_(|| "reading settings of all brokers".to_owned())
    }

    /// Changes settings of all brokers at run time: those in `set` get their value, those in `unset` return to what
    /// the brokers were started with.
    ///
    /// # Errors
    /// The cluster could not be asked, or refuses a setting: then nothing is changed.
    pub async fn alter_cluster_config(&self, set: &BTreeMap<String, String>, unset: &BTreeSet<String>) -> Result<()> {
        let deadline = self.deadline();
        let request = alteration(BROKER, ALL, set, unset);
        let alter = || async {
            for result in self.any(&request, deadline).await?.responses {
                let text = message(result.error_message.as_ref());
                KafkaError::check(result.error_code, text, || "settings of all brokers".to_owned())?;
            }
            Ok(())
        };
        let outcome = self.retrying(deadline, alter).await;
        outcome.map_err(Error::from).while_(|| "changing settings of all brokers".to_owned())
    }
}
