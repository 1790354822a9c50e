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

use futures_util::{StreamExt, TryStreamExt};
use kdev::{
    docker::{Chunk, Engine, Holder, LogQuery, LogStream, Mirror, UploadEntry, UploadKind},
    event::{Event, Events, Progress, StepProgress},
    model::{NodeId, Project, Role, label},
    observed::{ContainerState, Stranger},
    plan::{BuildPlan, BuildSource, ContainerPlan, Mount, NetworkPlan, Publish, Restart, Tmpfs, VolumePlan},
};
use tokio::io::AsyncWriteExt;

const IMAGE: &str = "kdev-local/python:3";

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
        let facts = self.engine.facts(&self.project, &[], &[]).await.expect("facts");
        for container in &facts.containers {
            self.engine.remove_container(&container.id).await.expect("removed");
        }
        for network in &facts.networks {
            self.engine.remove_network(&network.id).await.expect("removed");
        }
        for volume in facts.volumes.values() {
            self.engine.remove_volume(&volume.name).await.expect("removed");
        }
        for image in &facts.app_images {
            self.engine.remove_image(&image.id).await.expect("removed");
        }
        let left = self.engine.facts(&self.project, &[], &[]).await.expect("facts");
        assert_eq!((left.containers.len(), left.networks.len(), left.volumes.len()), (0, 0, 0));
        assert_eq!(left.app_images, []);
    }
}

fn progress() -> (StepProgress, tokio::sync::mpsc::UnboundedReceiver<Event>) {
    let (events, receiver) = Events::channel();
    (StepProgress::new(1, events), receiver)
}

#[tokio::test]
async fn a_container_lives_as_planned_from_creation_to_removal() {
    let Some(trial) = Trial::new().await else { return };
    let engine = &trial.engine;
    engine.create_network(&trial.network()).await.expect("made");
    engine.create_volume(&trial.volume()).await.expect("made");
    engine.create_volume(&trial.volume()).await.expect("one that is ours is fine");
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

    let facts = engine.facts(&trial.project, &[IMAGE.to_owned(), "no/such:1".to_owned()], &[]).await.expect("facts");
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
    let memory = engine.memory(&id).await.expect("a figure");
    assert!((1 << 20..64 << 20).contains(&memory), "{memory}");
    let running = engine.facts(&trial.project, &[], &[]).await.expect("facts");
    assert_eq!(running.containers[0].state, ContainerState::Running);
    assert!(running.containers[0].started_ms > 1_700_000_000_000);
    let seen = engine.projects().await.expect("projects");
    let seen = seen.iter().find(|p| p.directory == trial.project.directory.to_string_lossy()).expect("seen");
    assert_eq!((seen.nodes_running, seen.apps, seen.volumes), (1, 0, 1));

    engine.kill(&id, "SIGKILL").await.expect("killed");
    assert_eq!(engine.wait(&id).await.expect("ended"), 137);
    engine.kill(&id, "SIGKILL").await.expect("one that has ended is fine");
    engine.stop(&id, Duration::from_secs(1)).await.expect("one that has ended is fine");
    let ended = engine.facts(&trial.project, &[], &[]).await.expect("facts");
    assert_eq!(ended.containers[0].state, ContainerState::Exited { code: 137, oom: false });
    engine.restart(&id, Duration::from_secs(1)).await.expect("restarted");
    engine.stop(&id, Duration::from_millis(100)).await.expect("stopped");
    engine.rename(&id, &format!("{}-other", plan.name)).await.expect("renamed");
    engine.remove_container(&id).await.expect("removed");
    engine.remove_container(&id).await.expect("one that is gone is fine");
    engine.remove_network("0123456789abcdef").await.expect("one that is gone is fine");
    engine.remove_volume("kdev-no-such-volume").await.expect("one that is gone is fine");
    trial.clear().await;
}

