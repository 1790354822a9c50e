//! What the engine holds for one project.

use std::collections::{BTreeMap, HashMap};

use bollard::{
    models::{
        ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ImageSummary, Network,
        Volume,
    },
    query_parameters::{
        ListContainersOptionsBuilder, ListImagesOptions, ListImagesOptionsBuilder, ListNetworksOptions,
        ListVolumesOptions,
    },
};
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;

use super::{
    Engine,
    containers::bound_ports,
    fault::Doing,
    images::whole_id,
};
use crate::{
    plan::prepared,
    error::Result,
    model::{NodeId, Project, Role, label},
    observed::{AppImage, ContainerFacts, ContainerState, DockerFacts, ImageId, NetworkFacts, Stranger, VolumeFacts},
};

type Labels = HashMap<String, String>;

impl Engine {
    /// Everything of the project on the engine, by its labels; which of `images` are there; and which of
    /// the `wanted` names ("container", "network" or "volume", and the name) somebody else has.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn facts(
        &self,
        project: &Project,
        images: &[String],
        wanted: &[(&'static str, String)],
    ) -> Result<DockerFacts> {
        let (containers, networks, volumes, built, images) = tokio::try_join!(
            self.all_containers(),
            self.all_networks(),
            self.all_volumes(),
            self.built_images(),
            self.ids(images),
        )?;
        let (prepared, app_images) =
            built.into_iter().partition(|image| image.labels.get(label::ROLE).is_some_and(is_prepared));
        let ours = |labels: Option<&Labels>| labels.is_some_and(|labels| is_of(project, labels));
        let strangers = wanted.iter().filter(|(kind, name)| match *kind {
            "container" => containers.iter().any(|c| has_name(c, name) && !ours(c.labels.as_ref())),
            "network" => networks.iter().any(|n| n.name.as_ref() == Some(name) && !ours(n.labels.as_ref())),
            _ => volumes.iter().any(|v| &v.name == name && !ours(Some(&v.labels))),
        });
        let strangers = strangers.map(|(kind, name)| Stranger { kind, name: name.clone() }).collect();
        let mine = containers.into_iter().filter(|container| ours(container.labels.as_ref()));
        let mut containers = self.inspected(mine).await?;
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(DockerFacts {
            images,
            prepared: prepared_by_base(prepared),
            app_images: app_images_of(project, app_images),
            networks: networks.into_iter().filter(|n| ours(n.labels.as_ref())).filter_map(network_facts).collect(),
            volumes: volumes.into_iter().filter(|v| ours(Some(&v.labels))).filter_map(volume_facts).collect(),
            containers,
            strangers,
        })
    }

    /// All containers, running or not.
    pub(super) async fn all_containers(&self) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        self.quick().list_containers(Some(options)).await.doing(|| "listing containers".to_owned())
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

    /// The prepared image that was made from the image with the id `base`.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn prepared_image(&self, base: &str) -> Result<Option<ImageId>> {
        let images = self.images_labelled(vec![format!("{}={}", label::ROLE, Role::Prepared.as_str())]).await?;
        Ok(prepared_by_base(images).remove(base))
    }

    async fn images_labelled(&self, labels: Vec<String>) -> Result<Vec<ImageSummary>> {
        let options: ListImagesOptions =
            ListImagesOptionsBuilder::new().filters(&HashMap::from([("label", labels)])).build();
        self.quick().list_images(Some(options)).await.doing(|| "listing images".to_owned())
    }

    async fn ids(&self, references: &[String]) -> Result<BTreeMap<String, ImageId>> {
        let found = try_join_all(references.iter().map(|reference| async move {
            Ok::<_, crate::error::Error>(self.image_id(reference).await?.map(|id| (reference.clone(), id)))
        }));
        Ok(found.await?.into_iter().flatten().collect())
    }

    /// The list lacks exit codes, restarts and the ports of stopped containers.
    async fn inspected(&self, listed: impl Iterator<Item = ContainerSummary>) -> Result<Vec<ContainerFacts>> {
        let ids: Vec<String> = listed.filter_map(|container| container.id).collect();
        let found = join_all(ids.iter().map(|id| self.inspect(id))).await;
        // One that was removed since the listing is none.
        let found: Result<Vec<_>> = found.into_iter().collect();
        Ok(found?.into_iter().flatten().filter_map(container_facts).collect())
    }
}

