//! Instruments, their rules, pairs of a spot and a perp leg, and the catalogue that numbers them.

use super::contract::Contract;
use super::fees::{BuyFeeIn, Fees};
use super::funding::{Formula, Weighting};
use super::ids::{InstrumentId, PairId, VenueId};
use super::margin::Bracket;
use super::money::Amount;
use super::price::Price;
use super::quantity::{Quantity, Side};
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

/// One of the two legs of a pair.
pub type Leg = Market;

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spot => "spot",
            Self::Perp => "perp",
        })
    }
}

impl Market {
    /// The other leg.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Spot => Self::Perp,
            Self::Perp => Self::Spot,
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

/// One spot leg and one perp leg of the same coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its number.
    pub id: PairId,
    /// `venue:SYMBOL` of the perp.
    pub name: String,
    /// The spot instrument.
    pub spot: InstrumentId,
    /// The perp instrument.
    pub perp: InstrumentId,
    /// The venue of both legs.
    pub venue_id: VenueId,
    /// The coin.
    pub coin: Asset,
    /// The quote coin of both legs.
    pub quote: Asset,
}

impl Pair {
    /// The instrument of a leg.
    #[must_use]
    pub const fn leg(&self, leg: Leg) -> InstrumentId {
        match leg {
            Market::Spot => self.spot,
            Market::Perp => self.perp,
        }
    }
}

/// All instruments, pairs and venues of a run, numbered densely.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    instruments: Vec<Instrument>,
    pairs: Vec<Pair>,
    venues: Vec<Venue>,
}

impl Catalogue {
    /// Adds a pair by its two legs; ids inside the given instruments are overwritten. Returns the pair's number.
    pub fn add_pair(&mut self, mut spot: Instrument, mut perp: Instrument) -> PairId {
        let venue_id = self.venue_id(perp.venue);
        spot.id = InstrumentId(u16::try_from(self.instruments.len()).unwrap_or(u16::MAX));
        perp.id = InstrumentId(spot.id.0.saturating_add(1));
        spot.venue_id = self.venue_id(spot.venue);
        perp.venue_id = venue_id;
        let id = PairId(u16::try_from(self.pairs.len()).unwrap_or(u16::MAX));
        self.pairs.push(Pair {
            id,
            name: format!("{}:{}", perp.venue, perp.symbol),
            spot: spot.id,
            perp: perp.id,
            venue_id,
            coin: spot.coin,
            quote: perp.quote,
        });
        self.instruments.push(spot);
        self.instruments.push(perp);
        id
    }

    fn venue_id(&mut self, venue: Venue) -> VenueId {
        let place = self.venues.iter().position(|known| *known == venue).unwrap_or_else(|| {
            self.venues.push(venue);
            self.venues.len() - 1
        });
        VenueId(u8::try_from(place).unwrap_or(u8::MAX))
    }

    /// An instrument by number.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.index())
    }

    /// A pair by number.
    #[must_use]
    pub fn pair(&self, id: PairId) -> Option<&Pair> {
        self.pairs.get(id.index())
    }

    /// A pair by name.
    #[must_use]
    pub fn pair_named(&self, name: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.name == name)
    }

    /// Instruments in order of number.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Pairs in order of number.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Venues in order of number.
    #[must_use]
    pub fn venues(&self) -> &[Venue] {
        &self.venues
    }

    /// Changes one instrument (new filters, brackets, fees).
    pub fn instrument_mut(&mut self, id: InstrumentId) -> Option<&mut Instrument> {
        self.instruments.get_mut(id.index())
    }
}
