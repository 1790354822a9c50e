//! Stops a node together with all others.

use std::time::Duration;

use crate::{
    docker::Engine,
    error::Result,
    plan::node::{LOG_DIR, STOP_TIMEOUT},
};

/// How often to look whether the node has put its data in order.
const LOOK: Duration = Duration::from_millis(100);
/// What a node gets to end by itself once its data are in order.
const GRACE: Duration = Duration::from_millis(300);

/// Stops a node that need not hand over to anybody.
///
/// On SIGTERM a node closes its logs, writes `.kafka_cleanshutdown` beside them, and then its controller waits up to
/// five seconds for a successor among nodes that are ending too (`KafkaRaftClient.shutdown`). Once the mark is there,
/// nothing is left to be saved: the records are in closed files, and every record of the metadata was flushed before
/// it was acknowledged. So the wait is cut short, and the next start recovers nothing.
pub async fn stop_for_good(docker: &Engine, container: &str) -> Result<()> {
    let stop = docker.stop(container, STOP_TIMEOUT);
    tokio::pin!(stop);
    let mark = format!("{LOG_DIR}/.kafka_cleanshutdown");
    loop {
        tokio::select! {
            stopped = &mut stop => return stopped,
            () = tokio::time::sleep(LOOK) => {}
        }
        // What cannot be looked at ends in its own time.
        if docker.exists(container, &mark).await.unwrap_or(false) {
            break;
        }
    }
    tokio::select! {
        stopped = &mut stop => return stopped,
        () = tokio::time::sleep(GRACE) => {}
    }
    docker.kill(container, "SIGKILL").await?;
    stop.await
}
