//! The ladder at work: when it decides, and which of its moves is made next. The rule itself stands in `strategy/ladder.rs`.
//!
//! It decides once for each settlement of 00, 08 and 16 UTC, at the first instant at which the guard is over. The moves are made
//! one after the other, the next when both legs of the last are done; a switch is an exit and then an entry. What was
//! decided is not durable: after a restart it is decided anew from what is held. Tests: `tests/suite/ladder.rs`.

use super::barred::barred;
use super::collateral;
use super::entry;
use super::profit::brought;
use super::state::{PairState, State};
use crate::config::settings::{SlotsOf, StrategyKind};
use crate::domain::{Amount, Asset, Leg, Quantity, Rate, Span, VenueId, WallTime};
use crate::port::order::Reason;
use crate::strategy::Wish;
use crate::strategy::ladder::{self, Move, Rung, Terms};
use std::collections::VecDeque;

/// Between two decisions.
const EVERY: Span = Span::hours(8);
/// Venues stamp their settlements so late at most.
const LATE: Span = Span(2 * 60_000);
/// An entry that could not be begun is passed over for so long.
const AGAIN: Span = Span::DAY;

/// One half of a move: numbers are places of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Leave(usize),
    Enter(usize),
}

/// What was decided last, and what of it is still to be done.
#[derive(Debug, Clone, Default)]
pub struct Climb {
    /// The settlement after which it was decided.
    decided: Option<WallTime>,
    /// Decide again then, whatever was decided.
    again: Option<WallTime>,
    steps: VecDeque<Step>,
    /// Entries that could not be begun: the pair, when, and why.
    refused: Vec<(usize, WallTime, &'static str)>,
}

impl Climb {
    /// It is decided again at once.
    pub(super) const fn ask(&mut self, now: WallTime) {
        self.again = Some(now);
    }

    /// Why an entry of a pair could not be begun within the last day.
    #[must_use]
    pub fn refused(&self, place: usize, now: WallTime) -> Option<&'static str> {
        let young = |row: &&(usize, WallTime, &'static str)| row.0 == place && now.since(row.1) < AGAIN;
        self.refused.iter().find(young).map(|row| row.2)
    }

    /// What it wishes for a pair now: the first step that is left, and nothing for all others.
    #[must_use]
    pub fn wish(&self, place: usize, held: bool) -> Wish {
        match self.steps.front() {
            Some(Step::Leave(one)) if *one == place && held => Wish::Leave(Reason::LeaveBeatsHold),
            Some(Step::Enter(one)) if *one == place && !held => Wish::Enter(Reason::CarryAbove),
            _ => Wish::Keep,
        }
    }
}

impl State {
    /// All pairs as the ladder sees them now, in order.
    #[must_use]
    pub fn rungs(&self) -> Vec<Rung> {
        let accounts = self.accounts();
        let slot = slot(self).unwrap_or(Amount::ZERO);
        let rung = |pair: &PairState| {
            let (long, short) = self.held(pair);
            let held = Quantity::saturating(long.units().min(-short.units()));
            let rung = ladder::rung(&self.view(pair, held), pair.pair.coin, pair.memory.entered_at.is_some());
            let shut = self.ladder.refused(pair.pair.id.index(), self.now).is_some()
                || barred(self, pair).is_some()
                || self.coins_margin_of(&pair.pair) && !collateral::counts(self, pair);
            let account = accounts.iter().position(|one| *one == pair.pair.account(Leg::Short)).unwrap_or(usize::MAX);
            let (capital, needs) = self.slot_needs(pair, slot);
            Rung { open: rung.open && !shut, account, capital, needs, ..rung }
        };
        self.pairs.iter().map(rung).collect()
    }

    /// The moves that would be decided now.
    #[must_use]
    pub fn ladder_moves(&self, rungs: &[Rung]) -> Vec<Move> {
        let free: Vec<f64> = self.accounts().into_iter().map(|(venue, quote)| self.ladder_room(venue, quote)).collect();
        let slot = slot(self).unwrap_or(Amount::ZERO).to_f64();
        ladder::moves(rungs, &Terms::of(&self.settings), (&free, slot))
    }

