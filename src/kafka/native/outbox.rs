//! Records going out, by batches.

use std::{
    ffi::{CString, c_int, c_void},
    ptr,
    time::Duration,
};

use rdkafka::{
    bindings::{
        RD_KAFKA_MSG_F_COPY, rd_kafka_flush, rd_kafka_header_add, rd_kafka_headers_destroy, rd_kafka_headers_new,
        rd_kafka_headers_t, rd_kafka_message_t, rd_kafka_produce_batch, rd_kafka_producev, rd_kafka_resp_err_t,
        rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t, rd_kafka_vtype_t,
    },
    types::RDKafkaErrorCode,
};
use tokio_util::sync::CancellationToken;

use super::{
    Connection, Topic,
    client::{Role, create, millis},
    failure,
};
use crate::{
    error::{Error, Result},
    kafka::record::SentHeader,
};

const OK: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
const FULL: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL;

const TOO_LARGE: RDKafkaErrorCode = RDKafkaErrorCode::MessageSizeTooLarge;

/// Where librdkafka's partitioner decides.
const ANY_PARTITION: i32 = -1;

/// How long to wait for room before looking at the stop signal again. Room comes with the next delivery report,
/// which ends the wait.
const ROOM: Duration = Duration::from_millis(100);

/// A record of nothing but key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The line it came from, for the account.
    pub line: u64,
}

impl Item<'_> {
    /// Bytes of key and value.
    pub fn size(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)
    }
}

/// It was stopped while waiting for room; this and what follows was not taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped;

/// A producer for one topic. Every record that it takes ends in [`super::Deliveries`], as acknowledged or failed.
pub struct Outbox {
    connection: Connection,
    topic: *mut rd_kafka_topic_t,
    raw: Vec<rd_kafka_message_t>,
    /// How many records librdkafka has taken.
    taken: u64,
}

impl Outbox {
    /// A connection for an outbox, with librdkafka's `settings` in addition to those that never change.
    ///
    /// # Errors
    /// librdkafka refuses a setting.
    pub fn connect(bootstrap: &str, settings: &[(&str, &str)]) -> Result<Connection> {
        let mut all = vec![
            // Every in-sync replica has it before it counts as sent.
            ("acks", "all"),
            // Bounds memory, whatever the number of records. Twice as much of either gained nothing; half the records took
            // ten million a fifth longer.
            ("queue.buffering.max.kbytes", "65536"),
            ("queue.buffering.max.messages", "100000"),
            // The topic's own limit counts, not a guess of it in the client.
            ("message.max.bytes", "200000000"),
        ];
        all.extend_from_slice(settings);
        create(Role::Producer, bootstrap, &all)
    }

    /// An outbox for `topic` over `connection`.
    ///
    /// # Errors
    /// librdkafka refuses the topic's name.
    pub fn new(connection: Connection, topic: &Topic) -> Result<Outbox> {
        let refused = || Error::failed(format!("librdkafka refuses the topic `{}`", topic.name));
        let name = CString::new(topic.name.as_str()).map_err(|_| refused())?;
        // SAFETY: a live client and a C string; no configuration means the client's default one.
        let native = unsafe { rd_kafka_topic_new(connection.native(), name.as_ptr(), ptr::null_mut()) };
        if native.is_null() {
            return Err(refused());
        }
        Ok(Outbox { connection, topic: native, raw: Vec::new(), taken: 0 })
    }

