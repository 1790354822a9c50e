//! Small containers that do one thing and end.

use bollard::query_parameters::WaitContainerOptions;
use futures_util::TryStreamExt;

use super::{Engine, containers::short, fault, logs::LogQuery};
use crate::{
    error::{Error, Result},
    model::label,
    plan::ContainerPlan,
};

impl Engine {
    /// Runs a container to its end and removes it, whatever happened: its exit code and its output.
    /// One that an interrupted run left under the same name, ended and with the same labels, is
    /// replaced.
    ///
    /// # Errors
    /// Where it cannot be made or started; a program that fails is no error.
    pub async fn run_to_end(&self, plan: &ContainerPlan, image_id: &str) -> Result<(i64, Vec<String>)> {
        let (code, lines) = self.run_unless(plan, image_id, std::future::pending()).await?;
        // Who never gives up has waited for the end.
        let code = code.ok_or_else(|| Error::failed(format!("container {} was given up", plan.name)))?;
        Ok((code, lines))
    }

    /// As [`Engine::run_to_end`], but when `give_up` comes first, the container is removed as it runs: no exit
    /// code then, and the output so far.
    ///
    /// # Errors
    /// As [`Engine::run_to_end`].
    pub async fn run_unless(
        &self,
        plan: &ContainerPlan,
        image_id: &str,
        give_up: impl Future<Output = ()>,
    ) -> Result<(Option<i64>, Vec<String>)> {
        self.clear_remains(plan).await?;
        let id = self.create_container(plan, image_id).await?;
        let outcome = self.start_and_wait(&id, give_up).await;
        let removed = self.remove_container(&id).await;
        let outcome = outcome.map_err(|error| error.while_(format!("running container {}", plan.name)))?;
        removed?;
        Ok(outcome)
    }

    async fn start_and_wait(&self, id: &str, give_up: impl Future<Output = ()>) -> Result<(Option<i64>, Vec<String>)> {
        let ended = async {
            self.start(id).await?;
            self.wait(id).await.map(Some)
        };
        let code = tokio::select! {
            code = ended => code?,
            () = give_up => None,
        };
        let lines: Vec<_> = self.logs(id, LogQuery::default()).try_collect().await?;
        Ok((code, lines.into_iter().map(|line| line.line).collect()))
    }

    /// Waits until a container has ended, however long that takes: its exit code.
    ///
    /// # Errors
    /// Where it is gone.
    pub async fn wait(&self, id: &str) -> Result<i64> {
        let mut ended = Box::pin(self.patient().wait_container(id, None::<WaitContainerOptions>));
        match ended.try_next().await {
            // bollard makes an error of an exit code that is not 0.
            Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. }) => {}
            Err(failure) => {
                return Err(fault::error(format!("waiting for container {}", short(id)), failure));
            }
        }
        // Podman has been seen to answer the wait with 0 for 3: what is noted of the container is right.
        let gone = || Error::failed(format!("container {} was removed while it ran", short(id)));
        let state = self.inspect(id).await?.ok_or_else(gone)?.state;
        state.and_then(|state| state.exit_code).ok_or_else(gone)
    }

    async fn clear_remains(&self, plan: &ContainerPlan) -> Result<()> {
        let Some(found) = self.inspect(&plan.name).await? else { return Ok(()) };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let keys = [label::PROJECT, label::DIRECTORY, label::ROLE, label::SERVICE];
        let ours =
            plan.labels.contains_key(label::ROLE) && keys.iter().all(|key| labels.get(*key) == plan.labels.get(*key));
        let runs = found.state.and_then(|state| state.running) == Some(true);
        match found.id {
            Some(id) if ours && !runs => self.remove_container(&id).await,
            // Making it will say that the name is taken.
            _ => Ok(()),
        }
    }
}
