//! Handing records over, and waiting for what became of them.

use std::{
    borrow::Cow,
    io,
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use rdkafka::types::RDKafkaErrorCode;
use tokio_util::sync::CancellationToken;

use super::{
    Extras,
    chunks::{Chunk, Chunks},
    generate::Generated,
    outcome::{BadLine, Ending, Failure, Outcome},
    shape::{Shape, Shaped},
};
use crate::kafka::{
    native::{Item, Landing, Outbox, Stopped, Topic},
    rate::Pace,
    record::{Decoded, SentHeader},
};

/// How often the stop signal is looked at while nothing else happens.
const TICK: Duration = Duration::from_millis(100);

/// How long open records are waited for after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// How many made-up records are handed over at once.
const GENERATED_AT_ONCE: u64 = 2048;

/// What a terminal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The next line can be typed.
    Ready,
    /// The line's record landed there.
    Landed(Landing),
    /// It failed; the reason comes with the outcome.
    Failed,
}

/// Sends a source's records, in their order.
pub struct Sender<'a> {
    /// Where to.
    pub outbox: Outbox,
    /// The topic of the outbox.
    pub topic: Topic,
    /// The largest batch, and so the largest record, that the topic takes, where it is known.
    pub limit: Option<usize>,
    /// Records of more bytes than this are not even tried.
    pub refused_over: Option<usize>,
    /// What each record gets in addition.
    pub extras: Extras,
    /// Who is told of each record, which then is waited for.
    pub each: Option<&'a mut dyn FnMut(Answer) -> io::Result<()>>,
    /// How many records were acknowledged at the last answer.
    pub answered: u64,
    /// Keeps to a rate, if one is set.
    pub pace: Option<Pace>,
    /// Ctrl-C.
    pub stop: &'a CancellationToken,
}

