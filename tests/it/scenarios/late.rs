//! A step that Kafka does not finish in time is taken again where it is still due, until the run's own time is up.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use kdev::{
    engine::{
        Acted, World,
        run::{self, Outcome, Run},
        simulated::Simulated,
    },
    error::{Error, Kind, Result},
    event::{Event, Events, StepProgress},
    observed::Observed,
    plan::Plan,
    reconcile::{Step, Waiting, up as reconcile_up},
};
use tokio_util::sync::CancellationToken;

use super::worlds::{built_in, plan};

/// What becomes of a step that is told to be late.
#[derive(Clone, Copy)]
enum Late {
    /// Nothing.
    Undone,
    /// It is done; only the answer did not come.
    Done,
}

/// A world in which the first steps at the topics take Kafka too long.
struct Busy {
    world: Simulated,
    late: Mutex<VecDeque<Late>>,
}

impl World for Busy {
    async fn observe(&self, acted: Acted) -> Result<Observed> {
        self.world.observe(acted).await
    }

    async fn apply(&self, step: &Step, progress: &StepProgress) -> Result<()> {
        let late = if matches!(step, Step::CreateTopic { .. }) { self.late.lock().unwrap().pop_front() } else { None };
        let Some(late) = late else { return self.world.apply(step, progress).await };
        if let Late::Done = late {
            self.world.apply(step, progress).await?;
        }
        tokio::time::sleep(TOO_LONG).await;
        Err(Error::new(Kind::TimedOut, "localhost:9092 did not answer within 15s"))
    }

    async fn autopsy(&self, service: &str, name: &str) -> Error {
        self.world.autopsy(service, name).await
    }
}

const TOO_LONG: Duration = Duration::from_secs(15);

/// `up` in such a world, and what was told of steps that were late.
async fn up(plan: &Plan, late: &[Late], timeout: Duration) -> (Result<Outcome>, Vec<String>) {
    up_and_wait(plan, late, timeout, None).await
}

/// As [`up`], and then for something that never comes about.
async fn up_and_wait(
    plan: &Plan,
    late: &[Late],
    timeout: Duration,
    waiting: Option<Waiting>,
) -> (Result<Outcome>, Vec<String>) {
    let world = Simulated::new(plan.clone(), Observed::default());
    let world = Arc::new(Busy { world, late: Mutex::new(late.iter().copied().collect()) });
    let (events, mut told) = Events::channel();
    let cancel = CancellationToken::new();
    let run = Run { events: &events, cancel: &cancel, timeout, first: Vec::new() };
    let goal = |observed: &Observed| {
        let mut next = reconcile_up::next(plan, true, observed).unwrap();
        next.waiting.extend(waiting.clone());
        Ok(next)
    };
    let reached = run::reach(&world, run, goal).await;
    drop(events);
    let mut whys = Vec::new();
    while let Some(event) = told.recv().await {
        if let Event::Late { why, .. } = event {
            whys.push(why);
        }
    }
    (reached, whys)
}

fn topics_made(outcome: &Outcome) -> usize {
    outcome.steps.iter().filter(|step| matches!(step, Step::CreateTopic { .. })).count()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_step_that_kafka_did_not_finish_in_time_is_taken_again() {
    let plan = plan(&built_in(), &Observed::default());
    let (reached, whys) = up(&plan, &[Late::Undone; 7], Duration::from_secs(300)).await;
    let outcome = reached.unwrap();
    assert_eq!(topics_made(&outcome), 1);
    assert_eq!(outcome.observed.kafka.topics.len(), 1);
    assert_eq!(whys, ["localhost:9092 did not answer within 15s"; 7]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_done_though_no_answer_came_is_not_done_again() {
    let plan = plan(&built_in(), &Observed::default());
    let (reached, whys) = up(&plan, &[Late::Done], Duration::from_secs(300)).await;
    let outcome = reached.unwrap();
    assert_eq!((topics_made(&outcome), outcome.observed.kafka.topics.len(), whys.len()), (0, 1, 1));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn once_the_time_is_up_it_is_told_what_did_not_answer() {
    let plan = plan(&built_in(), &Observed::default());
    let (reached, whys) = up(&plan, &[Late::Undone; 9], Duration::from_secs(40)).await;
    let error = reached.expect_err("the topic cannot be there");
    assert_eq!((error.kind, error.message.as_str()), (Kind::TimedOut, "not ready after 40s"));
    assert_eq!(error.details, ["localhost:9092 did not answer within 15s"]);
    assert!(whys.len() >= 2, "{whys:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_late_and_went_well_then_is_no_reason_any_more() {
    let plan = plan(&built_in(), &Observed::default());
    let (reached, whys) = up_and_wait(&plan, &[Late::Undone], Duration::from_secs(60), Some(Waiting::Leaderless)).await;
    let error = reached.expect_err("it waits for good");
    assert_eq!((error.details, whys.len()), (vec![Waiting::Leaderless.to_string()], 1));
}
