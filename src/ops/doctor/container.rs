//! The proof of the addresses for programs in containers: from a container on the project's network, Kafka's own
//! tool asks every broker at the address that it advertises there.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use super::{
    Probe,
    cluster::Node,
    report::{Category, Check, Status},
};
use crate::{
    model::NodeId,
    plan::{node, probe},
};

/// As many last lines as show why a Java program ended.
const LAST_LINES: usize = 8;

/// What the tool printed of a broker: its address, and the error where it did not answer.
type Answers = BTreeMap<NodeId, (String, Option<String>)>;

/// Runs the tool in a container on `network`, and judges what it found.
pub(super) async fn checks(nodes: &[Node<'_>], network: &str, probe: &Probe<'_>) -> Vec<Check> {
    // What the nodes run is there, and fits the cluster.
    let Some(image) = nodes.iter().find_map(Node::running).map(|container| container.image.as_str()) else {
        return nodes.iter().map(|node| judge(node, &Answers::new())).collect();
    };
    let command = probe::ask_brokers(nodes.iter().map(|node| node.id));
    match probe.run(network, "brokers", command, image).await {
        Err(error) => vec![Check::of_error(Category::FromContainer, "probe", Status::Fail, &error)],
        Ok(lines) if lacks_tool(&lines) => vec![Check::warning(
            Category::FromContainer,
            "probe",
            format!("not proved: the Kafka image lacks {}, which asks the brokers", probe::ASKING_CLASS),
            "an image with all of Kafka's jars: the official one, apache/kafka, has them",
        )],
        Ok(lines) => {
            let answers = read(&lines);
            let mut checks: Vec<Check> = nodes.iter().map(|node| judge(node, &answers)).collect();
            if answers.is_empty()
                && let Some(first) = checks.first_mut()
            {
                first.details = lines[lines.len().saturating_sub(LAST_LINES)..].to_vec();
            }
            checks
        }
    }
}

fn judge(node: &Node<'_>, answers: &Answers) -> Check {
    let (address, service) = (node::container_address(node.id), node.id.service());
    let fail = |message: String| Check::fail(Category::FromContainer, &address, message, &node.remedy());
    if let Some(absence) = node.absence() {
        return fail(absence);
    }
    match answers.get(&node.id) {
        None => fail(format!("no node that a container can reach names {service} as a broker")),
        Some((other, _)) if *other != address => {
            let message = format!("{service} is here, but clients are sent to {other}");
            Check::fail(Category::FromContainer, &address, message, "kdev down, then kdev up")
        }
        Some((_, Some(error))) => fail(format!("{service} does not answer: {error}")),
        Some((_, None)) => {
            Check::pass(Category::FromContainer, &address, format!("{service} answers a container on the network"))
        }
    }
}

fn lacks_tool(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains("Could not find or load main class"))
}

/// Reads the tool's lines `kafka-1:19092 (id: 1 rack: null isFenced: false) -> (` and, where the broker did not
/// answer, `… -> ERROR: org.apache.kafka.common.errors.DisconnectException`.
fn read(lines: &[String]) -> Answers {
    static BROKER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(\S+) \(id: (\d+) rack: .*\) -> (?:\(|ERROR: (.*))$")
            .expect("the pattern is a constant that tests run")
    });
    let brokers = lines.iter().filter_map(|line| BROKER.captures(line));
    let answers = brokers.filter_map(|found| {
        let id = NodeId(found[2].parse().ok()?);
        let error = found.get(3).map(|error| error.as_str().rsplit('.').next().unwrap_or_default().to_owned());
        Some((id, (found[1].to_owned(), error)))
    });
    answers.collect()
}

#[cfg(test)]
mod tests {
    use super::{super::cluster::tests::container, *};
    use crate::observed::ContainerState;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    /// As printed by Kafka 4.3.1, and by 4.0.2 without `isFenced`.
    const PRINTED: &str = "\
[2026-11-23 07:31:55,735] WARN Couldn't resolve server kafka-2:19092 (org.apache.kafka.clients.ClientUtils)
kafka-1:19092 (id: 1 rack: null isFenced: false) -> (
\tProduce(0): 0 to 13 [usable: 13],
)
kafka-3:19092 (id: 3 rack: null) -> ERROR: org.apache.kafka.common.errors.DisconnectException
";

    #[test]
    fn the_tools_output_tells_who_answered_and_who_did_not() {
        let answers = read(&lines(PRINTED));
        assert_eq!(answers[&NodeId(1)], ("kafka-1:19092".to_owned(), None));
        assert_eq!(answers[&NodeId(3)], ("kafka-3:19092".to_owned(), Some("DisconnectException".to_owned())));
        assert_eq!(answers.len(), 2);
    }

    #[test]
    fn each_address_is_judged_by_its_own_broker() {
        let answers = read(&lines(PRINTED));
        let status = |id: u8, answers: &Answers| {
            let running = container(id, ContainerState::Running);
            let check = judge(&Node { id: NodeId(id), port: 1, container: Some(&running) }, answers);
            (check.name, check.status)
        };
        assert_eq!(status(1, &answers), ("kafka-1:19092".to_owned(), Status::Pass));
        assert_eq!(status(2, &answers), ("kafka-2:19092".to_owned(), Status::Fail), "no node names it");
        assert_eq!(status(3, &answers), ("kafka-3:19092".to_owned(), Status::Fail), "it does not answer");
        let elsewhere = Answers::from([(NodeId(1), ("localhost:9092".to_owned(), None))]);
        assert_eq!(status(1, &elsewhere).1, Status::Fail, "clients are sent elsewhere");
    }

    #[test]
    fn an_image_without_the_tool_is_known_by_the_jvms_words() {
        let said = "Error: Could not find or load main class org.apache.kafka.tools.BrokerApiVersionsCommand";
        assert!(lacks_tool(&lines(said)));
        assert!(!lacks_tool(&lines(PRINTED)));
    }
}
