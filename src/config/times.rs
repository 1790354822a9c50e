//! Broker settings of time that Kafka takes in several units: made into the one in milliseconds.
//!
//! Kafka reads `log.retention.hours` and its like at the start only, and prefers the finer unit where several are set
//! (`KafkaConfig.logRetentionTimeMillis`). The one in milliseconds a running Kafka takes over, so that changing it
//! restarts nothing, and a shorter time is held back as what takes records away.

use std::collections::BTreeMap;

/// The setting in milliseconds, and the coarser ones, the finer first, with how many milliseconds their unit has.
const UNITS: [(&str, &[(&str, i64)]); 3] = [
    ("log.retention.ms", &[("log.retention.minutes", 60_000), ("log.retention.hours", 3_600_000)]),
    ("log.roll.jitter.ms", &[("log.roll.jitter.hours", 3_600_000)]),
    ("log.roll.ms", &[("log.roll.hours", 3_600_000)]),
];

/// Says each time in milliseconds. What is no number is left for Kafka to refuse, with its own reason.
pub fn in_milliseconds(config: &mut BTreeMap<String, String>) {
    for (in_ms, coarser) in UNITS {
        for (name, unit) in coarser {
            let Some(value) = config.get(*name).and_then(|value| value.trim().parse::<i64>().ok()) else { continue };
            config.remove(*name);
            // Less than nothing is without limit.
            let ms = if value < 0 { -1 } else { value.saturating_mul(*unit) };
            config.entry(in_ms.to_owned()).or_insert_with(|| ms.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(config: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        in_milliseconds(&mut config);
        config.into_iter().collect()
    }

    fn says(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn every_unit_becomes_milliseconds_and_the_finest_wins() {
        assert_eq!(told(&[("log.retention.hours", "24")]), says("log.retention.ms", "86400000"));
        assert_eq!(told(&[("log.retention.hours", "-1")]), says("log.retention.ms", "-1"));
        let minutes_and_hours = [("log.retention.minutes", "5"), ("log.retention.hours", "24")];
        assert_eq!(told(&minutes_and_hours), says("log.retention.ms", "300000"));
        let all = [("log.retention.ms", "7"), ("log.retention.minutes", "5"), ("log.retention.hours", "24")];
        assert_eq!(told(&all), says("log.retention.ms", "7"));
        assert_eq!(told(&[("log.roll.hours", "1")]), says("log.roll.ms", "3600000"));
    }

    #[test]
    fn what_is_no_number_is_kafkas_to_refuse() {
        assert_eq!(told(&[("log.retention.hours", "abc")]), says("log.retention.hours", "abc"));
    }
}
