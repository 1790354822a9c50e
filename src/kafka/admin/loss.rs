//! How much of a topic a change would take away.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::{Admin, At, offsets::Partition, route::node_id};
use crate::{
    error::{Error, Result, While},
    kafka::wire::KafkaError,
    model::TopicName,
    reconcile::change::Loss,
};

/// Which records of a topic go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// All.
    All,
    /// Those older than this.
    OlderThan(Duration),
    /// The oldest of each partition that is larger than so many bytes.
    Beyond(u64),
}

impl Admin {
    /// How much of a topic goes, at most: Kafka deletes whole segments, and keeps one of which any record is to stay.
    ///
    /// # Errors
    /// No such topic; a partition has no leader; a broker does not answer.
    pub async fn loss(&self, topic: &TopicName, goes: Goes) -> Result<Loss> {
        let deadline = self.deadline();
        let topics = std::slice::from_ref(topic);
        let measure = || async {
            let leaders = self.leaders(topics, deadline).await?;
            let start = self.offsets_at(&leaders, At::Earliest, deadline).await?;
            let end = self.offsets_at(&leaders, At::Latest, deadline).await?;
            let bytes = self.sizes(topic, deadline).await?;
            let first_kept = match goes {
                Goes::OlderThan(age) => self.offsets_at(&leaders, At::Timestamp(millis_ago(age)), deadline).await?,
                Goes::All | Goes::Beyond(_) => BTreeMap::new(),
            };
            let mut loss = Loss::default();
            for (partition, &end) in &end {
                let start = start.get(partition).copied().unwrap_or(end);
                let records = u64::try_from(end - start).unwrap_or(0);
                let bytes = bytes.get(partition).copied().unwrap_or(0);
                let gone = match goes {
                    Goes::All => Loss { records, bytes },
                    Goes::OlderThan(_) => {
                        let first_kept = first_kept.get(partition).copied().unwrap_or(end);
                        let gone = u64::try_from(first_kept - start).unwrap_or(0);
                        Loss { records: gone, bytes: share(bytes, gone, records) }
                    }
                    Goes::Beyond(limit) => {
                        let gone = bytes.saturating_sub(limit);
                        Loss { records: share(records, gone, bytes), bytes: gone }
                    }
                };
                loss.records += gone.records;
                loss.bytes += gone.bytes;
            }
            Ok(loss)
        };
        let loss = self.retrying(deadline, measure).await;
        loss.map_err(Error::from).while_(|| format!("measuring topic `{topic}`"))
    }

    /// The bytes of each of the topic's partitions on the disk where it is largest.
    async fn sizes(&self, topic: &TopicName, deadline: Instant) -> Result<BTreeMap<Partition, u64>, KafkaError> {
        let brokers = self.brokers(deadline).await?;
        let asked = brokers.into_iter().filter_map(node_id).map(|node| self.disk_once(node, deadline));
        let mut sizes = BTreeMap::new();
        for disk in try_join_all(asked).await? {
            for (&id, &bytes) in disk.replicas.get(topic).into_iter().flatten() {
                let largest = sizes.entry((topic.clone(), i32::try_from(id).unwrap_or(i32::MAX))).or_insert(0);
                *largest = bytes.max(*largest);
            }
        }
        Ok(sizes)
    }
}

/// The part of `whole` that `part` is of `all`, rounded up: what goes is never said smaller than it is.
fn share(whole: u64, part: u64, all: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part);
    u64::try_from(share.div_ceil(u128::from(all.max(1)))).unwrap_or(whole)
}

fn millis_ago(age: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_rounded_up_and_nothing_of_nothing_is_nothing() {
        assert_eq!(share(1000, 1, 3), 334);
        assert_eq!(share(1000, 3, 3), 1000);
        assert_eq!(share(0, 0, 0), 0);
        assert_eq!(share(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }
}
