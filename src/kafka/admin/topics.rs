//! Topics made, grown and deleted.

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::{
    ResponseError,
    messages::{
        CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
        create_partitions_request::CreatePartitionsTopic,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        create_topics_response::CreatableTopicConfigs,
        delete_topics_request::DeleteTopicState,
    },
};
use tokio::time::Instant;

use super::{
    Admin, At, Setting,
    offsets::Partition,
    route::{metadata_request, topic_name, wire_topic},
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
    model::TopicName,
    observed::TopicFacts,
    plan::TopicPlan,
};

/// Brokers hear of a topic within some 20 ms.
const SOON: Duration = Duration::from_millis(20);

impl Admin {
    /// Creates topics, and returns their settings, as the controller tells them. One that exists already counts as
    /// created, whatever its settings: they are not told.
    ///
    /// # Errors
    /// The outer one: the cluster could not be asked. The inner ones: why a topic was refused.
    pub async fn create_topics(
        &self,
        plans: &[TopicPlan],
    ) -> Result<BTreeMap<TopicName, Result<Option<Vec<Setting>>>>> {
        if plans.is_empty() {
            return Ok(BTreeMap::new());
        }
        let deadline = self.deadline();
        let outcomes = self.retrying(deadline, || self.create_once(plans, deadline)).await;
        let outcomes = outcomes.map_err(Error::from).while_(|| "creating topics".to_owned())?;
        Ok(outcomes
            .into_iter()
            .map(|(name, outcome)| {
                let outcome = outcome.map_err(Error::from);
                let outcome = outcome.while_(|| format!("creating topic `{name}`"));
                (name, outcome)
            })
            .collect())
    }

    async fn create_once(
        &self,
        plans: &[TopicPlan],
        deadline: Instant,
    ) -> Result<BTreeMap<TopicName, Result<Option<Vec<Setting>>, KafkaError>>, KafkaError> {
        let topics = plans.iter().map(creatable).collect::<Result<_, _>>()?;
        let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(milliseconds_until(deadline));
        let mut outcomes = BTreeMap::new();
        for topic in self.any(&request, deadline).await?.topics {
            let text = message(topic.error_message.as_ref());
            let subject = || format!("topic `{}`", topic.name.as_str());
            let outcome = match KafkaError::check(topic.error_code, text, subject) {
                Err(error) if error.code() == Some(ResponseError::TopicAlreadyExists) => Ok(None),
                // The whole batch is sent again: what exists by then counts as created.
                Err(error) if error.is_passing() => return Err(error),
                outcome => outcome.map(|()| settings(topic.configs)),
            };
            if let Some(name) = topic_name(&topic.name) {
                outcomes.insert(name, outcome);
            }
        }
        Ok(outcomes)
    }

    /// Deletes a topic with its records. One that does not exist counts as deleted.
    ///
    /// # Errors
    /// The cluster could not be asked, or refuses.
    pub async fn delete_topic(&self, name: &TopicName) -> Result<()> {
        let deadline = self.deadline();
        let outcome = self
            .retrying(deadline, || async {
                let topic = DeleteTopicState::default().with_name(Some(wire_topic(name)));
                let request = DeleteTopicsRequest::default()
                    .with_topics(vec![topic])
                    .with_timeout_ms(milliseconds_until(deadline));
                for topic in self.any(&request, deadline).await?.responses {
                    let text = message(topic.error_message.as_ref());
                    let subject = || format!("topic `{name}`");
                    match KafkaError::check(topic.error_code, text, subject) {
                        Err(e) if e.code() == Some(ResponseError::UnknownTopicOrPartition) => {}
                        outcome => outcome?,
                    }
                }
                Ok(())
            })
            .await;
        outcome.map_err(Error::from).while_(|| format!("deleting topic `{name}`"))
    }

    /// Waits until every partition of a topic that was made just now has a leader that answers, and returns where they
    /// end then. `shown`: what a look at the cluster has shown of it, if there was one.
    ///
    /// # Errors
    /// It does not come about in time.
    pub async fn served(&self, name: &TopicName, shown: Option<&TopicFacts>) -> Result<BTreeMap<i32, i64>> {
        let deadline = self.deadline();
        let leaders = shown.and_then(|topic| leaders_of(name, topic).collect::<Option<BTreeMap<_, _>>>());
        if let Some(leaders) = leaders
            && let Ok(ends) = self.offsets_at(&leaders, At::Latest, deadline).await
        {
            return Ok(ends.into_iter().map(|((_, id), end)| (id, end)).collect());
        }
        loop {
            match self.offsets(name, &[], At::Latest).await {
                // A broker may not have heard of the topic yet.
                Err(error)
                    if Instant::now() + SOON < deadline
                        && KafkaError::of(&error).and_then(KafkaError::code)
                            == Some(ResponseError::UnknownTopicOrPartition) =>
                {
                    tokio::time::sleep(SOON).await;
                }
                outcome => return outcome.while_(|| format!("waiting for the leaders of topic `{name}`")),
            }
        }
    }

