//! `carry` earns the funding rate of crypto perpetuals without price risk.
//!
//! The modules in dependency order; `tests/tidy.rs` holds the table that says who may see whom.

pub mod config;
pub mod domain;
pub mod port;
