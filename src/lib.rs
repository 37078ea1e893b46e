//! `carry` earns the funding rate of crypto perpetuals without price risk.
//!
//! The modules in dependency order; `tests/tidy.rs` holds the table that says who may see whom.

pub mod cli;
pub mod config;
pub mod data;
pub mod domain;
pub mod port;
pub mod report;
pub mod sim;
