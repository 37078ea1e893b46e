//! History through the engine: the same core that trades live, fed with bars.
//!
//! One instant has one order: bar close, settlement on the position held before it, decision, fill at the next open. An
//! order caused by a fill at an open (the hedge) fills at that same open; what is unfilled expires after one step.

use super::basis_series::basis_series;
use super::by_strategy::strategies;
use super::capital_need::{capital_need, carries};
use super::coin_rates;
use super::collect::{Collector, Exposure, books};
use super::cursor::Cursor;
use super::driver::{Driver, Gateway};
use super::journal::Journal;
use super::universe::DailyLook;
use super::wallets::wallets;
use crate::config::Settings;
use crate::config::settings::FillAt;
use crate::control::forecast_row::score_of;
use crate::data::history::PairHistory;
use crate::domain::{
    Amount, Catalogue, InstrumentId, Leg, Market, PairId, Price, Quantity, Rate, SignedQuantity, WallTime,
};
use crate::engine::State;
use crate::engine::profit::lines_of;
use crate::port::Event;
use crate::port::event::{Bar, EndCause, MarkSource, Settlement};
use crate::report::run::{Remark, RunInfo, RunResult, Summary};
use crate::sim::matching::Liquidity;
use crate::sim::{Faults, SimVenue};
use crate::store::JournalError;
use std::collections::BTreeMap;

/// What a run is given.
pub struct Inputs<'a> {
    /// Settings of the run.
    pub settings: Settings,
    /// Instruments and pairs, in the order of `histories`.
    pub catalogue: Catalogue,
    /// History of each pair.
    pub histories: &'a [PairHistory],
    /// Proxies and defaults to list in the report.
    pub remarks: Vec<Remark>,
}

/// A driver over bars.
pub struct Bars<'a, J> {
    driver: Driver<J>,
    cursors: Vec<Cursor<'a>>,
    settings: Settings,
    /// Of the long and the short leg of each pair.
    last_close: Vec<[Option<Price>; 2]>,
    fill_at_close: bool,
    universe: DailyLook,
    now: WallTime,
}

impl<'a, J: Journal> Bars<'a, J> {
    /// Deposits the capital and boots the core.
    ///
    /// # Errors
    /// [`JournalError`] when the first facts cannot be recorded.
    pub fn new(inputs: &Inputs<'a>, journal: J, keep_rows: bool) -> Result<Self, JournalError> {
        let settings = inputs.settings.clone();
        let catalogue = inputs.catalogue.clone();
        let last =
            |history: &PairHistory| Some(*history.spot.opened.last()?.min(history.perp.opened.last()?) + history.step);
        let until = inputs.histories.iter().filter_map(last).max().unwrap_or(WallTime(0));
        let cursors: Vec<Cursor<'a>> = inputs
            .histories
            .iter()
            .enumerate()
            .map(|(place, history)| {
                let id = PairId(u16::try_from(place).unwrap_or(u16::MAX));
                Cursor::new(id, history, settings.sim.data_end, until)
            })
            .collect();
        let start = cursors.iter().map(Cursor::next).min().unwrap_or(WallTime(0));
        let pairs = catalogue.pairs().len();
        let venue = SimVenue::new(settings.clone(), catalogue.clone(), Faults::none(), true);
        let state = State::new(settings.clone(), catalogue);
        let driver = Driver::new(state, venue, journal, Collector::new(pairs, keep_rows));
        let mut bars = Self {
            driver,
            cursors,
            last_close: vec![[None; 2]; pairs],
            fill_at_close: settings.sim.fill == FillAt::Close,
            universe: DailyLook::default(),
            settings,
            now: start,
        };
        bars.open(start)?;
        Ok(bars)
    }

