//! Orders that need something now: release after the disk, a question about an unknown outcome, a cancel at a deadline.

use super::apply::alarm;
use super::progress;
use super::state::State;
use crate::domain::{ClientOrderId, Quantity, Span, WallTime};
use crate::orders::{Order, OrderState};
use crate::planted::{self, Bug};
use crate::port::command::{AlarmKind, Severity};
use crate::port::order::{Intent, OrderReport, Outcome, Purpose};
use crate::port::{Command, TimeInForce};
use crate::risk::gate::{self, BotState, Proposal};

/// What one order needs.
enum Due {
    Nothing,
    Release,
    Ask,
    Cancel,
    Absent,
    /// Nothing before this time.
    Later(WallTime),
}

/// Goes through all live orders.
pub fn work(state: &mut State, out: &mut Vec<Command>) {
    if state.orders.live().is_empty() {
        return;
    }
    let ids: Vec<ClientOrderId> = state.orders.live().iter().map(|order| order.intent.id).collect();
    for id in ids {
        let Some(order) = state.orders.live_order(id) else { continue };
        match due(order, state) {
            Due::Nothing => {}
            Due::Release => release(state, id, out),
            Due::Ask => ask(state, id, out),
            Due::Cancel => cancel(state, id, out),
            Due::Absent => absent(state, id, out),
            Due::Later(at) => out.push(Command::WakeAt { at }),
        }
    }
}

fn due(order: &Order, state: &State) -> Due {
    let (now, execution) = (state.now, &state.settings.execution);
    let ask_or_wait = |first: WallTime| {
        let next = order.probed_at.map_or(first, |probed| probed + execution.probe_every);
        if now >= next { Due::Ask } else { Due::Later(next) }
    };
    let decided = order.intent.decided_at;
    if planted::is(Bug::NeverAsk) && order.state != OrderState::Recorded && order.state != OrderState::Open {
        return Due::Nothing;
    }
    match order.state {
        OrderState::Recorded => {
            if order.durable || planted::is(Bug::ReleaseEarly) {
                Due::Release
            } else {
                Due::Nothing
            }
        }
        OrderState::Submitting => ask_or_wait(decided + execution.hedge_time),
        OrderState::Unknown => {
            if order.not_found >= 2 {
                return Due::Absent;
            }
            let next = next_question(order, execution.probe_every, execution.absent_after);
            if now >= next { Due::Ask } else { Due::Later(next) }
        }
        OrderState::Cancelling => ask_or_wait(order.cancel_sent.unwrap_or(now) + execution.hedge_time),
        OrderState::Open => match order.intent.time_in_force {
            TimeInForce::PostOnly => {
                let pair = state.pairs.get(order.intent.pair.index());
                let own = pair.map_or(execution, |pair| &state.settings_of(pair).execution);
                let deadline = decided + own.maker_deadline;
                if now >= deadline || must_not_rest(order, state) { Due::Cancel } else { Due::Later(deadline) }
            }
            TimeInForce::ImmediateOrCancel => ask_or_wait(decided + Span(execution.hedge_time.0 * 2)),
        },
        // Ended, but the venue stated more than arrived: ask for the fills.
        OrderState::Filled | OrderState::Cancelled | OrderState::Expired | OrderState::Rejected => {
            ask_or_wait(decided + execution.hedge_time)
        }
    }
}

/// Whether nothing may rest now: the bot is halted, or the venue is out of reach and nobody could cancel it later (rule R-E).
fn must_not_rest(order: &Order, state: &State) -> bool {
    let venue = state.catalogue.instrument(order.intent.instrument).map(|instrument| instrument.venue_id);
    state.bot == BotState::Halted || venue.and_then(|id| state.venue(id)).is_some_and(|venue| venue.down)
}

/// When an order in doubt is asked for next: regularly, and at once when an answer begins to be proof (rule R-A).
fn next_question(order: &Order, probe_every: Span, absent_after: Span) -> WallTime {
    let regular = order.probed_at.or(order.unknown_since).map_or(order.intent.decided_at, |last| last + probe_every);
    let proof = match order.not_found_at {
        Some(last) => last + Span::seconds(1),
        None => order.proven_from(absent_after),
    };
    if order.probed_at.is_none_or(|probed| probed < proof) { regular.min(proof) } else { regular }
}

/// The intent is on disk: freshness and collar once more (fault G07), then it leaves.
fn release(state: &mut State, id: ClientOrderId, out: &mut Vec<Command>) {
    let Some(order) = state.orders.live_order(id) else { return };
    let intent = order.intent.clone();
    let reduces = intent.reduce_only || !matches!(intent.purpose, Purpose::Enter);
    let verdict = state
        .context(&proposal_of(&intent), reduces, Quantity::saturating(i64::MAX))
        .map(|context| gate::release(&proposal_of(&intent), &context));
    match verdict {
        Some(Ok(())) => {
            if let Some(intent) = state.orders.release(id) {
                out.push(Command::Place(intent));
                // If nothing is heard by then, it is asked for.
                out.push(Command::WakeAt { at: state.now + state.settings.execution.hedge_time });
            }
        }
        Some(Err(refusal)) => {
            *state.refusals.entry(refusal.name()).or_default() += 1;
            state.orders.withdraw(id);
            if let Some(pair) = state.pairs.get_mut(intent.pair.index()) {
                pair.refusal = Some(refusal);
                pair.dirty = true;
            }
        }
        None => state.orders.withdraw(id),
    }
}

