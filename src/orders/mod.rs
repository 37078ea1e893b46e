//! Orders from intent to end: the transition table and the one place that makes and books them.
//!
//! Not knowing is a state. Fills are a quantity, not a state; late fills after the end are legal: book and repair.

pub mod manager;
pub mod order;
pub mod state;

pub use manager::{Booking, Orders};
pub use order::Order;
pub use state::{IllegalReport, OrderState};
