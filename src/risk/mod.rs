//! Risk: the one gate before an order is written down, and the rules behind it.
//!
//! No order reaches a signer unless it is an [`gate::Approved`] one, and only `gate.rs` makes those. Missing data refuses.
//! The gate sees values, not the engine: [`gate::Context`] holds everything a rule may look at.

pub mod belief;
pub mod gate;
pub mod rules;
pub mod throttle;

pub use gate::{Approved, Context, Proposal, approve};
pub use rules::Refusal;
