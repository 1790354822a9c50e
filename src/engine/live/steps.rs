//! What each step does to Docker and Kafka.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join;

use super::{
    super::{moving, prepare},
    Live, addresses,
};
use crate::{
    docker::Mirror,
    error::{Error, Result},
    event::StepProgress,
    model::{AppName, NodeId, Role, TopicName},
    observed::ContainerState,
    plan::{
        build::APP_STOP_TIMEOUT,
        node::{HANDOVER_TIMEOUT, name_aside, name_before_aside},
    },
    reconcile::Step,
    template,
};

impl Live {
    pub(super) async fn do_step(&self, step: &Step, progress: &StepProgress) -> Result<()> {
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
            Step::Limit { nodes, topics, evening } => moving::limits::limit(&self.kafka, nodes, topics, *evening).await,
            Step::Reassign { moves, .. } => {
                self.moving.begin(moves);
                moving::reassign(&self.kafka, moves, &addresses(&self.plan)).await
            }
            Step::Unlimit => moving::limits::unlimit(&self.kafka, &addresses(&self.plan)).await,
            Step::Unregister { node } => moving::unregister(&self.kafka, *node).await,
            Step::ElectLeaders => self.elect_leaders().await,
            Step::CreateApp { app, name } => self.create_app(app, name).await,
            Step::RemoveImage { id, .. } | Step::RemoveUnfinished { id } => self.docker.remove_image(id).await,
            Step::RemoveNetwork { id, .. } => self.docker.remove_network(id).await,
            Step::RemoveVolume { name, .. } => self.docker.remove_volume(name, &self.plan.project).await,
        }
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

    async fn create_app(&self, app: &AppName, name: &str) -> Result<()> {
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
}
