//! `kdev groups`.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Output, print_json};
use crate::{
    config::load::nearest_name,
    error::{Error, Result},
    kafka::admin::{Admin, GroupDescription, PartitionLag},
    ops::addresses,
    ui::{count, table},
};

/// `kdev groups list|describe`.
#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    /// List consumer groups with their lag
    List(ListArgs),
    /// Show a group's members, and its lag per partition
    Describe(DescribeArgs),
}

/// Arguments of `kdev groups list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// Arguments of `kdev groups describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

const PATIENCE: Duration = Duration::from_secs(3);

/// Lists or describes.
pub async fn run(command: GroupsCommand, context: Context) -> Result<ExitCode> {
    let session = context.session().await?;
    let running = addresses::of_running(&session).await?;
    let admin = Admin::for_nodes(&running);
    match command {
        GroupsCommand::List(ListArgs { output }) => {
            let groups = admin.summary(&running, PATIENCE).await.groups.into_iter().map(|group| Listed {
                name: group.name,
                state: group.state,
                protocol: group.kind.word(),
                members: group.members,
                lag: group.lag,
            });
            list(&groups.collect::<Vec<_>>(), output, &context)?;
        }
        GroupsCommand::Describe(DescribeArgs { group, output }) => {
            let known = admin.list_groups().await?;
            if known.iter().all(|listed| listed.name != group) {
                let mut error = Error::failed(format!("there is no group `{group}`"));
                if let Some(near) = nearest_name(&group, known.iter().map(|listed| listed.name.as_str())) {
                    error = error.hint(format!("kdev groups describe {near}"));
                }
                return Err(error.hint("kdev groups list"));
            }
            let lag = admin.group_lag(&group).await?;
            let described = admin.describe_groups(std::slice::from_ref(&group)).await?;
            for description in &described {
                describe(description, &lag, output, &context)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Listed {
    name: String,
    state: String,
    protocol: &'static str,
    members: usize,
    lag: Option<u64>,
}

fn list(groups: &[Listed], output: Output, context: &Context) -> Result<()> {
    match output {
        Output::Json => print_json(&context.ui, &groups),
        Output::Table if groups.is_empty() => {
            context.ui.say("no consumer groups yet");
            Ok(())
        }
        Output::Table => {
            let mut rows = table::table(&["group", "state", "protocol", "members", "lag"]);
            for group in groups {
                rows.add_row([
                    group.name.clone(),
                    group.state.clone(),
                    group.protocol.to_owned(),
                    group.members.to_string(),
                    group.lag.map_or("-".to_owned(), count),
                ]);
            }
            context.ui.data(&table::text(&rows));
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    state: &'a str,
    protocol: &'static str,
    assignor: &'a str,
    coordinator: i32,
    members: Vec<DescribedMember<'a>>,
    partitions: Vec<DescribedPartition<'a>>,
}

#[derive(Serialize)]
struct DescribedMember<'a> {
    id: &'a str,
    client_id: &'a str,
    host: &'a str,
    assignment: Vec<String>,
}

#[derive(Serialize)]
struct DescribedPartition<'a> {
    topic: &'a str,
    partition: i32,
    committed: Option<i64>,
    end: i64,
    lag: u64,
    member: Option<&'a str>,
}

fn describe(group: &GroupDescription, lag: &[PartitionLag], output: Output, context: &Context) -> Result<()> {
    let owner = |partition: &PartitionLag| {
        group.members.iter().find(|member| {
            member.assignment.get(&partition.topic).is_some_and(|owned| owned.contains(&partition.partition))
        })
    };
    let described = Described {
        name: &group.name,
        state: &group.state,
        protocol: group.kind.word(),
        assignor: &group.assignor,
        coordinator: group.coordinator,
        members: group
            .members
            .iter()
            .map(|member| DescribedMember {
                id: &member.id,
                client_id: &member.client_id,
                host: &member.host,
                assignment: member
                    .assignment
                    .iter()
                    .flat_map(|(topic, owned)| owned.iter().map(move |partition| format!("{topic}[{partition}]")))
                    .collect(),
            })
            .collect(),
        partitions: lag
            .iter()
            .map(|partition| DescribedPartition {
                topic: partition.topic.as_str(),
                partition: partition.partition,
                committed: partition.committed,
                end: partition.end,
                lag: partition.lag,
                member: owner(partition).map(|member| member.client_id.as_str()),
            })
            .collect(),
    };
    if output == Output::Json {
        return print_json(&context.ui, &described);
    }
    context.ui.data(&format!(
        "{}: {}, {} protocol, {} members, coordinator kafka-{}",
        described.name,
        described.state,
        described.protocol,
        described.members.len(),
        described.coordinator
    ));
    let mut members = table::table(&["member", "host", "partitions"]);
    for member in &described.members {
        members.add_row([member.client_id, member.host, &member.assignment.join(" ")]);
    }
    if !described.members.is_empty() {
        context.ui.data(&format!("\n{}", table::text(&members)));
    }
    let mut rows = table::table(&["topic", "partition", "committed", "end", "lag", "member"]);
    for partition in &described.partitions {
        rows.add_row([
            partition.topic.to_owned(),
            partition.partition.to_string(),
            partition.committed.map_or("-".to_owned(), |offset| offset.to_string()),
            partition.end.to_string(),
            count(partition.lag),
            partition.member.unwrap_or("-").to_owned(),
        ]);
    }
    context.ui.data(&format!("\n{}", table::text(&rows)));
    Ok(())
}
