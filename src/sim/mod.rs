//! The simulated venue: one model with its own books, used for backtest, paper, shadow and the simulator of the tests.
//!
//! It matches, charges fees, settles funding, liquidates, deleverages, moves transfers late, and misbehaves on order. It
//! speaks the port only and never sees the engine; its books are the truth that the bot is compared with. The generated
//! market stands beside it. Tests: `tests/sim.rs`, `tests/suite/generator.rs`.

pub mod account;
mod collateral;
mod executions;
pub mod faults;
pub mod generator;
pub mod matching;
pub mod settle;
pub mod venue;

use crate::domain::WallTime;

pub use account::Accounts;
pub use faults::Faults;
pub use generator::Generator;
pub use venue::SimVenue;

/// First instant of the generated market: 2025-06-01T00:00:00Z.
pub const START: WallTime = WallTime(1_748_736_000_000);
