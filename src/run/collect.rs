//! Turns what the engine records into the rows and figures of a report.

use crate::domain::{Amount, Market, PairId, Price, Span, WallTime};
use crate::engine::record::{FillRecord, FundingRecord};
use crate::engine::{Record, State};
use crate::ledger::Lines;
use crate::report::run::{EquityRow, FillRow, FundingRow, TripRow};

/// A round trip that is still open.
#[derive(Debug, Clone)]
struct OpenTrip {
    row: TripRow,
    before: Lines,
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
    open: Vec<Option<OpenTrip>>,
    keep_rows: bool,
    last: Option<(WallTime, Amount)>,
    peak: Amount,
    /// Largest fall from a peak as a fraction of it.
    pub max_drawdown: f64,
    /// Notional times milliseconds.
    notional_ms: f64,
    /// Idle money times milliseconds.
    idle_ms: f64,
    first: Option<WallTime>,
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "figures for a report")]
impl Collector {
    /// `keep_rows` keeps a row per change of equity; a sweep does not need them.
    #[must_use]
    pub fn new(pairs: usize, keep_rows: bool) -> Self {
        Self { open: vec![None; pairs], keep_rows, ..Self::default() }
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
                    if let Some(slot) = self.open.get_mut(pair.index()) {
                        *slot = Some(OpenTrip { row, before: *lines });
                    }
                }
                Record::Closed { pair, at, reason, mids, lines } => {
                    if let Some(mut trip) = self.open.get_mut(pair.index()).and_then(Option::take) {
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
                    if let Some(trip) = self.open.get_mut(pair.index()).and_then(Option::as_mut) {
                        trip.row.naked_s += seconds;
                    }
                }
            }
        }
    }

    fn fill(&mut self, record: &FillRecord, state: &State) {
        let Some(pair) = state.pair(record.pair) else { return };
        let Some(instrument) = state.catalogue.instrument(pair.pair.leg(record.leg)) else { return };
        let mid = match record.leg {
            Market::Spot => record.mids.0,
            Market::Perp => record.mids.1,
        };
        let intent = match (record.intent, record.act) {
            (Some(id), _) => id.to_string(),
            (None, act) => format!("venue-{act:?}").to_lowercase(),
        };
        self.fills.push(FillRow {
            at: record.fill.at,
            pair: pair.pair.name.clone(),
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
            leg: record.leg,
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
        if let Some(trip) = self.open.get_mut(record.pair.index()).and_then(Option::as_mut) {
            // Valued when it grew: later prices say nothing about what the entry put at work.
            if record.hedged > trip.row.coins {
                trip.row.coins = record.hedged;
                trip.row.notional = record.mids.1.times(record.hedged);
            }
        }
    }

    fn paid(&mut self, record: &FundingRecord, state: &State) {
        let Some(pair) = state.pair(record.pair) else { return };
        let Some(instrument) = state.catalogue.instrument(pair.pair.perp) else { return };
        self.funding.push(FundingRow {
            at: record.stamp,
            pair: pair.pair.name.clone(),
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
            quantity: record.position,
            mark_price: record.mark,
            mark_source: record.mark_source.as_str(),
            rate: record.rate,
            amount: record.amount,
        });
        if let Some(trip) = self.open.get_mut(record.pair.index()).and_then(Option::as_mut) {
            trip.row.settlements += 1;
        }
    }

    /// The books at the end of an instant. Everything is valued at its latest marks by then.
    pub fn observe(&mut self, at: WallTime, state: &State, exposure: Exposure) {
        let equity = state.equity();
        self.first.get_or_insert(at);
        if let Some((before, known)) = self.last {
            let ms = at.since(before).0 as f64;
            self.notional_ms += exposure.notional * ms;
            self.idle_ms += (known.to_f64() - exposure.spot_value - exposure.margin).max(0.0) * ms;
            if known == equity && !self.equity.is_empty() {
                self.last = Some((at, equity));
                return;
            }
        }
        self.last = Some((at, equity));
        if equity > self.peak {
            self.peak = equity;
        } else if self.peak > Amount::ZERO {
            let fall = (self.peak - equity).to_f64() / self.peak.to_f64();
            self.max_drawdown = self.max_drawdown.max(fall);
        }
        if self.keep_rows || self.equity.is_empty() {
            self.equity.push(EquityRow { at, equity, lines: lines_of(state, equity) });
        }
    }

    /// The books after the fills of the instant that was just looked at.
    pub fn amend(&mut self, at: WallTime, state: &State) {
        let equity = state.equity();
        if self.last.is_none_or(|(_, known)| known == equity) {
            return;
        }
        self.last = Some((at, equity));
        self.peak = self.peak.max(equity);
        if self.peak > Amount::ZERO {
            let fall = (self.peak - equity).to_f64() / self.peak.to_f64();
            self.max_drawdown = self.max_drawdown.max(fall);
        }
        if self.keep_rows {
            self.equity.pop_if(|row| row.at == at);
            self.equity.push(EquityRow { at, equity, lines: lines_of(state, equity) });
        }
    }

    /// The last row, whatever changed, and the open trips.
    pub fn finish(&mut self, at: WallTime, state: &State) {
        let equity = state.equity();
        if self.equity.last().is_none_or(|row| row.at < at) {
            self.equity.push(EquityRow { at, equity, lines: lines_of(state, equity) });
        } else if let Some(row) = self.equity.last_mut() {
            *row = EquityRow { at, equity, lines: lines_of(state, equity) };
        }
        for (place, slot) in self.open.iter_mut().enumerate() {
            if let Some(mut trip) = slot.take() {
                let lines =
                    state.ledger.pair(PairId(u16::try_from(place).unwrap_or(0))).map(|book| book.attribution.lines);
                trip.row.lines = lines.unwrap_or_default() - trip.before;
                self.trips.push(trip.row);
            }
        }
        self.trips.sort_by_key(|trip| trip.opened);
    }

    /// Share of the time in the market, weighted by notional, against what the capital carries.
    #[must_use]
    pub fn time_in_market(&self, carries: Amount) -> f64 {
        let span = self.span().0 as f64;
        let most = carries.to_f64() * span;
        if most > 0.0 { self.notional_ms / most } else { 0.0 }
    }

    /// Mean idle money times the fraction of a year that passed.
    #[must_use]
    pub fn idle_years(&self) -> f64 {
        self.idle_ms / (365.0 * 8.64e7)
    }

    /// From the first to the last look.
    #[must_use]
    pub fn span(&self) -> Span {
        match (self.first, self.last) {
            (Some(first), Some((last, _))) => last.since(first),
            _ => Span::ZERO,
        }
    }

    /// First and last look.
    #[must_use]
    pub fn period(&self) -> Option<(WallTime, WallTime)> {
        Some((self.first?, self.last?.0))
    }
}

/// What is at work now, in floats, for averages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exposure {
    /// Value of the shorts.
    pub notional: f64,
    /// Value of the spot holdings.
    pub spot_value: f64,
    /// Margin that the shorts need.
    pub margin: f64,
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
            if let Some((spot_mark, perp_mark)) = pair.market.marks {
                let notional = perp.magnitude().to_f64() * perp_mark.to_f64();
                sum.notional += notional;
                sum.spot_value += spot.to_f64() * spot_mark.to_f64();
                sum.margin += notional / state.settings.size.leverage.to_f64().max(0.01);
            }
        }
        sum
    }
}

/// The profit lines with the move of other quote coins against the reporting coin in `delta`, and what is unexplained last.
#[must_use]
pub fn lines_of(state: &State, equity: Amount) -> Lines {
    let mut lines = state.ledger.lines();
    let mut opening = Amount::ZERO;
    for quote in &state.quotes {
        let closing = state.ledger.equity(*quote);
        lines.delta += state.in_reporting(closing, *quote) - closing;
        opening += state.ledger.opening(*quote);
    }
    lines.unexplained = Amount::ZERO;
    lines.unexplained = equity - opening - lines.total();
    lines
}

fn name(state: &State, pair: PairId) -> String {
    state.pair(pair).map_or_else(|| "?".to_owned(), |pair| pair.pair.name.clone())
}

#[expect(clippy::float_arithmetic, reason = "figures for a report")]
fn basis_bps(mids: (Price, Price)) -> f64 {
    (mids.1.to_f64() / mids.0.to_f64() - 1.0) * 1e4
}
