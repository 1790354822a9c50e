//! All integration tests in one binary: it is linked once.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests may panic, and talk about it")]

mod cli;
mod docker;
mod live;
mod node_script;
mod produce_consume;
mod sandbox;
mod scenarios;
