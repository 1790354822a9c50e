//! `kdev rebalance`.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{Context, Output, print_json};
use crate::{
    error::Result,
    ops::rebalance,
    ui::{self, progress::Shown},
};

/// Arguments of `kdev rebalance`.
#[derive(Debug, Args)]
pub struct RebalanceArgs {
    /// Show what each node carries now and would carry then, and move nothing
    #[arg(long)]
    dry_run: bool,
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
    /// How long to wait while nothing comes nearer; copying itself may take longer
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = super::duration)]
    timeout: Duration,
}

/// Evens out replicas and leaders, or shows what that would do.
pub async fn run(args: RebalanceArgs, context: Context) -> Result<ExitCode> {
    let RebalanceArgs { dry_run, output, timeout } = args;
    let Context { ui, .. } = context;
    let session = context.session().await?;
    let balance = if dry_run {
        rebalance::preview(&session, &context.cancel).await?
    } else {
        let shown = Shown::start(&ui);
        let result = rebalance::rebalance(&session, timeout, &shown.events(), &context.cancel).await;
        shown.finish().await;
        result?
    };
    match output {
        Output::Json => print_json(&ui, &balance)?,
        Output::Table => ui.data(&ui::balance::render(&balance)),
    }
    if balance.is_even() {
        ui.say(&format!("{} is even: nothing to move", session.settings.project.name));
    } else if dry_run {
        ui.say(&format!(
            "\n{} partitions would change, with {} to be copied: kdev rebalance",
            balance.moves.len(),
            ui::bytes(balance.bytes)
        ));
    }
    Ok(ExitCode::SUCCESS)
}