fn project_filter(project: &Project) -> String {
    format!("{}={}", label::PROJECT, project.name)
}

/// Whether labels are of the project: its name and its directory, as two may share a name.
pub(super) fn is_of(project: &Project, labels: &Labels) -> bool {
    labels.get(label::PROJECT).map(String::as_str) == Some(project.name.as_str())
        && labels.get(label::DIRECTORY).is_some_and(|directory| *directory == project.directory.to_string_lossy())
}

fn has_name(container: &ContainerSummary, name: &str) -> bool {
    container.names.iter().flatten().any(|full| full.trim_start_matches('/') == name)
}

fn network_facts(network: Network) -> Option<NetworkFacts> {
    Some(NetworkFacts { id: network.id?, name: network.name? })
}

fn volume_facts(volume: Volume) -> Option<(NodeId, VolumeFacts)> {
    let label = |key: &str| volume.labels.get(key).cloned().unwrap_or_default();
    let node = NodeId::from_service(&label(label::SERVICE))?;
    let port = label(label::PORT).parse().unwrap_or(0);
    let voters = label(label::VOTERS).parse().unwrap_or(0);
    Some((node, VolumeFacts { cluster: label(label::CLUSTER), port, voters, name: volume.name }))
}

fn app_images_of(project: &Project, mut images: Vec<ImageSummary>) -> Vec<AppImage> {
    images.retain(|image| is_of(project, &image.labels));
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let facts = images.into_iter().filter_map(|image| {
        let app = image.labels.get(label::SERVICE)?.parse().ok()?;
        let spec = image.labels.get(label::SPEC)?.clone();
        Some(AppImage { id: whole_id(image.id), app, spec })
    });
    facts.collect()
}

fn prepared_by_base(mut images: Vec<ImageSummary>) -> BTreeMap<ImageId, ImageId> {
    // The newest last, so that it is the one that stays.
    images.sort_by_key(|image| image.created);
    let pairs = images.into_iter().filter_map(|mut image| {
        // One that an earlier release of kdev laid out otherwise is none.
        if image.labels.get(label::SPEC).map(String::as_str) != Some(prepared::LAYOUT) {
            return None;
        }
        let base = image.labels.remove(label::BASE)?;
        Some((base, whole_id(image.id)))
    });
    pairs.collect()
}

/// A container as a fact; none where it has no id.
fn container_facts(inspected: ContainerInspectResponse) -> Option<ContainerFacts> {
    let ports = bound_ports(&inspected);
    let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let state = inspected.state.unwrap_or_default();
    Some(ContainerFacts {
        id: inspected.id?,
        name: inspected.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        // A role that this kdev does not know was made by a newer one: something to clear away.
        role: Role::from_label(&label(label::ROLE)).unwrap_or(Role::Probe),
        service: label(label::SERVICE),
        spec: label(label::SPEC),
        image: whole_id(inspected.image.unwrap_or_default()),
        started_ms: state.started_at.as_deref().map_or(0, millis),
        state: container_state(&state),
        restarts: inspected.restart_count.and_then(|n| n.try_into().ok()).unwrap_or(0),
        ports,
    })
}

/// The engine writes the year 1 for never.
fn millis(time: &str) -> i64 {
    time.parse::<Timestamp>().map_or(0, |time| time.as_millisecond().max(0))
}

fn container_state(state: &bollard::models::ContainerState) -> ContainerState {
    use ContainerStateStatusEnum as Status;
    match state.status {
        Some(Status::CREATED) => ContainerState::Created,
        Some(Status::RUNNING) => ContainerState::Running,
        Some(Status::PAUSED) => ContainerState::Paused,
        Some(Status::RESTARTING) => ContainerState::Restarting,
        Some(Status::EXITED) => ContainerState::Exited {
            code: state.exit_code.unwrap_or(0),
            oom: state.oom_killed.unwrap_or(false),
        },
        _ => ContainerState::Dead,
    }
}
