//! The nodes' ports on 127.0.0.1: free, ours, or somebody else's.

use futures_util::future::join_all;

use super::{
    cluster::Node,
    report::{Category, Check, Status},
    within,
};
use crate::{
    docker::{Engine, Holder, ports},
    observed::ContainerFacts,
};

/// Looks at every port of the plan.
pub(super) async fn checks(docker: &Engine, nodes: &[Node<'_>]) -> Vec<Check> {
    let asked = nodes.iter().map(|node| async move {
        match within(
            "looking for who holds a port",
            docker.port_holder(node.port),
        )
        .await
        {
            Ok(holder) => judge(
                node.port,
                &node.id.service(),
                node.container,
                holder.as_ref(),
            ),
            Err(error) => Check::of_error(Category::Ports, &name(node.port), Status::Fail, &error),
        }
    });
    join_all(asked).await
}

fn name(port: u16) -> String {
    format!("port {port}")
}

fn judge(
    port: u16,
    service: &str,
    container: Option<&ContainerFacts>,
    holder: Option<&Holder>,
) -> Check {
    let name = name(port);
    match (holder, container) {
        (None, _) => Check::pass(Category::Ports, &name, format!("free for {service}")),
        (Some(Holder::Container { name: holder, .. }), Some(ours)) if *holder == ours.name => {
            Check::pass(Category::Ports, &name, format!("held by {service}"))
        }
        (Some(holder), _) => Check::of_error(
            Category::Ports,
            &name,
            Status::Fail,
            &ports::taken(port, holder),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{observed::ContainerState, ops::doctor::cluster::tests as nodes};

    fn publishing(name: &str) -> Holder {
        Holder::Container {
            name: name.to_owned(),
            image: "kafka".to_owned(),
            project: None,
        }
    }

    #[test]
    fn a_port_is_free_ours_or_anothers() {
        let node = nodes::container(1, ContainerState::Running);
        let judged =
            |container, holder: Option<Holder>| judge(9092, "kafka-1", container, holder.as_ref());
        assert_eq!(judged(None, None).message, "free for kafka-1");
        assert_eq!(
            judged(Some(&node), Some(publishing("blog-kafka-1"))).message,
            "held by kafka-1"
        );
        let taken = judged(Some(&node), Some(publishing("old-kafka")));
        assert_eq!(taken.status, Status::Fail);
        assert!(
            taken.message.contains("taken by container `old-kafka`"),
            "{}",
            taken.message
        );
        assert!(taken.fix.unwrap().starts_with("docker stop old-kafka"));
        let process = Holder::Process {
            name: "nc".to_owned(),
            pid: 7,
        };
        assert_eq!(judged(None, Some(process)).status, Status::Fail);
    }
}
