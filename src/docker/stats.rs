//! How much memory a container uses.

use bollard::{models::ContainerTopResponse, query_parameters::TopOptionsBuilder};

use super::{Engine, containers::short, fault::Doing};
use crate::error::{Error, Result};

impl Engine {
    /// Bytes of memory in which a running container's processes reside. Asked of `ps` through the engine, which
    /// answers in 20 ms; the engine's own statistics come once a second only.
    ///
    /// # Errors
    /// Where the container is gone or does not run.
    pub async fn memory(&self, id: &str) -> Result<u64> {
        let doing = || format!("asking for the memory of container {}", short(id));
        let options = TopOptionsBuilder::new().ps_args("-o pid,rss").build();
        let top = self.quick().top_processes(id, Some(options)).await.doing(doing)?;
        resident(&top).ok_or_else(|| Error::failed("the engine lists no memory").while_(doing()))
    }
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
}
