//! `kdev down`.

use std::process::ExitCode;

use clap::Args;

use super::Context;
use crate::{
    error::Result,
    ops::{down, elsewhere},
    reconcile::down::Extent,
    ui::progress::Shown,
};

/// Arguments of `kdev down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Remove data and app images too: nothing of the project is left
    #[arg(long)]
    volumes: bool,
}

/// Stops and removes.
pub async fn run(args: DownArgs, context: Context) -> Result<ExitCode> {
    let DownArgs { volumes } = args;
    let Context { ui, .. } = context;
    let session = context.session().await?;
    let extent = if volumes { Extent::All } else { Extent::KeepData };
    let shown = Shown::start(&ui);
    let result = down::down(&session, extent, &shown.events(), &context.cancel).await;
    shown.finish().await;
    let outcome = result?;
    let name = &session.settings.project.name;
    let left = outcome.observed.docker.volumes.len();
    ui.say(&match (outcome.steps.is_empty(), left) {
        (true, 0) => format!("{name} has nothing on the engine"),
        (true, _) => format!("{name} does not run; its data are kept (kdev down --volumes removes them)"),
        (false, 0) => format!("{name} is gone"),
        (false, _) => {
            format!("{name} is down; its data are kept for the next `kdev up` (kdev down --volumes removes them)")
        }
    });
    if outcome.steps.is_empty()
        && left == 0
        && let Some(hint) = elsewhere::hint(&session).await
    {
        ui.say(&format!("  try: {hint}"));
    }
    Ok(ExitCode::SUCCESS)
}
