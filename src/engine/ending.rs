//! Stops nodes together with all others.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{
    docker::Engine,
    error::Result,
    plan::node::{LOG_DIR, STOP_TIMEOUT},
};

/// How often to look whether the node has put its data in order.
const LOOK: Duration = Duration::from_millis(100);
/// What a node gets to end by itself once its data are in order.
const GRACE: Duration = Duration::from_millis(300);
/// What the last node gets at least, and twice as long as the others took: it closes the same logs. One that has not
/// been let go by the controller before the others went waits five minutes for a quorum (`BrokerServer.shutdown`; seen
/// in one `down` of seven while heartbeats came each 500 ms, right after a start with data; at 100 in one of some 390
/// under load). Killed, it loses nothing, but waits out its session and reads its last segments again at the next start.
const ALONE: Duration = Duration::from_secs(3);

/// Nodes that are stopped together: none that has put its data in order is ended before all have. As long as their
/// controllers live there is a quorum, and without one the last of them would wait for it in vain until it is killed.
#[derive(Default)]
pub struct Together {
    in_order: watch::Sender<BTreeSet<String>>,
}

impl Together {
    /// Stops one of `all`, none of which need hand over to anybody. They are the ids of containers.
    ///
    /// On SIGTERM a node closes its logs, writes `.kafka_cleanshutdown` beside them, and then its controller waits up to
    /// five seconds for a successor among nodes that are ending too (`KafkaRaftClient.shutdown`). Once the mark is
    /// there, nothing is left to be saved: the records are in closed files, and every record of the metadata was
    /// flushed before it was acknowledged. So the wait is cut short, and the next start recovers nothing.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn stop(&self, docker: &Engine, container: &str, all: &BTreeSet<String>) -> Result<()> {
        let stopped = self.end(docker, container, all).await;
        // However it ended, nobody need wait for it.
        self.is_in_order(container);
        stopped
    }

    fn is_in_order(&self, container: &str) {
        self.in_order.send_modify(|done| _ = done.insert(container.to_owned()));
    }

    /// Whether there were others, and all of them are in order.
    fn is_last(&self, container: &str, all: &BTreeSet<String>) -> bool {
        let done = self.in_order.borrow();
        all.len() > 1 && all.iter().all(|one| one == container || done.contains(one))
    }

    async fn end(&self, docker: &Engine, container: &str, all: &BTreeSet<String>) -> Result<()> {
        let stop = docker.stop(container, STOP_TIMEOUT);
        tokio::pin!(stop);
        let mark = format!("{LOG_DIR}/.kafka_cleanshutdown");
        let begun = Instant::now();
        let mut others_took = None;
        loop {
            tokio::select! {
                stopped = &mut stop => return stopped,
                () = tokio::time::sleep(LOOK) => {}
            }
            // What cannot be looked at ends in its own time.
            if docker.exists(container, &mark).await.unwrap_or(false) {
                break;
            }
            if others_took.is_none() && self.is_last(container, all) {
                others_took = Some(begun.elapsed());
            }
            if others_took.is_some_and(|took| begun.elapsed() > ALONE.max(took * 2)) {
                break;
            }
        }
        self.is_in_order(container);
        let mut in_order = self.in_order.subscribe();
        let others = async {
            let _ = in_order.wait_for(|done| all.is_subset(done)).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            stopped = &mut stop => return stopped,
            () = others => {}
        }
        docker.kill(container, "SIGKILL").await?;
        stop.await
    }
}
