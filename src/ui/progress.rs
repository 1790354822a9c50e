//! Progress: on a terminal a live line per phase, otherwise a plain line per step.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinHandle};

use super::{Level, Ui, bytes, pace::Pace};
use crate::{
    event::{Event, Events, Phase, Progress},
    timeline::Timeline,
};

/// A reason to wait is said in plain lines only when it has lasted this long: a start has dozens of short ones.
const WORTH_SAYING: Duration = Duration::from_secs(3);

/// Shows events until their sender is gone.
pub struct Shown {
    events: Option<Events>,
    task: JoinHandle<()>,
}

impl Shown {
    /// Starts showing. The `Events` go to whoever works.
    pub fn start(ui: &Ui) -> Self {
        Self::start_with(ui, Timeline::start())
    }

    /// Starts showing; times go on a timeline that was begun before.
    pub fn start_with(ui: &Ui, timeline: Timeline) -> Self {
        let (events, receiver) = Events::channel_with(timeline);
        let ui = *ui;
        let task = if ui.level == Level::Quiet {
            tokio::spawn(quiet(ui, receiver))
        } else if ui.stderr_is_terminal {
            tokio::spawn(live(ui, receiver))
        } else {
            tokio::spawn(plain(ui, receiver))
        };
        Shown { events: Some(events), task }
    }

    /// Where to send events.
    pub fn events(&self) -> Events {
        // `events` is taken only by `finish`, which consumes self.
        self.events.clone().unwrap_or_else(|| Events::channel().0)
    }

    /// Waits until all that was sent is shown.
    pub async fn finish(mut self) {
        self.events = None;
        // The task ends when every sender is gone; a panic in it would only have cost lines of progress.
        let _ = self.task.await;
    }
}

async fn quiet(ui: Ui, mut receiver: UnboundedReceiver<Event>) {
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Warning(text) => ui.warning(&text),
            Event::Trouble(error) => ui.error(&error),
            _ => {}
        }
    }
}

async fn plain(ui: Ui, mut receiver: UnboundedReceiver<Event>) {
    let mut phases: BTreeMap<u64, Phase> = BTreeMap::new();
    let mut said: BTreeMap<u64, Instant> = BTreeMap::new();
    let mut waiting: Option<(String, Instant)> = None;
    let (mut pace, mut last_left) = (Pace::default(), None::<Instant>);
    let line = |phase: Phase, text: &str| ui.say(&format!(" • {:<8} {text}", phase.name()));
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Started { step, phase, text } => {
                phases.insert(step, phase);
                line(phase, &text);
                waiting = None;
            }
            Event::Progressed { step, progress } => {
                let due = said.get(&step).is_none_or(|last| last.elapsed() > WORTH_SAYING);
                let steps = matches!(progress, Progress::Steps { .. });
                if let Some(&phase) = phases.get(&step)
                    && (due || steps)
                {
                    said.insert(step, Instant::now());
                    line(phase, &progress_text(&progress));
                }
            }
            Event::Waiting { phase, reason } => {
                let since = match &waiting {
                    Some((last, since)) if last == &reason => *since,
                    _ => Instant::now(),
                };
                if since.elapsed() > WORTH_SAYING {
                    line(phase, &reason);
                }
                waiting = Some((reason, since));
            }
            Event::Left { phase, what, bytes } => {
                let (now, text) = (Instant::now(), pace.text(bytes, Instant::now()));
                if last_left.is_none_or(|last| now - last > WORTH_SAYING) {
                    last_left = Some(now);
                    line(phase, &joined(what, &text));
                }
            }
            Event::Late { step, why } => {
                let Some(&phase) = phases.get(&step) else { continue };
                line(phase, &late(&why));
            }
            Event::Note(text) => ui.say(&text),
            Event::Warning(text) => ui.warning(&text),
            Event::Trouble(error) => ui.error(&error),
            Event::Done { .. } | Event::Failed { .. } => {}
        }
    }
}

/// What one live line shows.
struct Line {
    bar: ProgressBar,
    since: Instant,
    /// When something of it last changed: a finished line keeps its time.
    last: Instant,
    doing: BTreeMap<u64, String>,
    progress: Option<String>,
    waiting: Option<String>,
    done: usize,
    failed: bool,
}

