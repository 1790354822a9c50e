//! Who holds a port on this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    sync::LazyLock,
};

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, PortSummaryTypeEnum};
use regex::Regex;
use serde::Serialize;

use super::{Engine, fault, observe::is_of, processes};
use crate::{
    error::{Error, Result},
    model::{Project, label},
};

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A running container publishes it.
    Container {
        /// Its name.
        name: String,
        /// Its image.
        image: String,
        /// Where it is kdev's: the project's name and directory.
        project: Option<(String, String)>,
    },
    /// A program on this machine listens on it.
    Process {
        /// Its name.
        name: String,
        /// Its process id.
        pid: u32,
    },
    /// Somebody does, and does not let it be seen who.
    Unknown,
}

impl Engine {
    /// Who holds a port on 127.0.0.1; none where it is free. On a remote engine only containers are
    /// seen.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn port_holder(&self, port: u16) -> Result<Option<Holder>> {
        let running = self.running().await?;
        if let Some(container) = running.into_iter().find(|container| published(container).contains(&port)) {
            return Ok(Some(holder(container)));
        }
        if !self.is_local() {
            return Ok(None);
        }
        Ok(fault::blocking(move || match processes::listener(port) {
            Some((name, pid)) => Some(Holder::Process { name, pid }),
            // Another user's program is not seen in /proc, but is noticed when binding.
            None => is_taken(port).then_some(Holder::Unknown),
        })
        .await)
    }

    /// The TCP ports that running containers publish on this engine, each with the container's name.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn published_ports(&self) -> Result<BTreeMap<u16, String>> {
        let running = self.running().await?;
        let all = running
            .iter()
            .flat_map(|container| published(container).into_iter().map(|port| (port, container_name(container))));
        Ok(all.collect())
    }

    /// The ports that other projects' data volumes remember: those projects get them again with their next `up`.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn remembered_ports(&self, except: &Project) -> Result<BTreeSet<u16>> {
        let volumes = self.all_volumes().await?;
        let others = volumes.iter().filter(|volume| !is_of(except, &volume.labels));
        Ok(others.filter_map(|volume| volume.labels.get(label::PORT)?.parse().ok()).collect())
    }

    /// The containers that have a process, which keeps their ports.
    async fn running(&self) -> Result<Vec<ContainerSummary>> {
        use ContainerSummaryStateEnum as State;
        let mut containers = self.all_containers().await?;
        // Podman does not count frozen ones, nor those that have been told to end, and lists ports of others too.
        containers.retain(|container| {
            matches!(container.state, Some(State::RUNNING | State::PAUSED | State::RESTARTING | State::STOPPING))
        });
        Ok(containers)
    }

    /// The error of a start that failed for a port.
    pub(super) async fn port_taken(&self, port: u16) -> Error {
        // Where it cannot be found out, the port alone is said.
        let holder = self.port_holder(port).await.ok().flatten().unwrap_or(Holder::Unknown);
        taken(port, &holder)
    }
}

/// The error that says who holds a port, and what to do.
pub fn taken(port: u16, holder: &Holder) -> Error {
    let (who, remedy) = match holder {
        Holder::Container { name, image, project } => {
            let remedy = match project {
                Some((project, directory)) => format!("kdev -p {project} down, in {directory}"),
                None => format!("docker stop {name}"),
            };
            (format!("container `{name}` (image {image})"), remedy)
        }
        Holder::Process { name, pid } => (format!("program `{name}` (process {pid})"), format!("kill {pid}")),
        Holder::Unknown => ("another program".to_owned(), format!("sudo lsof -i TCP:{port}, to see which")),
    };
    Error::failed(format!("port {port} on 127.0.0.1 is taken by {who}"))
        .hint(remedy)
        .hint("remove `ports` from [kafka] in kdev.toml, and kdev picks free ones")
}

/// The port over which a start failed, if that is why it failed.
pub(super) fn conflicting_port(reason: &str) -> Option<u16> {
    const PHRASES: [&str; 4] = [
        "port is already allocated",
        "address already in use",
        "cannot listen on the TCP port",
        "failed to bind host port",
    ];
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\]|:):(\d{1,5})\b").expect("the pattern is a constant that tests run")
    });
    if !PHRASES.iter().any(|phrase| reason.contains(phrase)) {
        return None;
    }
    // With "from A to B" the last address is the container's, so the first counts.
    ADDRESS.captures(reason)?.get(1)?.as_str().parse().ok()
}

pub(super) fn published(container: &ContainerSummary) -> Vec<u16> {
    let ports = container.ports.iter().flatten();
    let tcp = ports.filter(|port| matches!(port.typ, None | Some(PortSummaryTypeEnum::TCP)));
    tcp.filter_map(|port| port.public_port).filter(|port| *port != 0).collect()
}

fn container_name(container: &ContainerSummary) -> String {
    let name = container.names.as_ref().and_then(|names| names.first());
    name.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

fn holder(container: ContainerSummary) -> Holder {
    let label = |key| container.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
    Holder::Container {
        name: container_name(&container),
        project: label(label::PROJECT).zip(label(label::DIRECTORY)),
        image: container.image.unwrap_or_default(),
    }
}

fn is_taken(port: u16) -> bool {
    let bound = TcpListener::bind(("127.0.0.1", port));
    bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_conflict_is_known_in_every_engines_words() {
        for said in [
            "driver failed programming external connectivity on endpoint x (0a1b): Bind for 127.0.0.1:9092 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint x (0a1b): Error starting userland proxy: listen tcp4 127.0.0.1:9092: bind: address already in use",
            "failed to set up container networking: failed to bind host port 127.0.0.1:9092/tcp: address already in use",
            "cannot listen on the TCP port: listen tcp4 127.0.0.1:9092: bind: address already in use",
            "rootlessport listen tcp 127.0.0.1:9092: bind: address already in use",
            "Ports are not available: exposing port TCP 127.0.0.1:9092 -> 0.0.0.0:0: listen tcp 127.0.0.1:9092: bind: address already in use",
        ] {
            assert_eq!(conflicting_port(said), Some(9092), "{said}");
        }
        assert_eq!(conflicting_port("no such image 127.0.0.1:9092"), None);
    }

    #[test]
    fn the_error_names_the_holder_and_the_way_out() {
        let container =
            |project| Holder::Container { name: "old-kafka".to_owned(), image: "bitnami/kafka".to_owned(), project };
        let error = taken(9092, &container(None));
        assert_eq!(error.message, "port 9092 on 127.0.0.1 is taken by container `old-kafka` (image bitnami/kafka)");
        assert_eq!(
            error.hints,
            ["docker stop old-kafka", "remove `ports` from [kafka] in kdev.toml, and kdev picks free ones"]
        );
        let other = taken(9092, &container(Some(("blog".to_owned(), "/home/me/blog".to_owned()))));
        assert_eq!(other.hints[0], "kdev -p blog down, in /home/me/blog");
        let process = taken(9092, &Holder::Process { name: "java".to_owned(), pid: 7 });
        assert_eq!(process.hints[0], "kill 7");
    }

    #[test]
    fn a_bound_port_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener.local_addr().expect("bound").port();
        assert!(is_taken(port));
        drop(listener);
        assert!(!is_taken(port));
    }
}
