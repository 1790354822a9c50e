//! `kdev doctor`.

use std::process::ExitCode;

use clap::Args;

use super::{Context, Output, print_json};
use crate::{error::Result, ops::doctor, ui};

/// Arguments of `kdev doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// table, or json: the stable contract for scripts
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// Checks everything and says the fix. Exit code 6 where a check failed, 2 where kdev.toml is wrong, 3 where there
/// is no engine: each is told as a check, among all the others that could be made.
pub async fn run(args: DoctorArgs, context: Context) -> Result<ExitCode> {
    let DoctorArgs { output } = args;
    let report = doctor::examine(context.settings(), &context.cancel).await?;
    match output {
        Output::Json => print_json(&context.ui, &report)?,
        Output::Table => context.ui.data(&ui::doctor::render(&report)),
    }
    Ok(report.verdict.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_code())))
}
