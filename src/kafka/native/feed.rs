//! Records coming in, by batches.

use std::{
    ffi::{CStr, CString},
    ptr,
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    bindings::{
        rd_kafka_assignment, rd_kafka_consume_batch_queue, rd_kafka_consume_start_queue, rd_kafka_consume_stop,
        rd_kafka_consumer_close, rd_kafka_message_destroy, rd_kafka_message_errstr, rd_kafka_message_t,
        rd_kafka_offsets_store, rd_kafka_poll, rd_kafka_poll_set_consumer, rd_kafka_position, rd_kafka_queue_destroy,
        rd_kafka_queue_get_consumer, rd_kafka_queue_new, rd_kafka_queue_t, rd_kafka_resp_err_t, rd_kafka_subscribe,
        rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_partition_list_destroy,
        rd_kafka_topic_partition_list_t, rd_kafka_topic_t,
    },
    types::RDKafkaErrorCode,
};

use super::{
    Connection, Message, Topic,
    client::{Role, create, millis},
    failure,
};
use crate::error::{Error, Result};

/// The most messages of one batch. Larger ones gained nothing.
const BATCH: usize = 1024;

/// Records of one topic, from chosen offsets or as a member of a group.
///
/// Without a group it uses librdkafka's simple consumer, which talks to no group coordinator at all: an
/// `assign()` would need a group's name, look its coordinator up and, on a new cluster, make Kafka create
/// `__consumer_offsets` just to read some records.
pub struct Feed {
    connection: Connection,
    name: String,
    topic: *mut rd_kafka_topic_t,
    queue: *mut rd_kafka_queue_t,
    started: Vec<i32>,
    group: bool,
    batch: Vec<*mut rd_kafka_message_t>,
}

/// What comes out of a feed.
pub enum Arrival<'a> {
    /// A record.
    Record(Message<'a>),
    /// Everything of the partition before this offset has been handed out, and nothing follows for now.
    End {
        /// The partition.
        partition: i32,
        /// The offset that the next record would have.
        offset: i64,
    },
    /// Something went wrong; librdkafka goes on trying.
    Trouble(RDKafkaErrorCode, String),
}

impl Feed {
    /// A connection for a feed. With `group` it will be a member of that group, starting at `group.1` ("earliest",
    /// "latest") where the group has no offset. With `bounded` ends of partitions are reported.
    ///
    /// # Errors
    /// librdkafka cannot start.
    pub fn connect(bootstrap: &str, group: Option<(&str, &str)>, bounded: bool) -> Result<Connection> {
        let mut settings = vec![
            // The default, 1000, is most of the time of a bulk read; 0 was slower than 10.
            ("fetch.queue.backoff.ms", "10"),
            // These three bound memory, whatever the number of records and partitions. Larger ones were no faster, half
            // of the messages slower. What one answer may bring comes on top of the queue, for each partition.
            ("queued.min.messages", "32000"),
            ("queued.max.messages.kbytes", "16384"),
            ("fetch.message.max.bytes", "262144"),
            ("enable.partition.eof", if bounded { "true" } else { "false" }),
            // An empty answer is how an end shows where the last offsets hold no record.
            ("fetch.wait.max.ms", if bounded { "100" } else { "500" }),
        ];
        match group {
            Some((name, start)) => settings.extend([
                ("group.id", name),
                ("auto.offset.reset", start),
                // Only what was printed is stored, so only that is committed.
                ("enable.auto.offset.store", "false"),
            ]),
            None => settings.push(("auto.offset.reset", "earliest")),
        }
        create(Role::Consumer, bootstrap, &settings)
    }

    /// A feed of `topic` over `connection`. It stands still until started or subscribed.
    ///
    /// # Errors
    /// librdkafka refuses the topic's name.
    pub fn new(connection: Connection, topic: &Topic) -> Result<Feed> {
        let name = topic.name.as_str().to_owned();
        let refused = || Error::failed(format!("librdkafka refuses the topic `{name}`"));
        let c_name = CString::new(topic.name.as_str()).map_err(|_| refused())?;
        // SAFETY: a live client and a C string; no configuration means the default one.
        let native = unsafe { rd_kafka_topic_new(connection.native(), c_name.as_ptr(), ptr::null_mut()) };
        if native.is_null() {
            return Err(refused());
        }
        // SAFETY: a live client.
        let queue = unsafe { rd_kafka_queue_new(connection.native()) };
        Ok(Feed {
            connection,
            name,
            topic: native,
            queue,
            started: Vec::new(),
            group: false,
            batch: Vec::with_capacity(BATCH),
        })
    }

    /// Starts reading each partition at its offset.
    ///
    /// # Errors
    /// librdkafka refuses a partition.
    pub fn start(&mut self, from: impl IntoIterator<Item = (i32, i64)>) -> Result<()> {
        for (partition, offset) in from {
            // SAFETY: a live topic and queue; both are freed only after the partition is stopped, in `drop`.
            let code = unsafe { rd_kafka_consume_start_queue(self.topic, partition, offset, self.queue) };
            if code != 0 {
                return Err(Error::failed(format!("{}[{partition}] cannot be read", self.name)));
            }
            self.started.push(partition);
        }
        Ok(())
    }

    /// Stops reading a partition. What was fetched of it already is not handed out any more.
    pub fn stop(&mut self, partition: i32) {
        if let Some(at) = self.started.iter().position(|&started| started == partition) {
            self.started.swap_remove(at);
            // SAFETY: a live topic, and a partition that was started.
            unsafe { rd_kafka_consume_stop(self.topic, partition) };
        }
    }

