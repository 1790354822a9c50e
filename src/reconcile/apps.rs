//! The way to the apps of the plan, and away with those that it has no longer.

use super::{Next, Step, Waiting, roll};
use crate::{
    model::Role,
    observed::{ContainerFacts, ContainerState, Observed},
    plan::{AppPlan, Plan},
};

/// The steps that may be taken now. `ready` says whether Kafka serves and has the topics: no app starts before.
pub(super) fn next(plan: &Plan, observed: &Observed, ready: bool, next: &mut Next) {
    for app in plan.apps.values() {
        self::app(app, observed, ready, next);
    }
    unplanned(plan, observed, next);
}

fn app(plan: &AppPlan, observed: &Observed, ready: bool, next: &mut Next) {
    let docker = &observed.docker;
    let image = docker.app_image(&plan.name, &plan.build.spec);
    if image.is_none() && !plan.containers.is_empty() {
        next.steps.push(Step::Build { app: plan.name.clone() });
    }
    let mut settled = true;
    for wanted in &plan.containers {
        let has_network = docker.has_network(&wanted.network);
        let Some(container) = docker.app(&plan.name).find(|c| c.name == wanted.name) else {
            settled = false;
            if image.is_some() && has_network {
                next.steps.push(Step::CreateApp { app: plan.name.clone(), name: wanted.name.clone() });
            }
            continue;
        };
        let (service, name) = (container.service.clone(), container.name.clone());
        let changed = container.spec != wanted.spec;
        let stale = changed || image.is_some_and(|image| image.id != container.image);
        // The old one runs until there is something to replace it with.
        if stale && image.is_none() {
            settled = false;
            continue;
        }
        settled &= !stale;
        let cut_off = docker.is_cut_off(container);
        let why = || {
            let why = match (changed, stale, cut_off) {
                (true, ..) => "it changed",
                (_, true, _) => "its image was built anew",
                (.., true) => roll::cut_off(container),
                _ => "it is beyond use",
            };
            why.to_owned()
        };
        match container.state {
            ContainerState::Running | ContainerState::Restarting if stale || container.is_unplugged() => {
                next.steps.push(Step::Stop { service, name, why: why() });
            }
            ContainerState::Running if observed.settled.contains(&container.id) => {}
            ContainerState::Running | ContainerState::Restarting => {
                settled = false;
                next.waiting.push(Waiting::Settling(plan.name.clone()));
            }
            ContainerState::Paused => next.steps.push(Step::Unpause { service, name }),
            ContainerState::Removing => {
                settled = false;
                next.waiting.push(Waiting::Ending(service));
            }
            ContainerState::Dead => next.steps.push(Step::Remove { service, name, why: why() }),
            ContainerState::Created | ContainerState::Exited { .. } if stale || cut_off => {
                next.steps.push(Step::Remove { service, name, why: why() });
            }
            ContainerState::Created | ContainerState::Exited { .. } => {
                settled = false;
                if ready && has_network {
                    next.steps.push(Step::Start { service, name });
                }
            }
        }
    }
    for extra in docker.app(&plan.name).filter(|c| plan.containers.iter().all(|wanted| wanted.name != c.name)) {
        away(extra, "fewer replicas are wanted", next);
    }
    // Images of earlier builds go once nothing runs on them.
    if settled {
        for old in
            docker.app_images.iter().filter(|old| old.app == plan.name && image.is_some_and(|new| new.id != old.id))
        {
            if docker.containers.iter().all(|c| c.image != old.id) {
                next.steps.push(Step::RemoveImage { app: plan.name.clone(), id: old.id.clone() });
            }
        }
    }
}

/// Containers and images of apps that the file no longer has.
fn unplanned(plan: &Plan, observed: &Observed, next: &mut Next) {
    let planned = |service: &str| plan.apps.keys().any(|name| name.as_str() == service);
    let docker = &observed.docker;
    for container in docker.containers.iter().filter(|c| c.role == Role::App && !planned(&c.service)) {
        away(container, "kdev.toml no longer has it", next);
    }
    for image in docker.app_images.iter().filter(|image| !planned(image.app.as_str())) {
        if docker.containers.iter().all(|c| c.image != image.id) {
            next.steps.push(Step::RemoveImage { app: image.app.clone(), id: image.id.clone() });
        }
    }
}

/// The next step on a container's way out.
fn away(container: &ContainerFacts, why: &str, next: &mut Next) {
    let (service, name, why) = (container.service.clone(), container.name.clone(), why.to_owned());
    next.steps.push(match container.state {
        ContainerState::Running | ContainerState::Restarting => Step::Stop { service, name, why },
        ContainerState::Paused => Step::Unpause { service, name },
        ContainerState::Created | ContainerState::Exited { .. } | ContainerState::Dead => {
            Step::Remove { service, name, why }
        }
        ContainerState::Removing => return next.waiting.push(Waiting::Ending(service)),
    });
}
