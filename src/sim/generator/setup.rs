//! The two venues, five coins and nine pairs of the generated market: their tempers and their catalogue.
//!
//! `alpha` is anchored: 8 h funding, linear weights, deep books, quoted in USDT. `hyper` is wild: hourly funding, equal
//! weights, thinner books, quoted in USDC. Sizes of funding are set so that a quarter looks in kind like the third quarter
//! of 2025 (BTC, 8 h terms: 0.0057 % and 0.0120 % on average); `tests/suite/generator.rs` measures it. Ticks, steps and fees
//! are those of the large venues in 2025, rounded. Nothing here changes while the market runs.

use super::round::price_units;
use crate::domain::collateral::built_in_share;
use crate::domain::fees::BuyFeeIn;
use crate::domain::funding::{Formula, Weighting};
use crate::domain::margin::Bracket;
use crate::domain::{
    Amount, Asset, Catalogue, Contract, Fees, Instrument, InstrumentId, Interval, Market, Quantity, Rate, Rules,
    Symbol, Venue, VenueId,
};

/// A quote coin of the market.
pub(super) const QUOTES: [&str; 2] = ["USDT", "USDC"];

/// How one coin moves. Volatilities are per square root of a day, as fractions.
#[derive(Debug)]
pub(super) struct CoinSpec {
    /// Its name.
    pub(super) name: &'static str,
    /// US dollars at the start; the price is pulled back towards it over months.
    pub(super) dollars: f64,
    /// Share in the common move.
    pub(super) beta: f64,
    /// Its own volatility.
    pub(super) own: f64,
    /// Share in the depth of a cascade.
    pub(super) fall: f64,
    /// Whether the monthly rally may be its.
    pub(super) rallies: bool,
    /// Funding of a hot episode in 8 h terms, from and to; `None` has no episodes.
    pub(super) heat: Option<(f64, f64)>,
}

/// The coins.
pub(super) const COINS: [CoinSpec; 5] = [
    CoinSpec { name: "BTC", dollars: 100_000.0, beta: 1.0, own: 0.005, fall: 0.5, rallies: false, heat: None },
    CoinSpec { name: "ETH", dollars: 3_500.0, beta: 1.25, own: 0.014, fall: 0.8, rallies: false, heat: None },
    CoinSpec {
        name: "SOL",
        dollars: 180.0,
        beta: 1.4,
        own: 0.02,
        fall: 1.0,
        rallies: true,
        heat: Some((0.000_2, 0.000_5)),
    },
    CoinSpec {
        name: "DOGE",
        dollars: 0.2,
        beta: 1.5,
        own: 0.023,
        fall: 1.2,
        rallies: true,
        heat: Some((0.000_22, 0.000_6)),
    },
    CoinSpec {
        name: "WIF",
        dollars: 1.2,
        beta: 1.7,
        own: 0.04,
        fall: 1.6,
        rallies: true,
        heat: Some((0.000_28, 0.000_8)),
    },
];

/// One of the two venues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum House {
    /// `alpha`: anchored, 8 h.
    Alpha,
    /// `hyper`: wild, 1 h.
    Hyper,
}

impl House {
    /// Both, in the order of their numbers.
    pub(super) const ALL: [Self; 2] = [Self::Alpha, Self::Hyper];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Hyper => "hyper",
        }
    }

    /// Its number in the catalogue.
    pub(super) const fn id(self) -> VenueId {
        match self {
            Self::Alpha => VenueId(0),
            Self::Hyper => VenueId(1),
        }
    }

    /// Place of its quote coin in [`QUOTES`].
    pub(super) const fn quote(self) -> usize {
        match self {
            Self::Alpha => 0,
            Self::Hyper => 1,
        }
    }

    /// Its funding interval when nothing special is on.
    pub(super) const fn interval(self) -> Interval {
        match self {
            Self::Alpha => Interval::H8,
            Self::Hyper => Interval::H1,
        }
    }

    const fn formula(self) -> Formula {
        match self {
            Self::Alpha => Formula::STANDARD,
            Self::Hyper => Formula {
                cap: Rate::from_units(40_000_000_000_000_000),
                floor: Rate::from_units(-40_000_000_000_000_000),
                ..Formula::STANDARD
            },
        }
    }

    /// How it weighs premium samples.
    pub(super) const fn weighting(self) -> Weighting {
        match self {
            Self::Alpha => Weighting::Linear,
            Self::Hyper => Weighting::Equal,
        }
    }

    /// Fees in units of a hundredth of a basis point: spot maker and taker, perp maker and taker.
    const fn fees(self, market: Market) -> (i64, i64) {
        match (self, market) {
            (Self::Alpha, Market::Spot) => (1_000, 1_000),
            (Self::Alpha, Market::Perp) => (200, 500),
            (Self::Hyper, Market::Spot) => (400, 700),
            (Self::Hyper, Market::Perp) => (150, 450),
        }
    }
}

