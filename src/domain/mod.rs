//! Words with units: prices, quantities, money, rates, funding, time, instruments.
//!
//! Everything else is built from these. This module does no I/O, reads no clock and knows no venue by name.
//! Tests stand at the end of each file.

pub mod catalogue;
pub mod collateral;
pub mod contract;
pub mod decimal;
pub mod fees;
pub mod funding;
pub mod ids;
pub mod instrument;
pub mod margin;
pub mod money;
pub mod pair;
pub mod pair_name;
pub mod price;
pub mod quantity;
pub mod rate;
pub mod text;
pub mod time;
pub mod universe;

pub use catalogue::Catalogue;
pub use contract::Contract;
pub use decimal::NumberError;
pub use fees::Fees;
pub use funding::{FundingRate, Interval};
pub use ids::{ClientOrderId, FillId, InstrumentId, PairId, Sequence, StrategyId, VenueId};
pub use instrument::{Instrument, Market, Rules};
pub use money::{Amount, Money};
pub use pair::{Leg, LegWord, Pair, Place};
pub use price::Price;
pub use quantity::{Quantity, Side, SignedQuantity};
pub use rate::{Bps, Rate};
pub use text::{Asset, Symbol, Venue};
pub use time::{Span, WallTime};