    /// Joins the group of the connection.
    ///
    /// # Errors
    /// librdkafka refuses the subscription.
    pub fn subscribe(&mut self) -> Result<()> {
        let mut list = TopicPartitionList::new();
        list.add_topic_unassigned(&self.name);
        // SAFETY: a live client, and a list that is copied. The group's queue replaces our own, which no partition
        // uses yet, and is freed like it.
        let code = unsafe {
            rd_kafka_poll_set_consumer(self.connection.native());
            rd_kafka_queue_destroy(self.queue);
            self.queue = rd_kafka_queue_get_consumer(self.connection.native());
            rd_kafka_subscribe(self.connection.native(), list.ptr())
        };
        self.group = true;
        match failure(code) {
            None => Ok(()),
            Some(code) => Err(Error::failed(format!("cannot join the group: {}", super::reason(code)))),
        }
    }

    /// The partitions that the group gave this member.
    pub fn assignment(&self) -> Vec<i32> {
        let mut list: *mut rd_kafka_topic_partition_list_t = ptr::null_mut();
        // SAFETY: a live client and a place for the answer, a list of which we then are the owner.
        unsafe {
            if rd_kafka_assignment(self.connection.native(), &raw mut list)
                != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
                || list.is_null()
            {
                return Vec::new();
            }
            let count = usize::try_from((*list).cnt).unwrap_or(0);
            let partitions = (0..count).map(|i| (*(*list).elems.add(i)).partition).collect();
            rd_kafka_topic_partition_list_destroy(list);
            partitions
        }
    }

    /// The offset after the last that was handed out of each partition, control records counted; `None` where none was.
    pub fn positions(&self, partitions: &[i32]) -> Vec<Option<i64>> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition(&self.name, partition);
        }
        // SAFETY: a live client and a live list, which the call fills in and does not keep.
        unsafe { rd_kafka_position(self.connection.native(), list.ptr()) };
        partitions
            .iter()
            .map(|&partition| match list.find_partition(&self.name, partition)?.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
            .collect()
    }

    /// Marks everything before these offsets as processed: the group commits it within five seconds, when
    /// partitions move, and when the feed closes.
    pub fn processed(&self, offsets: impl IntoIterator<Item = (i32, i64)>) {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            // Real offsets only, which every list takes.
            let _ = list.add_partition_offset(&self.name, partition, Offset::Offset(offset));
        }
        // A partition that has moved to another member meanwhile is refused, rightly: that one reads it again.
        // SAFETY: a live client, and a list that is copied.
        unsafe { rd_kafka_offsets_store(self.connection.native(), list.ptr()) };
    }

    /// Takes what has come in, or waits up to `wait` for one message.
    pub fn next(&mut self, wait: Duration) -> Batch<'_> {
        self.clear();
        let mut count = self.fetch(BATCH, Duration::ZERO);
        if count == 0 && !wait.is_zero() {
            // Errors of connections come over the main queue, which a group's queue includes.
            // SAFETY: a live client.
            unsafe {
                if !self.group {
                    rd_kafka_poll(self.connection.native(), 0);
                }
            }
            // A full batch would be waited for to the end of the time; one message is there at once.
            count = self.fetch(1, wait);
        }
        // SAFETY: librdkafka wrote `count` pointers, at most the capacity.
        unsafe { self.batch.set_len(count) };
        Batch { feed: self }
    }

    fn fetch(&mut self, most: usize, wait: Duration) -> usize {
        // SAFETY: a live queue; room for `most` pointers, which is at most the capacity, and the vector is empty.
        let count =
            unsafe { rd_kafka_consume_batch_queue(self.queue, millis(wait), self.batch.as_mut_ptr(), most.min(BATCH)) };
        usize::try_from(count).unwrap_or(0)
    }

    fn clear(&mut self) {
        for message in self.batch.drain(..) {
            // SAFETY: each came from librdkafka, is ours, and is given back once.
            unsafe { rd_kafka_message_destroy(message) };
        }
    }

    /// The connection below.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.clear();
        for partition in std::mem::take(&mut self.started) {
            // SAFETY: as in `stop`.
            unsafe { rd_kafka_consume_stop(self.topic, partition) };
        }
        // SAFETY: nothing uses queue and topic any more; closing commits what is processed and leaves the group.
        unsafe {
            if self.group {
                rd_kafka_consumer_close(self.connection.native());
            }
            rd_kafka_queue_destroy(self.queue);
            rd_kafka_topic_destroy(self.topic);
        }
    }
}

/// Messages that came in together; given back when dropped.
pub struct Batch<'f> {
    feed: &'f mut Feed,
}

impl Batch<'_> {
    /// Whether nothing came in.
    pub fn is_empty(&self) -> bool {
        self.feed.batch.is_empty()
    }

    /// What came in, in order.
    pub fn arrivals(&self) -> impl Iterator<Item = Arrival<'_>> {
        let topic = self.feed.name.as_str();
        self.feed.batch.iter().map(move |&message| {
            // SAFETY: a message of this batch, alive until the batch is dropped, and not written meanwhile.
            let message = unsafe { &*message };
            match failure(message.err) {
                None => Arrival::Record(Message::new(message, topic)),
                Some(RDKafkaErrorCode::PartitionEOF) => {
                    Arrival::End { partition: message.partition, offset: message.offset }
                }
                Some(code) => {
                    // SAFETY: a live message; the text belongs to it and is copied.
                    let text = unsafe {
                        let text = rd_kafka_message_errstr(message);
                        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
                    };
                    Arrival::Trouble(code, text)
                }
            }
        })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.feed.clear();
    }
}
