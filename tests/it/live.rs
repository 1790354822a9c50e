//! The binary on a real engine with a real Kafka, each test in a project of its own that leaves nothing.
//!
//! Without an engine these tests say so and pass, unless `KDEV_TEST_LIVE=required` or CI is set. They need images:
//! `KDEV_KAFKA_IMAGE` and `KDEV_PYTHON_IMAGE`, as `scripts/images --env` prints them, and for the upgrades an older
//! Kafka too: `scripts/images 4.2.1`.

mod apps;
mod at_once;
mod by_hand;
mod doctor;
pub mod engine;
mod growth;
mod images;
mod job;
mod jvm;
mod kills;
mod load;
mod names;
mod nodes;
mod project;
mod records;
mod side_by_side;
mod topics;
mod upgrades;
