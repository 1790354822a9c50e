//! Topics made, grown and deleted.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
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
    route::{metadata_request, retrying_where, topic_name, wire_topic},
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
    model::TopicName,
    plan::TopicPlan,
};

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

    /// Waits until every partition of a topic that was made just now has a leader that answers and every broker lists
    /// it.
    ///
    /// # Errors
    /// It does not come about in time.
    pub async fn served(&self, name: &TopicName) -> Result<()> {
        let deadline = self.deadline();
        let leaders = self.answering_leaders(name, deadline).await?;
        // Who leads has heard of it.
        if !self.nodes().is_subset(&leaders) {
            let everywhere = self.everywhere(name, &|listed| listed > 0, &leaders, deadline).await;
            everywhere.map_err(Error::from).while_(|| format!("waiting for all brokers to list topic `{name}`"))?;
        }
        Ok(())
    }

    /// Who leads a topic's partitions, once all of them answer.
    async fn answering_leaders(&self, name: &TopicName, deadline: Instant) -> Result<BTreeSet<i32>> {
        // A broker may not have heard of the topic yet.
        let passes =
            |error: &KafkaError| error.is_passing() || error.code() == Some(ResponseError::UnknownTopicOrPartition);
        let ask = || async {
            let leaders = self.leaders(std::slice::from_ref(name), deadline).await?;
            self.offsets_at(&leaders, At::Latest, deadline).await?;
            Ok(leaders.into_values().collect())
        };
        let leaders = retrying_where(passes, deadline, ask).await;
        leaders.map_err(Error::from).while_(|| format!("waiting for the leaders of topic `{name}`"))
    }

    /// Waits until every broker, but for those that have `answered`, lists a topic with the right number of partitions.
    async fn everywhere(
        &self,
        name: &TopicName,
        is_right: &(dyn Fn(usize) -> bool + Sync),
        answered: &BTreeSet<i32>,
        deadline: Instant,
    ) -> Result<(), KafkaError> {
        let heard = || async {
            let brokers = self.brokers(deadline).await?;
            let asked = brokers.into_iter().filter(|broker| !answered.contains(broker)).map(async |broker| match self
                .partitions_listed_by(broker, name, deadline)
                .await?
            {
                listed if is_right(listed) => Ok(()),
                listed => Err(KafkaError::Missing(format!(
                    "node {broker} has not heard of it yet: it lists {listed} partitions of topic `{name}`"
                ))),
            });
            try_join_all(asked).await.map(drop)
        };
        self.retrying(deadline, heard).await
    }

    /// How many partitions of a topic one broker lists: none where it has not heard of it.
    pub(super) async fn partitions_listed_by(
        &self,
        broker: i32,
        name: &TopicName,
        deadline: Instant,
    ) -> Result<usize, KafkaError> {
        let answer = self.node(broker, &metadata_request(Some(std::slice::from_ref(name))), deadline).await?;
        Ok(answer.topics.iter().map(|topic| topic.partitions.len()).sum())
    }

    /// Deletes a topic, and waits until no broker lists it any more: a look, and a topic of the same name, may follow.
    ///
    /// # Errors
    /// As [`Admin::delete_topic`]; a broker could not be asked, or lists it still when the patience ends.
    pub async fn delete_topic_everywhere(&self, name: &TopicName) -> Result<()> {
        self.delete_topic(name).await?;
        let gone = self.everywhere(name, &|listed| listed == 0, &BTreeSet::new(), self.deadline()).await;
        gone.map_err(Error::from).while_(|| format!("deleting topic `{name}`"))
    }

    /// Grows a topic to `count` partitions in all, and waits until every broker lists them. A topic that has exactly as
    /// many is left alone.
    ///
    /// # Errors
    /// The cluster could not be asked, or refuses: a topic never shrinks.
    pub async fn create_partitions(&self, name: &TopicName, count: u32) -> Result<()> {
        let deadline = self.deadline();
        let outcome = async {
            self.retrying(deadline, || self.grow_once(name, count, deadline)).await?;
            self.everywhere(name, &|listed| listed >= count as usize, &BTreeSet::new(), deadline).await
        };
        outcome.await.map_err(Error::from).while_(|| format!("growing topic `{name}` to {count} partitions"))
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

/// What is left until `deadline`, for the broker to know when to give up.
pub(super) fn milliseconds_until(deadline: Instant) -> i32 {
    let left = deadline.saturating_duration_since(Instant::now());
    i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
}
