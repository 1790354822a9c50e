//! The binary where no engine is needed, or none is there: help, mistakes, and what is said about them.

mod broken_pipe;
mod completions;
mod config;
mod doctor;
mod engine;
mod help;
mod init;
mod places;
mod topics;
