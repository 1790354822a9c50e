//! A connection to a cluster.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext,
    bindings::{
        rd_kafka_conf_set_dr_msg_cb, rd_kafka_conf_set_error_cb, rd_kafka_conf_set_log_cb, rd_kafka_message_t,
        rd_kafka_poll, rd_kafka_resp_err_t, rd_kafka_t,
    },
    client::Client,
    config::RDKafkaLogLevel,
    types::RDKafkaType,
};

use super::{Deliveries, Landing, failure};
use crate::error::{Error, Result};

/// What librdkafka's callbacks leave for us.
#[derive(Debug, Default)]
pub struct Link {
    /// The account of what was produced.
    pub deliveries: Deliveries,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    last: Option<String>,
    down: bool,
}

impl Link {
    /// The latest thing that went wrong with a connection, in librdkafka's words.
    pub fn last_trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// Whether no broker could be reached when last tried.
    pub fn is_down(&self) -> bool {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).down
    }

    /// Forgets that no broker could be reached.
    pub fn is_up(&self) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).down = false;
    }

    fn note(&self, code: rd_kafka_resp_err_t, reason: &str) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
            trouble.down = true;
        } else {
            trouble.last = Some(plain(reason));
        }
    }
}

/// `localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state
/// CONNECT)` without the state at its end.
fn plain(reason: &str) -> String {
    reason.split_once(" (after ").map_or(reason, |(reason, _)| reason).trim().to_owned()
}

impl ClientContext for Link {
    // librdkafka's own log lines repeat what its errors say.
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
}

/// A librdkafka client.
pub struct Connection(Client<Link>);

/// What to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Producer,
    Consumer,
}

/// How long the cluster may take to answer the first request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a cluster that refuses connections is tried: a node just started may open its port in this time.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(1500);

/// One try at the first request. Between tries the refusals are looked at.
const TRY: Duration = Duration::from_millis(250);

/// Creates a client of the cluster at `bootstrap`. `settings` are librdkafka's own names and values.
///
/// # Errors
/// A setting that librdkafka refuses, or no memory or threads for it.
pub(super) fn create(role: Role, bootstrap: &str, settings: &[(&str, &str)]) -> Result<Connection> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "kdev")
        .set("broker.address.family", address_family(bootstrap))
        // The defaults suit a data centre: a node that restarts here is back within seconds.
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "500")
        // One request less at the start; nobody here reads a client's telemetry.
        .set("enable.metrics.push", "false");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    let failed = |error| Error::failed("librdkafka cannot start").source(error);
    let native = config.create_native_config().map_err(failed)?;
    let kind = match role {
        Role::Producer => RDKafkaType::RD_KAFKA_PRODUCER,
        Role::Consumer => RDKafkaType::RD_KAFKA_CONSUMER,
    };
    // SAFETY: `native` is a live configuration, not yet given to a client. The callbacks' opaque is set by
    // `Client::new` to its context, the `Link`, which lives as long as the client.
    unsafe {
        rd_kafka_conf_set_log_cb(native.ptr(), None);
        rd_kafka_conf_set_error_cb(native.ptr(), Some(on_error));
        if role == Role::Producer {
            rd_kafka_conf_set_dr_msg_cb(native.ptr(), Some(on_delivery));
        }
    }
    Ok(Connection(Client::new(&config, native, kind, Link::default()).map_err(failed)?))
}

/// `localhost` is first ::1 on most machines, and kdev's ports are open on 127.0.0.1 only: trying both costs the
/// first message a reconnect.
fn address_family(bootstrap: &str) -> &'static str {
    let local = |address: &str| {
        let host = address.trim().rsplit_once(':').map_or(address.trim(), |(host, _)| host);
        host == "localhost" || host.starts_with("127.")
    };
    if bootstrap.split(',').all(local) { "v4" } else { "any" }
}

impl Connection {
    /// What the callbacks left.
    pub fn link(&self) -> &Link {
        self.0.context()
    }

    /// The client of the `rdkafka` crate.
    pub(super) fn client(&self) -> &Client<Link> {
        &self.0
    }

    /// The native handle, valid as long as `self`.
    pub(super) fn native(&self) -> *mut rd_kafka_t {
        self.0.native_ptr()
    }

    /// Serves the callbacks, waiting up to `wait` for the first.
    pub fn poll(&self, wait: Duration) {
        // SAFETY: the handle is live as long as `self`.
        unsafe { rd_kafka_poll(self.native(), millis(wait)) };
    }
}

/// Connects to the cluster at `bootstrap` and returns once it has answered `ask`.
///
/// # Errors
/// No broker answers: at once where the port is closed, after ten seconds otherwise.
pub fn connect<T>(
    connection: &Connection,
    bootstrap: &str,
    mut ask: impl FnMut(&Client<Link>, Duration) -> Option<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask(connection.client(), TRY) {
            return Ok(answer);
        }
        connection.poll(Duration::ZERO);
        let link = connection.link();
        let patience = if link.is_down() { REFUSAL_PATIENCE } else { PATIENCE };
        if start.elapsed() > patience {
            let error = Error::failed(format!("no Kafka broker answers at {bootstrap}"));
            return Err(match link.last_trouble() {
                Some(trouble) => error.details([trouble]),
                None => error,
            });
        }
    }
}

/// A duration as librdkafka takes it.
pub(super) fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}

/// # Safety
/// For librdkafka only: `opaque` is the client's `Link`, `reason` a C string.
unsafe extern "C" fn on_error(_client: *mut rd_kafka_t, code: c_int, reason: *const c_char, opaque: *mut c_void) {
    // SAFETY: set by `Client::new`, alive as long as the client that calls.
    let link = unsafe { &*opaque.cast::<Link>() };
    let reason = if reason.is_null() {
        String::new()
    } else {
        // SAFETY: librdkafka passes a C string that lives through this call.
        unsafe { CStr::from_ptr(reason) }.to_string_lossy().into_owned()
    };
    let down = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    let code = if code == down as c_int { down } else { rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FAIL };
    link.note(code, &reason);
}

/// # Safety
/// For librdkafka only: `opaque` is the client's `Link`, `message` a live message.
unsafe extern "C" fn on_delivery(_client: *mut rd_kafka_t, message: *const rd_kafka_message_t, opaque: *mut c_void) {
    // SAFETY: as above; the message lives through this call.
    let (link, message) = unsafe { (&*opaque.cast::<Link>(), &*message) };
    let size = message.len + message.key_len;
    // The opaque of a message is its line's number.
    let line = message._private.addr() as u64;
    match failure(message.err) {
        None => {
            let landing = Landing { partition: message.partition, offset: message.offset };
            link.deliveries.acknowledged(line, size, landing);
        }
        Some(code) => link.deliveries.given_up(line, size, code),
    }
}

#[cfg(test)]
mod tests {
    use super::{address_family, plain};

    #[test]
    fn local_addresses_are_tried_as_ipv4_only() {
        assert_eq!(address_family("localhost:9092,127.0.0.1:9093"), "v4");
        assert_eq!(address_family("localhost:9092,kafka.example:9092"), "any");
        assert_eq!(address_family("[::1]:9092"), "any");
    }

    #[test]
    fn the_state_is_cut_from_a_reason() {
        let reason = "localhost:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        assert_eq!(plain(reason), "localhost:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused");
    }
}
