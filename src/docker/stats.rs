//! How much memory a container uses.

use bollard::{
    models::{ContainerMemoryStats, ContainerTopResponse},
    query_parameters::{StatsOptionsBuilder, TopOptionsBuilder},
};
use futures_util::TryStreamExt;

use super::{Engine, containers::short, fault::Doing, processes};
use crate::{
    error::{Error, Result},
    observed::ContainerFacts,
};

impl Engine {
    /// Bytes of memory in which a running container's processes reside. Where they are processes of this machine, as of
    /// a local engine on Linux, the kernel tells it at once, of the main process: a node has no other. Else `ps` is
    /// asked through the engine, which for three nodes is a third of `kdev status`; the engine's own statistics come
    /// once a second only.
    ///
    /// # Errors
    /// Where the container is gone or does not run.
    pub async fn memory(&self, container: &ContainerFacts) -> Result<u64> {
        let id = &container.id;
        if let Some(bytes) = container.pid.and_then(|pid| processes::resident(pid, id)) {
            return Ok(bytes);
        }
        let doing = || format!("asking for the memory of container {}", short(id));
        if self.is_podman() {
            // It answers this with nothing; its statistics come at once.
            let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
            let stats = Box::pin(self.quick().stats(id, Some(options))).try_next().await.doing(doing)?;
            let memory = stats.and_then(|stats| stats.memory_stats).and_then(|memory| without_cache(&memory));
            return memory.ok_or_else(|| Error::failed("the engine lists no memory").while_(doing()));
        }
        let options = TopOptionsBuilder::new().ps_args("-o pid,rss").build();
        let top = self.quick().top_processes(id, Some(options)).await.doing(doing)?;
        resident(&top).ok_or_else(|| Error::failed("the engine lists no memory").while_(doing()))
    }
}

/// Bytes without the page cache, which cgroup v1 calls total_inactive_file and v2 inactive_file; v1 has the latter
/// too, without the container's children.
fn without_cache(memory: &ContainerMemoryStats) -> Option<u64> {
    let stats = memory.stats.as_ref();
    let cache = ["total_inactive_file", "inactive_file"].iter().find_map(|key| stats?.get(*key));
    Some(memory.usage?.saturating_sub(cache.copied().unwrap_or(0)))
}

/// The sum of the column RSS, which `ps` gives in KiB.
fn resident(top: &ContainerTopResponse) -> Option<u64> {
    let column = top.titles.as_ref()?.iter().position(|title| title == "RSS")?;
    let rows = top.processes.as_ref()?;
    rows.iter().map(|row| row.get(column)?.parse::<u64>().ok()).sum::<Option<u64>>().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(titles: &[&str], rows: &[&[&str]]) -> ContainerTopResponse {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        ContainerTopResponse {
            titles: Some(words(titles)),
            processes: Some(rows.iter().map(|row| words(row)).collect()),
        }
    }

    #[test]
    fn the_processes_of_a_container_are_added_up() {
        assert_eq!(resident(&top(&["PID", "RSS"], &[&["1", "100"], &["7", "24"]])), Some(124 << 10));
        assert_eq!(resident(&top(&["PID", "CMD"], &[&["1", "java"]])), None, "an engine that gives no such column");
        assert_eq!(resident(&top(&["PID", "RSS"], &[&["1", "?"]])), None);
    }
    #[test]
    fn the_page_cache_does_not_count() {
        let memory = |usage, stats: &[(&str, u64)]| ContainerMemoryStats {
            usage,
            stats: Some(stats.iter().map(|&(key, value)| (key.to_owned(), value)).collect()),
            ..ContainerMemoryStats::default()
        };
        let v1 = memory(Some(100), &[("total_inactive_file", 30), ("inactive_file", 10)]);
        assert_eq!(without_cache(&v1), Some(70));
        assert_eq!(without_cache(&memory(Some(100), &[("inactive_file", 40)])), Some(60));
        assert_eq!(without_cache(&memory(None, &[])), None);
    }
}
