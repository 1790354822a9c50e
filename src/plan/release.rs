//! Kafka's releases: which metadata each can read, and which changes from one to another kdev rolls through.

use crate::model::KafkaVersion;

/// The releases that kdev knows: major, minor, and the highest level of `metadata.version` that their binaries read
/// (`MetadataVersion.java`, `LATEST_PRODUCTION` of each release; 29, 30 and 33 seen on running nodes).
const KNOWN: [(u16, u16, i16); 5] = [(4, 0, 25), (4, 1, 27), (4, 2, 29), (4, 3, 30), (4, 4, 33)];

/// The highest level of metadata that a release reads; none where kdev does not know the release.
pub fn highest_level(version: KafkaVersion) -> Option<i16> {
    KNOWN.iter().find(|&&(major, minor, _)| (major, minor) == (version.major, version.minor)).map(|&(.., level)| level)
}

/// Why a cluster may not go from one release to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// kdev does not know whether Kafka supports it.
    Unknown {
        /// What a node runs.
        from: KafkaVersion,
        /// What it is to run.
        to: KafkaVersion,
    },
    /// The metadata are finalized at a level that the other release cannot read.
    Finalized {
        /// The level.
        level: i16,
        /// What the nodes are to run.
        to: KafkaVersion,
    },
}

/// Whether nodes on `from`, of a cluster whose metadata are at `level` (none: not known), may go to `to`.
///
/// Kafka upgrades any release from 3.3 on to any later 4.x directly (its upgrade notes of 4.0 to 4.3), and goes back
/// as long as the older binaries read the finalized metadata.
///
/// # Errors
/// Why not.
pub fn check(from: KafkaVersion, to: KafkaVersion, level: Option<i16>) -> Result<(), Refusal> {
    if (from.major, from.minor) == (to.major, to.minor) {
        return Ok(());
    }
    let (Some(_), Some(reads)) = (highest_level(from), highest_level(to)) else {
        return Err(Refusal::Unknown { from, to });
    };
    match level {
        Some(level) if level > reads => Err(Refusal::Finalized { level, to }),
        _ => Ok(()),
    }
}

/// The releases that kdev knows between two others, as people write them: `4.3, 4.4`.
pub fn between(from: KafkaVersion, to: KafkaVersion) -> Vec<String> {
    let (low, high) = if from < to { (from, to) } else { (to, from) };
    KNOWN
        .iter()
        .filter(|&&(major, minor, _)| {
            (low.major, low.minor) < (major, minor) && (major, minor) < (high.major, high.minor)
        })
        .map(|(major, minor, _)| format!("{major}.{minor}"))
        .collect()
}

/// The releases that kdev knows, as people write them: `4.0 to 4.4`.
pub fn known() -> String {
    let name = |release: Option<&(u16, u16, i16)>| release.map(|(a, b, _)| format!("{a}.{b}")).unwrap_or_default();
    format!("{} to {}", name(KNOWN.first()), name(KNOWN.last()))
}

/// The release name of a level of `metadata.version` (Kafka's `MetadataVersion.java`).
pub fn metadata_version(level: i16) -> String {
    let name = match level {
        21 => "3.9-IV0",
        22 => "4.0-IV0",
        23 => "4.0-IV1",
        24 => "4.0-IV2",
        25 => "4.0-IV3",
        26 => "4.1-IV0",
        27 => "4.1-IV1",
        28 => "4.2-IV0",
        29 => "4.2-IV1",
        30 => "4.3-IV0",
        31 => "4.4-IV0",
        32 => "4.4-IV1",
        33 => "4.4-IV2",
        other => return format!("level {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Refusal, between, check, known};
    use crate::model::KafkaVersion;

    fn version(text: &str) -> KafkaVersion {
        text.parse().unwrap()
    }

    #[test]
    fn every_pair_up_is_one_step_and_the_way_back_ends_at_what_is_finalized() {
        for (from, to, level) in
            [("4.0.0", "4.4.0", 25), ("4.2.1", "4.3.1", 29), ("4.3.1", "4.2.1", 29), ("4.4.0", "4.4.1", 33)]
        {
            assert_eq!(check(version(from), version(to), Some(level)), Ok(()), "{from} to {to}");
        }
        let back = check(version("4.3.1"), version("4.2.1"), Some(30));
        assert_eq!(back, Err(Refusal::Finalized { level: 30, to: version("4.2.1") }));
        // A patch is never refused: it reads what its neighbours wrote.
        assert_eq!(check(version("5.0.1"), version("5.0.0"), Some(40)), Ok(()));
    }

    #[test]
    fn what_kdev_does_not_know_is_refused_with_what_lies_between() {
        let (from, to) = (version("4.2.1"), version("5.0.0"));
        assert_eq!(check(from, to, Some(29)), Err(Refusal::Unknown { from, to }));
        assert_eq!(between(from, to), ["4.3", "4.4"]);
        assert_eq!(between(to, from), ["4.3", "4.4"]);
        assert!(between(version("4.2.1"), version("4.3.1")).is_empty());
        assert_eq!(known(), "4.0 to 4.4");
    }
}
