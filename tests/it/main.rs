//! All integration tests in one binary: it is linked once.

#![allow(missing_docs, clippy::unwrap_used)]

mod cli;
mod docker;
mod live;
mod produce_consume;
mod sandbox;
mod scenarios;
