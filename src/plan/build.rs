//! Settings and a few facts → [`Plan`]. Pure: what has to be looked up comes in as [`Known`].

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest, Sha256};

use super::{
    AppPlan, BuildPlan, BuildSource, ContainerPlan, NetworkPlan, NodePlan, Plan, Restart, Tmpfs, TopicPlan, VolumePlan,
    node, ports,
};
use crate::{
    config::{AppSettings, Settings},
    error::{Error, Result},
    model::{AppName, NodeId, Project, Role, hex, label},
    observed::VolumeFacts,
};

/// What planning has to know of the world.
pub struct Known<'a> {
    /// The project's data volumes: they remember cluster and ports.
    pub volumes: &'a BTreeMap<NodeId, VolumeFacts>,
    /// Whether a port on 127.0.0.1 could be taken.
    pub is_free: &'a dyn Fn(u16) -> bool,
    /// Hash of each app's build context, Dockerfile and arguments; apps without one are left out of the plan.
    pub digests: &'a BTreeMap<AppName, String>,
    /// An id for the cluster, should there be none yet.
    pub new_cluster: String,
}

/// Apps get this long to flush and leave their group (the contract says 5 s) before SIGKILL.
pub const APP_STOP_TIMEOUT: Duration = Duration::from_secs(10);
const APP_PIDS: u32 = 512;
/// An app that fails at once is tried a few times, then left for inspection.
const APP_RESTARTS: u32 = 3;
const APP_TMP_BYTES: u64 = 64 << 20;

/// Makes the plan.
///
/// # Errors
/// The volumes contradict each other or the file, or no ports are free.
pub fn build(settings: &Settings, known: &Known<'_>) -> Result<Plan> {
    let project = &settings.project;
    let brokers = settings.kafka.brokers;
    let cluster = cluster(project, brokers, known)?;
    let remembered = known.volumes.iter().map(|(&id, volume)| (id, volume.port)).collect();
    let ports = ports::choose(project, brokers, settings.kafka.ports.as_deref(), &remembered, known.is_free)?;
    let network = NetworkPlan { name: project.prefix(), labels: labels(project, Role::Network, None) };
    let nodes =
        ports.into_iter().map(|(id, port)| (id, node_plan(settings, &network.name, id, port, &cluster))).collect();
    let voters = cluster.voters;
    let topics = settings
        .topics
        .iter()
        .map(|(name, topic)| {
            let plan = TopicPlan {
                name: name.clone(),
                partitions: topic.partitions,
                replication: topic.replication,
                config: topic.config.clone(),
            };
            (name.clone(), plan)
        })
        .collect();
    let apps = settings
        .apps
        .iter()
        .filter_map(|(name, app)| {
            let digest = known.digests.get(name)?;
            Some((name.clone(), app_plan(settings, name, app, digest, &network.name, voters)))
        })
        .collect();
    Ok(Plan {
        project: project.clone(),
        network,
        kafka_image: settings.kafka.image.clone(),
        version: settings.kafka.version,
        finalize: settings.kafka.finalize,
        dynamic: node::dynamic(voters, &settings.kafka),
        started_with: node::started_with(voters, &settings.kafka),
        nodes,
        voters,
        min_insync: node::min_insync(voters, &settings.kafka),
        topics,
        prune: settings.prune,
        apps,
    })
}

/// What does not change once a cluster is made.
struct Cluster {
    id: String,
    /// A static quorum: as many as at the start, whatever brokers come and go.
    voters: u8,
}

