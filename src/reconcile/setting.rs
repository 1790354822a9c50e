//! What a topic's setting means: when two texts say the same, and which changes may take records away.

use std::time::Duration;

use humansize::{BINARY, format_size};

/// The settings by which Kafka decides what to delete.
pub const RETENTION_MS: &str = "retention.ms";
/// As [`RETENTION_MS`], by size.
pub const RETENTION_BYTES: &str = "retention.bytes";
/// Whether old records are deleted, or those that a newer one of the same key follows, or both.
pub const CLEANUP_POLICY: &str = "cleanup.policy";

/// Whether both texts mean one value to Kafka, which prints numbers, booleans and lists in a form of its own.
pub fn same(a: &str, b: &str) -> bool {
    let list = |text: &str| text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
    let truth = |text: &str| text.trim().to_ascii_lowercase().parse::<bool>().ok();
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    if let (Ok(a), Ok(b)) = (a.trim().parse::<i64>(), b.trim().parse::<i64>()) {
        return a == b;
    }
    match (number(a), number(b), truth(a), truth(b)) {
        (Some(a), Some(b), ..) => a == b,
        (.., Some(a), Some(b)) => a == b,
        _ => list(a) == list(b),
    }
}

/// Whether a change of a topic's setting may have Kafka delete records that it would have kept. An unknown value
/// before counts as keeping everything.
pub fn may_delete(name: &str, from: Option<&str>, to: &str) -> bool {
    match name {
        RETENTION_MS | RETENTION_BYTES => match (from.and_then(limit), limit(to)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(from), Some(to)) => to < from,
        },
        CLEANUP_POLICY => {
            let now = |policy| from.is_some_and(|from| has(from, policy));
            ["delete", "compact"].into_iter().any(|policy| has(to, policy) && !now(policy))
        }
        _ => false,
    }
}

/// The topic setting that a broker setting is the default of, where it decides what is deleted.
pub fn of_topics(broker: &str) -> Option<&'static str> {
    match broker {
        "log.retention.ms" => Some(RETENTION_MS),
        "log.retention.bytes" => Some(RETENTION_BYTES),
        "log.cleanup.policy" => Some(CLEANUP_POLICY),
        _ => None,
    }
}

/// Kafka's own value of a broker setting that [`of_topics`] knows: a week, no limit of size, deletion.
pub fn broker_default(broker: &str) -> &'static str {
    match broker {
        "log.retention.ms" => "604800000",
        "log.cleanup.policy" => "delete",
        _ => "-1",
    }
}

/// A limit of time or size; none where there is none: Kafka writes -1.
pub fn limit(value: &str) -> Option<u64> {
    value.trim().parse::<i64>().ok().and_then(|value| u64::try_from(value).ok())
}

/// Whether a cleanup policy holds this one.
pub fn has(policies: &str, policy: &str) -> bool {
    policies.split(',').any(|one| one.trim() == policy)
}

/// What the change means, as a sentence; empty where the names and values say enough.
pub fn meaning(name: &str, from: Option<&str>, to: &str) -> String {
    let kept = |value: &str| match (name, limit(value)) {
        (_, None) => "without limit".to_owned(),
        (RETENTION_MS, Some(ms)) => format!("for {}", humantime::format_duration(Duration::from_millis(ms))),
        (_, Some(bytes)) => format!("up to {} a partition", format_size(bytes, BINARY.decimal_places(1))),
    };
    if from.is_some_and(|from| same(from, to)) {
        return String::new();
    }
    match name {
        RETENTION_MS | RETENTION_BYTES => {
            let before = from.map(|from| format!(", until now {}", kept(from))).unwrap_or_default();
            format!("records are kept {}{before}", kept(to))
        }
        CLEANUP_POLICY => {
            let compact = "of each key only the newest record is sure to stay; records without a key are refused";
            let delete = "records go when they are older than retention.ms, or beyond retention.bytes";
            match (has(to, "compact"), has(to, "delete")) {
                (true, true) => format!("{compact}; {delete}"),
                (true, false) => compact.to_owned(),
                _ => delete.to_owned(),
            }
        }
        "min.insync.replicas" => format!("a write with acks=all needs {to} replicas in sync"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{may_delete, meaning, same};

    #[test]
    fn what_kafka_prints_in_its_own_form_is_the_same() {
        for (a, b) in [("060000", "60000"), ("TRUE", "true"), ("0.50", "0.5"), ("compact, delete", "compact,delete")] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in
            [("1", "2"), ("true", "false"), ("compact", "compact,delete"), ("9007199254740993", "9007199254740992")]
        {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn shorter_retention_and_a_new_policy_may_delete_and_nothing_else() {
        let may = |name, from, to| may_delete(name, from, to);
        assert!(may("retention.ms", Some("604800000"), "1000"));
        assert!(may("retention.ms", Some("-1"), "1000"));
        assert!(may("retention.ms", None, "1000"));
        assert!(!may("retention.ms", Some("1000"), "604800000"));
        assert!(!may("retention.ms", Some("1000"), "-1"));
        assert!(may("retention.bytes", Some("-1"), "1048576"));
        assert!(!may("retention.bytes", Some("1048576"), "1048576"));
        assert!(may("cleanup.policy", Some("delete"), "compact"));
        assert!(may("cleanup.policy", Some("compact"), "compact,delete"));
        assert!(!may("cleanup.policy", Some("compact,delete"), "delete"));
        assert!(!may("segment.bytes", Some("1073741824"), "1048576"));
    }

    #[test]
    fn times_and_sizes_are_said_as_people_say_them() {
        assert_eq!(meaning("retention.ms", Some("604800000"), "60000"), "records are kept for 1m, until now for 7days");
        assert_eq!(
            meaning("retention.bytes", Some("-1"), "1048576"),
            "records are kept up to 1 MiB a partition, until now without limit"
        );
        assert_eq!(meaning("segment.ms", None, "1"), "");
    }
}
