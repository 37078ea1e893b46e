//! What a person orders of a pair: opening it at a size, and taking over what was there before.
//!
//! An opening passes the safety gates of the strategy, the limits of any entry and the gate of every order; only the signals
//! are not asked. An adoption books and trades nothing. Tests: `tests/suite/by_hand.rs`, `tests/commands/control_live.rs`.

use super::apply::closed;
use super::barred::barred;
use super::entry::{self, Entry};
use super::record::{FillRecord, Record};
use super::state::State;
use crate::domain::fees::Role;
use crate::domain::{Amount, Asset, FillId, Leg, PairId, Price, Quantity, Side, SignedQuantity};
use crate::ledger::book::Cause;
use crate::ledger::{Adopted, BookedFill};
use crate::pairs::Phase;
use crate::port::Command;
use crate::port::event::{Adoption, Correction};
use crate::port::order::{Fill, Reason};
use crate::strategy::gate;

/// A person wants a pair opened.
pub(super) fn order(state: &mut State, id: PairId, notional: Amount) {
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let (_, perp) = state.held(pair);
    let holds = pair.memory.entered_at.is_some() || !perp.is_zero();
    let busy = !pair.at_rest || state.orders.is_busy(id);
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    pair.declined = match (holds, busy) {
        (true, _) => Some("it holds a position already; close it first"),
        (false, true) => Some("something of it is in work; see carry orders"),
        (false, false) => None,
    };
    pair.memory.ordered = pair.declined.is_none().then_some(notional);
}

/// Begins what was ordered, when it may be; true when the target is set.
pub(super) fn begin(state: &mut State, place: usize, out: &mut Vec<Command>) -> bool {
    let Some(pair) = state.pairs.get(place) else { return false };
    let Some(notional) = pair.memory.ordered else { return false };
    let lead = state.settings_of(pair).gates.delist_lead;
    let ends = pair.market.ends_at.is_some_and(|at| at.since(state.now) <= lead);
    let unsafe_now = barred(state, pair)
        .or(ends.then_some("trading of the pair ends soon (gates.delist_lead)"))
        .or_else(|| gate::first_unsafe(&state.view(pair, Quantity::ZERO)));
    let begun = match unsafe_now {
        Some(why) => Entry::Refused(why),
        None => entry::begin(state, place, (Reason::Operator, Some(notional)), out),
    };
    let Some(pair) = state.pairs.get_mut(place) else { return false };
    match begun {
        Entry::Waits => false,
        Entry::Begun => {
            pair.memory.ordered = None;
            true
        }
        Entry::Refused(why) => {
            pair.memory.ordered = None;
            pair.declined = Some(why);
            false
        }
    }
}

/// Whether an entry in work is one that a person ordered and that nothing forbids by now.
pub(super) fn stands(state: &State, place: usize) -> bool {
    state.pairs.get(place).is_some_and(|pair| {
        let ordered = pair.memory.reason == Some(Reason::Operator) && !pair.memory.closing;
        ordered && barred(state, pair).is_none()
    })
}

/// An opening that a person ordered and of which nothing was executed ends here: why is kept, so that it can be shown.
pub(super) fn dropped(state: &mut State, place: usize, why: &'static str) {
    let Some(pair) = state.pairs.get_mut(place) else { return };
    let ordered = pair.memory.reason == Some(Reason::Operator) && !pair.memory.closing;
    if ordered && pair.memory.entered_at.is_none() {
        pair.declined = Some(why);
    }
}