    fn open(&mut self, at: WallTime) -> Result<(), JournalError> {
        let salt = u32::try_from(self.settings.sim.seed & 0xffff_ffff).unwrap_or(0);
        self.driver.fact(at, Event::Boot { epoch: 1, salt }, None)?;
        for (venue, wallet, asset, amount) in wallets(&self.settings, &self.driver.state.catalogue) {
            self.driver.venue.deposit(venue, wallet, asset, amount);
            self.driver.fact(at, Event::Opening { venue, wallet, asset, amount }, None)?;
        }
        Ok(())
    }

    /// Plays one instant; false when the history is over.
    ///
    /// # Errors
    /// [`JournalError`] when a fact or intent cannot be put on disk.
    pub fn step(&mut self) -> Result<bool, JournalError> {
        let mut now = WallTime(i64::MAX);
        for cursor in &self.cursors {
            now = now.min(cursor.next());
        }
        if now.0 == i64::MAX {
            return Ok(false);
        }
        self.now = now;
        // A transfer that arrived meanwhile.
        if !self.driver.venue.is_quiet() {
            if self.fill_at_close {
                self.offer_closes();
            }
            if self.driver.state.coins_margin() {
                // Coins that arrived are a fact of this instant; the next clip is decided on its closes.
                self.driver.venue.arrivals(now);
                self.driver.settle_facts(now)?;
            } else {
                self.driver.settle(now)?;
            }
        }
        for place in 0..self.cursors.len() {
            self.closes(place, now)?;
        }
        coin_rates::tell(&mut self.driver, now)?;
        self.universe.look(&mut self.driver, &self.cursors, now)?;
        for place in 0..self.cursors.len() {
            self.settlements(place, now)?;
        }
        self.driver.venue.exchange_debts(now);
        self.driver.settle_facts(now)?;
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.next() <= now) {
            cursor.advance();
        }
        if self.fill_at_close {
            self.at_close(now)?;
        } else {
            self.driver.turn(now)?;
            self.driver.settle(now)?;
        }
        self.observe(now);
        if !self.fill_at_close && !self.driver.venue.is_quiet() {
            let fills = self.driver.collector.fills.len();
            self.opens(now)?;
            if self.driver.collector.fills.len() > fills {
                // What was traded at this open belongs to this instant's row.
                self.observe(now);
            }
        }
        Ok(true)
    }

    fn closes(&mut self, place: usize, now: WallTime) -> Result<(), JournalError> {
        let Some(cursor) = self.cursors.get_mut(place) else { return Ok(()) };
        if cursor.next() > now {
            return Ok(());
        }
        let id = cursor.id;
        let Some(pair) = self.driver.state.catalogue.pair(id) else { return Ok(()) };
        let (spot_id, perp_id, is_spread) = (pair.long, pair.short, pair.market(Leg::Long) == Market::Perp);
        let coins_margin = self.driver.state.coins_margin_of(pair);
        let (spot, perp) = (cursor.spot_close(now), cursor.perp_close(now));
        if spot.is_none() && perp.is_none() {
            return Ok(());
        }
        self.begin(place, now)?;
        if let Some(bar) = spot {
            self.driver.market(now, Event::Bar { instrument: spot_id, bar })?;
            if is_spread {
                self.marked(place, (Leg::Long, spot_id), &bar, now);
            }
        }
        if let Some(bar) = perp {
            self.driver.market(now, Event::Bar { instrument: perp_id, bar })?;
            self.marked(place, (Leg::Short, perp_id), &bar, now);
        }
        let Some(cursor) = self.cursors.get_mut(place) else { return Ok(()) };
        let mut newest = None;
        while let Some(coins) = cursor.open_interest(now) {
            newest = Some(coins);
        }
        if let Some(coins) = newest {
            self.driver.market(now, Event::OpenInterest { instrument: perp_id, coins })?;
            self.driver.market_events -= 1;
        }
        let early = now + coin_rates::lead(coins_margin, cursor.step);
        if cursor.chance().is_some_and(|at| early >= at) {
            self.driver.market(now, Event::LastChance { pair: id })?;
            self.driver.market_events -= 1;
        }
        Ok(())
    }

    /// A perp's bar is what its position is valued and liquidated by: the mark's range where there are mark candles, else its own.
    fn marked(&mut self, place: usize, (leg, perp): (Leg, InstrumentId), bar: &Bar, now: WallTime) {
        if let Some([long, short]) = self.last_close.get_mut(place) {
            *leg.of((long, short)) = Some(bar.close);
        }
        let holds = !self.driver.venue.accounts().position(perp).coins.is_zero();
        let mark =
            if holds { self.cursors.get_mut(place).and_then(|cursor| cursor.mark_of(leg, bar.opened)) } else { None };
        let (low, high, close) = mark.unwrap_or((bar.low, bar.high, bar.close));
        // A liquidation is dated inside the bar in which it happened.
        let at = now - crate::domain::Span(1);
        self.driver.venue.on_mark(perp, close, (low, high), (at, now));
    }

    /// The first bar of a stretch: windows start afresh, and its end is known as a delisting date would be.
    fn begin(&mut self, place: usize, now: WallTime) -> Result<(), JournalError> {
        let Some(cursor) = self.cursors.get_mut(place) else { return Ok(()) };
        if !cursor.begins(now) || !cursor.ends() {
            return Ok(());
        }
        let (pair, segment) = (cursor.id, cursor.segment());
        self.driver.market(now, Event::CoverageStarts { pair })?;
        self.driver.market_events -= 1;
        if let Some(segment) = segment {
            self.driver.market(now, Event::TradingEnds { pair, at: segment.last, cause: EndCause::DataEnd })?;
            self.driver.market_events -= 1;
        }
        Ok(())
    }

    fn settlements(&mut self, place: usize, now: WallTime) -> Result<(), JournalError> {
        if self.cursors.get(place).is_none_or(|cursor| cursor.next() > now) {
            return Ok(());
        }
        self.settle_leg(place, Leg::Short, now)?;
        self.settle_leg(place, Leg::Long, now)
    }

    fn settle_leg(&mut self, place: usize, leg: Leg, now: WallTime) -> Result<(), JournalError> {
        while let Some(due) = self.cursors.get_mut(place).and_then(|cursor| cursor.settlement(leg, now)) {
            let Some(cursor) = self.cursors.get(place) else { return Ok(()) };
            let Some(instrument) = self.driver.state.catalogue.pair(cursor.id).map(|pair| pair.leg(leg)) else {
                return Ok(());
            };
            let mark = match due.row.mark {
                Some(mark) => Some((mark, MarkSource::Funding)),
                None => cursor.mark_open(leg, due.row.stamp).map(|mark| (mark, MarkSource::Mark)).or_else(|| {
                    let [long, short] = self.last_close.get(place).copied().unwrap_or_default();
                    leg.of((long, short)).map(|close| (close, MarkSource::PerpClose))
                }),
            };
            if let Some(mark) = mark {
                self.driver.venue.settle(instrument, due.funding, (due.row.stamp, now), mark);
                self.driver.settle_facts(now)?;
            }
            // A rate whose interval nobody knows is no signal.
            if due.row.interval.is_some() {
                let settlement = Settlement { stamp: due.row.stamp, funding: due.funding };
                self.driver.market(now, Event::Settled { instrument, settlement })?;
            }
        }
        Ok(())
    }

    /// Cross-checks only: decisions fill at the close that made them.
    fn at_close(&mut self, now: WallTime) -> Result<(), JournalError> {
        let wants = self.driver.decide(now)?;
        if wants || !self.driver.venue.is_quiet() {
            self.offer_closes();
        }
        if wants {
            self.driver.carry_out(now)?;
        }
        self.driver.settle(now)
    }

    /// The last common closes are what can be traded at. Said only before something may trade, not at every bar.
    fn offer_closes(&mut self) {
        for pair in &self.driver.state.pairs {
            let Some((spot, perp)) = pair.market.marks else { continue };
            for (instrument, price) in [(pair.pair.long, spot), (pair.pair.short, perp)] {
                let close = Liquidity::Open { price, volume: Quantity::ZERO };
                self.driver.venue.set_liquidity(instrument, close);
            }
        }
    }

    /// Opens at `now`: orders that waited trade, and what follows from their fills trades at the same open, of other pairs too.
    /// Whether anything waited.
    fn opens(&mut self, now: WallTime) -> Result<bool, JournalError> {
        let mut waited = false;
        let mut offered: Vec<PairId> = Vec::new();
        while let Some(cursor) =
            self.cursors.iter().find(|one| self.driver.venue.waits(one.id) && !offered.contains(&one.id))
        {
            let id = cursor.id;
            offered.push(id);
            let Some((spot_id, perp_id)) = self.driver.state.catalogue.pair(id).map(|pair| (pair.long, pair.short))
            else {
                continue;
            };
            let opens = cursor.opens(now);
            if let Some((spot, perp)) = opens {
                for (instrument, (price, volume)) in [(spot_id, spot), (perp_id, perp)] {
                    self.driver.venue.set_liquidity(instrument, Liquidity::Open { price, volume });
                    self.driver.market(now, Event::Print { instrument, price })?;
                    self.driver.market_events -= 1;
                }
            }
            waited = true;
            self.driver.venue.on_open(id, now);
            self.driver.settle(now)?;
            self.driver.venue.opened();
            for instrument in [spot_id, perp_id] {
                self.driver.venue.set_liquidity(instrument, Liquidity::None);
            }
        }
        Ok(waited)
    }

    fn observe(&mut self, now: WallTime) {
        let state = &mut self.driver.state;
        // Dust of an earlier trip moves with the market too.
        let holds = |pair| state.held(pair).0 != SignedQuantity::ZERO;
        if state.active > 0 || state.pairs.iter().any(holds) {
            state.mark_all();
        }
        let exposure = Exposure::of(&self.driver.state);
        self.driver.collector.observe(now, &self.driver.state, exposure);
    }

    /// Now.
    #[must_use]
    pub const fn now(&self) -> WallTime {
        self.now
    }

    /// The driver, to look at while it runs.
    pub const fn driver(&mut self) -> &mut Driver<J> {
        &mut self.driver
    }
}

