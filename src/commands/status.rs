//! `kdev status`.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{Context, Output, print_json};
use crate::{
    error::{Kind, Result},
    ops::{Session, elsewhere, status},
    status::Status,
    ui::{self, Ui},
};

/// Arguments of `kdev status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Show it anew each second, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
    /// table, or json: the stable contract for scripts
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

const EVERY: Duration = Duration::from_secs(1);

/// Shows the status; exit code 5 where the system is not healthy.
pub async fn run(args: StatusArgs, context: Context) -> Result<ExitCode> {
    let StatusArgs { watch, output } = args;
    let session = context.session().await?;
    if watch {
        return watching(&session, output, &context).await;
    }
    let status = context.until_stopped(status::status(&session)).await?;
    show(&status, output, &context.ui)?;
    if status.is_absent()
        && let Some(hint) = elsewhere::hint(&session).await
    {
        context.ui.say(&format!("  try: {hint}"));
    }
    Ok(if status.healthy { ExitCode::SUCCESS } else { ExitCode::from(Kind::Unhealthy.exit_code()) })
}

async fn watching(session: &Session, output: Output, context: &Context) -> Result<ExitCode> {
    let terminal = console::Term::stdout();
    loop {
        let status = tokio::select! {
            status = status::status(session) => status?,
            () = context.cancel.cancelled() => return Ok(ExitCode::SUCCESS),
        };
        // One JSON document a line where a program reads; a fresh screen where a person does.
        match output {
            Output::Json => {
                let line = serde_json::to_string(&status).unwrap_or_default();
                context.ui.data(&line);
            }
            Output::Table => {
                if context.ui.stdout_is_terminal {
                    // A terminal that cannot be cleared shows one status below the other.
                    let _ = terminal.clear_screen();
                }
                show(&status, output, &context.ui)?;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = context.cancel.cancelled() => return Ok(ExitCode::SUCCESS),
        }
    }
}

fn show(status: &Status, output: Output, ui: &Ui) -> Result<()> {
    match output {
        Output::Json => print_json(ui, status),
        Output::Table => {
            ui.data(&ui::status::render(status));
            Ok(())
        }
    }
}
