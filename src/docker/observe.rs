//! What the engine holds for one project.

use std::collections::{BTreeMap, HashMap};

use bollard::{
    models::{
        ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum, Network,
        Volume,
    },
    query_parameters::{ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptions},
};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Engine,
    containers::bound_ports,
    fault::Doing,
    images::whole_id,
    settled::{is_unknown_state, once_settled},
    sought::Sought,
};
use crate::{
    error::Result,
    model::{NodeId, Project, Role, label},
    observed::{ContainerFacts, ContainerState, DockerFacts, LastNetwork, NetworkFacts, Stranger, VolumeFacts},
    plan::node::name_before_aside,
};

pub(super) type Labels = HashMap<String, String>;

impl Engine {
    /// Everything of the project on the engine, by its labels, with the images that are sought; and what of somebody
    /// else has a name that begins as the project's do.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn facts(&self, project: &Project, sought: &Sought) -> Result<DockerFacts> {
        let (containers, networks, volumes, images) = tokio::try_join!(
            self.all_containers(),
            self.all_networks(),
            self.all_volumes(),
            self.find_images(project, sought),
        )?;
        let ours = |labels: Option<&Labels>| labels.is_some_and(|labels| is_of(project, labels));
        let mut strangers = Vec::new();
        let prefix = project.prefix();
        let mut look = |kind: &'static str, name: &str, labels: Option<&Labels>| {
            if name.starts_with(&prefix) && !ours(labels) {
                strangers.push(Stranger { kind, name: name.to_owned() });
            }
        };
        for container in &containers {
            names_of(container).for_each(|name| look("container", name, container.labels.as_ref()));
        }
        for network in &networks {
            look("network", network.name.as_deref().unwrap_or_default(), network.labels.as_ref());
        }
        for volume in &volumes {
            look("volume", &volume.name, Some(&volume.labels));
        }
        let containers = self.inspected(project, containers).await?;
        Ok(DockerFacts {
            images: images.by_reference,
            prepared: images.prepared,
            unfinished_images: images.unfinished,
            app_images: images.apps,
            networks: networks_of(project, networks),
            volumes: volumes_of(project, volumes),
            containers,
            strangers,
        })
    }

    /// The project's containers as they are now; the rest of the facts stays as it was. A fraction of the engine's
    /// work for [`Engine::facts`]: of all that, only containers change by themselves.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn with_containers_of_now(&self, project: &Project, facts: DockerFacts) -> Result<DockerFacts> {
        let containers = self.inspected(project, self.all_containers().await?).await?;
        Ok(DockerFacts { containers, ..facts })
    }

    /// As [`Engine::with_containers_of_now`], networks and volumes too: all but images, whose list takes the longest.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn with_places_of_now(&self, project: &Project, facts: DockerFacts) -> Result<DockerFacts> {
        let facts = self.with_containers_of_now(project, facts);
        let (facts, networks, volumes) = tokio::try_join!(facts, self.all_networks(), self.all_volumes())?;
        Ok(DockerFacts { networks: networks_of(project, networks), volumes: volumes_of(project, volumes), ..facts })
    }

    /// The nodes of the project that run, with their ports on the host: what a client needs, by one question instead
    /// of a dozen.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn running_nodes(&self, project: &Project) -> Result<BTreeMap<NodeId, u16>> {
        let containers = self.all_containers().await?;
        let running = containers.iter().filter(|c| c.state == Some(ContainerSummaryStateEnum::RUNNING));
        let ours = running.filter_map(|container| {
            let labels = container.labels.as_ref()?;
            if !(is_of(project, labels) && is_for(Role::Node, labels)) {
                return None;
            }
            let id = NodeId::from_service(labels.get(label::SERVICE)?)?;
            let port = container.ports.iter().flatten().find_map(|port| port.public_port)?;
            Some((id, port))
        });
        Ok(ours.collect())
    }

    /// Where the project's apps are in its networks: a container's address to the app's name.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn app_addresses(&self, project: &Project) -> Result<BTreeMap<String, String>> {
        Ok(app_addresses_of(project, &self.all_containers().await?))
    }

    /// The names of the containers at work on a prepared image, of whatever user.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn preparing(&self) -> Result<Vec<String>> {
        let containers = self.all_containers().await?;
        let is_preparing = |labels: &Labels| is_for(Role::Prepared, labels);
        let preparing = containers.iter().filter(|container| container.labels.as_ref().is_some_and(is_preparing));
        Ok(preparing.filter_map(|container| names_of(container).next()).map(str::to_owned).collect())
    }

    /// All containers, running or not.
    pub(super) async fn all_containers(&self) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let listed = once_settled(is_unknown_state, || self.quick().list_containers(Some(options.clone()))).await;
        listed.doing(|| "listing containers".to_owned())
    }

    /// All networks.
    pub(super) async fn all_networks(&self) -> Result<Vec<Network>> {
        self.quick().list_networks(None::<ListNetworksOptions>).await.doing(|| "listing networks".to_owned())
    }

    /// All volumes.
    pub(super) async fn all_volumes(&self) -> Result<Vec<Volume>> {
        let listed = self.quick().list_volumes(None::<ListVolumesOptions>).await;
        Ok(listed.doing(|| "listing volumes".to_owned())?.volumes.unwrap_or_default())
    }

    /// The project's containers of a list, in the order of their names. The list lacks exit codes, restarts and the
    /// ports of stopped containers.
    async fn inspected(&self, project: &Project, listed: Vec<ContainerSummary>) -> Result<Vec<ContainerFacts>> {
        let ours =
            |container: &ContainerSummary| container.labels.as_ref().is_some_and(|labels| is_of(project, labels));
        let ids: Vec<String> = listed.into_iter().filter(ours).filter_map(|container| container.id).collect();
        let found = join_all(ids.iter().map(|id| self.inspect(id))).await;
        // One that was removed since the listing is none.
        let found: Result<Vec<_>> = found.into_iter().collect();
        let mut containers: Vec<_> = found?.into_iter().flatten().filter_map(container_facts).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }
}

