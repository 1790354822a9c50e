//! One Kafka node: its JVM's flags, its broker settings and its container.
//!
//! All settings go on the command line as `--override name=value`, so that the image need hold no file of the
//! node's own, and `docker inspect` shows all that a node was told.

use std::{collections::BTreeMap, time::Duration};

use super::{ContainerPlan, Mount, Publish, Restart, Tmpfs, class_path, prepared};
use crate::{
    config::{
        KafkaSettings, Profile,
        dynamic::{MIN_IN_SYNC, is_dynamic},
    },
    model::{NodeId, Role},
};

/// Where the data volume is mounted: the official image declares it a volume, so that nothing anonymous is made.
pub const DATA: &str = "/var/lib/kafka/data";
/// The storage directory within: made by the node itself at its first start (`templates/node.sh`).
pub const LOG_DIR: &str = "/var/lib/kafka/data/log";
/// Listener for containers and between brokers.
pub const CONTAINER_PORT: u16 = 19092;
/// Listener for the host.
const HOST_PORT: u16 = 9092;
/// Listener of the Raft quorum.
const CONTROLLER_PORT: u16 = 9093;
/// The user of the official image, by number, so that any image will do.
pub const USER: &str = "1000:1000";
/// No service's name has an underscore, so that nothing else can be called so.
const ASIDE: &str = "_before";
/// The most controllers: Raft with three survives the loss of one.
const MOST_VOTERS: u8 = 3;
/// A broker has some 80 threads; a runaway is stopped well before it hurts the host.
const PIDS: u32 = 2048;
/// A node stops in 1 to 2.5 s while there is a quorum. One that has lost its quorum waits five minutes for it; then
/// only SIGKILL helps, and costs a recovery of its logs at the next start, no data.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// A node that is replaced hands its partitions and its part in the quorum over to the others, and is given the time:
/// on two cores at eight times their load it took 9.5 s. SIGKILL would cost its partitions a whole session's time.
pub const HANDOVER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a node's container is called while its successor has not yet proved itself.
pub fn name_aside(name: &str) -> String {
    format!("{name}{ASIDE}")
}

/// The name of a container before it was set aside; none where this is no such name.
pub fn name_before_aside(name: &str) -> Option<&str> {
    name.strip_suffix(ASIDE)
}

/// How many nodes of a new cluster of `brokers` are controllers too. What a cluster was made with it keeps.
pub fn voters(brokers: u8) -> u8 {
    brokers.min(MOST_VOTERS)
}

/// The JVM's flags of the quick profile.
const QUICK: [&str; 7] = [
    "-Xms96m",
    // Serial collector and first compiler tier: 3.2 s instead of 5.8 s until three nodes are ready on two cores, and no
    // less throughput at a developer's volumes (measured, Kafka 4.3.1, OpenJDK 17).
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    // The compiler runs seven steps nicer than what it compiles for: of what three starting nodes call often enough,
    // much is never called again. `up` takes 3 to 6 % less time (by turns, 14 and 20); a million records as long.
    "-XX:ThreadPriorityPolicy=1",
    "-XX:CompilerThreadPriority=7",
    // Else each start would warn that the policy wants root: to be nicer needs none.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-PrintWarnings",
];

/// What a node has to know of the rest of its cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The cluster's id.
    pub cluster: &'a str,
    /// Its number.
    pub id: NodeId,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// How many nodes, from the first, are controllers.
    pub voters: u8,
}

impl Place<'_> {
    /// Whether the node is a controller too.
    pub(super) fn is_controller(self) -> bool {
        self.id.0 <= self.voters
    }
}

/// The address of a node for programs in containers.
pub fn container_address(id: NodeId) -> String {
    format!("{}:{CONTAINER_PORT}", id.service())
}

/// The node's container, without names of the project, labels and hash: `plan::build` adds these.
pub(super) fn container(place: Place<'_>, volume: &str, kafka: &KafkaSettings) -> ContainerPlan {
    let Place { id, port, .. } = place;
    ContainerPlan {
        name: String::new(),
        role: Role::Node,
        service: id.service(),
        hostname: id.service(),
        network: String::new(),
        user: Some(USER.to_owned()),
        command: Some(command(place, kafka)),
        env: BTreeMap::new(),
        mounts: vec![Mount { volume: volume.to_owned(), target: DATA.to_owned() }],
        tmpfs: vec![
            // Kafka's codecs unpack shared libraries there and load them.
            Tmpfs { target: "/tmp".to_owned(), size_bytes: 64 << 20, exec: true },
            // Volumes that the official image declares and kdev does not use: without these, each node would
            // leave two anonymous volumes behind.
            Tmpfs { target: "/etc/kafka/secrets".to_owned(), size_bytes: 1 << 20, exec: false },
            Tmpfs { target: "/mnt/shared/config".to_owned(), size_bytes: 1 << 20, exec: false },
        ],
        publish: vec![Publish { host: port, container: HOST_PORT }],
        memory_bytes: kafka.memory_bytes,
        pids: PIDS,
        stop_timeout: STOP_TIMEOUT,
        restart: Restart::No,
        labels: BTreeMap::new(),
        spec: String::new(),
    }
}

