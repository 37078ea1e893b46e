//! The pair: the unit of state, risk, profit and display. One spot leg and one perp leg of the same coin.

pub mod memory;
pub mod minimums;
pub mod plan;
pub mod sizing;

pub use memory::{Fruitless, Latch, LatchCause, PairMemory, Phase};
pub use plan::{Child, PlanInput, plan};