/// The cluster that the volumes belong to, or the new one.
fn cluster(project: &Project, brokers: u8, known: &Known<'_>) -> Result<Cluster> {
    let mut ids: Vec<&str> = known.volumes.values().map(|volume| volume.cluster.as_str()).collect();
    ids.dedup();
    if ids.len() > 1 {
        return Err(Error::failed(format!(
            "the volumes of {} belong to different clusters: {}",
            project.name,
            ids.join(", ")
        ))
        .hint("kdev down --volumes   (removes them all)"));
    }
    let Some(voters) = known.volumes.values().map(|volume| volume.voters).max() else {
        return Ok(Cluster { id: known.new_cluster.clone(), voters: node::voters(brokers) });
    };
    if brokers < voters {
        return Err(Error::usage(format!(
            "kdev.toml says brokers = {brokers}, but nodes 1 to {voters} are the controllers of this cluster, and \
             controllers cannot leave it"
        ))
        .hint(format!("brokers = {voters}"))
        .hint("kdev down --volumes   (removes the data; the next `kdev up` starts anew)"));
    }
    Ok(Cluster { id: ids.first().map_or_else(|| known.new_cluster.clone(), |id| (*id).to_owned()), voters })
}

/// The labels of an object of the project.
pub fn labels(project: &Project, role: Role, service: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (label::PROJECT.to_owned(), project.name.to_string()),
        (label::DIRECTORY.to_owned(), project.directory.display().to_string()),
        (label::ROLE.to_owned(), role.as_str().to_owned()),
        (label::COMPOSE_PROJECT.to_owned(), project.prefix()),
    ]);
    if let Some(service) = service {
        labels.insert(label::SERVICE.to_owned(), service.to_owned());
        labels.insert(label::COMPOSE_SERVICE.to_owned(), service.to_owned());
    }
    labels
}

/// Names the container, labels it and hashes all that it is made from.
fn finished(
    mut container: ContainerPlan,
    project: &Project,
    name: String,
    network: &str,
    made_from: &str,
) -> ContainerPlan {
    container.name = name;
    network.clone_into(&mut container.network);
    // Serialization of these plain structs cannot fail; its text is stable for one release of kdev.
    let text = serde_json::to_string(&container).unwrap_or_default();
    container.spec = short_hash(&[&text, made_from]);
    container.labels = labels(project, container.role, Some(&container.service));
    container.labels.insert(label::SPEC.to_owned(), container.spec.clone());
    container
}

fn short_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..8])
}

fn node_plan(settings: &Settings, network: &str, id: NodeId, port: u16, cluster: &Cluster) -> NodePlan {
    let project = &settings.project;
    let Cluster { id: cluster, voters } = cluster;
    let name = format!("{}-{}", project.prefix(), id.service());
    let place = node::Place { cluster, id, port, voters: *voters };
    let container = node::container(place, &name, &settings.kafka);
    // An image may bear the same name in two releases.
    let made_from = format!("{} of {}", settings.kafka.version, settings.kafka.image);
    let mut container = finished(container, project, name.clone(), network, &made_from);
    container.labels.insert(label::VERSION.to_owned(), settings.kafka.version.to_string());
    let mut volume_labels = labels(project, Role::Data, Some(&id.service()));
    volume_labels.insert(label::CLUSTER.to_owned(), cluster.to_owned());
    volume_labels.insert(label::PORT.to_owned(), port.to_string());
    volume_labels.insert(label::VOTERS.to_owned(), voters.to_string());
    NodePlan {
        id,
        cluster: cluster.to_owned(),
        volume: VolumePlan { name, labels: volume_labels },
        port,
        controller: place.is_controller(),
        leaving: id.0 > settings.kafka.brokers,
        container,
    }
}

