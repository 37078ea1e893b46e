//! The universe of a venue now: what is asked of it, and what it answers makes of each of its pairs.
//!
//! As on history (`universe.rs`): volume is the mean of up to 30 whole days of the perp's candles. Age counts from the date of
//! listing that the venue states. What is asked for and not answered is not known, and keeps a pair out. It sends nothing: who
//! has a wire asks. Tests: `tests/commands/universe_live.rs`.

use crate::config::settings::Universe;
use crate::domain::universe::Outside;
use crate::domain::{Amount, Market, Span, Symbol, Venue, WallTime};
use crate::strategy::universe::{Candidate, look};
use crate::venues::answer::{Answer, CandleRow, Listing};
use crate::venues::ask::{Ask, Candles};
use std::collections::{BTreeMap, BTreeSet};

/// Whole days of candles that are asked for.
const DAYS: u32 = 30;

/// A look at one venue.
#[derive(Debug, Clone)]
pub struct VenueLook {
    venue: Venue,
    rules: Universe,
    at: WallTime,
    /// Symbols that trade on spot.
    spot: Option<BTreeSet<Symbol>>,
    perps: Option<Vec<Listing>>,
    /// Value a day, as far as it was answered.
    volumes: BTreeMap<Symbol, Option<f64>>,
    /// Coins of open interest, and the last price.
    interest: BTreeMap<Symbol, Option<f64>>,
    prices: BTreeMap<Symbol, f64>,
    /// What was handed out and has no answer yet.
    asked: Vec<Ask>,
    failed: bool,
    /// A pair's own question got no answer.
    gaps: bool,
}

/// What a look found of one pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What is known of it.
    pub candidate: Candidate,
    /// What keeps it out.
    pub outside: Option<Outside>,
}

impl VenueLook {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(venue: Venue, rules: Universe, at: WallTime) -> Self {
        Self {
            venue,
            rules,
            at,
            spot: None,
            perps: None,
            volumes: BTreeMap::new(),
            interest: BTreeMap::new(),
            prices: BTreeMap::new(),
            asked: Vec::new(),
            failed: false,
            gaps: false,
        }
    }

    /// The time that it is of.
    #[must_use]
    pub const fn at(&self) -> WallTime {
        self.at
    }

    /// What is to be asked next, at most so many questions; none while answers are awaited that decide what to ask, and at the end.
    pub fn asks(&mut self, most: usize) -> Vec<Ask> {
        let mut asks = Vec::new();
        if self.spot.is_none() {
            asks.push(Ask::Instruments(Market::Spot));
        }
        if self.perps.is_none() {
            asks.push(Ask::Instruments(Market::Perp));
        }
        let end = self.at.floor(Span::DAY);
        for symbol in self.measured() {
            if !self.volumes.contains_key(&symbol) {
                let kind = Candles::Trade(Market::Perp);
                let start = end - Span(i64::from(DAYS) * Span::DAY.0);
                asks.push(Ask::Candles { kind, symbol, step: "1d", start, end: end - Span::DAY, limit: DAYS });
            }
            if !self.rules.min_open_interest.is_zero() && !self.interest.contains_key(&symbol) {
                asks.push(Ask::OpenInterest { symbol });
            }
        }
        asks.retain(|ask| !self.asked.contains(ask));
        asks.truncate(most.saturating_sub(self.asked.len()));
        self.asked.extend(asks.iter().cloned());
        asks
    }

    /// What came of a question; `None` where it got no answer that can be used.
    pub fn answered(&mut self, ask: &Ask, answer: Option<Answer>) {
        self.asked.retain(|asked| asked != ask);
        let answer = answer.map(|answer| answer.parted().0);
        self.gaps |= answer.is_none();
        match (ask, answer) {
            (Ask::Instruments(Market::Spot), Some(Answer::Instruments { listings, .. })) => {
                let trading = listings.into_iter().filter(|row| row.trading);
                self.spot = Some(trading.map(|row| row.symbol).collect());
            }
            (Ask::Instruments(Market::Perp), Some(Answer::Instruments { listings, .. })) => {
                self.perps = Some(listings.into_iter().filter(|row| row.perpetual).collect());
            }
            (Ask::Candles { symbol, .. }, answer) => {
                let rows = match answer {
                    Some(Answer::Candles(rows)) => rows,
                    _ => Vec::new(),
                };
                self.volumes.insert(*symbol, self.value_a_day(&rows));
                if let Some(price) = rows.last().and_then(|row| row.prices[3].parse().ok()) {
                    self.prices.insert(*symbol, price);
                }
            }
            (Ask::OpenInterest { symbol }, answer) => {
                let coins = match answer {
                    Some(Answer::OpenInterest(rows)) => rows.last().map(|(_, coins)| coins.to_f64()),
                    _ => None,
                };
                self.interest.insert(*symbol, coins);
            }
            // Without its lists nothing is known of the venue.
            _ => self.failed = true,
        }
    }