fn proposal_of(intent: &Intent) -> Proposal {
    Proposal {
        pair: intent.pair,
        leg: intent.leg,
        instrument: intent.instrument,
        side: intent.side,
        quantity: intent.quantity,
        limit: intent.limit,
        time_in_force: intent.time_in_force,
        reduce_only: intent.reduce_only,
        purpose: intent.purpose,
        reason: intent.reason,
        arrival_mid: intent.arrival_mid,
    }
}

fn ask(state: &mut State, id: ClientOrderId, out: &mut Vec<Command>) {
    let now = state.now;
    let probe_every = state.settings.execution.probe_every;
    let Some(order) = state.orders.live_mut(id) else { return };
    order.probed_at = Some(now);
    let instrument = order.intent.instrument;
    if planted::is(Bug::RetryUnknown) && order.state == OrderState::Unknown {
        out.push(Command::Place(order.intent.clone()));
    }
    out.push(Command::Query { id, instrument });
    out.push(Command::WakeAt { at: now + probe_every });
}

fn cancel(state: &mut State, id: ClientOrderId, out: &mut Vec<Command>) {
    let now = state.now;
    let Some(order) = state.orders.live_order(id) else { return };
    let instrument = order.intent.instrument;
    state.orders.cancelling(id, now);
    out.push(Command::Cancel { id, instrument });
    out.push(Command::WakeAt { at: now + state.settings.execution.hedge_time });
}

/// Cancels what rests for a pair.
pub(super) fn cancel_resting(state: &mut State, pair: crate::domain::PairId, out: &mut Vec<Command>) {
    let rests = |order: &&Order| order.intent.pair == pair && order.state == OrderState::Open;
    let ids: Vec<ClientOrderId> = state.orders.live().iter().filter(rests).map(|order| order.intent.id).collect();
    for id in ids {
        cancel(state, id, out);
    }
}

/// Two not-found answers after the request could no longer be accepted, and nothing that contradicts: it never was.
fn absent(state: &mut State, id: ClientOrderId, out: &mut Vec<Command>) {
    let now = state.now;
    let Some(pair) = state.orders.live_order(id).map(|order| order.intent.pair) else { return };
    state.orders.apply(&OrderReport { id, outcome: Outcome::Absent }, now);
    progress::ended(state, id, None, out);
    if let Some(pair) = state.pairs.get_mut(pair.index()) {
        pair.dirty = true;
    }
}

/// Recovery applies facts and decides nothing: what was proven absent by them is so again.
pub fn settle_absent(state: &mut State) {
    let proven = |order: &&Order| order.state == OrderState::Unknown && order.not_found >= 2;
    let ids: Vec<ClientOrderId> = state.orders.live().iter().filter(proven).map(|order| order.intent.id).collect();
    for id in ids {
        // Answers before the request could no longer be accepted were not counted.
        state.orders.apply(&OrderReport { id, outcome: Outcome::Absent }, state.now);
    }
}

/// Whether anything of the pair is unsettled in a way that forbids another order: all but a resting maker order and one
/// that is filled and only not yet confirmed as ended.
#[must_use]
pub fn blocks(state: &State, pair: crate::domain::PairId) -> bool {
    state.orders.live().iter().filter(|order| order.intent.pair == pair).any(|order| {
        let resting = order.state == OrderState::Open && order.intent.time_in_force == TimeInForce::PostOnly;
        // Ended with every fill booked: only the venue's last word on the total is missing.
        let ended = !order.state.is_live();
        !((resting || ended) && order.missing().is_zero())
    })
}

/// Raises the alarms of a pair that stays unequal, once.
pub fn alarm_unequal(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let now = state.now;
    let limit = state.settings.execution.hedge_time;
    let pair = state.pairs.get(place);
    let down = pair.is_some_and(|pair| state.any_venue(&pair.pair, |venue| venue.down));
    let Some(pair) = state.pairs.get_mut(place) else { return };
    let Some(since) = pair.memory.unequal_since else { return };
    if now.since(since) < limit {
        out.push(Command::WakeAt { at: since + limit });
        return;
    }
    if !pair.memory.alarmed && !planted::is(Bug::NoNakedAlarm) {
        pair.memory.alarmed = true;
        let id = pair.pair.id;
        let kind = if down { AlarmKind::PairNaked } else { AlarmKind::PairUnequal };
        out.push(alarm(kind, Severity::Page, Some(id), None));
    }
}
