//! `kdev groups`: lists and describes here, changes in a file each.

mod delete;
mod reset;

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Output, print_json};
use crate::{
    config::load::nearest_name,
    error::{Error, Result},
    kafka::admin::{Admin, GroupDescription, ListedGroup, Member, PartitionLag},
    model::AppName,
    ops::{Session, addresses},
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
    session: Session,
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
            return reset::run(args, Cluster { admin, session }, &context).await;
        }
        GroupsCommand::Delete(args) => {
            return delete::run(args, Cluster { admin, session }, &context).await;
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
    let Cluster { admin, session } = cluster;
    let Some(described) = admin.describe_groups(&[group.to_owned()]).await?.pop() else { return Ok(()) };
    let empty = matches!(described.state.as_str(), "Empty" | "Dead");
    if described.members.is_empty() && empty {
        return Ok(());
    }
    // An engine that does not tell keeps nobody from hearing who the members are.
    let addresses = session.docker.app_addresses(&session.settings.project).await.unwrap_or_default();
    Err(in_use(&described, session.settings.apps.keys().map(AppName::as_str), &addresses, verb))
}

/// Who reads with the group, and how to stop that. `addresses` are those of the project's apps.
fn in_use<'a>(
    described: &GroupDescription,
    apps: impl Iterator<Item = &'a str>,
    addresses: &BTreeMap<String, String>,
    verb: &str,
) -> Error {
    let group = &described.name;
    let members = described.members.iter().map(|member| format!("{} on {}", member.client_id, member.host));
    let doing = if verb == "delete" { "deleting it" } else { "resetting it" };
    let mut error = Error::failed(match described.members.len() {
        0 => format!("group {group} is in use ({}): stop who reads with it first", described.state),
        1 => format!("group {group} has a member: stop it first"),
        n => format!("group {group} has {n} members: stop them first"),
    })
    .details(members)
    .while_(format!("{doing} (nothing was changed)"));
    for app in apps {
        // The apps that `kdev init` writes call themselves by their names; others are known by where they are.
        let is_of_app =
            |member: &Member| member.client_id == app || addresses.get(&member.host).is_some_and(|name| name == app);
        if described.members.iter().any(is_of_app) {
            error = error.hint(format!(
                "replicas = 0 in [apps.{app}] in kdev.toml and kdev up; afterwards as it was, and kdev up"
            ));
        }
    }
    let who = described.members.first().map_or("it", |member| member.client_id.as_str());
    error.hint(format!("stop {who} where it runs, and kdev groups {verb} again once kdev groups list says Empty"))
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
    let members = match described.members.len() {
        1 => "1 member".to_owned(),
        n => format!("{n} members"),
    };
    context.ui.data(&format!(
        "{}: {}, {} protocol, {members}, coordinator kafka-{}",
        described.name, described.state, described.protocol, described.coordinator
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::admin::GroupKind;

    #[test]
    fn a_member_in_the_way_is_told_as_the_app_that_it_is() {
        let member = |client_id: &str, host: &str| Member {
            id: String::new(),
            instance: None,
            client_id: client_id.to_owned(),
            host: host.to_owned(),
            assignment: BTreeMap::new(),
        };
        let addresses = BTreeMap::from([("172.18.0.5".to_owned(), "consumer".to_owned())]);
        let hints = |member| {
            let described = GroupDescription {
                name: "g".to_owned(),
                kind: GroupKind::Classic,
                state: "Stable".to_owned(),
                assignor: String::new(),
                coordinator: 1,
                members: vec![member],
            };
            in_use(&described, ["consumer", "producer"].into_iter(), &addresses, "reset").hints
        };
        for known in [member("consumer", "172.18.0.9"), member("sarama", "172.18.0.5")] {
            let hints = hints(known);
            assert!(hints.len() == 2 && hints[0].contains("[apps.consumer]"), "{hints:?}");
        }
        assert_eq!(hints(member("sarama", "172.18.0.1")).len(), 1);
    }
}
