//! What we know of a market: order books and how they are kept in step with a venue's stream.
//!
//! This module sees `domain` only: no venue, no wire format, no clock. Tests stand at the end of each file.

pub mod book;
pub mod diff;
pub mod sync;

pub use book::{Book, Level};
pub use diff::{Diff, Rule, Snapshot};
pub use sync::Sync;
