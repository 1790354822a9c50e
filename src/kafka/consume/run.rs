//! The work of `consume`: which offsets to read, as a member of a group or alone.

use std::io::{self, ErrorKind};

use jiff::{Timestamp, tz::TimeZone};
use tokio_util::sync::CancellationToken;

use super::{
    Filter, Position,
    range::{Progress, after, is_beyond, is_outside, nearest},
    reading::Reading,
    tail,
    trouble::out_of_range,
};
use crate::{
    error::{Error, Result},
    kafka::{
        Target,
        native::{Extent, Feed, extents, find, offsets_at},
        record::{Owned, Record},
    },
};

/// All that `consume` needs to know.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Where from.
    pub target: &'a Target,
    /// The first record.
    pub from: Position,
    /// Where to end; `None` follows.
    pub to: Option<Position>,
    /// These partitions; none for all.
    pub partitions: Vec<i32>,
    /// As a member of this group.
    pub group: Option<String>,
    /// At most so many records are shown.
    pub limit: Option<u64>,
    /// Which records are shown.
    pub filter: Filter,
}

/// Something to tell while reading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// No partition has a record of that time (ms since 1970) or later.
    NothingSince(i64),
    /// No broker answers; it is tried on.
    Waiting(String),
    /// A broker answers again.
    Back,
}

/// Who shows the records.
pub trait Sink {
    /// Shows a record.
    ///
    /// # Errors
    /// It cannot be written. A broken pipe ends reading quietly.
    fn record(&mut self, record: &impl Record) -> io::Result<()>;

    /// Nothing more has come for now, or what was shown must be out: writes what is buffered.
    ///
    /// # Errors
    /// As [`Sink::record`].
    fn flush(&mut self) -> io::Result<()>;

    /// Whether nobody can read any more, found out without writing.
    fn is_closed(&self) -> bool;

    /// Tells something that is no record.
    fn note(&mut self, note: Note);
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The end, or the limit, was reached.
    Complete,
    /// Ctrl-C.
    Stopped,
    /// Nobody reads the output any more.
    Closed,
}

/// Why reading cannot go on.
#[derive(Debug)]
pub enum Halt {
    /// Nobody reads the output any more.
    Closed,
    /// It failed.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Failed(error)
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Halt::Closed,
            _ => Error::failed(format!("cannot write the records: {error}")).source(error).into(),
        }
    }
}

/// Reads a topic as requested. Blocks; not for async threads.
///
/// # Errors
/// No broker answers; no such topic or partition; an offset that no partition has; a bounded read that gets
/// nothing for 30 s; the output cannot be written.
pub fn consume(request: &Request<'_>, sink: &mut impl Sink, stop: &CancellationToken) -> Result<Ending> {
    let target = request.target;
    let reset = if request.from == Position::End { "latest" } else { "earliest" };
    let group = request.group.as_deref().map(|name| (name, reset));
    let bounded = request.to.is_some() || matches!(request.from, Position::Last(_));
    let connection = Feed::connect(&target.bootstrap, group, bounded)?;
    let topic = find(&connection, target)?;
    for &partition in &request.partitions {
        topic.check(partition)?;
    }
    let mut partitions = request.partitions.clone();
    if partitions.is_empty() {
        partitions = topic.all();
    }
    partitions.sort_unstable();
    partitions.dedup();
    let feed = Feed::new(connection, &topic)?;
    let (filter, limit) = (&request.filter, request.limit);
    let is_member = request.group.is_some();
    let mut reading = Reading::new(feed, topic, filter, limit, is_member, sink, stop);
    let ended = match is_member {
        true => as_member(&mut reading, request, &partitions),
        false => alone(&mut reading, request, &partitions),
    };
    match ended {
        Ok(ending) => Ok(ending),
        Err(Halt::Closed) => Ok(Ending::Closed),
        Err(Halt::Failed(error)) => {
            // What was read before is shown all the same; if that fails too, the first error is the one to tell.
            let _ = reading.sink.flush();
            Err(error)
        }
    }
}

/// Reads what the group gives this member.
fn as_member<S: Sink>(reading: &mut Reading<'_, S>, request: &Request<'_>, partitions: &[i32]) -> Result<Ending, Halt> {
    let mut progress = None;
    if let Some(to) = request.to {
        let extents = extents(reading.feed.connection(), &reading.topic, partitions)?;
        let ends = places(reading, to, &extents)?;
        progress = Some(Progress::new(partitions.iter().copied().zip(ends)));
    }
    reading.feed.subscribe()?;
    reading.go_on(progress, |progress, feed| {
        let mine = feed.assignment();
        let open = progress.open();
        !mine.is_empty() && mine.iter().all(|partition| !open.contains(partition))
    })
}

