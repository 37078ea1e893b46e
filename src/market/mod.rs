//! What we know of the market, each fact with its age: quotes, marks, funding, open interest, per leg and per pair.
//!
//! Facts only: nothing here decides, and nothing here knows an order. Signals are floats; prices are exact.

pub mod funding_window;
pub mod leg;
pub mod pair_market;

pub use funding_window::FundingWindow;
pub use leg::LegMarket;
pub use pair_market::PairMarket;
