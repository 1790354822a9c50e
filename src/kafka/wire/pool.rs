//! Idle connections by address, so that polling does not open three connections every 50 ms.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kafka_protocol::protocol::Request;
use tokio::time::Instant;

use super::{Connection, KafkaError};

/// The longest time that one call may take, so that a node which hangs leaves time for another
/// attempt. The slowest calls measured took half a second.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// The longest time for a connection with its first answer: about 1 ms on a healthy node. A frozen
/// one still accepts connections (its kernel does) and then says nothing.
const LONGEST_OPENING: Duration = Duration::from_secs(2);

/// Connections that wait for their next call. A connection in use is out of the pool; one that
/// failed does not come back.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<HashMap<String, Vec<Connection>>>,
}

impl Pool {
    /// Calls the node at `address`, over an idle connection or a new one.
    ///
    /// An idle connection may have died meanwhile (its node restarted): then the call is made once
    /// more over a new one.
    pub async fn call<R: Request>(
        &self,
        address: &str,
        request: &R,
        deadline: Instant,
    ) -> Result<R::Response, KafkaError> {
        if let Some(mut connection) = self.take(address) {
            connection.set_timeout(call_time(deadline));
            match connection.call(request).await {
                Err(KafkaError::Closed { .. } | KafkaError::Io { .. }) => {}
                result => return self.keep_if_sound(connection, result),
            }
        }
        let connection = self.open(address, deadline).await?;
        self.call_over(connection, request, deadline).await
    }

    /// As [`Pool::call`], of two requests at once on one connection: what is asked must change nothing.
    pub async fn call_both<R: Request>(
        &self,
        address: &str,
        requests: [&R; 2],
        deadline: Instant,
    ) -> Result<[R::Response; 2], KafkaError> {
        if let Some(connection) = self.take(address) {
            match self.both(connection, requests, deadline).await {
                Err(KafkaError::Closed { .. } | KafkaError::Io { .. }) => {}
                result => return result,
            }
        }
        let connection = self.open(address, deadline).await?;
        self.both(connection, requests, deadline).await
    }

    async fn both<R: Request>(
        &self,
        mut connection: Connection,
        [first, second]: [&R; 2],
        deadline: Instant,
    ) -> Result<[R::Response; 2], KafkaError> {
        connection.set_timeout(call_time(deadline));
        let asked = (connection.ask(first).await?, connection.ask(second).await?);
        let answers = [connection.answer(asked.0).await?, connection.answer(asked.1).await?];
        self.keep(connection);
        Ok(answers)
    }

    /// Calls over a connection from [`Pool::fresh`], and keeps it if it is sound.
    pub async fn call_over<R: Request>(
        &self,
        mut connection: Connection,
        request: &R,
        deadline: Instant,
    ) -> Result<R::Response, KafkaError> {
        connection.set_timeout(call_time(deadline));
        let result = connection.call(request).await;
        self.keep_if_sound(connection, result)
    }

    /// A connection with fresh versions and features; give it back with [`Pool::keep`].
    pub async fn fresh(&self, address: &str, deadline: Instant) -> Result<Connection, KafkaError> {
        if let Some(mut connection) = self.take(address) {
            connection.set_timeout(opening_time(deadline));
            if connection.negotiate().await.is_ok() {
                return Ok(connection);
            }
        }
        self.open(address, deadline).await
    }

    /// A new connection; give it back with [`Pool::keep`].
    pub async fn open(&self, address: &str, deadline: Instant) -> Result<Connection, KafkaError> {
        Connection::open(address, opening_time(deadline)).await
    }

    /// Keeps a sound connection for the next call.
    pub fn keep(&self, connection: Connection) {
        self.idle().entry(connection.address().to_owned()).or_default().push(connection);
    }

    fn keep_if_sound<T>(&self, connection: Connection, result: Result<T, KafkaError>) -> Result<T, KafkaError> {
        // After an unread or half-read answer the stream is out of step; without one it is not.
        if matches!(result, Ok(_) | Err(KafkaError::Unsupported { .. } | KafkaError::Encode { .. })) {
            self.keep(connection);
        }
        result
    }

    /// An idle connection, which may have died meanwhile; give it back with [`Pool::keep`] if it is sound.
    pub fn take(&self, address: &str) -> Option<Connection> {
        self.idle().get_mut(address)?.pop()
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<String, Vec<Connection>>> {
        // A panic elsewhere cannot leave the map half-changed: each change is one call.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn call_time(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(LONGEST_CALL)
}

fn opening_time(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(LONGEST_OPENING)
}
