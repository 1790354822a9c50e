//! Short-lived containers that look at something from inside, for `doctor`.
//!
//! They run the prepared Kafka image: the only one that is surely there while a cluster runs, with a `java` and
//! Kafka's jars and nothing else to rely on.

use std::{collections::BTreeMap, time::Duration};

use super::{ContainerPlan, Restart, Tmpfs, build, node, prepared};
use crate::model::{NodeId, Project, Role};

/// Twice what Kafka's command-line tools reside in with the heap below.
const MEMORY: u64 = 256 << 20;
const PIDS: u32 = 256;
const TMP_BYTES: u64 = 16 << 20;
/// Nothing is lost with a probe.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The network of a probe that needs none.
pub const NO_NETWORK: &str = "none";
/// Asks every broker at the address that it advertises; part of every Kafka release.
pub const ASKING_CLASS: &str = "org.apache.kafka.tools.BrokerApiVersionsCommand";

/// A probe's container. `purpose` and `run` make its name: two doctors at once do not meet.
pub fn container(project: &Project, network: &str, purpose: &str, run: u32, command: Vec<String>) -> ContainerPlan {
    let service = format!("probe-{purpose}");
    let tmpfs = |target: &str| Tmpfs { target: target.to_owned(), size_bytes: TMP_BYTES, exec: false };
    ContainerPlan {
        name: format!("{}-{service}-{run}", project.prefix()),
        role: Role::Probe,
        hostname: service.clone(),
        network: network.to_owned(),
        user: Some(node::USER.to_owned()),
        command: Some(command),
        env: BTreeMap::new(),
        mounts: Vec::new(),
        // The last three are volumes that the official image declares: no anonymous ones are made for them.
        tmpfs: vec![tmpfs("/tmp"), tmpfs(node::DATA), tmpfs("/etc/kafka/secrets"), tmpfs("/mnt/shared/config")],
        publish: Vec::new(),
        memory_bytes: MEMORY,
        pids: PIDS,
        stop_timeout: STOP_TIMEOUT,
        restart: Restart::No,
        labels: build::labels(project, Role::Probe, Some(&service)),
        spec: String::new(),
        service,
    }
}

/// Prints Kafka's version, and on the way of each class where the JVM took it from.
pub fn list_classes() -> Vec<String> {
    java(&["-Xlog:class+load", prepared::KAFKA_CLASS, "--version"])
}

/// Asks every broker at its address for containers which API versions it knows.
pub fn ask_brokers(nodes: impl Iterator<Item = NodeId>) -> Vec<String> {
    let addresses: Vec<String> = nodes.map(node::container_address).collect();
    java(&[ASKING_CLASS, "--bootstrap-server", &addresses.join(",")])
}

fn java(rest: &[&str]) -> Vec<String> {
    let arguments = format!("@{}", prepared::JAVA_ARGS);
    let flags = ["java", &arguments, "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    flags.iter().chain(rest).map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::label;

    #[test]
    fn a_probe_is_the_projects_and_publishes_and_keeps_nothing() {
        let project = Project { name: "blog".parse().unwrap(), directory: "/home/me/blog".into() };
        let probe = container(&project, "net", "brokers", 7, ask_brokers(NodeId::first(2)));
        assert_eq!(probe.name, format!("{}-probe-brokers-7", project.prefix()));
        assert_eq!(probe.labels[label::ROLE], "probe");
        assert_eq!(probe.labels[label::DIRECTORY], "/home/me/blog");
        assert!(probe.publish.is_empty() && probe.mounts.is_empty());
        let command = probe.command.unwrap().join(" ");
        assert!(command.ends_with("--bootstrap-server kafka-1:19092,kafka-2:19092"), "{command}");
    }
}
