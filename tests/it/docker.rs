//! The Docker layer against a real engine. Every test has a project of its own and leaves nothing.
//!
//! Needs an engine and the image kdev-local/python:3 (`scripts/images` builds it). Without an engine the tests pass
//! without a look, unless CI is set.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use kdev::{
    docker::{Engine, Holder, Sought, UploadEntry, UploadKind},
    engine::ending::Together,
    model::{NodeId, Project, Role, label},
    observed::{ContainerState, Stranger},
    plan::{ContainerPlan, Mount, NetworkPlan, Publish, Restart, Tmpfs, VolumePlan},
};

mod images;
mod networks;
mod streams;

const IMAGE: &str = "kdev-local/python:3";

fn everything() -> Sought {
    Sought::All { kafka: None }
}

fn of_kafka(reference: &str) -> Sought {
    Sought::All { kafka: Some(reference.to_owned()) }
}

/// A project that no other run has, with its engine.
struct Trial {
    engine: Engine,
    project: Project,
    image: String,
    podman: bool,
}

impl Trial {
    async fn new() -> Option<Trial> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let engine = match Engine::connect().await {
            Ok(engine) => engine,
            Err(error) if std::env::var_os("CI").is_some() => panic!("no engine: {error}"),
            Err(_) => return None,
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = format!("/nowhere/{}/{number}", std::process::id());
        let project = Project { name: "trial".parse().expect("a name"), directory: PathBuf::from(directory) };
        let image = engine.image_id(IMAGE).await.expect("an answer").expect("scripts/images was run");
        let podman = engine.info().await.expect("an answer").is_podman;
        Some(Trial { engine, project, image, podman })
    }

