//! What happens while kdev works, as data. Layer 0: `engine` and `ops` emit, only `ui` renders.

use crate::{error::Error, timeline::Timeline};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The parts of the work that a person follows, in the order in which they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Pulling, preparing and building images.
    Images,
    /// The project's network.
    Network,
    /// Volumes and containers of the Kafka nodes, until they are in sync.
    Nodes,
    /// Creating topics.
    Topics,
    /// Moving replicas from node to node.
    Replicas,
    /// The apps' containers.
    Apps,
    /// Removing containers, network, volumes and images.
    Clean,
}

impl Phase {
    /// One word, as shown.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Images => "images",
            Phase::Network => "network",
            Phase::Nodes => "nodes",
            Phase::Topics => "topics",
            Phase::Replicas => "replicas",
            Phase::Apps => "apps",
            Phase::Clean => "clean",
        }
    }
}

/// How far a step has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes received of the bytes announced so far (0 where nothing is announced yet).
    Bytes {
        /// Received.
        done: u64,
        /// Announced.
        total: u64,
    },
    /// Step `done` of `total` of a build, with its instruction.
    Steps {
        /// The step now running, from 1.
        done: u32,
        /// All steps.
        total: u32,
        /// The Dockerfile's instruction.
        text: String,
    },
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A step began. `step` identifies it until it ends.
    Started {
        /// Its number within this run.
        step: u64,
        /// The line it belongs to.
        phase: Phase,
        /// What it does, imperative: "start node kafka-1".
        text: String,
    },
    /// A step came further.
    Progressed {
        /// Its number.
        step: u64,
        /// How far.
        progress: Progress,
    },
    /// A step ended well.
    Done {
        /// Its number.
        step: u64,
    },
    /// A step failed; the error itself is returned, not sent.
    Failed {
        /// Its number.
        step: u64,
    },
    /// A step was not finished in time: whether it is taken again shows the next look.
    Late {
        /// Its number.
        step: u64,
        /// What did not answer, and for how long.
        why: String,
    },
    /// What is waited for has changed: only the reasons that are told of after this still hold.
    WaitsChanged,
    /// Nothing to do but wait, and why.
    Waiting {
        /// The line it belongs to.
        phase: Phase,
        /// Why: "kafka-2 does not answer yet".
        reason: String,
    },
    /// Something large is under way by itself.
    Left {
        /// The line it belongs to.
        phase: Phase,
        /// What: "moving 6 partitions, now to kafka-4".
        what: String,
        /// Bytes still to go.
        bytes: u64,
    },
    /// Worth saying, not wrong.
    Note(String),
    /// Wrong, but not so that work must stop.
    Warning(String),
    /// One of several errors; the last is returned, not sent.
    Trouble(Box<Error>),
}

/// Where events go. Cheap to clone; sending never blocks and never fails.
#[derive(Clone, Debug)]
pub struct Events {
    sender: UnboundedSender<Event>,
    timeline: Timeline,
}

impl Events {
    /// A new channel.
    pub fn channel() -> (Events, UnboundedReceiver<Event>) {
        Self::channel_with(Timeline::start())
    }

    /// A new channel for work whose times go on a timeline that was begun before.
    pub fn channel_with(timeline: Timeline) -> (Events, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        (Events { sender, timeline }, receiver)
    }

    /// Where the work's times are noted.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Sends an event; where nobody listens any more it is dropped.
    pub fn send(&self, event: Event) {
        // A closed receiver means that the face is gone: work goes on without an audience.
        let _ = self.sender.send(event);
    }
}

/// Reports the progress of one step.
#[derive(Clone, Debug)]
pub struct StepProgress {
    step: u64,
    events: Events,
}

impl StepProgress {
    /// For the step with this number.
    pub fn new(step: u64, events: Events) -> Self {
        StepProgress { step, events }
    }

    /// Says how far the step has come.
    pub fn report(&self, progress: Progress) {
        self.events.send(Event::Progressed { step: self.step, progress });
    }

    /// Where other events go.
    pub fn events(&self) -> &Events {
        &self.events
    }
}
