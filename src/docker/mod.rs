//! The Docker engine: the only user of bollard. Layer 2.
//!
//! [`Engine`] is a connection; its methods are spread over this folder's files by purpose. Nothing
//! is decided here: a plan comes in, requests go out, facts come back. Objects are the project's by
//! their labels alone ([`crate::model::label`]); what does not carry them is never changed.

use std::{sync::Arc, time::Duration};

use bollard::Docker;

pub mod archive;
mod build;
mod connect;
mod containers;
pub mod context;
#[cfg(test)]
mod context_tests;
mod credentials;
mod endpoint;
pub mod exec;
mod fault;
mod ignore;
mod images;
mod info;
pub mod logs;
mod networks;
mod observe;
mod oneshot;
pub mod ports;
mod processes;
mod projects;
mod proxy;
mod pull;
mod settled;
mod sought;
mod stats;
mod tarball;
mod translate;
mod volumes;

pub use archive::{UploadEntry, UploadKind};
pub use exec::{Chunk, Exec, ExecControl};
pub use info::EngineInfo;
pub use logs::{LogLine, LogPosition, LogQuery, LogStream};
pub use ports::{Holder, taken};
pub use projects::ProjectSummary;
pub use proxy::Proxies;
pub use pull::Mirror;
pub use sought::Sought;

/// Requests that wait for something slow: a pull, a build, a stop, a container's end. A day is
/// longer than any of them; bollard's own 120 s, counted until the answer's headers, is not.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// A connection to a Docker engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// For requests that are answered at once.
    quick: Docker,
    /// For requests that take as long as they take.
    patient: Docker,
    /// Where the engine is.
    address: endpoint::Address,
    /// Who said so.
    origin: endpoint::Origin,
    /// What `/version` said.
    version: info::Version,
}

impl Engine {
    fn new(docker: Docker, address: endpoint::Address, origin: endpoint::Origin, version: info::Version) -> Self {
        let patient = docker.clone().with_timeout(PATIENCE);
        Engine { inner: Arc::new(Inner { quick: docker, patient, address, origin, version }) }
    }

    fn quick(&self) -> &Docker {
        &self.inner.quick
    }

    fn patient(&self) -> &Docker {
        &self.inner.patient
    }

    fn is_podman(&self) -> bool {
        self.inner.version.podman
    }

    /// Whether the engine is reached over a socket file, so that its published ports are on this
    /// machine (or, with Docker Desktop and its like, forwarded to it).
    pub fn is_local(&self) -> bool {
        matches!(self.inner.address, endpoint::Address::Unix(_))
    }

    /// What chose the engine: a variable, a context, or its being at the usual place.
    pub fn chosen_by(&self) -> String {
        self.inner.origin.to_string()
    }

    /// Where the engine is, as DOCKER_HOST would name it.
    pub fn address(&self) -> String {
        self.inner.address.to_string()
    }
}
