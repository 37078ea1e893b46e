//! Facts about orders and fills: what a report means for the books, for the pair and for its next attempt.
//!
//! Nothing here decides to trade; `apply` calls it. Tests: `tests/sim.rs`, `tests/suite/contradictions.rs`,
//! `tests/suite/order_table.rs`.

use super::apply::{alarm, pair_mut};
use super::latch;
use super::progress;
use super::record::{FillRecord, Record};
use super::shared;
use super::state::State;
use crate::domain::{ClientOrderId, InstrumentId, Leg, PairId, Price, Quantity, Side, SignedQuantity};
use crate::ledger::BookedFill;
use crate::ledger::book::Cause;
use crate::orders::Booking;
use crate::planted::{self, Bug};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::VenueAct;
use crate::port::order::{Fill, Intent, OrderReport, Outcome, Reason};

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
        Booking::Illegal(_) => latch::contradicted(state, (intent.pair, report.id), AlarmKind::IllegalReport, out),
        Booking::Fill { fill, late, over } => on_fill(state, &intent, (fill, late, over), out),
    }
    match &report.outcome {
        Outcome::NotFound => {
            let (now, absent_after) = (state.now, state.settings.execution.absent_after);
            if let Some(order) = state.orders.live_mut(report.id) {
                order.was_not_found(now, absent_after);
            }
        }
        Outcome::Unknown | Outcome::CancelUnknown | Outcome::CancelRejected => {
            out.push(alarm(AlarmKind::OrderUnknown, Severity::Warning, pair, id));
        }
        _ => {}
    }
    let ended = state.orders.find(report.id).is_some_and(|order| !order.state.is_live());
    if was_live && ended {
        let refused = match &report.outcome {
            Outcome::Rejected { cause } => Some(*cause),
            _ => None,
        };
        progress::ended(state, report.id, refused, out);
    }
}

/// A new execution of an order of ours.
fn on_fill(state: &mut State, intent: &Intent, (fill, late, over): (Fill, bool, bool), out: &mut Vec<Command>) {
    let (pair, id) = (Some(intent.pair), Some(intent.id));
    if over {
        out.push(alarm(AlarmKind::Overfill, Severity::Page, pair, id));
    }
    if is_outside(intent, fill.price) {
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
    if late {
        // It was refused, absent or ended, and all that the venue had stated was here.
        latch::contradicted(state, (intent.pair, intent.id), AlarmKind::LateFill, out);
    }
    super::fee_coin::watch(state, (intent.pair, intent.leg, intent.side), &fill, out);
}

/// Whether a price is worse than the order's limit.
fn is_outside(intent: &Intent, price: Price) -> bool {
    match intent.side {
        Side::Buy => price > intent.limit,
        Side::Sell => price < intent.limit,
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
    let mids = match (pair.market.long.mid, pair.market.short.mid) {
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
    if booked.leg == Leg::Long {
        pair.witness.traded = Some(state.now);
    }
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
    if !state.orders.is_new_venue_fill(instrument, fill.id) {
        return;
    }
    for (id, leg, fill) in shared::parts(state, instrument, side, fill) {
        venue_part(state, (id, leg), (act, side, fill), out);
    }
}

/// One pair's part of an execution that none of our orders made.
fn venue_part(
    state: &mut State,
    (id, leg): (PairId, Leg),
    (act, side, fill): (VenueAct, Side, Fill),
    out: &mut Vec<Command>,
) {
    let before = state.pairs.get(id.index()).map_or(SignedQuantity::ZERO, |pair| state.held(pair).1);
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
        VenueAct::Foreign => {
            let after = state.pairs.get(id.index()).map_or(SignedQuantity::ZERO, |pair| state.held(pair).1);
            let reduced = after.magnitude() < before.magnitude() && after.units() <= 0;
            latch::foreign_hand(state, id, Some((fill.quantity.signed(side), reduced)), out);
            return;
        }
    };
    out.push(alarm(kind, Severity::Page, Some(id), None));
    let now = state.now;
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let hedged = latch::hedged(state, pair);
    if let Some(pair) = state.pairs.get_mut(id.index()) {
        pair.witness.acted = Some((now, kind));
        pair.memory.venue_made = true;
        pair.memory.left_alone |= planted::is(Bug::AdlNotRepaired);
        latch::closed_by_venue(&mut pair.memory, fill.quantity.signed(side));
        pair.memory.closing = true;
        pair.memory.target = pair.memory.target.min(hedged);
        pair.memory.reason = Some(Reason::VenueClosed);
        // This is what a refused reduce was a hint of.
        pair.memory.doubted_since = None;
    }
}
