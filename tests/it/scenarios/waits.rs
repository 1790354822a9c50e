//! What the loop tells of what it waits for.

use std::{sync::Arc, time::Duration};

use kdev::{
    engine::{
        run::{self, Run},
        simulated::Simulated,
    },
    event::{Event, Events},
    observed::Observed,
    reconcile::{Waiting, up as reconcile_up},
};
use tokio_util::sync::CancellationToken;

use super::worlds::{built_in, plan};

#[tokio::test(start_paused = true)]
async fn what_has_come_about_is_told_to_be_waited_for_no_more() {
    let plan = plan(&built_in(), &Observed::default());
    let world = Arc::new(Simulated::new(plan.clone(), Observed::default()));
    let (events, mut told) = Events::channel();
    let cancel = CancellationToken::new();
    let run = Run { events: &events, cancel: &cancel, timeout: Duration::from_secs(60), first: Vec::new() };
    let goal = |observed: &Observed| {
        let mut next = reconcile_up::next(&plan, true, observed).unwrap();
        // Waited for until the first topic is there.
        if observed.kafka.topics.is_empty() {
            next.waiting.push(Waiting::Leaderless);
        }
        Ok(next)
    };
    run::reach(&world, run, goal).await.unwrap();
    drop(events);
    let (mut now, mut ever) = (Vec::new(), 0);
    while let Some(event) = told.recv().await {
        match event {
            Event::WaitsChanged => now.clear(),
            Event::Waiting { reason, .. } => {
                now.push(reason);
                ever += 1;
            }
            _ => {}
        }
    }
    assert!(ever > 0, "it was waited for nothing");
    assert_eq!(now, [""; 0], "still told of at the end");
}
