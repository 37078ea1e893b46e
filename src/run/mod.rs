//! The drivers: where events come from, where commands go, and who says what time it is. The core is the same in each.

pub mod about;
pub mod backtest;
pub mod backup;
pub mod begin;
pub mod checkup;
pub mod clock;
pub mod collect;
pub mod control;
pub mod control_server;
pub mod cursor;
pub mod desk;
pub mod download;
pub mod driver;
pub mod folder;
pub mod import;
pub mod journal;
pub mod ladder;
pub mod live;
pub mod live_loop;
pub mod live_start;
pub mod look;
pub mod margins;
pub mod modes;
pub mod opening;
pub mod outbox;
pub mod paper;
pub mod plans;
pub mod preflight;
pub mod public;
pub mod reconcile;
pub mod record;
pub mod recover;
pub mod registry;
pub mod returns;
pub mod review;
pub mod rows;
pub mod session;
pub mod shadow;
pub mod snapshot;
pub mod stops;
pub mod subject;
pub mod telling;
<<<<<<< HEAD
pub mod what;
=======
pub mod upgrade;
>>>>>>> a64171d (Backup and restore of a session; a session of the last version goes on; paper runs in real time until it is stopped)

pub use driver::Driver;
pub use journal::{Journal, NoJournal};