impl Line {
    fn show(&self, phase: Phase) {
        let (mark, text) = if self.failed {
            (style("✗").for_stderr().red().to_string(), "failed".to_owned())
        } else if let Some((_, last)) = self.doing.last_key_value() {
            let others = match self.doing.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            let progress = self.progress.as_ref().map(|text| format!("  {text}")).unwrap_or_default();
            ("{spinner}".to_owned(), format!("{last}{others}{progress}"))
        } else if let Some(reason) = &self.waiting {
            ("{spinner}".to_owned(), reason.clone())
        } else {
            (style("✓").for_stderr().green().to_string(), steps(self.done))
        };
        let template = format!(" {mark} {:<8} {{msg}} {}", phase.name(), style("{elapsed_precise}").for_stderr().dim());
        let template =
            template.replace("{elapsed_precise}", &format!("{:.1}s", (self.last - self.since).as_secs_f32()));
        if let Ok(with_template) = ProgressStyle::with_template(&template) {
            self.bar.set_style(with_template.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        self.bar.set_message(text);
    }
}

fn steps(done: usize) -> String {
    match done {
        0 => "ready".to_owned(),
        1 => "1 step".to_owned(),
        n => format!("{n} steps"),
    }
}

fn late(why: &str) -> String {
    format!("{why}; looking again")
}

async fn live(ui: Ui, mut receiver: UnboundedReceiver<Event>) {
    let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let mut lines: BTreeMap<Phase, Line> = BTreeMap::new();
    let mut phases: BTreeMap<u64, Phase> = BTreeMap::new();
    let mut pace = Pace::default();
    while let Some(event) = receiver.recv().await {
        let phase = match event {
            Event::Started { step, phase, text } => {
                phases.insert(step, phase);
                let line = line(&multi, &mut lines, phase);
                line.doing.insert(step, text);
                line.waiting = None;
                phase
            }
            Event::Progressed { step, progress } => {
                let Some(&phase) = phases.get(&step) else { continue };
                line(&multi, &mut lines, phase).progress = Some(progress_text(&progress));
                phase
            }
            Event::Done { step } | Event::Failed { step } => {
                let Some(&phase) = phases.get(&step) else { continue };
                let line = line(&multi, &mut lines, phase);
                line.doing.remove(&step);
                line.progress = None;
                line.done += 1;
                line.failed |= matches!(event, Event::Failed { .. });
                phase
            }
            Event::Late { step, why } => {
                let Some(&phase) = phases.get(&step) else { continue };
                let line = line(&multi, &mut lines, phase);
                line.doing.remove(&step);
                line.progress = None;
                line.waiting = Some(late(&why));
                phase
            }
            Event::Waiting { phase, reason } => {
                for other in lines.values_mut() {
                    other.waiting = None;
                }
                line(&multi, &mut lines, phase).waiting = Some(reason);
                phase
            }
            Event::Left { phase, what, bytes } => {
                let text = pace.text(bytes, Instant::now());
                line(&multi, &mut lines, phase).waiting = Some(joined(what, &text));
                phase
            }
            Event::Note(text) => {
                // A failing terminal loses a line of talk, nothing else.
                let _ = multi.println(text);
                continue;
            }
            Event::Trouble(error) => {
                let _ = multi.println(super::error::render(&error, ui.level == Level::Verbose));
                continue;
            }
            Event::Warning(text) => {
                let _ = multi.println(format!("{} {text}", style("warning:").for_stderr().yellow().bold()));
                continue;
            }
        };
        if let Some(line) = lines.get_mut(&phase) {
            line.last = Instant::now();
            line.show(phase);
        }
    }
    for (&phase, line) in &mut lines {
        line.waiting = None;
        line.doing.clear();
        line.show(phase);
        line.bar.abandon();
    }
}

fn line<'a>(multi: &MultiProgress, lines: &'a mut BTreeMap<Phase, Line>, phase: Phase) -> &'a mut Line {
    let position = lines.range(..phase).count();
    lines.entry(phase).or_insert_with(|| {
        let bar = multi.insert(position, ProgressBar::new_spinner());
        bar.enable_steady_tick(Duration::from_millis(100));
        Line {
            bar,
            since: Instant::now(),
            last: Instant::now(),
            doing: BTreeMap::new(),
            progress: None,
            waiting: None,
            done: 0,
            failed: false,
        }
    })
}

fn joined(what: String, far: &str) -> String {
    if far.is_empty() { what } else { format!("{what}: {far}") }
}

fn progress_text(progress: &Progress) -> String {
    match progress {
        Progress::Bytes { done, total: 0 } => bytes(*done),
        Progress::Bytes { done, total } => format!("{} of {}", bytes(*done), bytes(*total)),
        Progress::Steps { done, total, text } => format!("{done}/{total} {text}"),
    }
}
