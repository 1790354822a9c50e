//! `kdev topics adopt`.

use std::process::ExitCode;

use clap::Args;
use console::style;
use similar::{ChangeTag, TextDiff};

use super::{Cluster, no_topic, topic_name};
use crate::{
    commands::{Context, init},
    error::{Error, Result},
    model::TopicName,
    ops::adopt,
};

/// Arguments of `kdev topics adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The topics to take in [default: all but Kafka's own]
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Writes into kdev.toml what the cluster has, and shows what has changed there.
pub(super) async fn run(args: AdoptArgs, cluster: Cluster, context: &Context) -> Result<ExitCode> {
    let AdoptArgs { topics, dry_run } = args;
    let Cluster { admin, mut facts, settings } = cluster;
    let mut names: Vec<TopicName> = topics.iter().map(|name| topic_name(name)).collect::<Result<_>>()?;
    if let Some(name) = names.iter().find(|name| !facts.topics.contains_key(name)) {
        return Err(no_topic(name, "adopt", &facts));
    }
    if let Some(name) = names.iter().find(|name| name.is_internal()) {
        let error = Error::failed(format!("{name} is Kafka's own, and no topic for kdev.toml"));
        return Err(error.hint("kdev topics adopt   (all topics that are yours)"));
    }
    if names.is_empty() {
        names = facts.topics.keys().filter(|name| !name.is_internal()).cloned().collect();
    }
    admin.add_settings(&mut facts.topics, &names).await?;
    let adopted = adopt::adopt(&settings, &names, &facts)?;
    let here = std::env::current_dir().unwrap_or_default();
    let file = adopted.path.strip_prefix(&here).unwrap_or(&adopted.path).display();
    if adopted.before == adopted.after && adopted.exists {
        context.ui.say(&format!("{file} says already what the cluster has: nothing to write"));
        return Ok(ExitCode::SUCCESS);
    }
    let diff = diff(&adopted.before, &adopted.after);
    if !diff.is_empty() {
        context.ui.data(&diff);
    }
    if dry_run {
        context.ui.say(&format!("{file} would say that; nothing was written"));
        return Ok(ExitCode::SUCCESS);
    }
    adopted.write()?;
    context.ui.say(&format!("wrote  {file}"));
    if !adopted.exists {
        // A kdev.toml of its own builds the apps from files, no longer from inside the binary.
        init::write_apps(&settings.project.directory, context)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines that differ, with three around them.
fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push(style(hunk.header().to_string()).cyan().to_string());
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\n', '\r']);
            lines.push(match change.tag() {
                ChangeTag::Equal => format!(" {line}"),
                ChangeTag::Insert => style(format!("+{line}")).green().to_string(),
                ChangeTag::Delete => style(format!("-{line}")).red().to_string(),
            });
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn only_what_differs_is_shown_with_the_lines_around_it() {
        console::set_colors_enabled(false);
        let before = "a\nb\nc\nd\ne\nf\n";
        insta::assert_snapshot!(diff(before, "a\nb\nc\nd\ne\ng\n"), @r"
        @@ -3,4 +3,4 @@
         c
         d
         e
        -f
        +g
        ");
        assert_eq!(diff(before, before), "");
    }
}
