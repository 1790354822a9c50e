//! `kdev up`.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{
    Context,
    plan::{self, PlanOutput},
};
use crate::{
    error::Result,
    ops::{status, up},
    ui::{self, progress::Shown},
};

/// Arguments of `kdev up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Leave the apps as they are: Kafka and topics only
    #[arg(long)]
    no_apps: bool,
    /// Build the apps' images even if nothing changed
    #[arg(long, conflicts_with = "no_apps")]
    build: bool,
    /// Show what would be changed, as `kdev plan` does, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait until all is healthy
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = super::duration)]
    timeout: Duration,
}

/// Makes the system what the file says, and shows it.
pub async fn run(args: UpArgs, context: Context) -> Result<ExitCode> {
    let UpArgs { no_apps, build, dry_run, timeout } = args;
    let ui = context.ui;
    let session = context.session().await?;
    let options = up::Options { apps: !no_apps, build, timeout };
    let name = &session.settings.project.name;
    if dry_run {
        plan::show(&session, &options, PlanOutput::Text, &context).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown = Shown::start(&ui);
    let result = up::up(&session, &options, &shown.events(), &context.cancel).await;
    shown.finish().await;
    let outcome = result?;
    if outcome.steps.is_empty() {
        ui.say(&format!("{name} is as kdev.toml says: nothing to do"));
    }
    let status = status::status(&session).await?;
    ui.data(&ui::status::render(&status));
    let topic = session.settings.default_topic().map_or("TOPIC", |topic| topic.as_str());
    ui.say(&format!(
        "\nnext:\n  kdev consume {topic} -n 10      read records\n  kdev produce {topic}            send some\n  kdev logs -f                watch all services"
    ));
    Ok(ExitCode::SUCCESS)
}
