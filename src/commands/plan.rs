//! `kdev plan`.

use std::{process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};

use super::{Context, print_json};
use crate::{
    error::{Kind, Result},
    ops::{Session, plan, up},
    reconcile::Permission,
    ui,
};

/// Arguments of `kdev plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Leave the apps as they are: Kafka and topics only
    #[arg(long)]
    no_apps: bool,
    /// Exit with 6 where something would change, with 0 where nothing would
    #[arg(long)]
    exit_code: bool,
    /// text, or json: the stable contract for scripts, docs/plan.schema.json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: PlanOutput,
}

/// `-o` of `kdev plan`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    /// For people.
    #[default]
    Text,
    /// For scripts.
    Json,
}

/// The model of the world takes no time: nobody waits that long.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Shows what `up` would change; exit code 6 on a change where that was asked for.
pub async fn run(args: PlanArgs, context: Context) -> Result<ExitCode> {
    let PlanArgs { no_apps, exit_code, output } = args;
    let session = context.session().await?;
    let permission = Permission::Nothing;
    let options = up::Options { apps: !no_apps, build: false, timeout: TIMEOUT, permission };
    let changes = show(&session, &options, output, &context).await?;
    Ok(if exit_code && changes { ExitCode::from(Kind::CheckFailed.exit_code()) } else { ExitCode::SUCCESS })
}

/// Shows what an `up` with these options would change, and says whether it would change anything.
pub(super) async fn show(
    session: &Session,
    options: &up::Options,
    output: PlanOutput,
    context: &Context,
) -> Result<bool> {
    let preview = plan::preview(session, options, &context.cancel).await?;
    match output {
        PlanOutput::Json => print_json(&context.ui, &preview)?,
        PlanOutput::Text => {
            let text = ui::plan::render(&preview);
            if !text.is_empty() {
                context.ui.data(&text);
            }
            if !preview.changes {
                context.ui.say(&format!("{} is as kdev.toml says: nothing to do", preview.project));
            }
        }
    }
    Ok(preview.changes)
}
