//! What stops a run, and how soon.

use std::{future::pending, sync::Arc, time::Duration};

use kdev::{
    engine::{Acted, World, run, run::Run},
    error::{Error, Kind, Result},
    event::{Events, StepProgress},
    observed::Observed,
    reconcile::{Next, Step},
};
use tokio_util::sync::CancellationToken;

/// A world that shows nothing, however long one looks.
struct Fog;

impl World for Fog {
    async fn observe(&self, _: Acted) -> Result<Observed> {
        pending().await
    }

    async fn apply(&self, _: &Step, _: &StepProgress) -> Result<()> {
        unreachable!("nothing is known of this world")
    }

    async fn autopsy(&self, _: &str, _: &str) -> Error {
        unreachable!("nothing was started")
    }
}

/// A world in which every step takes a while.
struct Slow;

impl World for Slow {
    async fn observe(&self, _: Acted) -> Result<Observed> {
        Ok(Observed::default())
    }

    async fn apply(&self, _: &Step, _: &StepProgress) -> Result<()> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    }

    async fn autopsy(&self, _: &str, _: &str) -> Error {
        unreachable!("nothing was started")
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_finished_after_the_request_to_stop_counts() {
    let cancel = CancellationToken::new();
    let events = Events::channel().0;
    let run = Run { events: &events, cancel: &cancel, timeout: Duration::from_secs(3600), first: Vec::new() };
    let network = |_: &Observed| Ok(Next { steps: vec![Step::CreateNetwork], waiting: Vec::new(), held: Vec::new() });
    let slow = Arc::new(Slow);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    };
    let (reached, ()) = tokio::join!(run::reach(&slow, run, network), stop);
    assert_eq!(reached.expect_err("it was stopped").message, "stopped on request: one step was taken");
}

#[tokio::test]
async fn a_look_that_waits_is_broken_off() {
    let cancel = CancellationToken::new();
    let events = Events::channel().0;
    let run = Run { events: &events, cancel: &cancel, timeout: Duration::from_secs(3600), first: Vec::new() };
    let nothing = |_: &Observed| Ok(Next { steps: Vec::new(), waiting: Vec::new(), held: Vec::new() });
    let fog = Arc::new(Fog);
    let (reached, ()) = tokio::join!(run::reach(&fog, run, nothing), async { cancel.cancel() });
    let error = reached.expect_err("nobody can have reached anything");
    assert_eq!((error.kind, error.message.as_str()), (Kind::Interrupted, "stopped on request: nothing was changed"));
}
