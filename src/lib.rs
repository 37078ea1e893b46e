//! `carry` earns the funding rate of crypto perpetuals without price risk.
//!
//! The modules in dependency order; `tests/tidy.rs` holds the table that says who may see whom.

pub mod cli;
pub mod config;
pub mod data;
pub mod domain;
pub mod engine;
pub mod ledger;
pub mod market;
pub mod orders;
pub mod pairs;
pub mod port;
pub mod report;
pub mod risk;
pub mod run;
pub mod sim;
pub mod strategy;
