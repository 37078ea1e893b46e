//! Margin of isolated positions: what one holds is measured in the venue's own list of it, and what it needs goes from the
//! spot wallet to the perp wallet and from there into the position.
//!
//! Money in the perp wallet does not carry an isolated short: only what the position itself holds does (finding of top-ups
//! that never arrived). It stays in the wallet's balance, so the books know nothing of it. An addition has no id and needs
//! none: until a later list has measured the position no other is asked for. Tests: `tests/suite/belief.rs`,
//! `tests/live.rs`.

use super::apply::{alarm, has_come};
use super::margin::{equity_for, is_low, is_too_early, shrink_pair};
use super::state::{PairState, State};
use crate::config::settings::MarginMode;
use crate::domain::{Amount, Asset, Leg, Rate, Span, VenueId, margin};
use crate::pairs::sizing::margin_of;
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::Wallet;
use crate::risk::belief::Use;

/// A list that should have measured an addition and did not come for so long is not waited for.
const MEASURE_PATIENCE: Span = Span(2 * 60_000);

/// Figures of one isolated short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alone {
    /// Money that it holds, with its profit.
    pub equity: Amount,
    /// Its value at the mark.
    pub notional: Amount,
    /// Its maintenance margin.
    pub maintenance: Amount,
}

impl Alone {
    /// Rise of the mark at which it is liquidated.
    #[must_use]
    pub fn distance(&self) -> Option<Rate> {
        margin::liquidation_distance(self.equity, self.notional, self.maintenance)
    }
}

impl State {
    /// Whether each position has its own margin.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.settings.margin.mode == MarginMode::Isolated
    }

    /// Money that a pair's position holds, without its profit: as listed, in proportion where the size has changed since, and
    /// the initial margin where no list has shown it yet.
    #[must_use]
    pub fn isolated_money(&self, pair: &PairState) -> Amount {
        let Some(book) = self.ledger.pair(pair.pair.id) else { return Amount::ZERO };
        let short = book.perp(Leg::Short);
        let (held, cost) = (short.coins.magnitude(), short.cost.abs());
        if held.is_zero() {
            return Amount::ZERO;
        }
        let initial = |cost: Amount| margin_of(cost, self.leverage_at(pair.pair.venue(Leg::Short)));
        let Some((listed, _)) = pair.witness.listed(Leg::Short) else { return initial(cost) };
        let (Some(money), shown) = (listed.isolated, listed.coins.magnitude()) else { return initial(cost) };
        if shown.is_zero() {
            initial(cost)
        } else if held <= shown {
            money.share(held.units(), shown.units())
        } else {
            money + initial(cost.share(held.minus(shown).units(), held.units()))
        }
    }

    /// A pair's short by itself, at the mark for this use; `None` without a short or a price.
    #[must_use]
    pub fn alone(&self, pair: &PairState, wanted: Use) -> Option<Alone> {
        let short = self.ledger.pair(pair.pair.id)?.perp(Leg::Short);
        if short.is_flat() {
            return None;
        }
        let mark = self.mark_for((pair, Leg::Short), wanted)?;
        let notional = mark.times(short.coins.magnitude());
        let brackets = &self.catalogue.instrument(pair.pair.short)?.brackets;
        let maintenance = margin::maintenance(brackets, notional).unwrap_or(notional);
        let equity = self.isolated_money(pair) + short.unrealised(mark);
        Some(Alone { equity, notional, maintenance })
    }

    /// Quote coin of the perp wallet that no position holds.
    #[must_use]
    pub fn free_cross(&self, (venue, quote): (VenueId, Asset)) -> Amount {
        let ours = self.pairs.iter().filter(|pair| pair.pair.account(Leg::Short) == (venue, quote));
        let taken: Amount = ours.map(|pair| self.isolated_money(pair) + adding(pair)).sum();
        (self.funds(venue, quote).quote - taken).max(Amount::ZERO)
    }
}

/// Margin that is on its way into a pair's position.
fn adding(pair: &PairState) -> Amount {
    pair.witness.adding.map_or(Amount::ZERO, |(amount, _)| amount)
}