fn app_plan(
    settings: &Settings,
    name: &AppName,
    app: &AppSettings,
    digest: &str,
    network: &str,
    voters: u8,
) -> AppPlan {
    let project = &settings.project;
    let mut image_labels = labels(project, Role::Image, Some(name.as_str()));
    // The classic builder makes a layer of each label: those that only group containers are left out.
    image_labels.retain(|name, _| name.starts_with("kdev."));
    image_labels.insert(label::SPEC.to_owned(), digest.to_owned());
    let build = BuildPlan {
        tag: format!("{}/{name}:latest", project.prefix()),
        source: build_source(app),
        dockerfile: app.dockerfile.clone(),
        args: build_args(settings),
        spec: digest.to_owned(),
        labels: image_labels,
    };
    let env = app_env(settings, app, voters);
    let containers = (1..=app.replicas)
        .map(|number| {
            // The first keeps its name whatever the number of replicas, so that scaling replaces nothing; no app's
            // name has an underscore, so that no other app can collide.
            let container_name = match number {
                1 => format!("{}-{name}", project.prefix()),
                _ => format!("{}-{name}_{number}", project.prefix()),
            };
            let container = ContainerPlan {
                name: String::new(),
                role: Role::App,
                service: name.to_string(),
                hostname: name.to_string(),
                network: String::new(),
                user: None,
                command: None,
                env: env.clone(),
                mounts: Vec::new(),
                tmpfs: vec![Tmpfs { target: "/tmp".to_owned(), size_bytes: APP_TMP_BYTES, exec: false }],
                publish: Vec::new(),
                memory_bytes: app.memory_bytes,
                pids: APP_PIDS,
                stop_timeout: APP_STOP_TIMEOUT,
                restart: Restart::OnFailure(APP_RESTARTS),
                labels: BTreeMap::new(),
                spec: String::new(),
            };
            finished(container, project, container_name, network, digest)
        })
        .collect();
    AppPlan { name: name.clone(), build, containers }
}

/// Where an app's files come from.
pub fn build_source(app: &AppSettings) -> BuildSource {
    app.context.clone().map_or(BuildSource::Embedded, BuildSource::Directory)
}

/// The build arguments of every app.
pub fn build_args(settings: &Settings) -> BTreeMap<String, String> {
    settings.python_image.iter().map(|image| ("PYTHON_IMAGE".to_owned(), image.clone())).collect()
}

/// Apps are told of the nodes that never leave; of the others a client hears from these. So a broker that comes or
/// goes changes no app's environment, and replaces no app.
fn app_env(settings: &Settings, app: &AppSettings, voters: u8) -> BTreeMap<String, String> {
    let addresses: Vec<String> = NodeId::first(voters).map(node::container_address).collect();
    let mut env = connection_env(&addresses.join(","), settings);
    env.extend(app.env.clone());
    env
}

/// The variables that tell a program where Kafka is: the same names within containers and on the host.
pub fn connection_env(bootstrap: &str, settings: &Settings) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("KAFKA_BROKER_URL".to_owned(), bootstrap.to_owned()),
        ("KAFKA_BOOTSTRAP_SERVERS".to_owned(), bootstrap.to_owned()),
    ]);
    if let Some(topic) = settings.default_topic() {
        env.insert("KAFKA_TOPIC".to_owned(), topic.to_string());
    }
    env
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{app_env, connection_env};
    use crate::config::{Settings, check, machine::Machine};

    fn settings(toml: &str) -> Settings {
        check::file(None, Path::new("/home/me/blog/kdev.toml"), toml, &Machine::default()).unwrap()
    }

    #[test]
    fn a_topic_is_given_where_it_is_clear_which_is_meant_and_else_where_the_app_names_it() {
        let topic = |toml: &str| connection_env("", &settings(toml)).remove("KAFKA_TOPIC");
        assert_eq!(topic("[topics.orders]\n").as_deref(), Some("orders"));
        assert_eq!(topic("[topics.posts]\n[topics.orders]\n").as_deref(), Some("posts"));
        assert_eq!(topic("[topics.orders]\n[topics.refunds]\n"), None);
        let two = settings("[topics.orders]\n[topics.refunds]\n[apps.a]\nenv = { KAFKA_TOPIC = \"orders\" }\n");
        let app = two.apps.values().next().unwrap();
        assert_eq!(app_env(&two, app, 3).get("KAFKA_TOPIC").map(String::as_str), Some("orders"));
    }
}
