//! Asks before data go. Only a terminal is asked; a script says so beforehand, by an option.

use std::io::IsTerminal;

use super::Context;
use crate::error::{Error, Kind, Result};

/// Whether somebody sits there who can be asked.
pub(super) fn can_ask(context: &Context) -> bool {
    context.ui.stderr_is_terminal && std::io::stdin().is_terminal()
}

/// Asks, and takes nothing but the word `yes` for a yes.
///
/// # Errors
/// Ctrl-C while waiting for the answer.
pub(super) async fn ask(context: &Context, question: &str) -> Result<bool> {
    context.ui.ask(&format!("{question} Type yes to go on: "));
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        // Whoever closes the terminal has not said yes.
        std::io::stdin().read_line(&mut line).map(|_| line).unwrap_or_default()
    });
    tokio::select! {
        answer = answer => Ok(answer.unwrap_or_default().trim().eq_ignore_ascii_case("yes")),
        () = context.cancel.cancelled() => {
            context.ui.always("");
            Err(Error::new(Kind::Interrupted, "stopped on request: nothing was destroyed"))
        }
    }
}
