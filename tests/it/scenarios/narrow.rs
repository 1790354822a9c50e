//! A world that shows what a live one does: of the engine, only what the last steps were done to is looked at again.

use std::sync::{Arc, Mutex};

use kdev::{
    engine::{Acted, World, simulated::Simulated},
    error::{Error, Result},
    event::StepProgress,
    observed::{DockerFacts, Observed},
    reconcile::{Step, Target},
};

/// For one run.
pub struct Narrow {
    world: Arc<Simulated>,
    last: Mutex<Option<DockerFacts>>,
}

impl Narrow {
    pub fn new(world: &Arc<Simulated>) -> Arc<Self> {
        Arc::new(Narrow { world: Arc::clone(world), last: Mutex::default() })
    }
}

impl World for Narrow {
    async fn observe(&self, acted: Acted) -> Result<Observed> {
        let mut now = self.world.observe(acted).await?;
        let mut last = self.last.lock().unwrap();
        if let Some(before) = last.take() {
            if acted < Acted::On(Target::Images) {
                let containers = std::mem::take(&mut now.docker.containers);
                let networks = std::mem::take(&mut now.docker.networks);
                let volumes = std::mem::take(&mut now.docker.volumes);
                now.docker = DockerFacts { containers, networks, volumes, ..before.clone() };
            }
            if acted < Acted::On(Target::Places) {
                (now.docker.networks, now.docker.volumes) = (before.networks, before.volumes);
            }
        }
        *last = Some(now.docker.clone());
        Ok(now)
    }

    async fn apply(&self, step: &Step, progress: &StepProgress) -> Result<()> {
        self.world.apply(step, progress).await
    }

    async fn autopsy(&self, service: &str, name: &str) -> Error {
        self.world.autopsy(service, name).await
    }
}
