//! Topic settings: read, and changed one by one.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeConfigsRequest, IncrementalAlterConfigsRequest,
        describe_configs_request::DescribeConfigsResource,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    },
    protocol::StrBytes,
};

use super::Admin;
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
    model::TopicName,
    observed::TopicFacts,
};

/// Kafka's number for "topic" among configurable resources.
const TOPIC: i8 = 2;
/// IncrementalAlterConfigs' operations.
const SET: i8 = 0;
const DELETE: i8 = 1;

/// One setting of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Kafka's own name.
    pub name: String,
    /// Its value; none where Kafka keeps it secret or there is none.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: SettingSource,
}

/// Where a setting's value comes from: the numbers of Kafka's `ConfigSource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// Set on the topic itself.
    Topic,
    /// Set on the brokers, at run time or in their files.
    Broker,
    /// Kafka's default.
    Default,
}

impl Setting {
    /// As the protocol has it.
    pub(super) fn from_wire(name: &StrBytes, value: Option<&StrBytes>, source: i8) -> Self {
        let source = SettingSource::from_number(source);
        Setting { name: name.to_string(), value: value.map(ToString::to_string), source }
    }
}

impl SettingSource {
    fn from_number(number: i8) -> Self {
        match number {
            1 => SettingSource::Topic,
            2..=4 => SettingSource::Broker,
            _ => SettingSource::Default,
        }
    }
}

impl Admin {
    /// The settings that were made on the topics themselves. A topic that does not exist is absent.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn topic_configs(&self, names: &[TopicName]) -> Result<BTreeMap<TopicName, BTreeMap<String, String>>> {
        let all = self.topic_settings(names).await?;
        let own = |settings: Vec<Setting>| {
            settings
                .into_iter()
                .filter(|setting| setting.source == SettingSource::Topic)
                .filter_map(|setting| Some((setting.name, setting.value?)))
                .collect()
        };
        Ok(all.into_iter().map(|(name, settings)| (name, own(settings))).collect())
    }

    /// Asks for the settings of the named topics and writes them into their facts.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn add_settings(&self, topics: &mut BTreeMap<TopicName, TopicFacts>, names: &[TopicName]) -> Result<()> {
        for (name, settings) in self.topic_settings(names).await? {
            if let Some(facts) = topics.get_mut(&name) {
                put_settings(facts, settings);
            }
        }
        Ok(())
    }

    /// All settings of topics, in the order of their names. A topic that does not exist is absent.
    ///
    /// # Errors
    /// The cluster could not be asked.
    pub async fn topic_settings(&self, names: &[TopicName]) -> Result<BTreeMap<TopicName, Vec<Setting>>> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let deadline = self.deadline();
        let resources = names
            .iter()
            .map(|name| {
                DescribeConfigsResource::default()
                    .with_resource_type(TOPIC)
                    .with_resource_name(to_text(name.as_str()))
                    .with_configuration_keys(None)
            })
            .collect();
        let request = DescribeConfigsRequest::default().with_resources(resources);
        let read = || async {
            let mut found = BTreeMap::new();
            for result in self.any(&request, deadline).await?.results {
                let text = message(result.error_message.as_ref());
                let subject = || format!("settings of topic `{}`", result.resource_name);
                match KafkaError::check(result.error_code, text, subject) {
                    Err(e) if e.code() == Some(ResponseError::UnknownTopicOrPartition) => continue,
                    outcome => outcome?,
                }
                let Ok(name) = result.resource_name.parse::<TopicName>() else {
                    continue;
                };
                let settings = result
                    .configs
                    .iter()
                    .map(|config| Setting::from_wire(&config.name, config.value.as_ref(), config.config_source));
                let mut settings: Vec<Setting> = settings.collect();
                settings.sort_by(|a, b| a.name.cmp(&b.name));
                found.insert(name, settings);
            }
            Ok(found)
        };
        let found = self.retrying(deadline, read).await;
        found.map_err(Error::from).while_(|| "reading topic settings".to_owned())
    }

    /// Changes settings of a topic: those in `set` get their value, those in `unset` return to the
    /// default, all others stay.
    ///
    /// # Errors
    /// The cluster could not be asked, or refuses a setting: then nothing is changed.
    pub async fn alter_topic_config(
        &self,
        name: &TopicName,
        set: &BTreeMap<String, String>,
        unset: &BTreeSet<String>,
    ) -> Result<()> {
        if set.is_empty() && unset.is_empty() {
            return Ok(());
        }
        let deadline = self.deadline();
        let request = alteration(TOPIC, name.as_str(), set, unset);
        let alter = || async {
            for result in self.any(&request, deadline).await?.responses {
                let text = message(result.error_message.as_ref());
                KafkaError::check(result.error_code, text, || format!("topic `{name}`"))?;
            }
            Ok(())
        };
        let outcome = self.retrying(deadline, alter).await;
        outcome.map_err(Error::from).while_(|| format!("changing settings of topic `{name}`"))
    }
}

/// Writes settings into a topic's facts.
pub fn put_settings(facts: &mut TopicFacts, settings: Vec<Setting>) {
    for Setting { name, value, source } in settings {
        let Some(value) = value else { continue };
        let place = if source == SettingSource::Topic { &mut facts.config } else { &mut facts.inherited };
        place.insert(name, value);
    }
}

/// A request that sets and unsets settings of one resource, and leaves its others.
pub(super) fn alteration(
    kind: i8,
    name: &str,
    set: &BTreeMap<String, String>,
    unset: &BTreeSet<String>,
) -> IncrementalAlterConfigsRequest {
    let change = |key: &str, operation, value: Option<&str>| {
        AlterableConfig::default()
            .with_name(to_text(key))
            .with_config_operation(operation)
            .with_value(value.map(to_text))
    };
    let set = set.iter().map(|(key, value)| change(key, SET, Some(value)));
    let unset = unset.iter().map(|key| change(key, DELETE, None));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(to_text(name))
        .with_configs(set.chain(unset).collect());
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
}
