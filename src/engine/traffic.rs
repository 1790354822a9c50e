//! A little traffic on the node that trains a class-data archive: a topic made, records sent, records read by a group.
//! What nodes load for that is then in the archive too.
//!
//! Kafka's own tools send it from within the node's container, which needs no network. An image without them, or one
//! whose tools want other options, has a smaller archive: that costs speed, never a start.

use std::time::Duration;

use crate::{docker::Engine, plan::class_path};

/// How long all of it may take: five times what it does on two busy cores.
const PATIENCE: Duration = Duration::from_secs(40);
const NODE: &str = "localhost:9092";
/// Each with its options, which are the same from Kafka 4.0 on.
const TOOLS: [(&str, &[&str]); 3] = [
    ("TopicCommand", &["--create", "--topic", "train", "--partitions", "3"]),
    ("VerifiableProducer", &["--topic", "train", "--max-messages", "20"]),
    ("VerifiableConsumer", &["--topic", "train", "--group-id", "train", "--max-messages", "20"]),
];

/// Sends the traffic to the node in `container`, as far as it can be sent.
pub async fn pass(docker: &Engine, container: &str, jars: &[String]) {
    let all = async {
        for (tool, options) in TOOLS {
            if !matches!(docker.exec_to_end(container, &command(tool, options, jars)).await, Ok((0, _))) {
                return;
            }
        }
    };
    // What takes longer ends with the container.
    let _ = tokio::time::timeout(PATIENCE, all).await;
}

fn command(tool: &str, options: &[&str], jars: &[String]) -> Vec<String> {
    let class = format!("org.apache.kafka.tools.{tool}");
    let [flag, jars] = &class_path::plain(jars);
    let java = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", flag, jars, &class];
    java.iter().chain(&["--bootstrap-server", NODE]).chain(options).map(|&word| word.to_owned()).collect()
}
