//! `kdev restart`.

use std::process::ExitCode;

use clap::Args;

use super::Context;
use crate::{
    error::Result,
    ops::{elsewhere, restart},
    ui::progress::Shown,
};

/// Arguments of `kdev restart`.
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// Services: kafka-1, producer, …
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,
}

/// Restarts them, one after another.
pub async fn run(args: RestartArgs, context: Context) -> Result<ExitCode> {
    let RestartArgs { services } = args;
    let session = context.session().await?;
    let shown = Shown::start(&context.ui);
    let result = restart::restart(&session, &services, &shown.events(), &context.cancel).await;
    shown.finish().await;
    if let Err(error) = result {
        return Err(elsewhere::hinted(&session, error).await);
    }
    context.ui.say(&format!("restarted {}", services.join(", ")));
    Ok(ExitCode::SUCCESS)
}
