//! The drivers: where events come from, where commands go, and who says what time it is. The core is the same in each.

pub mod backtest;
pub mod clock;
pub mod collect;
pub mod cursor;
pub mod download;
pub mod driver;
pub mod journal;
pub mod look;
pub mod paper;
pub mod public;
pub mod record;
pub mod recover;
pub mod review;
pub mod rows;
pub mod session;

pub use driver::Driver;
pub use journal::{Journal, NoJournal};
