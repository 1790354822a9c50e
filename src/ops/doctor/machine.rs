//! What the engine can use: processors, memory, disk.

use std::fs;

use super::report::{Category, Check};
use crate::{config::Settings, docker::EngineInfo};

/// What a node resides in when it has started (155 to 167 MiB measured, Kafka 4.3.1, quick profile).
const STARTED_NODE: u64 = 170 << 20;
/// Below this a node's logs fill the disk within a developer's afternoon, and Kafka stops a node on a full disk.
const LEAST_DISK: u64 = 512 << 20;
/// Kafka's and Python's images take 1 GiB, their preparation and the apps' builds as much again.
const AMPLE_DISK: u64 = 4 << 30;
const MORE_MEMORY: &str = "less `memory` or fewer `brokers` in [kafka] in kdev.toml\nmore memory for the engine";

/// What the project may take by its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    nodes: u64,
    apps: u64,
    limits: u64,
}

impl Needs {
    /// Of all nodes and apps of the file.
    pub(super) fn of(settings: &Settings) -> Self {
        let nodes = u64::from(settings.kafka.brokers);
        let apps = settings.apps.values();
        let app_limits: u64 = apps.clone().map(|app| u64::from(app.replicas) * app.memory_bytes).sum();
        Needs {
            nodes,
            apps: apps.map(|app| u64::from(app.replicas)).sum(),
            limits: nodes * settings.kafka.memory_bytes + app_limits,
        }
    }
}

/// Processors, few of which make waiting, not failing.
pub(super) fn processors(cpus: u32) -> Check {
    let name = "processors";
    match cpus {
        0 => Check::warning(Category::Machine, name, "the engine does not say how many it has", "docker info"),
        1 => Check::warning(
            Category::Machine,
            name,
            "1: nodes start one after the other's work, and a busy one may lose its session",
            "2 or more for the engine",
        ),
        cpus => Check::pass(Category::Machine, name, cpus.to_string()),
    }
}

/// The memory of the engine, `total` bytes, of which `available` are free now where that is known and matters.
pub(super) fn memory(needs: Needs, total: u64, available: Option<u64>) -> Check {
    let Needs { nodes, apps, limits } = needs;
    let name = "memory";
    let started = nodes * STARTED_NODE;
    let check =
        |make: fn(Category, &str, String, &str) -> Check, message| make(Category::Machine, name, message, MORE_MEMORY);
    if total < started {
        let message = format!("{} in all; {nodes} nodes take {} as soon as they run", size(total), size(started));
        return check(Check::fail, message);
    }
    if let Some(available) = available.filter(|&available| available < started) {
        let message =
            format!("{} are free now; {nodes} nodes take {} as soon as they run", size(available), size(started));
        return check(Check::warning, message);
    }
    let sum =
        format!("the limits of {nodes} nodes and {apps} app containers add up to {} of {}", size(limits), size(total));
    if limits > total {
        return check(Check::warning, format!("{sum}: under load the kernel may kill one"));
    }
    Check::pass(Category::Machine, name, sum)
}

/// The disk on which the engine keeps images and volumes, with `free` bytes for it.
pub(super) fn disk(data_root: &str, free: u64) -> Check {
    let name = "disk";
    let message = format!("{} are free at {data_root}, where the engine keeps images and data", size(free));
    let fix = "docker system df, to see what takes the room\ndocker image prune, to remove images that nothing uses";
    if free < LEAST_DISK {
        return Check::fail(Category::Machine, name, format!("{message}: Kafka stops a node whose disk is full"), fix);
    }
    if free < AMPLE_DISK {
        return Check::warning(Category::Machine, name, format!("{message}: images alone can take 2 GiB"), fix);
    }
    Check::pass(Category::Machine, name, message)
}

/// Bytes free for the engine where its data are, if that place can be seen from here: not within a virtual machine,
/// and not on another computer.
pub(super) fn free_disk(info: &EngineInfo, is_local: bool) -> Option<u64> {
    if !is_local || info.is_desktop || info.data_root.is_empty() {
        return None;
    }
    let found = rustix::fs::statvfs(info.data_root.as_str()).ok()?;
    // Without the reserve for root: rather too little than too much.
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Bytes of memory that programs can still get on this machine, where it is the engine's own.
pub(super) fn available_memory(info: &EngineInfo, is_local: bool) -> Option<u64> {
    if !is_local || info.is_desktop {
        return None;
    }
    available(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

fn size(bytes: u64) -> String {
    humansize::format_size(bytes, humansize::BINARY.decimal_places(1))
}

#[cfg(test)]
mod tests {
    use super::{super::report::Status, *};

    const NEEDS: Needs = Needs { nodes: 3, apps: 2, limits: 2560 << 20 };

    #[test]
    fn memory_is_judged_by_what_runs_and_by_what_may_be_taken() {
        let status = |total, available| memory(NEEDS, total, available).status;
        assert_eq!(status(400 << 20, None), Status::Fail, "the nodes alone do not fit");
        assert_eq!(status(2 << 30, None), Status::Warning, "the limits do not fit");
        assert_eq!(status(8 << 30, Some(100 << 20)), Status::Warning, "taken by others now");
        assert_eq!(status(8 << 30, Some(4 << 30)), Status::Pass);
        insta::assert_snapshot!(
            memory(NEEDS, 8 << 30, None).message,
            @"the limits of 3 nodes and 2 app containers add up to 2.5 GiB of 8 GiB"
        );
    }

    #[test]
    fn a_disk_is_judged_by_what_is_free() {
        assert_eq!(disk("/d", 100 << 20).status, Status::Fail);
        assert_eq!(disk("/d", 1 << 30).status, Status::Warning);
        assert_eq!(disk("/d", 100 << 30).status, Status::Pass);
    }

    #[test]
    fn one_processor_is_a_reservation() {
        assert_eq!(processors(1).status, Status::Warning);
        assert_eq!(processors(2).status, Status::Pass);
    }

    #[test]
    fn the_kernels_own_figure_is_read() {
        assert_eq!(available("MemTotal:  9 kB\nMemAvailable:    24 kB\n"), Some(24 << 10));
        assert_eq!(available("MemTotal:  9 kB\n"), None);
    }
}
