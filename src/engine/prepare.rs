//! Makes a Kafka image ready for fast starts, once per image: `plan::prepared` tells what that is.
//!
//! Three short containers: one lists the jars, one beside it lets Kafka's own tool write the records that a new cluster
//! begins with, the third runs a node once, with a little traffic, to train the class-data archive; its file system,
//! committed, is the prepared image.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    storage::{self, FirstMetadata, entry},
    traffic,
};
use crate::{
    docker::{Engine, UploadKind},
    error::{Error, Result, While},
    lock,
    model::{NodeId, Role},
    plan::{ContainerPlan, Restart, class_path, node, prepared},
    template,
};

const MEMORY: u64 = 1 << 30;
/// Twenty times what a single node takes to start on two busy cores.
const TRAINING: Duration = Duration::from_secs(90);
/// A single node has no peer to hand over to; it ends in a second.
const TRAINING_STOP: Duration = Duration::from_secs(30);
/// How the names of the containers begin.
const BEGIN: &str = "kdev-prepare-";
const WORK: &str = "/var/lib/kafka/data";
/// What a controller finds that has run before (`FileQuorumStateStore`): reading it takes some eighty classes that a
/// new one has no use for.
const QUORUM_STATE: &str = r#"{"leaderId":-1,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;

/// What a broker finds that ended well (`CleanShutdownFileHandler`): reading it takes some hundred classes of Jackson's
/// that nothing else has a use for, 45 ms where they come from jars.
const CLEAN_SHUTDOWN: &str = r#"{"version":0,"brokerEpoch":1}"#;

/// The names of the containers at work on one image.
struct Names {
    /// What tells the image from others: the tag of what is made of it.
    short: String,
    sharers: String,
}

impl Names {
    fn of(short: &str) -> Result<Self> {
        Ok(Names { short: short.to_owned(), sharers: lock::sharers()? })
    }

    fn to(&self, what: &str) -> String {
        format!("{BEGIN}{}-{}-{what}", self.short, self.sharers)
    }

    /// The image that a container is at work on, and for whom: what [`Names::to`] put together.
    fn parse(container: &str) -> Option<Self> {
        let mut parts = container.strip_prefix(BEGIN)?.split('-');
        Some(Names { short: parts.next()?.to_owned(), sharers: parts.next()?.to_owned() })
    }

    /// The lock that is held while an image is prepared.
    fn lock(&self) -> String {
        format!("prepare-{}", self.short)
    }
}

/// Removes what preparations that were killed left, running or not: the names of these containers. Whose lock is held
/// is at work; whose lock cannot be looked at, on another host or of another user, may be.
///
/// # Errors
/// Where the engine refuses.
pub async fn remove_remains(docker: &Engine) -> Result<Vec<String>> {
    let sharers = lock::sharers()?;
    let mut removed = Vec::new();
    for container in docker.preparing().await? {
        let Some(names) = Names::parse(&container).filter(|names| names.sharers == sharers) else { continue };
        if let Some(_lock) = lock::machine_if_free(&names.lock()).await? {
            docker.remove_container(&container).await?;
            removed.push(container);
        }
    }
    Ok(removed)
}

/// Prepares the image, unless another process just did.
pub async fn prepare(docker: &Engine, image: &str) -> Result<()> {
    let base = docker.image_id(image).await?.ok_or_else(|| Error::failed(format!("image {image} is gone")))?;
    let tag = prepared::tag(&base);
    let names = Names::of(tag.rsplit(':').next().unwrap_or_default())?;
    let _lock = lock::machine(&names.lock()).await?;
    if docker.prepared_image(&base).await?.is_some() {
        return Ok(());
    }
    let (jars, first) = tokio::join!(jars(docker, &base, &names), first_metadata(docker, &base, &names));
    let jars = jars.while_(|| format!("listing the jars of {image}"))?;
    let first = first?;
    let (repository, tag) = tag.rsplit_once(':').unwrap_or((&tag, "latest"));
    let tag = (repository, tag);
    let trained = train(docker, &base, &names, &jars, &class_path::boot(&jars), &first, tag).await;
    if trained.is_err() {
        // A Java or a Kafka that cannot do with that class path; if it is something else, this fails as well.
        train(docker, &base, &names, &jars, &class_path::plain(&jars), &first, tag).await?;
    }
    // What an older kdev made takes half a gigabyte on its list of images. Nodes that still run it keep it.
    for outdated in docker.outdated_prepared_images(&base).await? {
        let _ = docker.remove_image(&outdated).await;
    }
    Ok(())
}

