//! One look at what is there, for those who take no steps after which the next look comes by itself.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::{
    engine::{Acted, World},
    error::Result,
    model::NodeId,
    observed::Observed,
    plan::Plan,
    reconcile::Target,
};

/// Controllers notice after 2 s that theirs is gone, and elect another within one; on a busy machine twice as late.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// A look. Nodes that run and do not answer, or have nobody in charge, mostly do in a moment: it is waited for, unless
/// the user wants to stop.
///
/// # Errors
/// The engine does not answer.
pub(super) async fn look(world: &impl World, plan: &Plan, cancel: &CancellationToken) -> Result<Observed> {
    let since = Instant::now();
    loop {
        let observed = world.observe(Acted::On(Target::Places)).await?;
        if !is_passing(plan, &observed) || since.elapsed() > PATIENCE || cancel.is_cancelled() {
            return Ok(observed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether all nodes run as far as the engine can tell, and Kafka is not there all the same.
fn is_passing(plan: &Plan, observed: &Observed) -> bool {
    let runs = |id| observed.docker.runs(id);
    let answers = |id| observed.kafka.answering.contains_key(&id);
    let all = |is: &dyn Fn(NodeId) -> bool| plan.staying().all(|(id, _)| is(id));
    all(&runs) && (observed.kafka.controller.is_none() || !all(&answers))
}