/// Books what a pair takes over: both legs at once, so that it is hedged from the first moment.
pub(super) fn adopt(state: &mut State, adoption: &Adoption) {
    let Adoption { pair: id, coins, short, entry, mids } = *adoption;
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    if pair.memory.entered_at.is_some() || !pair.at_rest {
        pair.declined = Some("it holds a position already, or something of it is in work");
        return;
    }
    pair.declined = None;
    let before = state.ledger.pair(id).map(|book| book.attribution.lines).unwrap_or_default();
    let cause = Cause { sequence: state.sequence, at: state.now };
    state.ledger.adopt(cause, &pair.pair, &Adopted { coins, short, entry, mids });
    let (now, reason) = (state.now, Reason::Operator);
    let hedged = coins.min(short);
    pair.memory.entered_at = Some(now);
    pair.memory.phase = Phase::Hedged;
    pair.memory.target = hedged;
    pair.memory.reason = Some(reason);
    pair.memory.closing = false;
    pair.largest = hedged;
    state.active += 1;
    state.records.push(Record::Opened { pair: id, at: now, reason: Some(reason), mids, lines: before });
    let quotes = (pair.pair.quote(Leg::Long), pair.pair.quote(Leg::Short));
    for (leg, side, quantity, price) in [(Leg::Long, Side::Buy, coins, mids.0), (Leg::Short, Side::Sell, short, entry)]
    {
        let fill = by_person(cause, quantity, price, leg.of(quotes));
        recorded(state, (id, leg, side), fill, (mids, hedged));
    }
}

/// What a person saw as an execution: without a fee, under the event's own number, which no execution of this session has.
const fn by_person(cause: Cause, quantity: Quantity, price: Price, quote: Asset) -> Fill {
    let id = FillId(cause.sequence.0);
    Fill { id, quantity, price, fee: Amount::ZERO, fee_asset: quote, role: Role::Taker, at: cause.at }
}

/// The row of such an execution.
fn recorded(
    state: &mut State,
    (pair, leg, side): (PairId, Leg, Side),
    fill: Fill,
    (mids, hedged): ((Price, Price), Quantity),
) {
    state.records.push(Record::Fill(FillRecord {
        at: fill.at,
        pair,
        leg,
        side,
        fill,
        mids,
        arrival_mid: fill.price,
        intent: None,
        act: None,
        reason: Reason::Operator,
        hedged,
    }));
}

/// Books what a pair has more or less at the venue than here, as fills at the price that the person saw. What they cost or
/// bring comes out again as money that was moved, so that no profit is made of it.
pub(super) fn book(state: &mut State, correction: &Correction) {
    let Correction { pair: id, long, short, price, mids } = *correction;
    for (leg, change, price) in [(Leg::Long, long, mids.0), (Leg::Short, short, price)] {
        if !change.is_zero() {
            book_leg(state, id, (leg, change, price), mids);
        }
    }
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let (long, short) = state.held(pair);
    let hedged = Quantity::saturating(long.units().min(-short.units()));
    let flat = long.is_zero() && short.is_zero();
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    pair.memory.target = pair.memory.target.min(hedged);
    pair.memory.reason = Some(Reason::Operator);
    pair.memory.ordered = None;
    pair.at_rest = flat;
    pair.dirty = true;
    if flat {
        pair.memory.phase = Phase::Flat;
        closed(state, id);
    }
}

fn book_leg(state: &mut State, id: PairId, of: (Leg, SignedQuantity, Price), mids: (Price, Price)) {
    let (leg, change, price) = of;
    let (cause, now, reason) = (Cause { sequence: state.sequence, at: state.now }, state.now, Reason::Operator);
    let before = state.ledger.pair(id).map(|book| book.attribution.lines).unwrap_or_default();
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    let side = if change.units() > 0 { Side::Buy } else { Side::Sell };
    let fill = by_person(cause, change.magnitude(), price, pair.pair.quote(leg));
    if pair.memory.entered_at.is_none() {
        pair.memory.entered_at = Some(now);
        pair.largest = Quantity::ZERO;
        state.active += 1;
        state.records.push(Record::Opened { pair: id, at: now, reason: Some(reason), mids, lines: before });
    }
    state.ledger.fill(cause, &BookedFill { pair: &pair.pair, leg, side, fill: &fill, mids });
    let hedged = pair.largest;
    recorded(state, (id, leg, side), fill, (mids, hedged));
}
