//! The nodes' data volumes.

use std::time::Duration;

use bollard::{
    models::{ContainerSummaryStateEnum as State, VolumeCreateRequest},
    query_parameters::RemoveVolumeOptions,
};

use super::{
    Engine,
    fault::{self, Doing, gone_is_fine},
    networks::carries,
    observe::{is_of, names_of, uses_volume},
};
use crate::{
    error::{Error, Result},
    model::Project,
    plan::VolumePlan,
};

/// How long a volume may be in use by what cannot be seen yet, or is just going, asked after each [`USED_STEP`].
const USED_TRIES: u32 = 50;
const USED_STEP: Duration = Duration::from_millis(100);

impl Engine {
    /// Makes a volume; one of this name with these labels is fine, and keeps its data.
    ///
    /// # Errors
    /// Where a volume of this name exists that is not ours, or the engine refuses.
    pub async fn create_volume(&self, plan: &VolumePlan) -> Result<()> {
        let doing = || format!("creating volume {}", plan.name);
        let request = VolumeCreateRequest {
            name: Some(plan.name.clone()),
            labels: Some(plan.labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let volume = match self.quick().create_volume(request).await {
            // Podman refuses an existing name, Docker returns the existing volume.
            Err(failure) if fault::reason(&failure).contains("already exists") => {
                self.quick().inspect_volume(&plan.name).await.doing(doing)?
            }
            result => result.doing(doing)?,
        };
        if carries(Some(&volume.labels), &plan.labels) {
            return Ok(());
        }
        let error = Error::failed(format!("a volume `{}` exists that is not this project's", plan.name));
        Err(error.while_(doing()).hint(format!("docker volume rm {}, which deletes its data", plan.name)))
    }

    /// Removes a volume of the project and its data; one that is gone is fine.
    ///
    /// A run that was killed leaves a request behind that the engine may carry out after the next run has looked: a
    /// container of the project that never ran does not keep its volume, and goes first.
    ///
    /// # Errors
    /// Where any other container uses it, or the engine refuses.
    pub async fn remove_volume(&self, name: &str, project: &Project) -> Result<()> {
        let doing = || format!("removing volume {name}");
        let mut tries = 0;
        loop {
            tries += 1;
            let removed = self.patient().remove_volume(name, None::<RemoveVolumeOptions>).await;
            let failure = match gone_is_fine(removed) {
                Ok(()) => return Ok(()),
                Err(failure) if fault::status(&failure) == Some(409) && tries < USED_TRIES => failure,
                Err(failure) => return Err(fault::error(doing(), failure)),
            };
            // The engine counts a new container as a user a moment before it lists it.
            tokio::time::sleep(USED_STEP).await;
            for user in self.all_containers().await?.into_iter().filter(|container| uses_volume(container, name)) {
                let ours = user.labels.as_ref().is_some_and(|labels| is_of(project, labels));
                match user.state {
                    Some(State::REMOVING) => {}
                    Some(State::CREATED) if ours => {
                        self.remove_container(user.id.as_deref().unwrap_or_default()).await?;
                    }
                    _ => {
                        let user = names_of(&user).next().unwrap_or_default();
                        let error = fault::error(doing(), failure);
                        return Err(error.hint(format!("docker rm -f {user}   (it uses the volume), then kdev down")));
                    }
                }
            }
        }
    }
}
