//! Starts nodes shortly after one another.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// The engine connects containers to their networks and ports one after another, by programs that mostly wait for the
/// kernel. Asked for all nodes at once, it has none connected before it has nearly all, and the cores are half idle;
/// so the first JVM gets a head start: of three nodes on two cores 0.46 instead of 0.65 core seconds go unused, and `up`
/// takes 1 to 4 % less time (by turns, 14 and 26). Where the engine is quicker, or has more cores, it costs this much at
/// most, for each node but the first.
const APART: Duration = Duration::from_millis(60);

/// Whose turn it is.
#[derive(Debug, Default)]
pub struct Turns {
    next: Mutex<Option<Instant>>,
}

impl Turns {
    /// Waits until the start before this one was asked for long enough ago; the first does not wait.
    pub async fn wait(&self) {
        let at = {
            // A panic elsewhere cannot leave it half-changed.
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = next.map_or(now, |next| next.max(now));
            *next = Some(at + APART);
            at
        };
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_together_goes_one_after_another_and_who_comes_later_at_once() {
        let (turns, begun) = (Turns::default(), Instant::now());
        let went = async || {
            turns.wait().await;
            begun.elapsed().as_millis()
        };
        assert_eq!(tokio::join!(went(), went(), went()), (0, 60, 120), "all three at once");
        tokio::time::sleep(APART * 5).await;
        assert_eq!(went().await, 420, "long after all others");
    }
}
