//! Finding a topic.

use std::time::Duration;

use rdkafka::client::Client;

use super::{Connection, Link, connect};
use crate::{
    error::{Error, Result},
    kafka::Target,
    model::TopicName,
};

/// A topic that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it has; they are numbered from 0.
    pub partitions: i32,
}

impl Topic {
    /// Its partitions.
    pub fn all(&self) -> Vec<i32> {
        (0..self.partitions).collect()
    }

    /// # Errors
    /// It has no such partition.
    pub fn check(&self, partition: i32) -> Result<()> {
        if (0..self.partitions).contains(&partition) {
            return Ok(());
        }
        let Topic { name, partitions } = self;
        let has = match partitions {
            1 => "one partition, 0".to_owned(),
            _ => format!("{partitions} partitions, 0 to {}", partitions - 1),
        };
        Err(Error::usage(format!("there is no {name}[{partition}]: {name} has {has}")))
    }
}

/// Looks `target`'s topic up. Also the first request on a new connection.
///
/// All topics are asked for: a request for one name makes brokers that create topics on sight create it, and
/// the other names are needed for the message where it is missing.
///
/// # Errors
/// No broker answers; there is no such topic (with the nearest that there is).
pub fn find(connection: &Connection, target: &Target) -> Result<Topic> {
    let name = target.topic.as_str();
    let topics = connect(connection, &target.bootstrap, all_topics)?;
    match topics.iter().find(|(other, _)| other == name) {
        Some(&(_, partitions)) if partitions > 0 => Ok(Topic { name: target.topic.clone(), partitions }),
        _ => Err(unknown(target, topics.iter().map(|(name, _)| name.as_str()))),
    }
}

fn all_topics(client: &Client<Link>, wait: Duration) -> Option<Vec<(String, i32)>> {
    let metadata = client.fetch_metadata(None, wait).ok()?;
    // A node that has only just started may not have heard of any topic; what it says of brokers is as empty.
    (!metadata.brokers().is_empty()).then(|| {
        metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none())
            .map(|topic| {
                let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
                (topic.name().to_owned(), partitions)
            })
            .collect()
    })
}

fn unknown<'a>(target: &Target, topics: impl Iterator<Item = &'a str>) -> Error {
    let name = target.topic.as_str();
    let mut others: Vec<&str> = topics.filter(|other| !other.starts_with("__")).collect();
    others.sort_by_key(|other| strsim::damerau_levenshtein(other, name));
    let mut error = Error::failed(format!("there is no topic `{name}` in {}", target.cluster));
    if let Some(nearest) = others.first().filter(|other| strsim::jaro_winkler(other, name) > 0.8) {
        error = error.hint(format!("kdev {} {nearest}", target.command));
    }
    if target.in_project {
        error = error.hint(format!("add [topics.{name}] to kdev.toml, then: kdev up"));
    }
    if others.is_empty() {
        return error.details(["it has no topics yet"]);
    }
    others.truncate(10);
    error.details([format!("it has: {}", others.join(", "))])
}

#[cfg(test)]
mod tests {
    use super::unknown;
    use crate::kafka::Target;

    fn target(topic: &str) -> Target {
        Target {
            bootstrap: "localhost:9092".to_owned(),
            cluster: "project blog".to_owned(),
            topic: topic.parse().unwrap(),
            command: "consume",
            in_project: true,
        }
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let error = unknown(&target("post"), ["users", "posts", "__consumer_offsets"].into_iter());
        assert_eq!(error.message, "there is no topic `post` in project blog");
        assert_eq!(error.details, ["it has: posts, users"]);
        let add = "add [topics.post] to kdev.toml, then: kdev up";
        assert_eq!(error.hints, ["kdev consume posts", add]);
        let elsewhere = Target { in_project: false, ..target("xyz") };
        assert!(unknown(&elsewhere, ["posts"].into_iter()).hints.is_empty());
    }

    #[test]
    fn a_cluster_without_topics_says_so() {
        assert_eq!(unknown(&target("posts"), [].into_iter()).details, ["it has no topics yet"]);
    }
}
