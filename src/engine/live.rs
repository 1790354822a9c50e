//! The real world: Docker and Kafka.

use std::{
    collections::{BTreeMap, BTreeSet},
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
    mishap, moving, prepare,
    recent::Recent,
    settled,
    starting::Turns,
};
use crate::{
    docker::{Engine, Mirror},
    error::{Error, Result, While},
    event::StepProgress,
    kafka::admin::{Admin, Ends},
    model::{NodeId, Role, TopicName},
    observed::{ContainerState, DockerFacts, KafkaFacts, Observed},
    plan::{
        Plan,
        build::APP_STOP_TIMEOUT,
        node::{HANDOVER_TIMEOUT, name_aside, name_before_aside},
    },
    reconcile::{Step, moves::Occasion},
    template,
};

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

    /// With what a look at the engine just now, with the plan's Kafka image, has shown.
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

    async fn create_volume(&self, node: NodeId) -> Result<()> {
        let Some(planned) = self.plan.nodes.get(&node) else { return Ok(()) };
        // All volumes of a new cluster are begun after one look, which showed none.
        let is_first = self.last().as_ref().is_some_and(|(_, facts)| facts.volumes.is_empty());
        self.docker.create_volume(&planned.volume).await?;
        if is_first {
            self.moving.begins_anew();
        }
        Ok(())
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
        let known = self.last().clone().filter(|_| acted != Acted::OnEngine);
        let facts = match known {
            Some((at, facts)) if at.elapsed() < DOCKER_FRESH => return Ok(facts),
            Some((_, facts)) => self.docker.with_containers_of_now(project, facts).await?,
            None => {
                let images = match self.plan.nodes.is_empty() {
                    true => Vec::new(),
                    false => vec![self.plan.kafka_image.clone()],
                };
                self.docker.facts(project, &images).await?
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
        if acted == Acted::OnEngine {
            self.recent.forget();
        }
        let mut facts = self.observe_kafka(&running).await;
        if facts.controller.is_none() {
            return facts;
        }
        // Until then nothing is compared, and nodes that are starting have better things to do than to tell theirs;
        // but of moves to a node that is down it is said that they wait.
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
            match complete {
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

    /// The container that has this name now: what is done to it must not be done to a later one of the same name.
    fn id_of(&self, name: &str) -> String {
        let last = self.last();
        let containers = last.as_ref().map(|(_, facts)| facts.containers.as_slice()).unwrap_or_default();
        containers.iter().find(|c| c.name == name).map_or_else(|| name.to_owned(), |c| c.id.clone())
    }

    /// The containers of the nodes that ran at the last look.
    fn running_nodes(&self) -> BTreeSet<String> {
        let last = self.last();
        let containers = last.iter().flat_map(|(_, facts)| &facts.containers);
        let running = containers.filter(|c| c.role == Role::Node && c.state == ContainerState::Running);
        running.map(|c| c.id.clone()).collect()
    }

    /// Whether there is an app that was not started yet, at the last look.
    fn is_any_app_created(&self) -> bool {
        let last = self.last();
        let mut containers = last.iter().flat_map(|(_, facts)| &facts.containers);
        containers.any(|c| c.role == Role::App && c.state == ContainerState::Created)
    }

    async fn create_node(&self, id: NodeId) -> Result<()> {
        let (Some(node), Some(image)) = (self.plan.nodes.get(&id), self.prepared_image()) else {
            return Err(Error::failed("the image or the plan of the node is gone").hint("kdev up"));
        };
        self.docker.create_container(&node.container, &image).await.map(drop)
    }

    fn prepared_image(&self) -> Option<String> {
        let last = self.last();
        let (_, facts) = last.as_ref()?;
        facts.prepared.get(facts.images.get(&self.plan.kafka_image)?).cloned()
    }

    async fn create_app(&self, app: &crate::model::AppName, name: &str) -> Result<()> {
        let planned = self.plan.apps.get(app);
        let container = planned.and_then(|planned| planned.containers.iter().find(|c| c.name == name));
        let image = planned.and_then(|planned| {
            let last = self.last();
            last.as_ref()?.1.app_image(app, &planned.build.spec).map(|image| image.id.clone())
        });
        let (Some(container), Some(image)) = (container, image) else {
            return Err(Error::failed("the image or the plan of the app is gone").hint("kdev up"));
        };
        self.docker.create_container(container, &image).await.map(drop)
    }

    async fn start_node(&self, name: &str) -> Result<()> {
        self.starting.wait().await;
        self.docker.start_on(&self.plan.network, &self.id_of(name)).await
    }

    /// Only once Kafka has what the first clients need: they would take longer to ask again than this takes.
    async fn start_app(&self, name: &str) -> Result<()> {
        self.for_apps.get_or_init(|| self.make_what_apps_need()).await;
        self.docker.start_on(&self.plan.network, &self.id_of(name)).await
    }

    async fn make_what_apps_need(&self) {
        let nodes = || self.plan.staying().map(|(id, _)| id);
        let groups = async {
            self.make_offsets_topic().await;
            self.kafka.offsets_topic_is_listed(nodes()).await;
        };
        join(groups, self.kafka.make_producer_ids(nodes())).await;
    }

    async fn make_offsets_topic(&self) {
        self.offsets_topic.get_or_init(|| self.kafka.make_offsets_topic()).await;
    }

    async fn finalize(&self, level: i16) -> Result<()> {
        self.kafka.finalize_metadata(level).await?;
        self.expected().level = Some(level);
        Ok(())
    }

    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        let Some(plan) = self.plan.topics.get(topic) else { return Ok(()) };
        // Apps that are about to start wait for it.
        let for_apps = async {
            if self.is_any_app_created() {
                self.make_offsets_topic().await;
            }
        };
        let (made, ()) = join(self.kafka.create_topics(std::slice::from_ref(plan)), for_apps).await;
        for made in made?.into_values() {
            if let Some(settings) = made? {
                self.settings.made(topic, settings);
            }
        }
        self.expected().topics.insert(topic.clone());
        Ok(())
    }

    async fn elect_leaders(&self) -> Result<()> {
        self.kafka.elect_preferred_leaders().await?;
        self.expected().leaders = true;
        Ok(())
    }

    async fn do_step(&self, step: &Step, progress: &StepProgress) -> Result<()> {
        match step {
            Step::Pull { image } => self.docker.pull(image, Mirror::Kafka, progress).await.map(drop),
            Step::Prepare { image } => prepare::prepare(&self.docker, image).await,
            Step::Build { app } => match self.plan.apps.get(app) {
                Some(app) => self.docker.build(&app.build, template::APPS, progress, false).await.map(drop),
                None => Ok(()),
            },
            Step::CreateNetwork => self.docker.create_network(&self.plan.network).await.map(drop),
            Step::SettleNetwork => self.docker.settle_network(&self.plan.network).await.map(drop),
            Step::CreateVolume { node } => self.create_volume(*node).await,
            Step::CreateNode { node } => self.create_node(*node).await,
            Step::Start { name, .. } if step.app().is_some() => self.start_app(name).await,
            Step::Start { name, .. } => self.start_node(name).await,
            Step::Unpause { name, .. } => self.docker.unpause(&self.id_of(name)).await,
            Step::Stop { service, name, .. } => match NodeId::from_service(service) {
                // Where nothing is to be left, no quorum needs to hear of the end.
                Some(_) if self.plan.nodes.is_empty() => {
                    self.ending.stop(&self.docker, &self.id_of(name), &self.running_nodes()).await
                }
                Some(_) => self.docker.stop(&self.id_of(name), HANDOVER_TIMEOUT).await,
                None => self.docker.stop(&self.id_of(name), APP_STOP_TIMEOUT).await,
            },
            Step::Remove { name, .. } => self.docker.remove_container(&self.id_of(name)).await,
            Step::SetAside { name, .. } => self.docker.rename(&self.id_of(name), &name_aside(name)).await,
            Step::PutBack { name, .. } => match name_before_aside(name) {
                Some(before) => self.docker.rename(&self.id_of(name), before).await,
                None => Ok(()),
            },
            Step::SetBrokers { name, to, .. } => {
                let set = BTreeMap::from([(name.clone(), to.clone())]);
                self.kafka.alter_cluster_config(&set, &BTreeSet::new()).await
            }
            Step::UnsetBrokers { name, .. } => {
                self.kafka.alter_cluster_config(&BTreeMap::new(), &BTreeSet::from([name.clone()])).await
            }
            Step::Finalize { to, .. } => self.finalize(*to).await,
            Step::CreateTopic { topic, .. } => self.create_topic(topic).await,
            Step::AddPartitions { topic, to, .. } => self.kafka.create_partitions(topic, *to).await,
            Step::SetTopicConfig { topic, name, to, .. } => {
                let set = BTreeMap::from([(name.clone(), to.clone())]);
                self.kafka.alter_topic_config(topic, &set, &BTreeSet::new()).await
            }
            Step::DeleteTopic { topic } => self.kafka.delete_topic_everywhere(topic).await,
            Step::Limit { nodes, topics, evening } => moving::limit(&self.kafka, nodes, topics, *evening).await,
            Step::Reassign { moves, .. } => moving::reassign(&self.kafka, moves, &addresses(&self.plan)).await,
            Step::Unlimit => moving::unlimit(&self.kafka, &addresses(&self.plan)).await,
            Step::Unregister { node } => moving::unregister(&self.kafka, *node).await,
            Step::ElectLeaders => self.elect_leaders().await,
            Step::CreateApp { app, name } => self.create_app(app, name).await,
            Step::RemoveImage { id, .. } | Step::RemoveUnfinished { id } => self.docker.remove_image(id).await,
            Step::RemoveNetwork { id, .. } => self.docker.remove_network(id).await,
            Step::RemoveVolume { name, .. } => self.docker.remove_volume(name, &self.plan.project).await,
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
