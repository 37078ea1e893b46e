//! What we know of the market, each fact with its age: quotes, marks, funding, open interest, per leg and per pair; and
//! order books with the rules that keep them in step with a venue's stream.
//!
//! Facts only: nothing here decides, and nothing here knows an order or a wire format. Signals are floats; prices are exact.

pub mod book;
pub mod diff;
pub mod funding_window;
pub mod instrument;
pub mod pair_market;
pub mod sync;

pub use book::{Book, Level};
pub use diff::{Diff, Rule, Snapshot};
pub use funding_window::FundingWindow;
pub use instrument::InstrumentMarket;
pub use pair_market::PairMarket;
pub use sync::Sync;
