//! The controllers' quorum: who leads, and how far behind the others are.

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    DescribeQuorumRequest, DescribeQuorumResponse, TopicName as WireTopic,
    describe_quorum_request::{PartitionData, TopicData},
    describe_quorum_response::ReplicaState,
};
use tokio::time::Instant;

use super::{Admin, route::node_id};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
    model::NodeId,
};

/// The quorum's log is this topic's only partition.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// The controllers' quorum as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The active controller. (`controller_id` in Metadata is a random broker.)
    pub leader: Option<NodeId>,
    /// Grows with each election.
    pub epoch: i32,
    /// Up to here the log is on a majority.
    pub high_watermark: i64,
    /// The controllers that vote.
    pub voters: BTreeMap<NodeId, QuorumReplica>,
    /// The brokers that only read.
    pub observers: BTreeMap<NodeId, QuorumReplica>,
}

/// One copy of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumReplica {
    /// The end of its log.
    pub log_end_offset: i64,
    /// Records that it lacks of the leader's log. A replica never heard of lacks all.
    pub lag: u64,
    /// When it last had all of the leader's log: Unix milliseconds. Absent where it never had.
    pub caught_up_ms: Option<i64>,
}

impl Admin {
    /// Describes the quorum.
    ///
    /// # Errors
    /// No node answers, or there is no active controller.
    pub async fn quorum(&self) -> Result<Quorum> {
        let deadline = self.deadline();
        let quorum = self.retrying(deadline, || self.quorum_once(deadline)).await;
        quorum.map_err(Error::from).while_(|| "describing the controllers' quorum".to_owned())
    }

    /// As the first node that answers sees it.
    pub(super) async fn quorum_once(&self, deadline: Instant) -> Result<Quorum, KafkaError> {
        read_quorum(&self.any(&quorum_request(), deadline).await?)
    }
}

pub(super) fn quorum_request() -> DescribeQuorumRequest {
    DescribeQuorumRequest::default().with_topics(vec![
        TopicData::default()
            .with_topic_name(WireTopic(to_text(METADATA_TOPIC)))
            .with_partitions(vec![PartitionData::default().with_partition_index(0)]),
    ])
}

pub(super) fn read_quorum(answer: &DescribeQuorumResponse) -> Result<Quorum, KafkaError> {
    let subject = || "the controllers' quorum".to_owned();
    KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), subject)?;
    let log = answer.topics.first().and_then(|topic| topic.partitions.first());
    let log = log.ok_or_else(|| KafkaError::Missing("the quorum has no log".to_owned()))?;
    KafkaError::check(log.error_code, message(log.error_message.as_ref()), subject)?;
    let end = log
        .current_voters
        .iter()
        .find(|voter| voter.replica_id == log.leader_id)
        .map_or(log.high_watermark, |leader| leader.log_end_offset);
    Ok(Quorum {
        leader: node_id(log.leader_id.0),
        epoch: log.leader_epoch,
        high_watermark: log.high_watermark,
        voters: replicas(&log.current_voters, end),
        observers: replicas(&log.observers, end),
    })
}

fn replicas(states: &[ReplicaState], end: i64) -> BTreeMap<NodeId, QuorumReplica> {
    let replica = |state: &ReplicaState| QuorumReplica {
        log_end_offset: state.log_end_offset,
        lag: u64::try_from(end - state.log_end_offset.max(0)).unwrap_or(0),
        caught_up_ms: Some(state.last_caught_up_timestamp).filter(|&ms| ms >= 0),
    };
    let entries = states.iter().map(|state| (node_id(state.replica_id.0), replica(state)));
    entries.filter_map(|(id, replica)| Some((id?, replica))).collect()
}
