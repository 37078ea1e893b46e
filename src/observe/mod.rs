//! What leaves the program for people: alarms and the log.
//!
//! Nothing here decides about trading, and nothing here may hold it up: every way out has a queue with an end, and what does
//! not fit is counted and said. Tests: each file and `tests/commands/alarms.rs`.

pub mod alarms;
pub mod log;
pub mod mail;
pub mod message;
pub mod panic;
pub mod post;
pub mod program;
pub mod scrub;
pub mod sinks;
pub mod systemd;
pub mod telegram;
pub mod watcher;
pub mod words;
