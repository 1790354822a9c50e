//! Carries steps out: look, compare, act, look again, until the goal is reached. Layer 3.
//!
//! [`World`] is the seam: [`live`] is Docker and Kafka, [`simulated`] a model in memory that serves
//! `--dry-run` and the property tests.

pub mod ending;
mod ends;
mod expected;
mod known;
pub mod live;
mod mishap;
mod moving;
pub mod prepare;
mod recent;
pub mod run;
mod settled;
pub mod simulated;
mod simulated_moving;
mod starting;
pub mod storage;
mod traffic;

use std::future::Future;

use crate::{
    error::{Error, Result},
    event::StepProgress,
    observed::Observed,
    reconcile::{Step, Target},
};

/// What the steps that have ended since the last look were done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acted {
    /// None has ended.
    Not,
    /// On this, the furthest of theirs.
    On(Target),
}

impl Acted {
    /// Whatever there is may have changed.
    pub const ON_ANYTHING: Acted = Acted::On(Target::Images);
}

/// What can be looked at and changed.
pub trait World: Send + Sync + 'static {
    /// Looks at everything. `acted` says what has been done since the last look: facts that only kdev changes may be
    /// those of the last look where it has not.
    fn observe(&self, acted: Acted) -> impl Future<Output = Result<Observed>> + Send;

    /// Does one step. Doing it again, or when it is already done, is no error.
    fn apply(&self, step: &Step, progress: &StepProgress) -> impl Future<Output = Result<()>> + Send;

    /// Why something that `start` started has ended: exit code, memory, last lines.
    fn autopsy(&self, service: &str, name: &str) -> impl Future<Output = Error> + Send;
}
