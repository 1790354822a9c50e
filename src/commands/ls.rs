//! `kdev ls`.

use std::process::ExitCode;

use clap::Args;

use super::{Context, Output, print_json};
use crate::{docker::Engine, error::Result, ui::table};

/// Arguments of `kdev ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// Lists all projects on the engine, whichever directory they belong to.
pub async fn run(args: LsArgs, context: Context) -> Result<ExitCode> {
    let LsArgs { output } = args;
    let projects = Engine::connect().await?.projects().await?;
    match output {
        Output::Json => print_json(&context.ui, &projects)?,
        Output::Table if projects.is_empty() => context.ui.say("no projects on this engine: kdev up"),
        Output::Table => {
            let mut rows = table::table(&["project", "directory", "nodes", "apps"]);
            for project in &projects {
                let running = |running: usize, all: usize| format!("{running}/{all} running");
                rows.add_row([
                    project.name.clone(),
                    project.directory.clone(),
                    running(project.nodes_running, project.nodes),
                    running(project.apps_running, project.apps),
                ]);
            }
            context.ui.data(&table::text(&rows));
        }
    }
    Ok(ExitCode::SUCCESS)
}
