//! A pair: one instrument that is bought and one that is sold short, of the same coin.

use super::ids::{InstrumentId, PairId, VenueId};
use super::instrument::{Instrument, Market};
use super::quantity::Side;
use super::text::Asset;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the two legs of a pair. Which market it trades on, its instrument says.
///
/// Files keep the words of the first pairs, whose long leg was spot and whose short leg was a perp; the words of this enum are
/// read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Leg {
    /// What is bought to enter, and gains when the price rises.
    #[serde(rename = "spot", alias = "long")]
    Long,
    /// What is sold to enter, and gains when the price falls.
    #[serde(rename = "perp", alias = "short")]
    Short,
}

impl Leg {
    /// Both, the long one first.
    pub const BOTH: [Self; 2] = [Self::Long, Self::Short];

    /// The other leg.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Long => Self::Short,
            Self::Short => Self::Long,
        }
    }

    /// The side that adds to it.
    #[must_use]
    pub const fn adds(self) -> Side {
        match self {
            Self::Long => Side::Buy,
            Self::Short => Side::Sell,
        }
    }

    /// Its word in the columns of a ledger file.
    #[must_use]
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Long => "spot",
            Self::Short => "perp",
        }
    }

    /// Its one of two things that are given long leg first.
    pub fn of<T>(self, both: (T, T)) -> T {
        match self {
            Self::Long => both.0,
            Self::Short => both.1,
        }
    }
}

/// The word of a leg in rows of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LegWord {
    /// The long leg of a basis pair.
    Spot,
    /// The short leg of a basis pair.
    Perp,
    /// The long leg of a spread.
    Long,
    /// The short leg of a spread.
    Short,
}

impl LegWord {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Perp => "perp",
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

impl fmt::Display for LegWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a leg has of its instrument, at hand where every fill needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its venue.
    pub venue: VenueId,
    /// Spot or perp.
    pub market: Market,
    /// What it is priced in.
    pub quote: Asset,
}

/// A long leg and a short leg of the same coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Its number.
    pub id: PairId,
    /// `venue:SYMBOL` of the short leg where the pair is spot and perp of one venue; else of both legs, the long one first.
    pub name: String,
    /// The coin.
    pub coin: Asset,
    /// The instrument that is bought.
    pub long: InstrumentId,
    /// The instrument that is sold short.
    pub short: InstrumentId,
    /// Where its legs stand, the long one first.
    pub places: [Place; 2],
}

impl Pair {
    /// A pair of these two instruments, which are numbered already.
    #[must_use]
    pub fn new(id: PairId, long: &Instrument, short: &Instrument) -> Self {
        let place = |of: &Instrument| Place { venue: of.venue_id, market: of.market, quote: of.quote };
        Self {
            id,
            name: name(long, short),
            coin: long.coin,
            long: long.id,
            short: short.id,
            places: [place(long), place(short)],
        }
    }

    /// The instrument of a leg.
    #[must_use]
    pub const fn leg(&self, leg: Leg) -> InstrumentId {
        match leg {
            Leg::Long => self.long,
            Leg::Short => self.short,
        }
    }

    /// Where a leg stands.
    #[must_use]
    #[inline]
    pub const fn place(&self, leg: Leg) -> Place {
        let [long, short] = &self.places;
        match leg {
            Leg::Long => *long,
            Leg::Short => *short,
        }
    }

    /// The market of a leg: the word that people read of it.
    #[must_use]
    pub const fn market(&self, leg: Leg) -> Market {
        self.place(leg).market
    }

    /// Whether both legs are perps.
    #[must_use]
    pub fn is_spread(&self) -> bool {
        self.market(Leg::Long) == Market::Perp
    }

    /// The word of a leg in rows of files.
    #[must_use]
    pub fn word(&self, leg: Leg) -> LegWord {
        match (self.is_spread(), leg) {
            (false, Leg::Long) => LegWord::Spot,
            (false, Leg::Short) => LegWord::Perp,
            (true, Leg::Long) => LegWord::Long,
            (true, Leg::Short) => LegWord::Short,
        }
    }

    /// The venue of a leg.
    #[must_use]
    pub const fn venue(&self, leg: Leg) -> VenueId {
        self.place(leg).venue
    }

    /// The quote coin of a leg.
    #[must_use]
    pub const fn quote(&self, leg: Leg) -> Asset {
        self.place(leg).quote
    }

    /// Where a leg's money is: its venue and its quote coin.
    #[must_use]
    pub const fn account(&self, leg: Leg) -> (VenueId, Asset) {
        let Place { venue, quote, .. } = self.place(leg);
        (venue, quote)
    }

    /// The leg that is a perp whose margin is this money: a venue's, in a quote coin. The short one where both are.
    #[must_use]
    pub fn perp_at(&self, account: (VenueId, Asset)) -> Option<Leg> {
        [Leg::Short, Leg::Long]
            .into_iter()
            .find(|leg| self.market(*leg) == Market::Perp && self.account(*leg) == account)
    }

    /// Whether money of one wallet can serve both legs: no money moves between venues, and a coin is not another one.
    #[must_use]
    pub fn is_at_one_account(&self) -> bool {
        self.account(Leg::Long) == self.account(Leg::Short)
    }

    /// The venues of both legs, each once.
    pub fn venues(&self) -> impl Iterator<Item = VenueId> + use<> {
        let (long, short) = (self.venue(Leg::Long), self.venue(Leg::Short));
        [Some(short), (long != short).then_some(long)].into_iter().flatten()
    }

    /// Whether a leg of it stands at a venue.
    #[must_use]
    pub fn stands_at(&self, venue: VenueId) -> bool {
        self.venues().any(|one| one == venue)
    }
}

/// `a:BTCUSDT`, `a:BTCUSDT/b:BTCUSDC` over two venues, and `a-perp:BTCUSDT/b-perp:BTCUSDC` where both legs are perps.
fn name(long: &Instrument, short: &Instrument) -> String {
    let of = |one: &Instrument, word| format!("{}{word}:{}", one.venue, one.symbol);
    match long.market {
        Market::Spot if long.venue == short.venue => of(short, ""),
        Market::Spot => format!("{}/{}", of(long, ""), of(short, "")),
        Market::Perp => format!("{}/{}", of(long, "-perp"), of(short, "-perp")),
    }
}
