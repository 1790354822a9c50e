//! The real world: Docker and Kafka, as they are looked at; what is done to them is in `steps`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::join;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::{
    Acted, World,
    ending::Together,
    ends::Beforehand,
    expected::Expected,
    known::{Known, Settings},
    mishap, moving,
    recent::Recent,
    settled,
    starting::Turns,
};
use crate::{
    docker::{Engine, Sought},
    error::{Error, Result, While},
    event::StepProgress,
    kafka::admin::{Admin, Ends},
    model::NodeId,
    observed::{DockerFacts, KafkaFacts, Observed},
    plan::Plan,
    reconcile::{Step, Target, moves::Occasion},
};

mod steps;

/// While no step ends, only containers that die change what the engine says: it is asked this often, since every
/// look takes processor time from nodes that are starting.
const DOCKER_FRESH: Duration = Duration::from_millis(500);
/// A node that runs answers within milliseconds; one that starts is asked again soon.
pub(super) const KAFKA_PATIENCE: Duration = Duration::from_millis(700);
/// A new topic, an election, or a new level of the metadata is seen by all nodes within a few hundred milliseconds.
const SHOWN: Duration = Duration::from_secs(5);
const SHOWN_STEP: Duration = Duration::from_millis(10);
/// A program may print before the engine has written down when it started.
const STARTING_MS: i64 = 1000;

/// Docker and Kafka, for one plan.
pub struct Live {
    docker: Engine,
    kafka: Arc<Admin>,
    plan: Plan,
    moving: moving::Looks,
    last: Mutex<Option<(Instant, DockerFacts)>>,
    recent: Recent,
    ends: Beforehand,
    starting: Turns,
    ending: Together,
    settings: Known<Settings>,
    expected: Mutex<Expected>,
    /// What clients need beforehand is asked for once.
    offsets_topic: OnceCell<()>,
    for_apps: OnceCell<()>,
}

impl Live {
    /// For this plan; `docker` is already connected.
    pub fn new(docker: Engine, plan: Plan) -> Self {
        Self::on(docker, plan, Occasion::Needed)
    }

    /// For this plan, and for replicas that are to be moved on that occasion.
    pub fn on(docker: Engine, plan: Plan, occasion: Occasion) -> Self {
        let kafka = Arc::new(Admin::for_nodes(&addresses(&plan)));
        Live {
            docker,
            kafka,
            plan,
            moving: moving::Looks::new(occasion),
            last: Mutex::default(),
            recent: Recent::default(),
            ends: Beforehand::default(),
            starting: Turns::default(),
            ending: Together::default(),
            settings: Known::default(),
            expected: Mutex::default(),
            offsets_topic: OnceCell::new(),
            for_apps: OnceCell::new(),
        }
    }

    /// With what a look at the engine just now has shown, with the images that are needed. Without, the first look is for
    /// no app's image.
    #[must_use]
    pub fn having_seen(self, facts: DockerFacts) -> Self {
        *self.last() = Some((Instant::now(), facts));
        self
    }

    /// The cluster's client, for what no look tells.
    pub fn kafka(&self) -> &Admin {
        &self.kafka
    }

    /// Where partitions begin and end, if it was asked a moment ago, as replicas were waited for.
    pub async fn ends(&self) -> Option<Ends> {
        self.ends.answer().await
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Instant, DockerFacts)>> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn expected(&self) -> std::sync::MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn docker_facts(&self, acted: Acted) -> Result<DockerFacts> {
        let project = &self.plan.project;
        let known = self.last().clone();
        let facts = match (known, acted) {
            (Some((at, facts)), Acted::Not | Acted::On(Target::Kafka)) if at.elapsed() < DOCKER_FRESH => {
                return Ok(facts);
            }
            (Some((_, facts)), Acted::Not | Acted::On(Target::Kafka | Target::Containers)) => {
                self.docker.with_containers_of_now(project, facts).await?
            }
            (Some((_, facts)), Acted::On(Target::Places)) => self.docker.with_places_of_now(project, facts).await?,
            (None, Acted::Not | Acted::On(Target::Kafka | Target::Containers | Target::Places)) => {
                let kafka = self.plan.kafka_image.clone();
                self.docker.facts(project, &Sought::Named { kafka, apps: None }).await?
            }
            (_, Acted::On(Target::Images)) => {
                let kafka = (!self.plan.nodes.is_empty()).then(|| self.plan.kafka_image.clone());
                self.docker.facts(project, &Sought::All { kafka }).await?
            }
        };
        *self.last() = Some((Instant::now(), facts.clone()));
        Ok(facts)
    }

