//! `kdev exec`.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Args;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use super::Context;
use crate::{
    docker::{Chunk, ExecControl, Sought},
    error::{Error, Kind, Result},
    observed::ContainerState,
    ops::{elsewhere, logs::no_such_service},
};

/// Arguments of `kdev exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The service: kafka-1, producer, …
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The command and its arguments, after --
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Runs a command in the service's container, with this terminal or these pipes; its exit code becomes ours.
pub async fn run(args: ExecArgs, context: Context) -> Result<ExitCode> {
    let ExecArgs { service, command } = args;
    let session = context.session().await?;
    let facts = context.until_stopped(session.docker.facts(&session.settings.project, &Sought::Nothing)).await?;
    let of_service = || facts.services().filter(|c| c.service == service);
    let Some(container) = of_service().find(|c| c.state == ContainerState::Running) else {
        return Err(match of_service().next() {
            Some(_) => {
                Error::failed(format!("{service} does not run")).hint("kdev up").hint(format!("kdev logs {service}"))
            }
            None => elsewhere::hinted(&session, no_such_service(&service, &facts, &session)).await,
        });
    };
    // A terminal only where both ends are one: into a pipe, its control characters would be data.
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let exec = session.docker.exec(&container.id, &command, tty, true).await?;
    let control = exec.control.clone();
    let _raw = if tty { Some(RawTerminal::enter()?) } else { None };
    if tty {
        tokio::spawn(keep_size(control.clone()));
    }
    let mut input = exec.input;
    tokio::spawn(async move {
        // Ends with stdin, or when the command no longer reads: neither is an error of ours.
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut input).await;
        let _ = input.shutdown().await;
    });
    let mut output = exec.output;
    loop {
        let chunk = tokio::select! {
            chunk = output.next() => chunk,
            // The engine has no way to end a command without its container.
            () = context.cancel.cancelled() => {
                let left = format!("stopped on request: `{}` may run on in {service}", command.join(" "));
                return Err(Error::new(Kind::Interrupted, left));
            }
        };
        let Some(chunk) = chunk else { break };
        match chunk? {
            Chunk::Out(bytes) => context.ui.raw_data(&bytes),
            // Where stderr is closed there is nobody left to tell.
            Chunk::Err(bytes) => _ = std::io::stderr().write_all(&bytes),
        }
    }
    let code = control.exit_code().await?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The terminal in raw mode; back to what it was when dropped.
struct RawTerminal;

impl RawTerminal {
    fn enter() -> Result<Self> {
        crossterm::terminal::enable_raw_mode()
            .map_err(|error| Error::failed(format!("cannot set up the terminal: {error}")).source(error))?;
        Ok(RawTerminal)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nothing better can be done on the way out than to try.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Tells the command the terminal's size, now and whenever it changes.
async fn keep_size(control: ExecControl) {
    loop {
        if let Ok((width, height)) = crossterm::terminal::size() {
            // A command in a terminal of the wrong size still works.
            let _ = control.resize(width, height).await;
        }
        if resized().await.is_err() {
            return;
        }
    }
}

#[cfg(unix)]
async fn resized() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::window_change())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn resized() -> std::io::Result<()> {
    std::future::pending().await
}
