//! The drivers: where events come from, where commands go, and who says what time it is. The core is the same in each.

pub mod about;
pub mod backtest;
pub mod backup;
pub mod begin;
pub mod besides;
pub mod collect;
pub mod cursor;
pub mod disk;
pub mod driver;
pub mod folder;
pub mod health;
pub mod inputs;
pub mod journal;
pub mod live;
pub mod live_loop;
pub mod lots;
pub mod margins;
pub mod opening;
pub mod outbox;
pub mod paper;
pub mod recover;
pub mod replay;
pub mod resumed;
pub mod returns;
pub mod review;
pub mod rows;
pub mod session;
pub mod shadow;
pub mod subjects;
pub mod telling;
pub mod unattended;
pub mod upgrade;
pub mod wallets;
pub mod what;

pub use driver::Driver;
pub use journal::{Journal, NoJournal};
