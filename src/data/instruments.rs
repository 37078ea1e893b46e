//! The two instruments of a pair: what `instruments/VENUE.csv` of the folder says and, value by value, built-in defaults.
//!
//! Every built-in value that is used is listed as a remark for the report. The columns of the file are described in
//! `rules_file.rs`. Tests: here and in `tests/suite/data.rs`.
//!
//! Built-in fees are those of accounts without a tier, caps those of the venues' funding pages, both by the venue digests
//! read 2026-11; brackets are those of a large USDT contract, whose first ratio (0.4 %) agrees with the 0.30 % funding cap of
//! Binance BTC and ETH (three quarters of it).

use super::bundle::prefix;
use super::collateral_file::written_share;
use super::error::{DataError, escaped};
use super::folder::Folder;
use super::history::PairHistory;
use super::rules_file::{Written, parse_brackets, read_rules};
use crate::domain::collateral::built_in_share;
use crate::domain::fees::BuyFeeIn;
use crate::domain::funding::{Formula, Weighting};
use crate::domain::pair_name::LegName;
use crate::domain::text::split_symbol;
use crate::domain::{
    Amount, Asset, Bps, Contract, Fees, Instrument, InstrumentId, Market, Price, Quantity, Rate, Rules, Symbol, Venue,
    VenueId,
};

/// The finest price grid there is.
const TICK: Price = match Price::from_units(1) {
    Ok(price) => price,
    Err(_) => panic!("one unit is a price"),
};
/// Least value of an order in quote coins: what Binance and Bybit ask of most pairs.
const LEAST_ORDER: i64 = 5;
/// Most coins of one order, 1e9: no limit that an account would meet.
const MOST_COINS: i64 = 100_000_000_000_000_000;
/// Maintenance brackets of a perp, in the form of the rules file.
const USUAL_BRACKETS: &str = "0:0.004;50000:0.005;250000:0.01;1000000:0.025";

/// The two instruments of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legs {
    /// The spot leg, or the long perp of a spread.
    pub spot: Instrument,
    /// The perp leg.
    pub perp: Instrument,
    /// Which built-in values were used, at most one line a leg.
    pub remarks: Vec<String>,
}

/// The instruments of a loaded pair; the catalogue gives them their numbers later.
///
/// # Errors
/// [`DataError`] when `instruments/VENUE.csv` cannot be used or the symbol does not say its coin and quote coin.
pub fn legs(folder: &Folder, pair: &PairHistory) -> Result<Legs, DataError> {
    let level = usual_price(&pair.perp.close).or_else(|| usual_price(&pair.spot.close));
    let mut remarks = Vec::new();
    let mut leg = |name: LegName| {
        let LegName { venue, market, symbol } = name;
        let file = folder.root().join("instruments").join(format!("{venue}.csv"));
        let lines = if file.exists() { read_rules(&file)? } else { Vec::new() };
        let line = lines.iter().find(|line| (line.symbol, line.market) == (symbol, market));
        let written = line.map(|line| line.written.clone()).unwrap_or_default().in_contracts(market, pair.coins);
        // The coin of a contract of several is that of its spot leg.
        let split = split_symbol(if pair.coins > 1 { bare(pair.spot_symbol) } else { symbol }.as_str());
        let split = split.or_else(|| coin_alone(venue, symbol));
        let coin = written.coin.or(split.map(|parts| parts.0));
        let quote = written.quote.or(split.map(|parts| parts.1));
        let (Some(coin), Some(quote)) = (coin, quote) else { return Err(unsplit(&pair.name)) };
        let (mut instrument, remark) = Named { venue, symbol, market, coin, quote }.with(&written, level);
        if pair.coins > 1 && market == Market::Spot && written.tick.is_none() {
            instrument.rules.tick = times(instrument.rules.tick, pair.coins);
        }
        remarks.extend(remark);
        Ok(instrument)
    };
    let [long, short] = pair.legs;
    let (spot, mut perp) = (leg(long)?, leg(short)?);
    if let Some(share) = written_share(folder.root(), (perp.venue, spot.coin))? {
        perp.collateral = share;
    }
    if pair.coins > 1 {
        remarks.push(format!("a contract is {} {}; steps above are in contracts", pair.coins, spot.coin));
    }
    Ok(Legs { spot, perp, remarks })
}

