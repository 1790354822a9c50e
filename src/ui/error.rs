//! An error on the screen.

use console::style;

use super::{Level, Ui};
use crate::error::Error;

impl Ui {
    /// Prints an error: what, the evidence, while doing what, what to type.
    pub fn error(&self, error: &Error) {
        self.always(&render(error, self.level == Level::Verbose));
    }

    /// Prints something wrong that does not stop the work.
    pub fn warning(&self, text: &str) {
        self.say(&format!("{} {text}", style("warning:").for_stderr().yellow().bold()));
    }
}

/// The text of an error; with `verbose`, the library errors below it too.
pub fn render(error: &Error, verbose: bool) -> String {
    let Error { kind: _, message, details, context, hints, source } = error;
    let mut lines = vec![format!("{} {message}", style("error:").for_stderr().red().bold())];
    lines.extend(details.iter().map(|line| format!("    {line}")));
    lines.extend(context.iter().map(|doing| format!("  while {doing}")));
    for (number, hint) in hints.iter().enumerate() {
        let word = if number == 0 { "try:" } else { " or:" };
        lines.push(format!("  {} {hint}", style(word).for_stderr().cyan()));
    }
    if verbose {
        let mut below = source.as_deref().map(|source| source as &dyn std::error::Error);
        while let Some(error) = below {
            lines.push(format!("  cause: {error}"));
            below = error.source();
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::error::Error;

    #[test]
    fn an_error_says_what_why_and_what_to_type() {
        console::set_colors_enabled_stderr(false);
        let error = Error::failed("port 9092 on 127.0.0.1 is taken by container `old-kafka` (image bitnami/kafka)")
            .while_("starting node kafka-1")
            .hint("docker stop old-kafka")
            .hint("remove `ports` from [kafka] in kdev.toml, and kdev picks free ones");
        insta::assert_snapshot!(render(&error, false), @r"
        error: port 9092 on 127.0.0.1 is taken by container `old-kafka` (image bitnami/kafka)
          while starting node kafka-1
          try: docker stop old-kafka
           or: remove `ports` from [kafka] in kdev.toml, and kdev picks free ones
        ");
    }
}
