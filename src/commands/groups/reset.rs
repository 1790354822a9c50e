//! `kdev groups reset`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;

use super::{Cluster, active, known_group, partitions_text};
use crate::{
    commands::{Context, Output, print_json},
    error::{Error, Result},
    kafka::admin::{At, GroupKind},
    model::{Invalid, TopicName},
    ops::reset::{Place, To},
    ui::{count, table},
};

/// Arguments of `kdev groups reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// The group; it must have no members
    #[arg(value_name = "GROUP")]
    group: String,
    /// Where it goes on reading: start, end, an offset, @2026-11-22T10:00, 15m (that long ago), -10 or +10 (from where
    /// it is)
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    to: To,
    /// Only this topic, also where the group has read nothing of it yet [default: all that it has read]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only these partitions; may be given several times
    #[arg(long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// table, or json
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

#[derive(Serialize)]
struct Moved {
    topic: TopicName,
    partition: i32,
    before: Option<i64>,
    after: Option<i64>,
    lag_before: u64,
    lag_after: u64,
}

/// Shows where the group is and where it goes on, and commits that.
pub(super) async fn run(args: ResetArgs, cluster: Cluster, context: &Context) -> Result<ExitCode> {
    let ResetArgs { group, to, topic, partitions, dry_run, output } = args;
    let admin = &cluster.admin;
    let listed = known_group(admin, &group, "reset").await?;
    if listed.kind == GroupKind::Share {
        return Err(Error::failed(format!("{group} is a share group: it commits no offsets that could be reset")));
    }
    active(&cluster, &group, "reset").await?;
    let committed: BTreeMap<(TopicName, i32), i64> = admin
        .group_lag(&group)
        .await?
        .into_iter()
        .filter_map(|lag| Some(((lag.topic, lag.partition), lag.committed?)))
        .collect();
    let topics = topics(&group, topic.as_deref(), &partitions, committed.keys().map(|(topic, _)| topic))?;
    let time = to.millis().map_err(|wrong| Error::usage(wrong).while_("reading --to"))?;
    let mut moved = Vec::new();
    for topic in topics {
        let offsets = |at| admin.offsets(&topic, &partitions, at);
        let (start, end) = tokio::try_join!(offsets(At::Earliest), offsets(At::Latest))?;
        let at = match time {
            Some(ms) => offsets(At::Timestamp(ms)).await?,
            None => BTreeMap::new(),
        };
        for (&partition, &end) in &end {
            let place = Place {
                start: start.get(&partition).copied().unwrap_or(end),
                end,
                committed: committed.get(&(topic.clone(), partition)).copied(),
                at: at.get(&partition).copied(),
            };
            let after = place.target(to).or(place.committed);
            let (lag_before, lag_after) = (place.lag(place.committed), place.lag(after));
            moved.push(Moved {
                topic: topic.clone(),
                partition,
                before: place.committed,
                after,
                lag_before,
                lag_after,
            });
        }
    }
    let commit: BTreeMap<(TopicName, i32), i64> = moved
        .iter()
        .filter(|moved| moved.after != moved.before)
        .filter_map(|moved| Some(((moved.topic.clone(), moved.partition), moved.after?)))
        .collect();
    if !dry_run && !commit.is_empty() {
        admin.commit_offsets(&group, &commit).await?;
    }
    match output {
        Output::Json => print_json(&context.ui, &moved)?,
        Output::Table => context.ui.data(&rows(&moved)),
    }
    let partitions = partitions_text(commit.len());
    context.ui.say(&match dry_run {
        _ if commit.is_empty() => format!("{group} is there already: nothing to change"),
        true => format!("{partitions} would be changed; nothing was"),
        false => format!("{group} goes on from there: {partitions} changed"),
    });
    Ok(ExitCode::SUCCESS)
}

/// The topics that are meant.
fn topics<'a>(
    group: &str,
    given: Option<&str>,
    partitions: &[i32],
    read: impl Iterator<Item = &'a TopicName>,
) -> Result<BTreeSet<TopicName>> {
    if let Some(given) = given {
        return Ok(BTreeSet::from([given.parse().map_err(|invalid: Invalid| Error::usage(invalid.to_string()))?]));
    }
    let read: BTreeSet<TopicName> = read.cloned().collect();
    let names: Vec<&str> = read.iter().map(TopicName::as_str).collect();
    if read.is_empty() {
        return Err(Error::failed(format!("group {group} has committed no offsets: of which topic is meant?"))
            .hint(format!("kdev groups reset {group} --topic TOPIC --to start")));
    }
    if !partitions.is_empty() && read.len() > 1 {
        return Err(Error::usage(format!("group {group} reads {}: --partition of which is meant?", names.join(", ")))
            .hint(format!("--topic {}", names[0])));
    }
    Ok(read)
}

fn rows(moved: &[Moved]) -> String {
    let offset = |offset: Option<i64>| offset.map_or("-".to_owned(), |offset| offset.to_string());
    let mut rows = table::table(&["topic", "partition", "before", "after", "lag before", "lag after"]);
    for moved in moved {
        rows.add_row([
            moved.topic.to_string(),
            moved.partition.to_string(),
            offset(moved.before),
            offset(moved.after),
            count(moved.lag_before),
            count(moved.lag_after),
        ]);
    }
    table::text(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_are_those_given_or_those_read() {
        let read: Vec<TopicName> = vec!["a".parse().unwrap(), "b".parse().unwrap()];
        let names = |topics: Result<BTreeSet<TopicName>>| {
            topics.map(|topics| topics.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names(topics("g", Some("c"), &[1], read.iter())).unwrap(), ["c"]);
        assert_eq!(names(topics("g", None, &[], read.iter())).unwrap(), ["a", "b"]);
        assert_eq!(names(topics("g", None, &[1], read[..1].iter())).unwrap(), ["a"]);
        assert!(topics("g", None, &[1], read.iter()).unwrap_err().message.contains("a, b"));
        assert!(topics("g", None, &[], read[..0].iter()).unwrap_err().message.contains("no offsets"));
        assert_eq!(topics("g", Some("a b"), &[], read.iter()).unwrap_err().kind, crate::error::Kind::Usage);
    }
}
