//! All integration tests in one binary: it is linked once.

#![allow(missing_docs, clippy::unwrap_used)]

mod docker;
mod produce_consume;
mod scenarios;
