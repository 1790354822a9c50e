//! The verbs: a file each, with its arguments on top and one function below.

pub mod consume;
pub mod produce;
pub mod streams;
