//! What a run against a real market must know before its first event: instruments, terms, fees, brackets, past settlements.
//!
//! Everything is asked from the venue; what it does not say without a key is built in and said in a remark. A pair of which
//! something is missing is named and refused. Nothing is traded here. Tests: `tests/live.rs`.

use super::kept::Kept;
use crate::data::instruments;
use crate::domain::{
    Asset, Catalogue, FundingRate, Instrument, InstrumentId, Interval, Market, Span, Symbol, VenueId, WallTime,
};
use crate::net::machine_clock::Stopwatch;
use crate::net::wire::{Outcome, Wire};
use crate::port::Event;
use crate::port::event::Settlement;
use crate::venues::answer::{Answer, Class, FundingRow, FundingTerms, Listing, Refused};
use crate::venues::ask::Ask;
use crate::venues::binance::bundles::Bundle;
use crate::venues::binance::profile::Feature;
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;

/// A stamp that the venue does not accept is made again so often.
const CLOCKS: u32 = 5;
/// Waits between two tries of a start: the first, and the longest. They double.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Past settlements that the venue cannot tell are asked for so often before the start goes on without them: four seconds.
const HISTORY_TRIES: u32 = 5;
/// Most rows of a list of settlements.
const ROWS: u32 = 1000;

/// Of a pair of a contract of several coins.
pub const NO_COLLATERAL: &str = "and coins that are counted in contracts cannot be collateral";

/// Why a run cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No connection, or no answer.
    #[error("{venue} cannot be reached: {what}")]
    Unreachable {
        /// Which venue.
        venue: String,
        /// What was asked, and what came.
        what: String,
    },
    /// Somebody answers who is not believed to be the venue (fault D05).
    #[error(
        "{venue} is not spoken to: {why}; is the address the venue's, is the clock of this machine right, and does something on the way open TLS?"
    )]
    Untrusted {
        /// Which venue.
        venue: String,
        /// Which address, and what is wrong with it.
        why: String,
    },
    /// The venue refused.
    #[error("{venue} refuses {what}: {refused}")]
    Refused {
        /// Which venue.
        venue: String,
        /// What was asked.
        what: &'static str,
        /// How.
        refused: Refused,
    },
    /// A pair cannot be traded.
    #[error("{pair}: {problem}")]
    Pair {
        /// Which.
        pair: String,
        /// Why.
        problem: String,
    },
}

impl StartError {
    /// Whether the same question may be answered later: the venue is busy, limits us, or cannot be reached.
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { refused, .. } => {
                matches!(refused.class, Class::Unknown | Class::Later | Class::RateLimit | Class::Banned)
            }
            Self::Untrusted { .. } | Self::Pair { .. } => false,
        }
    }
}

/// What the venue said.
#[derive(Debug, Default)]
pub struct Known {
    /// Time between settlements, per perp.
    pub intervals: BTreeMap<InstrumentId, Interval>,
    /// Newest settlement, per perp.
    pub last: BTreeMap<InstrumentId, WallTime>,
    /// Past settlements, oldest first, for the windows.
    pub history: Vec<(WallTime, Event)>,
    /// What was assumed.
    pub remarks: Vec<(String, String)>,
    /// What the ledger has already, where a session is gone on with.
    pub kept: Kept,
}

/// How long a start goes on asking a venue that cannot answer now (fault L18). In real time: a venue that does not answer
/// has no clock.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    watch: Stopwatch,
    bound: Duration,
}

impl Patience {
    /// From now on for so long.
    #[must_use]
    pub fn of(bound: Span) -> Self {
        let bound = Duration::from_millis(u64::try_from(bound.0).unwrap_or(0));
        Self { watch: Stopwatch::start(), bound }
    }

    /// An answer now or none: for a person who waits for it.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Span::ZERO)
    }

    /// The wait before the next try, the `tried`th so far; `None` when the time is over.
    fn wait(&self, tried: u32) -> Option<Duration> {
        let left = self.bound.saturating_sub(self.watch.elapsed());
        let wait = FIRST_WAIT.saturating_mul(1 << tried.min(8)).min(LONGEST_WAIT).min(left);
        (!wait.is_zero()).then_some(wait)
    }
}

/// Asks one venue, and keeps its name for errors.
pub struct Inquiry<'a> {
    /// The door.
    pub wire: &'a Wire,
    /// Its name in pairs, as `binance`.
    pub name: &'a str,
    /// How long it goes on asking.
    pub patience: Patience,
}

