//! Consuming: from where, to where, which records, and handing them to whoever shows them.

mod filter;
mod moment;
mod position;
mod range;
mod reading;
mod run;
mod tail;
mod trouble;

pub use filter::{Filter, HeaderFilter};
pub use moment::Moment;
pub use position::Position;
pub use run::{Ending, Note, Request, Sink, consume};
