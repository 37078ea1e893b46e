//! `carry` earns the funding rate of crypto perpetuals without price risk.
//!
//! The modules in dependency order; `tests/tidy.rs` holds the table that says who may see whom.

pub mod domain;
pub mod planted;

pub mod config;
pub mod keys;
pub mod port;

pub mod ledger;
pub mod market;
pub mod risk;

pub mod orders;
pub mod pairs;
pub mod strategy;

pub mod engine;

pub mod data;
pub mod loopback;
pub mod observe;
pub mod sim;
pub mod store;
pub mod tape;
pub mod venues;

pub mod net;

pub mod checks;
pub mod fetch;

pub mod control;

pub mod report;
pub mod run;

pub mod research;
pub mod web;

pub mod cli;