fn app_addresses_of(project: &Project, containers: &[ContainerSummary]) -> BTreeMap<String, String> {
    let mut addresses = BTreeMap::new();
    for container in containers {
        let Some(labels) = &container.labels else { continue };
        if !(is_of(project, labels) && is_for(Role::App, labels)) {
            continue;
        }
        let Some(service) = labels.get(label::SERVICE) else { continue };
        let networks = container.network_settings.iter().flat_map(|settings| settings.networks.iter().flatten());
        let of_it = networks.filter_map(|(_, endpoint)| endpoint.ip_address.clone());
        // A container that does not run has an empty one.
        addresses.extend(of_it.filter(|address| !address.is_empty()).map(|address| (address, service.clone())));
    }
    addresses
}

/// Whether labels are of the project: its name and its directory, as two may share a name.
pub(super) fn is_of(project: &Project, labels: &Labels) -> bool {
    labels.get(label::PROJECT).map(String::as_str) == Some(project.name.as_str())
        && labels.get(label::DIRECTORY).is_some_and(|directory| *directory == project.directory.to_string_lossy())
}

/// Whether labels are those of an object for this.
pub(super) fn is_for(role: Role, labels: &Labels) -> bool {
    labels.get(label::ROLE).map(String::as_str) == Some(role.as_str())
}

/// A container's names.
pub(super) fn names_of(container: &ContainerSummary) -> impl Iterator<Item = &str> {
    container.names.iter().flatten().map(|full| full.trim_start_matches('/'))
}

/// Whether a container mounts the volume, running or not.
pub(super) fn uses_volume(container: &ContainerSummary, volume: &str) -> bool {
    container.mounts.iter().flatten().any(|mount| mount.name.as_deref() == Some(volume))
}

fn networks_of(project: &Project, networks: Vec<Network>) -> Vec<NetworkFacts> {
    let ours = |network: &Network| network.labels.as_ref().is_some_and(|labels| is_of(project, labels));
    networks.into_iter().filter(ours).filter_map(network_facts).collect()
}

fn network_facts(network: Network) -> Option<NetworkFacts> {
    Some(NetworkFacts { id: network.id?, name: network.name? })
}

fn volumes_of(project: &Project, volumes: Vec<Volume>) -> BTreeMap<NodeId, VolumeFacts> {
    volumes.into_iter().filter(|volume| is_of(project, &volume.labels)).filter_map(volume_facts).collect()
}

