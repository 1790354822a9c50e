//! Broker settings that a running Kafka takes over for the whole cluster: changing one restarts nothing.

/// Kafka's cluster-wide dynamic settings that every release from 4.0 to 4.4 has (`DynamicBrokerConfig.java`,
/// `LogCleaner.java`, `SocketServer.java`).
///
/// Left out are the thread counts, of which Kafka takes no more than twice or half of the present one at a time, and
/// what concerns security or tiered storage: those change by replacing the nodes, as all others do.
const CLUSTER_WIDE: [&str; 36] = [
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "log.segment.bytes",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "message.max.bytes",
    MIN_IN_SYNC,
    "producer.id.expiration.ms",
    "unclean.leader.election.enable",
];

/// Kafka writes this one down for the whole cluster by itself (with eligible leader replicas, from 4.1 on), and does
/// not let it be taken back.
pub const MIN_IN_SYNC: &str = "min.insync.replicas";

/// Whether a change of `setting` needs no restart.
pub fn is_dynamic(setting: &str) -> bool {
    CLUSTER_WIDE.contains(&setting)
}

#[cfg(test)]
mod tests {
    use super::{CLUSTER_WIDE, is_dynamic};

    #[test]
    fn what_kafka_takes_at_run_time_is_told_from_the_rest() {
        assert!(is_dynamic("log.retention.ms") && is_dynamic("min.insync.replicas"));
        // The same time by another name is read at the start only; `times` says it in milliseconds.
        assert!(!is_dynamic("log.retention.hours"));
        assert!(!is_dynamic("num.io.threads") && !is_dynamic("listeners"));
        assert!(CLUSTER_WIDE.is_sorted());
    }
}
