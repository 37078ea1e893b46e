//! One symbol of the venue: a spot leg and a perp leg, their books, mark, index, funding and candles.
//!
//! Prices are the generated market's, moved by the acts of a script. Funding is the venue's formula over the premium of
//! each minute, from `domain::funding`. Nothing here knows an account. Tests are those of `market.rs` and
//! `tests/suite/loopback.rs`.

use super::depth::Depth;
use super::recording::Step;
use crate::domain::funding::{PremiumAverage, premium_sample};
use crate::domain::{
    Asset, FundingRate, Instrument, Interval, Market, Price, Quantity, Rate, Side, Span, Symbol, WallTime,
};
use crate::sim::generator::Ladder;
use std::collections::VecDeque;

/// Scale of a ramp: units of 1e-9.
pub(crate) const RAMP_ONE: i64 = 1_000_000_000;
/// Recorded trades that may wait to be published.
const TRADES: usize = 1_000;
/// Most minutes of candles kept.
const KEPT: usize = 30_000;

/// A value that goes in a straight line and stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    from: i64,
    to: i64,
    start: WallTime,
    over: Span,
}

impl Ramp {
    pub(crate) const fn still(value: i64) -> Self {
        Self { from: value, to: value, start: WallTime(0), over: Span::ZERO }
    }

    pub(crate) const fn new(from: i64, to: i64, start: WallTime, over: Span) -> Self {
        Self { from, to, start, over }
    }

    pub(crate) fn at(&self, now: WallTime) -> i64 {
        let passed = now.since(self.start).0.clamp(0, self.over.0.max(0));
        if passed >= self.over.0 {
            return self.to;
        }
        let way = i128::from(self.to - self.from) * i128::from(passed) / i128::from(self.over.0.max(1));
        self.from + i64::try_from(way).unwrap_or(0)
    }
}

/// Open, high, low, close of one minute, in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candle {
    pub(crate) open_time: WallTime,
    pub(crate) prices: [i64; 4],
    pub(crate) volume: Quantity,
}

/// Candles of one thing, a minute each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(pub(crate) VecDeque<Candle>);

impl Series {
    /// The minute that ended at `end` closed at `close`; it opened where the one before closed.
    fn push(&mut self, end: WallTime, close: i64, volume: Quantity) {
        let open = self.0.back().map_or(close, |candle| candle.prices[3]);
        let prices = [open, open.max(close), open.min(close), close];
        self.0.push_back(Candle { open_time: end - Span::MINUTE, prices, volume });
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }
}

/// A settlement that was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) stamp: WallTime,
    pub(crate) rate: Rate,
    pub(crate) mark: Price,
}

/// One symbol.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) symbol: Symbol,
    pub(crate) spot: Instrument,
    pub(crate) perp: Instrument,
    pub(crate) spot_book: Depth,
    pub(crate) perp_book: Depth,
    pub(crate) mark: Price,
    pub(crate) index: Price,
    pub(crate) interest: Quantity,
    pub(crate) interval: Interval,
    pub(crate) estimate: Rate,
    pub(crate) next: WallTime,
    /// The rate that a script prescribes.
    pub(crate) forced: Option<Rate>,
    /// Mark and index are recorded, and not the mids.
    marked: bool,
    /// Rate and time of the next settlement are recorded, and not the formula's.
    funded: bool,
    /// Recorded trades that are not published yet: price, coins, whether the buyer rested.
    pub(crate) trades: Vec<(Market, Price, Quantity, bool)>,
    pub(crate) settled: Vec<Settled>,
    /// Spot, perp, mark, index, premium.
    pub(crate) candles: [Series; 5],
    /// All prices, and the perp's extra premium.
    pub(crate) level: Ramp,
    pub(crate) premium: Ramp,
    /// Since when it is listed.
    pub(crate) listed: WallTime,
    /// When trading ends, once that is announced.
    pub(crate) ends: Option<WallTime>,
    pub(crate) halted: [bool; 2],
    /// The one market in which it is listed, where it is not both.
    pub(crate) only: Option<Market>,
    /// It is listed no longer.
    pub(crate) gone: bool,
    /// Coins in what the generated market counts as one: spot is shown in coins.
    coins: i64,
    average: PremiumAverage,
    /// As the generator has it.
    raw: (Price, Price),
}