fn volume_facts(volume: Volume) -> Option<(NodeId, VolumeFacts)> {
    let label = |key: &str| volume.labels.get(key).cloned().unwrap_or_default();
    let node = NodeId::from_service(&label(label::SERVICE))?;
    let port = label(label::PORT).parse().unwrap_or(0);
    let voters = label(label::VOTERS).parse().unwrap_or(0);
    Some((node, VolumeFacts { cluster: label(label::CLUSTER), port, voters, name: volume.name }))
}

/// A container as a fact; none where it has no id.
fn container_facts(inspected: ContainerInspectResponse) -> Option<ContainerFacts> {
    let ports = bound_ports(&inspected);
    let network = network_of(&inspected);
    let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let state = inspected.state.unwrap_or_default();
    let name = inspected.name.unwrap_or_default().trim_start_matches('/').to_owned();
    // A build in progress has steps that bear only the first of its labels.
    let role = Role::from_label(&label(label::ROLE)).unwrap_or(Role::Image);
    Some(ContainerFacts {
        id: inspected.id?,
        set_aside: role == Role::Node && name_before_aside(&name).is_some(),
        version: label(label::VERSION).parse().ok(),
        name,
        role,
        service: label(label::SERVICE),
        spec: label(label::SPEC),
        image: whole_id(inspected.image.unwrap_or_default()),
        pid: state.pid.and_then(|pid| pid.try_into().ok()).filter(|&pid| pid > 0),
        started_ms: state.started_at.as_deref().map_or(0, millis),
        network,
        state: container_state(&state),
        restarts: inspected.restart_count.and_then(|n| n.try_into().ok()).unwrap_or(0),
        ports,
    })
}

/// The network that a container was made for, as the engine knew it at the last start.
fn network_of(inspected: &ContainerInspectResponse) -> LastNetwork {
    let known = || {
        let name = inspected.host_config.as_ref()?.network_mode.as_ref()?;
        let networks = inspected.network_settings.as_ref()?.networks.as_ref()?;
        let has_run = inspected.state.as_ref()?.status != Some(ContainerStateStatusEnum::CREATED);
        if has_run && networks.is_empty() {
            return Some(LastNetwork::Lost);
        }
        networks.get(name)?.network_id.clone().filter(|id| !id.is_empty()).map(LastNetwork::Known)
    };
    known().unwrap_or(LastNetwork::None)
}

/// The engine writes the year 1 for never.
fn millis(time: &str) -> i64 {
    time.parse::<Timestamp>().map_or(0, |time| time.as_millisecond().max(0))
}

fn container_state(state: &bollard::models::ContainerState) -> ContainerState {
    use ContainerStateStatusEnum as Status;
    match state.status {
        Some(Status::CREATED) => ContainerState::Created,
        // Podman's word for one that has been told to end and has not yet; Docker's is still `running`.
        Some(Status::RUNNING | Status::STOPPING) => ContainerState::Running,
        Some(Status::PAUSED) => ContainerState::Paused,
        Some(Status::RESTARTING) => ContainerState::Restarting,
        Some(Status::EXITED) => {
            ContainerState::Exited { code: state.exit_code.unwrap_or(0), oom: state.oom_killed.unwrap_or(false) }
        }
        Some(Status::REMOVING) => ContainerState::Removing,
        _ => ContainerState::Dead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_known_by_its_address() {
        let container = |directory: &str, role: &str, service: &str, address: &str| -> ContainerSummary {
            serde_json::from_value(serde_json::json!({
                "Labels": {label::PROJECT: "blog", label::DIRECTORY: directory, label::ROLE: role, label::SERVICE: service},
                "NetworkSettings": {"Networks": {"kdev-blog": {"IPAddress": address}}},
            }))
            .expect("a container")
        };
        let project = Project { name: "blog".parse().expect("a name"), directory: "/blog".into() };
        let containers = [
            container("/blog", "app", "consumer", "172.18.0.5"),
            container("/blog", "app", "consumer", "172.18.0.6"),
            container("/blog", "app", "stopped", ""),
            container("/blog", "node", "kafka-1", "172.18.0.2"),
            container("/other", "app", "consumer", "172.19.0.5"),
        ];
        let addresses = ["172.18.0.5", "172.18.0.6"].map(|address| (address.to_owned(), "consumer".to_owned()));
        assert_eq!(app_addresses_of(&project, &containers), BTreeMap::from(addresses));
    }
}
