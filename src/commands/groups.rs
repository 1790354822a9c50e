//! `kdev groups`: lists and describes here, changes in a file each.

mod delete;
mod reset;

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Output, print_json};
use crate::{
    config::{Settings, load::nearest_name},
    error::{Error, Result},
    kafka::admin::{Admin, GroupDescription, ListedGroup, PartitionLag},
    ops::addresses,
    ui::{count, table},
};

/// `kdev groups list|describe|reset|delete`.
#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    /// List consumer groups with their lag
    List(ListArgs),
    /// Show a group's members, and its lag per partition
    Describe(DescribeArgs),
    /// Have a group without members go on reading from elsewhere
    Reset(reset::ResetArgs),
    /// Delete groups without members, with their offsets
    Delete(delete::DeleteArgs),
}

/// The cluster of the project.
struct Cluster {
    admin: Admin,
    settings: Settings,
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
    let running = context.until_stopped(addresses::of_running(&session)).await?;
    let admin = Admin::for_nodes(&running);
    match command {
        GroupsCommand::List(ListArgs { output }) => {
            let summary = context.until_stopped(async { Ok(admin.summary(&running, PATIENCE).await) }).await?;
            let groups = summary.groups.into_iter().map(|group| Listed {
                name: group.name,
                state: group.state,
                protocol: group.kind.word(),
                members: group.members,
                lag: group.lag,
            });
            list(&groups.collect::<Vec<_>>(), output, &context)?;
        }
        GroupsCommand::Describe(DescribeArgs { group, output }) => {
            let look = async {
                known_group(&admin, &group, "describe").await?;
                let lag = admin.group_lag(&group).await?;
                Ok((lag, admin.describe_groups(std::slice::from_ref(&group)).await?))
            };
            let (lag, described) = context.until_stopped(look).await?;
            for description in &described {
                describe(description, &lag, output, &context)?;
            }
        }
        GroupsCommand::Reset(args) => {
            return reset::run(args, Cluster { admin, settings: session.settings }, &context).await;
        }
        GroupsCommand::Delete(args) => {
            return delete::run(args, Cluster { admin, settings: session.settings }, &context).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The group as its coordinator lists it.
async fn known_group(admin: &Admin, group: &str, verb: &str) -> Result<ListedGroup> {
    let mut known = admin.list_groups().await?;
    if let Some(at) = known.iter().position(|listed| listed.name == group) {
        return Ok(known.swap_remove(at));
    }
    let mut error = Error::failed(format!("there is no group `{group}`"));
    if let Some(near) = nearest_name(group, known.iter().map(|listed| listed.name.as_str())) {
        error = error.hint(format!("kdev groups {verb} {near}"));
    }
    Err(error.hint("kdev groups list"))
}

fn partitions_text(count: usize) -> String {
    if count == 1 { "one partition".to_owned() } else { format!("{count} partitions") }
}

/// Refuses a group that somebody reads with: its members would go on from where they are, and commit that.
async fn active(cluster: &Cluster, group: &str, verb: &str) -> Result<()> {
    let Cluster { admin, settings } = cluster;
    let Some(described) = admin.describe_groups(&[group.to_owned()]).await?.pop() else { return Ok(()) };
    let empty = matches!(described.state.as_str(), "Empty" | "Dead");
    if described.members.is_empty() && empty {
        return Ok(());
    }
    let members = described.members.iter().map(|member| format!("{} on {}", member.client_id, member.host));
    let doing = if verb == "delete" { "deleting it" } else { "resetting it" };
    let mut error = Error::failed(match described.members.len() {
        0 => format!("group {group} is in use ({}): stop who reads with it first", described.state),
        1 => format!("group {group} has a member: stop it first"),
        n => format!("group {group} has {n} members: stop them first"),
    })
    .details(members)
    .while_(format!("{doing} (nothing was changed)"));
    for app in settings.apps.keys() {
        // The apps of kdev.toml call themselves by their names, as `kdev init` writes them.
        if described.members.iter().any(|member| member.client_id == app.as_str()) {
            error = error.hint(format!(
                "replicas = 0 in [apps.{app}] in kdev.toml and kdev up; afterwards as it was, and kdev up"
            ));
        }
    }
    let who = described.members.first().map_or("it", |member| member.client_id.as_str());
    Err(error.hint(format!("stop {who} where it runs, and kdev groups {verb} again once kdev groups list says Empty")))
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
