//! Proofs about backtests: an independent accountant, a tight loop, holes, no look-ahead, bad input, `carry why`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests stop at the first surprise and say when they skip"
)]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder and the auditor's Python by environment")]

mod audit;
mod bad_input;
mod coin;
mod files;
mod look_ahead;
mod loops;
mod series;
mod strategies;
mod two_venues;
mod venues;
mod why;
