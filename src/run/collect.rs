//! Turns what the engine records into the rows and figures of a report.

use super::margins::Margins;
use super::returns::{Curves, Money};
use super::rows::DenseRows;
use crate::domain::{Amount, Leg, Market, PairId, Price, Span, WallTime};
use crate::engine::profit::{brought, lines_of};
use crate::engine::record::{FillRecord, FundingRecord};
use crate::engine::{Record, State};
use crate::ledger::Lines;
use crate::port::command::AlarmKind;
use crate::report::run::{EquityRow, FillRow, FundingRow, MarginRow, TripRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A round trip that is still open.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OpenTrip {
    row: TripRow,
    before: Lines,
}

/// The books as they were seen last.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Look {
    at: WallTime,
    equity: Amount,
    /// The same as a float.
    money: f64,
    /// Changes of the books until then.
    changes: u64,
}

/// Rows and running figures of one run.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    /// Fills.
    pub fills: Vec<FillRow>,
    /// Settlements on positions.
    pub funding: Vec<FundingRow>,
    /// Equity where it changed.
    pub equity: Vec<EquityRow>,
    /// Finished round trips.
    pub trips: Vec<TripRow>,
    /// Times unequal, seconds.
    pub naked_s: Vec<f64>,
    /// Least distance to liquidation of each day, per wallet.
    pub margin: Vec<MarginRow>,
    /// What is not rows.
    pub figures: Figures,
    keep_rows: bool,
    dense: Option<DenseRows>,
}

/// How far a run is: for who measures a part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Running {
    /// Equity at the last look.
    pub equity: Amount,
    /// What idle money earned so far.
    pub interest: f64,
    /// Notional at work times milliseconds.
    pub notional_ms: f64,
    /// Closed round trips.
    pub trips: u64,
}

/// Running figures and open round trips: small enough to go on disk with every commit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Figures {
    open: Vec<Option<OpenTrip>>,
    last: Option<Look>,
    peak: Amount,
    /// Lowest equity since the peak.
    low: Amount,
    /// Largest fall from a peak as a fraction of it.
    pub max_drawdown: f64,
    /// Notional times milliseconds.
    notional_ms: f64,
    first: Option<WallTime>,
    /// Net, with cash, and their calendar.
    #[serde(default)]
    pub curves: Curves,
    /// What somebody brought or took, as it was seen last.
    #[serde(default)]
    flows: Amount,
    /// Alarms since the session's first start, by kind.
    #[serde(default)]
    pub alarms: BTreeMap<String, u64>,
    #[serde(default)]
    margins: Margins,
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "figures for a report")]
impl Collector {
    /// `keep_rows` keeps a row per change of equity; a sweep does not need them.
    #[must_use]
    pub fn new(pairs: usize, keep_rows: bool) -> Self {
        Self { figures: Figures { open: vec![None; pairs], ..Figures::default() }, keep_rows, ..Self::default() }
    }

    /// Pairs that came behind those that the figures were kept of.
    pub fn widen(&mut self, pairs: usize) {
        if self.figures.open.len() < pairs {
            self.figures.open.resize_with(pairs, || None);
        }
    }

    /// Equity rows are kept small and appear in `equity` when the run is finished.
    #[must_use]
    pub fn dense(self) -> Self {
        Self { dense: Some(DenseRows::default()), ..self }
    }

