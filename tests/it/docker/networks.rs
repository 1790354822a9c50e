//! Two networks of one name, as a run that was killed may leave them behind.

use super::{Trial, everything};
use crate::live::engine::make_twin;

impl Trial {
    async fn networks(&self) -> Vec<String> {
        let facts = self.engine.facts(&self.project, &everything()).await.expect("facts");
        facts.networks.into_iter().map(|network| network.id).collect()
    }
}

#[tokio::test]
async fn a_start_removes_a_second_network_of_the_name_and_never_the_one_in_use() {
    let Some(trial) = Trial::new().await else { return };
    let (engine, plan) = (&trial.engine, trial.network());
    let first = engine.create_network(&plan).await.expect("made");
    let ids = ["kafka-1", "kafka-2"].map(|service| trial.container(service, "import time; time.sleep(600)"));
    let mut made = Vec::new();
    for container in &ids {
        made.push(engine.create_container(container, &trial.image).await.expect("made"));
    }
    engine.start_on(&plan, &made[0]).await.expect("started");
    let api = bollard::Docker::connect_with_defaults().expect("connected");
    // Several: one of them has a lower id than the first, almost surely.
    for _ in 0..5 {
        if !make_twin(&api, &plan.name, plan.labels.clone().into_iter().collect()).await {
            assert_eq!(trial.networks().await, [first.as_str()]);
            return trial.clear().await;
        }
    }
    assert_eq!(trial.networks().await.len(), 6);
    engine.start_on(&plan, &made[1]).await.expect("started");
    assert_eq!(trial.networks().await, [first.as_str()]);
    assert!(
        engine.is_running(&made[0]).await.expect("an answer") && engine.is_running(&made[1]).await.expect("an answer")
    );
    trial.clear().await;
}