/// The instruments of a pair of which nothing but its name is known; `None` when the symbol names no quote coin.
#[must_use]
pub fn built_in(venue: &str, symbol: Symbol) -> Option<Legs> {
    let venue = Venue::new(venue).ok()?;
    let (coin, quote) = split_symbol(symbol.as_str())?;
    let leg = |market| Named { venue, symbol, market, coin, quote }.with(&Written::default(), None);
    let (spot, perp) = (leg(Market::Spot), leg(Market::Perp));
    Some(Legs { remarks: spot.1.into_iter().chain(perp.1).collect(), spot: spot.0, perp: perp.0 })
}

/// A symbol without the word for several coins.
fn bare(symbol: Symbol) -> Symbol {
    prefix(symbol).map_or(symbol, |one| one.1)
}

/// A price of one coin as the price of so many.
fn times(price: Price, coins: u32) -> Price {
    price.units().checked_mul(i64::from(coins)).and_then(|units| Price::from_units(units).ok()).unwrap_or(price)
}

impl Written {
    /// The same rules counted in contracts of so many coins; what does not divide is rounded up, so that no limit is passed.
    fn in_contracts(mut self, market: Market, coins: u32) -> Self {
        if coins == 1 {
            return self;
        }
        let up = |quantity: &mut Quantity| {
            let whole = i64::from(coins);
            *quantity = Quantity::saturating(quantity.units().saturating_add(whole - 1) / whole);
        };
        [&mut self.step, &mut self.min_quantity].into_iter().flatten().for_each(up);
        if let Some(most) = &mut self.max_quantity {
            *most = Quantity::saturating(most.units() / i64::from(coins));
        }
        if market == Market::Spot {
            self.tick = self.tick.map(|tick| times(tick, coins));
        }
        self
    }
}

/// Coin and quote coin of a venue whose symbols name the coin alone.
fn coin_alone(venue: Venue, symbol: Symbol) -> Option<(Asset, Asset)> {
    (venue.as_str() == "hyperliquid").then(|| Some((Asset::new(symbol.as_str()).ok()?, Asset::new("USDC").ok()?)))?
}

fn unsplit(name: &str) -> DataError {
    let missing = "its symbol does not end in a known quote coin; name coin and quote in instruments/VENUE.csv";
    DataError::NoPair { name: escaped(name, 60), missing: missing.to_owned(), nearest: None }
}

/// The power of ten of coins that is worth at least 0.1 and less than 1 quote coin at `price`; at least 1e-8 coins.
///
/// Worked: 60,000 gives 0.00001 (0.6), 2,500 gives 0.0001 (0.25), 0.2 gives 1 (0.2): the spot steps of the big venues.
#[must_use]
pub fn usual_step(price: Price) -> Quantity {
    // One step is worth price x step = units x units of 1e-16; a tenth of a quote coin is 1e15 of these.
    let mut units = 1_i64;
    while i128::from(price.units()) * i128::from(units) < 1_000_000_000_000_000 {
        units *= 10;
    }
    Quantity::saturating(units)
}

/// The price level that chooses a built-in step: the first close, so that no later price can change an earlier decision.
fn usual_price(prices: &[Price]) -> Option<Price> {
    prices.first().copied()
}

/// Fee rates without a tier. An unknown venue pays as on Binance.
fn usual_fees(venue: Venue, market: Market) -> Fees {
    // In hundredths of a basis point: maker, taker.
    let (maker, taker) = match (venue.as_str(), market) {
        ("hyperliquid", Market::Spot) => (400, 700),
        ("hyperliquid", Market::Perp) => (150, 450),
        ("bybit", Market::Perp) => (200, 550),
        ("okx", Market::Spot) => (800, 1_000),
        (_, Market::Spot) => (1_000, 1_000),
        (_, Market::Perp) => (200, 500),
    };
    let rate = |hundredths: i64| Bps::from_units(hundredths * 100).to_rate();
    Fees { maker: rate(maker), taker: rate(taker) }
}

/// The funding formula: interest and damper are the same everywhere, the cap differs.
fn usual_formula(venue: Venue, coin: Asset) -> Formula {
    let major = matches!(coin.as_str(), "BTC" | "ETH");
    // In basis points a settlement.
    let cap = match venue.as_str() {
        "hyperliquid" => Bps::whole(400),
        "binance" if major => Bps::whole(30),
        "bybit" if major => Bps::from_units(375_000),
        _ => return Formula::STANDARD,
    };
    let cap: Rate = cap.to_rate();
    Formula { cap, floor: -cap, ..Formula::STANDARD }
}

