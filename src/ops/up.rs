//! `kdev up`: make the system what kdev.toml says.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Session, planning, rollback,
    stakes::{self, Planned},
};
use crate::{
    engine::{
        World,
        live::Live,
        run::{self, Outcome, Run},
    },
    error::{Error, Kind, Result},
    event::{Event, Events},
    lock,
    model::{AppName, TopicName},
    observed::{DockerFacts, Observed, Stranger},
    plan::{
        Plan,
        release::{self, Refusal},
    },
    reconcile::{Blocked, Permission, Step, up},
    timeline::KDEV,
};

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether apps are built and run; if not, they stay as they are.
    pub apps: bool,
    /// Build every app's image even if nothing changed.
    pub build: bool,
    /// When to give up.
    pub timeout: Duration,
    /// What may be done of that which takes records away.
    pub permission: Permission,
}

/// What an [`up()`] did.
pub struct Done {
    /// The steps that were taken, in the order in which they ended.
    pub steps: Vec<Step>,
    /// What takes records away and was not permitted: all else is as kdev.toml says.
    pub held: Vec<Planned>,
    /// The world at the end.
    pub observed: Observed,
    /// What it was done to, for more questions.
    pub world: Arc<Live>,
}

/// Makes the system what the file says, and waits until it is healthy. What takes records away is held back until it
/// is permitted.
///
/// # Errors
/// See [`run::reach`]; apps that failed while everything else came up are an error too.
pub async fn up(session: &Session, options: &Options, events: &Events, cancel: &CancellationToken) -> Result<Done> {
    let _lock = locked(session, "kdev up", events, cancel).await?;
    let planning = events.timeline().begin(KDEV, "plan, and settle the ports");
    let (plan, facts, choosing) = plan_and_choose(session, options, cancel).await?;
    let world = Arc::new(Live::new(session.docker.clone(), plan.clone()).having_seen(facts));
    events.timeline().end(planning);
    let reached = reach(&world, &plan, options, Some(choosing), events, cancel).await;
    let mut outcome = rollback::unless_well(&world, reached, events).await?;
    let mut steps = std::mem::take(&mut outcome.steps);
    let mut observed = outcome.observed;
    let held = up::next_permitted(&plan, options.apps, &options.permission, &observed).map_err(blocked)?.held;
    let held = stakes::measure(held, world.kafka(), &plan, &observed.kafka).await;
    // A shorter retention of a topic without records as old as that takes nothing away.
    let (held, harmless): (Vec<_>, Vec<_>) = held.into_iter().partition(|planned| planned.change.destructive);
    if !harmless.is_empty() && outcome.failed_apps.is_empty() {
        let also = harmless.into_iter().map(|planned| planned.step).collect();
        let options = Options { permission: options.permission.clone().with(also), build: false, ..options.clone() };
        let more = reach(&world, &plan, &options, None, events, cancel).await;
        let more = rollback::unless_well(&world, more, events).await?;
        steps.extend(more.steps);
        (observed, outcome.failed_apps) = (more.observed, more.failed_apps);
    }
    match outcome.failed_apps.len() {
        0 => Ok(Done { steps, held, observed, world }),
        1 => Err(with_kafka_up(outcome.failed_apps.remove(0))),
        _ => {
            // Each is told whole; the last is the one that is returned.
            let last = outcome.failed_apps.pop();
            for error in outcome.failed_apps {
                events.send(Event::Trouble(Box::new(error)));
            }
            Err(with_kafka_up(last.unwrap_or_else(|| Error::failed("apps failed"))))
        }
    }
}

/// Plans, under a lock that is to be held until the ports stand on the data volumes: a project that comes up at the
/// same time chooses its own only after that.
async fn plan_and_choose(
    session: &Session,
    options: &Options,
    cancel: &CancellationToken,
) -> Result<(Plan, DockerFacts, lock::Lock)> {
    let choosing = until_cancelled(cancel, lock::machine("ports")).await?;
    let (plan, facts) = planning::plan_and_facts(session, options.apps).await?;
    Ok((plan, facts, choosing))
}

