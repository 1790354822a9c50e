//! A group's members and what they read.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use futures_util::future::try_join_all;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeGroupsRequest, ShareGroupDescribeRequest, TopicName as WireTopic,
};
use tokio::time::Instant;

use super::{
    Admin, GroupKind, ListedGroup,
    groups::{no_group, wire_group},
    route::topic_name,
};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message},
    model::TopicName,
};

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its name (`group.id`).
    pub name: String,
    /// What its members speak.
    pub kind: GroupKind,
    /// Kafka's word: `Stable`, `Empty`, …
    pub state: String,
    /// How partitions are assigned: `range`, `uniform`, …; empty where there are no members.
    pub assignor: String,
    /// The broker that coordinates it.
    pub coordinator: i32,
    /// Its members.
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id that the coordinator knows it by.
    pub id: String,
    /// Its `group.instance.id`, if it has one.
    pub instance: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// The partitions that it reads.
    pub assignment: BTreeMap<TopicName, Vec<i32>>,
}

impl Admin {
    /// Describes groups. Streams groups come without members: the codec does not know their API.
    ///
    /// # Errors
    /// A group does not exist, or its coordinator could not be asked.
    pub async fn describe_groups(&self, names: &[String]) -> Result<Vec<GroupDescription>> {
        let deadline = self.deadline();
        let describe = || async {
            let found = self.find_groups(names, deadline).await?;
            let groups = names.iter().map(|name| found.get(name).ok_or_else(|| no_group(name)));
            let groups = groups.collect::<Result<Vec<_>, _>>()?;
            try_join_all(groups.into_iter().map(|group| self.describe_group(group, deadline))).await
        };
        let described = self.retrying(deadline, describe).await;
        described.map_err(Error::from).while_(|| format!("describing {}", quoted("group", names)))
    }

    /// Asks the group's coordinator by the API of its kind.
    pub(super) async fn describe_group(
        &self,
        group: &ListedGroup,
        deadline: Instant,
    ) -> Result<GroupDescription, KafkaError> {
        match group.kind {
            GroupKind::Classic => self.describe_classic(group, deadline).await,
            GroupKind::Consumer => self.describe_consumer(group, deadline).await,
            GroupKind::Share => self.describe_share(group, deadline).await,
            GroupKind::Streams | GroupKind::Other => {
                Ok(described(group, group.state.clone(), String::new(), Vec::new()))
            }
        }
    }

    async fn describe_classic(&self, listed: &ListedGroup, deadline: Instant) -> Result<GroupDescription, KafkaError> {
        let request = DescribeGroupsRequest::default().with_groups(vec![wire_group(&listed.name)]);
        let answer = self.node(listed.coordinator, &request, deadline).await?;
        let group = answer.groups.into_iter().next().ok_or_else(|| no_group(&listed.name))?;
        check(listed, group.error_code, message(group.error_message.as_ref()))?;
        let members = group.members.into_iter().map(|member| Member {
            id: member.member_id.to_string(),
            instance: member.group_instance_id.as_ref().map(ToString::to_string),
            client_id: member.client_id.to_string(),
            host: host(&member.client_host),
            assignment: classic_assignment(member.member_assignment),
        });
        let (state, assignor) = (group.group_state.to_string(), group.protocol_data.to_string());
        Ok(described(listed, state, assignor, members.collect()))
    }

    async fn describe_consumer(&self, listed: &ListedGroup, deadline: Instant) -> Result<GroupDescription, KafkaError> {
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![wire_group(&listed.name)]);
        let answer = self.node(listed.coordinator, &request, deadline).await?;
        let group = answer.groups.into_iter().next().ok_or_else(|| no_group(&listed.name))?;
        check(listed, group.error_code, message(group.error_message.as_ref()))?;
        let members = group.members.into_iter().map(|member| Member {
            id: member.member_id.to_string(),
            instance: member.instance_id.as_ref().map(ToString::to_string),
            client_id: member.client_id.to_string(),
            host: host(&member.client_host),
            assignment: assignment(member.assignment.topic_partitions.iter().map(|t| (&t.topic_name, &t.partitions))),
        });
        let (state, assignor) = (group.group_state.to_string(), group.assignor_name.to_string());
        Ok(described(listed, state, assignor, members.collect()))
    }

    async fn describe_share(&self, listed: &ListedGroup, deadline: Instant) -> Result<GroupDescription, KafkaError> {
        let request = ShareGroupDescribeRequest::default().with_group_ids(vec![wire_group(&listed.name)]);
        let answer = self.node(listed.coordinator, &request, deadline).await?;
        let group = answer.groups.into_iter().next().ok_or_else(|| no_group(&listed.name))?;
        check(listed, group.error_code, message(group.error_message.as_ref()))?;
        let members = group.members.into_iter().map(|member| Member {
            id: member.member_id.to_string(),
            instance: None,
            client_id: member.client_id.to_string(),
            host: host(&member.client_host),
            assignment: assignment(member.assignment.topic_partitions.iter().map(|t| (&t.topic_name, &t.partitions))),
        });
        let (state, assignor) = (group.group_state.to_string(), group.assignor_name.to_string());
        Ok(described(listed, state, assignor, members.collect()))
    }
}

fn described(listed: &ListedGroup, state: String, assignor: String, members: Vec<Member>) -> GroupDescription {
    let ListedGroup { name, kind, state: _, coordinator } = listed.clone();
    GroupDescription { name, kind, state, assignor, coordinator, members }
}

fn check(group: &ListedGroup, code: i16, text: Option<String>) -> Result<(), KafkaError> {
    KafkaError::check(code, text, || format!("group `{}`", group.name))
}

/// Kafka prints Java's form of an address: `/172.18.0.5`.
fn host(text: &str) -> String {
    text.trim_start_matches('/').to_owned()
}

fn assignment<'a>(topics: impl Iterator<Item = (&'a WireTopic, &'a Vec<i32>)>) -> BTreeMap<TopicName, Vec<i32>> {
    topics.filter_map(|(topic, ids)| Some((topic_name(topic)?, ids.clone()))).collect()
}

/// A classic member's assignment: a version, then topics with their partitions; later versions only
/// add fields at the end. The broker keeps these bytes as clients sent them, and members of other
/// kinds (Connect) send something else, which is read as no assignment. The codec would do, but it
/// reserves memory for whatever count the bytes claim.
fn classic_assignment(mut bytes: Bytes) -> BTreeMap<TopicName, Vec<i32>> {
    let mut read = || {
        let mut assignment = BTreeMap::new();
        let _version = bytes.try_get_i16().ok()?;
        for _ in 0..bytes.try_get_i32().ok()? {
            let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
            let name = bytes.get(..length)?.to_vec();
            bytes.advance(length);
            let mut ids = Vec::new();
            for _ in 0..bytes.try_get_i32().ok()? {
                ids.push(bytes.try_get_i32().ok()?);
            }
            assignment.insert(String::from_utf8(name).ok()?.parse().ok()?, ids);
        }
        Some(assignment)
    };
    read().unwrap_or_default()
}

/// "group `a`", "groups `a`, `b`".
fn quoted(what: &str, names: &[String]) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{what}{plural} {}", list.join(", "))
}
