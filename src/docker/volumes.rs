//! The nodes' data volumes.

use bollard::{models::VolumeCreateRequest, query_parameters::RemoveVolumeOptions};

use super::{
    Engine,
    fault::{self, Doing, gone_is_fine},
    networks::carries,
};
use crate::{
    error::{Error, Result},
    plan::VolumePlan,
};

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

    /// Removes a volume and its data; one that is gone is fine.
    ///
    /// # Errors
    /// Where a container still uses it, or the engine refuses.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        let removed = self.patient().remove_volume(name, None::<RemoveVolumeOptions>).await;
        gone_is_fine(removed).doing(|| format!("removing volume {name}"))
    }
}
