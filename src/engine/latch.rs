//! Facts that contradict what the core believes: a latched pair, a position in doubt, a foreign hand.
//!
//! A latched pair enters nothing; it is repaired, reduced, topped up and closed like any other, and only a person clears it.
//! After a reduce-only refusal the venue's lists are compared before anything is traded on a position that may not be there.
//! Tests: `tests/suite/contradictions.rs`.

use super::apply::alarm;
use super::state::{PairState, State};
use crate::config::settings::OnForeign;
use crate::domain::{
    Amount, Asset, ClientOrderId, Leg, Market, PairId, Quantity, SignedQuantity, Span, VenueId, WallTime,
};
use crate::pairs::{Latch, LatchCause, PairMemory};
use crate::planted::{self, Bug};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};

/// Lists that were asked for and did not come are asked for again.
const ASK_AGAIN: Span = Span::seconds(5);
/// So long without a comparison the other leg is not touched. The refused order itself is tried again after each
/// `execution.hedge_time`: it takes nothing that is not there, and lists that never come must not keep a pair unequal.
pub(super) const PATIENCE: Span = Span::MINUTE;
/// A list that came sooner after the refusal may have been made before it.
const LISTED_AFTER: Span = Span(500);

/// A list of coins may be older by so much than an execution of ours.
const LISTS_LAG: Span = Span::MINUTE;

/// Coins that a comparison says are missing: of a pair that has just traded only those that were missing before.
pub(super) fn missing(state: &State, venue: VenueId, told: &[(Asset, Amount)]) -> Vec<(Asset, Amount)> {
    let known = state.venue(venue).map(|venue| venue.missing_coins.as_slice()).unwrap_or_default();
    let traded = |coin: Asset| {
        let mut of = state.pairs.iter().filter(|pair| pair.pair.coin == coin);
        of.any(|pair| pair.witness.traded.is_some_and(|at| state.now.since(at) < LISTS_LAG))
    };
    let rows = told.iter().filter(|(coin, _)| known.iter().any(|(one, _)| one == coin) || !traded(*coin));
    rows.copied().collect()
}

/// No entries for a pair until a person looks: what was wanted beyond what is held is given up.
pub(super) fn latch(state: &mut State, id: PairId, cause: LatchCause) {
    let now = state.now;
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let hedged = hedged(state, pair);
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    let memory = &mut pair.memory;
    memory.target = memory.target.min(hedged);
    memory.ordered = None;
    memory.latched.get_or_insert(Latch { cause, since: now });
    (pair.at_rest, pair.dirty) = (false, true);
}

/// Coins of a pair that are hedged.
pub(super) fn hedged(state: &State, pair: &PairState) -> Quantity {
    let (spot, perp) = state.held(pair);
    Quantity::saturating(spot.units().min(-perp.units()))
}

/// The venue said of an order what cannot be true of it, or executed one that was proven dead: booked, paged, latched.
pub(super) fn contradicted(state: &mut State, of: (PairId, ClientOrderId), kind: AlarmKind, out: &mut Vec<Command>) {
    latch(state, of.0, LatchCause::Contradiction);
    if let Some(pair) = state.pairs.get_mut(of.0.index()) {
        pair.memory.left_alone |= planted::is(Bug::ContradictionStops);
    }
    out.push(alarm(kind, Severity::Page, Some(of.0), Some(of.1)));
}

/// A reduce-only order was refused: the position is not what we believe (fault A16).
pub(super) fn doubt(state: &mut State, (id, leg): (PairId, Leg), out: &mut Vec<Command>) {
    let now = state.now;
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    // Once for all tries of one story.
    if pair.witness.refused_at.is_none_or(|before| now.since(before) >= PATIENCE) {
        out.push(alarm(AlarmKind::ReduceRefused, Severity::Page, Some(id), None));
    }
    pair.witness.refused_at = Some(now);
    pair.memory.doubted_since = Some(now);
    pair.witness.refused = Some(leg);
    compare(pair, now, out);
}

/// The venue's list of one position came after a refusal to reduce it: when it shows what we believe, the refusal has another
/// reason, and the order is tried again without waiting for every other list. A position that differs waits for all of them.
pub(super) fn listed(pair: &mut PairState, leg: Leg, agreed: Option<WallTime>) {
    let Some(since) = pair.memory.doubted_since else { return };
    let foreign = pair.memory.latched.is_some_and(|latch| latch.cause == LatchCause::ForeignHand);
    let of_this = pair.witness.refused == Some(leg);
    if of_this && !foreign && agreed.is_some_and(|now| now.since(since) >= LISTED_AFTER) {
        pair.memory.doubted_since = None;
    }
}

fn compare(pair: &mut PairState, now: WallTime, out: &mut Vec<Command>) {
    pair.compare_asked = Some(now);
    out.extend(pair.pair.venues().map(|venue| Command::Compare { venue }));
    out.push(Command::WakeAt { at: now + ASK_AGAIN });
}

