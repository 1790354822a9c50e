//! How much memory a container uses.

use bollard::{models::ContainerMemoryStats, query_parameters::StatsOptionsBuilder};
use futures_util::TryStreamExt;

use super::{Engine, containers::short, fault::Doing};
use crate::error::{Error, Result};

impl Engine {
    /// Bytes that a running container's processes hold, without the page cache: what the docker program
    /// shows.
    ///
    /// # Errors
    /// Where the container is gone or does not run.
    pub async fn memory(&self, id: &str) -> Result<u64> {
        let doing = || format!("asking for the memory of container {}", short(id));
        // One reading: without it the engine waits a second for a second one.
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let stats = Box::pin(self.quick().stats(id, Some(options))).try_next().await.doing(doing)?;
        let memory = stats.and_then(|stats| stats.memory_stats).and_then(|memory| resident(&memory));
        memory.ok_or_else(|| Error::failed("the container does not run").while_(doing()))
    }
}

fn resident(memory: &ContainerMemoryStats) -> Option<u64> {
    let usage = memory.usage?;
    let stats = memory.stats.as_ref();
    // cgroup v1 calls it total_inactive_file, v2 inactive_file; v1 has the latter too, without the
    // container's children.
    let cache = ["total_inactive_file", "inactive_file"].iter().find_map(|key| stats?.get(*key));
    Some(usage.saturating_sub(cache.copied().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(usage: Option<u64>, stats: &[(&str, u64)]) -> ContainerMemoryStats {
        let stats = stats.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        ContainerMemoryStats { usage, stats: Some(stats), ..ContainerMemoryStats::default() }
    }

    #[test]
    fn the_page_cache_does_not_count() {
        let v1 = memory(Some(100), &[("total_inactive_file", 30), ("inactive_file", 10)]);
        assert_eq!(resident(&v1), Some(70));
        assert_eq!(resident(&memory(Some(100), &[("inactive_file", 40)])), Some(60));
        assert_eq!(resident(&memory(Some(10), &[("inactive_file", 40)])), Some(0));
        assert_eq!(resident(&memory(None, &[])), None);
    }
}
