//! Showing what comes in, to the end or on and on.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{
    Filter, Note, Sink,
    range::Progress,
    run::{Ending, Halt},
    trouble::{STALL, is_lasting, stalled},
};
use crate::{
    error::Error,
    kafka::{
        native::{Arrival, Feed, Topic},
        record::Record,
    },
};

/// How often the stop signal is looked at while nothing comes.
pub const TICK: Duration = Duration::from_millis(100);

/// One reading of a topic.
pub struct Reading<'a, S> {
    /// Where records come from.
    pub feed: Feed,
    /// The topic.
    pub topic: Topic,
    /// Who shows them.
    pub sink: &'a mut S,
    /// Ctrl-C.
    pub stop: &'a CancellationToken,
    filter: &'a Filter,
    limit: Option<u64>,
    shown: u64,
    is_member: bool,
    /// Whether it was told that no broker answers.
    is_waiting: bool,
    /// Of each partition the offset after the last that was dealt with, since it was last marked.
    dealt_with: Vec<(i32, i64)>,
}

impl<'a, S: Sink> Reading<'a, S> {
    /// A reading that has shown nothing yet.
    pub fn new(
        feed: Feed,
        topic: Topic,
        filter: &'a Filter,
        limit: Option<u64>,
        is_member: bool,
        sink: &'a mut S,
        stop: &'a CancellationToken,
    ) -> Self {
        Reading {
            feed,
            topic,
            sink,
            stop,
            filter,
            limit,
            shown: 0,
            is_member,
            is_waiting: false,
            dealt_with: Vec::new(),
        }
    }

    /// Shows a record, if it is one to show and the limit allows.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn show(&mut self, record: &impl Record) -> Result<(), Halt> {
        if !self.is_full() && self.filter.matches(record) {
            self.sink.record(record)?;
            self.shown += 1;
        }
        Ok(())
    }

    /// Shows what comes, until `is_done` says so of the progress (where there is one: else it follows), or the
    /// limit is reached, or it is stopped.
    ///
    /// # Errors
    /// Nothing comes for 30 s though there is an end to reach; the topic cannot be read; the output not written.
    pub fn go_on(
        &mut self,
        mut progress: Option<Progress>,
        is_done: impl Fn(&Progress, &Feed) -> bool,
    ) -> Result<Ending, Halt> {
        let mut last_sign = Instant::now();
        let mut is_complete = progress.as_ref().is_some_and(|progress| is_done(progress, &self.feed));
        while !is_complete && !self.is_full() && !self.stop.is_cancelled() {
            if self.take(Duration::ZERO, &mut progress)? {
                last_sign = Instant::now();
                // Asking a group for its assignment takes longer than a batch.
                is_complete = progress.as_ref().is_some_and(|p| p.open().is_empty() && is_done(p, &self.feed));
                continue;
            }
            self.idle()?;
            if let Some(progress) = &mut progress {
                catch_up(&self.feed, progress);
                is_complete = is_done(progress, &self.feed);
                if !is_complete && last_sign.elapsed() > STALL {
                    return Err(stalled(&self.feed, &self.topic, progress).into());
                }
            }
            if !is_complete && self.take(TICK, &mut progress)? {
                last_sign = Instant::now();
            }
        }
        self.sink.flush()?;
        self.mark();
        Ok(if self.stop.is_cancelled() && !is_complete { Ending::Stopped } else { Ending::Complete })
    }

    /// Takes and shows one batch. Returns whether anything came.
    fn take(&mut self, wait: Duration, progress: &mut Option<Progress>) -> Result<bool, Halt> {
        let Reading { feed, topic, sink, filter, limit, shown, dealt_with, .. } = self;
        let mut ended = Vec::new();
        let mut signs = 0;
        let batch = feed.next(wait);
        for arrival in batch.arrivals() {
            match arrival {
                Arrival::Record(record) => {
                    signs += 1;
                    let (partition, offset) = (record.partition(), record.offset());
                    if progress.as_ref().is_none_or(|p| p.wants(partition, offset)) {
                        if filter.matches(&record) {
                            sink.record(&record)?;
                            *shown += 1;
                        }
                        deal_with(dealt_with, partition, offset + 1);
                    }
                    if progress.as_mut().is_some_and(|p| p.passed(partition, offset + 1)) {
                        ended.push(partition);
                    }
                    if limit.is_some_and(|limit| *shown >= limit) {
                        break;
                    }
                }
                Arrival::End { partition, offset } => {
                    signs += 1;
                    if let Some(progress) = progress {
                        progress.passed(partition, offset);
                    }
                }
                // librdkafka tries on by itself, and a lost connection is told another way.
                Arrival::Trouble(code, _) if !is_lasting(code) => {}
                Arrival::Trouble(_, text) => {
                    let error = Error::failed(format!("the topic {} cannot be read: {text}", topic.name));
                    return Err(error.into());
                }
            }
        }
        drop(batch);
        if !self.is_member {
            for partition in ended {
                self.feed.stop(partition);
            }
        } else if signs > 0 {
            self.sink.flush()?;
            self.mark();
        }
        if signs > 0 && std::mem::take(&mut self.is_waiting) {
            self.feed.connection().link().is_up();
            self.sink.note(Note::Back);
        }
        Ok(signs > 0)
    }

    fn idle(&mut self) -> Result<(), Halt> {
        self.sink.flush()?;
        if self.sink.is_closed() {
            return Err(Halt::Closed);
        }
        let link = self.feed.connection().link();
        if link.is_down() && !self.is_waiting {
            self.is_waiting = true;
            self.sink.note(Note::Waiting(link.last_trouble().unwrap_or_default()));
        }
        Ok(())
    }

    /// In a group: what has been written out may be committed.
    fn mark(&mut self) {
        if self.is_member && !self.dealt_with.is_empty() {
            self.feed.processed(self.dealt_with.drain(..));
        }
    }

    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.shown >= limit)
    }
}

/// Where offsets without records end a partition, only the position tells.
pub fn catch_up(feed: &Feed, progress: &mut Progress) {
    let open = progress.open();
    for (&partition, position) in open.iter().zip(feed.positions(&open)) {
        if let Some(position) = position {
            progress.passed(partition, position);
        }
    }
}

fn deal_with(dealt_with: &mut Vec<(i32, i64)>, partition: i32, next: i64) {
    match dealt_with.iter_mut().find(|(other, _)| *other == partition) {
        Some(entry) => entry.1 = next,
        None => dealt_with.push((partition, next)),
    }
}
