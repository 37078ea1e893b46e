//! What became of an attempt: progress, or none and what follows from that.
//!
//! An attempt to make the legs equal that failed in a way that will not pass is answered by the other way at once, and
//! within `execution.hedge_time` of the first failure in any case (A01, A23). First orders of clips that bring nothing are
//! tried again at growing distances, the venue's limits are read again, and a person is told; an entry that is refused again
//! and again ends (A24). Tests: `tests/suite/contradictions.rs`, `tests/sim.rs`.

use super::apply::alarm;
use super::by_hand;
use super::latch;
use super::state::State;
use crate::domain::{ClientOrderId, Leg, Market, PairId, Side, Span};
use crate::pairs::{Fruitless, LatchCause, PairMemory};
use crate::planted::{self, Bug};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::order::{Intent, Purpose, RejectCause};

/// Undos in a row without a completed clip between them that latch a pair (fault A24).
const UNDOS: u32 = 3;
/// First orders of clips in a row that brought nothing, after which a person is told.
const FRUITLESS: u32 = 5;
/// Orders of one leg that a clip usually needs at most; further ones are paced.
const CLIP_ORDERS: u32 = 6;
/// Longest wait between two attempts of an exit, in seconds.
const LONGEST_EXIT: i64 = 32;
/// Longest wait between two attempts at an entry, in seconds.
const LONGEST_ENTRY: i64 = 3_600;

/// An order ended; `refused` is the venue's reason when it was refused.
pub(super) fn ended(state: &mut State, id: ClientOrderId, refused: Option<RejectCause>, out: &mut Vec<Command>) {
    let Some(order) = state.orders.find(id) else { return };
    let nothing = order.filled.is_zero() && order.missing().is_zero();
    let short = order.filled < order.intent.quantity;
    let intent = order.intent.clone();
    let rested = intent.time_in_force == crate::port::TimeInForce::PostOnly;
    let Some(pair) = state.pairs.get_mut(intent.pair.index()) else { return };
    pair.dirty = true;
    if rested && short {
        pair.memory.take = true;
    }
    if refused == Some(RejectCause::WouldTake) {
        pair.memory.post_only_refused = pair.memory.post_only_refused.saturating_add(1);
        // Three re-quotes, then take (fault A17).
        pair.memory.take = pair.memory.post_only_refused >= 3;
        return;
    }
    if contradicts(state, &intent, refused) {
        latch::doubt(state, (intent.pair, intent.leg), out);
    }
    match intent.purpose {
        Purpose::Hedge | Purpose::Undo | Purpose::Repair => equalised(state, &intent, (nothing, refused), out),
        Purpose::Enter | Purpose::Exit if nothing => fruitless(state, &intent, (rested, refused), out),
        Purpose::Enter | Purpose::Exit => {
            if let Some(pair) = state.pairs.get_mut(intent.pair.index()) {
                pair.memory.fruitless = Fruitless::default();
            }
        }
    }
}

/// Whether a refusal says that the position or the coins are not there: a hint of the venue's own act or of a foreign hand.
fn contradicts(state: &State, intent: &Intent, refused: Option<RejectCause>) -> bool {
    let market = state.catalogue.instrument(intent.instrument).map(|one| one.market);
    let sells_coins = market == Some(Market::Spot) && intent.side == Side::Sell;
    match refused {
        _ if planted::is(Bug::TradeOnBelief) => false,
        Some(RejectCause::ReduceOnly) => intent.reduce_only,
        Some(RejectCause::Balance) => sells_coins,
        _ => false,
    }
}