/// Runs a backtest to its end.
///
/// # Errors
/// [`JournalError`] when the run does not progress; nothing else can fail without a journal.
pub fn run<J: Journal>(inputs: &Inputs<'_>, journal: J, keep_rows: bool) -> Result<RunResult, JournalError> {
    run_seen(inputs, journal, keep_rows, &mut |_| {})
}

/// The same; `seen` is told each instant that was played.
///
/// # Errors
/// As for [`run`].
pub fn run_seen<J: Journal>(
    inputs: &Inputs<'_>,
    journal: J,
    keep_rows: bool,
    seen: &mut dyn FnMut(WallTime),
) -> Result<RunResult, JournalError> {
    let mut bars = Bars::new(inputs, journal, keep_rows)?;
    bars.driver.collector = std::mem::take(&mut bars.driver.collector).dense();
    let watch = crate::net::machine_clock::Stopwatch::start();
    while bars.step()? {
        seen(bars.now);
    }
    let run_s = watch.seconds();
    Ok(finish(bars, inputs, run_s).0)
}

/// Values the books for the last time and gathers the rows; the driver comes back for its journal.
#[must_use]
pub fn finish<J: Journal>(mut bars: Bars<'_, J>, inputs: &Inputs<'_>, run_s: f64) -> (RunResult, Driver<J>) {
    let now = bars.now;
    bars.driver.state.mark_all();
    let driver = &mut bars.driver;
    driver.collector.finish(now, &driver.state);
    let mut summary = summarise(driver, &inputs.settings, run_s);
    "carry.backtest/2".clone_into(&mut summary.schema);
    "backtest".clone_into(&mut summary.mode);
    "history".clone_into(&mut summary.market);
    summary.remarks.clone_from(&inputs.remarks);
    for history in inputs.histories {
        summary.steps.insert(history.name.clone(), history.step.to_string());
        summary.prices.extend(history.prices.clone());
    }
    let basis = inputs.histories.iter().map(basis_series).collect();
    let collector = driver.collector.clone();
    // The last settlement may be stamped some milliseconds after the minute that it belongs to.
    if let Some(last) = collector.funding.iter().map(|row| row.at).max() {
        summary.to_ms = summary.to_ms.max(last);
    }
    let trips = collector.trips_by_opening();
    let mut result = RunResult {
        summary,
        fills: collector.fills,
        funding: collector.funding,
        equity: collector.equity,
        trips,
        books: books(&driver.state),
        basis,
        margin: collector.margin,
        naked_s: collector.naked_s,
    };
    crate::fetch::quoted::as_quoted(&mut result, inputs.histories);
    (result, bars.driver)
}

