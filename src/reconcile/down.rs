//! The way to nothing: apps first, then all nodes in the same instant, then what held them.

use super::{Next, Step, Waiting};
use crate::{
    model::{NodeId, Role},
    observed::{ContainerFacts, ContainerState, Observed},
};

/// What is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Containers and network; data and images stay.
    KeepData,
    /// Everything that bears the project's labels.
    All,
}

/// The steps that may be taken now towards nothing.
pub fn next(extent: Extent, observed: &Observed) -> Next {
    let docker = &observed.docker;
    let mut steps: Vec<Step> = Vec::new();
    let mut waiting = Vec::new();
    // Apps end while Kafka still answers: a producer must flush, a consumer commit. The nodes end together: one
    // after another, the last would wait five minutes for a quorum that is gone (measured).
    let ends_now = if docker.containers.iter().any(|c| c.role != Role::Node) {
        |c: &&ContainerFacts| c.role != Role::Node
    } else {
        |_: &&ContainerFacts| true
    };
    for container in docker.containers.iter().filter(ends_now) {
        let (service, name) = (container.service.clone(), container.name.clone());
        steps.push(match container.state {
            ContainerState::Running | ContainerState::Restarting => Step::Stop { service, name, why: String::new() },
            // A frozen process cannot act on SIGTERM.
            ContainerState::Paused => Step::Unpause { service, name },
            ContainerState::Created | ContainerState::Exited { .. } | ContainerState::Dead => {
                Step::Remove { service, name, why: String::new() }
            }
            ContainerState::Removing => {
                waiting.push(Waiting::Ending(service));
                continue;
            }
        });
    }
    // While any node still runs, none is removed: the others may yet need its name.
    let node_runs = |steps: &[Step]| {
        steps.iter().any(|step| {
            matches!(step, Step::Stop { service, .. } | Step::Unpause { service, .. } if NodeId::from_service(service).is_some())
        })
    };
    if node_runs(&steps) {
        steps.retain(|step| !matches!(step, Step::Remove { service, .. } if NodeId::from_service(service).is_some()));
    }
    if docker.containers.is_empty() {
        for network in &docker.networks {
            steps.push(Step::RemoveNetwork { name: network.name.clone(), id: network.id.clone() });
        }
        if extent == Extent::All {
            for (&node, volume) in &docker.volumes {
                steps.push(Step::RemoveVolume { node, name: volume.name.clone(), empty: false });
            }
            for image in &docker.app_images {
                steps.push(Step::RemoveImage { app: image.app.clone(), id: image.id.clone() });
            }
            // With an image the engine removes those it was built upon, one by one: what is left then is of builds
            // that were killed.
            if docker.app_images.is_empty() {
                for id in &docker.unfinished_images {
                    steps.push(Step::RemoveUnfinished { id: id.clone() });
                }
            }
        }
    }
    Next { steps, waiting, held: Vec::new() }
}
