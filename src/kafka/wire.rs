//! One request, one response, over one connection: framing, version negotiation, errors.

mod connection;
mod error;
mod pool;
mod text;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use error::KafkaError;
pub use pool::Pool;
pub use text::{code_name, message, to_text};