/// Reads chosen offsets.
fn alone<S: Sink>(reading: &mut Reading<'_, S>, request: &Request<'_>, partitions: &[i32]) -> Result<Ending, Halt> {
    let extents = extents(reading.feed.connection(), &reading.topic, partitions)?;
    let ends = request.to.map(|to| places(reading, to, &extents)).transpose()?;
    if let Position::Last(count) = request.from {
        let last = tail::last(&mut reading.feed, &reading.topic, &extents, count, reading.stop)?;
        let mut progress = ends.as_ref().map(|ends| both(partitions, ends)).map(Progress::new);
        for record in &last {
            if progress.as_ref().is_none_or(|p| p.wants(record.partition, record.offset)) {
                reading.show(record)?;
            }
        }
        // The last records come in the order of time, and nothing before the present end follows them.
        match &mut progress {
            Some(progress) => *progress = Progress::new([]),
            None => reading.feed.start(extents.iter().map(|e| (e.partition, e.end)))?,
        }
        return reading.go_on(progress, |progress, _| progress.open().is_empty());
    }
    let starts = starts(reading, request.from, &extents)?;
    let wanted = |i: usize| ends.as_ref().is_none_or(|ends| starts[i] < ends[i]);
    let chosen: Vec<usize> = (0..partitions.len()).filter(|&i| wanted(i)).collect();
    reading.feed.start(chosen.iter().map(|&i| (partitions[i], starts[i])))?;
    let progress = ends.as_ref().map(|ends| Progress::new(chosen.iter().map(|&i| (partitions[i], ends[i]))));
    reading.go_on(progress, |progress, _| progress.open().is_empty())
}

fn both(partitions: &[i32], offsets: &[i64]) -> Vec<(i32, i64)> {
    partitions.iter().copied().zip(offsets.iter().copied()).collect()
}

/// Where to start in each partition.
fn starts<S: Sink>(reading: &mut Reading<'_, S>, from: Position, extents: &[Extent]) -> Result<Vec<i64>, Halt> {
    let topic = &reading.topic;
    match from {
        Position::Skip(count) if is_beyond(extents, count) => {
            Err(out_of_range(topic, extents, &format!("+{count}")).into())
        }
        Position::Offset(offset) if is_outside(extents, offset) => {
            Err(out_of_range(topic, extents, &format!("offset {offset}")).into())
        }
        from => places(reading, from, extents),
    }
}

/// Which offset `position` is in each partition.
fn places<S: Sink>(reading: &mut Reading<'_, S>, position: Position, extents: &[Extent]) -> Result<Vec<i64>, Halt> {
    Ok(match position {
        Position::Start => extents.iter().map(|extent| extent.start).collect(),
        Position::End => extents.iter().map(|extent| extent.end).collect(),
        Position::Skip(count) => extents.iter().map(|extent| after(extent, count)).collect(),
        Position::Offset(offset) => extents.iter().map(|extent| nearest(extent, offset)).collect(),
        Position::At(moment) => {
            let time = moment
                .millis(Timestamp::now(), &TimeZone::system())
                .map_err(|reason| Error::usage(format!("there is no such time here: {reason}")))?;
            let partitions: Vec<i32> = extents.iter().map(|extent| extent.partition).collect();
            let found = offsets_at(reading.feed.connection(), &reading.topic, &partitions, time)?;
            if found.iter().all(Option::is_none) {
                reading.sink.note(Note::NothingSince(time));
            }
            let place = |(offset, extent): (Option<i64>, &Extent)| {
                offset.map_or(extent.end, |offset| offset.clamp(extent.start, extent.end))
            };
            found.into_iter().zip(extents).map(place).collect()
        }
        Position::Last(count) => {
            let last = tail::last(&mut reading.feed, &reading.topic, extents, count, reading.stop)?;
            let first = |extent: &Extent| {
                let of_it = |record: &&Owned| record.partition == extent.partition;
                last.iter().filter(of_it).map(|record| record.offset).min().unwrap_or(extent.end)
            };
            extents.iter().map(first).collect()
        }
    })
}