    /// Whether the lists of the venue could not be read: nothing is found then.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether something about a pair was asked and not answered: it counts as not known.
    #[must_use]
    pub const fn has_gaps(&self) -> bool {
        self.gaps
    }

    /// Whether everything was asked and answered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_known = |symbol: &Symbol| {
            self.volumes.contains_key(symbol)
                && (self.rules.min_open_interest.is_zero() || self.interest.contains_key(symbol))
        };
        self.spot.is_some() && self.perps.is_some() && self.measured().iter().all(is_known)
    }

    /// Perps that have no spot market of the same name here.
    #[must_use]
    pub fn without_spot(&self) -> Vec<String> {
        let lone = self.perps.iter().flatten().filter(|row| !self.has_spot(row));
        lone.map(|row| format!("{}:{}", self.venue, row.symbol)).collect()
    }

    /// What is known of each pair, and what keeps it out by itself before others are compared with it.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let pairs = self.perps.iter().flatten().filter(|row| self.has_spot(row));
        pairs
            .map(|row| Seen {
                candidate: self.candidate(row),
                outside: (!row.trading || row.ends.is_some()).then_some(Outside::NotTrading),
            })
            .collect()
    }

    fn has_spot(&self, row: &Listing) -> bool {
        self.spot.as_ref().is_some_and(|spot| spot.contains(&row.symbol))
    }

    /// Pairs that are still in when all is known but what must be measured: of the others nothing is asked.
    fn measured(&self) -> Vec<Symbol> {
        let free = Universe { min_volume: Amount::ZERO, min_open_interest: Amount::ZERO, ..self.rules.clone() };
        let free = Universe { most: u32::MAX, ..free };
        let pairs = self.perps.iter().flatten().filter(|row| self.has_spot(row) && row.trading && row.ends.is_none());
        pairs.filter(|row| look(&[self.candidate(row)], &free) == [None]).map(|row| row.symbol).collect()
    }

    #[expect(clippy::float_arithmetic, reason = "a signal")]
    fn candidate(&self, row: &Listing) -> Candidate {
        let interest = self.interest.get(&row.symbol).copied().flatten();
        Candidate {
            name: format!("{}:{}", self.venue, row.symbol),
            venue: self.venue,
            coin: row.base,
            quote: row.quote,
            age: row.begins.filter(|begins| *begins <= self.at).map(|begins| self.at.since(begins)),
            volume: self.volumes.get(&row.symbol).copied().flatten(),
            open_interest: interest.zip(self.prices.get(&row.symbol)).map(|(coins, price)| coins * price),
        }
    }

    /// The mean value of the whole days; `None` without one.
    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a signal")]
    fn value_a_day(&self, rows: &[CandleRow]) -> Option<f64> {
        let whole = rows.iter().filter(|row| row.opened + Span::DAY <= self.at);
        let value = |row: &CandleRow| {
            let (volume, close) = (row.volume.as_ref()?.parse::<f64>().ok()?, row.prices[3].parse::<f64>().ok()?);
            Some(volume * close)
        };
        let values: Vec<f64> = whole.map(value).collect::<Option<_>>()?;
        let sum: f64 = values.iter().sum();
        (sum > 0.0).then(|| sum / values.len() as f64)
    }
}

/// What keeps each pair of all venues out, when all looks are whole.
#[must_use]
pub fn judged(looks: &[VenueLook], rules: &Universe) -> Vec<Seen> {
    let mut all: Vec<Seen> = looks.iter().flat_map(VenueLook::seen).collect();
    let open: Vec<Candidate> =
        all.iter().filter(|one| one.outside.is_none()).map(|one| one.candidate.clone()).collect();
    let verdicts = look(&open, rules);
    for (one, verdict) in all.iter_mut().filter(|one| one.outside.is_none()).zip(verdicts) {
        one.outside = verdict;
    }
    all
}