/// The temper of a premium index. Sizes are fractions of the index.
#[derive(Debug)]
pub(super) struct Temper {
    /// Where it rests.
    pub(super) base: f64,
    /// Width of the slow part, half-life two and a half days.
    pub(super) slow: f64,
    /// Width of the fast part, half-life three hours.
    pub(super) fast: f64,
    /// Width of the noise of one minute.
    pub(super) noise: f64,
    /// Spikes a day, four in five of them up.
    pub(super) spikes: f64,
    /// Mean size of a spike.
    pub(super) spike: f64,
    /// Minutes until arbitrage has halved a spike.
    pub(super) compressed: f64,
    /// Premium per unit of twelve-hour momentum.
    pub(super) momentum: f64,
    /// Discount at the worst of a cascade.
    pub(super) dislocation: f64,
}

/// Grid and books of one instrument. Units of prices and quantities are 1e-8.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) tick: i64,
    pub(super) step: i64,
    /// Least value of an order in the quote coin.
    pub(super) least: i64,
    /// Half of the usual spread as a fraction.
    pub(super) half: f64,
    /// Usual value within 10 bps of the best price, each side, in US dollars.
    pub(super) depth: f64,
}

/// One pair: a coin on a venue.
#[derive(Debug)]
pub(super) struct ListingSpec {
    /// Place of the coin in [`COINS`].
    pub(super) coin: usize,
    /// The venue.
    pub(super) house: House,
    /// The venue's name of both instruments.
    pub(super) symbol: &'static str,
    /// Spot books.
    pub(super) spot: Grid,
    /// Perp books.
    pub(super) perp: Grid,
    /// Its premium.
    pub(super) temper: Temper,
    /// Usual open interest in US dollars at the starting price.
    pub(super) interest: f64,
    /// Maintenance margin by value.
    pub(super) brackets: &'static [(i64, i64)],
}

/// Value from which a maintenance ratio (units of 0.01 %) holds.
const MAJOR: &[(i64, i64)] = &[(0, 40), (50_000, 50), (600_000, 65), (3_000_000, 100), (12_000_000, 200)];
const MIDDLE: &[(i64, i64)] = &[(0, 50), (10_000, 65), (100_000, 100), (1_000_000, 200), (5_000_000, 500)];
const THIN: &[(i64, i64)] = &[(0, 150), (10_000, 250), (60_000, 500), (400_000, 1_250)];
const HYPER_MAJOR: &[(i64, i64)] = &[(0, 125), (150_000_000, 250)];
const HYPER_ETH: &[(i64, i64)] = &[(0, 200), (100_000_000, 333)];
const HYPER_MIDDLE: &[(i64, i64)] = &[(0, 250), (40_000_000, 500)];
const HYPER_DOGE: &[(i64, i64)] = &[(0, 500)];

const fn grid(units: (i64, i64, i64), half_bps: f64, depth: f64) -> Grid {
    Grid { tick: units.0, step: units.1, least: units.2, half: half_bps / 1e4, depth }
}

