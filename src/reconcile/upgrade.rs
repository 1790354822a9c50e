//! From one Kafka release to another: whether that can be done at all, and its last step.
//!
//! The nodes themselves are replaced as for any other change, in `roll`. What is new about a release comes last and
//! on its own: as long as the level of the metadata is not raised, the old binaries can take over again.

use super::{Blocked, Next, Step};
use crate::{
    observed::Observed,
    plan::{Plan, release},
};

/// Whether the nodes that exist may go to the plan's release.
///
/// # Errors
/// They may not, and nothing has been touched.
pub(super) fn check(plan: &Plan, observed: &Observed) -> Result<(), Blocked> {
    let level = observed.kafka.metadata_level;
    let present = observed.docker.containers.iter().filter(|c| !c.set_aside).filter_map(|container| container.version);
    for version in present {
        release::check(version, plan.version, level).map_err(Blocked::Release)?;
    }
    Ok(())
}

/// Raises the metadata to the level that all nodes' binaries can read, once nothing else is left to be done.
pub(super) fn finalize(plan: &Plan, observed: &Observed, next: &mut Next) {
    if !plan.finalize || !next.is_reached() {
        return;
    }
    if let (Some(level), Some(could)) = (observed.kafka.metadata_level, could(plan, observed))
        && could > level
    {
        next.steps.push(Step::Finalize { from: level, to: could });
    }
}

/// The level that all nodes of the plan can read; none while one does not answer.
pub fn could(plan: &Plan, observed: &Observed) -> Option<i16> {
    let levels: Option<Vec<i16>> = plan.staying().map(|(id, _)| observed.kafka.supported.get(&id).copied()).collect();
    levels?.into_iter().min()
}
