//! A file per command: its arguments, documented, on top; below them one function that calls `ops` and shows what
//! comes of it. Layer 5.

pub mod completions;
pub mod down;
pub mod env;
pub mod exec;
pub mod groups;
pub mod init;
pub mod logs;
pub mod ls;
pub mod restart;
pub mod run;
pub mod status;
pub mod topics;
pub mod up;

use tokio_util::sync::CancellationToken;

use crate::{config::load::Overrides, error::Result, ops::Session, ui::Ui};

/// What every command gets beside its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// How to print.
    pub ui: Ui,
    /// `-p` and `-f`.
    pub overrides: Overrides,
    /// Set by the first Ctrl-C.
    pub cancel: CancellationToken,
}

impl Context {
    /// Reads kdev.toml and connects to the engine.
    async fn session(&self) -> Result<Session> {
        Session::open(self.settings()?).await
    }
}

/// `-o table|json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For scripts.
    Json,
}

/// Pretty JSON on stdout.
fn print_json(ui: &Ui, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| crate::error::Error::failed(format!("cannot write JSON: {error}")).source(error))?;
    ui.data(&text);
    Ok(())
}
