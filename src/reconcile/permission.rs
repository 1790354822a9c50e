//! What the user has permitted of the steps that take records away.

use std::collections::BTreeSet;

use super::Step;

/// Which destructive steps may be taken. A permission names the very steps that were shown: what has come up since
/// is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// None.
    #[default]
    Nothing,
    /// These.
    These(BTreeSet<Step>),
    /// Any: for a look ahead at what would be done.
    Everything,
}

impl Permission {
    /// This permission, and that for these steps.
    #[must_use]
    pub fn with(self, steps: BTreeSet<Step>) -> Self {
        match self {
            Permission::Nothing => Permission::These(steps),
            Permission::These(others) => Permission::These(others.into_iter().chain(steps).collect()),
            Permission::Everything => Permission::Everything,
        }
    }

    /// Whether the step may be taken: one that takes nothing away always may.
    pub fn allows(&self, step: &Step) -> bool {
        match self {
            Permission::Nothing => !step.change().destructive,
            Permission::These(steps) => !step.change().destructive || steps.contains(step),
            Permission::Everything => true,
        }
    }
}