/// An attempt to make the legs equal ended.
fn equalised(state: &mut State, intent: &Intent, what: (bool, Option<RejectCause>), out: &mut Vec<Command>) {
    let (nothing, refused) = what;
    if nothing {
        failed(state, intent, refused, out);
        return;
    }
    let Some(pair) = state.pairs.get_mut(intent.pair.index()) else { return };
    let memory = &mut pair.memory;
    // A repair of what the venue did went the other way when the usual one was closed: it was taken back like any clip.
    let taken_back = intent.purpose == Purpose::Undo || intent.purpose == Purpose::Repair && memory.undo;
    (memory.attempts, memory.flips, memory.failed_since, memory.undo) = (0, 0, None, false);
    if !taken_back {
        return;
    }
    given_up(state, intent.pair);
    rest_of_exit(state, intent.pair);
    let runaway = state.pairs.get(intent.pair.index()).is_some_and(|pair| pair.memory.undos >= UNDOS);
    if runaway {
        // Clip after clip and no progress: stop entering until a person looks; what is held stays hedged.
        if let Some(pair) = state.pairs.get_mut(intent.pair.index()) {
            pair.memory.undos = 0;
        }
        latch::latch(state, intent.pair, LatchCause::TakenBack);
        out.push(alarm(AlarmKind::Runaway, Severity::Page, Some(intent.pair), Some(intent.id)));
    }
}

/// An attempt to make the legs equal brought nothing.
fn failed(state: &mut State, intent: &Intent, refused: Option<RejectCause>, out: &mut Vec<Command>) {
    let now = state.now;
    let (limit, hedge_time) = (state.settings.execution.attempts.max(1), state.settings.execution.hedge_time);
    // What the position really is decides, and that is asked for: the other leg is not touched on a belief.
    let doubted = contradicts(state, intent, refused);
    let Some(pair) = state.pairs.get_mut(intent.pair.index()) else { return };
    let memory = &mut pair.memory;
    memory.attempts = memory.attempts.saturating_add(1);
    let since = *memory.failed_since.get_or_insert(now);
    let pause = match refused {
        _ if planted::is(Bug::HedgeRetriesSlowly) => Span::seconds(30),
        Some(RejectCause::RateLimit) => Span::seconds(2),
        Some(RejectCause::PriceBand) => Span::seconds(1),
        _ => Span::ZERO,
    };
    // The other way is open at once; where both have failed, they are tried in turns and ever more slowly.
    let passes = doubted || refused.is_none_or(RejectCause::may_pass);
    let late = !doubted && memory.flips == 0 && now.since(since).0 + pause.0 >= hedge_time.0;
    let known = !doubted || now.since(since) >= latch::PATIENCE;
    let slow = planted::is(Bug::HedgeRetriesSlowly);
    let flip = !slow && (!passes || late) || memory.attempts >= limit && known;
    let wait = if flip { Span::seconds(backoff(memory.flips, hedge_time.0 / 1_000)) } else { pause };
    if flip {
        memory.undo = !memory.undo;
        memory.attempts = 0;
        memory.flips = memory.flips.saturating_add(1);
    }
    memory.retry_at = (wait > Span::ZERO).then(|| now + wait);
    if !passes {
        out.push(Command::Reread { instrument: intent.instrument });
    }
}

/// Our own gate refused an order that would make the legs equal: after `execution.hedge_time` the other way is tried.
pub(super) fn gated(state: &mut State, place: usize, retry: Span) {
    let (now, hedge_time) = (state.now, state.settings.execution.hedge_time);
    let Some(pair) = state.pairs.get_mut(place) else { return };
    let since = *pair.memory.failed_since.get_or_insert(now);
    if now.since(since).0 + retry.0 >= hedge_time.0 {
        pair.memory.undo = !pair.memory.undo;
        pair.memory.failed_since = Some(now);
    }
}

/// An order of a clip left: how long the next one of its leg waits, once the usual number of them was not enough.
pub(super) fn pace(memory: &mut PairMemory, (leg, hedges): (Leg, bool), hedge_time: Span) -> Option<Span> {
    if !hedges {
        memory.clip_orders = [0, 0];
    }
    let [long, short] = &mut memory.clip_orders;
    let count = match leg {
        Leg::Long => long,
        Leg::Short => short,
    };
    *count = count.saturating_add(1);
    let wait = backoff(count.saturating_sub(CLIP_ORDERS - 1), hedge_time.0 / 1_000);
    (wait > 0).then(|| Span::seconds(wait))
}