impl Inquiry<'_> {
    /// One question; its answer or why there is none. What passes is asked again as long as there is patience.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn ask(&self, what: &'static str, ask: Ask) -> Result<Answer, StartError> {
        self.ask_at_most(what, ask, u32::MAX).await
    }

    /// The same with a bound of its own on the number of tries.
    async fn ask_at_most(&self, what: &'static str, ask: Ask, tries: u32) -> Result<Answer, StartError> {
        self.patiently(tries, async || self.once(what, &ask).await).await
    }

    /// What may be done twice, again as long as it fails by what passes and there is patience.
    pub(super) async fn patiently<T>(
        &self,
        tries: u32,
        once: impl AsyncFn() -> Result<T, StartError>,
    ) -> Result<T, StartError> {
        let mut tried = 0;
        loop {
            let error = match once().await {
                Ok(done) => return Ok(done),
                Err(error) if error.passes() => error,
                Err(error) => return Err(error),
            };
            let Some(wait) = self.patience.wait(tried).filter(|_| tried + 1 < tries) else { return Err(error) };
            tried += 1;
            tracing::warn!(%error, wait_ms = wait.as_millis(), "it is asked again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, what: &'static str, ask: &Ask) -> Result<Answer, StartError> {
        let venue = self.name.to_owned();
        let mut tries = 0;
        loop {
            match self.wire.fetch(ask.clone()).await {
                Outcome::Answered { result: Ok(answer), .. } => return Ok(self.tolerated(what, answer)),
                Outcome::Answered { result: Err(refused), .. } if refused.class == Class::Clock && tries < CLOCKS => {
                    // It was not executed; the clock is measured again, and then it is asked again (fault D13).
                    tries += 1;
                    let _ = self.wire.fetch(Ask::Time(Market::Perp)).await;
                }
                Outcome::Answered { result: Err(refused), .. } => {
                    return Err(StartError::Refused { venue, what, refused });
                }
                Outcome::NotSent { untrusted: Some(why), .. } => return Err(StartError::Untrusted { venue, why }),
                Outcome::NotSent { .. } | Outcome::NoAnswer => {
                    tries += 1;
                    if tries >= 2 {
                        return Err(StartError::Unreachable { venue, what: format!("no answer to {what}") });
                    }
                }
            }
        }
    }

    /// Rows of lists that cannot be read are left out and named, where a row of ours that is missing is noticed by whoever
    /// asked. Money and positions are read completely or not at all.
    fn tolerated(&self, what: &'static str, answer: Answer) -> Answer {
        let Answer::Partly { answer: list, left_out } = &answer else { return answer };
        if !matches!(
            **list,
            Answer::FundingInfo(_) | Answer::Brackets(_) | Answer::CollateralRates(_) | Answer::AdlRanks(_)
        ) {
            return answer;
        }
        for (symbol, why) in left_out {
            tracing::warn!(venue = self.name, what, %symbol, why, "a row was left out");
        }
        answer.parted().0
    }

    /// Measures the clock; the first thing that is asked.
    ///
    /// # Errors
    /// [`StartError`] when the venue cannot be reached.
    pub async fn clock(&self) -> Result<WallTime, StartError> {
        match self.ask("its clock", Ask::Time(Market::Perp)).await? {
            Answer::Time(at) => Ok(at),
            _ => Err(self.strange("its clock")),
        }
    }

    fn strange(&self, what: &'static str) -> StartError {
        StartError::Unreachable { venue: self.name.to_owned(), what: format!("{what}: the answer is of another kind") }
    }

    /// Adds the pairs of these symbols (`BTCUSDT`) to the catalogue.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn instruments(
        &self,
        symbols: &[String],
        catalogue: &mut Catalogue,
        known: &mut Known,
    ) -> Result<(), StartError> {
        if symbols.is_empty() {
            return Ok(());
        }
        let named: Vec<Symbol> = symbols.iter().filter_map(|symbol| Symbol::new(symbol).ok()).collect();
        let spots = self.spot_legs(&named).await?;
        let legs: Vec<Symbol> = spots.values().copied().collect();
        let spot = self.listings(Market::Spot, &legs).await?;
        let perp = self.listings(Market::Perp, &named).await?;
        let find = |rows: &[Listing], symbol: &str| rows.iter().find(|row| row.symbol.as_str() == symbol).cloned();
        for symbol in symbols {
            let leg = Symbol::new(symbol).ok().and_then(|perp| spots.get(&perp));
            let spot = leg.and_then(|leg| find(&spot, leg.as_str()));
            let perp = find(&perp, symbol).filter(|row| row.perpetual);
            let legs = match (&spot, &perp) {
                (Some(spot), Some(perp)) if spot.trading && perp.trading => self.legs(spot, perp, known).await?,
                (spot, perp) => {
                    let leg = if spot.as_ref().is_some_and(|row| row.trading) { "perpetual" } else { "spot" };
                    let problem = format!("the venue lists no {leg} of this symbol that we can trade");
                    let missing = StartError::Pair { pair: format!("{}:{symbol}", self.name), problem };
                    self.kept_pair(symbol, (spot.as_ref(), perp.as_ref()), known).ok_or(missing)?
                }
            };
            catalogue.add_pair(legs.0, legs.1);
        }
        Ok(())
    }

    /// Where coins are to be collateral, a pair of a contract of several coins is refused: the venue's rates are of the coin.
    ///
    /// # Errors
    /// [`StartError::Pair`].
    pub fn no_bundles(&self, catalogue: &Catalogue) -> Result<(), StartError> {
        let bundled = |one: &&Instrument| one.venue.as_str() == self.name && Bundle::of(one).is_some();
        let Some(spot) = catalogue.instruments().iter().find(bundled) else { return Ok(()) };
        let problem = format!("its spot leg is {}, {NO_COLLATERAL}; set margin.collateral = \"quote\"", spot.symbol);
        Err(StartError::Pair { pair: format!("{} {}", self.name, spot.coin), problem })
    }

    /// What the venue lists of these symbols: one that it does not know refuses the question, and then the whole list says
    /// which.
    pub(super) async fn listings(&self, market: Market, symbols: &[Symbol]) -> Result<Vec<Listing>, StartError> {
        let answer = match self.ask("its instruments", Ask::Listed { market, symbols: symbols.to_vec() }).await {
            Err(StartError::Refused { refused, .. }) if refused.class == Class::Malformed => {
                self.ask("its instruments", Ask::Instruments(market)).await?
            }
            other => other?,
        };
        match answer {
            Answer::Instruments { listings, .. } => Ok(listings),
            _ => Err(self.strange("its instruments")),
        }
    }

    async fn legs(
        &self,
        spot: &Listing,
        perp: &Listing,
        known: &mut Known,
    ) -> Result<(Instrument, Instrument), StartError> {
        let pair = format!("{}:{}", self.name, perp.symbol);
        let problem = |problem: &str| StartError::Pair { pair: pair.clone(), problem: problem.to_owned() };
        let built_in = instruments::built_in(self.name, perp.symbol).ok_or_else(|| problem("no known quote coin"))?;
        let (mut one, mut other) = (built_in.spot, built_in.perp);
        for (leg, listing) in [(&mut one, spot), (&mut other, perp)] {
            (leg.symbol, leg.coin, leg.quote, leg.rules) = (listing.symbol, listing.base, listing.quote, listing.rules);
            self.terms(leg, &pair, known).await?;
        }
        if one.coin != other.coin || one.quote != other.quote {
            return Err(problem("its legs are of different coins"));
        }
        if let Some(bundle) = Bundle::of(&one) {
            let Bundle { spot, coin, contract, coins } = bundle;
            let text = format!("counted in contracts: one {contract} is {coins} {coin}; spot leg {spot}");
            known.remarks.push((pair.clone(), text));
        }
        self.brackets(&mut other, &pair, known).await?;
        Ok((one, other))
    }

    /// Our fees of a leg, where they can be asked for.
    pub(super) async fn terms(&self, leg: &mut Instrument, name: &str, known: &mut Known) -> Result<(), StartError> {
        let (market, symbol) = (leg.market, leg.symbol);
        if !self.wire.signs() {
            known.remarks.push((name.to_owned(), format!("built-in fees of the {market} leg")));
            return Ok(());
        }
        if let Answer::Commission { fees, own_coin } = self.ask("our fees", Ask::Commission { market, symbol }).await? {
            leg.fees = fees;
            if own_coin == Some(true) {
                let text = format!("{market} fees are taken in the venue's own coin while there is enough of it");
                known.remarks.push((name.to_owned(), text));
            }
        }
        Ok(())
    }

    /// The margin brackets of a perp, where they can be asked for.
    pub(super) async fn brackets(
        &self,
        perp: &mut Instrument,
        name: &str,
        known: &mut Known,
    ) -> Result<(), StartError> {
        if !self.wire.signs() {
            known.remarks.push((name.to_owned(), "built-in margin brackets".to_owned()));
            return Ok(());
        }
        let Answer::Brackets(rows) = self.ask("its margin brackets", Ask::Brackets { symbol: perp.symbol }).await?
        else {
            return Err(self.strange("its margin brackets"));
        };
        let row = rows.into_iter().find(|(symbol, _)| *symbol == perp.symbol);
        perp.brackets = row
            .map(|(_, brackets)| brackets)
            .ok_or_else(|| StartError::Pair { pair: name.to_owned(), problem: "no margin brackets".to_owned() })?;
        Ok(())
    }

    /// Terms of funding and past settlements of every perp, for as long as the signals remember.
    ///
    /// Only signals need the past ones: when the venue cannot tell them now the start goes on, so that legs that a dead process
    /// left unequal are mended (finding L02), and the feed reads them when they come.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn funding(
        &self,
        of: (VenueId, &Catalogue),
        since: WallTime,
        now: WallTime,
        known: &mut Known,
    ) -> Result<(), StartError> {
        let (venue, catalogue) = of;
        let is_ours = |one: &&Instrument| one.venue_id == venue && one.market == Market::Perp;
        if catalogue.instruments().iter().find(is_ours).is_none() {
            return Ok(());
        }
        let Answer::FundingInfo(terms) = self.ask("its terms of funding", Ask::FundingInfo).await? else {
            return Err(self.strange("its terms of funding"));
        };
        let mut tries = HISTORY_TRIES;
        for perp in catalogue.instruments().iter().filter(is_ours) {
            let rows = match self.settlements(perp.symbol, (since, now), tries).await {
                Ok(rows) if rows.is_empty() && known.kept.is_shut(perp) => None,
                Ok(rows) => Some(rows),
                Err(error) if error.passes() || known.kept.is_shut(perp) => {
                    tracing::warn!(%error, symbol = %perp.symbol, "the start goes on without them, they are asked for again");
                    tries = 1;
                    None
                }
                Err(error) => return Err(error),
            };
            self.perp(perp, &terms, rows.as_deref(), known)?;
        }
        known.history.sort_by_key(|(at, _)| *at);
        Ok(())
    }

    async fn settlements(
        &self,
        symbol: Symbol,
        (since, now): (WallTime, WallTime),
        tries: u32,
    ) -> Result<Vec<FundingRow>, StartError> {
        let mut rows: Vec<FundingRow> = Vec::new();
        let mut start = since;
        loop {
            let ask = Ask::FundingHistory { symbol, start: Some(start), end: Some(now), limit: ROWS };
            let Answer::FundingHistory(page) = self.ask_at_most("past settlements", ask, tries).await? else {
                return Err(self.strange("past settlements"));
            };
            let Some(last) = page.last().map(|row| row.stamp) else { break };
            let full = page.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
            rows.extend(page);
            if !full || last < start {
                break;
            }
            start = last + Span(1);
        }
        Ok(rows)
    }

    fn perp(
        &self,
        perp: &Instrument,
        terms: &[FundingTerms],
        told: Option<&[FundingRow]>,
        known: &mut Known,
    ) -> Result<(), StartError> {
        let rows = told.unwrap_or_default();
        let stamp = |row: &FundingRow| (row.stamp + Span::seconds(30)).floor(Span::MINUTE);
        let listed = terms.iter().find(|row| row.symbol == perp.symbol).map(|row| row.interval);
        let spacing = rows.windows(2).last().and_then(|two| match two {
            [before, last] => Interval::between(stamp(before), stamp(last)),
            _ => None,
        });
        let pair = format!("{}:{}", self.name, perp.symbol);
        let interval = match (listed, spacing) {
            (Some(listed), _) => listed,
            (None, Some(spacing)) => spacing,
            // A perp without terms of its own is one of eight hours, until its settlements say otherwise.
            (None, None) if told.is_none() => Interval::H8,
            (None, None) => {
                let problem = "the time between its settlements is not known".to_owned();
                return Err(StartError::Pair { pair, problem });
            }
        };
        if listed.is_none() {
            known.remarks.push((pair, format!("no terms of funding; {} h by its settlements", interval.hours())));
        }
        known.intervals.insert(perp.id, interval);
        let mut before: Option<WallTime> = None;
        for row in rows {
            let at = stamp(row);
            let interval = before.and_then(|before| Interval::between(before, at)).unwrap_or(interval);
            before = Some(at);
            let settlement = Settlement { stamp: at, funding: FundingRate { rate: row.rate, interval } };
            known.history.push((at, Event::Settled { instrument: perp.id, settlement }));
        }
        if let Some(last) = before {
            known.last.insert(perp.id, last);
        }
        Ok(())
    }

    /// Whether open interest can be asked for.
    #[must_use]
    pub fn has_interest(&self) -> bool {
        self.wire.profile().has(Feature::OpenInterest)
    }

    /// Both wallets as they stand: money that was there before.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn balances(
        &self,
    ) -> Result<Vec<(crate::port::event::Wallet, Asset, crate::domain::Amount)>, StartError> {
        use crate::port::event::Wallet;
        let mut found = Vec::new();
        for wallet in [Wallet::Spot, Wallet::Perp] {
            let Answer::Balances(_, rows) = self.ask("our balances", Ask::Balances(wallet)).await? else {
                return Err(self.strange("our balances"));
            };
            found.extend(rows.into_iter().map(|row| (wallet, row.asset, row.total)));
        }
        Ok(found)
    }
}
