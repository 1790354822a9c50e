//! Which groups there are, and which broker coordinates each.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use kafka_protocol::{
    ResponseError,
    messages::{DescribeGroupsRequest, FindCoordinatorRequest, GroupId, ListGroupsRequest},
};
use tokio::time::Instant;

use super::Admin;
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
    model::TopicName,
};

/// Where brokers keep groups and their offsets; each partition's leader coordinates some groups.
pub(super) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// FindCoordinator's number for "group" among kinds of keys.
pub(super) const GROUP: i8 = 0;

/// What protocol a group's members speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Consumers (and Connect workers) that assign partitions among themselves.
    Classic,
    /// Consumers whose partitions the coordinator assigns (KIP-848).
    Consumer,
    /// Share consumers (KIP-932): a queue; they commit no offsets.
    Share,
    /// Kafka Streams (KIP-1071).
    Streams,
    /// One that is newer than kdev.
    Other,
}

impl GroupKind {
    /// One word for people, as Kafka has it.
    pub fn word(self) -> &'static str {
        match self {
            GroupKind::Classic => "classic",
            GroupKind::Consumer => "consumer",
            GroupKind::Share => "share",
            GroupKind::Streams => "streams",
            GroupKind::Other => "unknown",
        }
    }

    fn from_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            // Brokers before 3.8 send none, and know no other.
            "classic" | "" => GroupKind::Classic,
            "consumer" => GroupKind::Consumer,
            "share" => GroupKind::Share,
            "streams" => GroupKind::Streams,
            _ => GroupKind::Other,
        }
    }
}

/// A group as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its name (`group.id`).
    pub name: String,
    /// What its members speak.
    pub kind: GroupKind,
    /// Kafka's word: `Stable`, `Empty`, `PreparingRebalance`, `Assigning`, …
    pub state: String,
    /// The broker that coordinates it: only that one lists it.
    pub coordinator: i32,
}

impl Admin {
    /// All groups, by name: every broker lists those that it coordinates.
    ///
    /// # Errors
    /// A broker could not be asked.
    pub async fn list_groups(&self) -> Result<Vec<ListedGroup>> {
        let deadline = self.deadline();
        let listed = self.retrying(deadline, || self.list_groups_once(deadline)).await;
        listed.map_err(Error::from).while_(|| "listing groups".to_owned())
    }

    pub(super) async fn list_groups_once(&self, deadline: Instant) -> Result<Vec<ListedGroup>, KafkaError> {
        let brokers = self.brokers(deadline).await?;
        let asked = brokers.into_iter().map(|broker| self.groups_of(broker, deadline));
        let mut groups: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// The groups that one broker coordinates.
    pub(super) async fn groups_of(&self, broker: i32, deadline: Instant) -> Result<Vec<ListedGroup>, KafkaError> {
        let answer = self.node(broker, &ListGroupsRequest::default(), deadline).await?;
        KafkaError::check(answer.error_code, None, || format!("groups of node {broker}"))?;
        let listed = answer.groups.into_iter().map(|group| ListedGroup {
            name: group.group_id.to_string(),
            kind: GroupKind::from_word(&group.group_type),
            state: group.group_state.to_string(),
            coordinator: broker,
        });
        Ok(listed.collect())
    }

    /// The named groups; those that do not exist are absent. They are looked up in the lists, which
    /// tell their kind too.
    pub(super) async fn find_groups(
        &self,
        names: &[String],
        deadline: Instant,
    ) -> Result<BTreeMap<String, ListedGroup>, KafkaError> {
        let listed = self.list_groups_once(deadline).await?.into_iter();
        let mut found: BTreeMap<_, _> =
            listed.filter(|group| names.contains(&group.name)).map(|group| (group.name.clone(), group)).collect();
        for name in names.iter().filter(|name| !name.is_empty()) {
            if !found.contains_key(name)
                && let Some(group) = self.unlisted_group(name, deadline).await?
            {
                found.insert(name.clone(), group);
            }
        }
        Ok(found)
    }

    /// Makes sure that a group which no broker lists does not exist: while its coordinator moves,
    /// nobody lists it. Kafka makes its offsets topic when it is asked for a coordinator, so it is
    /// not asked where there is none yet; then there is no group either.
    async fn unlisted_group(&self, name: &str, deadline: Instant) -> Result<Option<ListedGroup>, KafkaError> {
        let offsets: TopicName = match OFFSETS_TOPIC.parse() {
            Ok(name) => name,
            Err(_) => return Ok(None),
        };
        let metadata = self.metadata(Some(&[offsets]), deadline).await?;
        if metadata.topics.iter().all(|topic| topic.partitions.is_empty()) {
            return Ok(None);
        }
        let request = FindCoordinatorRequest::default().with_key_type(GROUP).with_coordinator_keys(vec![to_text(name)]);
        let answer = self.any(&request, deadline).await?;
        let Some(coordinator) = answer.coordinators.first() else {
            return Ok(None);
        };
        let text = message(coordinator.error_message.as_ref());
        KafkaError::check(coordinator.error_code, text, || format!("group `{name}`"))?;
        let coordinator = coordinator.node_id.0;
        // A coordinator that is still loading says so here, while it leaves the group out of its list.
        let request = DescribeGroupsRequest::default().with_groups(vec![wire_group(name)]);
        for group in self.node(coordinator, &request, deadline).await?.groups {
            match KafkaError::check(group.error_code, None, || format!("group `{name}`")) {
                Err(error) if error.code() == Some(ResponseError::GroupIdNotFound) => {}
                outcome => outcome?,
            }
        }
        let listed = self.groups_of(coordinator, deadline).await?;
        Ok(listed.into_iter().find(|group| group.name == name))
    }
}

/// A group's name for the codec.
pub(super) fn wire_group(name: &str) -> GroupId {
    GroupId(to_text(name))
}

pub(super) fn no_group(name: &str) -> KafkaError {
    KafkaError::Refused { subject: format!("group `{name}`"), error: ResponseError::GroupIdNotFound, message: None }
}
