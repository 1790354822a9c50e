//! The loop on the simulated world: scripts with their steps, and the key property.

mod interrupt;
mod late;
mod narrow;
mod nodes;
mod property;
mod rolls;
mod steps;
mod topics;
mod waits;
mod worlds;
