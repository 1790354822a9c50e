//! `kdev groups delete`.

use std::process::ExitCode;

use clap::Args;

use super::{Cluster, active, known_group, partitions_text};
use crate::{commands::Context, error::Result, ui::count};

/// Arguments of `kdev groups delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The groups that go, with their offsets; they must have no members
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
}

/// Says what goes, and deletes. Records stay: a group holds none.
pub(super) async fn run(args: DeleteArgs, cluster: Cluster, context: &Context) -> Result<ExitCode> {
    let DeleteArgs { groups } = args;
    // All or none: a mistake in the last name leaves the first group alone.
    for group in &groups {
        known_group(&cluster.admin, group, "delete").await?;
        active(&cluster, group, "delete").await?;
    }
    for group in &groups {
        let lag = cluster.admin.group_lag(group).await?;
        let behind: u64 = lag.iter().map(|partition| partition.lag).sum();
        let committed = lag.iter().filter(|partition| partition.committed.is_some()).count();
        context.ui.say(&format!(
            "deleting group {group}: its offsets of {} go, at a lag of {}",
            partitions_text(committed),
            count(behind)
        ));
        cluster.admin.delete_group(group).await?;
    }
    context.ui.say(&format!("deleted {}", groups.join(", ")));
    Ok(ExitCode::SUCCESS)
}
