//! The largest record that a topic takes.

use std::{
    ffi::{CStr, CString},
    time::Duration,
};

use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new, rd_kafka_ConfigEntry_name, rd_kafka_ConfigEntry_value,
    rd_kafka_ConfigResource_configs, rd_kafka_ConfigResource_destroy, rd_kafka_ConfigResource_new,
    rd_kafka_DescribeConfigs, rd_kafka_DescribeConfigs_result_resources, rd_kafka_ResourceType_t, rd_kafka_admin_op_t,
    rd_kafka_event_DescribeConfigs_result, rd_kafka_event_destroy, rd_kafka_event_t, rd_kafka_queue_destroy,
    rd_kafka_queue_new, rd_kafka_queue_poll,
};

use super::{Connection, Topic, client::millis};

/// How long the answer is worth waiting for: without it the usual limit is assumed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The topic's `max.message.bytes`: what a batch may have, and so the largest record. `None` where the broker does
/// not tell (no right to describe the topic, no answer in time).
///
/// Asked for because only with it a record over the limit can be named for itself: a broker that gets a batch over
/// its limit refuses all of it.
pub fn max_message_bytes(connection: &Connection, topic: &Topic) -> Option<usize> {
    let name = CString::new(topic.name.as_str()).ok()?;
    // SAFETY: a live client and a C string; everything made here is destroyed here, once, after its last use. The
    // request copies resource and options; an answer that comes too late finds its queue gone and is dropped.
    unsafe {
        let queue = rd_kafka_queue_new(connection.native());
        let options =
            rd_kafka_AdminOptions_new(connection.native(), rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
        let mut resource = rd_kafka_ConfigResource_new(rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr());
        rd_kafka_DescribeConfigs(connection.native(), &raw mut resource, 1, options, queue);
        let event = rd_kafka_queue_poll(queue, millis(PATIENCE));
        let limit = if event.is_null() { None } else { read(event) };
        if !event.is_null() {
            rd_kafka_event_destroy(event);
        }
        rd_kafka_ConfigResource_destroy(resource);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_queue_destroy(queue);
        limit
    }
}

/// # Safety
/// `event` is live.
unsafe fn read(event: *mut rd_kafka_event_t) -> Option<usize> {
    // SAFETY: librdkafka's own pointers, each checked for null, into the event, which outlives this call; counts
    // and arrays belong together.
    unsafe {
        let result = rd_kafka_event_DescribeConfigs_result(event);
        if result.is_null() {
            return None;
        }
        let mut count = 0;
        let resources = rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        if resources.is_null() || count == 0 {
            return None;
        }
        let entries = rd_kafka_ConfigResource_configs(*resources, &raw mut count);
        if entries.is_null() {
            return None;
        }
        (0..count).map(|i| *entries.add(i)).find_map(|entry| {
            let (name, value) = (rd_kafka_ConfigEntry_name(entry), rd_kafka_ConfigEntry_value(entry));
            let is_it = !name.is_null() && CStr::from_ptr(name) == c"max.message.bytes";
            (is_it && !value.is_null()).then(|| CStr::from_ptr(value).to_str().ok()?.parse().ok())?
        })
    }
}
