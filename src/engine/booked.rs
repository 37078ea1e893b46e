//! Facts about orders and fills: what a report means for the books, for the pair and for its next attempt.
//!
//! Nothing here decides to trade; `apply` calls it. Tests: `tests/sim.rs`, `tests/order_table.rs`.

use super::apply::{alarm, pair_mut};
use super::record::{FillRecord, Record};
use super::state::State;
use crate::domain::{ClientOrderId, InstrumentId, Leg, PairId, Price, Quantity, Side};
use crate::ledger::BookedFill;
use crate::ledger::book::Cause;
use crate::orders::Booking;
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::VenueAct;
use crate::port::order::{Fill, Intent, OrderReport, Outcome, Purpose, Reason, RejectCause};

pub(super) fn on_report(state: &mut State, report: &OrderReport, out: &mut Vec<Command>) {
    let known = state.orders.find(report.id).map(|order| (order.intent.clone(), order.state.is_live()));
    let booking = state.orders.apply(report, state.now);
    let Some((intent, was_live)) = known else {
        out.push(alarm(AlarmKind::IllegalReport, Severity::Page, None, Some(report.id)));
        return;
    };
    if let Some(pair) = pair_mut(state, intent.pair) {
        pair.dirty = true;
    }
    let (pair, id) = (Some(intent.pair), Some(report.id));
    match booking {
        Booking::Nothing | Booking::Foreign => {}
        Booking::Illegal(_) => {
            if let Some(pair) = pair_mut(state, intent.pair) {
                pair.memory.halted = true;
            }
            out.push(alarm(AlarmKind::IllegalReport, Severity::Page, pair, id));
        }
        Booking::Fill { fill, late, over } => {
            if late {
                out.push(alarm(AlarmKind::LateFill, Severity::Warning, pair, id));
            }
            if over {
                out.push(alarm(AlarmKind::Overfill, Severity::Page, pair, id));
            }
            if is_outside(&intent, fill.price) {
                out.push(alarm(AlarmKind::PriceOutsideLimit, Severity::Warning, pair, id));
            }
            book_fill(
                state,
                Booked {
                    pair: intent.pair,
                    leg: intent.leg,
                    side: intent.side,
                    fill,
                    arrival_mid: intent.arrival_mid,
                    intent: Some(intent.id),
                    act: None,
                    reason: intent.reason,
                },
            );
            super::fee_coin::watch(state, (intent.pair, intent.leg), &fill, out);
        }
    }
    let proves_from = intent.decided_at + state.settings.execution.absent_after;
    match &report.outcome {
        // Not found while the request may still be accepted proves nothing (rule R-A).
        Outcome::NotFound if state.now < proves_from => {
            if let Some(order) = state.orders.live_mut(report.id) {
                order.not_found = 0;
            }
        }
        Outcome::Unknown | Outcome::CancelUnknown | Outcome::CancelRejected => {
            out.push(alarm(AlarmKind::OrderUnknown, Severity::Warning, pair, id));
        }
        Outcome::Rejected { cause } => on_rejected(state, intent.pair, intent.purpose, *cause, out),
        _ => {}
    }
    let ended = state.orders.find(report.id).is_some_and(|order| !order.state.is_live());
    if was_live && ended {
        on_order_ended(state, report.id);
        let runaway = state.pairs.get(intent.pair.index()).is_some_and(|pair| pair.memory.undos >= UNDOS);
        if runaway && let Some(pair) = pair_mut(state, intent.pair) {
            // Order after order and no progress: stop entering until a person looks; what is held stays hedged.
            pair.memory.undos = 0;
            pair.memory.blocked = true;
            out.push(alarm(AlarmKind::Runaway, Severity::Page, Some(intent.pair), id));
        }
    }
}

/// Whether a price is worse than the order's limit.
fn is_outside(intent: &Intent, price: Price) -> bool {
    match intent.side {
        Side::Buy => price > intent.limit,
        Side::Sell => price < intent.limit,
    }
}

/// An order ended: counts attempts that brought nothing, and remembers that a maker order left its clip unfilled.
pub(super) fn on_order_ended(state: &mut State, id: ClientOrderId) {
    let Some(order) = state.orders.find(id) else { return };
    let (intent, filled, missing) = (order.intent.clone(), order.filled, order.missing());
    let Some(pair) = state.pairs.get_mut(intent.pair.index()) else { return };
    if intent.time_in_force == crate::port::TimeInForce::PostOnly && filled < intent.quantity {
        pair.memory.take = true;
    }
    match intent.purpose {
        Purpose::Hedge | Purpose::Undo | Purpose::Repair => {
            if filled.is_zero() && missing.is_zero() {
                pair.memory.attempts = pair.memory.attempts.saturating_add(1);
            } else {
                pair.memory.attempts = 0;
            }
            let limit = state.settings.execution.attempts.max(1);
            let flips = pair.memory.attempts / limit;
            pair.memory.undo = flips % 2 == 1;
            if intent.purpose == Purpose::Undo && !filled.is_zero() {
                given_up(state, intent.pair);
            }
        }
        Purpose::Enter | Purpose::Exit => {}
    }
}

/// Undos in a row without a completed clip between them that halt a pair (fault A24).
const UNDOS: u32 = 3;