#[tokio::test]
async fn a_container_killed_for_memory_says_so() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let id = trial.run(&trial.container("hungry", "x = bytearray(500 << 20); print(len(x))")).await;
    trial.engine.wait(&id).await.expect("ended");
    let facts = trial.engine.facts(&trial.project, &[], &[]).await.expect("facts");
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
    let facts = trial.engine.facts(&trial.project, &[], &[]).await.expect("facts");
    assert_eq!(facts.networks.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), [kept.as_str()]);

    // The same names, seen from another project.
    let other = Project { directory: "/nowhere/else".into(), ..trial.project.clone() };
    let wanted = [("network", plan.name.clone()), ("container", plan.name.clone())];
    let facts = trial.engine.facts(&other, &[], &wanted).await.expect("facts");
    assert_eq!(facts.strangers, [Stranger { kind: "network", name: plan.name.clone() }]);
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

#[tokio::test]
async fn logs_are_whole_lines_of_both_outputs_to_the_last_one() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let python = "import sys, time\nprint('one')\ntime.sleep(.1)\nprint('two', file=sys.stderr)\ntime.sleep(.1)\n\
                  print('x' * 40000)\nsys.stdout.buffer.write(b'\\xff\\n')\ntime.sleep(1)\nsys.stdout.write('last')";
    let id = trial.run(&trial.container("talker", python)).await;
    let follow = LogQuery { follow: true, ..LogQuery::default() };
    let followed: Vec<_> = trial.engine.logs(&id, follow).try_collect().await.expect("lines");
    let texts: Vec<String> = followed.iter().map(|line| line.line.replace(&"x".repeat(40000), "X")).collect();
    assert_eq!(texts, ["one", "two", "X", "\u{fffd}", "last"]);
    assert_eq!(followed[1].stream, LogStream::Stderr);
    assert!(followed.windows(2).all(|pair| pair[0].time <= pair[1].time));
    let read: Vec<_> = trial.engine.logs(&id, LogQuery::default()).try_collect().await.expect("lines");
    assert!(read == followed, "{} lines", read.len());
    let since = LogQuery { since: Some(followed[3].time), ..LogQuery::default() };
    let later: Vec<_> = trial.engine.logs(&id, since).try_collect().await.expect("lines");
    // Podman's times are whole seconds.
    let first = followed.iter().position(|line| line.time >= followed[3].time).unwrap_or(0);
    assert!(later == followed[first..], "{} lines", later.len());
    if !trial.podman {
        // Podman's own counting goes wrong after a line that came in pieces.
        assert_eq!(trial.engine.tail(&id, 2).await.expect("lines"), ["\u{fffd}", "last"]);
    }
    let error = trial.engine.tail("no-such-container", 2).await.expect_err("gone");
    assert!(error.message.contains("No such container"), "{}", error.message);
    trial.clear().await;
}

