//! The history of a pair whose legs are not spot and perp of one venue: spot here and perp there, or two perps.
//!
//! Each leg has its own candles and each perp its own settlements. A leg without candles of its own is priced by those of a
//! named market (`sim.prices`), which the history lists. A stretch is tradable while both legs are. Tests:
//! `tests/backtest/two_venues.rs`.

use super::bundle::{Bundle, confirm, prefix};
use super::candles::read_candles;
use super::coverage::{STEPS, segments};
use super::error::{DataError, escaped};
use super::folder::{Folder, Key, Kind, Wanted, cut_segments, whole_or};
use super::funding::read_funding;
use super::history::{Candles, FundingRow, PairHistory, Segment};
use crate::domain::pair_name::LegName;
use crate::domain::text::{QUOTES, coin_of};
use crate::domain::{Market, Span, Symbol, Venue, WallTime};
use std::path::Path;

/// Where a leg's candles are.
#[derive(Debug, Clone, Copy)]
struct Priced {
    venue: Venue,
    symbol: Symbol,
    kind: Kind,
    /// They are another market's.
    by_proxy: bool,
}

impl Folder {
    /// The history of two legs, within the times wanted.
    pub(super) fn load_legs(&self, name: &str, legs: [LegName; 2], wanted: Wanted) -> Result<PairHistory, DataError> {
        let [long, short] = legs;
        if let Some(bundle) = legs.iter().find(|leg| prefix(leg.symbol).is_some()) {
            let text = format!("{bundle} is a contract of several coins, which only a pair of one venue may have");
            return Err(missing(name, text));
        }
        let priced = [self.priced(name, long)?, self.priced(name, short)?];
        let files: Vec<_> = STEPS
            .into_iter()
            .filter_map(|step| {
                let [long, short] = priced.map(|leg| self.file(leg.key(step)));
                Some((step, long?, short?))
            })
            .collect();
        let (step, common) = Self::choose(name, wanted, &files)?;
        let window = (wanted.start(), wanted.bars_until(step));
        let candles = |key: Key| match self.file(key) {
            Some(file) => read_candles(file, step).map(|all| whole_or(all, window)),
            None => Ok(Candles::default()),
        };
        let (spot, perp) = (candles(priced[0].key(step))?, candles(priced[1].key(step))?);
        confirm(name, Bundle { spot: long.symbol, coins: 1 }, &spot, &perp)?;
        let mut tradable: Option<Vec<Segment>> = None;
        let mut settled = legs.map(|_| Vec::new());
        for (leg, rows) in legs.into_iter().zip(&mut settled).filter(|(leg, _)| leg.market == Market::Perp) {
            *rows = self.settlements_of(name, leg)?;
            let stamps: Vec<WallTime> = rows.iter().map(|row: &FundingRow| row.stamp).collect();
            let own = segments(&common, step, &stamps);
            tradable = Some(tradable.map_or(own.clone(), |known| both(&known, &own)));
            rows.retain(|row| wanted.holds(row.stamp));
        }
        let listed = common.first().copied();
        let [long_funding, funding] = settled;
        let mark = |leg: LegName| {
            let key = Key { venue: leg.venue, symbol: leg.symbol, kind: Kind::Mark, step };
            if leg.market == Market::Spot {
                return Ok(None);
            }
            candles(key).map(|candles| Some(candles).filter(|candles| !candles.is_empty()))
        };
        let prices = legs.iter().zip(&priced).filter(|(_, by)| by.by_proxy);
        let prices = prices.filter_map(|(leg, by)| Some((leg.to_string(), self.shown(self.file(by.key(step))?))));
        Ok(PairHistory {
            name: name.to_owned(),
            legs,
            prices: prices.collect(),
            spot_symbol: long.symbol,
            coins: 1,
            step,
            spot,
            perp,
            mark: mark(short)?,
            long_mark: mark(long)?,
            listed,
            segments: cut_segments(&tradable.unwrap_or_default(), &common, window),
            funding,
            long_funding,
            open_interest: self.open_interest(short.venue, short.symbol, &|stamp| wanted.holds(stamp))?,
        })
    }

    /// Its own candles, else those of the market that `sim.prices` names for it.
    fn priced(&self, name: &str, leg: LegName) -> Result<Priced, DataError> {
        let kind = if leg.market == Market::Spot { Kind::Spot } else { Kind::Perp };
        let has = |venue: Venue, symbol: Symbol, kind: Kind| {
            STEPS.into_iter().any(|step| self.file(Key { venue, symbol, kind, step }).is_some())
        };
        if has(leg.venue, leg.symbol, kind) {
            return Ok(Priced { venue: leg.venue, symbol: leg.symbol, kind, by_proxy: false });
        }
        let market = format!("{}-{}", leg.venue, leg.market);
        let none = || format!("klines/{market}/{}-STEP.parquet is missing in {}", leg.symbol, self.root().display());
        let Some(proxy) = self.proxies().get(&market) else {
            let text = format!("{}; sim.prices.{market} names a market whose candles stand for it", none());
            return Err(missing(name, text));
        };
        let split = proxy.rsplit_once('-').and_then(|(venue, word)| {
            let kind = [Kind::Spot, Kind::Perp].into_iter().find(|kind| kind.word() == word)?;
            Some((Venue::new(venue).ok()?, kind))
        });
        let Some((venue, kind)) = split else {
            let text = format!("sim.prices.{market}: expected VENUE-spot or VENUE-perp, not {}", escaped(proxy, 40));
            return Err(missing(name, text));
        };
        let coin = coin_of(leg.symbol);
        let same = QUOTES.iter().find_map(|quote| {
            let wanted = |key: &&Key| (key.venue, key.kind) == (venue, kind) && key.symbol.as_str().ends_with(quote);
            let mut keys = self.files().keys().filter(wanted);
            keys.find(|key| coin.is_some() && coin_of(key.symbol) == coin).map(|key| key.symbol)
        });
        let symbol =
            same.ok_or_else(|| missing(name, format!("{}, and {proxy} has no candles of its coin", none())))?;
        Ok(Priced { venue, symbol, kind, by_proxy: true })
    }

    fn settlements_of(&self, name: &str, leg: LegName) -> Result<Vec<FundingRow>, DataError> {
        let key = Key { venue: leg.venue, symbol: leg.symbol, kind: Kind::Funding, step: Span::ZERO };
        let none = || format!("funding/{}/{}.csv is missing in {}", leg.venue, leg.symbol, self.root().display());
        read_funding(self.file(key).ok_or_else(|| missing(name, none()))?)
    }

    /// A file as it is named below the folder.
    fn shown(&self, file: &Path) -> String {
        let parts = file.strip_prefix(self.root()).unwrap_or(file).components();
        let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }
}

impl Priced {
    const fn key(self, step: Span) -> Key {
        Key { venue: self.venue, symbol: self.symbol, kind: self.kind, step }
    }
}

fn missing(name: &str, missing: String) -> DataError {
    DataError::NoPair { name: escaped(name, 60), missing, nearest: None }
}

/// Stretches in which both can be traded.
fn both(one: &[Segment], other: &[Segment]) -> Vec<Segment> {
    let shared = |a: &Segment, b: &Segment| {
        let (first, last) = (a.first.max(b.first), a.last.min(b.last));
        (first < last).then_some(Segment { first, last })
    };
    let mut out: Vec<Segment> = one.iter().flat_map(|a| other.iter().filter_map(|b| shared(a, b))).collect();
    out.sort_by_key(|segment| segment.first);
    out
}
