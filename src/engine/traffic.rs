//! A little traffic on the node that trains a class-data archive: a topic made, records sent, records read by a group.
//! What nodes load for that is then in the archive too.
//!
//! Kafka's own tools send it from within the node's container, which needs no network. An image without them, or one
//! whose tools want other options, has a smaller archive: that costs speed, never a start.

use std::time::Duration;

use tokio::sync::Notify;

use crate::{docker::Engine, error::Result, plan::class_path};

/// How long each may take: five times what it does on two busy cores.
const PATIENCE: Duration = Duration::from_secs(40);
const NODE: &str = "localhost:9092";
/// Their options are the same from Kafka 4.0 on. Whichever is there first has the topic made.
const PRODUCER: [&str; 5] = ["VerifiableProducer", "--topic", "train", "--max-messages", "20"];
/// One record will do: of those that are sent some may be refused.
const CONSUMER: [&str; 7] = ["VerifiableConsumer", "--topic", "train", "--max-messages", "1", "--group-id", "train"];
/// What the producer prints for each record that was taken (`VerifiableProducer.SuccessfulSend`).
const TAKEN: &str = "producer_send_success";
/// How often the producer is run until a record is taken.
const MOST_SENDS: usize = 3;

/// Sends some records to the node in `container` as soon as it answers, and has a member of a group read them once it
/// has `started`: before that, a consumer asks less and less often.
///
/// # Errors
/// That of `started`; what becomes of the traffic is no error.
pub async fn pass(
    docker: &Engine,
    container: &str,
    jars: &[String],
    started: impl Future<Output = Result<()>>,
) -> Result<()> {
    let read = async { _ = run(docker, container, &CONSUMER, jars).await };
    read_what_is_sent(send(|| run(docker, container, &PRODUCER, jars)), started, read).await
}

/// Runs the producer until a record is taken; whether one was. The producer sends nothing twice and ends with 0 however many
/// were refused, and the leader of a topic made a moment ago may not know yet that it leads: on a busy machine the consumer
/// waited for its whole [`PATIENCE`] in 2 of 23 preparations; the topic of the one that was looked at was empty.
async fn send<F: Future<Output = Option<Vec<String>>>>(produce: impl Fn() -> F) -> bool {
    for _ in 0..MOST_SENDS {
        match produce().await {
            Some(said) if said.iter().any(|line| line.contains(TAKEN)) => return true,
            Some(_) => {}
            None => return false,
        }
    }
    false
}

/// Waits for both; where nothing was sent there is nothing to read.
async fn read_what_is_sent(
    send: impl Future<Output = bool>,
    started: impl Future<Output = Result<()>>,
    read: impl Future<Output = ()>,
) -> Result<()> {
    let in_vain = Notify::new();
    let send = async {
        if !send.await {
            in_vain.notify_one();
        }
    };
    let read = async {
        started.await?;
        tokio::select! {
            () = read => {}
            () = in_vain.notified() => {}
        }
        Ok(())
    };
    tokio::join!(send, read).1
}

/// What the tool said, if it ended well.
async fn run(docker: &Engine, container: &str, tool: &[&str], jars: &[String]) -> Option<Vec<String>> {
    // What takes longer ends with the container.
    let ended = tokio::time::timeout(PATIENCE, docker.exec_to_end(container, &command(tool, jars))).await;
    match ended {
        Ok(Ok((0, said))) => Some(said),
        _ => None,
    }
}

fn command(tool: &[&str], jars: &[String]) -> Vec<String> {
    let class = format!("org.apache.kafka.tools.{}", tool[0]);
    let [flag, jars] = &class_path::plain(jars);
    let java = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", flag, jars, &class];
    java.iter().chain(&["--bootstrap-server", NODE]).chain(&tool[1..]).map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    use tokio::time::sleep;

    use super::*;
    use crate::error::Error;

    /// When the tool ends or the node has started, compared with how long reading may take.
    const LATER: Duration = Duration::from_secs(5);

    async fn ends<T>(waiting: impl Future<Output = T>) -> T {
        tokio::time::timeout(10 * LATER, waiting).await.expect("waits for what does not come")
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_reads_on_where_nothing_was_sent() {
        let fails_later = async {
            sleep(LATER).await;
            false
        };
        ends(read_what_is_sent(fails_later, ready(Ok(())), pending())).await.unwrap();
        // That it failed may be known before anybody reads.
        let starts_later = async {
            sleep(LATER).await;
            Ok(())
        };
        ends(read_what_is_sent(ready(false), starts_later, pending())).await.unwrap();
        let never = ready(Err(Error::failed("the node did not start")));
        ends(read_what_is_sent(ready(false), never, pending())).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_was_refused_is_sent_again_a_few_times() {
        let runs = Cell::new(0);
        let taken_from = |first: usize| {
            runs.set(0);
            let runs = &runs;
            move || {
                runs.set(runs.get() + 1);
                let name = if runs.get() < first { "producer_send_error" } else { TAKEN };
                ready(Some(vec![format!(r#"{{"timestamp":1,"name":"{name}"}}"#)]))
            }
        };
        assert!(send(taken_from(1)).await);
        assert_eq!(runs.get(), 1);
        assert!(send(taken_from(3)).await);
        assert_eq!(runs.get(), 3);
        assert!(!send(taken_from(100)).await);
        assert_eq!(runs.get(), MOST_SENDS);
        assert!(!send(|| ready(None)).await, "a tool that fails is not there, or wants other options");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_is_read_to_the_end() {
        let mut read = false;
        let reading = async {
            sleep(LATER).await;
            read = true;
        };
        read_what_is_sent(ready(true), ready(Ok(())), reading).await.unwrap();
        assert!(read);
    }
}
