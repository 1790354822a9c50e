//! Which groups read which topics.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use kafka_protocol::ResponseError;

use super::{Admin, lag::partitions_of};
use crate::{
    error::{Error, Result, While},
    kafka::wire::KafkaError,
    model::TopicName,
};

impl Admin {
    /// The groups that read a topic or have committed offsets in it, by topic. Share groups are not
    /// among them: they commit none.
    ///
    /// # Errors
    /// A broker or a coordinator could not be asked.
    pub async fn readers(&self) -> Result<BTreeMap<TopicName, BTreeSet<String>>> {
        let deadline = self.deadline();
        let look = || async {
            let groups = self.list_groups_once(deadline).await?;
            let asked = groups.iter().map(|group| async move {
                let read = async {
                    let description = self.describe_group(group, deadline).await?;
                    Ok::<_, KafkaError>((description, self.committed(group, deadline).await?))
                };
                match read.await {
                    // Deleted after it was listed.
                    Err(gone) if gone.code() == Some(ResponseError::GroupIdNotFound) => Ok(None),
                    read => read.map(Some),
                }
            });
            let mut readers: BTreeMap<TopicName, BTreeSet<String>> = BTreeMap::new();
            for (description, committed) in try_join_all(asked).await?.into_iter().flatten() {
                for (topic, _) in partitions_of(&committed, &description) {
                    readers.entry(topic).or_default().insert(description.name.clone());
                }
            }
            Ok(readers)
        };
        let readers = self.retrying(deadline, look).await;
        readers.map_err(Error::from).while_(|| "finding out which groups read which topics".to_owned())
    }
}
