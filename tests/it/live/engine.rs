//! The engine behind kdev's back: what is on it, and the faults that users and the world cause.

use std::{collections::HashMap, future::Future, time::Duration};

use backon::{ConstantBuilder, Retryable};
use bollard::{
    errors::Error,
    models::{
        ContainerCreateBody, HostConfig, NetworkCreateRequest, NetworkDisconnectRequest, PortBinding,
        VolumeCreateRequest,
    },
    query_parameters::{
        BuildImageOptionsBuilder, CreateContainerOptionsBuilder, InspectNetworkOptions, KillContainerOptionsBuilder,
        ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
    },
};

use futures_util::TryStreamExt;
use kdev::model::label;

/// Makes a network without a look at what there is; false where the engine lets no two have one name.
pub async fn make_twin(api: &bollard::Docker, name: &str, labels: HashMap<String, String>) -> bool {
    let request = NetworkCreateRequest { name: name.to_owned(), labels: Some(labels), ..Default::default() };
    match api.create_network(request).await {
        Ok(_) => true,
        Err(Error::DockerResponseServerError { message, .. }) if message.contains("exists") => false,
        Err(other) => panic!("{other}"),
    }
}

fn often() -> ConstantBuilder {
    ConstantBuilder::default().with_delay(Duration::from_millis(50)).with_max_times(100)
}

/// For a moment after a container has ended, Podman calls it what bollard does not know; and it lists no images while one
/// of them goes.
fn is_unsettled(fault: &Error) -> bool {
    match fault {
        Error::DockerResponseServerError { message, .. } => message.contains("image not known"),
        other => matches!(other, Error::JsonDataError { .. }),
    }
}

/// A connection, with calls that block.
pub struct Docker {
    runtime: tokio::runtime::Runtime,
    api: bollard::Docker,
    /// Whether it is Podman, whose builder tells less.
    pub is_podman: bool,
}

type Filters = HashMap<String, Vec<String>>;

