//! All projects on the engine, for `kdev ls`.

use std::collections::{BTreeMap, HashMap};

use bollard::models::ContainerSummaryStateEnum;
use serde::Serialize;

use super::Engine;
use crate::{
    error::Result,
    model::{Role, label},
};

/// A project as far as the engine knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProjectSummary {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// Kafka nodes that run.
    pub nodes_running: usize,
    /// Kafka nodes that have a container, running or not.
    pub nodes: usize,
    /// Containers of apps that run.
    pub apps_running: usize,
    /// Containers of apps, running or not.
    pub apps: usize,
    /// Data volumes: what stays after `kdev down`.
    pub volumes: usize,
    /// Whether it is down and its data are kept: it has volumes and no container.
    pub down: bool,
    /// Ports on 127.0.0.1 that are published now, in order.
    pub ports: Vec<u16>,
}

impl Engine {
    /// Every project that has a container, a network or a volume, in the order of names.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn projects(&self) -> Result<Vec<ProjectSummary>> {
        let (containers, networks, volumes) =
            tokio::try_join!(self.all_containers(), self.all_networks(), self.all_volumes())?;
        let mut projects = Projects::default();
        for container in &containers {
            let Some(labels) = &container.labels else { continue };
            let Some(project) = projects.of(labels) else { continue };
            let runs = usize::from(container.state == Some(ContainerSummaryStateEnum::RUNNING));
            match labels.get(label::ROLE).and_then(|role| Role::from_label(role)) {
                Some(Role::Node) => {
                    project.nodes += 1;
                    project.nodes_running += runs;
                }
                Some(Role::App) => {
                    project.apps += 1;
                    project.apps_running += runs;
                }
                _ => {}
            }
            if runs == 1 {
                project.ports.extend(super::ports::published(container));
            }
        }
        for labels in networks.iter().filter_map(|network| network.labels.as_ref()) {
            projects.of(labels);
        }
        for labels in volumes.iter().map(|volume| &volume.labels) {
            if let Some(project) = projects.of(labels) {
                project.volumes += 1;
            }
        }
        Ok(projects.finish())
    }
}

#[derive(Default)]
struct Projects(BTreeMap<(String, String), ProjectSummary>);

impl Projects {
    /// The project of labels, if they are of one.
    fn of(&mut self, labels: &HashMap<String, String>) -> Option<&mut ProjectSummary> {
        let key = (labels.get(label::PROJECT)?.clone(), labels.get(label::DIRECTORY)?.clone());
        Some(self.0.entry(key.clone()).or_insert_with(|| ProjectSummary {
            name: key.0,
            directory: key.1,
            ..ProjectSummary::default()
        }))
    }

    fn finish(self) -> Vec<ProjectSummary> {
        let mut projects: Vec<_> = self.0.into_values().collect();
        for project in &mut projects {
            project.ports.sort_unstable();
            project.ports.dedup();
            project.down = project.nodes == 0 && project.apps == 0 && project.volumes > 0;
        }
        projects
    }
}
