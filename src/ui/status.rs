//! The status as tables.

use console::style;

use super::{bytes, count, counted, table};
use crate::{
    reconcile::drift::Drift,
    status::{Status, Topic},
};

/// The status for people.
pub fn render(status: &Status) -> String {
    let mut parts = vec![headline(status)];
    parts.push(nodes(status));
    if !status.topics.is_empty() {
        parts.push(topics(status));
    }
    if !status.groups.is_empty() {
        parts.push(groups(status));
    }
    if !status.apps.is_empty() {
        parts.push(apps(status));
    }
    parts.push(format!("on the host    {}\nin containers  {}", status.bootstrap.host, status.bootstrap.container));
    parts.join("\n\n")
}

fn headline(status: &Status) -> String {
    let health =
        if status.healthy { style("healthy").green().to_string() } else { style("not healthy").red().to_string() };
    let cluster = status
        .cluster
        .as_ref()
        .map(|cluster| {
            let controller = cluster.controller.map_or("none".to_owned(), |id| id.service());
            let could = cluster.metadata_could.as_ref();
            let could = could.map(|could| format!(" ({could} possible)")).unwrap_or_default();
            let kafka = if is_mixed(status) { "of mixed versions" } else { &cluster.version };
            format!("  Kafka {kafka}, metadata {}{could}, controller {controller}", cluster.metadata_version)
        })
        .unwrap_or_default();
    let mut lines = vec![format!("{} is {health}{cluster}", style(&status.project).bold())];
    lines.extend(status.problems.iter().map(|problem| format!("  {} {problem}", style("✗").red())));
    lines.join("\n")
}

fn state(word: &str) -> String {
    match word {
        "running" => style(word).green(),
        "absent" => style(word).dim(),
        _ => style(word).red(),
    }
    .to_string()
}

/// Whether nodes run different Kafka releases, or another than kdev.toml says: then each tells its own.
fn is_mixed(status: &Status) -> bool {
    let wanted = status.cluster.as_ref().map(|cluster| &cluster.version);
    status.nodes.iter().any(|node| node.version.is_some() && node.version.as_ref() != wanted)
}

fn nodes(status: &Status) -> String {
    let controller = status.cluster.as_ref().and_then(|cluster| cluster.controller);
    let mixed = is_mixed(status);
    let mut headings = vec!["node", "state", "address", "roles", "leaders", "memory"];
    if mixed {
        headings.insert(2, "version");
    }
    let mut table = table::table(&headings);
    for node in &status.nodes {
        let memory = if node.memory_bytes == 0 { "-".to_owned() } else { bytes(node.memory_bytes) };
        let mut roles = node.roles.join("+");
        if controller == Some(node.id) {
            roles.push_str(" (active)");
        }
        let mut row =
            vec![node.name.clone(), state(&node.state), node.address.clone(), roles, node.leaders.to_string(), memory];
        if mixed {
            row.insert(2, node.version.clone().unwrap_or_else(|| "-".to_owned()));
        }
        table.add_row(row);
    }
    table::text(&table)
}

fn topics(status: &Status) -> String {
    let mut table = table::table(&["topic", "partitions", "replication", "in sync", "messages"]);
    for topic in &status.topics {
        let sync = if topic.offline > 0 {
            style(format!("{} offline", topic.offline)).red().to_string()
        } else if topic.under_replicated > 0 {
            style(format!("{} under-replicated", topic.under_replicated)).yellow().to_string()
        } else {
            style("all").green().to_string()
        };
        table.add_row([
            topic.name.to_string(),
            topic.partitions.to_string(),
            topic.replication.to_string(),
            sync,
            counted(topic.messages, topic.messages_partial),
        ]);
    }
    std::iter::once(table::text(&table)).chain(status.topics.iter().flat_map(drift)).collect::<Vec<_>>().join("\n")
}

/// Where a topic is not as kdev.toml says: a line each.
fn drift(topic: &Topic) -> Vec<String> {
    let name = &topic.name;
    let line = |text: String| format!("  {} {text}", style("~").yellow());
    if !topic.in_file {
        return vec![line(format!("{name} is not in kdev.toml (kdev topics adopt {name})"))];
    }
    let told = topic.drift.iter().map(|Drift { field, kdev_toml, cluster }| {
        let has = cluster.as_deref().unwrap_or("not set");
        line(match kdev_toml {
            Some(wanted) => format!("{name}: {field} is {has}, kdev.toml says {wanted} (kdev plan)"),
            None => format!("{name}: {field} is {has}, kdev.toml does not name it"),
        })
    });
    told.collect()
}

fn groups(status: &Status) -> String {
    let mut table = table::table(&["group", "state", "members", "lag"]);
    for group in &status.groups {
        let lag = group.lag.map_or("-".to_owned(), count);
        table.add_row([group.name.clone(), group.state.clone(), group.members.to_string(), lag]);
    }
    table::text(&table)
}

fn apps(status: &Status) -> String {
    let mut table = table::table(&["app", "state", "running", "restarts"]);
    for app in &status.apps {
        table.add_row([app.name.to_string(), state(&app.state), app.replicas.to_string(), app.restarts.to_string()]);
    }
    table::text(&table)
}
