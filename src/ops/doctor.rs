//! `kdev doctor`: is everything there that a cluster needs, and can every address be reached that it advertises?
//!
//! A check a file; what is asked and what is judged are apart in each. Whatever is broken becomes a check that
//! failed: the doctor itself ends, with a report, in bounded time.

mod archive;
mod cluster;
mod container;
mod engine;
mod host;
mod machine;
mod ports;
mod project;
mod proxies;
pub mod report;

use std::{future::Future, time::Duration};

use futures_util::future::join4;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::{
    cluster::Node,
    machine::Needs,
    report::{Category, Check, Report, Status, Summary},
};
use super::{Session, planning};
use crate::{
    config::Settings,
    docker::{Engine, Proxies, Sought},
    error::{Error, Kind, Result},
    model::{Project, Role},
    observed::DockerFacts,
    plan::{class_path, probe},
    status::Bootstrap,
};

const SCHEMA: u32 = 1;
/// An engine answers within a second, a sleeping Docker Desktop within fifteen, and there may be two to be tried.
const PATIENCE: Duration = Duration::from_secs(30);
/// Kafka's tool takes 2 s where all brokers answer and 7 s where one hangs.
const PROBE: Duration = Duration::from_secs(40);
/// The removal of a probe kills it and takes a second.
const REMOVAL: Duration = Duration::from_secs(20);

/// Examines the engine, the machine, the project and its addresses. `settings` is what kdev.toml was read to.
///
/// # Errors
/// Only when `cancel` comes first; whatever is wrong is in the report.
pub async fn examine(settings: Result<Settings>, cancel: &CancellationToken) -> Result<Report> {
    let mut findings = Findings::default();
    findings.checks.push(project::file(&settings));
    let engine = engine(&settings, &mut findings).await;
    let by_tcp = engine.as_ref().is_ok_and(|docker| !docker.is_local());
    findings.checks.push(proxies::check(&Proxies::found(), by_tcp));
    let verdict = [settings.as_ref().err(), engine.as_ref().err()].into_iter().flatten().map(|error| error.kind).next();
    let name = settings.as_ref().ok().map(|settings| settings.project.name.clone());
    let mut bootstrap = None;
    if let (Ok(settings), Ok(docker)) = (settings, engine) {
        bootstrap = project(&Session { settings, docker }, cancel, &mut findings).await;
    }
    if cancel.is_cancelled() {
        return Err(Error::new(Kind::Interrupted, "stopped on request: not everything was checked"));
    }
    let Findings { mut checks, notes } = findings;
    checks.sort_by_key(|check| check.category);
    let summary = Summary::of(&checks);
    let verdict = verdict.or((summary.fail > 0).then_some(Kind::CheckFailed));
    Ok(Report { schema: SCHEMA, project: name, checks, notes, bootstrap, summary, verdict })
}

#[derive(Debug, Default)]
struct Findings {
    checks: Vec<Check>,
    notes: Vec<String>,
}

/// Finds the engine and looks at what it can use.
async fn engine(settings: &Result<Settings>, findings: &mut Findings) -> Result<Engine> {
    let Findings { checks, notes } = findings;
    let found = async {
        let docker = Engine::connect().await?;
        let info = docker.info().await?;
        Ok((docker, info))
    };
    let (docker, info) = within("finding the Docker engine", found)
        .await
        // Whatever the reason: there is none to work with.
        .map_err(|error| Error { kind: Kind::NoEngine, ..error })
        .inspect_err(|error| checks.push(Check::of_error(Category::Engine, "engine", Status::Fail, error)))?;
    let is_local = docker.is_local();
    // On other systems than Linux a local engine always is in a machine of its own.
    let behind_vm = is_local && !cfg!(target_os = "linux");
    checks.extend(engine::checks(&info, &docker.address(), &docker.chosen_by(), behind_vm));
    checks.push(machine::processors(info.cpus));
    if let Ok(settings) = settings {
        let running = within("listing containers", docker.facts(&settings.project, &Sought::Nothing)).await;
        let starts = running.is_ok_and(|facts| facts.containers.iter().all(|c| c.role != Role::Node));
        let available = if starts { machine::available_memory(&info, is_local) } else { None };
        checks.push(machine::memory(Needs::of(settings), info.memory_bytes, available));
    }
    match machine::free_disk(&info, is_local) {
        Some(free) => checks.push(machine::disk(&info.data_root, free)),
        None => notes.push(format!(
            "how much disk is free cannot be seen from here: {} is in the engine's own machine",
            info.data_root
        )),
    }
    Ok(docker)
}

