//! Pairs at flat prices, for cross-checks (`sim.candles = "flat"`): the spot leg stays at 100 and the perp at its basis to it, so that
//! every notional stays the same; where a coin has no candles its basis is 0.
//!
//! Bars are of 8 h and end at 00, 08 and 16 UTC. A bar is there when the settlements of its hours are; a stretch ends where they are not.
//! The spot leg of a Hyperliquid pair is that of Binance: a named proxy. Tests: `tests/suite/ladder.rs`.

use super::candles::read_candles;
use super::error::DataError;
use super::folder::{Folder, Key, Kind, Wanted};
use super::funding::read_funding;
use super::history::{Candles, FundingRow, PairHistory, Segment};
use super::instruments::{Legs, built_in};
use crate::domain::pair_name::LegName;
use crate::domain::{Price, Quantity, Span, Symbol, Venue, WallTime};
use std::collections::BTreeMap;
use std::path::Path;

/// Length of a bar.
const STEP: Span = Span::hours(8);
/// Hours of a bar whose settlements must be there.
const KNOWN_HOURS: i64 = 7;
/// The price of the spot leg, as quote coins.
const LEVEL: f64 = 100.0;
/// Coins traded in each bar: depth is no question here.
const VOLUME: Quantity = Quantity::saturating(1_000_000_000_000_000);

/// One pair at flat prices with its two instruments.
#[derive(Debug)]
pub struct FlatPair {
    /// Its history.
    pub history: PairHistory,
    /// Its instruments.
    pub legs: Legs,
}

/// Names of all series of funding that can be taken so.
#[must_use]
pub fn names(folder: &Folder) -> Vec<String> {
    let funded = folder.files().keys().filter(|key| key.kind == Kind::Funding && legs(key.venue, key.symbol).is_some());
    funded.map(|key| format!("{}:{}", key.venue, key.symbol)).collect()
}

/// A pair of that name (`VENUE:SYMBOL` of its series of funding), with settlements from `from` on and until `to`.
///
/// # Errors
/// [`DataError::NoPair`] when there is no such series, or its coin is not known; as for [`read_funding`] and the candles.
pub fn load(folder: &Folder, name: &str, times: (Option<WallTime>, Option<WallTime>)) -> Result<FlatPair, DataError> {
    let none = |missing: &str| DataError::NoPair { name: name.to_owned(), missing: missing.to_owned(), nearest: None };
    let parts =
        name.split_once(':').and_then(|(venue, symbol)| Some((Venue::new(venue).ok()?, Symbol::new(symbol).ok()?)));
    let (venue, symbol) = parts.ok_or_else(|| none("expected VENUE:SYMBOL, such as binance:BTCUSDT"))?;
    let legs = legs(venue, symbol).ok_or_else(|| none("its symbol does not say its coin"))?;
    let key = |kind, step| Key { venue, symbol, kind, step };
    let file = folder.file(key(Kind::Funding, Span::ZERO)).ok_or_else(|| none("it has no funding"))?;
    let wanted = Wanted::between(times);
    let funding: Vec<FundingRow> = read_funding(file)?
        .into_iter()
        .filter(|row| wanted.holds(row.stamp))
        // What it was paid on is a price that does not exist here.
        .map(|row| FundingRow { mark: None, ..row })
        .collect();
    let candles =
        |kind| folder.file(key(kind, Span::HOUR)).map(|file: &Path| read_candles(file, Span::HOUR)).transpose();
    let basis = match (candles(Kind::Spot)?, candles(Kind::Perp)?) {
        (Some(spot), Some(perp)) => basis(&spot, &perp),
        _ => BTreeMap::new(),
    };
    let ends = ends(&funding);
    let (spot, perp) = (bars(&ends, &BTreeMap::new()), bars(&ends, &basis));
    let history = PairHistory {
        name: name.to_owned(),
        legs: [&legs.spot, &legs.perp].map(|leg| LegName { venue: leg.venue, market: leg.market, symbol: leg.symbol }),
        prices: BTreeMap::new(),
        spot_symbol: legs.spot.symbol,
        coins: 1,
        step: STEP,
        spot,
        perp,
        mark: None,
        long_mark: None,
        long_funding: Vec::new(),
        segments: segments(&ends),
        listed: funding.first().map(|row| row.stamp),
        funding,
        open_interest: Vec::new(),
    };
    Ok(FlatPair { history, legs })
}