/// `choosing` is let go once all volumes are there, and on them the ports.
pub(super) async fn reach<W: World>(
    world: &Arc<W>,
    plan: &Plan,
    options: &Options,
    choosing: Option<lock::Lock>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Outcome> {
    let first = match options.build {
        true => plan.apps.keys().map(|app: &AppName| Step::Build { app: app.clone() }).collect(),
        false => Vec::new(),
    };
    let run = Run { events, cancel, timeout: options.timeout, first };
    let choosing = Cell::new(choosing);
    run::reach(world, run, |observed| {
        if plan.staying().all(|(id, _)| observed.docker.volumes.contains_key(&id)) {
            choosing.take();
        }
        up::next_permitted(plan, options.apps, &options.permission, observed).map_err(blocked)
    })
    .await
}

/// Takes the project's lock. Who waits for another run, or after one that was killed, says so.
pub(super) async fn locked(
    session: &Session,
    command: &str,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<lock::Lock> {
    let project = &session.settings.project;
    let waiting = |wait: lock::Wait<'_>| {
        events.send(Event::Note(match wait {
            lock::Wait::For(run) => format!("waiting for {run}, which works on {}", project.name),
            lock::Wait::After(run) => format!("{run} was killed: the engine gets a moment to finish what it began"),
        }));
    };
    until_cancelled(cancel, lock::project(project, command, waiting)).await
}

async fn until_cancelled(
    cancel: &CancellationToken,
    lock: impl Future<Output = Result<lock::Lock>>,
) -> Result<lock::Lock> {
    tokio::select! {
        lock = lock => lock,
        () = cancel.cancelled() => Err(Error::new(Kind::Interrupted, "stopped on request: nothing was changed")),
    }
}

fn with_kafka_up(error: Error) -> Error {
    error.hint("kdev status   (Kafka and the other services are up)")
}

pub(super) fn blocked(blocked: Blocked) -> Error {
    match blocked {
        Blocked::Release(refusal) => refused(refusal),
        Blocked::Strangers(strangers) => strangers_error(&strangers),
        Blocked::FewerPartitions { topic, has, wanted } => Error::failed(format!(
            "topic {topic} has {has} partitions, kdev.toml says {wanted}; Kafka never removes a partition"
        ))
        .hint(format!("partitions = {has} in [topics.{topic}]"))
        .hint(format!("another topic with {wanted} partitions, and copy: kdev consume {topic} -o json --exit | kdev produce OTHER -i json --repartition")),
        Blocked::TooFewNodes { topics, nodes } => too_few_nodes(&topics, nodes),
        Blocked::Lost { topic, partition, nodes } => {
            let nodes: Vec<String> = nodes.iter().map(|id| id.service()).collect();
            Error::failed(format!(
                "partition {partition} of {topic} had its last replica on {}, whose volume is gone",
                nodes.join(", ")
            ))
            .hint(format!("kdev topics delete {topic}   (with what is left of its records)"))
            .hint("kdev down --volumes, then kdev up   (starts anew, without the data)")
        }
        Blocked::NoRoom { needed, free } => Error::failed(format!(
            "not enough room to move replicas: {} are to be copied, {} are free on the engine's disk",
            bytes(needed),
            bytes(free)
        ))
        .hint("docker system df   (shows what takes up the room)")
        .hint("a shorter `retention.ms` or a smaller `retention.bytes` under [topics.NAME.config] in kdev.toml"),
    }
}

fn too_few_nodes(topics: &BTreeMap<TopicName, usize>, nodes: usize) -> Error {
    let names: Vec<String> = topics.iter().map(|(name, replicas)| format!("{name} ({replicas})")).collect();
    let most = topics.values().max().copied().unwrap_or(nodes);
    Error::usage(format!(
        "kdev.toml says brokers = {nodes}, but topics have more replicas than that: {}",
        names.join(", ")
    ))
    .hint(format!("brokers = {most}"))
    .hint(format!("name the topic under [topics] with `replication = {nodes}`, and kdev gives up the replicas first"))
}

fn bytes(bytes: u64) -> String {
    humansize::format_size(bytes, humansize::BINARY.decimal_places(1))
}

/// Why the nodes may not go to the file's Kafka release. Nothing was touched.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Finalized { level, to } => {
            let is = release::metadata_version(level);
            Error::failed(format!(
                "the metadata are finalized at {is}, which Kafka {to} cannot read: there is no way back to it"
            ))
            .hint("`version` in [kafka] as it was")
            .hint(format!("kdev down --volumes, then kdev up   (starts anew on {to}, without the data)"))
        }
        Refusal::Unknown { from, to } => {
            let error = Error::failed(format!(
                "kdev does not know whether Kafka {from} can go to {to} directly: it knows {}",
                release::known()
            ));
            match release::between(from, to).as_slice() {
                [] => error,
                between => error.hint(format!("by way of the versions in between: {}", between.join(", "))),
            }
            .hint(format!("version = \"{from}\" in [kafka]"))
            .hint(format!("kdev down --volumes, then kdev up   (starts anew on {to}, without the data)"))
        }
    }
}

fn strangers_error(strangers: &[Stranger]) -> Error {
    let names: Vec<String> =
        strangers.iter().map(|stranger| format!("{} `{}`", stranger.kind, stranger.name)).collect();
    let mut error = Error::failed(format!(
        "{} has a name that this project needs, and is not kdev's: left alone",
        names.join(", ")
    ));
    for stranger in strangers {
        error = error.hint(match stranger.kind {
            "container" => format!("docker rename {0} {0}-old", stranger.name),
            "network" => format!("docker network rm {}", stranger.name),
            _ => format!("docker volume rm {}   (removes its data)", stranger.name),
        });
    }
    error.hint("another name for the project: kdev -p NAME up")
}
