//! The drivers: where events come from, where commands go, and who says what time it is. The core is the same in each.

pub mod backtest;
pub mod checkup;
pub mod clock;
pub mod collect;
pub mod control;
pub mod control_server;
pub mod cursor;
pub mod desk;
pub mod download;
pub mod driver;
pub mod import;
pub mod journal;
pub mod ladder;
pub mod live;
pub mod live_loop;
pub mod live_start;
pub mod look;
pub mod modes;
pub mod paper;
pub mod plans;
pub mod preflight;
pub mod public;
pub mod reconcile;
pub mod record;
pub mod recover;
pub mod review;
pub mod rows;
pub mod session;
pub mod shadow;
pub mod snapshot;
pub mod subject;
pub mod telling;

pub use driver::Driver;
pub use journal::{Journal, NoJournal};
