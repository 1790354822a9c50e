//! Progress: on a terminal a live line per phase, otherwise a plain line per step.

mod plain;
mod terminal;

use tokio::{sync::mpsc::UnboundedReceiver, task::JoinHandle};

use super::{Level, Ui, bytes};
use crate::{
    event::{Event, Events, Progress},
    timeline::Timeline,
};

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
        let verbose = ui.level == Level::Verbose;
        let task = if ui.level == Level::Quiet {
            tokio::spawn(quiet(ui, receiver))
        } else if ui.stderr_is_terminal {
            tokio::spawn(terminal::show(receiver, verbose))
        } else {
            tokio::spawn(plain::show(receiver, verbose, move |text| ui.say(text)))
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

fn late(why: &str) -> String {
    format!("{why}; looking again")
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
