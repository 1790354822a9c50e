//! `kdev env`.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{Args, ValueEnum};

use super::{Context, print_json};
use crate::{error::Result, ops::addresses};

/// Arguments of `kdev env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// dotenv: NAME=value lines | sh: for eval "$(kdev env -o sh)" | json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: EnvOutput,
}

/// `-o` of `kdev env`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EnvOutput {
    /// `NAME=value` lines.
    #[default]
    Dotenv,
    /// `export NAME='value'` lines.
    Sh,
    /// One object.
    Json,
}

/// Prints the variables.
pub async fn run(args: EnvArgs, context: Context) -> Result<ExitCode> {
    let EnvArgs { output } = args;
    let env = context.until_stopped(addresses::environment(&context.session().await?)).await?;
    match output {
        EnvOutput::Json => print_json(&context.ui, &env)?,
        EnvOutput::Dotenv => lines(&context, &env, |name, value| format!("{name}={value}")),
        EnvOutput::Sh => lines(&context, &env, |name, value| {
            // Values are addresses and topic names: nothing in them that shlex could refuse (it refuses only NUL).
            let quoted = shlex::try_quote(value).map_or_else(|_| String::new(), |quoted| quoted.into_owned());
            format!("export {name}={quoted}")
        }),
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(context: &Context, env: &BTreeMap<String, String>, line: impl Fn(&str, &str) -> String) {
    for (name, value) in env {
        context.ui.data(&line(name, value));
    }
}