    /// Takes the engine's records.
    pub fn take(&mut self, records: &[Record], state: &State) {
        for record in records {
            match record {
                Record::Fill(fill) => self.fill(fill, state),
                Record::Funding(funding) => self.paid(funding, state),
                Record::Opened { pair, at, reason, mids, lines } => {
                    let row = TripRow {
                        pair: name(state, *pair),
                        opened: *at,
                        closed: None,
                        coins: crate::domain::Quantity::ZERO,
                        notional: Amount::ZERO,
                        entry_basis_bps: basis_bps(*mids),
                        exit_basis_bps: None,
                        settlements: 0,
                        lines: Lines::default(),
                        naked_s: 0.0,
                        entry_reason: reason.map_or("-", |reason| reason.as_str()).to_owned(),
                        exit_reason: None,
                    };
                    if let Some(slot) = self.figures.open.get_mut(pair.index()) {
                        *slot = Some(OpenTrip { row, before: *lines });
                    }
                }
                Record::Closed { pair, at, reason, mids, lines } => {
                    if let Some(mut trip) = self.figures.open.get_mut(pair.index()).and_then(Option::take) {
                        trip.row.closed = Some(*at);
                        trip.row.exit_basis_bps = Some(basis_bps(*mids));
                        trip.row.lines = *lines - trip.before;
                        trip.row.exit_reason = reason.map(|reason| reason.as_str().to_owned());
                        self.trips.push(trip.row);
                    }
                }
                Record::Unequal { pair, ms, venue_made } => {
                    let seconds = *ms as f64 / 1e3;
                    if !venue_made {
                        self.naked_s.push(seconds);
                    }
                    if let Some(trip) = self.figures.open.get_mut(pair.index()).and_then(Option::as_mut) {
                        trip.row.naked_s += seconds;
                    }
                }
            }
        }
    }

    fn fill(&mut self, record: &FillRecord, state: &State) {
        let Some(pair) = state.pair(record.pair) else { return };
        let Some(instrument) = state.catalogue.instrument(pair.pair.leg(record.leg)) else { return };
        let mid = record.leg.of(record.mids);
        let intent = match (record.intent, record.act) {
            (Some(id), _) => id.to_string(),
            (None, act) => format!("venue-{act:?}").to_lowercase(),
        };
        self.fills.push(FillRow {
            at: record.fill.at,
            pair: pair.pair.name.clone(),
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
            leg: pair.pair.word(record.leg),
            side: record.side,
            quantity: record.fill.quantity,
            price: record.fill.price,
            mid,
            fee: record.fill.fee,
            fee_asset: record.fill.fee_asset,
            arrival_mid: record.arrival_mid,
            intent,
            reason: record.reason.as_str().to_owned(),
        });
        if let Some(trip) = self.figures.open.get_mut(record.pair.index()).and_then(Option::as_mut) {
            // Valued when it grew: later prices say nothing about what the entry put at work.
            if record.hedged > trip.row.coins {
                trip.row.coins = record.hedged;
                trip.row.notional = record.mids.1.times(record.hedged);
            }
        }
    }

    fn paid(&mut self, record: &FundingRecord, state: &State) {
        let Some(pair) = state.pair(record.pair) else { return };
        let Some(instrument) = state.catalogue.instrument(pair.pair.leg(record.leg)) else { return };
        self.funding.push(FundingRow {
            at: record.stamp,
            pair: pair.pair.name.clone(),
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
            quantity: record.position,
            mark_price: record.mark,
            mark_source: record.mark_source.as_str().to_owned(),
            rate: record.rate,
            amount: record.amount,
        });
        if let Some(trip) = self.figures.open.get_mut(record.pair.index()).and_then(Option::as_mut) {
            trip.row.settlements += 1;
        }
    }

    /// An alarm rang.
    pub fn rang(&mut self, kind: AlarmKind) {
        *self.figures.alarms.entry(crate::observe::words::word(kind)).or_default() += 1;
    }

    /// The first look of a run of which none is on disk: nothing was traded yet, so the books were worth the capital.
    pub fn begun(&mut self, at: WallTime, state: &State, capital: Amount) {
        if self.figures.last.is_some() {
            return;
        }
        self.figures.curves.counted_on(state.settings.run.capital);
        self.figures.first.get_or_insert(at);
        self.figures.flows = brought(state);
        self.figures.curves.value(at, capital, self.figures.flows);
        (self.figures.peak, self.figures.low) = (capital, capital);
        // No count of changes is this one: the next look values the books.
        self.figures.last = Some(Look { at, equity: capital, money: capital.to_f64(), changes: u64::MAX });
    }

