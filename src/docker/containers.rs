//! Making, starting, stopping and removing containers.

use std::{collections::BTreeSet, time::Duration};

use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum},
    query_parameters::{
        CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
        RenameContainerOptionsBuilder, StopContainerOptionsBuilder,
    },
};

use super::{
    Engine,
    fault::{self, Doing, gone_is_fine},
    settled::{is_unknown_state, once_settled},
    translate::{self, Flavour},
};
use crate::{
    error::Result,
    model::{Role, label},
    plan::ContainerPlan,
};

/// How long a removal that somebody else began may take, asked after each [`REMOVAL_STEP`].
const REMOVAL_TRIES: u32 = 150;
const REMOVAL_STEP: Duration = Duration::from_millis(200);

/// How long a name may be taken by what cannot be looked at, asked after each [`NAME_STEP`].
const NAME_TRIES: u32 = 50;
const NAME_STEP: Duration = Duration::from_millis(100);

/// How long an engine that wants the network first may wait for it, asked after each [`NETWORK_STEP`].
const NETWORK_TRIES: u32 = 100;
const NETWORK_STEP: Duration = Duration::from_millis(50);

impl Engine {
    pub(super) fn flavour(&self) -> Flavour {
        if self.is_podman() { Flavour::Podman } else { Flavour::Docker }
    }

    /// Makes a container of the image `image_id`, and returns its id. It does not run yet.
    ///
    /// Where the project has one of that name by now, it is that one, whatever it was made from: a run that was killed
    /// leaves a request behind that the engine may carry out after the next run has looked.
    ///
    /// A node's network may be in the making: Docker looks for it at the start only, and Podman is asked again.
    ///
    /// # Errors
    /// Where the engine refuses: the name is taken, the image or the network is missing.
    pub async fn create_container(&self, plan: &ContainerPlan, image_id: &str) -> Result<String> {
        let body = translate::container(plan, image_id, self.flavour());
        let options = CreateContainerOptionsBuilder::new().name(&plan.name).build();
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.quick().create_container(Some(options.clone()), body.clone()).await {
                Ok(created) => return Ok(created.id),
                Err(failure) => failure,
            };
            let taken = name_is_taken(&failure);
            let found = if taken { Some(self.inspect(&plan.name).await?) } else { None };
            match found {
                Some(Some(found)) if is_planned(&found, plan) => return Ok(found.id.unwrap_or_default()),
                // The name is taken first, and a moment later there is something to look at; or it is just going.
                Some(None) if tries < NAME_TRIES => tokio::time::sleep(NAME_STEP).await,
                None if plan.role == Role::Node && tries < NETWORK_TRIES && lacks_network(&failure, &plan.network) => {
                    tokio::time::sleep(NETWORK_STEP).await;
                }
                _ => {
                    let error = fault::error(format!("creating container {}", plan.name), failure);
                    return Err(if taken { error.hint(format!("docker rm {}", plan.name)) } else { error });
                }
            }
        }
    }

    /// Starts a container; one that runs already is fine.
    ///
    /// # Errors
    /// Where it cannot start. A port that is taken becomes an error that says by whom; a container that has never run is
    /// removed then: newer engines (moby 2.0.0-beta.24) publish none of its ports at later starts, and do not say so.
    pub async fn start(&self, id: &str) -> Result<()> {
        match self.patient().start_container(id, None).await {
            Ok(()) => Ok(()),
            Err(failure) => match super::ports::conflicting_port(&fault::reason(&failure)) {
                Some(port) => {
                    let taken = self.port_taken(port).await.source(failure);
                    match self.remove_if_never_run(id).await {
                        Ok(()) => Err(taken),
                        Err(error) => Err(taken.hint(format!("docker rm {}   ({})", short(id), error.message))),
                    }
                }
                None => Err(fault::error(format!("starting container {}", short(id)), failure)),
            },
        }
    }

    async fn remove_if_never_run(&self, id: &str) -> Result<()> {
        let state = self.inspect(id).await?.and_then(|found| found.state).unwrap_or_default();
        if state.status == Some(ContainerStateStatusEnum::CREATED) { self.remove_container(id).await } else { Ok(()) }
    }

    /// Stops a container: SIGTERM, then SIGKILL after `timeout`. One that does not run, or is gone, is
    /// fine. Returns when it has ended.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub async fn stop(&self, id: &str, timeout: Duration) -> Result<()> {
        let options = StopContainerOptionsBuilder::new().t(whole_seconds(timeout)).build();
        let mut stopped = self.patient().stop_container(id, Some(options.clone())).await;
        // Podman does not stop a frozen one.
        if stopped.as_ref().is_err_and(|failure| fault::reason(failure).contains("running or paused")) {
            self.unpause(id).await?;
            stopped = self.patient().stop_container(id, Some(options)).await;
        }
        gone_is_fine(stopped).doing(|| format!("stopping container {}", short(id)))
    }

    /// Sends a signal: `SIGKILL`, `SIGTERM`. A container that does not run, or is gone, is fine.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub async fn kill(&self, id: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        match self.quick().kill_container(id, Some(options)).await {
            Err(failure) if not_running(&failure) => Ok(()),
            result => gone_is_fine(result).doing(|| format!("sending {signal} to container {}", short(id))),
        }
    }

    /// Lets a frozen container run on. One that is not frozen, or is gone, is fine.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub async fn unpause(&self, id: &str) -> Result<()> {
        match self.quick().unpause_container(id).await {
            Err(failure) if fault::reason(&failure).contains("is not paused") => Ok(()),
            result => gone_is_fine(result).doing(|| format!("unpausing container {}", short(id))),
        }
    }

    /// Whether a container's process runs.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn is_running(&self, id: &str) -> Result<bool> {
        let state = self.inspect(id).await?.and_then(|found| found.state).unwrap_or_default();
        // Podman does not count one that has been told to end, though it has not yet.
        Ok(state.running == Some(true) || state.status == Some(ContainerStateStatusEnum::STOPPING))
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// Where it is gone or the name is taken.
    pub async fn rename(&self, id: &str, name: &str) -> Result<()> {
        let options = RenameContainerOptionsBuilder::new().name(name).build();
        self.quick().rename_container(id, options).await.doing(|| format!("renaming container {} to {name}", short(id)))
    }

    /// Removes a container, running or not, with its anonymous volumes; named volumes stay. One that
    /// is gone is fine. Returns when it is gone, even if somebody else began the removal.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub async fn remove_container(&self, id: &str) -> Result<()> {
        let doing = || format!("removing container {}", short(id));
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.patient().remove_container(id, Some(options)).await {
            Err(failure) if fault::reason(&failure).contains("already in progress") => {
                for _ in 0..REMOVAL_TRIES {
                    if self.inspect(id).await?.is_none() {
                        return Ok(());
                    }
                    tokio::time::sleep(REMOVAL_STEP).await;
                }
                Err(fault::error(doing(), failure))
            }
            result => gone_is_fine(result).doing(doing),
        }
    }

    /// Everything the engine says of a container; none where it is gone.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<ContainerInspectResponse>> {
        match once_settled(is_unknown_state, || self.quick().inspect_container(id, None)).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if fault::is_missing(&failure) => Ok(None),
            Err(failure) => Err(fault::error(format!("looking at container {}", short(id)), failure)),
        }
    }
}