    /// Looks until what was done is shown; a cluster that takes longer than usual is believed.
    async fn observe_kafka(&self, running: &BTreeMap<NodeId, String>) -> KafkaFacts {
        let since = Instant::now();
        loop {
            let facts = self.ask_kafka(running).await;
            // Without a controller nothing is asked for.
            if facts.controller.is_none() {
                return facts;
            }
            if self.expected().is_shown(&facts) || since.elapsed() > SHOWN {
                *self.expected() = Expected::default();
                return facts;
            }
            tokio::time::sleep(SHOWN_STEP).await;
        }
    }

    /// Asks all nodes, or the one in charge for its topics, where that is all that may have changed.
    async fn ask_kafka(&self, running: &BTreeMap<NodeId, String>) -> KafkaFacts {
        let recent = if self.expected().is_topics_of_one() { self.recent.get(running) } else { None };
        if let Some(recent) = recent
            && let Some(facts) = self.kafka.observe_topics(recent, KAFKA_PATIENCE).await
        {
            return facts;
        }
        let facts = self.kafka.observe_by_one(running, KAFKA_PATIENCE).await;
        self.recent.keep(running, &facts);
        facts
    }

    async fn kafka_facts(&self, docker: &DockerFacts, acted: Acted) -> KafkaFacts {
        let mut running = addresses(&self.plan);
        running.retain(|&id, _| docker.runs(id));
        if running.is_empty() {
            return KafkaFacts::default();
        }
        if acted > Acted::On(Target::Kafka) {
            self.recent.forget();
        }
        let mut facts = self.observe_kafka(&running).await;
        if facts.controller.is_none() {
            return facts;
        }
        // While nodes start nothing is compared, and they have better things to do than to tell theirs; but of moves to a
        // node that is down it is said that they wait, and what is to change is foretold beside one, too.
        let complete = self.plan.staying().all(|(id, _)| facts.answering.contains_key(&id));
        let all_run = self.plan.staying().all(|(id, _)| running.contains_key(&id));
        if complete && !self.moving.is_anew() {
            self.ends.ask(&self.kafka, &facts);
        }
        let planned: Vec<_> = self.plan.topics.keys().filter(|name| facts.topics.contains_key(name)).cloned().collect();
        let moving = async {
            match complete || !all_run {
                true => self.moving.complete(&self.kafka, &self.plan, acted != Acted::Not, &running, &mut facts).await,
                false => Ok(()),
            }
        };
        let settings = async {
            match complete || !self.starting.have_begun() {
                true => self.settings.of(&self.kafka, &planned, self.moving.is_anew()).await,
                false => Ok(Settings::default()),
            }
        };
        match futures_util::future::try_join(moving, settings).await {
            Ok(((), settings)) => settings.put(&mut facts),
            // A cluster too busy to answer looks like one without settings of its own: the next look asks again.
            Err(_) => facts.controller = None,
        }
        facts
    }

    /// Before and after a step that may change what is not asked for with each look.
    fn changes(&self, step: &Step) {
        // Of a new topic it is known by what it was made with.
        if step.is_kafkas() && !matches!(step, Step::ElectLeaders | Step::CreateTopic { .. }) {
            self.settings.forget();
            self.moving.forget();
        }
    }
}

impl World for Live {
    async fn observe(&self, acted: Acted) -> Result<Observed> {
        let docker = self.docker_facts(acted).await?;
        let (kafka, settled) = join(self.kafka_facts(&docker, acted), settled::apps(&self.docker, &docker)).await;
        Ok(Observed { docker, kafka, settled })
    }

    async fn apply(&self, step: &Step, progress: &StepProgress) -> Result<()> {
        self.changes(step);
        let done = self.do_step(step, progress).await;
        self.changes(step);
        done.map_err(|error| mishap::refused(step, error)).while_(|| mishap::doing(step))
    }

    async fn autopsy(&self, service: &str, name: &str) -> Error {
        let known = self.last().as_ref().and_then(|(_, facts)| {
            facts.containers.iter().find(|c| c.name == name).map(|container| (container.state, container.started_ms))
        });
        let (state, started_ms) = known.unzip();
        let since = started_ms.and_then(|ms| Timestamp::from_millisecond(ms - STARTING_MS).ok());
        let lines = self.docker.tail_since(name, mishap::SEARCHED, since).await.unwrap_or_default();
        mishap::ended(service, state, &self.plan.version, lines)
    }
}

/// The nodes' addresses on the host.
fn addresses(plan: &Plan) -> BTreeMap<NodeId, String> {
    plan.nodes.iter().map(|(&id, node)| (id, format!("127.0.0.1:{}", node.port))).collect()
}
