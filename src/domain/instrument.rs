//! Instruments: what is traded where, in which units, by which rules.

use super::contract::Contract;
use super::fees::{BuyFeeIn, Fees};
use super::funding::{Formula, Weighting};
use super::ids::{InstrumentId, VenueId};
use super::margin::Bracket;
use super::money::Amount;
use super::price::Price;
use super::quantity::{Quantity, Side};
use super::rate::Rate;
use super::text::{Asset, Symbol, Venue};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which of a venue's markets an instrument trades on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Market {
    /// Coins against the quote coin.
    Spot,
    /// Perpetual contracts.
    Perp,
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Market {
    /// Its word in files and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Perp => "perp",
        }
    }
}

/// A venue's limits on orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Price grid.
    pub tick: Price,
    /// Quantity grid in coins.
    pub step: Quantity,
    /// Least quantity of an order.
    pub min_quantity: Quantity,
    /// Most quantity of an order.
    pub max_quantity: Quantity,
    /// Least value of an order that adds risk, in the quote coin.
    pub min_notional: Amount,
}

/// One tradable thing on one venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Its number.
    pub id: InstrumentId,
    /// Its venue's number.
    pub venue_id: VenueId,
    /// Its venue.
    pub venue: Venue,
    /// The venue's name of it.
    pub symbol: Symbol,
    /// Spot or perp.
    pub market: Market,
    /// The coin.
    pub coin: Asset,
    /// What it is priced in.
    pub quote: Asset,
    /// How a perp pays; linear of 1 for spot.
    pub contract: Contract,
    /// Limits on orders.
    pub rules: Rules,
    /// Fee rates.
    pub fees: Fees,
    /// Where a buy's fee is taken.
    pub buy_fee_in: BuyFeeIn,
    /// Maintenance margin brackets (perp); empty for spot.
    pub brackets: Vec<Bracket>,
    /// Share of its value that the coin counts for as collateral of this venue's perps; nothing where it is none.
    #[serde(default)]
    pub collateral: Rate,
    /// Funding formula (perp).
    pub formula: Formula,
    /// Weighting of premium samples (perp).
    pub weighting: Weighting,
}

impl Instrument {
    /// The coin in which a fill's fee is taken, or `None` when it is taken in the quote coin.
    #[must_use]
    pub fn fee_coin(&self, side: Side) -> Option<Asset> {
        let in_coin = self.market == Market::Spot && side == Side::Buy && self.buy_fee_in == BuyFeeIn::Coin;
        in_coin.then_some(self.coin)
    }
}
