//! Use cases: what each command means, without a screen. Layer 3.

pub mod addresses;
pub mod adopt;
pub mod doctor;
pub mod down;
pub mod elsewhere;
pub mod logs;
mod look;
pub mod plan;
pub mod planning;
pub mod rebalance;
pub mod reset;
pub mod restart;
pub mod rollback;
pub mod stakes;
pub mod status;
pub mod up;

use crate::{config::Settings, docker::Engine, error::Result};

/// Settings, and an engine that answers.
#[derive(Clone)]
pub struct Session {
    /// What the user wants.
    pub settings: Settings,
    /// Where it is to be.
    pub docker: Engine,
}

impl Session {
    /// Connects to the engine.
    ///
    /// # Errors
    /// No engine answers ([`crate::error::Kind::NoEngine`]).
    pub async fn open(settings: Settings) -> Result<Self> {
        Ok(Session { settings, docker: Engine::connect().await? })
    }
}
