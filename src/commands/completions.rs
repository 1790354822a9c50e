//! `kdev completions`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use crate::{error::Result, ui::Ui};

/// Arguments of `kdev completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// Prints the script.
pub fn run(args: CompletionsArgs, mut command: clap::Command, ui: &Ui) -> Result<ExitCode> {
    let CompletionsArgs { shell } = args;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "kdev", &mut script);
    ui.raw_data(&script);
    Ok(ExitCode::SUCCESS)
}
