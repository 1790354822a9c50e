//! `kdev completions`.

use std::{io::Write, process::ExitCode};

use clap::Args;
use clap_complete::Shell;

use crate::error::Result;

/// Arguments of `kdev completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// Prints the script.
pub fn run(args: CompletionsArgs, mut command: clap::Command) -> Result<ExitCode> {
    let CompletionsArgs { shell } = args;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "kdev", &mut script);
    // A closed pipe wanted no more of it.
    let _ = std::io::stdout().write_all(&script);
    Ok(ExitCode::SUCCESS)
}
