//! `kdev topics`: lists and describes here, changes in a file each.

mod adopt;
mod create;
mod delete;

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Output, print_json};
use crate::{
    config::{Settings, load::nearest_name},
    error::{Error, Result},
    kafka::admin::{Admin, At, ClusterSummary},
    model::{Invalid, TopicName},
    observed::{KafkaFacts, TopicFacts},
    ops::{Session, addresses},
    ui::{counted, table},
};

/// `kdev topics list|describe|create|delete|adopt`.
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// List topics
    List(ListArgs),
    /// Show a topic's settings and partitions
    Describe(DescribeArgs),
    /// Make a topic, without kdev.toml
    Create(create::CreateArgs),
    /// Delete topics with their records; what goes is said before it goes
    Delete(delete::DeleteArgs),
    /// Write topics into kdev.toml as the cluster has them; comments and order stay
    Adopt(adopt::AdoptArgs),
}

/// The cluster of the project, as it was found.
struct Cluster {
    admin: Admin,
    facts: KafkaFacts,
    settings: Settings,
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
    let look = async {
        let running = addresses::of_running(&session).await?;
        let admin = Admin::for_nodes(&running);
        let summary = admin.summary(&running, PATIENCE).await;
        Ok((admin, summary))
    };
    let (admin, summary) = context.until_stopped(look).await?;
    let listed = |name: &TopicName, facts: &TopicFacts| Listed::new(name, facts, &summary);
    match command {
        TopicsCommand::List(ListArgs { all, output }) => {
            let shown = summary.facts.topics.iter().filter(|(name, _)| all || !name.is_internal());
            let topics: Vec<Listed> = shown.map(|(name, facts)| listed(name, facts)).collect();
            list(&topics, output, &context)?;
        }
        TopicsCommand::Describe(DescribeArgs { topic, output }) => {
            let name = topic_name(&topic)?;
            let Some(facts) = summary.facts.topics.get(&name) else {
                return Err(no_topic(&name, "describe", &summary.facts));
            };
            let described = context.until_stopped(described(&admin, &name, facts, listed(&name, facts))).await?;
            describe(&described, output, &context)?;
        }
        TopicsCommand::Create(args) => {
            return create::run(args, cluster(admin, summary.facts, session)?, &context).await;
        }
        TopicsCommand::Delete(args) => {
            return delete::run(args, cluster(admin, summary.facts, session)?, &context).await;
        }
        TopicsCommand::Adopt(args) => return adopt::run(args, cluster(admin, summary.facts, session)?, &context).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// What a change needs: a cluster that answers for all of itself.
fn cluster(admin: Admin, facts: KafkaFacts, session: Session) -> Result<Cluster> {
    if facts.controller.is_none() {
        return Err(Error::failed("there is no active controller: topics cannot be looked at or changed now")
            .hint("kdev status")
            .hint("kdev up"));
    }
    Ok(Cluster { admin, facts, settings: session.settings })
}

fn topic_name(text: &str) -> Result<TopicName> {
    text.parse().map_err(|invalid: Invalid| Error::usage(invalid.to_string()))
}

fn no_topic(name: &TopicName, verb: &str, facts: &KafkaFacts) -> Error {
    let mut error = Error::failed(format!("there is no topic `{name}`"));
    if let Some(near) = nearest_name(name.as_str(), facts.topics.keys().map(TopicName::as_str)) {
        error = error.hint(format!("kdev topics {verb} {near}"));
    }
    error.hint("kdev topics list")
}

#[derive(Serialize)]
struct Listed {
    name: TopicName,
    partitions: usize,
    replication: usize,
    under_replicated: usize,
    messages: u64,
    /// Whether there are more: a partition's leader did not answer.
    messages_partial: bool,
}

impl Listed {
    fn new(name: &TopicName, facts: &TopicFacts, summary: &ClusterSummary) -> Self {
        Listed {
            name: name.clone(),
            partitions: facts.partitions.len(),
            replication: facts.partitions.iter().map(|p| p.replicas.len()).max().unwrap_or(0),
            under_replicated: facts.partitions.iter().filter(|p| !p.in_sync()).count(),
            messages: summary.messages.get(name).copied().unwrap_or(0),
            messages_partial: summary.partly.contains(name),
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
                    counted(topic.messages, topic.messages_partial),
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

async fn described(admin: &Admin, name: &TopicName, facts: &TopicFacts, listed: Listed) -> Result<Described> {
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
    Ok(Described { listed, config, partition: partition.collect() })
}

fn describe(topic: &Described, output: Output, context: &Context) -> Result<()> {
    if output == Output::Json {
        return print_json(&context.ui, topic);
    }
    let Listed { name, partitions, replication, under_replicated: _, messages, messages_partial } = &topic.listed;
    context.ui.data(&format!(
        "{name}: {partitions} partitions, replication {replication}, {} messages",
        counted(*messages, *messages_partial)
    ));
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
