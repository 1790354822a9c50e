//! What is said of a step that failed, and of a container that has ended. Pure.

use crate::{
    error::Error,
    kafka::wire::KafkaError,
    model::{KafkaVersion, NodeId},
    observed::ContainerState,
    reconcile::Step,
};

/// What the operating system says of a full disk (ENOSPC), in the words of Java.
const NO_SPACE: &str = "No space left on device";
/// How a controller begins to say that the level of its metadata is beyond it (4.2.1, started on data of 4.3.1).
const TOO_NEW: &str = "Tried to apply FeatureLevelRecord";

/// As many last lines as show a Java or Python traceback's head.
const SHOWN: usize = 20;
/// In so many last lines the reason is looked for: a node whose disk is full says so once for each partition, with a
/// traceback, and then goes on to end.
pub const SEARCHED: usize = 1000;

/// Why a container that was started has ended, from its state, if that is known, and the last `lines` it printed. Of
/// these the last few are shown.
pub fn ended(service: &str, state: Option<ContainerState>, version: &KafkaVersion, mut lines: Vec<String>) -> Error {
    let is_node = NodeId::from_service(service).is_some();
    let more_memory = |error: Error| {
        let section = if is_node { "[kafka]".to_owned() } else { format!("[apps.{service}]") };
        error.hint(format!("a larger `memory` in {section} in kdev.toml, then kdev up"))
    };
    let mut error = match state {
        Some(ContainerState::Exited { oom: true, .. }) => {
            more_memory(Error::failed(format!("{service} was killed for want of memory (OOMKilled)")))
        }
        Some(ContainerState::Exited { .. }) if is_node && lines.iter().any(|line| line.contains(TOO_NEW)) => {
            Error::failed(format!(
                "{service} cannot read its data: they were written by a newer Kafka than {}",
                version
            ))
            .hint("the newer `version` in [kafka] in kdev.toml, then kdev up")
        }
        // What `-XX:+ExitOnOutOfMemoryError` says last.
        Some(ContainerState::Exited { .. }) if lines.iter().any(|line| line.contains("OutOfMemoryError")) => {
            more_memory(Error::failed(format!("{service} ran out of memory: its JVM's heap is full")))
        }
        Some(ContainerState::Exited { .. }) if lines.iter().any(|line| line.contains(NO_SPACE)) => {
            Error::failed(format!("{service} ended: there is no room left on its disk"))
                .hint("docker system df   (shows what takes up the room on the engine's disk)")
                .hint("a smaller `retention.bytes` under [topics.NAME.config], once there is some room")
        }
        Some(ContainerState::Exited { code, .. }) => {
            Error::failed(format!("{service} ended at once, with exit code {code}"))
        }
        _ => Error::failed(format!("{service} does not stay up")),
    };
    lines.drain(..lines.len().saturating_sub(SHOWN));
    error = match lines.is_empty() {
        true => error.details(["(it printed nothing)"]),
        false => error.details(lines),
    };
    error = error.while_(format!("starting {service}")).hint(format!("kdev logs {service}"));
    if is_node { error.hint("kdev down   (the other nodes stay for inspection until then)") } else { error }
}

/// Adds what to type where Kafka refuses a change: kdev.toml is wrong, or somebody was quicker.
pub fn refused(step: &Step, error: Error) -> Error {
    if let (Step::SetBrokers { name, .. }, Some(KafkaError::Refused { .. })) = (step, KafkaError::of(&error)) {
        return error.hint(format!("correct \"{name}\" under [kafka.config] in kdev.toml, then kdev up"));
    }
    let (Step::CreateTopic { topic, .. } | Step::SetTopicConfig { topic, .. } | Step::AddPartitions { topic, .. }) =
        step
    else {
        return error;
    };
    match KafkaError::of(&error) {
        Some(refusal) if refusal.is_unknown_topic() => error.hint("kdev up   (looks again, and makes what is missing)"),
        Some(KafkaError::Refused { .. }) => {
            error.hint(format!("correct [topics.{topic}] or [topics.{topic}.config] in kdev.toml, then kdev up"))
        }
        _ => error,
    }
}

/// The step, as what is being done: "starting node kafka-1" reads better than the imperative.
pub fn doing(step: &Step) -> String {
    let text = step.to_string();
    let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let verb = match verb {
        "pull" => "pulling",
        "prepare" => "preparing",
        "build" => "building",
        "create" => "creating",
        "start" => "starting",
        "unpause" => "unpausing",
        "stop" => "stopping",
        "remove" => "removing",
        "add" => "adding",
        "set" => "setting",
        "delete" => "deleting",
        "elect" => "electing",
        "limit" => "limiting",
        "copy" => "beginning to copy",
        "give" => "giving",
        "change" => "changing",
        "lift" => "lifting",
        "take" => "taking",
        "put" => "putting",
        "finalize" => "finalizing",
        other => other,
    };
    format!("{verb} {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_though_much_was_said_since() {
        let mut lines = vec!["java.io.IOException: No space left on device".to_owned()];
        lines.extend((0..100).map(|n| format!("\tat a.B({n})")));
        let state = Some(ContainerState::Exited { code: 1, oom: false });
        let error = ended("kafka-2", state, &"4.3.1".parse().unwrap(), lines);
        assert_eq!(error.message, "kafka-2 ended: there is no room left on its disk");
        assert_eq!((error.details.len(), error.details[19].as_str()), (SHOWN, "\tat a.B(99)"));
    }

    #[test]
    fn a_refused_change_of_a_topic_says_what_to_type() {
        let topic = || "posts".parse().unwrap();
        let grow = Step::AddPartitions { topic: topic(), from: 1, to: 3 };
        let set = Step::SetTopicConfig { topic: topic(), name: "x".to_owned(), from: None, to: "1".to_owned() };
        let error = |code| Error::from(KafkaError::check(code, None, || "topic `posts`".to_owned()).unwrap_err());
        // Deleted by hand since the last look.
        assert!(
            refused(&grow, error(3)).hints.contains(&"kdev up   (looks again, and makes what is missing)".to_owned())
        );
        let hints = refused(&set, error(40)).hints;
        assert_eq!(hints, ["correct [topics.posts] or [topics.posts.config] in kdev.toml, then kdev up"]);
        assert_eq!(refused(&Step::ElectLeaders, error(40)).hints, [""; 0]);
        let of_brokers = Step::SetBrokers { name: "x".to_owned(), from: None, to: "1".to_owned(), topics: 1 };
        assert_eq!(
            refused(&of_brokers, error(42)).hints,
            ["correct \"x\" under [kafka.config] in kdev.toml, then kdev up"]
        );
    }
}