/// A premium that arbitrage holds tightly below the index, as on the large venues in 2025.
const fn anchored(slow: f64, fast: f64, spikes: f64, spike: f64, dislocation: f64) -> Temper {
    Temper {
        base: -0.000_433,
        slow,
        fast,
        noise: 0.000_15,
        spikes,
        spike,
        compressed: 240.0,
        momentum: 0.001,
        dislocation,
    }
}

/// A premium that follows the crowd.
const fn wild(slow: f64, fast: f64, spikes: f64, spike: f64, dislocation: f64) -> Temper {
    Temper {
        base: 0.000_17,
        slow,
        fast,
        noise: 0.000_3,
        spikes,
        spike,
        compressed: 420.0,
        momentum: 0.003,
        dislocation,
    }
}

/// The pairs in the order of their numbers.
pub(super) const LISTINGS: [ListingSpec; 9] = [
    ListingSpec {
        coin: 0,
        house: House::Alpha,
        symbol: "BTCUSDT",
        spot: grid((1_000_000, 1_000, 5), 0.02, 6e6),
        perp: grid((10_000_000, 100_000, 50), 0.02, 12e6),
        temper: anchored(0.000_032, 0.000_05, 0.1, 0.000_04, 0.001),
        interest: 9e9,
        brackets: MAJOR,
    },
    ListingSpec {
        coin: 1,
        house: House::Alpha,
        symbol: "ETHUSDT",
        spot: grid((1_000_000, 10_000, 5), 0.05, 4e6),
        perp: grid((1_000_000, 100_000, 20), 0.04, 9e6),
        temper: anchored(0.000_034, 0.000_055, 0.2, 0.000_06, 0.001_2),
        interest: 6e9,
        brackets: MAJOR,
    },
    ListingSpec {
        coin: 2,
        house: House::Alpha,
        symbol: "SOLUSDT",
        spot: grid((1_000_000, 100_000, 5), 0.3, 1.8e6),
        perp: grid((1_000_000, 1_000_000, 5), 0.3, 4e6),
        temper: anchored(0.000_05, 0.000_08, 0.3, 0.000_15, 0.006),
        interest: 1.5e9,
        brackets: MIDDLE,
    },
    ListingSpec {
        coin: 3,
        house: House::Alpha,
        symbol: "DOGEUSDT",
        spot: grid((1_000, 100_000_000, 1), 0.4, 0.9e6),
        perp: grid((1_000, 100_000_000, 5), 0.4, 1.6e6),
        temper: anchored(0.000_05, 0.000_08, 0.3, 0.000_2, 0.008),
        interest: 9e8,
        brackets: MIDDLE,
    },
    ListingSpec {
        coin: 4,
        house: House::Alpha,
        symbol: "WIFUSDT",
        spot: grid((10_000, 1_000_000, 5), 2.0, 1.6e5),
        perp: grid((10_000, 10_000_000, 5), 1.5, 3.2e5),
        temper: anchored(0.000_08, 0.000_15, 0.5, 0.000_4, 0.02),
        interest: 1.1e8,
        brackets: THIN,
    },
    ListingSpec {
        coin: 0,
        house: House::Hyper,
        symbol: "BTCUSDC",
        spot: grid((100_000_000, 1_000, 10), 0.6, 0.9e6),
        perp: grid((100_000_000, 1_000, 10), 0.15, 4e6),
        temper: wild(0.000_27, 0.000_31, 0.3, 0.000_3, 0.002),
        interest: 3e9,
        brackets: HYPER_MAJOR,
    },
    ListingSpec {
        coin: 1,
        house: House::Hyper,
        symbol: "ETHUSDC",
        spot: grid((10_000_000, 10_000, 10), 0.7, 0.6e6),
        perp: grid((10_000_000, 10_000, 10), 0.25, 3e6),
        temper: wild(0.000_3, 0.000_34, 0.3, 0.000_35, 0.003),
        interest: 2e9,
        brackets: HYPER_ETH,
    },
    ListingSpec {
        coin: 2,
        house: House::Hyper,
        symbol: "SOLUSDC",
        spot: grid((1_000_000, 1_000_000, 10), 1.0, 0.4e6),
        perp: grid((1_000_000, 1_000_000, 10), 0.4, 1.2e6),
        temper: wild(0.000_32, 0.000_36, 0.4, 0.000_6, 0.014),
        interest: 6e8,
        brackets: HYPER_MIDDLE,
    },
    ListingSpec {
        coin: 3,
        house: House::Hyper,
        symbol: "DOGEUSDC",
        spot: grid((1_000, 100_000_000, 10), 1.5, 0.15e6),
        perp: grid((1_000, 100_000_000, 10), 0.8, 0.4e6),
        temper: wild(0.000_33, 0.000_38, 0.4, 0.000_7, 0.02),
        interest: 1.2e8,
        brackets: HYPER_DOGE,
    },
];

