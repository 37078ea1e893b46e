//! Many settings over one history: which sets there are, their figures in whole and fold by fold, what was chosen on the
//! past, and how much of the best result is luck; and what a book of pairs loses in a shock.
//!
//! Nothing here trades or decides how a run trades: each set is played by `run/backtest.rs` as `carry backtest` plays it. Floats are
//! statistics of finished runs; no amount that is booked comes from here. Tests: at the end of each file and
//! `tests/suite/sweep.rs`.

pub mod book;
pub mod deflate;
pub mod fate;
pub mod folds;
pub mod grid;
pub mod plan;
pub mod play;
pub mod rows;
pub mod shocks;
pub mod stress;
pub mod sweep;
pub mod views;
pub mod walk;