    /// The connection below.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Takes `items`, in order, to one partition or to where their keys belong. Waits while the queue is full.
    ///
    /// # Errors
    /// Stopped while waiting.
    pub fn send_all(
        &mut self,
        items: &[Item<'_>],
        partition: Option<i32>,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        self.raw.clear();
        self.raw.extend(items.iter().map(|item| {
            let (payload, len) = raw_bytes(item.value);
            let (key, key_len) = raw_bytes(item.key);
            rd_kafka_message_t {
                err: OK,
                rkt: ptr::null_mut(),
                partition: ANY_PARTITION,
                payload,
                len,
                key,
                key_len,
                offset: 0,
                _private: line_opaque(item.line),
            }
        }));
        let partition = partition.unwrap_or(ANY_PARTITION);
        loop {
            let count = c_int::try_from(self.raw.len()).unwrap_or(c_int::MAX);
            // SAFETY: a live topic; `count` messages whose keys and values are borrowed in `items` for as long as
            // this call takes, and copied by it (MSG_F_COPY).
            let taken = unsafe {
                rd_kafka_produce_batch(self.topic, partition, RD_KAFKA_MSG_F_COPY, self.raw.as_mut_ptr(), count)
            };
            self.taken += u64::try_from(taken).unwrap_or(0);
            // Asked before reports are served, which may empty a queue that was full.
            let is_hopeless = self.is_hopeless();
            self.connection.poll(Duration::ZERO);
            if taken == count {
                self.raw.clear();
                return Ok(());
            }
            let deliveries = &self.connection.link().deliveries;
            self.raw.retain(|message| {
                if message.err == FULL {
                    return true;
                }
                if let Some(code) = failure(message.err) {
                    deliveries.failed(line_of(message), message.len + message.key_len, code);
                }
                false
            });
            if let Some(first) = self.raw.first()
                && is_hopeless
            {
                deliveries.failed(line_of(first), first.len + first.key_len, TOO_LARGE);
                self.raw.remove(0);
            }
            if self.raw.is_empty() {
                return Ok(());
            }
            self.wait_for_room(stop)?;
        }
    }

    /// The lines of what was left when [`Outbox::send_all`] was last stopped; none where it was not.
    pub fn untaken(&self) -> impl Iterator<Item = u64> {
        self.raw.iter().map(line_of)
    }

    /// Takes one record with all that a record can have. Waits while the queue is full.
    ///
    /// # Errors
    /// Stopped while waiting.
    pub fn send(
        &mut self,
        item: &Item<'_>,
        partition: Option<i32>,
        timestamp: Option<i64>,
        headers: &[SentHeader<'_>],
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        use rd_kafka_vtype_t::*;
        let (value, value_len) = raw_bytes(item.value);
        let (key, key_len) = raw_bytes(item.key);
        loop {
            let list = header_list(headers);
            // SAFETY: live client and topic; each tag is followed by arguments of just its C types; key and value
            // are copied; the headers are librdkafka's own if it takes the record, and freed below if not.
            let code = unsafe {
                rd_kafka_producev(
                    self.connection.native(),
                    RD_KAFKA_VTYPE_RKT,
                    self.topic,
                    RD_KAFKA_VTYPE_PARTITION,
                    partition.unwrap_or(ANY_PARTITION),
                    RD_KAFKA_VTYPE_MSGFLAGS,
                    RD_KAFKA_MSG_F_COPY,
                    RD_KAFKA_VTYPE_VALUE,
                    value,
                    value_len,
                    RD_KAFKA_VTYPE_KEY,
                    key,
                    key_len,
                    RD_KAFKA_VTYPE_OPAQUE,
                    line_opaque(item.line),
                    RD_KAFKA_VTYPE_TIMESTAMP,
                    timestamp.unwrap_or(0),
                    RD_KAFKA_VTYPE_HEADERS,
                    list,
                    RD_KAFKA_VTYPE_END,
                )
            };
            if code == OK {
                self.taken += 1;
                return Ok(());
            }
            if !list.is_null() {
                // SAFETY: the record was refused, so the list is still ours.
                unsafe { rd_kafka_headers_destroy(list) };
            }
            let refused = if code == FULL { self.is_hopeless().then_some(TOO_LARGE) } else { failure(code) };
            if let Some(code) = refused {
                self.connection.link().deliveries.failed(item.line, item.size(), code);
                return Ok(());
            }
            self.wait_for_room(stop)?;
        }
    }

    /// Whether the queue is full without anything in it: the record is larger than the whole queue may be.
    fn is_hopeless(&self) -> bool {
        self.open() == 0
    }

    fn wait_for_room(&self, stop: &CancellationToken) -> Result<(), Stopped> {
        if stop.is_cancelled() {
            return Err(Stopped);
        }
        self.connection.poll(ROOM);
        Ok(())
    }

    /// Sends at once what waits for a fuller batch, and serves reports for at most `wait`, less once none is open.
    ///
    /// For the beginning of an end: while it lasts, librdkafka's threads try records that wait for a retry again and
    /// again.
    pub fn flush(&self, wait: Duration) {
        // SAFETY: a live client.
        unsafe { rd_kafka_flush(self.connection.native(), millis(wait)) };
    }

    /// Waits up to `wait` for reports. Returns whether records are still open.
    pub fn wait(&self, wait: Duration) -> bool {
        if self.open() > 0 {
            self.connection.poll(wait);
        }
        self.open() > 0
    }

    /// How many records are neither acknowledged nor failed.
    ///
    /// Counted here: librdkafka's own count (`rd_kafka_outq_len`) has in it what it has to say of connections.
    pub fn open(&self) -> u64 {
        self.taken.saturating_sub(self.connection.link().deliveries.told_of())
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // SAFETY: ours, and not used any more; the client's threads hold references of their own.
        unsafe { rd_kafka_topic_destroy(self.topic) };
    }
}

/// Null is a null pointer; the empty value is a pointer to nothing in particular.
fn raw_bytes(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((ptr::null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()))
}

/// A line's number in the place that librdkafka keeps for a pointer and never follows.
fn line_opaque(line: u64) -> *mut c_void {
    ptr::without_provenance_mut(usize::try_from(line).unwrap_or(usize::MAX))
}

fn line_of(message: &rd_kafka_message_t) -> u64 {
    message._private.addr() as u64
}

fn header_list(headers: &[SentHeader<'_>]) -> *mut rd_kafka_headers_t {
    if headers.is_empty() {
        return ptr::null_mut();
    }
    // SAFETY: pointers and lengths of live slices, which the calls copy.
    unsafe {
        let list = rd_kafka_headers_new(headers.len());
        for (name, value) in headers {
            let (value, value_len) = raw_bytes(value.as_deref());
            rd_kafka_header_add(
                list,
                name.as_ptr().cast(),
                isize::try_from(name.len()).unwrap_or(isize::MAX),
                value,
                isize::try_from(value_len).unwrap_or(isize::MAX),
            );
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue of two records, and no broker to take them from it.
    fn full() -> (Outbox, CancellationToken) {
        let settings = [("queue.buffering.max.messages", "2"), ("message.timeout.ms", "100")];
        let connection = Outbox::connect("127.0.0.1:1", &settings).unwrap();
        let topic = Topic { name: "posts".parse().unwrap(), partitions: 1 };
        let mut outbox = Outbox::new(connection, &topic).unwrap();
        let stop = CancellationToken::new();
        assert_eq!(outbox.send_all(&[item(1), item(2)], None, &stop), Ok(()));
        (outbox, stop)
    }

    fn item(line: u64) -> Item<'static> {
        Item { key: None, value: Some(b"a value"), line }
    }

    #[test]
    fn a_record_is_not_too_large_where_reports_that_empty_the_queue_wait_to_be_served() {
        let (mut outbox, stop) = full();
        // librdkafka looks each second for records whose time is over. Earlier, this shows nothing.
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(outbox.send_all(&[item(3)], None, &stop), Ok(()));
        while outbox.wait(ROOM) {}
        let failures = outbox.connection().link().deliveries.failures();
        assert_eq!(failures.iter().map(|f| f.code).collect::<Vec<_>>(), [RDKafkaErrorCode::MessageTimedOut]);
        assert_eq!(failures[0].records, 3);
    }

    #[test]
    fn what_was_not_taken_when_stopped_is_told() {
        let (mut outbox, stop) = full();
        assert_eq!(outbox.untaken().count(), 0);
        stop.cancel();
        assert_eq!(outbox.send_all(&[item(3), item(4)], None, &stop), Err(Stopped));
        assert_eq!(outbox.untaken().collect::<Vec<_>>(), [3, 4]);
    }
}
