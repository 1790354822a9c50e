//! `kdev run -- CMD`.

use std::process::{Command, ExitCode};

use clap::Args;

use super::Context;
use crate::{
    error::{Error, Result},
    ops::addresses,
};

/// Arguments of `kdev run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The program and its arguments, after --
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Becomes the program, with the addresses in its environment: its output, signals and exit code are its own.
pub async fn run(args: RunArgs, context: Context) -> Result<ExitCode> {
    let RunArgs { command } = args;
    let env = context.until_stopped(addresses::environment(&context.session().await?)).await?;
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::usage("no command given").hint("kdev run -- python3 producer.py"));
    };
    let mut child = Command::new(program);
    child.args(arguments).envs(env);
    become_it(&mut child, program)
}

fn cannot_run(program: &str, error: std::io::Error) -> Error {
    Error::failed(format!("cannot run `{program}`: {error}")).source(error)
}

#[cfg(unix)]
fn become_it(child: &mut Command, program: &str) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(cannot_run(program, child.exec()))
}

#[cfg(not(unix))]
fn become_it(child: &mut Command, program: &str) -> Result<ExitCode> {
    let status = child.status().map_err(|error| cannot_run(program, error))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
