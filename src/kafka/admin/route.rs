//! Which node is asked, and what happens when it does not answer or is no longer the right one.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use futures_util::{FutureExt, future::select_ok};
use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeClusterRequest, MetadataRequest, MetadataResponse, TopicName as WireTopic,
        metadata_request::MetadataRequestTopic,
    },
    protocol::Request,
};
use tokio::time::Instant;

use super::{Admin, Known};
use crate::{
    kafka::wire::{Connection, KafkaError, message, to_text},
    model::{NodeId, TopicName},
};

/// The first pause before a call is tried again, and the longest: leaders and coordinators move
/// within 0.1 to 1 s.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

impl Admin {
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Takes addresses by node; they win over what the cluster advertises.
    pub(super) fn give(&self, addresses: &BTreeMap<NodeId, String>) {
        let mut known = self.known();
        known.given = addresses.iter().map(|(id, at)| (i32::from(id.0), at.clone())).collect();
    }

    /// Takes the address of a node that has just answered: it is asked first.
    pub(super) fn prefer(&self, address: &str) {
        self.known().good = Some(address.to_owned());
    }

    /// The address that is asked first.
    pub(super) fn preferred(&self) -> Option<String> {
        self.known().good.clone()
    }

    /// Repeats `attempt` while its error is a passing one and the deadline is not reached.
    pub(super) async fn retrying<T, F>(&self, deadline: Instant, attempt: impl FnMut() -> F) -> Result<T, KafkaError>
    where
        F: Future<Output = Result<T, KafkaError>>,
    {
        retrying_where(KafkaError::is_passing, deadline, attempt).await
    }

    /// Repeats `attempt` only while a broker reads the groups that it has just taken over: elsewhere there is nobody
    /// to ask, and the broker itself is well.
    pub(super) async fn once_read<T, F>(&self, deadline: Instant, attempt: impl FnMut() -> F) -> Result<T, KafkaError>
    where
        F: Future<Output = Result<T, KafkaError>>,
    {
        let reading = |error: &KafkaError| error.code() == Some(ResponseError::CoordinatorLoadInProgress);
        retrying_where(reading, deadline, attempt).await
    }

    /// Asks whichever node answers. A call that breaks midway is for [`Admin::retrying`] to repeat.
    pub(super) async fn any<R: Request>(&self, request: &R, deadline: Instant) -> Result<R::Response, KafkaError> {
        let connection = self.reach(deadline).await?;
        let address = connection.address().to_owned();
        let result = self.pool.call_over(connection, request, deadline).await;
        let answered = !matches!(&result, Err(error) if error.is_transport());
        self.known().good = answered.then_some(address);
        result
    }

    /// A connection to the node that answered last, or else to the first that answers now: a frozen
    /// node would cost seconds if they were tried in turn.
    async fn reach(&self, deadline: Instant) -> Result<Connection, KafkaError> {
        if let Some(good) = self.preferred()
            && let Ok(connection) = self.pool.fresh(&good, deadline).await
        {
            return Ok(connection);
        }
        let addresses = self.known().candidates();
        if addresses.is_empty() {
            return Err(KafkaError::Nobody { addresses, last: None });
        }
        let attempts = addresses.iter().map(|address| self.pool.fresh(address, deadline).boxed());
        let last = match select_ok(attempts).await {
            Ok((connection, _)) => return Ok(connection),
            Err(last) => last,
        };
        Err(KafkaError::Nobody { addresses, last: Some(Box::new(last)) })
    }

    /// Asks one node.
    pub(super) async fn node<R: Request>(
        &self,
        node: i32,
        request: &R,
        deadline: Instant,
    ) -> Result<R::Response, KafkaError> {
        self.pool.call(&self.address(node)?, request, deadline).await
    }

    /// Asks one node two things at once that change nothing.
    pub(super) async fn node_both<R: Request>(
        &self,
        node: i32,
        requests: [&R; 2],
        deadline: Instant,
    ) -> Result<[R::Response; 2], KafkaError> {
        self.pool.call_both(&self.address(node)?, requests, deadline).await
    }

    fn address(&self, node: i32) -> Result<String, KafkaError> {
        let address = self.known().address(node);
        address.ok_or_else(|| KafkaError::Missing(format!("the cluster does not list node {node}")))
    }

    /// The running brokers' ids.
    pub(super) async fn brokers(&self, deadline: Instant) -> Result<Vec<i32>, KafkaError> {
        let answer = self.any(&DescribeClusterRequest::default(), deadline).await?;
        KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), || {
            "the list of brokers".to_owned()
        })?;
        self.learn(answer.brokers.iter().map(|b| (b.broker_id.0, b.host.as_str(), b.port)));
        Ok(answer.brokers.iter().map(|broker| broker.broker_id.0).collect())
    }

    /// Metadata of some topics, or of all.
    pub(super) async fn metadata(
        &self,
        topics: Option<&[TopicName]>,
        deadline: Instant,
    ) -> Result<MetadataResponse, KafkaError> {
        let answer = self.any(&metadata_request(topics), deadline).await?;
        self.learn(answer.brokers.iter().map(|b| (b.node_id.0, b.host.as_str(), b.port)));
        Ok(answer)
    }

    pub(super) fn learn<'a>(&self, brokers: impl Iterator<Item = (i32, &'a str, i32)>) {
        self.known().advertised = brokers.map(|(id, host, port)| (id, format!("{host}:{port}"))).collect();
    }

    /// All nodes that are known of, whether they run or not.
    pub(super) fn nodes(&self) -> BTreeSet<i32> {
        let known = self.known();
        known.given.keys().chain(known.advertised.keys()).copied().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere cannot leave the addresses half-changed: each change is one assignment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Repeats `attempt` while its error is one that `passes` and the deadline is not reached.
pub(super) async fn retrying_where<T, F>(
    passes: fn(&KafkaError) -> bool,
    deadline: Instant,
    attempt: impl FnMut() -> F,
) -> Result<T, KafkaError>
where
    F: Future<Output = Result<T, KafkaError>>,
{
    let backoff = ExponentialBuilder::new().with_min_delay(PAUSE.0).with_max_delay(PAUSE.1);
    attempt.retry(backoff.without_max_times()).when(|error| passes(error) && Instant::now() + PAUSE.1 < deadline).await
}

impl Known {
    fn address(&self, node: i32) -> Option<String> {
        self.given.get(&node).or_else(|| self.advertised.get(&node)).cloned()
    }

    /// Every address once.
    fn candidates(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let given = self.given.values().chain(&self.bootstrap);
        for address in self.good.iter().chain(given).chain(self.advertised.values()) {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all
    }
}

/// A metadata request that never creates a topic.
pub(in crate::kafka) fn metadata_request(topics: Option<&[TopicName]>) -> MetadataRequest {
    let topics = topics.map(|topics| {
        topics.iter().map(|name| MetadataRequestTopic::default().with_name(Some(wire_topic(name)))).collect()
    });
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false)
}

/// A topic's name for the codec.
pub(in crate::kafka) fn wire_topic(name: &TopicName) -> WireTopic {
    WireTopic(to_text(name.as_str()))
}

/// A topic's name from the codec; none for what Kafka itself would not allow.
pub(super) fn topic_name(name: &WireTopic) -> Option<TopicName> {
    name.as_str().parse().ok()
}

/// A node's number as kdev has it; none for "no node" (-1) and for those kdev would not make.
pub(super) fn node_id(id: i32) -> Option<NodeId> {
    u8::try_from(id).ok().map(NodeId)
}
