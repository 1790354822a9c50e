//! The engine itself: which one, and what its version and kind mean for a cluster.

use super::report::{Category, Check};
use crate::docker::EngineInfo;

/// Up to this version, neighbours on the same network reach ports that are published on 127.0.0.1 only
/// (moby#45610; what fixed it had a hole of its own until then, CVE-2025-54388).
const LOOPBACK_SAFE: [u32; 3] = [28, 3, 3];

/// Judges the engine at `address`, which `chosen_by` chose. `behind_vm` tells that it runs in a virtual machine of
/// its own, whose network no neighbour sees.
pub(super) fn checks(info: &EngineInfo, address: &str, chosen_by: &str, behind_vm: bool) -> Vec<Check> {
    let mut checks = vec![present(info, address, chosen_by)];
    checks.extend((!behind_vm).then(|| loopback(info)).flatten());
    checks.push(limits(info));
    checks
}

fn present(info: &EngineInfo, address: &str, chosen_by: &str) -> Check {
    let kind = kind(info);
    let EngineInfo { version, api_version, os, arch, .. } = info;
    Check::pass(
        Category::Engine,
        "engine",
        format!("{kind} {version} (API {api_version}) on {os}, {arch}, at {address} ({chosen_by})"),
    )
}

fn kind(info: &EngineInfo) -> &'static str {
    match (info.is_podman, info.is_rootless) {
        (true, true) => "rootless Podman",
        (true, false) => "Podman",
        (false, true) => "rootless Docker Engine",
        (false, false) => "Docker Engine",
    }
}

fn loopback(info: &EngineInfo) -> Option<Check> {
    if info.is_podman || info.is_desktop {
        return None;
    }
    let version = numbers(&info.version)?;
    let name = "loopback ports";
    Some(if version < LOOPBACK_SAFE {
        Check::warning(
            Category::Engine,
            name,
            format!(
                "with Docker Engine {} neighbours on the same network may reach ports published on 127.0.0.1 \
                 (moby#45610, CVE-2025-54388)",
                info.version
            ),
            "upgrade to Docker Engine 28.3.3 or newer; until then, keep to networks that you trust",
        )
    } else {
        Check::pass(Category::Engine, name, "ports published on 127.0.0.1 are reached from this machine only")
    })
}

fn limits(info: &EngineInfo) -> Check {
    let name = "memory limits";
    // Rootless Podman has been seen to ignore limits that it said it supports.
    if !info.limits_memory || (info.is_podman && info.is_rootless) {
        return Check::warning(
            Category::Engine,
            name,
            format!(
                "{} does not hold containers to their memory limits: `memory` in kdev.toml sizes the heap only",
                kind(info)
            ),
            "an engine with root's rights, or cgroup v2 with the memory controller delegated to your user",
        );
    }
    Check::pass(Category::Engine, name, "the engine holds containers to them")
}

/// The numbers of a version: 20, 10, 24 of `20.10.24+dfsg1`.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::{super::report::Status, *};

    fn info(version: &str) -> EngineInfo {
        EngineInfo {
            name: "here".to_owned(),
            version: version.to_owned(),
            api_version: "1.41".to_owned(),
            os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            arch: "x86_64".to_owned(),
            cpus: 2,
            memory_bytes: 8 << 30,
            data_root: "/var/lib/docker".to_owned(),
            is_podman: false,
            is_desktop: false,
            is_rootless: false,
            limits_memory: true,
        }
    }

    fn status(info: &EngineInfo, name: &str) -> Option<Status> {
        let checks = checks(info, "unix:///d.sock", "DOCKER_HOST", false);
        checks.iter().find(|check| check.name == name).map(|check| check.status)
    }

    #[test]
    fn an_older_engine_opens_loopback_ports_to_neighbours() {
        assert_eq!(status(&info("20.10.24+dfsg1"), "loopback ports"), Some(Status::Warning));
        assert_eq!(status(&info("28.3.2"), "loopback ports"), Some(Status::Warning));
        assert_eq!(status(&info("28.3.3"), "loopback ports"), Some(Status::Pass));
        assert_eq!(status(&info("29.0.0-rc.1"), "loopback ports"), Some(Status::Pass));
        assert_eq!(status(&info("unknown"), "loopback ports"), None);
        let podman = EngineInfo { is_podman: true, ..info("4.3.1") };
        assert_eq!(status(&podman, "loopback ports"), None);
        assert_eq!(checks(&info("20.10.24"), "", "", true).len(), 2, "nothing to say of a machine of its own");
    }

    #[test]
    fn an_engine_that_ignores_memory_limits_is_told() {
        assert_eq!(status(&info("28.3.3"), "memory limits"), Some(Status::Pass));
        let without = EngineInfo { limits_memory: false, ..info("28.3.3") };
        assert_eq!(status(&without, "memory limits"), Some(Status::Warning));
        let rootless = EngineInfo { is_podman: true, is_rootless: true, ..info("4.3.1") };
        assert_eq!(status(&rootless, "memory limits"), Some(Status::Warning));
    }
}
