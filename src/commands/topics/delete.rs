//! `kdev topics delete`.

use std::process::ExitCode;

use clap::Args;

use super::{Cluster, no_topic, topic_name};
use crate::{
    commands::{Context, consent},
    error::{Error, Result},
    kafka::admin::Goes,
    model::TopicName,
    ui,
};

/// Arguments of `kdev topics delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The topics that go, with their records
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// Do not ask; needed where no terminal is there to be asked
    #[arg(short, long)]
    yes: bool,
}

/// Says what goes, asks, and deletes.
pub(super) async fn run(args: DeleteArgs, cluster: Cluster, context: &Context) -> Result<ExitCode> {
    let DeleteArgs { topics, yes } = args;
    let mut names: Vec<TopicName> = Vec::new();
    for name in topics.iter().map(|name| topic_name(name)) {
        let name = name?;
        if name.is_internal() {
            return Err(Error::failed(format!("topic {name} is Kafka's own: without it the cluster loses its way"))
                .hint("kdev topics list"));
        }
        if !cluster.facts.topics.contains_key(&name) {
            return Err(no_topic(&name, "delete", &cluster.facts));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let readers = cluster.admin.readers().await?;
    let mut goes = Vec::new();
    for name in &names {
        let loss = cluster.admin.loss(name, Goes::All).await?;
        let mut line = format!(
            "topic {name} goes, with {} records, about {} on each replica",
            ui::count(loss.records),
            ui::bytes(loss.bytes)
        );
        if let Some(groups) = readers.get(name) {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            line.push_str(&format!("; read by {}", groups.join(", ")));
        }
        if cluster.settings.topics.contains_key(name) {
            line.push_str("; kdev.toml names it, so the next kdev up makes it again, empty");
        }
        goes.push(line);
    }
    if !yes && !consent::can_ask(context) {
        let names: Vec<&str> = names.iter().map(TopicName::as_str).collect();
        return Err(Error::failed("nobody is there to be asked, and nothing was deleted")
            .details(goes)
            .hint(format!("kdev topics delete {} --yes", names.join(" "))));
    }
    for line in &goes {
        context.ui.warning(line);
    }
    if !yes && !consent::ask(context, "Records that are gone do not come back.").await? {
        return Err(Error::failed("not confirmed: nothing was deleted"));
    }
    for name in &names {
        cluster.admin.delete_topic_everywhere(name).await?;
        context.ui.say(&format!("deleted topic {name}"));
    }
    Ok(ExitCode::SUCCESS)
}