fn container(base: &str, name: String, command: Vec<String>) -> ContainerPlan {
    ContainerPlan {
        name,
        role: Role::Prepared,
        service: "prepare".to_owned(),
        hostname: "localhost".to_owned(),
        network: "none".to_owned(),
        user: Some(node::USER.to_owned()),
        command: Some(command),
        env: BTreeMap::new(),
        mounts: Vec::new(),
        tmpfs: Vec::new(),
        publish: Vec::new(),
        memory_bytes: MEMORY,
        pids: 1024,
        stop_timeout: TRAINING_STOP,
        restart: Restart::No,
        labels: prepared::labels(base),
        spec: String::new(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// All of Kafka's jars, as the JVM's word for them.
fn wildcard() -> String {
    format!("{}/*", prepared::LIBS)
}

/// Kafka's jars in sorted order, as the JVM itself expands the wildcard.
async fn jars(docker: &Engine, base: &str, names: &Names) -> Result<Vec<String>> {
    let command = words(&["java", "-XshowSettings:properties", "-cp", &wildcard(), "-version"]);
    let plan = container(base, names.to("jars"), command);
    let needs = || "kdev needs `java` and `sh` on the image's PATH, and Kafka's jars in /opt/kafka/libs".to_owned();
    let ran = docker.run_to_end(&plan, base).await;
    let (code, lines) = ran.map_err(|error| if lacks_program(&error) { error.hint(needs()) } else { error })?;
    let mut jars: Vec<String> = lines
        .iter()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|word| word.starts_with(prepared::LIBS) && word.ends_with(".jar"))
        .map(str::to_owned)
        .collect();
    jars.sort();
    jars.dedup();
    if jars.is_empty() {
        return Err(Error::failed(format!("found no jars in {} (java ended with code {code})", prepared::LIBS))
            .details(lines.into_iter().take(20))
            .hint(needs()));
    }
    Ok(jars)
}

/// Whether a container did not start for want of its program; whatever else the engine refuses is not the image's fault.
fn lacks_program(refused: &Error) -> bool {
    refused.message.contains("executable file")
}

/// The settings of a node on its own.
fn single_node() -> String {
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\n\
         listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={WORK}/log\n\
         auto.create.topics.enable=true\nnum.partitions=3\noffsets.topic.num.partitions=6\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\nlog.cleaner.dedupe.buffer.size=4194304\n\
         group.initial.rebalance.delay.ms=0\n"
    )
}

/// Lets Kafka's own tool write the first metadata: its records differ between releases, not between clusters.
async fn first_metadata(docker: &Engine, base: &str, names: &Names) -> Result<FirstMetadata> {
    let properties = format!("{WORK}/server.properties");
    let id = storage::new_id();
    let command = words(&[
        "java",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        &wildcard(),
        "kafka.tools.StorageTool",
        "format",
        "--cluster-id",
        &id,
        "--config",
        &properties,
    ]);
    let plan = container(base, names.to("format"), command);
    let entries = vec![
        entry("log", 0o755, UploadKind::Dir),
        entry("server.properties", 0o644, UploadKind::File(single_node().into_bytes())),
    ];
    let doing = || "letting Kafka write its first metadata".to_owned();
    docker.remove_container(&plan.name).await.while_(doing)?;
    let container = docker.create_container(&plan, base).await.while_(doing)?;
    let result = async {
        docker.upload(&container, WORK, entries).await?;
        docker.start(&container).await?;
        let code = docker.wait(&container).await?;
        for path in prepared::FIRST_METADATA {
            let found = docker.download(&container, &format!("{WORK}/log/{path}")).await?;
            if let (Some(bytes), 0) = (found, code) {
                return Ok(FirstMetadata { path: path.to_owned(), bytes });
            }
        }
        Err(Error::failed(format!(
            "kafka-storage format ended with code {code}, and wrote none of the files that kdev knows"
        ))
        .details(docker.tail(&container, 20).await.unwrap_or_default()))
    }
    .await;
    docker.remove_container(&container).await.while_(doing)?;
    result.while_(doing)
}

/// Runs a node once with this class path, so that the JVM can write down its classes at the end; commits what comes
/// of it.
async fn train(
    docker: &Engine,
    base: &str,
    names: &Names,
    jars: &[String],
    class_path: &[String],
    first: &FirstMetadata,
    (repository, tag): (&str, &str),
) -> Result<()> {
    let archive = format!("-XX:ArchiveClassesAtExit={}", prepared::CLASS_ARCHIVE);
    let log = format!("-Dlog4j2.configurationFile={}", prepared::LOG_PROPERTIES);
    let properties = format!("{WORK}/server.properties");
    let mut command = words(&["java", &archive, "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.extend_from_slice(class_path);
    command.extend(words(&["-XX:-UsePerfData", &log, prepared::KAFKA_CLASS, &properties]));
    let plan = container(base, names.to("train"), command);
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let file = |path: &str, text: &str| {
        entry(&format!("kdev/{}", name(path)), 0o644, UploadKind::File(text.as_bytes().to_vec()))
    };
    let mut layout = vec![
        entry("kdev", 0o755, UploadKind::Dir),
        file(prepared::NODE_SCRIPT, template::NODE_SCRIPT),
        file(prepared::JAVA_ARGS, &prepared::java_args(class_path)),
        file(prepared::PLUG_IN_ARGS, &prepared::plug_in_args(jars)),
        file(prepared::SERVER_PROPERTIES, "# Every setting is on the node's command line.\n"),
        file(prepared::LOG_PROPERTIES, prepared::LOG_PROPERTIES_TEXT),
    ];
    layout.extend(storage::first(&format!("kdev/{}", name(prepared::FIRST)), first));
    let meta = storage::meta_properties(&storage::new_id(), NodeId(1), &storage::new_id());
    let mut data = storage::first("log", first);
    data.push(entry("log/meta.properties", 0o644, UploadKind::File(meta.into_bytes())));
    data.push(entry("log/quorum-state", 0o644, UploadKind::File(QUORUM_STATE.as_bytes().to_vec())));
    data.push(entry("log/.kafka_cleanshutdown", 0o644, UploadKind::File(CLEAN_SHUTDOWN.as_bytes().to_vec())));
    data.push(entry("server.properties", 0o644, UploadKind::File(single_node().into_bytes())));
    let doing = || "running a node once to record its classes".to_owned();
    docker.remove_container(&plan.name).await.while_(doing)?;
    let container = docker.create_container(&plan, base).await.while_(doing)?;
    let result = async {
        docker.upload(&container, "/opt", layout).await?;
        docker.upload(&container, WORK, data).await?;
        docker.start(&container).await?;
        // A node that starts leaves a second core idle, on which the first tool starts.
        traffic::pass(docker, &container, jars, started(docker, &container)).await?;
        docker.stop(&container, TRAINING_STOP).await?;
        docker.commit(&container, repository, tag, &prepared::labels(base)).await
    }
    .await;
    docker.remove_container(&container).await.while_(doing)?;
    result.map(drop).while_(doing)
}

/// Waits until the node says that it has started. (A log line is no proof of readiness; to end a training it will do.)
async fn started(docker: &Engine, container: &str) -> Result<()> {
    let since = Instant::now();
    loop {
        let lines = docker.tail(container, 50).await?;
        if lines.iter().any(|line| line.contains("Kafka Server started")) {
            return Ok(());
        }
        let running = docker.is_running(container).await?;
        if !running || since.elapsed() > TRAINING {
            return Err(Error::failed("the node did not start").details(lines));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_that_is_missing_is_the_images_fault() {
        let refused = |why: &str| Error::failed(format!("the Docker engine refused: {why}"));
        let missing = "unable to start container process: exec: \"java\": executable file not found in $PATH: unknown";
        assert!(lacks_program(&refused(missing)));
        assert!(!lacks_program(&refused(
            "error setting rlimit type 7: operation not permitted: OCI permission denied"
        )));
    }
}