    /// Where the money of the pairs is: venue and quote coin of the short leg, each once.
    fn accounts(&self) -> Vec<(VenueId, Asset)> {
        let mut accounts = Vec::new();
        for account in self.pairs.iter().map(|pair| pair.pair.account(Leg::Short)) {
            if !accounts.contains(&account) {
                accounts.push(account);
            }
        }
        accounts
    }

    /// Money of an account that may still be put to work: what is free, within the venue's share.
    #[expect(clippy::float_arithmetic, reason = "a signal; sizes are exact")]
    fn ladder_room(&self, venue: VenueId, quote: Asset) -> f64 {
        let funds = self.funds(venue, quote);
        let used: f64 = self
            .pairs
            .iter()
            .filter(|pair| pair.pair.account(Leg::Short) == (venue, quote))
            .map(|pair| self.slot_needs(pair, Amount::ZERO).0)
            .sum();
        let mut share = funds.equity().times_rate(self.settings.size.share).to_f64() - used;
        if !self.settings.venues.is_empty() {
            share = share.min(self.most_at(venue).to_f64() - used);
        }
        (funds.spot + funds.free_quote()).to_f64().min(share).max(0.0)
    }

    /// The capital that a pair holds, and the least that an entry of it takes: more than a tenth of a slot and an order of
    /// both legs.
    fn slot_needs(&self, pair: &PairState, slot: Amount) -> (f64, f64) {
        let backing = entry::backing(self, pair.pair.id.index());
        let (_, short) = self.held(pair);
        let held = pair.market.short.mid.map_or(Amount::ZERO, |mid| backing.capital(mid.times(short.magnitude())));
        let least = self.plan_input(pair).zip(pair.market.long.mid).map_or(Amount::ZERO, |(input, mid)| {
            let coins = input.lot().max(input.long_grid.min_add).max(input.short_grid.min_add);
            backing.capital(mid.times(coins))
        });
        (held.to_f64(), least.max(slot.share(1, 10)).to_f64())
    }