    /// The books at the end of an instant. Everything is valued at its latest marks by then.
    pub fn observe(&mut self, at: WallTime, state: &State, exposure: Exposure) {
        let first = self.figures.last.is_none();
        if first {
            self.figures.curves.counted_on(state.settings.run.capital);
        }
        self.figures.first.get_or_insert(at);
        if self.keep_rows {
            self.figures.margins.look(at, state, &mut self.margin);
        }
        let changes = state.ledger.changes();
        if let Some(last) = &mut self.figures.last {
            self.figures.notional_ms += exposure.notional * at.since(last.at).0 as f64;
            let idle = last.money - exposure.spot_value - exposure.margin;
            let money = Money { idle, work: exposure.work };
            self.figures.curves.advance(at, money, state.settings.run.cash_apr.to_f64());
            last.at = at;
            if last.changes == changes && state.pegs.is_empty() {
                return;
            }
        }
        let equity = state.equity();
        if let Some(last) = &mut self.figures.last
            && last.equity == equity
        {
            last.changes = changes;
            return;
        }
        self.figures.last = Some(Look { at, equity, money: equity.to_f64(), changes });
        let flows = brought(state);
        self.figures.curves.value(at, equity, flows);
        if flows != self.figures.flows {
            // Money that somebody took is no fall.
            self.figures.peak += flows - self.figures.flows;
            self.figures.low += flows - self.figures.flows;
            self.figures.flows = flows;
        }
        if equity > self.figures.peak {
            self.figures.peak = equity;
            self.figures.low = equity;
        } else if self.figures.peak > Amount::ZERO && equity < self.figures.low {
            self.figures.low = equity;
            let fall = (self.figures.peak - equity).to_f64() / self.figures.peak.to_f64();
            self.figures.max_drawdown = self.figures.max_drawdown.max(fall);
        }
        if self.keep_rows || first {
            let row = EquityRow { at, equity, lines: lines_of(state, equity) };
            match &mut self.dense {
                Some(dense) => dense.push(&row),
                None => match self.equity.last_mut().filter(|last| last.at == at) {
                    Some(last) => *last = row,
                    None => self.equity.push(row),
                },
            }
        }
    }

    /// The last row, whatever changed, and the open trips, after the closed ones: rows are only ever appended, because a
    /// journal counts how many of them are on disk.
    pub fn finish(&mut self, at: WallTime, state: &State) {
        if let Some(dense) = self.dense.take() {
            self.equity = dense.into_rows();
        }
        let equity = state.equity();
        self.figures.curves.value(at, equity, brought(state));
        self.figures.margins.close(&mut self.margin);
        if self.equity.last().is_none_or(|row| row.at < at) {
            self.equity.push(EquityRow { at, equity, lines: lines_of(state, equity) });
        } else if let Some(row) = self.equity.last_mut() {
            *row = EquityRow { at, equity, lines: lines_of(state, equity) };
        }
        let open = self.open_trips(state);
        self.figures.open.iter_mut().for_each(|slot| *slot = None);
        self.trips.extend(open);
    }

    /// The round trips that are not over, with what is booked of them so far.
    #[must_use]
    pub fn open_trips(&self, state: &State) -> Vec<TripRow> {
        let open = self.figures.open.iter().enumerate().filter_map(|(place, slot)| {
            let trip = slot.as_ref()?;
            let lines = state.ledger.pair(PairId(u16::try_from(place).ok()?)).map(|book| book.attribution.lines);
            Some(TripRow { lines: lines.unwrap_or_default() - trip.before, ..trip.row.clone() })
        });
        open.collect()
    }

    /// All round trips in order of opening, as reports show them, of a run that is over.
    #[must_use]
    pub fn trips_by_opening(&self) -> Vec<TripRow> {
        sorted(self.trips.clone())
    }

    /// The same of a run that is not: with the open ones.
    #[must_use]
    pub fn all_trips(&self, state: &State) -> Vec<TripRow> {
        let mut trips = self.trips.clone();
        trips.extend(self.open_trips(state));
        sorted(trips)
    }

    /// Share of the time in the market, weighted by notional, against what the capital carries.
    #[must_use]
    pub fn time_in_market(&self, carries: Amount) -> f64 {
        let span = self.span().0 as f64;
        let most = carries.to_f64() * span;
        if most > 0.0 { self.figures.notional_ms / most } else { 0.0 }
    }