fn command(place: Place<'_>, kafka: &KafkaSettings) -> Vec<String> {
    let role = if place.is_controller() { "controller" } else { "broker" };
    let mut command = ["sh", prepared::NODE_SCRIPT, place.cluster].map(str::to_owned).to_vec();
    command.extend([place.id.to_string(), role.to_owned()]);
    let arguments = if class_path::has_plug_ins(&kafka.config) { prepared::PLUG_IN_ARGS } else { prepared::JAVA_ARGS };
    command.extend(["java".to_owned(), format!("@{arguments}")]);
    command.extend(jvm(kafka));
    command.extend([prepared::KAFKA_CLASS.to_owned(), prepared::SERVER_PROPERTIES.to_owned()]);
    for (name, value) in settings(place, kafka) {
        command.extend(["--override".to_owned(), format!("{name}={value}")]);
    }
    command
}

/// The JVM's flags. The heap is five eighths of the limit: the rest is for classes, code, threads and network
/// buffers, which take up to 150 MB under load.
fn jvm(kafka: &KafkaSettings) -> Vec<String> {
    let heap = kafka.memory_bytes / 8 * 5 / (1 << 20);
    let mut flags = vec![format!("-Xmx{heap}m")];
    match kafka.profile {
        Profile::Quick => flags.extend(QUICK.map(str::to_owned)),
        Profile::Throughput => {
            flags.extend([format!("-Xms{heap}m"), "-XX:+UseG1GC".to_owned(), "-XX:MaxGCPauseMillis=20".to_owned()])
        }
    }
    flags
}

/// The settings that the broker is started with: the user's own over kdev's choices, and what kdev owns over all.
///
/// Those of the user's that a running Kafka takes over are not among them: they would make every node be replaced.
fn settings(place: Place<'_>, kafka: &KafkaSettings) -> BTreeMap<String, String> {
    let mut settings = choices(place.voters, kafka);
    settings.extend(kafka.config.clone().into_iter().filter(|(name, _)| !is_dynamic(name)));
    settings.extend(owned(place));
    settings
}

/// The settings to make at run time, for all brokers at once.
pub(super) fn dynamic(voters: u8, kafka: &KafkaSettings) -> BTreeMap<String, String> {
    let mut settings = started_with(voters, kafka);
    // Kafka itself has this one among them, and keeps it.
    settings.retain(|name, _| name == MIN_IN_SYNC);
    settings.extend(kafka.config.clone().into_iter().filter(|(name, _)| is_dynamic(name)));
    settings
}

/// Of the settings that could be made at run time those that the nodes are started with.
pub(super) fn started_with(voters: u8, kafka: &KafkaSettings) -> BTreeMap<String, String> {
    let mut settings = choices(voters, kafka);
    settings.retain(|name, _| is_dynamic(name));
    settings
}

/// `min.insync.replicas` of topics that do not say otherwise.
pub(super) fn min_insync(voters: u8, kafka: &KafkaSettings) -> usize {
    let given = kafka.config.get("min.insync.replicas").and_then(|value| value.parse().ok());
    given.unwrap_or_else(|| least_in_sync(voters))
}

fn least_in_sync(voters: u8) -> usize {
    if voters >= 3 { 2 } else { 1 }
}