    /// Capital over notional of a pair, where it is not that of margin in the quote coin.
    #[must_use]
    pub fn capital_per_notional(&self, pair: &PairState) -> Option<f64> {
        if self.settings.venues.is_empty() && !self.coins_margin() && self.settings.ladder.capital.is_empty() {
            return None;
        }
        let one = Amount::whole(1_000_000);
        let place = pair.pair.id.index();
        let of_pair = || self.capital_of(pair).times_rate(self.strategy_of(pair).size.per_pair);
        let (backing, capital) = (entry::backing(self, place), slot(self).unwrap_or_else(of_pair));
        let notional = backing.notional(capital);
        let (whole, part) = if notional > Amount::ZERO { (capital, notional) } else { (backing.capital(one), one) };
        Some(ratio(whole, part))
    }
}

#[expect(clippy::float_arithmetic, reason = "a signal")]
fn ratio(whole: Amount, part: Amount) -> f64 {
    whole.to_f64() / part.to_f64()
}

/// Capital of one slot; `None` without a ladder.
pub(super) fn slot(state: &State) -> Option<Amount> {
    if state.settings.strategy.kind != StrategyKind::Ladder {
        return None;
    }
    let capital = state.capital();
    let base = match state.settings.ladder.base {
        SlotsOf::Capital => capital,
        // What was earned on the capital counts; what lies beside it in the account does not.
        SlotsOf::Equity => {
            let opened: Amount = state.quotes.iter().map(|quote| state.ledger.opening(*quote)).sum();
            capital + (state.equity() - opened - brought(state))
        }
    };
    let slots = i64::from(state.settings.ladder.slots.max(1));
    Some(base.times_rate(state.settings.size.share).share(1, slots).max(Amount::ZERO))
}

/// Capital over notional that was set for the venue of a pair's short leg.
pub(super) fn capital_set(state: &State, place: usize) -> Option<Rate> {
    let (ladder, pair) = (&state.settings.ladder, state.pairs.get(place)?);
    if ladder.capital.is_empty() || state.settings.strategy.kind != StrategyKind::Ladder {
        return None;
    }
    let venue = state.catalogue.instrument(pair.pair.leg(Leg::Short))?.venue;
    ladder.capital.iter().find(|(named, _)| *named == venue).map(|(_, capital)| *capital)
}

/// Decides when a settlement is over and no step is in work.
pub(super) fn look(state: &mut State) {
    let in_work = |step: &Step| match step {
        Step::Leave(place) | Step::Enter(place) => state.pairs.get(*place).is_some_and(|pair| !pair.at_rest),
    };
    if state.ladder.steps.front().is_some_and(in_work) {
        return;
    }
    let Some(settled) = due(state) else { return };
    let moves = state.ladder_moves(&state.rungs());
    let steps = moves.into_iter().flat_map(|one| match one {
        Move::Leave(place) => [Some(Step::Leave(place)), None],
        Move::Enter(place) => [Some(Step::Enter(place)), None],
        Move::Switch { from, to } => [Some(Step::Leave(from)), Some(Step::Enter(to))],
    });
    let steps = steps.flatten().collect();
    let now = state.now;
    let ladder = &mut state.ladder;
    ladder.refused.retain(|row| now.since(row.1) < AGAIN);
    (ladder.decided, ladder.steps) = (Some(settled), steps);
    ladder.again = ladder.refused.iter().map(|row| row.1 + AGAIN).min();
    rouse(state);
}

/// The settlement after which it is time to decide.
fn due(state: &State) -> Option<WallTime> {
    let guard = state.settings.gates.guard;
    let settled = WallTime((state.now - guard).0.div_euclid(EVERY.0) * EVERY.0);
    let again = state.ladder.again.is_some_and(|at| state.now >= at);
    if !again && state.ladder.decided.is_some_and(|decided| decided >= settled) {
        return None;
    }
    // Its rates must be known, and the guard counts from the last of its stamps.
    let stamps = || state.pairs.iter().filter_map(|pair| pair.market.short.funding.last().map(|row| row.stamp));
    let known = stamps().any(|stamp| stamp >= settled);
    let latest = stamps().filter(|stamp| *stamp >= settled && *stamp < settled + LATE).max();
    let over = latest.is_none_or(|stamp| state.now.since(stamp) >= guard);
    (known && over && started(state)).then_some(settled)
}

/// Whether every pair has its prices, or the start is long enough ago: nobody chooses among pairs half of which are not seen yet.
fn started(state: &State) -> bool {
    let priced = |pair: &PairState| pair.market.long.mid.is_some() && pair.market.short.mid.is_some();
    state.ladder.decided.is_some()
        || state.booted.is_none_or(|at| state.now.since(at) >= Span::MINUTE)
        || state.pairs.iter().all(priced)
}

/// The pair whose step is to begin in this instant.
pub(super) fn next(state: &mut State) -> Option<usize> {
    look(state);
    while let Some(step) = state.ladder.steps.front().copied() {
        let (Step::Leave(place) | Step::Enter(place)) = step;
        let pair = state.pairs.get(place)?;
        let holds = pair.memory.entered_at.is_some();
        let enters = matches!(step, Step::Enter(_));
        let done = pair.at_rest && holds == enters;
        if !done {
            let why = if pair.at_rest && enters { barred(state, pair) } else { None };
            let Some(why) = why else { return (pair.at_rest && pair.dirty).then_some(place) };
            refused(state, place, why);
            look(state);
            continue;
        }
        state.ladder.steps.pop_front();
        rouse(state);
    }
    None
}

/// An entry that cannot be begun is passed over, and it is decided anew what takes its place.
pub(super) fn refused(state: &mut State, place: usize, why: &'static str) {
    if state.ladder.steps.front() == Some(&Step::Enter(place)) {
        state.ladder.steps.clear();
        state.ladder.refused.push((place, state.now, why));
        state.ladder.again = Some(state.now);
    }
}

/// The pair of the first step that is left is to be decided about.
fn rouse(state: &mut State) {
    if let Some(Step::Leave(place) | Step::Enter(place)) = state.ladder.steps.front()
        && let Some(pair) = state.pairs.get_mut(*place)
    {
        pair.dirty = true;
    }
}
