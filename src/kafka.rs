//! Kafka: the only user of the protocol codec and of rdkafka. Layer 2: never imports `docker`.
//!
//! [`wire`] carries one request over one connection; [`admin`] knows which node to ask what.

pub mod admin;
pub mod wire;
