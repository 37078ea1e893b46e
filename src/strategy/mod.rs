//! The decision: a market view in, a wish out. Pure; sees no balances, no orders, no clock.
//!
//! `basis.rs`, which decides about one pair, and `ladder.rs`, which decides about all of them and cash, are meant to be read by a
//! trader who does not know Rust. `gate.rs` lists what must hold before an entry,
//! `forecast.rs` what funding is expected to pay by the value rule, `next_settlement.rs` and `month.rs` what the next settlement
//! and the coming month are expected to pay, `cost.rs` what a round trip costs, `universe.rs` which pairs there are.

pub mod after_print;
pub mod basis;
pub mod capacity;
pub mod confirm;
pub mod cost;
pub mod forecast;
pub mod gate;
pub mod guesses;
pub mod inside;
pub mod ladder;
pub mod month;
pub mod next_settlement;
pub mod odds;
pub mod spread;
pub mod universe;
pub mod view;

pub use basis::{Wish, decide};
pub use gate::{Gate, explain, explain_exit, first_closed};
pub use view::View;