/// Whether nothing may be traded for a pair now: its position is in doubt, or a person is to decide about it.
pub(super) fn waits(state: &mut State, place: usize, out: &mut Vec<Command>) -> bool {
    let (now, hedge_time) = (state.now, state.settings.execution.hedge_time);
    let Some(pair) = state.pairs.get_mut(place) else { return true };
    let Some(since) = pair.memory.doubted_since else { return pair.memory.left_alone };
    let foreign = pair.memory.latched.is_some_and(|latch| latch.cause == LatchCause::ForeignHand);
    if !foreign && now.since(since) >= hedge_time {
        pair.memory.doubted_since = None;
        return pair.memory.left_alone;
    }
    let due = pair.compare_asked.map_or(now, |asked| asked + ASK_AGAIN);
    if now >= due {
        compare(pair, now, out);
    } else {
        out.push(Command::WakeAt { at: due });
    }
    true
}

/// The venue's lists were compared with the ledger. What was in doubt is as we believe, or it is not and nobody of ours did it.
pub(super) fn compared(state: &mut State, venue: VenueId, differs: bool, out: &mut Vec<Command>) {
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get_mut(place) else { continue };
        // Of two venues the one whose refusal raised the doubt settles it.
        let is_asked = pair.witness.refused.map_or(pair.pair.stands_at(venue), |leg| pair.pair.venue(leg) == venue);
        if !is_asked || pair.memory.doubted_since.is_none() {
            continue;
        }
        pair.dirty = true;
        let (id, since) = (pair.pair.id, pair.memory.doubted_since);
        // What differs may be another position, or another coin: of this one the list says that the refusal has another reason.
        let perp = pair.witness.refused.filter(|leg| pair.pair.market(*leg) == Market::Perp);
        let row = perp.and_then(|leg| Some((pair.pair.leg(leg), pair.witness.listed(leg)?)));
        let row = row.filter(|(_, (_, at))| since.is_some_and(|since| *at >= since));
        let as_believed = row.is_some_and(|(perp, (listed, _))| listed.coins == state.position(perp));
        let Some(pair) = state.pairs.get_mut(place) else { continue };
        if differs && !as_believed {
            foreign_hand(state, id, None, out);
        } else {
            pair.memory.doubted_since = None;
        }
    }
}

/// A foreign hand changed the position of a pair: latched and paged; then a person decides, or the larger leg is reduced after
/// one comparison without a difference (`risk.foreign`). What a foreign hand added is not ours to take away.
///
/// `traded` is what it traded of a perp leg and whether that made it smaller, when its execution is known and booked:
/// a person then decides about these coins and no others. Of a difference without an execution nobody knows what it is.
pub(super) fn foreign_hand(
    state: &mut State,
    id: PairId,
    traded: Option<(SignedQuantity, bool)>,
    out: &mut Vec<Command>,
) {
    let news = state
        .pairs
        .get(id.index())
        .is_some_and(|pair| pair.memory.latched.is_none_or(|latch| latch.cause != LatchCause::ForeignHand));
    let policy = state.settings.risk.foreign;
    if let Some(pair) = state.pairs.get_mut(id.index()) {
        // Of all reasons this is the one that decides what may be traded.
        pair.memory.latched = pair.memory.latched.filter(|latch| latch.cause == LatchCause::ForeignHand);
    }
    latch(state, id, LatchCause::ForeignHand);
    let held = state.pairs.get(id.index()).map_or(Quantity::ZERO, |pair| hedged(state, pair));
    if news {
        out.push(alarm(AlarmKind::Foreign, Severity::Page, Some(id), None));
    }
    let now = state.now;
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    pair.memory.closing = true;
    pair.memory.reason = Some(crate::port::order::Reason::Unequal);
    let added = traded.is_some_and(|(_, reduced)| !reduced);
    if policy == OnForeign::Hold || added {
        match traded {
            Some((coins, _)) => pair.memory.strangers += coins,
            None => pair.memory.left_alone = true,
        }
        if pair.memory.strangers.is_zero() && !pair.memory.left_alone {
            // It took back what it had traded: what is held now is the size again, and nothing is trimmed.
            (pair.memory.target, pair.memory.closing) = (held, false);
        }
        pair.memory.doubted_since = None;
    } else if pair.memory.doubted_since.is_none() {
        pair.memory.doubted_since = Some(now);
        compare(pair, now, out);
    }
}

/// The venue closed so much of a position. Of what strangers added to it that part is gone first: it made the legs less unequal,
/// and the rest is ours to repair.
pub(super) fn closed_by_venue(memory: &mut PairMemory, coins: SignedQuantity) {
    let strangers = memory.strangers.units();
    if strangers.signum() * coins.units().signum() < 0 {
        let part = strangers.abs().min(coins.units().abs());
        memory.strangers = SignedQuantity::from_units(strangers - strangers.signum() * part);
    }
}

/// A person wants it closed, or has looked at it: it is traded again.
pub(super) const fn released(pair: &mut PairState) {
    pair.memory.left_alone = false;
    pair.memory.strangers = SignedQuantity::ZERO;
    pair.memory.doubted_since = None;
}