/// Nothing for the first, then 1, 2, 4 seconds and so on up to `most`.
fn backoff(count: u32, most: i64) -> i64 {
    if count == 0 { 0 } else { (1_i64 << (count - 1).min(20)).min(most.max(1)) }
}

/// A clip was taken back: the smaller size is what is wanted now, and the pair rests before it tries again.
fn given_up(state: &mut State, id: PairId) {
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let hedged = latch::hedged(state, pair);
    let now = state.now;
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    pair.memory.target = pair.memory.target.min(hedged);
    pair.memory.enter_after = Some(now + Span::MINUTE);
    pair.memory.undos = pair.memory.undos.saturating_add(1);
}

/// A clip of an exit was taken back: the next one is tried after a while, longer each time.
fn rest_of_exit(state: &mut State, id: PairId) {
    let (now, least) = (state.now, state.settings.execution.hedge_time.0 / 1_000);
    let Some(pair) = state.pairs.get_mut(id.index()).filter(|pair| pair.memory.closing) else { return };
    let wait = backoff(pair.memory.undos, LONGEST_EXIT).saturating_mul(least.max(1)).min(LONGEST_EXIT);
    pair.memory.clip_after = Some(now + Span::seconds(wait));
}

/// The first order of a clip brought nothing.
fn fruitless(state: &mut State, intent: &Intent, what: (bool, Option<RejectCause>), out: &mut Vec<Command>) {
    let (rested, cause) = what;
    if rested && cause.is_none() {
        // It waited for somebody and nobody came: the next one takes.
        return;
    }
    let now = state.now;
    let Some(pair) = state.pairs.get(intent.pair.index()) else { return };
    let hedged = latch::hedged(state, pair);
    let Some(pair) = state.pairs.get_mut(intent.pair.index()) else { return };
    let memory = &mut pair.memory;
    // An exit that is refused for one reason after the other slows down as well (fault A24).
    let same = (memory.fruitless.cause == cause || memory.closing) && !planted::is(Bug::RetryAtOnce);
    let before = if same { memory.fruitless.count } else { 0 };
    let count = before.saturating_add(1);
    memory.fruitless = Fruitless { count, cause };
    let enters = intent.purpose == Purpose::Enter;
    let passing = matches!(cause, Some(RejectCause::RateLimit));
    let given_up = enters && (cause.is_some() && !passing || count >= FRUITLESS);
    if given_up {
        // What is held is its size; the next attempt is not at once, and the one after that is later still.
        memory.target = hedged;
        let refusals = if cause.is_some() { count } else { count + 1 - FRUITLESS };
        let wait = 60_i64.saturating_mul(1_i64 << (refusals - 1).min(10)).min(LONGEST_ENTRY);
        memory.enter_after = Some(now + Span::seconds(wait));
    } else {
        // A price that was missed is asked for anew at once, a few times; a refusal is not.
        let (least, free) = match cause {
            None => (0, FRUITLESS - 1),
            Some(RejectCause::RateLimit) => (2, 1),
            Some(_) => (1, 1),
        };
        let wait = backoff(count.saturating_sub(free), LONGEST_EXIT).max(least);
        memory.clip_after = Some(now + Span::seconds(wait));
    }
    if cause.is_some_and(|cause| !cause.may_pass() || cause == RejectCause::PriceBand) {
        out.push(Command::Reread { instrument: intent.instrument });
    }
    if given_up {
        let missed = "nobody traded at its price, again and again; open it again, or allow more in execution.collar";
        let why = if cause.is_some() { "the venue refused its first order; see carry why" } else { missed };
        by_hand::dropped(state, intent.pair.index(), why);
    }
    // Told at the fifth, and at each doubling after that.
    if count >= FRUITLESS && (count / FRUITLESS).is_power_of_two() && count.is_multiple_of(FRUITLESS) {
        out.push(alarm(AlarmKind::Runaway, Severity::Page, Some(intent.pair), Some(intent.id)));
        if enters && cause.is_some() && !passing {
            latch::latch(state, intent.pair, LatchCause::Refused);
        }
    }
}
