//! The loop. It knows no step by name but `Start`, whose repetition means that something dies, those after which
//! another container has the name, and pulls and builds, which may be broken off anywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Acted, World};
use crate::{
    error::{Error, Kind, Result},
    event::{Event, Events, StepProgress},
    observed::Observed,
    reconcile::{Next, Step, Waiting},
    timeline::{Mark, Timeline},
};

/// How long to wait before looking again when there is nothing to do. Readiness is seen this late at most; one look
/// at a live cluster takes a few milliseconds.
const PAUSE: Duration = Duration::from_millis(40);
/// As [`PAUSE`], where replicas come into sync, which takes nodes that have just started 0.1 s: a look asks one of them.
const PAUSE_FOR_REPLICAS: Duration = Duration::from_millis(10);
/// The first pause after something has changed, which is seldom the last to change; then twice as long each time.
const SOON: Duration = Duration::from_millis(10);
/// How long to wait before looking again when there is nothing to do until a step ends: what runs may still die.
const UNTIL_A_STEP_ENDS: Duration = Duration::from_millis(250);
/// What was begun together often ends together: the others get this long before the next look, which takes longer.
const TOGETHER: Duration = Duration::from_millis(3);
/// What every step but pulls and builds takes at most: a preparation of an image on a busy machine.
const FINISH: Duration = Duration::from_secs(120);
/// A step that is asked for this often in one run is being undone by somebody.
const MOST_REPEATS: usize = 5;

/// What a run needs beside its world and its goal.
pub struct Run<'a> {
    /// Where to tell of it.
    pub events: &'a Events,
    /// Set when the user wants to stop: no further step is begun, those begun are finished.
    pub cancel: &'a CancellationToken,
    /// When to give up.
    pub timeout: Duration,
    /// Steps to take before the first comparison (`--build`).
    pub first: Vec<Step>,
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    /// The steps that were taken, in the order in which they ended.
    pub steps: Vec<Step>,
    /// The world at the end.
    pub observed: Observed,
    /// Apps that were given up; the rest of the plan was reached.
    pub failed_apps: Vec<Error>,
}