    /// Deletes a topic, and waits until no broker lists it any more: a look, and a topic of the same name, may follow.
    ///
    /// # Errors
    /// As [`Admin::delete_topic`]; a broker could not be asked, or lists it still when the patience ends.
    pub async fn delete_topic_everywhere(&self, name: &TopicName) -> Result<()> {
        self.delete_topic(name).await?;
        let deadline = self.deadline();
        let request = metadata_request(Some(std::slice::from_ref(name)));
        let gone = || async {
            for broker in self.brokers(deadline).await? {
                let topics = self.node(broker, &request, deadline).await?.topics;
                if topics.iter().any(|topic| !topic.partitions.is_empty()) {
                    return Err(KafkaError::Missing(format!("node {broker} lists topic `{name}` still")));
                }
            }
            Ok(())
        };
        let gone = self.retrying(deadline, gone).await;
        gone.map_err(Error::from).while_(|| format!("deleting topic `{name}`"))
    }

    /// Grows a topic to `count` partitions in all. A topic that has exactly as many is left alone.
    ///
    /// # Errors
    /// The cluster could not be asked, or refuses: a topic never shrinks.
    pub async fn create_partitions(&self, name: &TopicName, count: u32) -> Result<()> {
        let deadline = self.deadline();
        let outcome = self.retrying(deadline, || self.grow_once(name, count, deadline)).await;
        outcome.map_err(Error::from).while_(|| format!("growing topic `{name}` to {count} partitions"))
    }

    async fn grow_once(&self, name: &TopicName, count: u32, deadline: Instant) -> Result<(), KafkaError> {
        let topic = CreatePartitionsTopic::default()
            .with_name(wire_topic(name))
            .with_count(partition_count(name, count)?)
            .with_assignments(None);
        let request =
            CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(milliseconds_until(deadline));
        for result in self.any(&request, deadline).await?.results {
            let text = message(result.error_message.as_ref());
            match KafkaError::check(result.error_code, text, || format!("topic `{name}`")) {
                // Kafka refuses what is already so; a repeated call must not.
                Err(error) if error.code() == Some(ResponseError::InvalidPartitions) => {
                    let metadata = self.metadata(Some(std::slice::from_ref(name)), deadline).await?;
                    let has = metadata.topics.first().map_or(0, |topic| topic.partitions.len());
                    if u32::try_from(has).ok() != Some(count) {
                        return Err(error);
                    }
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

/// What the controller tells of a new topic's settings; nothing where it may not.
fn settings(told: Option<Vec<CreatableTopicConfigs>>) -> Option<Vec<Setting>> {
    let setting =
        |config: &CreatableTopicConfigs| Setting::from_wire(&config.name, config.value.as_ref(), config.config_source);
    Some(told?.iter().map(setting).collect())
}

fn creatable(plan: &TopicPlan) -> Result<CreatableTopic, KafkaError> {
    let configs = plan
        .config
        .iter()
        .map(|(name, value)| CreatableTopicConfig::default().with_name(to_text(name)).with_value(Some(to_text(value))))
        .collect();
    Ok(CreatableTopic::default()
        .with_name(wire_topic(&plan.name))
        .with_num_partitions(partition_count(&plan.name, plan.partitions)?)
        .with_replication_factor(i16::from(plan.replication))
        .with_configs(configs))
}

fn partition_count(name: &TopicName, count: u32) -> Result<i32, KafkaError> {
    i32::try_from(count).map_err(|_| KafkaError::Refused {
        subject: format!("topic `{name}`"),
        error: ResponseError::InvalidPartitions,
        message: Some(format!("{count} partitions are more than Kafka can count")),
    })
}

/// Each partition's leader, where it has one.
pub(super) fn leaders_of<'a>(
    name: &'a TopicName,
    topic: &'a TopicFacts,
) -> impl Iterator<Item = Option<(Partition, i32)>> + 'a {
    let leaders = topic.partitions.iter().map(|partition| partition.leader);
    (0..).zip(leaders).map(|(id, leader)| Some(((name.clone(), id), i32::from(leader?.0))))
}

/// What is left until `deadline`, for the broker to know when to give up.
pub(super) fn milliseconds_until(deadline: Instant) -> i32 {
    let left = deadline.saturating_duration_since(Instant::now());
    i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
}