/// Looks at one isolated short: warns, brings money into it, and shrinks the pair when there is none.
pub(super) fn watch(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let levels = state.settings.margin.clone();
    let now = state.now;
    let Some(pair) = state.pairs.get(place) else { return };
    let (id, key) = (pair.pair.id, pair.pair.account(Leg::Short));
    let Some(short) = state.alone(pair, Use::Margin) else { return };
    let Some(distance) = short.distance() else { return };
    let low = is_low(distance, pair.witness.low_told, &levels);
    let Some(pair) = state.pairs.get_mut(place) else { return };
    if low && !pair.witness.low_told {
        out.push(alarm(AlarmKind::MarginLow, Severity::Warning, Some(id), None));
    }
    pair.witness.low_told = low;
    if distance >= levels.top_up {
        return;
    }
    let waits = pair.witness.adding.is_some_and(|(_, asked)| now.since(asked) < MEASURE_PATIENCE);
    if waits || !has_come(now, pair.witness.retry_at) {
        // Wake up for the retry; what was asked for wakes us by its list.
        out.extend(pair.witness.retry_at.map(|at| Command::WakeAt { at }));
        return;
    }
    pair.witness.adding = None;
    let wanted = equity_for(short.maintenance, short.notional, levels.target) - short.equity;
    let least = short.notional.times_rate(Rate::from_units(5_000_000_000_000_000));
    let free = state.free_cross(key);
    let add = wanted.min(free).to_ledger_unit();
    if add >= least {
        if let (Some(pair), Some(instrument)) = (state.pairs.get_mut(place), perp_of(state.catalogue.pair(id))) {
            pair.witness.adding = Some((add, now));
            out.push(Command::AddMargin { instrument, amount: add });
        }
        return;
    }
    if state.venue(key.0).is_none_or(|venue| venue.moving.is_some()) {
        return;
    }
    let movable = (wanted - free).min(state.funds(key.0, key.1).spot);
    if movable >= least && state.send((key.0, Wallet::Spot), (movable, key.1), out) {
        return;
    }
    floor(state, place, out);
}

fn perp_of(pair: Option<&crate::domain::Pair>) -> Option<crate::domain::InstrumentId> {
    pair.map(|pair| pair.short)
}

/// No money can be brought: below the floor both legs shrink, by a mark that more than one source gives.
fn floor(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let levels = state.settings.margin.clone();
    let Some(pair) = state.pairs.get(place) else { return };
    let (_, perp) = state.held(pair);
    let busy = !pair.at_rest && pair.memory.target < perp.magnitude();
    let early = is_too_early(state, pair);
    let Some(short) = state.alone(pair, Use::Shrink).filter(|_| !busy && !early) else { return };
    if short.distance().is_none_or(|distance| distance >= levels.floor) {
        return;
    }
    let (id, key) = (pair.pair.id, pair.pair.account(Leg::Short));
    let money = state.free_cross(key) + state.funds(key.0, key.1).spot;
    if shrink_pair(state, place, share_kept(&short, money, levels.target)) {
        out.push(alarm(AlarmKind::MarginFloor, Severity::Page, Some(id), None));
    }
}

/// The share to keep: closing the rest lets its margin go and sells its coins, and both go into what is kept.
/// `E + C + (1 - k) N = k (M + t (N + M))`, one percent less for the costs of getting there.
#[expect(clippy::float_arithmetic, reason = "a share of a position; the coins are rounded down to the step afterwards")]
fn share_kept(short: &Alone, money: Amount, target: Rate) -> f64 {
    let (notional, maintenance) = (short.notional.to_f64(), short.maintenance.to_f64());
    let has = (short.equity + money).to_f64() + notional;
    let needs = notional + maintenance + target.to_f64() * (notional + maintenance);
    (has / needs * 0.99).clamp(0.0, 0.95)
}

/// Figures of a pair's short after an entry of this value, which brings its own initial margin.
#[must_use]
pub fn after_entry(state: &State, pair: &PairState, value: Amount, maintenance: Option<Rate>) -> Option<Rate> {
    let now = state.alone(pair, Use::Margin);
    let mut after = now.unwrap_or(Alone { equity: Amount::ZERO, notional: Amount::ZERO, maintenance: Amount::ZERO });
    after.equity += margin_of(value, state.leverage_at(pair.pair.venue(Leg::Short)));
    after.notional += value;
    after.maintenance += maintenance.map_or(value, |rate| value.times_rate(rate));
    after.distance()
}
