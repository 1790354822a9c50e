//! `kdev ls`.

use std::process::ExitCode;

use clap::Args;

use super::{Context, Output, print_json};
use crate::{
    docker::{Engine, ProjectSummary},
    error::Result,
    ui::table,
};

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
    let projects = context.until_stopped(async { Engine::connect().await?.projects().await }).await?;
    match output {
        Output::Json => print_json(&context.ui, &projects)?,
        Output::Table if projects.is_empty() => context.ui.say("no projects on this engine: kdev up"),
        Output::Table => context.ui.data(&render(&projects)),
    }
    Ok(ExitCode::SUCCESS)
}

fn render(projects: &[ProjectSummary]) -> String {
    let mut rows = table::table(&["project", "directory", "nodes", "apps"]);
    for project in projects {
        let running = |running: usize, all: usize| match all {
            0 => "none".to_owned(),
            all => format!("{running}/{all} running"),
        };
        let nodes = match project.down {
            true => "down, data kept".to_owned(),
            false => running(project.nodes_running, project.nodes),
        };
        let apps = running(project.apps_running, project.apps);
        rows.add_row([project.name.clone(), project.directory.clone(), nodes, apps]);
    }
    table::text(&rows)
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::docker::ProjectSummary;

    #[test]
    fn a_project_that_is_down_is_told_so() {
        console::set_colors_enabled(false);
        let project = |name: &str| ProjectSummary {
            name: name.to_owned(),
            directory: format!("/home/me/{name}"),
            ..ProjectSummary::default()
        };
        let blog =
            ProjectSummary { nodes: 3, nodes_running: 2, apps: 1, apps_running: 1, volumes: 3, ..project("blog") };
        let shop = ProjectSummary { volumes: 3, down: true, ..project("shop") };
        insta::assert_snapshot!(render(&[blog, shop, project("left")]), @r"
        PROJECT  DIRECTORY      NODES            APPS
        blog     /home/me/blog  2/3 running      1/1 running
        shop     /home/me/shop  down, data kept  none
        left     /home/me/left  none             none
        ");
    }
}