impl Listing {
    pub(crate) fn new(spot: Instrument, perp: Instrument, now: WallTime) -> Self {
        let interval = Interval::H8;
        Self {
            symbol: perp.symbol,
            spot_book: Depth::new(1),
            perp_book: Depth::new(3),
            mark: perp.rules.tick,
            index: perp.rules.tick,
            interest: Quantity::ZERO,
            interval,
            estimate: FundingRate::ANCHOR.rate,
            next: now.floor(interval.span()) + interval.span(),
            forced: None,
            marked: false,
            funded: false,
            trades: Vec::new(),
            settled: Vec::new(),
            candles: [const { Series(VecDeque::new()) }; 5],
            level: Ramp::still(RAMP_ONE),
            premium: Ramp::still(0),
            listed: now,
            ends: None,
            halted: [false; 2],
            only: None,
            gone: false,
            coins: 1,
            average: PremiumAverage::new(perp.weighting),
            raw: (perp.rules.tick, perp.rules.tick),
            spot,
            perp,
        }
    }

    pub(crate) const fn instrument(&self, market: Market) -> &Instrument {
        match market {
            Market::Spot => &self.spot,
            Market::Perp => &self.perp,
        }
    }

    pub(crate) const fn book(&self, market: Market) -> &Depth {
        match market {
            Market::Spot => &self.spot_book,
            Market::Perp => &self.perp_book,
        }
    }

    pub(crate) const fn book_mut(&mut self, market: Market) -> &mut Depth {
        match market {
            Market::Spot => &mut self.spot_book,
            Market::Perp => &mut self.perp_book,
        }
    }

    pub(crate) fn series(&self, place: usize) -> Option<&Series> {
        self.candles.get(place)
    }

    /// Whether it is listed in this market.
    pub(crate) fn offers(&self, market: Market) -> bool {
        !self.gone && self.only.is_none_or(|only| only == market)
    }

    /// Splits off the perp as a contract of so many coins; what stays is the spot market of the coin.
    pub(crate) fn split(&mut self, coins: u32) -> Option<Self> {
        let symbol = Symbol::new(&format!("{coins}{}", self.symbol)).ok()?;
        let coin = Asset::new(&format!("{coins}{}", self.perp.coin)).ok()?;
        let mut perp = Self { symbol, only: Some(Market::Perp), ..self.clone() };
        for leg in [&mut perp.spot, &mut perp.perp] {
            (leg.symbol, leg.coin) = (symbol, coin);
        }
        (self.only, self.coins) = (Some(Market::Spot), i64::from(coins));
        let rules = &mut self.spot.rules;
        let tick = (rules.tick.units() / self.coins).max(1);
        rules.tick = Price::from_units(tick).unwrap_or(rules.tick);
        for quantity in [&mut rules.step, &mut rules.min_quantity, &mut rules.max_quantity] {
            *quantity = Quantity::saturating(quantity.units().saturating_mul(self.coins));
        }
        Some(perp)
    }

    /// Another symbol of the same prices, listed now; `None` where its name does not end in the quote coin.
    pub(crate) fn copy(&self, symbol: Symbol, now: WallTime) -> Option<Self> {
        let coin = Asset::new(symbol.as_str().strip_suffix(self.perp.quote.as_str())?).ok()?;
        let mut copy = Self { symbol, listed: now, ends: None, halted: [false; 2], ..self.clone() };
        for leg in [&mut copy.spot, &mut copy.perp] {
            (leg.symbol, leg.coin) = (symbol, coin);
        }
        Some(copy)
    }

    /// Whether orders on this leg are taken.
    pub(crate) fn open(&self, market: Market, now: WallTime) -> bool {
        let halted = match market {
            Market::Spot => self.halted[0],
            Market::Perp => self.halted[1],
        };
        self.offers(market) && !halted && self.ends.is_none_or(|end| now < end)
    }

    /// Mid of a leg, or the mark when a book is empty.
    pub(crate) fn mid(&self, market: Market) -> Price {
        self.book(market).best().map_or(self.mark, |((bid, _), (ask, _))| Price::mid(bid, ask))
    }

    /// The generator's mark and index of this minute.
    pub(crate) const fn raw_mark(&mut self, mark: Price, index: Price) {
        self.raw = (mark, index);
    }

    /// Shows the generator's ladders and prices, moved by the script, at `now`.
    pub(crate) fn show(&mut self, spot: &Ladder, perp: &Ladder, now: WallTime) {
        let level = i128::from(self.level.at(now));
        let one = i128::from(RAMP_ONE);
        let raised = level * (one + i128::from(self.premium.at(now))) / one;
        let coins = i128::from(self.coins);
        self.spot_book.load(&in_coins(moved(spot, level / coins, self.spot.rules.tick), self.coins));
        self.perp_book.load(&moved(perp, raised, self.perp.rules.tick));
        self.mark = scaled(self.raw.0, raised / coins);
        self.index = scaled(self.raw.1, level / coins);
    }

