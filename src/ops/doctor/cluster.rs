//! The nodes as the plan wants them, beside what is there.

use crate::{
    model::NodeId,
    observed::{ContainerFacts, ContainerState, DockerFacts},
};

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub id: NodeId,
    /// On 127.0.0.1.
    pub port: u16,
    pub container: Option<&'a ContainerFacts>,
}

impl<'a> Node<'a> {
    pub(super) fn of(id: NodeId, planned_port: u16, facts: &'a DockerFacts) -> Self {
        let container = facts.node(id);
        // What a container publishes is what can be reached, whatever is planned by now.
        let published = container.and_then(|container| container.ports.first().copied());
        Node { id, port: published.unwrap_or(planned_port), container }
    }

    /// Its address for programs on the host.
    pub(super) fn host_address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Its container, if that runs.
    pub(super) fn running(&self) -> Option<&'a ContainerFacts> {
        self.container.filter(|container| container.state == ContainerState::Running)
    }

    /// Why nobody can answer for it; none where it runs.
    pub(super) fn absence(&self) -> Option<String> {
        let service = self.id.service();
        Some(match self.container.map(|container| container.state) {
            None => format!("{service} has no container"),
            Some(ContainerState::Running) => return None,
            Some(ContainerState::Exited { oom: true, .. }) => {
                format!("{service} does not run: it was killed for want of memory (OOMKilled)")
            }
            Some(ContainerState::Exited { code, .. }) => {
                format!("{service} does not run: it ended with exit code {code}")
            }
            Some(state) => format!("{service} does not run: its container is {}", state.word()),
        })
    }

    /// What to type where it does not run, or runs and does not answer.
    pub(super) fn remedy(&self) -> String {
        let service = self.id.service();
        let act = if self.running().is_some() { format!("kdev restart {service}") } else { "kdev up".to_owned() };
        format!("{act}\nkdev logs {service} -n 20, to see its last words")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{model::Role, observed::LastNetwork};

    /// The container of a node that publishes 9091 + its number.
    pub(in super::super) fn container(id: u8, state: ContainerState) -> ContainerFacts {
        ContainerFacts {
            version: None,
            set_aside: false,
            id: id.to_string(),
            name: format!("blog-kafka-{id}"),
            role: Role::Node,
            service: format!("kafka-{id}"),
            spec: String::new(),
            image: String::new(),
            state,
            pid: None,
            started_ms: 0,
            network: LastNetwork::None,
            restarts: 0,
            ports: BTreeSet::from([9091 + u16::from(id)]),
        }
    }

    #[test]
    fn a_node_that_does_not_run_says_why() {
        let absence = |state| Node { id: NodeId(1), port: 1, container: Some(&container(1, state)) }.absence();
        assert_eq!(absence(ContainerState::Running), None);
        let hangs = container(1, ContainerState::Running);
        let node = Node { id: NodeId(1), port: 1, container: Some(&hangs) };
        assert!(node.remedy().starts_with("kdev restart kafka-1"), "`up` leaves one alone that runs");
        let killed = absence(ContainerState::Exited { code: 137, oom: true }).unwrap();
        assert!(killed.contains("OOMKilled"), "{killed}");
        let ended = absence(ContainerState::Exited { code: 1, oom: false }).unwrap();
        assert!(ended.contains("exit code 1"), "{ended}");
        assert!(absence(ContainerState::Paused).unwrap().ends_with("paused"));
        assert_eq!(Node { id: NodeId(2), port: 1, container: None }.absence().unwrap(), "kafka-2 has no container");
    }

    #[test]
    fn the_published_port_counts_before_the_planned_one() {
        let facts = DockerFacts { containers: vec![container(1, ContainerState::Running)], ..DockerFacts::default() };
        assert_eq!(Node::of(NodeId(1), 7, &facts).port, 9092);
        assert_eq!(Node::of(NodeId(2), 7, &facts).port, 7);
    }
}
