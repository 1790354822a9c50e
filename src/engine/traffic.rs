//! A little traffic on the node that trains a class-data archive: a topic made, records sent, records read by a group.
//! What nodes load for that is then in the archive too.
//!
//! Kafka's own tools send it from within the node's container, which needs no network. An image without them, or one
//! whose tools want other options, has a smaller archive: that costs speed, never a start.

use std::time::Duration;

use crate::{docker::Engine, plan::class_path};

/// How long each may take: five times what it does on two busy cores.
const PATIENCE: Duration = Duration::from_secs(40);
const NODE: &str = "localhost:9092";
/// Their options are the same from Kafka 4.0 on. Whichever is there first has the topic made.
const PRODUCER: [&str; 5] = ["VerifiableProducer", "--topic", "train", "--max-messages", "20"];
const CONSUMER: [&str; 7] = ["VerifiableConsumer", "--topic", "train", "--max-messages", "20", "--group-id", "train"];

/// Sends some records to the node in `container` as soon as it answers, as far as that is possible.
pub async fn send(docker: &Engine, container: &str, jars: &[String]) {
    run(docker, container, &PRODUCER, jars).await;
}

/// Reads what [`send`] sends, as a member of a group. Best begun when the node has started: until then a consumer asks
/// less and less often.
pub async fn read(docker: &Engine, container: &str, jars: &[String]) {
    run(docker, container, &CONSUMER, jars).await;
}

async fn run(docker: &Engine, container: &str, tool: &[&str], jars: &[String]) {
    // What takes longer ends with the container.
    let _ = tokio::time::timeout(PATIENCE, docker.exec_to_end(container, &command(tool, jars))).await;
}

fn command(tool: &[&str], jars: &[String]) -> Vec<String> {
    let class = format!("org.apache.kafka.tools.{}", tool[0]);
    let [flag, jars] = &class_path::plain(jars);
    let java = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", flag, jars, &class];
    java.iter().chain(&["--bootstrap-server", NODE]).chain(&tool[1..]).map(|&word| word.to_owned()).collect()
}