/// Takes steps until `goal` finds nothing left to do or to wait for.
///
/// # Errors
/// A step failed, something died, the time was up, or the user stopped it. A failure of one app's step does not end
/// the run: see [`Outcome::failed_apps`]; nor does a step that Kafka did not finish in time, before the run's time is
/// up.
pub async fn reach<W: World>(
    world: &Arc<W>,
    run: Run<'_>,
    goal: impl Fn(&Observed) -> Result<Next>,
) -> Result<Outcome> {
    let Run { events, cancel, timeout, first } = run;
    let deadline = Instant::now() + timeout;
    let mut work =
        Work { world, events, under_way: JoinSet::new(), doing: BTreeMap::new(), numbers: 0, deadline, late: None };
    let mut done: Vec<Step> = Vec::new();
    let mut starts: BTreeSet<(String, String)> = BTreeSet::new();
    let mut given_up: BTreeMap<String, Error> = BTreeMap::new();
    let mut told: Vec<Waiting> = Vec::new();
    let mut waits = Waits::default();
    let mut distance = Distance::default();
    let mut pause = PAUSE;
    // A world that was looked at just now need not be looked at again.
    let mut acted = Acted::Not;
    let mut first = first;
    let failure = loop {
        // A look may wait for what it expects to see; who stops it need not.
        let looked = tokio::select! {
            biased;
            () = cancel.cancelled() => break None,
            looked = world.observe(acted) => looked,
        };
        let observed = match looked {
            Ok(observed) => observed,
            Err(error) => break Some(error),
        };
        let mut next = match goal(&observed) {
            Ok(next) => next,
            Err(error) => break Some(error),
        };
        next.steps.splice(0..0, first.drain(..));
        next.steps.retain(|step| !step.app().is_some_and(|app| given_up.contains_key(app)));
        next.waiting
            .retain(|waiting| !matches!(waiting, Waiting::Settling(app) if given_up.contains_key(app.as_str())));
        let mut started_any = false;
        let mut fatal = None;
        for step in next.steps {
            if work.doing.contains_key(&step) {
                continue;
            }
            if let Step::Start { service, name } = &step
                && !starts.insert((service.clone(), name.clone()))
            {
                // It was started in this run and does not run: an app that ended well has done its work, anything
                // else has died.
                let error = match ended_well(&observed, name) && step.app().is_some() {
                    true => continue,
                    false => world.autopsy(service, name).await,
                };
                match step.app() {
                    Some(app) => {
                        given_up.insert(app.to_owned(), error);
                    }
                    None => fatal = Some(error),
                }
                continue;
            }
            let often = done.iter().filter(|before| **before == step).count() >= MOST_REPEATS;
            // What is made anew, or put back, under this name has not been started yet.
            match &step {
                Step::Remove { service, name, .. } => {
                    starts.remove(&(service.clone(), name.clone()));
                }
                Step::SetAside { node, name } => {
                    starts.remove(&(node.service(), name.clone()));
                }
                _ => {}
            }
            if often {
                fatal = Some(
                    Error::failed(format!("{step}: done {MOST_REPEATS} times, and still not so"))
                        .hint("something else changes the same objects; see `kdev status`"),
                );
                break;
            }
            started_any = true;
            work.begin(step);
        }
        if fatal.is_some() {
            break fatal;
        }
        if work.under_way.is_empty() && !started_any && next.waiting.is_empty() {
            waits.follow(&[], events.timeline());
            return Ok(Outcome { steps: done, observed, failed_apps: given_up.into_values().collect() });
        }
        pause = match next.waiting.as_slice() {
            [] => UNTIL_A_STEP_ENDS,
            waiting if waiting != told => SOON,
            waiting if waiting.iter().all(|one| matches!(one, Waiting::OutOfSync { .. })) => PAUSE_FOR_REPLICAS,
            _ => (pause * 2).min(PAUSE),
        };
        if next.waiting != told {
            events.send(Event::WaitsChanged);
            for waiting in &next.waiting {
                let (phase, what) = (waiting.phase(), waiting.to_string());
                events.send(match waiting {
                    Waiting::Moving { left, .. } => Event::Left { phase, what, bytes: *left },
                    _ => Event::Waiting { phase, reason: what },
                });
            }
            // A move takes as long as it takes: the time is up when nothing comes nearer.
            if distance.falls(&next.waiting) {
                work.deadline = Instant::now() + timeout;
            }
            waits.follow(&next.waiting, events.timeline());
            told = next.waiting;
        }
        if Instant::now() >= work.deadline {
            break Some(timed_out(timeout, &told).details(work.late.take()));
        }
        // Whatever comes first: a step ends, or it is time to look again.
        let ended = tokio::select! {
            Some(ended) = work.under_way.join_next() => Some(ended),
            () = tokio::time::sleep(pause) => None,
            () = cancel.cancelled() => None,
        };
        // One look for all that have ended: a look takes the engine longer than a short step.
        if ended.is_some() && !work.under_way.is_empty() {
            tokio::time::sleep(TOGETHER).await;
        }
        let ended = ended.into_iter().chain(std::iter::from_fn(|| work.under_way.try_join_next()));
        let ended: Vec<Ended> = ended.collect();
        acted = ended.iter().map(done_to).max().unwrap_or(Acted::Not);
        // All are taken note of, whichever of them failed.
        let mut failed = None;
        for ended in ended {
            if let Err(error) = work.end(ended, &mut done, &mut given_up) {
                _ = failed.get_or_insert(error);
            }
        }
        if failed.is_some() {
            break failed;
        }
    };
    work.finish(&mut done, &mut given_up).await;
    // What was under way is done by now, and counts.
    Err(failure.unwrap_or_else(|| interrupted(&done)))
}

fn ended_well(observed: &Observed, name: &str) -> bool {
    use crate::observed::ContainerState;
    observed
        .docker
        .containers
        .iter()
        .any(|c| c.name == name && matches!(c.state, ContainerState::Exited { code: 0, .. }))
}

/// What a step that has ended was done to, however it ended.
fn done_to(ended: &Ended) -> Acted {
    match ended {
        Ok((_, step, _)) => Acted::On(step.target()),
        Err(_) => Acted::ON_ANYTHING,
    }
}

type Ended = std::result::Result<(u64, Step, Result<()>), tokio::task::JoinError>;

struct Work<'a, W> {
    world: &'a Arc<W>,
    events: &'a Events,
    under_way: JoinSet<(u64, Step, Result<()>)>,
    doing: BTreeMap<Step, (AbortHandle, Mark)>,
    numbers: u64,
    /// When to give up.
    deadline: Instant,
    /// Why the last step that Kafka did not finish in time was not; none once one went well.
    late: Option<String>,
}

/// How far moves are from their end: partitions, then bytes, the least that was seen.
#[derive(Default)]
struct Distance(Option<(usize, u64)>);

impl Distance {
    /// Whether moves are waited for and have come nearer than ever. Producers that write, and followers that fall behind
    /// again, add to what is left.
    fn falls(&mut self, waiting: &[Waiting]) -> bool {
        let now = waiting.iter().find_map(|waiting| match waiting {
            Waiting::Moving { partitions, left, .. } => Some((*partitions, *left)),
            _ => None,
        });
        let falls = now.is_some_and(|now| self.0.is_none_or(|least| now < least));
        // The next batch has a distance of its own.
        if falls || now.is_none() {
            self.0 = now;
        }
        falls
    }
}

/// What is waited for, on the timeline.
#[derive(Default)]
struct Waits(Vec<(Waiting, Mark)>);

