//! Progress where nobody watches: a line a step, and a line for what is waited for long.

use std::{collections::BTreeMap, mem, time::Duration};

use console::style;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};

use super::{joined, late, progress_text};
use crate::{
    event::{Event, Phase, Progress},
    ui::{error, pace::Pace},
};

/// A reason to wait is said in plain lines only when it has lasted this long: a start has dozens of short ones.
const WORTH_SAYING: Duration = Duration::from_secs(3);

/// Says what happens, until all senders are gone. With `verbose`, errors come with their causes.
pub(super) async fn show(mut receiver: UnboundedReceiver<Event>, verbose: bool, say: impl Fn(&str)) {
    let mut steps: BTreeMap<u64, (Phase, String)> = BTreeMap::new();
    let mut said: BTreeMap<u64, Instant> = BTreeMap::new();
    let mut waits = Waits::default();
    let (mut pace, mut last_left) = (Pace::default(), None::<Instant>);
    let line = |phase: Phase, text: &str| say(&format!(" • {:<8} {text}", phase.name()));
    loop {
        let due = waits.next_due();
        let event = tokio::select! {
            biased;
            event = receiver.recv() => event,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                for (phase, reason) in waits.take_due(Instant::now()) {
                    line(phase, &reason);
                }
                continue;
            }
        };
        let Some(event) = event else { return };
        match event {
            Event::Started { step, phase, text } => {
                line(phase, &text);
                steps.insert(step, (phase, text));
            }
            Event::Progressed { step, progress } => {
                let due = said.get(&step).is_none_or(|last| last.elapsed() > WORTH_SAYING);
                let is_of_build = matches!(progress, Progress::Steps { .. });
                if let Some((phase, doing)) = steps.get(&step)
                    && (due || is_of_build)
                {
                    said.insert(step, Instant::now());
                    // Several are under way at once: each line says whose it is.
                    line(*phase, &format!("{doing}: {}", progress_text(&progress)));
                }
            }
            Event::WaitsChanged => waits.begin_anew(),
            Event::Waiting { phase, reason } => waits.note(phase, reason, Instant::now()),
            Event::Left { phase, what, bytes } => {
                let (now, text) = (Instant::now(), pace.text(bytes, std::time::Instant::now()));
                if last_left.is_none_or(|last| now - last > WORTH_SAYING) {
                    last_left = Some(now);
                    line(phase, &joined(what, &text));
                }
            }
            Event::Late { step, why } => {
                let Some((phase, _)) = steps.get(&step) else { continue };
                line(*phase, &late(&why));
            }
            Event::Note(text) => say(&text),
            Event::Warning(text) => say(&format!("{} {text}", style("warning:").for_stderr().yellow().bold())),
            Event::Trouble(error) => say(&error::render(&error, verbose)),
            Event::Done { .. } | Event::Failed { .. } => {}
        }
    }
}

/// What is waited for now, and since when.
#[derive(Default)]
struct Waits {
    now: Vec<Wait>,
    /// What was waited for until the list changed: what is told of again goes on, and does not begin anew.
    before: Vec<Wait>,
}

struct Wait {
    phase: Phase,
    reason: String,
    since: Instant,
    is_said: bool,
}

impl Waits {
    fn begin_anew(&mut self) {
        self.before = mem::take(&mut self.now);
    }

    fn note(&mut self, phase: Phase, reason: String, now: Instant) {
        let known = self.before.iter().position(|wait| wait.phase == phase && wait.reason == reason);
        self.now.push(match known {
            Some(place) => self.before.swap_remove(place),
            None => Wait { phase, reason, since: now, is_said: false },
        });
    }

    /// When the next reason will have lasted long enough to be said.
    fn next_due(&self) -> Option<Instant> {
        self.now.iter().filter(|wait| !wait.is_said).map(|wait| wait.since + WORTH_SAYING).min()
    }

    /// The reasons to be said now, each once.
    fn take_due(&mut self, now: Instant) -> Vec<(Phase, String)> {
        let due = self.now.iter_mut().filter(|wait| !wait.is_said && wait.since + WORTH_SAYING <= now);
        due.map(|wait| {
            wait.is_said = true;
            (wait.phase, wait.reason.clone())
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use tokio::{
        task::LocalSet,
        time::{Duration, sleep},
    };

    use super::show;
    use crate::event::{Event, Events, Phase, Progress};

    /// What is said while `happens` sends events, as one text.
    async fn said(happens: impl AsyncFnOnce(&Events)) -> String {
        let (events, receiver) = Events::channel();
        let lines = Rc::new(RefCell::new(Vec::new()));
        let written = Rc::clone(&lines);
        LocalSet::new()
            .run_until(async move {
                let shown = tokio::task::spawn_local(show(receiver, false, move |text: &str| {
                    written.borrow_mut().push(text.to_owned());
                }));
                happens(&events).await;
                drop(events);
                shown.await.unwrap();
            })
            .await;
        lines.take().join("\n")
    }

    fn waiting(events: &Events, reasons: &[&str]) {
        events.send(Event::WaitsChanged);
        for reason in reasons {
            events.send(Event::Waiting { phase: Phase::Nodes, reason: (*reason).to_owned() });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_wait_is_said_once_though_nothing_else_happens() {
        let said = said(async |events| {
            waiting(events, &["kafka-2 does not answer yet"]);
            sleep(Duration::from_secs(100)).await;
        })
        .await;
        insta::assert_snapshot!(said, @" • nodes    kafka-2 does not answer yet");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_is_counted_from_its_beginning_while_the_list_changes() {
        let said = said(async |events| {
            waiting(events, &["kafka-2 does not answer yet"]);
            sleep(Duration::from_secs(2)).await;
            waiting(events, &["kafka-3 does not answer yet", "kafka-2 does not answer yet"]);
            sleep(Duration::from_secs(2)).await;
            waiting(events, &["kafka-2 does not answer yet"]);
            sleep(Duration::from_secs(100)).await;
        })
        .await;
        insta::assert_snapshot!(said, @" • nodes    kafka-2 does not answer yet");
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_builds_each_line_says_whose_it_is() {
        let said = said(async |events| {
            for (step, app) in [(1, "producer"), (2, "consumer")] {
                let text = format!("build image of {app}");
                events.send(Event::Started { step, phase: Phase::Images, text });
            }
            for step in [1, 2] {
                let text = "ARG PYTHON_IMAGE".to_owned();
                events.send(Event::Progressed { step, progress: Progress::Steps { done: 1, total: 18, text } });
            }
        })
        .await;
        insta::assert_snapshot!(said, @r"
         • images   build image of producer
         • images   build image of consumer
         • images   build image of producer: 1/18 ARG PYTHON_IMAGE
         • images   build image of consumer: 1/18 ARG PYTHON_IMAGE
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_wait_is_not_said() {
        let said = said(async |events| {
            waiting(events, &["kafka-2 does not answer yet"]);
            sleep(Duration::from_secs(2)).await;
            waiting(events, &[]);
            sleep(Duration::from_secs(100)).await;
        })
        .await;
        assert_eq!(said, "");
    }
}