    /// Takes over what a recording says.
    pub(crate) fn record(&mut self, market: Market, step: Step) {
        match step {
            Step::Book(book) => self.book_mut(market).load(&book),
            Step::Levels(levels) => self.book_mut(market).change(&levels),
            Step::Mark { mark, index, funding } => {
                self.marked = true;
                self.mark = mark;
                self.index = index.unwrap_or(self.index);
                if let Some((rate, next)) = funding {
                    // The distance of two settlements is the interval.
                    let interval = Interval::between(self.next, next).filter(|_| self.funded);
                    self.interval = interval.unwrap_or(self.interval);
                    self.funded = true;
                    (self.estimate, self.next) = (self.forced.unwrap_or(rate), next);
                }
                return;
            }
            Step::Trade { price, quantity, buyer_rested } => {
                self.trades.push((market, price, quantity, buyer_rested));
                if self.trades.len() > TRADES {
                    self.trades.remove(0);
                }
                return;
            }
        }
        if !self.marked && self.recorded_books() {
            // Nothing of it is recorded: the mids stand in.
            (self.mark, self.index) = (self.mid(Market::Perp), self.mid(Market::Spot));
        }
    }

    /// Whether both books are there.
    pub(crate) fn recorded_books(&self) -> bool {
        self.spot_book.best().is_some() && self.perp_book.best().is_some()
    }

    /// The minute that ends at `now`: settles if it is time, then samples the premium.
    pub(crate) fn minute(&mut self, now: WallTime) -> Option<Settled> {
        let mut paid = None;
        let due = if self.funded { now >= self.next } else { now == now.floor(self.interval.span()) };
        if due {
            let settled = Settled { stamp: now, rate: self.estimate, mark: self.mark };
            self.settled.push(settled);
            self.average.restart();
            paid = Some(settled);
        }
        let sample = self.sample();
        self.average.push(sample);
        if self.funded {
            // Until the recording names the next settlement itself.
            self.next = if due { self.next + self.interval.span() } else { self.next };
        } else {
            let formula = self.perp.formula.rate(self.average.mean().unwrap_or(Rate::ZERO), self.interval);
            self.estimate = self.forced.unwrap_or(eight_decimals(formula.rate));
            self.next = now.floor(self.interval.span()) + self.interval.span();
        }
        let volume = |depth: &Depth| depth.best().map_or(Quantity::ZERO, |((_, size), _)| size);
        let (spot, perp) = (self.mid(Market::Spot), self.mid(Market::Perp));
        let volumes = (volume(&self.spot_book), volume(&self.perp_book));
        let premium = sample.units() / 10_000_000_000;
        let rows = [
            (spot.units(), volumes.0),
            (perp.units(), volumes.1),
            (self.mark.units(), Quantity::ZERO),
            (self.index.units(), Quantity::ZERO),
            (premium, Quantity::ZERO),
        ];
        for (series, (close, volume)) in self.candles.iter_mut().zip(rows) {
            series.push(now, close, volume);
        }
        paid
    }

    fn sample(&self) -> Rate {
        self.perp_book.best().map_or(Rate::ZERO, |((bid, _), (ask, _))| premium_sample(bid, ask, self.index))
    }
}

/// Rates are published with eight decimals, and paid as published.
fn eight_decimals(rate: Rate) -> Rate {
    let unit = 10_000_000_000;
    Rate::from_units((rate.units() + unit / 2).div_euclid(unit) * unit)
}

/// Sizes that are counted in several coins, in coins.
fn in_coins(mut ladder: Ladder, coins: i64) -> Ladder {
    for (_, quantity) in ladder.bids.iter_mut().chain(&mut ladder.asks) {
        *quantity = Quantity::saturating(quantity.units().saturating_mul(coins));
    }
    ladder
}

fn scaled(price: Price, factor: i128) -> Price {
    let units = i128::from(price.units()) * factor / i128::from(RAMP_ONE);
    Price::from_units(i64::try_from(units).unwrap_or(i64::MAX).max(1)).unwrap_or(price)
}

/// A ladder at another price level: bids down to the tick, asks up; levels that meet are added.
fn moved(ladder: &Ladder, factor: i128, tick: Price) -> Ladder {
    if factor == i128::from(RAMP_ONE) {
        return ladder.clone();
    }
    let side = |levels: &[(Price, Quantity)], round: Side| {
        let mut rows: Vec<(Price, Quantity)> = Vec::with_capacity(levels.len());
        for (price, quantity) in levels {
            let price = scaled(*price, factor).on_tick(tick, round);
            match rows.last_mut().filter(|(last, _)| *last == price) {
                Some((_, size)) => *size += *quantity,
                None => rows.push((price, *quantity)),
            }
        }
        rows
    };
    Ladder { bids: side(&ladder.bids, Side::Sell), asks: side(&ladder.asks, Side::Buy) }
}
