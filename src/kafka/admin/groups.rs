//! Which groups there are, and which broker coordinates each.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use kafka_protocol::{
    ResponseError,
    messages::{GroupId, ListGroupsRequest},
};
use tokio::time::Instant;

use super::Admin;
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, to_text},
};

/// What protocol a group's members speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Consumers (and Connect workers) that assign partitions among themselves.
    Classic,
    /// Consumers whose partitions the coordinator assigns (KIP-848).
    Consumer,
    /// Share consumers (KIP-932): a queue; they have no committed offsets.
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
        let listed = self
            .retrying(deadline, || self.list_groups_once(deadline))
            .await;
        listed
            .map_err(Error::from)
            .while_(|| "listing groups".to_owned())
    }

    async fn list_groups_once(&self, deadline: Instant) -> Result<Vec<ListedGroup>, KafkaError> {
        let brokers = self.brokers(deadline).await?;
        let asked = brokers
            .into_iter()
            .map(|broker| self.groups_of(broker, deadline));
        let mut groups: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// The groups that one broker coordinates.
    pub(super) async fn groups_of(
        &self,
        broker: i32,
        deadline: Instant,
    ) -> Result<Vec<ListedGroup>, KafkaError> {
        let answer = self
            .node(broker, &ListGroupsRequest::default(), deadline)
            .await?;
        KafkaError::check(answer.error_code, None, || {
            format!("groups of node {broker}")
        })?;
        let listed = answer.groups.into_iter().map(|group| ListedGroup {
            name: group.group_id.to_string(),
            kind: GroupKind::from_word(&group.group_type),
            state: group.group_state.to_string(),
            coordinator: broker,
        });
        Ok(listed.collect())
    }

    /// The named groups. They are looked up in the lists: asking for a coordinator instead would
    /// make Kafka create its offsets topic, and would name one for a group that does not exist.
    pub(super) async fn find_groups(
        &self,
        names: &[String],
        deadline: Instant,
    ) -> Result<BTreeMap<String, ListedGroup>, KafkaError> {
        let listed = self.list_groups_once(deadline).await?.into_iter();
        Ok(listed
            .filter(|group| names.contains(&group.name))
            .map(|group| (group.name.clone(), group))
            .collect())
    }
}

/// A group's name for the codec.
pub(super) fn wire_group(name: &str) -> GroupId {
    GroupId(to_text(name))
}

pub(super) fn no_group(name: &str) -> KafkaError {
    KafkaError::Refused {
        subject: format!("group `{name}`"),
        error: ResponseError::GroupIdNotFound,
        message: None,
    }
}