impl Docker {
    /// To the engine that DOCKER_HOST names, or the usual one.
    pub fn connect() -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (api, version) = runtime.block_on(async {
            let api = bollard::Docker::connect_with_defaults()?;
            let version = api.version().await?;
            Ok::<_, Error>((api, version))
        })?;
        let is_podman = version.components.iter().flatten().any(|component| component.name.contains("Podman"));
        Ok(Docker { runtime, api, is_podman })
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T, Error>>) -> T {
        self.runtime.block_on(call).unwrap()
    }

    /// Containers, networks, volumes and images with this label, each as `kind name`.
    pub fn labelled(&self, label: &str) -> Vec<String> {
        let filters = Filters::from([("label".to_owned(), vec![label.to_owned()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let list = || self.api.list_containers(Some(options.clone()));
        let containers = self.wait(list.retry(often()).when(is_unsettled)).into_iter();
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks = self.wait(self.api.list_networks(Some(options))).into_iter();
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = self.wait(self.api.list_volumes(Some(options))).volumes.unwrap_or_default().into_iter();
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let list = || self.api.list_images(Some(options.clone()));
        let images = self.wait(list.retry(often()).when(is_unsettled)).into_iter();
        let mut found: Vec<String> = containers
            .map(|container| {
                format!("container {}", container.names.unwrap_or_default().concat().trim_start_matches('/'))
            })
            .chain(networks.map(|network| format!("network {}", network.name.unwrap_or_default())))
            .chain(volumes.map(|volume| format!("volume {}", volume.name)))
            .chain(images.map(|image| format!("image {}", image.id)))
            .collect();
        found.sort();
        found
    }

    /// Makes another network with the name and the labels of the one that is there; false where the engine lets no two
    /// have one name.
    pub fn make_twin(&self, name: &str) -> bool {
        let there = self.wait(self.api.inspect_network(name, None::<InspectNetworkOptions>));
        self.runtime.block_on(make_twin(&self.api, name, there.labels.unwrap_or_default()))
    }

    /// Removes what [`Docker::labelled`] found, as far as it goes.
    pub fn sweep(&self, found: &[String]) {
        // Containers hold all the others: "container" sorts first.
        for (kind, name) in found.iter().filter_map(|object| object.split_once(' ')) {
            // What is gone already need not be removed.
            let _ = self.runtime.block_on(async {
                match kind {
                    "container" => self.api.remove_container(name, Some(forced())).await,
                    "network" => self.api.remove_network(name).await,
                    "volume" => {
                        self.api.remove_volume(name, Some(RemoveVolumeOptionsBuilder::new().force(true).build())).await
                    }
                    _ => {
                        let options = RemoveImageOptionsBuilder::new().force(true).build();
                        self.api.remove_image(name, Some(options), None).await.map(drop)
                    }
                }
            });
        }
    }

    /// The container's id; none where there is no such container.
    pub fn id(&self, name: &str) -> Option<String> {
        self.runtime.block_on(self.api.inspect_container(name, None)).ok().and_then(|container| container.id)
    }

    /// Whether the container runs.
    pub fn runs(&self, name: &str) -> bool {
        let state = self.runtime.block_on(self.api.inspect_container(name, None)).ok().and_then(|c| c.state);
        state.and_then(|state| state.running).unwrap_or(false)
    }

    /// SIGKILL, as a crash or the kernel gives it.
    pub fn kill(&self, name: &str) {
        self.signal(name, "KILL");
    }

    /// A signal to the container's first process.
    pub fn signal(&self, name: &str, signal: &str) {
        self.wait(self.api.kill_container(name, Some(KillContainerOptionsBuilder::new().signal(signal).build())));
    }

    /// SIGSTOP by the freezer. On a busy machine runc gives up after a thousand quick attempts and leaves
    /// it to its caller to try again (opencontainers/runc, pull request 4388), with all thawed meanwhile.
    pub fn pause(&self, name: &str) {
        let pause = || self.api.pause_container(name);
        let busy = |failure: &Error| failure.to_string().contains("unable to freeze");
        let again = ConstantBuilder::new().with_delay(Duration::from_millis(500)).with_max_times(20);
        self.wait(async { pause.retry(again).when(busy).await });
    }

    /// `docker rm -f`.
    pub fn remove(&self, name: &str) {
        self.wait(self.api.remove_container(name, Some(forced())));
    }

    /// `docker network rm`.
    pub fn remove_network(&self, name: &str) {
        self.wait(self.api.remove_network(name));
    }

    /// `docker network disconnect`.
    pub fn disconnect(&self, network: &str, container: &str) {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(false) };
        self.wait(self.api.disconnect_network(network, request));
    }

    /// As `docker network prune` does it; false where the engine refuses.
    pub fn try_remove_network(&self, name: &str) -> bool {
        self.runtime.block_on(self.api.remove_network(name)).is_ok()
    }

    /// `docker volume rm`.
    pub fn remove_volume(&self, name: &str) {
        self.wait(self.api.remove_volume(name, Some(RemoveVolumeOptionsBuilder::new().build())));
    }

    /// Somebody else's container, started: it sleeps, and publishes a port on 127.0.0.1 if one is given.
    pub fn stranger(&self, name: &str, port: Option<u16>) -> Stranger<'_> {
        let image = std::env::var("KDEV_PYTHON_IMAGE").unwrap_or_else(|_| "python:3.13-slim".to_owned());
        let bindings = port.map(|port| {
            let binding = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(port.to_string()) };
            HashMap::from([("9092/tcp".to_owned(), Some(vec![binding]))])
        });
        let body = ContainerCreateBody {
            image: Some(image),
            cmd: Some(["sleep", "600"].map(str::to_owned).to_vec()),
            exposed_ports: port.map(|_| vec!["9092/tcp".to_owned()]),
            host_config: Some(HostConfig { port_bindings: bindings, init: Some(true), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        self.wait(self.api.create_container(Some(options), body));
        self.wait(self.api.start_container(name, None));
        Stranger { docker: self, object: format!("container {name}") }
    }

    /// An image by a Dockerfile that needs no other file. It goes with the value, and with it what kdev prepared of it.
    pub fn image(&self, tag: &str, dockerfile: &str) -> Stranger<'_> {
        let mut context = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(dockerfile.len() as u64);
        header.set_mode(0o644);
        context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
        let context = bollard::body_full(context.into_inner().unwrap().into());
        let options = BuildImageOptionsBuilder::new().t(tag).rm(true).build();
        self.wait(self.api.build_image(options, None, Some(context)).try_collect::<Vec<_>>());
        Stranger { docker: self, object: format!("image {tag}") }
    }

    /// Somebody else's network.
    pub fn stranger_network(&self, name: &str) -> Stranger<'_> {
        self.wait(self.api.create_network(NetworkCreateRequest { name: name.to_owned(), ..Default::default() }));
        Stranger { docker: self, object: format!("network {name}") }
    }

    /// Somebody else's volume.
    pub fn stranger_volume(&self, name: &str) -> Stranger<'_> {
        self.wait(self.api.create_volume(VolumeCreateRequest { name: Some(name.to_owned()), ..Default::default() }));
        Stranger { docker: self, object: format!("volume {name}") }
    }
}

/// An object that is not kdev's, removed when the test ends.
pub struct Stranger<'a> {
    docker: &'a Docker,
    object: String,
}

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        let mut objects = vec![self.object.clone()];
        if let Some(tag) = self.object.strip_prefix("image ")
            && let Ok(image) = self.docker.runtime.block_on(self.docker.api.inspect_image(tag))
        {
            let prepared = format!("{}={}", label::BASE, image.id.unwrap_or_default());
            objects.splice(0..0, self.docker.labelled(&prepared));
        }
        self.docker.sweep(&objects);
    }
}

fn forced() -> bollard::query_parameters::RemoveContainerOptions {
    RemoveContainerOptionsBuilder::new().force(true).v(false).build()
}