/// The catalogue of [`LISTINGS`]: the spot leg of pair `n` is instrument `2n`, its perp is `2n + 1`.
pub(super) fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for spec in &LISTINGS {
        catalogue.add_pair(instrument(spec, Market::Spot), instrument(spec, Market::Perp));
    }
    catalogue
}

fn instrument(spec: &ListingSpec, market: Market) -> Instrument {
    let coin = COINS.get(spec.coin).map_or("?", |coin| coin.name);
    let (grid, brackets) = match market {
        Market::Spot => (&spec.spot, Vec::new()),
        Market::Perp => (&spec.perp, brackets(spec.brackets)),
    };
    let (maker, taker) = spec.house.fees(market);
    let hundredth = |count: i64| Rate::from_units(count * 1_000_000_000_000);
    Instrument {
        id: InstrumentId(0),
        venue_id: spec.house.id(),
        venue: Venue::of(spec.house.name()),
        symbol: Symbol::of(spec.symbol),
        market,
        coin: Asset::of(coin),
        quote: Asset::of(QUOTES.get(spec.house.quote()).copied().unwrap_or("?")),
        contract: Contract::Linear { coins: 1 },
        rules: Rules {
            tick: price_units(grid.tick),
            step: Quantity::saturating(grid.step),
            min_quantity: Quantity::saturating(grid.step),
            max_quantity: Quantity::saturating(grid.step.saturating_mul(10_000_000)),
            min_notional: Amount::whole(grid.least),
        },
        fees: Fees { maker: hundredth(maker), taker: hundredth(taker) },
        buy_fee_in: BuyFeeIn::Coin,
        brackets,
        collateral: built_in_share(Asset::of(coin)),
        formula: spec.house.formula(),
        weighting: spec.house.weighting(),
    }
}

fn brackets(table: &[(i64, i64)]) -> Vec<Bracket> {
    let ratio = |count: i64| Rate::from_units(count * 100_000_000_000_000);
    table.iter().map(|(floor, count)| Bracket { floor: Amount::whole(*floor), maintenance: ratio(*count) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Leg;

    #[test]
    fn ids_follow_the_listings_and_fees_are_as_published() {
        let catalogue = catalogue();
        for (place, (pair, spec)) in catalogue.pairs().iter().zip(&LISTINGS).enumerate() {
            assert_eq!((pair.long.index(), pair.short.index()), (2 * place, 2 * place + 1));
            assert_eq!(pair.name, format!("{}:{}", spec.house.name(), spec.symbol));
            assert_eq!(pair.venue(Leg::Short), spec.house.id());
        }
        let fees = |pair: &str, leg: Leg| {
            let pair = catalogue.pair_named(pair).unwrap();
            let fees = catalogue.instrument(pair.leg(leg)).unwrap().fees;
            format!("{} {}", fees.maker, fees.taker)
        };
        assert_eq!(fees("alpha:BTCUSDT", Leg::Long), "0.001 0.001");
        assert_eq!(fees("alpha:WIFUSDT", Leg::Short), "0.0002 0.0005");
        assert_eq!(fees("hyper:BTCUSDC", Leg::Long), "0.0004 0.0007");
        assert_eq!(fees("hyper:DOGEUSDC", Leg::Short), "0.00015 0.00045");
    }
}