impl Waits {
    /// What is not waited for any more has ended; what is new begins.
    fn follow(&mut self, now: &[Waiting], timeline: &Timeline) {
        self.0.retain(|(waiting, mark)| {
            let lasts = now.contains(waiting);
            if !lasts {
                timeline.end(*mark);
            }
            lasts
        });
        for waiting in now {
            if self.0.iter().all(|(known, _)| known != waiting) {
                self.0.push((waiting.clone(), timeline.wait(waiting.phase().name(), waiting.to_string())));
            }
        }
    }
}

impl<W: World> Work<'_, W> {
    fn begin(&mut self, step: Step) {
        self.numbers += 1;
        let number = self.numbers;
        self.events.send(Event::Started { step: number, phase: step.phase(), text: step.to_string() });
        let progress = StepProgress::new(number, self.events.clone());
        let world = Arc::clone(self.world);
        let name = step.clone();
        let mark = self.events.timeline().begin(step.phase().name(), step.to_string());
        let handle = self.under_way.spawn(async move {
            let result = world.apply(&step, &progress).await;
            (number, step, result)
        });
        self.doing.insert(name, (handle, mark));
    }

    /// No half actions: what was begun is finished, within reason, and its own failure adds nothing to the first.
    /// Pulls and builds take minutes and may be broken off anywhere: the engine keeps the layers it has.
    async fn finish(mut self, done: &mut Vec<Step>, given_up: &mut BTreeMap<String, Error>) {
        for (step, (handle, _)) in &self.doing {
            if matches!(step, Step::Pull { .. } | Step::Build { .. }) {
                handle.abort();
            }
        }
        if let Some(step) = self.doing.keys().find(|step| !matches!(step, Step::Pull { .. } | Step::Build { .. })) {
            self.events.send(Event::Note(format!("stopping, once this is done: {step} (Ctrl-C leaves at once)")));
        }
        let drain = async {
            while let Some(ended) = self.under_way.join_next().await {
                let _ = self.end(ended, done, given_up);
            }
        };
        // What takes longer hangs: it is let go.
        let _ = tokio::time::timeout(FINISH, drain).await;
    }

    fn end(&mut self, ended: Ended, done: &mut Vec<Step>, given_up: &mut BTreeMap<String, Error>) -> Result<()> {
        let (number, step, result) =
            ended.map_err(|error| Error::failed(format!("a step broke off: {error}")).source(error))?;
        if let Some((_, mark)) = self.doing.remove(&step) {
            self.events.timeline().end(mark);
        }
        match result {
            Ok(()) => {
                if step.is_kafkas() {
                    self.late = None;
                }
                self.events.send(Event::Done { step: number });
                done.push(step);
                Ok(())
            }
            // Kafka was too busy, or between two controllers. The next look shows whether the step is still due.
            Err(error) if step.is_kafkas() && error.kind == Kind::TimedOut && Instant::now() < self.deadline => {
                self.late = Some(error.to_string());
                self.events.send(Event::Late { step: number, why: error.to_string() });
                Ok(())
            }
            Err(error) => {
                self.events.send(Event::Failed { step: number });
                match step.app() {
                    Some(app) => {
                        given_up.insert(app.to_owned(), error);
                        Ok(())
                    }
                    None => Err(error),
                }
            }
        }
    }
}

fn interrupted(done: &[Step]) -> Error {
    let steps = match done.len() {
        0 => "nothing was changed".to_owned(),
        1 => "one step was taken".to_owned(),
        n => format!("{n} steps were taken"),
    };
    Error::new(Kind::Interrupted, format!("stopped on request: {steps}"))
        .hint("kdev up     (goes on from here)")
        .hint("kdev down   (takes away what is there; data stay)")
}

fn timed_out(timeout: Duration, waiting: &[Waiting]) -> Error {
    let mut error = Error::new(Kind::TimedOut, format!("not ready after {}", humantime::format_duration(timeout)))
        .details(waiting.iter().map(ToString::to_string));
    if let Some(Waiting::Silent(node) | Waiting::Lists { node, .. }) = waiting.first() {
        error = error.hint(format!("kdev logs {}", node.service()));
    }
    error.hint("kdev up --timeout 300s   (goes on from here)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_come_nearer_only_when_less_is_left_than_ever() {
        let mut distance = Distance::default();
        let moving = |partitions, left| vec![Waiting::Moving { partitions, to: BTreeSet::new(), left }];
        assert!(!distance.falls(&[]), "nothing is moved");
        assert!(distance.falls(&moving(4, 100)));
        assert!(!distance.falls(&moving(4, 120)), "somebody writes");
        assert!(!distance.falls(&moving(4, 110)), "it was nearer before");
        assert!(distance.falls(&moving(4, 90)));
        assert!(distance.falls(&moving(3, 500)), "a partition has arrived");
        assert!(!distance.falls(&[]) && distance.falls(&moving(8, 900)), "another batch");
    }
}
