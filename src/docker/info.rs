//! What kind of engine it is.

use bollard::models::SystemVersion;
use serde::Serialize;

use super::{Engine, fault::Doing};
use crate::error::{Error, Kind, Result};

/// The oldest API that kdev works with: Docker Engine 20.10's.
const FLOOR: (u16, u16) = (1, 41);

/// What an engine says of its version.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub engine: String,
    pub api: (u16, u16),
    pub podman: bool,
}

impl From<SystemVersion> for Version {
    fn from(version: SystemVersion) -> Self {
        let api = version.api_version.as_deref().and_then(parse_api).unwrap_or(FLOOR);
        let components = version.components.unwrap_or_default();
        let podman = components.iter().any(|component| component.name.contains("Podman"));
        Version { engine: version.version.unwrap_or_else(|| "unknown".to_owned()), api, podman }
    }
}

fn parse_api(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl Version {
    /// Of an engine that was not asked.
    pub(super) fn unasked() -> Self {
        Version { engine: "unknown".to_owned(), api: FLOOR, podman: false }
    }

    /// Refuses an engine that is too old.
    pub(super) fn check_floor(&self) -> Result<()> {
        if self.api >= FLOOR {
            return Ok(());
        }
        let (major, minor) = self.api;
        Err(Error::new(
            Kind::NoEngine,
            format!(
                "the Docker engine is too old: version {} with API {major}.{minor}; kdev needs API 1.41 \
                 (Docker Engine 20.10) or newer",
                self.engine
            ),
        )
        .while_("looking for the Docker engine")
        .hint("upgrade it: https://docs.docker.com/engine/install/"))
    }
}

/// What an engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineInfo {
    /// The machine that the engine is on.
    pub name: String,
    /// The engine's version: `20.10.24`.
    pub version: String,
    /// The newest API that it speaks: `1.41`.
    pub api_version: String,
    /// Its operating system: `Debian GNU/Linux 12 (bookworm)`, `Docker Desktop`.
    pub os: String,
    /// Its architecture: `x86_64`.
    pub arch: String,
    /// Processors that it may use.
    pub cpus: u32,
    /// Memory that it may use, in bytes.
    pub memory_bytes: u64,
    /// Where it keeps images and volumes, on its own machine.
    pub data_root: String,
    /// Whether it is Podman.
    pub is_podman: bool,
    /// Whether it is Docker Desktop.
    pub is_desktop: bool,
    /// Whether it runs without root's rights.
    pub is_rootless: bool,
    /// Whether it says that it can limit a container's memory.
    pub limits_memory: bool,
}

impl Engine {
    /// The engine's description. Takes a few dozen milliseconds on a busy engine.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn info(&self) -> Result<EngineInfo> {
        let info = self.quick().info().await.doing(|| "asking the Docker engine about itself".to_owned())?;
        let version = &self.inner.version;
        let os = info.operating_system.unwrap_or_default();
        let security = info.security_options.unwrap_or_default();
        Ok(EngineInfo {
            name: info.name.unwrap_or_default(),
            version: version.engine.clone(),
            api_version: format!("{}.{}", version.api.0, version.api.1),
            is_desktop: os.contains("Docker Desktop"),
            os,
            arch: info.architecture.unwrap_or_default(),
            cpus: info.ncpu.and_then(|n| n.try_into().ok()).unwrap_or(0),
            memory_bytes: info.mem_total.and_then(|n| n.try_into().ok()).unwrap_or(0),
            data_root: info.docker_root_dir.unwrap_or_default(),
            is_podman: version.podman,
            limits_memory: info.memory_limit.unwrap_or(false),
            is_rootless: security.iter().any(|option| option.contains("rootless")),
        })
    }
}