    fn labels(&self, role: Role, service: &str) -> BTreeMap<String, String> {
        let directory = self.project.directory.to_string_lossy().into_owned();
        [
            (label::PROJECT, self.project.name.to_string()),
            (label::DIRECTORY, directory),
            (label::ROLE, role.as_str().to_owned()),
            (label::SERVICE, service.to_owned()),
            (label::SPEC, "spec".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    fn network(&self) -> NetworkPlan {
        NetworkPlan { name: self.project.prefix(), labels: self.labels(Role::Network, "network") }
    }

    fn volume(&self) -> VolumePlan {
        let mut labels = self.labels(Role::Data, "kafka-1");
        labels.insert(label::CLUSTER.to_owned(), "abc".to_owned());
        labels.insert(label::PORT.to_owned(), "9092".to_owned());
        VolumePlan { name: format!("{}-kafka-1", self.project.prefix()), labels }
    }

    fn container(&self, service: &str, python: &str) -> ContainerPlan {
        ContainerPlan {
            name: format!("{}-{service}", self.project.prefix()),
            role: Role::App,
            service: service.to_owned(),
            hostname: service.to_owned(),
            network: self.project.prefix(),
            user: Some("10001:10001".to_owned()),
            command: Some(["python3", "-u", "-c", python].map(str::to_owned).to_vec()),
            env: BTreeMap::from([("GREETING".to_owned(), "hello world".to_owned())]),
            mounts: Vec::new(),
            tmpfs: vec![Tmpfs { target: "/tmp".to_owned(), size_bytes: 1 << 20, exec: false }],
            publish: Vec::new(),
            memory_bytes: 64 << 20,
            pids: 32,
            stop_timeout: Duration::from_secs(1),
            restart: Restart::No,
            labels: self.labels(Role::App, service),
            spec: "spec".to_owned(),
        }
    }

    async fn run(&self, plan: &ContainerPlan) -> String {
        let id = self.engine.create_container(plan, &self.image).await.expect("made");
        self.engine.start(&id).await.expect("started");
        id
    }

    /// Removes all of the project by what the engine says is its own, and asserts that nothing is left.
    async fn clear(&self) {
        let facts = self.engine.facts(&self.project, &everything()).await.expect("facts");
        for container in &facts.containers {
            self.engine.remove_container(&container.id).await.expect("removed");
        }
        for network in &facts.networks {
            self.engine.remove_network(&network.id).await.expect("removed");
        }
        for volume in facts.volumes.values() {
            self.engine.remove_volume(&volume.name, &self.project).await.expect("removed");
        }
        for image in &facts.app_images {
            self.engine.remove_image(&image.id).await.expect("removed");
        }
        let left = self.engine.facts(&self.project, &everything()).await.expect("facts");
        assert_eq!((left.containers.len(), left.networks.len(), left.volumes.len()), (0, 0, 0));
        assert_eq!(left.app_images, []);
    }
}

#[tokio::test]
async fn a_container_lives_as_planned_from_creation_to_removal() {
    let Some(trial) = Trial::new().await else { return };
    let engine = &trial.engine;
    let before = engine.facts(&trial.project, &of_kafka(IMAGE)).await.expect("facts");
    engine.create_network(&trial.network()).await.expect("made");
    engine.create_volume(&trial.volume()).await.expect("made");
    engine.create_volume(&trial.volume()).await.expect("one that is ours is fine");
    let narrow = engine.with_containers_of_now(&trial.project, before.clone()).await.expect("facts");
    assert_eq!(narrow, before, "neither is a container");
    let wider = engine.with_places_of_now(&trial.project, before.clone()).await.expect("facts");
    assert_eq!((wider.networks.len(), wider.volumes.len()), (1, 1));
    assert_eq!(wider.images, before.images);
    let mut plan = trial.container("kafka-1", "import time; time.sleep(600)");
    plan.role = Role::Node;
    plan.labels = trial.labels(Role::Node, "kafka-1");
    plan.mounts = vec![Mount { volume: trial.volume().name, target: "/data".to_owned() }];
    let id = engine.create_container(&plan, &trial.image).await.expect("made");

    let entries = vec![
        UploadEntry { path: "d".to_owned(), mode: 0o755, uid: 10001, gid: 10001, kind: UploadKind::Dir },
        UploadEntry {
            path: "d/f".to_owned(),
            mode: 0o600,
            uid: 10001,
            gid: 10001,
            kind: UploadKind::File(b"content".to_vec()),
        },
    ];
    assert!(!engine.exists(&id, "/data/d/f").await.expect("an answer"));
    engine.upload(&id, "/data", entries).await.expect("written");
    assert!(engine.exists(&id, "/data/d/f").await.expect("an answer"));
    assert_eq!(engine.download(&id, "/data/d/f").await.expect("read").as_deref(), Some(&b"content"[..]));
    assert_eq!(engine.download(&id, "/data/none").await.expect("an answer"), None);
    let refused = engine.upload(&id, "/etc", Vec::new()).await;
    if !trial.podman {
        let refused = refused.expect_err("the root is read-only");
        assert!(refused.message.contains("read-only"), "{}", refused.message);
    }

    let facts = engine.facts(&trial.project, &of_kafka("no/such:1")).await.expect("facts");
    assert_eq!(facts.images, BTreeMap::new());
    let facts = engine.facts(&trial.project, &of_kafka(IMAGE)).await.expect("facts");
    assert_eq!(facts.images, BTreeMap::from([(IMAGE.to_owned(), trial.image.clone())]));
    assert_eq!(facts.volumes[&NodeId(1)].port, 9092);
    assert_eq!(facts.volumes[&NodeId(1)].cluster, "abc");
    let node = facts.node(NodeId(1)).expect("seen");
    assert_eq!((node.state, node.started_ms, node.image.as_str()), (ContainerState::Created, 0, trial.image.as_str()));

    engine.start(&id).await.expect("started");
    engine.start(&id).await.expect("one that runs is fine");
    let id_of = |what: &str| vec!["python3".to_owned(), "-c".to_owned(), what.to_owned()];
    let look = "import os; print(os.getuid(), os.uname().nodename, open('/proc/self/status').read().count('NoNewPrivs:\\t1'), \
                open('/data/d/f').read(), os.environ['GREETING'])";
    let (code, lines) = engine.exec_to_end(&id, &id_of(look)).await.expect("ran");
    assert_eq!((code, lines), (0, vec!["10001 kafka-1 1 content hello world".to_owned()]));
    let (code, lines) = engine.exec_to_end(&id, &id_of("open('/x', 'w')")).await.expect("ran");
    assert_eq!(code, 1);
    assert!(lines.last().expect("a line").contains("Read-only file system"), "{lines:?}");
    let running = engine.facts(&trial.project, &everything()).await.expect("facts");
    let mut process = running.containers[0].clone();
    let memory = engine.memory(&process).await.expect("a figure");
    assert!((1 << 20..64 << 20).contains(&memory), "{memory}");
    // As for an engine on another machine, where its number is nobody's, or somebody else's.
    for elsewhere in [None, Some(std::process::id())] {
        process.pid = elsewhere;
        let told = engine.memory(&process).await.expect("a figure");
        // Podman counts what the container's group has brought into memory, no files that were there before.
        let least = if trial.podman { 1 << 20 } else { memory / 2 };
        assert!((least..memory * 2).contains(&told), "{told} by the engine, {memory} by the kernel");
    }
    assert_eq!(running.containers[0].state, ContainerState::Running);
    assert!(running.containers[0].started_ms > 1_700_000_000_000);
    let seen = engine.projects().await.expect("projects");
    let seen = seen.iter().find(|p| p.directory == trial.project.directory.to_string_lossy()).expect("seen");
    assert_eq!((seen.nodes_running, seen.apps, seen.volumes), (1, 0, 1));

    engine.kill(&id, "SIGKILL").await.expect("killed");
    assert_eq!(engine.wait(&id).await.expect("ended"), 137);
    engine.kill(&id, "SIGKILL").await.expect("one that has ended is fine");
    engine.stop(&id, Duration::from_secs(1)).await.expect("one that has ended is fine");
    let ended = engine.facts(&trial.project, &everything()).await.expect("facts");
    assert_eq!(ended.containers[0].state, ContainerState::Exited { code: 137, oom: false });
    engine.start(&id).await.expect("started again");
    // Whatever the engine calls it on its way: Podman has words of its own, one of which its list does not have.
    let watched = async { while engine.is_running(&id).await.expect("an answer") {} };
    let (stopped, ()) = tokio::join!(engine.stop(&id, Duration::from_millis(100)), watched);
    stopped.expect("stopped");
    engine.rename(&id, &format!("{}-other", plan.name)).await.expect("renamed");
    engine.remove_container(&id).await.expect("removed");
    engine.remove_container(&id).await.expect("one that is gone is fine");
    engine.remove_network("0123456789abcdef").await.expect("one that is gone is fine");
    engine.remove_volume("kdev-no-such-volume", &trial.project).await.expect("one that is gone is fine");
    trial.clear().await;
}

#[tokio::test]
async fn a_volume_goes_with_what_a_killed_run_left_the_engine_to_make_and_with_nothing_else() {
    let Some(trial) = Trial::new().await else { return };
    let engine = &trial.engine;
    let name = trial.volume().name;
    engine.create_network(&trial.network()).await.expect("made");
    engine.create_volume(&trial.volume()).await.expect("made");
    let mut late = trial.container("kafka-1", "import time; time.sleep(600)");
    late.role = Role::Node;
    late.labels = trial.labels(Role::Node, "kafka-1");
    late.mounts = vec![Mount { volume: name.clone(), target: "/data".to_owned() }];
    let running = trial.run(&late).await;
    let refused = engine.remove_volume(&name, &trial.project).await.expect_err("it is in use");
    assert!(refused.message.contains(&running), "{}", refused.message);
    assert_eq!(refused.hints, [format!("docker rm -f {}   (it uses the volume), then kdev down", late.name)]);
    engine.remove_container(&running).await.expect("removed");

    let mut foreign = late.clone();
    foreign.name += "-foreign";
    foreign.labels.insert(label::PROJECT.to_owned(), "another".to_owned());
    let foreign = engine.create_container(&foreign, &trial.image).await.expect("made");
    engine.remove_volume(&name, &trial.project).await.expect_err("somebody else uses it");
    assert!(engine.exists(&foreign, "/data").await.expect("it is there"));
    engine.remove_container(&foreign).await.expect("removed");

    let late = engine.create_container(&late, &trial.image).await.expect("made");
    engine.remove_volume(&name, &trial.project).await.expect("removed, with the one that never ran");
    assert!(!engine.is_running(&late).await.expect("an answer"));
    trial.clear().await;
}

#[tokio::test]
async fn of_nodes_that_end_together_none_is_killed_before_all_have_put_their_data_in_order() {
    let Some(trial) = Trial::new().await else { return };
    let engine = &trial.engine;
    engine.create_network(&trial.network()).await.expect("made");
    let mut nodes = Vec::new();
    for (service, takes) in [("kafka-1", "0"), ("kafka-2", "1.5")] {
        let mut volume = trial.volume();
        volume.name = format!("{}-{service}", trial.project.prefix());
        volume.labels.insert(label::SERVICE.to_owned(), service.to_owned());
        engine.create_volume(&volume).await.expect("made");
        // As a node: on SIGTERM it takes its time, writes the mark, and goes on waiting for a quorum.
        let python = "import os, signal, sys, time\nos.mkdir('/var/lib/kafka/data/log')\n\
                      def end(*_):\n time.sleep(float(sys.argv[1]))\n \
                      open('/var/lib/kafka/data/log/.kafka_cleanshutdown', 'w')\n\
                      signal.signal(signal.SIGTERM, end)\nopen('/var/lib/kafka/data/up', 'w')\n\
                      while True: time.sleep(0.1)";
        let mut plan = trial.container(service, python);
        plan.command.as_mut().expect("a command").push(takes.to_owned());
        plan.user = None;
        plan.mounts = vec![Mount { volume: volume.name, target: "/var/lib/kafka/data".to_owned() }];
        let id = trial.run(&plan).await;
        while !engine.exists(&id, "/var/lib/kafka/data/up").await.expect("an answer") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        nodes.push(id);
    }
    let (together, all) = (Together::default(), nodes.iter().cloned().collect());
    let (soon, late) = (&nodes[0], &nodes[1]);
    let watched = async {
        let mut ended_first = false;
        while !engine.exists(late, "/var/lib/kafka/data/log/.kafka_cleanshutdown").await.expect("an answer") {
            ended_first |= !engine.is_running(soon).await.expect("an answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ended_first
    };
    let (one, other, ended_first) =
        tokio::join!(together.stop(engine, soon, &all), together.stop(engine, late, &all), watched);
    one.and(other).expect("stopped");
    assert!(!ended_first, "it was killed while the other still needed its vote");
    for node in &nodes {
        assert_eq!(engine.wait(node).await.expect("ended"), 137);
    }
    trial.clear().await;
}

#[tokio::test]
async fn a_container_killed_for_memory_says_so() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let id = trial.run(&trial.container("hungry", "x = bytearray(500 << 20); print(len(x))")).await;
    trial.engine.wait(&id).await.expect("ended");
    let facts = trial.engine.facts(&trial.project, &everything()).await.expect("facts");
    let ContainerState::Exited { code, oom } = facts.containers[0].state else { panic!("{facts:?}") };
    // Podman 4.3 does not notice what killed it, on a machine without systemd.
    assert!(code != 0 && (oom || trial.podman), "code {code}, oom {oom}");
    trial.clear().await;
}

#[tokio::test]
async fn starts_that_race_leave_one_network_and_strangers_are_left_alone() {
    let Some(trial) = Trial::new().await else { return };
    let plan = trial.network();
    let all = futures_util::future::join_all((0..8).map(|_| trial.engine.create_network(&plan))).await;
    // Whoever loses the race may see its network removed under it; a second try settles it.
    let kept = trial.engine.create_network(&plan).await.expect("made");
    assert!(all.iter().flatten().count() > 0);
    let facts = trial.engine.facts(&trial.project, &everything()).await.expect("facts");
    assert_eq!(facts.networks.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), [kept.as_str()]);

    // A name such as another project's are.
    let other = Project { directory: "/nowhere/else".into(), ..trial.project.clone() };
    let taken = NetworkPlan { name: other.prefix(), ..plan.clone() };
    trial.engine.create_network(&taken).await.expect("made");
    let facts = trial.engine.facts(&other, &everything()).await.expect("facts");
    assert_eq!(facts.strangers, [Stranger { kind: "network", name: taken.name }]);
    assert_eq!(trial.engine.facts(&trial.project, &everything()).await.expect("facts").strangers, []);

    let mut theirs = plan.clone();
    theirs.labels.insert(label::DIRECTORY.to_owned(), "/nowhere/else".to_owned());
    let error = trial.engine.create_network(&theirs).await.expect_err("not ours");
    assert_eq!(error.message, format!("a network `{}` exists that is not this project's", plan.name));
    let volume = trial.volume();
    trial.engine.create_volume(&volume).await.expect("made");
    let mut theirs = volume.clone();
    theirs.labels.insert(label::DIRECTORY.to_owned(), "/nowhere/else".to_owned());
    let error = trial.engine.create_volume(&theirs).await.expect_err("not ours");
    assert_eq!(error.message, format!("a volume `{}` exists that is not this project's", volume.name));
    trial.clear().await;
}

/// A container's port is let go a moment after it is said to have ended.
async fn bind(port: u16) -> std::net::TcpListener {
    for _ in 0..100 {
        match std::net::TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("port {port} is still held");
}

#[tokio::test]
async fn a_taken_port_names_its_holder() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let program = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = program.local_addr().expect("bound").port();
    let mut plan = trial.container("first", "import time; time.sleep(600)");
    plan.publish = vec![Publish { host: port, container: 9092 }];
    let id = trial.engine.create_container(&plan, &trial.image).await.expect("made");
    let error = trial.engine.start(&id).await.expect_err("taken");
    let pid = std::process::id();
    assert!(error.message.starts_with(&format!("port {port} on 127.0.0.1 is taken by program `")), "{}", error.message);
    assert_eq!(error.hints[0], format!("kill {pid}"));
    // Engines of today would start it without its port.
    assert_eq!(trial.engine.facts(&trial.project, &everything()).await.expect("facts").containers, []);
    drop(program);
    trial.run(&plan).await;
    assert_eq!(trial.engine.published_ports().await.expect("ports").get(&port), Some(&plan.name));
    let holder = trial.engine.port_holder(port).await.expect("an answer").expect("somebody");
    assert!(matches!(&holder, Holder::Container { name, .. } if *name == plan.name), "{holder:?}");
    // It ran before: engines of today take it off its network then, and start it without one.
    let docker = &trial.engine;
    let id = docker.facts(&trial.project, &everything()).await.expect("facts").containers[0].id.clone();
    docker.stop(&id, Duration::ZERO).await.expect("stopped");
    let facts = docker.facts(&trial.project, &everything()).await.expect("facts");
    assert!(!facts.is_cut_off(&facts.containers[0]), "{facts:?}");
    let program = bind(port).await;
    docker.start(&id).await.expect_err("taken");
    drop(program);
    let facts = docker.facts(&trial.project, &everything()).await.expect("facts");
    if facts.is_cut_off(&facts.containers[0]) {
        docker.remove_container(&id).await.expect("removed");
        trial.run(&plan).await;
    } else {
        docker.start(&id).await.expect("started");
    }
    assert_eq!(docker.published_ports().await.expect("ports").get(&port), Some(&plan.name));
    let mut second = trial.container("second", "pass");
    second.publish = plan.publish.clone();
    let id = trial.engine.create_container(&second, &trial.image).await.expect("made");
    let error = trial.engine.start(&id).await.expect_err("taken");
    let expected = format!("port {port} on 127.0.0.1 is taken by container `{}` (image {IMAGE})", plan.name);
    assert!(error.message.starts_with(&expected[..expected.len() - 20]), "{}", error.message);
    assert!(error.hints[0].starts_with("kdev -p trial down, in /nowhere/"), "{:?}", error.hints);
    let facts = trial.engine.facts(&trial.project, &everything()).await.expect("facts");
    assert_eq!(facts.containers.iter().map(|container| container.ports.contains(&port)).collect::<Vec<_>>(), [true]);
    trial.clear().await;
}
