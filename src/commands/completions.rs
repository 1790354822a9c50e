//! `kdev completions`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::{Shell, env::Shells};

use super::Context;
use crate::error::{Error, Result};

/// The variable by which a shell that completes a word tells `kdev` which shell it is.
pub(crate) const VARIABLE: &str = "KDEV_COMPLETE";
const PROGRAM: &str = "kdev";

/// Print a completion script for your shell
///
/// With it, Tab completes commands and options, and the names of services, topics, groups and projects as they are then.
#[derive(Debug, Args)]
#[command(after_help = "Once, for all later shells:
  bash        echo 'source <(kdev completions bash)' >> ~/.bashrc
  zsh         echo 'source <(kdev completions zsh)' >> ~/.zshrc   (below compinit)
  fish        kdev completions fish > ~/.config/fish/completions/kdev.fish
  elvish      echo 'eval (kdev completions elvish | slurp)' >> ~/.config/elvish/rc.elv
  powershell  Add-Content $PROFILE 'kdev completions powershell | Out-String | Invoke-Expression'")]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// Prints the script.
pub fn run(args: CompletionsArgs, context: &Context) -> Result<ExitCode> {
    let CompletionsArgs { shell } = args;
    let cannot = || Error::failed(format!("cannot complete for {shell}"));
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string()).ok_or_else(cannot)?;
    let written = completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
    written.map_err(|error| cannot().source(error))?;
    context.ui.raw_data(&script);
    Ok(ExitCode::SUCCESS)
}