#[tokio::test]
async fn commands_have_input_outputs_a_terminal_and_an_exit_code() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let id = trial.run(&trial.container("host", "import time; time.sleep(600)")).await;
    let python = "import sys; data = sys.stdin.read(); print(data.upper()); print('e', file=sys.stderr); sys.exit(7)";
    let argv = ["python3", "-c", python].map(str::to_owned);
    let mut exec = trial.engine.exec(&id, &argv, false, true).await.expect("attached");
    exec.input.write_all(b"words").await.expect("written");
    exec.input.shutdown().await.expect("ended");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(chunk) = exec.output.next().await {
        match chunk.expect("a chunk") {
            Chunk::Out(bytes) => out.extend_from_slice(&bytes),
            Chunk::Err(bytes) => err.extend_from_slice(&bytes),
        }
    }
    assert_eq!((out.as_slice(), err.as_slice()), (&b"WORDS\n"[..], &b"e\n"[..]));
    assert_eq!(exec.control.exit_code().await.expect("noted"), 7);

    let python = "import os, sys, time\nprint(sys.stdin.isatty())\nsize = os.get_terminal_size\n\
                  while size().columns != 33: time.sleep(.02)\nprint(size().lines)";
    let argv = ["python3", "-c", python].map(str::to_owned);
    let mut exec = trial.engine.exec(&id, &argv, true, true).await.expect("attached");
    exec.control.resize(33, 11).await.expect("told");
    let mut shown = Vec::new();
    while let Some(chunk) = exec.output.next().await {
        let (Chunk::Out(bytes) | Chunk::Err(bytes)) = chunk.expect("a chunk");
        shown.extend_from_slice(&bytes);
    }
    assert_eq!(String::from_utf8_lossy(&shown), "True\r\n11\r\n");
    assert_eq!(exec.control.exit_code().await.expect("noted"), 0);
    let error = trial.engine.exec(&id, &["no-such-program".to_owned()], false, false).await;
    if let Ok(mut exec) = error {
        while exec.output.next().await.is_some() {}
        assert!(matches!(exec.control.exit_code().await.expect("noted"), 126 | 127));
    }
    trial.clear().await;
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
    drop(program);
    trial.engine.start(&id).await.expect("free now");
    assert_eq!(trial.engine.published_ports().await.expect("ports").get(&port), Some(&plan.name));
    let holder = trial.engine.port_holder(port).await.expect("an answer").expect("somebody");
    assert!(matches!(&holder, Holder::Container { name, .. } if *name == plan.name), "{holder:?}");
    let mut second = trial.container("second", "pass");
    second.publish = plan.publish.clone();
    let id = trial.engine.create_container(&second, &trial.image).await.expect("made");
    let error = trial.engine.start(&id).await.expect_err("taken");
    let expected = format!("port {port} on 127.0.0.1 is taken by container `{}` (image {IMAGE})", plan.name);
    assert!(error.message.starts_with(&expected[..expected.len() - 20]), "{}", error.message);
    assert!(error.hints[0].starts_with("kdev -p trial down, in /nowhere/"), "{:?}", error.hints);
    let facts = trial.engine.facts(&trial.project, &[], &[]).await.expect("facts");
    assert!(facts.containers.iter().all(|container| container.ports.contains(&port)));
    trial.clear().await;
}

#[tokio::test]
async fn a_small_container_runs_to_its_end_and_its_file_system_becomes_an_image() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let plan = trial.container("probe", "import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)");
    // What an interrupted run left is replaced.
    let left = trial.engine.create_container(&plan, &trial.image).await.expect("made");
    let (code, mut lines) = trial.engine.run_to_end(&plan, &trial.image).await.expect("ran");
    lines.sort();
    assert_eq!((code, lines), (3, vec!["a".to_owned(), "b".to_owned()]));
    assert!(!trial.engine.exists(&left, "/").await.expect("an answer"));
    // Without an init process it is the engine that cannot start the program.
    let command = Some(vec!["/no/such".to_owned()]);
    let missing = ContainerPlan { command, role: Role::Probe, ..plan.clone() };
    trial.engine.run_to_end(&missing, &trial.image).await.expect_err("no such program");
    assert_eq!(trial.engine.facts(&trial.project, &[], &[]).await.expect("facts").containers, []);

    let id = trial.engine.create_container(&plan, &trial.image).await.expect("made");
    let mut labels = trial.labels(Role::Image, "probe");
    labels.insert(label::SPEC.to_owned(), "committed".to_owned());
    let image = trial.engine.commit(&id, &format!("{}/probe", trial.project.prefix()), "1", &labels).await;
    let image = image.expect("committed");
    let facts = trial.engine.facts(&trial.project, &[], &[]).await.expect("facts");
    let found: Vec<_> = facts.app_images.iter().map(|i| (i.id.as_str(), i.spec.as_str())).collect();
    assert_eq!(found, [(image.as_str(), "committed")]);
    trial.clear().await;
}