/// A clip was taken back: the smaller size is what is wanted now, and the pair rests before it tries again.
fn given_up(state: &mut State, id: PairId) {
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let (spot, perp) = state.held(pair);
    let hedged = Quantity::saturating(spot.units().min(-perp.units()));
    let now = state.now;
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    pair.memory.target = pair.memory.target.min(hedged);
    pair.memory.enter_after = Some(now + crate::domain::Span::MINUTE);
    pair.memory.undos = pair.memory.undos.saturating_add(1);
}

fn on_rejected(state: &mut State, id: PairId, purpose: Purpose, cause: RejectCause, out: &mut Vec<Command>) {
    let now = state.now;
    let held = state.pairs.get(id.index()).map(|pair| state.held(pair));
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    let wait = |seconds| Some(now + crate::domain::Span::seconds(seconds));
    match cause {
        RejectCause::WouldTake => {
            pair.memory.post_only_refused = pair.memory.post_only_refused.saturating_add(1);
            // Three re-quotes, then take (fault A17).
            pair.memory.take = pair.memory.post_only_refused >= 3;
            return;
        }
        RejectCause::ReduceOnly => {
            out.push(alarm(AlarmKind::ReduceRefused, Severity::Page, Some(id), None));
            pair.memory.retry_at = wait(1);
        }
        RejectCause::RateLimit => pair.memory.retry_at = wait(2),
        RejectCause::Halted => pair.memory.retry_at = wait(30),
        RejectCause::Balance
        | RejectCause::Filter
        | RejectCause::PriceBand
        | RejectCause::Duplicate
        | RejectCause::Limit => pair.memory.retry_at = wait(1),
    }
    let stops_entry = purpose == Purpose::Enter && cause != RejectCause::RateLimit;
    if stops_entry && let Some((spot, perp)) = held {
        let hedged = spot.units().min(-perp.units());
        pair.memory.target = Quantity::saturating(hedged);
        pair.memory.enter_after = wait(60);
    }
}

#[derive(Clone, Copy)]
struct Booked {
    pair: PairId,
    leg: Leg,
    side: Side,
    fill: Fill,
    arrival_mid: Price,
    intent: Option<ClientOrderId>,
    act: Option<VenueAct>,
    reason: Reason,
}

fn book_fill(state: &mut State, booked: Booked) {
    let cause = Cause { sequence: state.sequence, at: state.now };
    let Some(pair) = state.pairs.get(booked.pair.index()) else { return };
    let price = booked.fill.price;
    let mids = match (pair.market.spot.mid, pair.market.perp.mid) {
        (Some(spot), Some(perp)) => (spot, perp),
        (spot, perp) => pair.market.marks.unwrap_or((spot.unwrap_or(price), perp.unwrap_or(price))),
    };
    let was_flat = pair.memory.entered_at.is_none();
    let lines_before = state.ledger.pair(booked.pair).map(|book| book.attribution.lines).unwrap_or_default();
    let fill = BookedFill { pair: &pair.pair, leg: booked.leg, side: booked.side, fill: &booked.fill, mids };
    state.ledger.fill(cause, &fill);
    let Some(pair) = state.pairs.get(booked.pair.index()) else { return };
    let (spot, perp) = state.held(pair);
    let Some(pair) = state.pairs.get_mut(booked.pair.index()) else { return };
    if was_flat {
        pair.memory.entered_at = Some(state.now);
        pair.largest = Quantity::ZERO;
        state.active += 1;
        let reason = Some(booked.reason);
        state.records.push(Record::Opened { pair: booked.pair, at: state.now, reason, mids, lines: lines_before });
    }
    pair.largest = pair.largest.max(Quantity::saturating(spot.units().min(-perp.units())));
    state.records.push(Record::Fill(FillRecord {
        at: state.now,
        pair: booked.pair,
        leg: booked.leg,
        side: booked.side,
        fill: booked.fill,
        mids,
        arrival_mid: booked.arrival_mid,
        intent: booked.intent,
        act: booked.act,
        reason: booked.reason,
        hedged: pair.largest,
    }));
    pair.dirty = true;
    pair.at_rest = false;
}

pub(super) fn on_venue_fill(
    state: &mut State,
    instrument: InstrumentId,
    what: (VenueAct, Side, Fill),
    out: &mut Vec<Command>,
) {
    let (act, side, fill) = what;
    let (id, leg) = State::owner(instrument);
    if !state.orders.is_new_venue_fill(instrument, fill.id) {
        return;
    }
    book_fill(
        state,
        Booked {
            pair: id,
            leg,
            side,
            fill,
            arrival_mid: fill.price,
            intent: None,
            act: Some(act),
            reason: Reason::VenueClosed,
        },
    );
    let kind = match act {
        VenueAct::Adl => AlarmKind::Adl,
        VenueAct::Liquidation => AlarmKind::Liquidated,
        VenueAct::Settlement => AlarmKind::TradingEnds,
    };
    out.push(alarm(kind, Severity::Page, Some(id), None));
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let (spot, perp) = state.held(pair);
    let hedged = Quantity::saturating(spot.units().min(-perp.units()));
    if let Some(pair) = state.pairs.get_mut(id.index()) {
        pair.memory.venue_made = true;
        pair.memory.closing = true;
        pair.memory.target = pair.memory.target.min(hedged);
        pair.memory.reason = Some(Reason::VenueClosed);
    }
}