impl Sender<'_> {
    /// Sends the records of all lines, up to the first that is none.
    ///
    /// # Errors
    /// Stopped.
    pub fn lines(&mut self, chunks: Chunks, shape: &Shape) -> Result<Ending, Stopped> {
        self.answer(Answer::Ready);
        loop {
            match chunks.receiver().recv_timeout(TICK) {
                Ok(Ok(chunk)) => {
                    if let Some(bad) = self.chunk(&chunk, shape)? {
                        return Ok(Ending::BadLine(bad));
                    }
                    chunks.done_with(chunk);
                }
                Ok(Err(error)) => return Ok(Ending::Unreadable(error)),
                Err(RecvTimeoutError::Timeout) => self.outbox.connection().poll(Duration::ZERO),
                Err(RecvTimeoutError::Disconnected) => return Ok(Ending::Complete),
            }
            if self.is_failing() {
                return Ok(Ending::Failing);
            }
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
        }
    }

    /// Sends a chunk's records up to the first bad line.
    fn chunk(&mut self, chunk: &Chunk, shape: &Shape) -> Result<Option<BadLine>, Stopped> {
        let mut waiting: Vec<Item<'_>> = Vec::new();
        for (line, bytes) in chunk.lines() {
            match shape.read(line, bytes) {
                Ok(Shaped::Plain(item)) if self.is_too_large(&item) => {
                    self.refuse(&item);
                    self.answer_for_one();
                }
                Ok(Shaped::Plain(item)) if self.each.is_none() => waiting.push(item),
                Ok(Shaped::Plain(item)) => {
                    self.plain(&[item])?;
                    self.answer_for_one();
                }
                Ok(Shaped::Full(record)) => {
                    self.full(line, &record)?;
                    self.answer_for_one();
                }
                Ok(Shaped::Nothing) => self.answer(Answer::Ready),
                Err(reason) => {
                    self.plain(&waiting)?;
                    return Ok(Some(BadLine { line, reason }));
                }
            }
        }
        self.plain(&waiting)?;
        Ok(None)
    }

    /// Waits until the next record is due. Reports are served meanwhile.
    fn wait_for_its_time(&mut self) -> Result<(), Stopped> {
        let Some(pace) = &mut self.pace else { return Ok(()) };
        while let Err(early) = pace.take(Instant::now()) {
            let connection = self.outbox.connection();
            // librdkafka counts in milliseconds, and takes less for "do not wait".
            connection.poll(early.clamp(Duration::from_millis(1), TICK));
            let failing = || connection.link().deliveries.failures().iter().any(|f| !concerns_one(f.code));
            if self.stop.is_cancelled() || failing() {
                return Err(Stopped);
            }
        }
        Ok(())
    }

    /// Sends records of key and value alone: one by one at their times where there is a rate to keep to.
    fn plain(&mut self, items: &[Item<'_>]) -> Result<(), Stopped> {
        if self.pace.is_none() {
            return self.together(items);
        }
        for item in items {
            self.wait_for_its_time()?;
            self.together(std::slice::from_ref(item))?;
        }
        Ok(())
    }

    /// Sends records of key and value alone, by batches unless they get something in addition.
    fn together(&mut self, items: &[Item<'_>]) -> Result<(), Stopped> {
        let Extras { partition, timestamp, ref headers } = self.extras;
        if timestamp.is_none() && headers.is_empty() {
            return self.outbox.send_all(items, partition, self.stop);
        }
        let headers = borrowed(headers);
        for item in items {
            self.outbox.send(item, partition, timestamp, &headers, self.stop)?;
            self.outbox.connection().poll(Duration::ZERO);
        }
        Ok(())
    }

    fn full(&mut self, line: u64, record: &Decoded<'_>) -> Result<(), Stopped> {
        let item = Item { key: record.key.as_deref(), value: record.value.as_deref(), line };
        if self.is_too_large(&item) {
            self.refuse(&item);
            return Ok(());
        }
        let partition = self.extras.partition.or(record.partition);
        if partition.is_some_and(|partition| partition >= self.topic.partitions) {
            let deliveries = &self.outbox.connection().link().deliveries;
            deliveries.failed(line, item.size(), RDKafkaErrorCode::UnknownPartition);
            return Ok(());
        }
        self.wait_for_its_time()?;
        let timestamp = self.extras.timestamp.or(record.timestamp);
        let sent = if self.extras.headers.is_empty() {
            self.outbox.send(&item, partition, timestamp, &record.headers, self.stop)
        } else {
            let mut headers: Vec<SentHeader<'_>> = record.headers.clone();
            headers.extend(borrowed(&self.extras.headers));
            self.outbox.send(&item, partition, timestamp, &headers, self.stop)
        };
        self.outbox.connection().poll(Duration::ZERO);
        sent
    }

    fn is_too_large(&self, item: &Item<'_>) -> bool {
        self.refused_over.is_some_and(|limit| item.size() > limit)
    }

    fn refuse(&self, item: &Item<'_>) {
        let deliveries = &self.outbox.connection().link().deliveries;
        deliveries.failed(item.line, item.size(), RDKafkaErrorCode::MessageSizeTooLarge);
    }

    /// Sends one record.
    ///
    /// # Errors
    /// Stopped.
    pub fn one(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Ending, Stopped> {
        let item = Item { key, value, line: 1 };
        if self.is_too_large(&item) {
            self.refuse(&item);
        } else {
            self.plain(&[item])?;
        }
        Ok(Ending::Complete)
    }

    /// Sends made-up records.
    ///
    /// # Errors
    /// Stopped.
    pub fn generated(&mut self, count: u64, size: usize) -> Result<Ending, Stopped> {
        let generated = Generated::new(size);
        let mut next = 0;
        while next < count {
            let numbers = next..count.min(next + GENERATED_AT_ONCE);
            next = numbers.end;
            let items: Vec<Item<'_>> =
                numbers.map(|n| Item { key: None, value: Some(generated.value(n)), line: n + 1 }).collect();
            if self.refused_over.is_some_and(|limit| size > limit) {
                items.iter().for_each(|item| self.refuse(item));
            } else {
                self.plain(&items)?;
            }
            if self.is_failing() {
                return Ok(Ending::Failing);
            }
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
        }
        Ok(Ending::Complete)
    }

    /// On a terminal: waits for the record just sent, and answers.
    fn answer_for_one(&mut self) {
        if self.each.is_none() {
            return;
        }
        self.outbox.flush(TICK);
        while self.outbox.wait(TICK) && !self.stop.is_cancelled() {}
        let deliveries = &self.outbox.connection().link().deliveries;
        let records = deliveries.records();
        let answer = match deliveries.landing() {
            Some(landing) if records > self.answered => Answer::Landed(landing),
            _ => Answer::Failed,
        };
        self.answered = records;
        self.answer(answer);
        self.answer(Answer::Ready);
    }

    fn answer(&mut self, answer: Answer) {
        // A terminal that has gone does not keep records from being sent.
        if let Some(each) = &mut self.each
            && each(answer).is_err()
        {
            self.each = None;
        }
    }

    fn is_failing(&self) -> bool {
        self.outbox.connection().link().deliveries.failures().iter().any(|f| !concerns_one(f.code))
    }

    /// Waits for the open records. Each ends within its timeout; the rest of the time is for the report to come.
    pub fn settle(&mut self, timeout: Duration, interrupted: bool) {
        let patience = if interrupted { GRACE } else { timeout + GRACE };
        let mut deadline = Instant::now() + patience;
        let mut stopped = interrupted;
        self.outbox.flush(TICK);
        while self.outbox.wait(TICK) && Instant::now() < deadline {
            if !stopped && self.stop.is_cancelled() {
                stopped = true;
                deadline = deadline.min(Instant::now() + GRACE);
            }
        }
    }

    /// The account.
    pub fn outcome(self, elapsed: Duration, ending: Ending) -> Outcome {
        let link = self.outbox.connection().link();
        let failures: Vec<Failure> = link.deliveries.failures().into_iter().map(Into::into).collect();
        let unknown = self.outbox.open();
        let trouble = if failures.is_empty() && unknown == 0 { None } else { link.last_trouble() };
        Outcome {
            records: link.deliveries.records(),
            bytes: link.deliveries.bytes(),
            elapsed,
            landing: link.deliveries.landing(),
            failures,
            unknown,
            partitions: self.topic.partitions,
            limit: self.limit,
            trouble,
            ending,
        }
    }
}

/// Whether a failure says something of its record only, so that the next may well be taken.
fn concerns_one(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::InvalidMessage
    )
}

fn borrowed(headers: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<SentHeader<'_>> {
    headers.iter().map(|(key, value)| (Cow::Borrowed(key.as_slice()), value.as_deref().map(Cow::Borrowed))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal is told of these lines, of which none reaches a broker.
    fn answers(lines: &'static str, shape: &Shape) -> Vec<Answer> {
        let topic = Topic { name: "posts".parse().unwrap(), partitions: 1 };
        let connection = Outbox::connect("127.0.0.1:1", &[]).unwrap();
        let mut answers = Vec::new();
        let mut each = |answer| {
            answers.push(answer);
            Ok(())
        };
        let mut sender = Sender {
            outbox: Outbox::new(connection, &topic).unwrap(),
            topic,
            limit: None,
            refused_over: Some(5),
            extras: Extras::default(),
            each: Some(&mut each),
            answered: 0,
            pace: None,
            stop: &CancellationToken::new(),
        };
        let ending = sender.lines(Chunks::of(Box::new(lines.as_bytes())), shape);
        assert!(matches!(ending, Ok(Ending::Complete)), "{ending:?}");
        drop(sender);
        answers
    }

    #[test]
    fn a_line_that_is_not_sent_is_answered_too() {
        use Answer::{Failed, Ready};
        assert_eq!(answers("too long\n", &Shape::Value { key: None }), [Ready, Failed, Ready]);
        assert_eq!(answers("\n", &Shape::Json { repartition: false }), [Ready, Ready]);
        let full = "{\"value\":\"too long\"}\n";
        assert_eq!(answers(full, &Shape::Json { repartition: false }), [Ready, Failed, Ready]);
    }
}
