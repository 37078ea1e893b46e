//! The drivers: where events come from, where commands go, and who says what time it is. The core is the same in each.

pub mod backtest;
pub mod clock;
pub mod collect;
pub mod control;
pub mod control_server;
pub mod cursor;
pub mod desk;
pub mod driver;
pub mod journal;
pub mod ladder;
pub mod paper;
pub mod plans;
pub mod recover;
pub mod review;
pub mod rows;
pub mod session;
pub mod snapshot;
pub mod telling;

pub use driver::Driver;
pub use journal::{Journal, NoJournal};
