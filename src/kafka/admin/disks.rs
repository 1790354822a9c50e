//! What each node holds on its disk. Only the node itself can say.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use tokio::time::Instant;

use super::{Admin, route::topic_name};
use crate::{
    error::{Error, Result, While},
    kafka::wire::KafkaError,
    model::NodeId,
    observed::Disk,
};

impl Admin {
    /// The bytes that nodes hold of each replica, and have left: each is asked for its own. A node that does not
    /// answer is absent.
    pub async fn disks(&self, nodes: impl IntoIterator<Item = NodeId>) -> BTreeMap<NodeId, Disk> {
        let asked = nodes.into_iter().map(|node| async move { Some((node, self.disk(node).await.ok()?)) });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// What one node holds on its disk.
    ///
    /// # Errors
    /// The node could not be asked, or its disk has failed.
    pub async fn disk(&self, node: NodeId) -> Result<Disk> {
        let deadline = self.deadline();
        let disk = self.retrying(deadline, || self.disk_once(node, deadline)).await;
        disk.map_err(Error::from).while_(|| format!("measuring the data of {}", node.service()))
    }

    pub(super) async fn disk_once(&self, node: NodeId, deadline: Instant) -> Result<Disk, KafkaError> {
        let request = DescribeLogDirsRequest::default().with_topics(None);
        read(node, &self.node(i32::from(node.0), &request, deadline).await?)
    }
}

fn read(node: NodeId, answer: &DescribeLogDirsResponse) -> Result<Disk, KafkaError> {
    let subject = || format!("the data of {}", node.service());
    KafkaError::check(answer.error_code, None, subject)?;
    let mut disk = Disk::default();
    for directory in &answer.results {
        KafkaError::check(directory.error_code, None, subject)?;
        if let Ok(bytes) = u64::try_from(directory.usable_bytes) {
            *disk.usable_bytes.get_or_insert(0) += bytes;
        }
        for topic in &directory.topics {
            let Some(name) = topic_name(&topic.name) else { continue };
            let replicas = disk.replicas.entry(name).or_default();
            for partition in &topic.partitions {
                if let Ok(id) = usize::try_from(partition.partition_index) {
                    *replicas.entry(id).or_default() += u64::try_from(partition.partition_size).unwrap_or(0);
                }
            }
        }
    }
    disk.replicas.retain(|_, replicas| !replicas.is_empty());
    Ok(disk)
}
