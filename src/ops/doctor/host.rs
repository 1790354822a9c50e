//! The proof of the addresses for programs on this machine: each node is asked where the cluster is to be
//! reached, and every address named in an answer is tried, for the very node that it is named for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;

use super::{
    cluster::Node,
    report::{Category, Check, Status},
};
use crate::{
    error::{Error, Result},
    kafka::listener,
    model::NodeId,
};

/// A node answers in milliseconds, on a machine at its limits within a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// What each running node says of where the nodes are.
type Told = BTreeMap<NodeId, Result<BTreeMap<NodeId, String>>>;
/// Whether the node answers at the address.
type Proved = BTreeMap<(NodeId, String), Result<()>>;

/// Tries all addresses, at once.
pub(super) async fn checks(nodes: &[Node<'_>]) -> Vec<Check> {
    let running = nodes.iter().filter(|node| node.running().is_some());
    let told: Told = join_all(
        running.map(|node| async move { (node.id, listener::advertised(&node.host_address(), PATIENCE).await) }),
    )
    .await
    .into_iter()
    .collect();
    let named: BTreeSet<(NodeId, String)> =
        told.values().flatten().flatten().map(|(&id, address)| (id, address.clone())).collect();
    let proved = named.into_iter().map(|(id, address)| async move {
        let outcome = listener::answers_as(id, &address, PATIENCE).await;
        ((id, address), outcome)
    });
    let proved: Proved = join_all(proved).await.into_iter().collect();
    nodes.iter().map(|node| judge(node, &told, &proved)).collect()
}

fn judge(node: &Node<'_>, told: &Told, proved: &Proved) -> Check {
    let (address, service) = (node.host_address(), node.id.service());
    let fail = |message: String| Check::fail(Category::FromHost, &address, message, &node.remedy());
    if let Some(absence) = node.absence() {
        return fail(absence);
    }
    if let Some(Err(error)) = told.get(&node.id) {
        return failed(&address, &service, error, node);
    }
    let answers: Vec<_> = told.values().flatten().collect();
    let named: BTreeSet<&String> = answers.iter().filter_map(|brokers| brokers.get(&node.id)).collect();
    if named.is_empty() {
        return fail(format!("{service} answers, but no node names it as a broker: it has not joined, or was fenced"));
    }
    if let Some(other) = named.iter().find(|named| **named != &address) {
        let message = format!("{service} is published here, but clients are sent to {other}");
        return Check::fail(Category::FromHost, &address, message, "kdev down, then kdev up");
    }
    match proved.get(&(node.id, address.clone())) {
        Some(Ok(())) => Check::pass(
            Category::FromHost,
            &address,
            format!(
                "{service} answers, and {} of {} nodes send clients here for it",
                naming(node.id, &answers),
                told.len()
            ),
        ),
        Some(Err(error)) => failed(&address, &service, error, node),
        None => fail(format!("{service} was not tried")),
    }
}

fn naming(id: NodeId, answers: &[&BTreeMap<NodeId, String>]) -> usize {
    answers.iter().filter(|brokers| brokers.contains_key(&id)).count()
}

fn failed(address: &str, service: &str, error: &Error, node: &Node<'_>) -> Check {
    let check = Check::of_error(Category::FromHost, address, Status::Fail, error);
    Check { message: format!("{service}: {}", check.message), fix: Some(node.remedy()), ..check }
}

#[cfg(test)]
mod tests {
    use super::{super::cluster::tests::container, *};
    use crate::observed::{ContainerFacts, ContainerState};

    fn node<'a>(id: u8, container: Option<&'a ContainerFacts>) -> Node<'a> {
        Node { id: NodeId(id), port: 9091 + u16::from(id), container }
    }

    fn brokers(of: &[(u8, &str)]) -> BTreeMap<NodeId, String> {
        of.iter().map(|&(id, address)| (NodeId(id), address.to_owned())).collect()
    }

    fn proof(id: u8, address: &str, outcome: Result<()>) -> Proved {
        Proved::from([((NodeId(id), address.to_owned()), outcome)])
    }

    #[test]
    fn an_address_passes_where_the_right_node_answers_and_the_cluster_names_it() {
        let running = container(1, ContainerState::Running);
        let told =
            Told::from([(NodeId(1), Ok(brokers(&[(1, "localhost:9092")]))), (NodeId(2), Err(Error::failed("hangs")))]);
        let check = judge(&node(1, Some(&running)), &told, &proof(1, "localhost:9092", Ok(())));
        assert_eq!((check.status, check.name.as_str()), (Status::Pass, "localhost:9092"));
        assert_eq!(check.message, "kafka-1 answers, and 1 of 2 nodes send clients here for it");
    }

    #[test]
    fn another_node_at_the_address_fails() {
        let running = container(1, ContainerState::Running);
        let told = Told::from([(NodeId(1), Ok(brokers(&[(1, "localhost:9092")])))]);
        let wrong = proof(1, "localhost:9092", Err(Error::failed("who answers is not kafka-1")));
        let check = judge(&node(1, Some(&running)), &told, &wrong);
        assert_eq!(check.status, Status::Fail);
        assert!(check.message.contains("not kafka-1"), "{}", check.message);
    }

    #[test]
    fn clients_sent_elsewhere_fail_even_if_somebody_answers_there() {
        let running = container(1, ContainerState::Running);
        let told = Told::from([(NodeId(1), Ok(brokers(&[(1, "localhost:7")])))]);
        let check = judge(&node(1, Some(&running)), &told, &proof(1, "localhost:7", Ok(())));
        assert_eq!(check.status, Status::Fail);
        assert!(check.message.ends_with("clients are sent to localhost:7"), "{}", check.message);
    }

    #[test]
    fn a_node_that_is_stopped_silent_or_unnamed_fails() {
        let stopped = container(1, ContainerState::Exited { code: 143, oom: false });
        let check = judge(&node(1, Some(&stopped)), &Told::new(), &Proved::new());
        assert!(check.message.ends_with("exit code 143"), "{}", check.message);
        let running = container(1, ContainerState::Running);
        let silent = Told::from([(NodeId(1), Err(Error::failed("no answer")))]);
        let check = judge(&node(1, Some(&running)), &silent, &Proved::new());
        assert_eq!(check.message, "kafka-1: no answer");
        let unnamed = Told::from([(NodeId(1), Ok(brokers(&[(2, "localhost:9093")])))]);
        let check = judge(&node(1, Some(&running)), &unnamed, &Proved::new());
        assert!(check.message.contains("no node names it"), "{}", check.message);
    }
}