/// Both instruments, in one quote coin. The spot leg of a venue without one of its own is that of Binance.
fn legs(venue: Venue, symbol: Symbol) -> Option<Legs> {
    let named = |coin: &str| Symbol::new(&format!("{coin}USDT")).ok();
    let text = symbol.as_str();
    if venue.as_str() == "hyperliquid" {
        let (spot, perp) = (built_in("binance", named(text)?)?, built_in("hyperliquid", named(text)?)?);
        let mut legs = Legs { spot: spot.spot, perp: perp.perp, remarks: Vec::new() };
        legs.perp.symbol = symbol;
        return Some(legs);
    }
    text.ends_with("USDT").then(|| built_in(venue.as_str(), symbol)).flatten()
}

/// Ends of the bars whose settlements are known.
fn ends(funding: &[FundingRow]) -> Vec<WallTime> {
    let mut hours: BTreeMap<i64, i64> = BTreeMap::new();
    for row in funding {
        // Stamps are some minutes off at most; a rate counts for the bar that ends with it or after it.
        let hour = (row.stamp.0 + Span::HOUR.0 / 2).div_euclid(Span::HOUR.0);
        let end = -(-hour).div_euclid(8) * 8;
        *hours.entry(end).or_default() += row.interval.map_or(1, crate::domain::Interval::hours);
    }
    hours.into_iter().filter(|(_, known)| *known >= KNOWN_HOURS).map(|(end, _)| WallTime(end * Span::HOUR.0)).collect()
}

/// Stretches without a bar that is missing.
fn segments(ends: &[WallTime]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for end in ends {
        let opened = *end - STEP;
        match segments.last_mut().filter(|last| last.last + STEP == opened) {
            Some(last) => last.last = opened,
            None => segments.push(Segment { first: opened, last: opened }),
        }
    }
    segments
}

/// Perp close over spot close less one, by the time at which an hour's close is known.
#[expect(clippy::float_arithmetic, reason = "a ratio of prices, rounded to the grid of prices afterwards")]
fn basis(spot: &Candles, perp: &Candles) -> BTreeMap<WallTime, f64> {
    let closes = |candles: &Candles| -> BTreeMap<WallTime, f64> {
        candles
            .opened
            .iter()
            .zip(&candles.close)
            .map(|(opened, close)| (*opened + Span::HOUR, close.to_f64()))
            .collect()
    };
    let spots = closes(spot);
    closes(perp).into_iter().filter_map(|(at, price)| Some((at, price / spots.get(&at)? - 1.0))).collect()
}

/// Bars at the level and so much above it as the basis says at each end; one that is not known stays as it was.
#[expect(clippy::float_arithmetic, clippy::cast_possible_truncation, reason = "rounded once to the grid of prices")]
fn bars(ends: &[WallTime], basis: &BTreeMap<WallTime, f64>) -> Candles {
    let mut candles = Candles::default();
    let price = |basis: f64| Price::from_units(libm::round(LEVEL * (1.0 + basis) * 1e8) as i64).ok();
    let mut last = 0.0;
    for end in ends {
        let before = last;
        last = basis.get(end).copied().unwrap_or(last);
        let (Some(open), Some(close)) = (price(before), price(last)) else { continue };
        candles.opened.push(*end - STEP);
        candles.open.push(open);
        candles.high.push(open.max(close));
        candles.low.push(open.min(close));
        candles.close.push(close);
        candles.volume.push(VOLUME);
    }
    candles
}