/// Whether a container is of the plan's project, and for the same.
fn is_planned(found: &ContainerInspectResponse, plan: &ContainerPlan) -> bool {
    let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
    let same = |key: &str| plan.labels.get(key).is_some_and(|value| labels.and_then(|all| all.get(key)) == Some(value));
    [label::PROJECT, label::DIRECTORY, label::ROLE, label::SERVICE].into_iter().all(same)
}

/// The ports on the host that a container publishes by its settings, running or not.
pub(super) fn bound_ports(inspected: &ContainerInspectResponse) -> BTreeSet<u16> {
    let bindings = inspected.host_config.as_ref().and_then(|host| host.port_bindings.as_ref());
    let bindings = bindings.into_iter().flat_map(|map| map.values()).flatten().flatten();
    bindings.filter_map(|binding| binding.host_port.as_ref()?.parse().ok()).collect()
}

fn name_is_taken(failure: &bollard::errors::Error) -> bool {
    // Podman answers 500 to a name that is taken, Docker 409.
    fault::status(failure) == Some(409) || fault::reason(failure).contains("already in use")
}

/// Podman answers 500 to a network that is not there, and says "network not found" besides its name.
fn lacks_network(failure: &bollard::errors::Error, network: &str) -> bool {
    let reason = fault::reason(failure);
    matches!(fault::status(failure), Some(404 | 500)) && reason.contains(network) && reason.contains("network")
}

/// Docker's words for a container that has no process, and Podman's, the last for one that it is tidying up after.
const NOT_RUNNING: [&str; 3] = ["is not running", "can only kill running", "container state improper: stopped"];

fn not_running(failure: &bollard::errors::Error) -> bool {
    let reason = fault::reason(failure);
    matches!(fault::status(failure), Some(409 | 500)) && NOT_RUNNING.iter().any(|phrase| reason.contains(phrase))
}

fn whole_seconds(timeout: Duration) -> i32 {
    timeout.as_millis().div_ceil(1000).try_into().unwrap_or(i32::MAX)
}

/// The twelve characters of an id that people see; a name stays as it is.
pub(super) fn short(id: &str) -> &str {
    let is_id = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &id[..12] } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_not_there_yet_is_known_from_other_troubles() {
        let lacks = |status_code, message: &str| {
            let message = message.to_owned();
            lacks_network(&bollard::errors::Error::DockerResponseServerError { status_code, message }, "blog-1a2b")
        };
        assert!(lacks(404, "network blog-1a2b not found"));
        assert!(lacks(500, "container create: unable to find network with name or ID blog-1a2b: network not found"));
        assert!(!lacks(404, "No such image: blog-1a2b"));
        assert!(!lacks(409, "network blog-1a2b is being removed"));
    }
}