/// The summary of a driver as it stands; the caller names schema, mode and market.
#[must_use]
pub fn summarise<J: Journal, V: Gateway>(driver: &Driver<J, V>, settings: &Settings, run_s: f64) -> Summary {
    Summary {
        events: driver.market_events,
        run_s,
        digest: driver.digest(),
        ..figures_of(&driver.state, &driver.collector, settings)
    }
}

/// The part of a summary that state and rows hold; what only a driver knows is empty.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "figures for a report")]
pub fn figures_of(state: &State, collector: &Collector, settings: &Settings) -> Summary {
    let equity = state.equity();
    let quotes: Amount = state.quotes.iter().map(|quote| state.ledger.opening(*quote)).sum();
    let capital = quotes + state.ledger.tokens_opening();
    let (from, to) = collector.period().unwrap_or((state.now, state.now));
    let need = capital_need(state);
    let carries = carries(state, capital);
    let curves = &collector.figures.curves;
    let mut summary = Summary {
        schema: String::new(),
        run: RunInfo::default(),
        mode: String::new(),
        market: String::new(),
        capital,
        final_equity: equity,
        currency: settings.run.currency,
        from_ms: from,
        to_ms: to,
        steps: BTreeMap::new(),
        prices: BTreeMap::new(),
        pnl: lines_of(state, equity),
        events: 0,
        run_s: 0.0,
        strategies: strategies(state),
        round_trips: collector.trips.iter().filter(|trip| trip.closed.is_some()).count() as u64,
        open_pairs: state.active as u64,
        max_drawdown: collector.figures.max_drawdown,
        net_return: 0.0,
        net_return_with_cash: 0.0,
        cash_return: 0.0,
        net_apr: None,
        net_simple: None,
        idle_cash_interest: money(curves.interest()),
        net_apr_with_cash: None,
        benchmark_apr: None,
        excess_apr: None,
        cash_apr: settings.run.cash_apr.to_f64(),
        years: Vec::new(),
        months: Vec::new(),
        time_in_market: collector.time_in_market(carries),
        capital_need: need,
        max_naked_s: state.unequal.0 as f64 / 1e3,
        max_naked_notional: state.unequal.1,
        digest: String::new(),
        seed: None,
        forecast: score_of(&state.score),
        forecast_by_pair: state
            .pairs
            .iter()
            .filter(|pair| pair.next.skill.count > 0)
            .map(|pair| (pair.pair.name.clone(), score_of(&pair.next.skill)))
            .collect(),
        orders: state.orders.sent(),
        alarms: collector.figures.alarms.clone(),
        remarks: Vec::new(),
    };
    curves.fill(&mut summary);
    summary
}

/// An estimate in money, rounded to a cent; never posted.
#[expect(clippy::float_arithmetic, reason = "an estimate for a report")]
fn money(value: f64) -> Amount {
    let cents = Rate::from_f64(value / 1e9).unwrap_or_default();
    let exact = Amount::whole(1_000_000_000).times_rate(cents);
    let cent = 100_000_000_000_000;
    Amount::from_units(exact.units().div_euclid(cent) * cent)
}
