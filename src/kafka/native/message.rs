//! A message in librdkafka's memory, read without copying.

use std::{
    ffi::{CStr, c_void},
    ptr, slice,
};

use rdkafka::bindings::{
    rd_kafka_header_get_all, rd_kafka_message_headers, rd_kafka_message_t, rd_kafka_message_timestamp,
    rd_kafka_resp_err_t, rd_kafka_timestamp_type_t,
};

use crate::kafka::record::{Header, Record};

const OK: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

/// A record that was fetched. Borrows the batch that it came in.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    native: &'a rd_kafka_message_t,
    topic: &'a str,
}

impl<'a> Message<'a> {
    /// `native` must be a fetched message without an error, of topic `topic`.
    pub(super) fn new(native: &'a rd_kafka_message_t, topic: &'a str) -> Self {
        Message { native, topic }
    }
}

/// Key or value: null is a null pointer, empty is not.
///
/// # Safety
/// `start` is null or the start of `length` bytes that live and stay unchanged for 'a.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: by the contract above.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), length) })
}

impl Record for Message<'_> {
    fn topic(&self) -> &str {
        self.topic
    }

    fn partition(&self) -> i32 {
        self.native.partition
    }

    fn offset(&self) -> i64 {
        self.native.offset
    }

    fn timestamp(&self) -> Option<i64> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: a live message, and a place for the answer.
        let timestamp = unsafe { rd_kafka_message_timestamp(self.native, &raw mut kind) };
        (kind != rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp >= 0).then_some(timestamp)
    }

    fn key(&self) -> Option<&[u8]> {
        // SAFETY: the message's own pointer and length.
        unsafe { bytes(self.native.key, self.native.key_len) }
    }

    fn value(&self) -> Option<&[u8]> {
        // SAFETY: the message's own pointer and length.
        unsafe { bytes(self.native.payload, self.native.len) }
    }

    fn headers(&self) -> Vec<Header<'_>> {
        let mut headers = Vec::new();
        let mut list = ptr::null_mut();
        // SAFETY: a live message, and a place for the answer. The list belongs to the message. (It is parsed and
        // kept on the first call; nothing else touches this message meanwhile, for `Message` is neither Send nor Sync.)
        if unsafe { rd_kafka_message_headers(self.native, &raw mut list) } != OK {
            return headers;
        }
        loop {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the message's own list, and places for the answers.
            let found =
                unsafe { rd_kafka_header_get_all(list, headers.len(), &raw mut name, &raw mut value, &raw mut size) };
            if found != OK {
                return headers;
            }
            // SAFETY: librdkafka keeps names as C strings, and values, as long as the message lives.
            let (key, value) = unsafe { (CStr::from_ptr(name).to_bytes(), bytes(value, size)) };
            headers.push(Header { key, value });
        }
    }
}