/// The numbers of replicas come from the controllers, which stay as many as they are: from the brokers, one broker
/// more would change the settings of all others, and each would have to be replaced.
fn choices(voters: u8, kafka: &KafkaSettings) -> BTreeMap<String, String> {
    let replication = voters.to_string();
    let in_sync = least_in_sync(voters).to_string();
    let mut settings: Vec<(&str, String)> = vec![
        ("auto.create.topics.enable", "false".into()),
        ("unclean.leader.election.enable", "false".into()),
        ("default.replication.factor", replication.clone()),
        ("min.insync.replicas", in_sync.clone()),
        ("offsets.topic.replication.factor", replication.clone()),
        ("transaction.state.log.replication.factor", replication.clone()),
        ("transaction.state.log.min.isr", in_sync.clone()),
        ("share.coordinator.state.topic.replication.factor", replication),
        ("share.coordinator.state.topic.min.isr", in_sync),
        // A first consumer need not wait for others that do not come.
        ("group.initial.rebalance.delay.ms", "0".into()),
        // A follower that asks a broker which does not lead yet waits this long: at Kafka's 1000 it makes the
        // longest stall of a rolling restart (172 ms instead of 1.2 s, measured).
        ("replica.fetch.backoff.ms", "10".into()),
        // A follower's fetch that came too early to be let into sync again is held back this long, and only the next
        // one counts: at Kafka's 500 a start with data waits 0.6 s longer for its replicas. It costs an idle cluster
        // of three 8 % of a core.
        ("replica.fetch.wait.max.ms", "100".into()),
        // A broker asks by its heartbeats to be let go: the first is answered by moving its leaders, the second comes
        // 50 ms later (`BrokerLifecycleManager`), the third an interval after that. Of nodes that end together, one that
        // needs the third may find the controllers gone: 5 of 32 `down`s at 500, none of 32 at 100 (by turns). One that
        // comes back takes part at the first heartbeat after it has caught up: at 70 before its second fetch as a
        // follower, at 100 often after it, so that only the third let it into sync (`replica.fetch.wait.max.ms`).
        ("broker.heartbeat.interval.ms", "70".into()),
        // A broker that was replaced or killed waits out its old session before it may register again: with 3 s a
        // replaced node was in sync 4.1 to 4.8 s after its start, with 6 s after 5.6 to 7.0 (two busy cores). With less,
        // a node that is merely busy would be taken for lost.
        ("broker.session.timeout.ms", "3000".into()),
        // The controller writes what has come in so far: at Kafka's 25 each of a start's dozen writes waits for more.
        ("controller.quorum.append.linger.ms", "5".into()),
        // What the controller writes when there is nothing to write, and each node reads anew at its start: at Kafka's
        // 500 a start after a day of eight hours takes 0.5 to 0.6 s longer (two cores). An idle cluster of three takes
        // 18.9 instead of 19.7 % of a core.
        ("metadata.max.idle.interval.ms", "5000".into()),
        // All that was written since the last snapshot is read at a start, 5 KB of each start and `down` before it: after 34
        // of these a start takes 0.12 to 0.24 s longer. Kafka makes a snapshot once it has run for this long, by default
        // an hour, which clusters of one developer may not reach for days.
        ("metadata.log.max.snapshot.interval.ms", "600000".into()),
        // So long, and up to twice as long by chance, controllers that know of nobody in charge wait before one stands for
        // election: at 500 a new cluster's start takes 0.2 s longer (2.34 to 2.08 s, two quick cores). How long one in
        // charge may be silent is another setting, `controller.quorum.fetch.timeout.ms`, which stays Kafka's 2 s.
        ("controller.quorum.election.timeout.ms", "250".into()),
        ("controller.quorum.election.backoff.max.ms", "500".into()),
    ];
    if kafka.profile == Profile::Quick {
        settings.extend([
            // Six partitions each instead of fifty: fewer files to open, replicate and recover.
            ("offsets.topic.num.partitions", "6".into()),
            ("transaction.state.log.num.partitions", "6".into()),
            ("share.coordinator.state.topic.num.partitions", "6".into()),
            ("num.network.threads", "2".into()),
            ("num.io.threads", "4".into()),
            // 128 MiB of heap by default.
            ("log.cleaner.dedupe.buffer.size", (4 << 20).to_string()),
        ]);
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn owned(place: Place<'_>) -> BTreeMap<String, String> {
    let Place { id, port, voters, .. } = place;
    let controller = place.is_controller();
    let voters: Vec<String> =
        NodeId::first(voters).map(|voter| format!("{}@{}:{CONTROLLER_PORT}", voter.0, voter.service())).collect();
    let mut listeners = format!("CONTAINER://:{CONTAINER_PORT},HOST://:{HOST_PORT}");
    if controller {
        listeners.push_str(&format!(",CONTROLLER://:{CONTROLLER_PORT}"));
    }
    [
        ("node.id", id.to_string()),
        ("process.roles", if controller { "broker,controller" } else { "broker" }.into()),
        ("controller.quorum.voters", voters.join(",")),
        ("listeners", listeners),
        ("advertised.listeners", format!("CONTAINER://{},HOST://localhost:{port}", container_address(id))),
        ("listener.security.protocol.map", "CONTAINER:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT".into()),
        ("inter.broker.listener.name", "CONTAINER".into()),
        ("controller.listener.names", "CONTROLLER".into()),
        ("log.dirs", LOG_DIR.into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
