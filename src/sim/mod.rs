//! The simulated side of paper, backtest and tests: where prices come from when no venue is asked.
//!
//! It sees `domain` and `port` only. Tests stand beside each part in `tests/`.

pub mod generator;
