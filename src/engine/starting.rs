//! Starts nodes shortly after one another.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Interval, MissedTickBehavior, interval},
};

/// The engine connects containers to their networks and ports one after another, by programs that mostly wait for the
/// kernel. Asked for all nodes at once, it has none connected before it has nearly all, and the cores are half idle;
/// so the first JVM gets a head start: of three nodes on two cores 0.46 instead of 0.65 core seconds go unused, and `up`
/// takes 1 to 4 % less time (by turns, 14 and 26). Where the engine is quicker, or has more cores, it costs this much at
/// most, for each node but the first.
const APART: Duration = Duration::from_millis(60);

/// Whose turn it is; from the first start on.
#[derive(Debug, Default)]
pub struct Turns(Mutex<Option<Interval>>);

impl Turns {
    /// Waits until the start before this one was asked for long enough ago; the first does not wait.
    pub async fn wait(&self) {
        self.0.lock().await.get_or_insert_with(apart).tick().await;
    }

    /// Whether anybody has had a turn, or waits for one.
    pub fn have_begun(&self) -> bool {
        self.0.try_lock().map_or(true, |turns| turns.is_some())
    }
}

/// Who comes late goes at once, and the next so much later.
fn apart() -> Interval {
    let mut turns = interval(APART);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_together_goes_one_after_another_and_who_comes_later_at_once() {
        let (turns, begun) = (Turns::default(), Instant::now());
        let went = async || {
            turns.wait().await;
            begun.elapsed().as_millis()
        };
        assert!(!turns.have_begun());
        assert_eq!(tokio::join!(went(), went(), went()), (0, 60, 120), "all three at once");
        assert!(turns.have_begun());
        tokio::time::sleep(APART * 5).await;
        assert_eq!(went().await, 420, "long after all others");
        assert_eq!(went().await, 480, "right after it");
    }
}
