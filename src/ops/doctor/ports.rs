//! The nodes' ports on 127.0.0.1: free, ours, or somebody else's.

use futures_util::future::join_all;

use super::{
    cluster::Node,
    report::{Category, Check, Status},
    within,
};
use crate::docker::{Engine, Holder, ports};

/// Looks at every port of the plan. `in_file` tells that kdev.toml names them; else the data volumes do.
pub(super) async fn checks(docker: &Engine, nodes: &[Node<'_>], in_file: bool) -> Vec<Check> {
    let asked = nodes.iter().map(|node| async move {
        match within("looking for who holds a port", docker.port_holder(node.port)).await {
            Ok(holder) => judge(node, holder.as_ref(), in_file),
            Err(error) => Check::of_error(Category::Ports, &name(node.port), Status::Fail, &error),
        }
    });
    join_all(asked).await
}

fn name(port: u16) -> String {
    format!("port {port}")
}

fn judge(node: &Node<'_>, holder: Option<&Holder>, in_file: bool) -> Check {
    let (name, service) = (name(node.port), node.id.service());
    let pass = |message: String| Check::pass(Category::Ports, &name, message);
    match (holder, node.container) {
        (None, _) => pass(format!("free for {service}")),
        (Some(Holder::Container { name: holder, .. }), Some(ours)) if *holder == ours.name => {
            pass(format!("held by {service}"))
        }
        (Some(holder), _) => {
            let mut error = ports::taken(node.port, holder);
            if !in_file {
                // Ports that the volumes remember change only with these.
                error.hints.truncate(1);
                error = error.hint("`ports` in [kafka] in kdev.toml, naming others");
            }
            Check::of_error(Category::Ports, &name, Status::Fail, &error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::NodeId, observed::ContainerState, ops::doctor::cluster::tests as nodes};

    fn publishing(name: &str) -> Holder {
        Holder::Container { name: name.to_owned(), image: "kafka".to_owned(), project: None }
    }

    #[test]
    fn a_port_is_free_ours_or_anothers() {
        let node = nodes::container(1, ContainerState::Running);
        let judged = |container, holder: Option<Holder>| {
            judge(&Node { id: NodeId(1), port: 9092, container }, holder.as_ref(), false)
        };
        assert_eq!(judged(None, None).message, "free for kafka-1");
        assert_eq!(judged(Some(&node), Some(publishing("blog-kafka-1"))).message, "held by kafka-1");
        let taken = judged(Some(&node), Some(publishing("old-kafka")));
        assert_eq!(taken.status, Status::Fail);
        assert!(taken.message.contains("taken by container `old-kafka`"), "{}", taken.message);
        assert_eq!(taken.fix.unwrap(), "docker stop old-kafka\n`ports` in [kafka] in kdev.toml, naming others");
        let process = Holder::Process { name: "nc".to_owned(), pid: 7 };
        assert_eq!(judged(None, Some(process)).status, Status::Fail);
    }
}
