//! Progress on a terminal: a live line per phase.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{joined, late, progress_text};
use crate::{
    event::{Event, Phase},
    ui::{error, pace::Pace},
};

/// Shows what happens, until all senders are gone. With `verbose`, errors come with their causes.
pub(super) async fn show(mut receiver: UnboundedReceiver<Event>, verbose: bool) {
    let mut lines = Lines::on(ProgressDrawTarget::stderr(), verbose);
    while let Some(event) = receiver.recv().await {
        lines.take(event);
    }
    lines.finish();
}

/// All lines, in the order of the phases.
struct Lines {
    multi: MultiProgress,
    lines: BTreeMap<Phase, Line>,
    phases: BTreeMap<u64, Phase>,
    pace: Pace,
    verbose: bool,
}

impl Lines {
    fn on(target: ProgressDrawTarget, verbose: bool) -> Self {
        Lines {
            multi: MultiProgress::with_draw_target(target),
            lines: BTreeMap::new(),
            phases: BTreeMap::new(),
            pace: Pace::default(),
            verbose,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Started { step, phase, text } => {
                self.phases.insert(step, phase);
                let line = self.line(phase);
                line.doing.insert(step, text);
                line.late = None;
                line.show(phase);
            }
            Event::Progressed { step, progress } => {
                self.of_step(step, |line| line.progress = Some(progress_text(&progress)));
            }
            Event::Done { step } => self.ended(step, false),
            Event::Failed { step } => self.ended(step, true),
            Event::Late { step, why } => self.of_step(step, |line| {
                line.doing.remove(&step);
                line.progress = None;
                line.late = Some(late(&why));
            }),
            Event::WaitsChanged => {
                for (&phase, line) in &mut self.lines {
                    // Only lines that waited: a finished one keeps its time.
                    if line.waiting.take().is_some() {
                        line.show(phase);
                    }
                }
            }
            Event::Waiting { phase, reason } => self.wait(phase, reason),
            Event::Left { phase, what, bytes } => {
                let text = self.pace.text(bytes, Instant::now());
                self.wait(phase, joined(what, &text));
            }
            Event::Note(text) => self.print(&text),
            Event::Trouble(error) => self.print(&error::render(&error, self.verbose)),
            Event::Warning(text) => {
                self.print(&format!("{} {text}", style("warning:").for_stderr().yellow().bold()));
            }
        }
    }

    fn wait(&mut self, phase: Phase, reason: String) {
        let line = self.line(phase);
        line.waiting = Some(reason);
        line.show(phase);
    }

    fn ended(&mut self, step: u64, failed: bool) {
        self.of_step(step, |line| {
            line.doing.remove(&step);
            line.progress = None;
            line.done += 1;
            line.failed |= failed;
        });
    }

    /// Changes the line of a step that was told of before.
    fn of_step(&mut self, step: u64, change: impl FnOnce(&mut Line)) {
        let Some(&phase) = self.phases.get(&step) else { return };
        let line = self.line(phase);
        change(line);
        line.show(phase);
    }

    fn print(&self, text: &str) {
        // A failing terminal loses a line of talk, nothing else.
        let _ = self.multi.println(text);
    }

    fn line(&mut self, phase: Phase) -> &mut Line {
        let position = self.lines.range(..phase).count();
        self.lines.entry(phase).or_insert_with(|| {
            let bar = self.multi.insert(position, ProgressBar::new_spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            Line::new(bar)
        })
    }

    fn finish(&mut self) {
        for (&phase, line) in &mut self.lines {
            (line.waiting, line.late) = (None, None);
            line.doing.clear();
            line.render(phase);
            line.bar.abandon();
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
    /// Why a step was not finished in time, until it is begun again.
    late: Option<String>,
    waiting: Option<String>,
    done: usize,
    failed: bool,
}

impl Line {
    fn new(bar: ProgressBar) -> Self {
        Line {
            bar,
            since: Instant::now(),
            last: Instant::now(),
            doing: BTreeMap::new(),
            progress: None,
            late: None,
            waiting: None,
            done: 0,
            failed: false,
        }
    }

    /// Something of it has changed.
    fn show(&mut self, phase: Phase) {
        self.last = Instant::now();
        self.render(phase);
    }

    fn render(&self, phase: Phase) {
        let (mark, text) = if self.failed {
            (style("✗").for_stderr().red().to_string(), "failed".to_owned())
        } else if let Some((_, last)) = self.doing.last_key_value() {
            let others = match self.doing.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            let progress = self.progress.as_ref().map(|text| format!("  {text}")).unwrap_or_default();
            ("{spinner}".to_owned(), format!("{last}{others}{progress}"))
        } else if let Some(reason) = self.late.as_ref().or(self.waiting.as_ref()) {
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

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::Lines;
    use crate::event::{Event, Phase};

    /// What the lines show, one below the other.
    fn shown(lines: &Lines) -> String {
        let texts = lines.lines.iter().map(|(phase, line)| format!("{}: {}", phase.name(), line.bar.message()));
        texts.collect::<Vec<_>>().join("\n")
    }

    fn waiting(phase: Phase, reason: &str) -> Event {
        Event::Waiting { phase, reason: reason.to_owned() }
    }

    #[test]
    fn a_line_does_not_go_on_waiting_for_what_has_come_about() {
        let mut lines = Lines::on(ProgressDrawTarget::hidden(), false);
        let text = "start kafka-2".to_owned();
        lines.take(Event::Started { step: 1, phase: Phase::Nodes, text });
        lines.take(Event::Done { step: 1 });
        lines.take(Event::WaitsChanged);
        lines.take(waiting(Phase::Nodes, "kafka-2 does not answer yet"));
        assert_eq!(shown(&lines), "nodes: kafka-2 does not answer yet");
        lines.take(Event::WaitsChanged);
        lines.take(waiting(Phase::Apps, "consumer has just started"));
        assert_eq!(shown(&lines), "nodes: 1 step\napps: consumer has just started");
        lines.take(Event::WaitsChanged);
        assert_eq!(shown(&lines), "nodes: 1 step\napps: ready");
    }
}
