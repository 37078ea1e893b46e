//! What leaves the program for people: alarms.
//!
//! Nothing here decides about trading, and nothing here may hold it up: every way out has a queue with an end, and what does
//! not fit is counted and said. Tests: each file and `tests/alarms.rs`.

pub mod alarms;
pub mod panic;
pub mod sinks;
