//! Where the topics on the cluster are not as kdev.toml says: somebody else changed them, or the file was changed and
//! `up` has not run since.

use serde::Serialize;

use super::setting;
use crate::{config::TopicSettings, observed::TopicFacts};

/// One difference of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// `partitions`, `replication`, or a setting's name.
    pub field: String,
    /// What kdev.toml says; none where it does not name the setting: then `up` leaves it alone.
    pub kdev_toml: Option<String>,
    /// What the cluster has; none where the topic has no such setting of its own and none is known.
    pub cluster: Option<String>,
}

/// The differences between a topic of kdev.toml and the topic on the cluster, which was asked for its settings.
pub fn of(wanted: &TopicSettings, facts: &TopicFacts) -> Vec<Drift> {
    let TopicSettings { partitions, replication, config } = wanted;
    let mut drift = Vec::new();
    let mut number = |field: &str, wanted: u64, has: u64| {
        if wanted != has {
            let (kdev_toml, cluster) = (Some(wanted.to_string()), Some(has.to_string()));
            drift.push(Drift { field: field.to_owned(), kdev_toml, cluster });
        }
    };
    number("partitions", (*partitions).into(), facts.partitions.len() as u64);
    let wanted_replicas = u64::from(*replication);
    let replicas = || facts.partitions.iter().map(|partition| partition.replicas.len() as u64);
    number("replication", wanted_replicas, replicas().find(|&has| has != wanted_replicas).unwrap_or(wanted_replicas));
    for (field, wanted) in config {
        let cluster = facts.in_force(field);
        if !cluster.is_some_and(|cluster| setting::same(cluster, wanted)) {
            let (kdev_toml, cluster) = (Some(wanted.clone()), cluster.map(str::to_owned));
            drift.push(Drift { field: field.clone(), kdev_toml, cluster });
        }
    }
    // The limit on moves is kdev's own, and goes with them.
    let named = |field: &str| config.contains_key(field) || field.ends_with(".replication.throttled.replicas");
    let unnamed = facts.config.iter().filter(|(field, _)| !named(field));
    drift.extend(unnamed.map(|(field, value)| Drift {
        field: field.clone(),
        kdev_toml: None,
        cluster: Some(value.clone()),
    }));
    drift
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Drift, of};
    use crate::{
        config::TopicSettings,
        model::NodeId,
        observed::{PartitionFacts, TopicFacts},
    };

    fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_difference_is_told_and_nothing_else() {
        let wanted = TopicSettings {
            partitions: 2,
            replication: 3,
            config: config(&[("retention.ms", "60000"), ("min.insync.replicas", "2"), ("preallocate", "true")]),
        };
        let partition = PartitionFacts { replicas: vec![NodeId(1), NodeId(2), NodeId(3)], ..PartitionFacts::default() };
        let mut facts = TopicFacts {
            partitions: vec![partition.clone(), partition.clone()],
            config: config(&[("retention.ms", "060000"), ("min.insync.replicas", "2")]),
            inherited: config(&[("preallocate", "TRUE"), ("retention.ms", "1")]),
        };
        assert_eq!(of(&wanted, &facts), []);
        facts.partitions.push(PartitionFacts { replicas: vec![NodeId(1)], ..PartitionFacts::default() });
        facts.config = config(&[("retention.ms", "1000"), ("min.insync.replicas", "2"), ("segment.ms", "5")]);
        facts.inherited = config(&[("preallocate", "false")]);
        let drift = |field: &str, kdev_toml: Option<&str>, cluster: &str| Drift {
            field: field.to_owned(),
            kdev_toml: kdev_toml.map(str::to_owned),
            cluster: Some(cluster.to_owned()),
        };
        assert_eq!(
            of(&wanted, &facts),
            [
                drift("partitions", Some("2"), "3"),
                drift("replication", Some("3"), "1"),
                drift("preallocate", Some("true"), "false"),
                drift("retention.ms", Some("60000"), "1000"),
                drift("segment.ms", None, "5"),
            ]
        );
    }
}
