//! `kdev topics`.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Output, print_json};
use crate::{
    config::load::nearest_name,
    error::{Error, Result},
    kafka::admin::{Admin, At},
    model::TopicName,
    observed::TopicFacts,
    ops::addresses,
    ui::{count, table},
};

/// `kdev topics list|describe`.
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// List topics
    List(ListArgs),
    /// Show a topic's settings and partitions
    Describe(DescribeArgs),
}

/// Arguments of `kdev topics list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Kafka's own topics too
    #[arg(short, long)]
    all: bool,
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// Arguments of `kdev topics describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// The topic
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

const PATIENCE: Duration = Duration::from_secs(3);

/// Lists or describes.
pub async fn run(command: TopicsCommand, context: Context) -> Result<ExitCode> {
    let session = context.session().await?;
    let running = addresses::of_running(&session).await?;
    let admin = Admin::for_nodes(&running);
    let summary = admin.summary(&running, PATIENCE).await;
    let messages = |name: &TopicName| summary.messages.get(name).copied().unwrap_or(0);
    match command {
        TopicsCommand::List(ListArgs { all, output }) => {
            let shown = summary.facts.topics.iter().filter(|(name, _)| all || !name.is_internal());
            let topics: Vec<Listed> = shown.map(|(name, facts)| Listed::new(name, facts, messages(name))).collect();
            list(&topics, output, &context)?;
        }
        TopicsCommand::Describe(DescribeArgs { topic, output }) => {
            let name: TopicName =
                topic.parse().map_err(|invalid: crate::model::Invalid| Error::usage(invalid.to_string()))?;
            let Some(facts) = summary.facts.topics.get(&name) else {
                let known = summary.facts.topics.keys().map(TopicName::as_str);
                let mut error = Error::failed(format!("there is no topic `{name}`"));
                if let Some(near) = nearest_name(name.as_str(), known) {
                    error = error.hint(format!("kdev topics describe {near}"));
                }
                return Err(error.hint("kdev topics list"));
            };
            let described = described(&admin, &name, facts, messages(&name)).await?;
            describe(&described, output, &context)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Listed {
    name: TopicName,
    partitions: usize,
    replication: usize,
    under_replicated: usize,
    messages: u64,
}

impl Listed {
    fn new(name: &TopicName, facts: &TopicFacts, messages: u64) -> Self {
        Listed {
            name: name.clone(),
            partitions: facts.partitions.len(),
            replication: facts.partitions.iter().map(|p| p.replicas.len()).max().unwrap_or(0),
            under_replicated: facts.partitions.iter().filter(|p| !p.in_sync()).count(),
            messages,
        }
    }
}

fn list(topics: &[Listed], output: Output, context: &Context) -> Result<()> {
    match output {
        Output::Json => print_json(&context.ui, &topics),
        Output::Table if topics.is_empty() => {
            context.ui.say("no topics; name them under [topics] in kdev.toml, then kdev up");
            Ok(())
        }
        Output::Table => {
            let mut rows = table::table(&["topic", "partitions", "replication", "under-replicated", "messages"]);
            for topic in topics {
                rows.add_row([
                    topic.name.to_string(),
                    topic.partitions.to_string(),
                    topic.replication.to_string(),
                    topic.under_replicated.to_string(),
                    count(topic.messages),
                ]);
            }
            context.ui.data(&table::text(&rows));
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct Described {
    #[serde(flatten)]
    listed: Listed,
    /// Settings made on the topic itself.
    config: std::collections::BTreeMap<String, String>,
    partition: Vec<Partition>,
}

#[derive(Serialize)]
struct Partition {
    id: usize,
    leader: Option<u8>,
    replicas: Vec<u8>,
    isr: Vec<u8>,
    start: i64,
    end: i64,
}

async fn described(admin: &Admin, name: &TopicName, facts: &TopicFacts, messages: u64) -> Result<Described> {
    let config = admin.topic_configs(std::slice::from_ref(name)).await?.remove(name).unwrap_or_default();
    let (start, end) = tokio::try_join!(admin.offsets(name, &[], At::Earliest), admin.offsets(name, &[], At::Latest))?;
    let ids = |nodes: &[crate::model::NodeId]| nodes.iter().map(|id| id.0).collect();
    let partition = facts.partitions.iter().enumerate().map(|(id, partition)| {
        let offset = |offsets: &std::collections::BTreeMap<i32, i64>| {
            i32::try_from(id).ok().and_then(|id| offsets.get(&id)).copied().unwrap_or(0)
        };
        Partition {
            id,
            leader: partition.leader.map(|id| id.0),
            replicas: ids(&partition.replicas),
            isr: ids(&partition.isr),
            start: offset(&start),
            end: offset(&end),
        }
    });
    Ok(Described { listed: Listed::new(name, facts, messages), config, partition: partition.collect() })
}

fn describe(topic: &Described, output: Output, context: &Context) -> Result<()> {
    if output == Output::Json {
        return print_json(&context.ui, topic);
    }
    let Listed { name, partitions, replication, under_replicated: _, messages } = &topic.listed;
    context
        .ui
        .data(&format!("{name}: {partitions} partitions, replication {replication}, {} messages", count(*messages)));
    for (setting, value) in &topic.config {
        context.ui.data(&format!("  {setting} = {value}"));
    }
    let ids = |ids: &[u8]| ids.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let mut rows = table::table(&["partition", "leader", "replicas", "in sync", "start", "end"]);
    for partition in &topic.partition {
        rows.add_row([
            partition.id.to_string(),
            partition.leader.map_or("none".to_owned(), |id| id.to_string()),
            ids(&partition.replicas),
            ids(&partition.isr),
            partition.start.to_string(),
            partition.end.to_string(),
        ]);
    }
    context.ui.data(&format!("\n{}", table::text(&rows)));
    Ok(())
}