fn usual_weighting(venue: Venue) -> Weighting {
    if venue.as_str() == "hyperliquid" { Weighting::Equal } else { Weighting::Linear }
}

/// What an instrument is called, before its rules.
#[derive(Debug, Clone, Copy)]
struct Named {
    venue: Venue,
    symbol: Symbol,
    market: Market,
    coin: Asset,
    quote: Asset,
}

impl Named {
    /// The instrument with what is written and, where nothing is, built-in values, which the remark lists.
    fn with(self, written: &Written, level: Option<Price>) -> (Instrument, Option<String>) {
        let mut used = Vec::new();
        let (rules, fees) = (self.rules(written, level, &mut used), self.fees(written, &mut used));
        let brackets = self.brackets(written, &mut used);
        let instrument = Instrument {
            id: InstrumentId(0),
            venue_id: VenueId(0),
            venue: self.venue,
            symbol: self.symbol,
            market: self.market,
            coin: self.coin,
            quote: self.quote,
            // A pair of a contract of several coins is counted in contracts: one is one.
            contract: Contract::Linear { coins: 1 },
            rules,
            fees,
            buy_fee_in: BuyFeeIn::Coin,
            brackets,
            collateral: built_in_share(self.coin),
            formula: usual_formula(self.venue, self.coin),
            weighting: usual_weighting(self.venue),
        };
        let remark = format!("{}:{} {}: built-in {}", self.venue, self.symbol, self.market, used.join(", "));
        (instrument, (!used.is_empty()).then_some(remark))
    }

    fn rules(self, written: &Written, level: Option<Price>, used: &mut Vec<String>) -> Rules {
        let tick = written.tick.unwrap_or_else(|| {
            used.push(format!("tick {TICK} {}", self.quote));
            TICK
        });
        let step = written.step.unwrap_or_else(|| {
            let step = level.map_or(Quantity::saturating(1), usual_step);
            used.push(format!("step {step} {}", self.coin));
            step
        });
        let min_notional = written.min_notional.unwrap_or_else(|| {
            used.push(format!("least order {LEAST_ORDER} {}", self.quote));
            Amount::whole(LEAST_ORDER)
        });
        let max_quantity = written.max_quantity.unwrap_or_else(|| {
            used.push("no largest order".to_owned());
            Quantity::saturating(MOST_COINS)
        });
        Rules { tick, step, min_quantity: written.min_quantity.unwrap_or(step), max_quantity, min_notional }
    }

    fn fees(self, written: &Written, used: &mut Vec<String>) -> Fees {
        let usual = usual_fees(self.venue, self.market);
        let fees = Fees { maker: written.maker.unwrap_or(usual.maker), taker: written.taker.unwrap_or(usual.taker) };
        if written.maker.is_none() {
            used.push(format!("maker fee {}", fees.maker));
        }
        if written.taker.is_none() {
            used.push(format!("taker fee {}", fees.taker));
        }
        fees
    }

    fn brackets(self, written: &Written, used: &mut Vec<String>) -> Vec<crate::domain::margin::Bracket> {
        match (&written.brackets, self.market) {
            (_, Market::Spot) => Vec::new(),
            (Some(brackets), Market::Perp) => brackets.clone(),
            (None, Market::Perp) => {
                used.push(format!("brackets {USUAL_BRACKETS}"));
                parse_brackets(USUAL_BRACKETS).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_step_is_worth_a_tenth_to_one_quote_coin() {
        let check = |price: &str, expected: &str| {
            let step = usual_step(Price::parse(price).unwrap());
            assert_eq!(step, Quantity::parse(expected).unwrap(), "{price}");
        };
        check("60000", "0.00001");
        check("100000", "0.000001");
        check("99999.99", "0.00001");
        check("2500", "0.0001");
        check("0.2", "1");
        check("0.00000001", "10000000");
        check("90000000000", "0.00000001");
    }

    #[test]
    fn built_in_brackets_and_fees_are_whole() {
        let brackets = parse_brackets(USUAL_BRACKETS).unwrap();
        assert_eq!(brackets.len(), 4);
        let fees = usual_fees(Venue::of("bybit"), Market::Perp);
        assert_eq!((fees.maker, fees.taker), (Rate::parse("0.0002").unwrap(), Rate::parse("0.00055").unwrap()));
        let formula = usual_formula(Venue::of("binance"), Asset::of("ETH"));
        assert_eq!((formula.cap, formula.floor), (Rate::parse("0.003").unwrap(), Rate::parse("-0.003").unwrap()));
    }
}