    /// From the first to the last look.
    #[must_use]
    pub fn span(&self) -> Span {
        match (self.figures.first, self.figures.last) {
            (Some(first), Some(last)) => last.at.since(first),
            _ => Span::ZERO,
        }
    }

    /// The figures by now; `None` before the first look.
    #[must_use]
    pub fn running(&self) -> Option<Running> {
        let equity = self.figures.last?.equity;
        let (interest, notional_ms) = (self.figures.curves.interest(), self.figures.notional_ms);
        Some(Running { equity, interest, notional_ms, trips: self.trips.len() as u64 })
    }

    /// Drops fills and settlements that nobody reads, so that many runs fit in memory; the last settlement stays, which dates the
    /// end of the run.
    pub fn forget_rows(&mut self) {
        self.fills.clear();
        let last = self.funding.len().saturating_sub(1);
        self.funding.drain(..last);
    }

    /// First and last look.
    #[must_use]
    pub fn period(&self) -> Option<(WallTime, WallTime)> {
        Some((self.figures.first?, self.figures.last?.at))
    }
}

/// What is at work now, in floats, for averages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exposure {
    /// Value of the shorts.
    pub notional: f64,
    /// Value of the spot holdings.
    pub spot_value: f64,
    /// Margin that the perps need.
    pub margin: f64,
    /// Capital that the positions need, by the account model.
    pub work: f64,
}

impl Exposure {
    /// Of all pairs at their marks.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "figures for a report")]
    pub fn of(state: &State) -> Self {
        let mut sum = Self::default();
        if state.active == 0 {
            return sum;
        }
        for pair in &state.pairs {
            let (spot, perp) = state.held(pair);
            if spot.is_zero() && perp.is_zero() {
                continue;
            }
            // Where no market is seen: the prices at which the books stand.
            let booked = || state.ledger.pair(pair.pair.id)?.attribution.marks();
            if let Some((spot_mark, perp_mark)) = pair.market.marks.or_else(booked) {
                let notional = perp.magnitude().to_f64() * perp_mark.to_f64();
                let leverage = |leg: Leg| state.leverage_at(pair.pair.venue(leg)).to_f64().max(0.01);
                let long = spot.to_f64() * spot_mark.to_f64();
                sum.notional += notional;
                let margin = notional / leverage(Leg::Short);
                let long_margin = match pair.pair.market(Leg::Long) {
                    Market::Spot => {
                        sum.spot_value += long;
                        0.0
                    }
                    Market::Perp => long / leverage(Leg::Long),
                };
                let need = state.capital_per_notional(pair);
                // Where coins margin the short, the quote coin beside them is what the capital is more than the coins.
                let beside =
                    need.filter(|_| state.coins_margin_of(&pair.pair)).map(|need| notional * (need - 1.0).max(0.0));
                sum.margin += beside.unwrap_or(margin + long_margin);
                sum.work += match need {
                    Some(capital) => notional * capital,
                    None if long_margin > 0.0 => margin + long_margin,
                    None => long + margin,
                };
            }
        }
        sum
    }
}

/// The profit lines of each pair that has any, from its own books, in the order of the pairs.
#[must_use]
pub fn books(state: &State) -> Vec<(String, Lines)> {
    let books = state.pairs.iter().filter_map(|pair| {
        let lines = state.ledger.pair(pair.pair.id)?.attribution.lines;
        (lines != Lines::default()).then(|| (pair.pair.name.clone(), lines))
    });
    books.collect()
}

fn sorted(mut trips: Vec<TripRow>) -> Vec<TripRow> {
    trips.sort_by_key(|trip| trip.opened);
    trips
}

fn name(state: &State, pair: PairId) -> String {
    state.pair(pair).map_or_else(|| "?".to_owned(), |pair| pair.pair.name.clone())
}

#[expect(clippy::float_arithmetic, reason = "figures for a report")]
fn basis_bps(mids: (Price, Price)) -> f64 {
    (mids.1.to_f64() / mids.0.to_f64() - 1.0) * 1e4
}