#[tokio::test]
async fn a_build_counts_its_steps_and_its_failure_shows_the_last_lines() {
    let Some(trial) = Trial::new().await else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write(
        "Dockerfile",
        &format!("ARG WHAT\nFROM {IMAGE}\nARG WHAT\nCOPY . /app\nRUN ls -a /app && echo $WHAT > /what\n"),
    );
    write(".dockerignore", "secret\n.dockerignore\nDockerfile\n");
    write("secret", "x");
    write("big", &"x".repeat(3 << 20));
    let mut plan = BuildPlan {
        tag: format!("{}/producer:1", trial.project.prefix()),
        source: BuildSource::Directory(directory.path().to_owned()),
        dockerfile: "Dockerfile".to_owned(),
        args: BTreeMap::from([("WHAT".to_owned(), "this".to_owned())]),
        spec: "spec".to_owned(),
        labels: trial.labels(Role::Image, "producer"),
    };
    let (step, mut events) = progress();
    let id = trial.engine.build(&plan, &[], &step, false).await.expect("built");
    drop(step);
    let mut steps = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Progressed { progress: Progress::Steps { done, total, text }, .. } = event {
            steps.push(format!("{done}/{total} {}", text.split(' ').next().unwrap_or_default()));
        }
    }
    // The engine adds a step of its own for each label; Podman does not count what precedes FROM.
    if trial.podman {
        assert_eq!(steps[..4], ["1/9 FROM", "2/9 ARG", "3/9 COPY", "4/9 RUN"], "{steps:?}");
    } else {
        assert_eq!(steps[..5], ["1/10 ARG", "2/10 FROM", "3/10 ARG", "4/10 COPY", "5/10 RUN"], "{steps:?}");
    }
    let facts = trial.engine.facts(&trial.project, &[plan.tag.clone()], &[]).await.expect("facts");
    assert_eq!(facts.images[&plan.tag], id);
    assert_eq!(facts.app_image(&"producer".parse().expect("a name"), "spec").expect("found").id, id);
    let again = trial.engine.build(&plan, &[], &progress().0, false).await.expect("built");
    // Podman keeps no cache for this builder.
    assert!(again == id || trial.podman);
    assert_ne!(trial.engine.build(&plan, &[], &progress().0, true).await.expect("rebuilt"), id);

    write("Dockerfile", &format!("FROM {IMAGE}\nRUN python3 -c 'for n in range(30): print(n)' && exit 5\nUSER 1\n"));
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("fails");
    let code = if trial.podman { "exit status 5" } else { "returned a non-zero code: 5" };
    assert!(error.message.contains(code), "{}", error.message);
    assert!(error.details[0].to_lowercase().starts_with("step 2/"), "{:?}", error.details);
    assert_eq!(error.details.last().map(String::as_str), Some("  29"));
    assert_eq!(error.details.len(), 21);

    write("Dockerfile", "FROM no-such-registry.invalid/x:1\n");
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("fails");
    let expected =
        "the image no-such-registry.invalid/x:1 cannot be pulled: no-such-registry.invalid cannot be reached";
    assert_eq!(error.message, expected);
    write("Dockerfile", "FROMM x\n");
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("fails");
    assert!(error.message.to_lowercase().contains("unknown instruction"), "{}", error.message);
    plan.dockerfile = "None".to_owned();
    let error = trial.engine.build(&plan, &[], &progress().0, false).await.expect_err("missing");
    assert_eq!(error.kind, kdev::error::Kind::Usage);
    trial.clear().await;
}

#[tokio::test]
async fn a_pull_that_fails_says_why_and_names_the_mirror() {
    let Some(trial) = Trial::new().await else { return };
    let error = trial.engine.pull("no-such-registry.invalid/kafka:1", Mirror::Kafka, &progress().0).await;
    let error = error.expect_err("no such registry");
    let expected =
        "the image no-such-registry.invalid/kafka:1 cannot be pulled: no-such-registry.invalid cannot be reached";
    assert_eq!(error.message, expected);
    assert!(error.hints.iter().any(|hint| hint.starts_with("KDEV_KAFKA_IMAGE=")), "{:?}", error.hints);
    assert_eq!(trial.engine.image_id("no-such-registry.invalid/kafka:1").await.expect("an answer"), None);
    let info = trial.engine.info().await.expect("info");
    assert!(info.cpus > 0 && info.memory_bytes > 0 && !info.version.is_empty(), "{info:?}");
}
