//! kdev: a real three-node Kafka, your producer and your consumer, one command away.
//!
//! The layers, each importing only those below it: `commands` and `ui`, `ops` and `engine`,
//! `docker` and `kafka`, `config`, `plan` and `reconcile`, `model`, `observed`, `event`, `timeline` and `error`.
//! ARCHITECTURE.md tells the way of data through them.

pub mod audit;
mod cli;
pub mod commands;
pub mod config;
pub mod docker;
pub mod engine;
pub mod error;
pub mod event;
pub mod kafka;
pub mod lock;
pub mod model;
pub mod mux;
pub mod observed;
pub mod ops;
pub mod plan;
pub mod reconcile;
pub mod status;
pub mod template;
pub mod timeline;
pub mod ui;

pub use cli::main;