/// Looks at what the project has on the engine, and tries its addresses if it runs.
async fn project(session: &Session, cancel: &CancellationToken, findings: &mut Findings) -> Option<Bootstrap> {
    let Session { settings, docker } = session;
    let Findings { checks, notes } = findings;
    let broken = |error: &Error| Check::of_error(Category::Project, "state", Status::Fail, error);
    let images = Sought::Named { kafka: settings.kafka.image.clone(), apps: None };
    let facts = within("looking at the project", docker.facts(&settings.project, &images)).await;
    let facts = facts.inspect_err(|error| checks.push(broken(error))).ok()?;
    let image = project::Image::of(&settings.kafka.image, &facts);
    match image.judge(&settings.kafka.image) {
        Ok(check) => checks.push(check),
        Err(note) => notes.push(note),
    }
    let draft = within("planning", planning::draft(session, false)).await;
    let draft = draft.inspect_err(|error| checks.push(broken(error))).ok()?;
    let plan = &draft.plan;
    let nodes: Vec<Node<'_>> = plan.nodes.iter().map(|(&id, node)| Node::of(id, node.port, &facts)).collect();
    let probe = Probe { docker, project: &settings.project, cancel };
    probe.clear_remains(&facts).await;
    let exists = nodes.iter().any(|node| node.container.is_some());
    let archive = async {
        let project::Image::Prepared(image) = &image else { return None };
        let plug_ins = class_path::has_plug_ins(&settings.kafka.config);
        Some(archive::check(docker, image, &nodes, plug_ins, &probe).await)
    };
    let from_host = async { if exists { host::checks(&nodes).await } else { Vec::new() } };
    let from_container =
        async { if exists { container::checks(&nodes, &plan.network.name, &probe).await } else { Vec::new() } };
    let (archive, ports, from_host, from_container) =
        join4(archive, ports::checks(&draft), from_host, from_container).await;
    checks.extend(archive.into_iter().chain(ports).chain(from_host).chain(from_container));
    if !exists {
        notes.push(format!("{} is not running: there are no addresses to try (kdev up)", settings.project.name));
        return None;
    }
    if !docker.is_local() {
        notes.push(format!(
            "the engine is at {}: its ports are on that machine's 127.0.0.1; ssh -L brings them here",
            docker.address()
        ));
    }
    Some(Bootstrap::of(&nodes.iter().map(|node| (node.id, node.port)).collect()))
}

/// Runs probes: short-lived containers that are gone afterwards.
struct Probe<'a> {
    docker: &'a Engine,
    project: &'a Project,
    cancel: &'a CancellationToken,
}

impl Probe<'_> {
    /// Runs a command in a container of `image` and returns its lines; those so far, where it does not end.
    async fn run(&self, network: &str, purpose: &str, command: Vec<String>, image: &str) -> Result<Vec<String>> {
        let plan = probe::container(self.project, network, purpose, std::process::id(), command);
        let give_up = async {
            tokio::select! {
                () = tokio::time::sleep(PROBE) => {}
                () = self.cancel.cancelled() => {}
            }
        };
        let ended = self.docker.run_unless(&plan, image, give_up);
        let (_, lines) = bounded(PROBE + REMOVAL, "running a probe", ended).await?;
        Ok(lines)
    }

    /// Removes the probes that a killed doctor left behind. A young one, or one that has not started yet, may be
    /// another doctor's at work.
    async fn clear_remains(&self, facts: &DockerFacts) {
        let oldest_at_work = Timestamp::now().as_millisecond() - (PROBE + REMOVAL).as_millis() as i64;
        let left = facts
            .containers
            .iter()
            .filter(|container| container.role == Role::Probe && (1..oldest_at_work).contains(&container.started_ms));
        for container in left {
            // What cannot be removed harms nothing: the next `up` or `down` tries again, and says why.
            let _ = within("removing an old probe", self.docker.remove_container(&container.id)).await;
        }
    }
}

async fn within<T>(doing: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    bounded(PATIENCE, doing, future).await
}

async fn bounded<T>(patience: Duration, doing: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || {
        let message = format!("the Docker engine did not finish within {}", humantime::format_duration(patience));
        Err(Error::new(Kind::TimedOut, message)
            .while_(doing)
            .hint("docker info, to see whether the engine answers at all"))
    };
    tokio::time::timeout(patience, future).await.unwrap_or_else(|_| late())
}
