//! Decisions: what to do about the facts. Per pair: ask the strategy, plan the next order, pass the gate, write it down.

use super::apply::closed;
use super::barred::barred;
use super::by_hand;
use super::collateral;
use super::entry;
use super::ladder;
use super::latch;
use super::margin;
use super::orders_due;
use super::progress;
use super::record::Record;
use super::state::State;
use super::trust;
use super::unpark::{self, Prepared};
use crate::config::settings::{First, StrategyKind, Style};
use crate::domain::{Leg, Market, Price, Quantity, SignedQuantity, Span};
use crate::pairs::plan::{Child, PlanInput};
use crate::pairs::{Phase, plan};
use crate::planted::{self, Bug};
use crate::port::order::{Purpose, Reason};
use crate::port::{Command, TimeInForce};
use crate::risk::Refusal;
use crate::risk::gate::{self, BotState, Proposal};
use crate::risk::throttle::Made;
use crate::strategy::{self, Wish};

/// Decides for everything that changed.
pub fn decide(state: &mut State, out: &mut Vec<Command>) {
    match state.bot {
        BotState::Starting => return,
        BotState::Halted => return halted(state, out),
        BotState::Ready | BotState::ReduceOnly => {}
    }
    trust::tell(state, out);
    orders_due::work(state, out);
    if state.active > 0 {
        margin::autopilot(state, out);
        collateral::work(state, out);
    }
    let all = state.settings.strategy.kind == StrategyKind::Ladder;
    if all {
        // What it decides is done within this very look at all pairs, where it can be.
        ladder::look(state);
    }
    for place in 0..state.pairs.len() {
        if state.pairs.get(place).is_some_and(|pair| pair.dirty) {
            decide_pair(state, place, out);
        }
    }
    while all && let Some(place) = ladder::next(state) {
        decide_pair(state, place, out);
    }
}

/// Nothing is sent, but what is known goes on: own resting orders are cancelled, orders in doubt are asked for, and legs that
/// are unequal are counted and told.
fn halted(state: &mut State, out: &mut Vec<Command>) {
    orders_due::work(state, out);
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get_mut(place).filter(|pair| pair.dirty) else { continue };
        pair.dirty = false;
        if pair.at_rest {
            // Flat or hedged, and it stays so: nothing of it is in work that a halt could stop.
            continue;
        }
        let id = pair.pair.id;
        let Some(input) = state.pairs.get(place).and_then(|pair| state.plan_input(pair)) else { continue };
        let busy = (orders_due::blocks(state, id), !state.orders.is_busy(id));
        track(state, place, &input, busy, out);
    }
}

fn decide_pair(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let Some(pair) = state.pairs.get_mut(place) else { return };
    pair.dirty = false;
    if pair.at_rest && pair.memory.ordered.is_some() {
        if !by_hand::begin(state, place, out) {
            return;
        }
    } else if pair.at_rest {
        // The usual case, and the fast one: nothing is in work and the legs are equal.
        match wish(state, place) {
            Wish::Keep => return,
            Wish::Enter(reason) => {
                if !enter(state, place, reason, out) {
                    return;
                }
            }
            Wish::Leave(reason) => set_target(state, place, Quantity::ZERO, reason),
        }
    } else if untouched(state, place) && !by_hand::stands(state, place) && !matches!(wish(state, place), Wish::Enter(_))
    {
        // An entry whose order did not trade is no promise: it is dropped when it is no longer wanted.
        let why = state.pairs.get(place).and_then(|pair| barred(state, pair));
        by_hand::dropped(state, place, why.unwrap_or("nothing was executed, and then it was no longer allowed"));
        let Some(pair) = state.pairs.get_mut(place) else { return };
        pair.memory.target = Quantity::ZERO;
    }
    work(state, place, out);
}

/// Whether an entry is wanted of which nothing was executed and nothing is under way.
fn untouched(state: &State, place: usize) -> bool {
    let Some(pair) = state.pairs.get(place) else { return false };
    !pair.memory.target.is_zero() && pair.memory.entered_at.is_none() && !state.orders.is_busy(pair.pair.id)
}

/// What the strategy wishes, after what trumps it: the end of trading, and everything that forbids an entry.
fn wish(state: &State, place: usize) -> Wish {
    let Some(pair) = state.pairs.get(place) else { return Wish::Keep };
    let (spot, perp) = state.held(pair);
    let held = Quantity::saturating(spot.units().min(-perp.units()));
    if !held.is_zero() {
        if pair.last_chance {
            return Wish::Leave(Reason::DataEnd);
        }
        let lead = state.settings_of(pair).gates.delist_lead;
        if pair.delisting && pair.market.ends_at.is_some_and(|at| at.since(state.now) <= lead) {
            return Wish::Leave(Reason::Delisting);
        }
        if pair.witness.is_doubted(&pair.market) {
            // Nothing is left by wish on a price that is not believed; what lowers risk goes on.
            return Wish::Keep;
        }
    } else if barred(state, pair).is_some() {
        return Wish::Keep;
    }
    match state.strategy_of(pair).strategy.kind {
        StrategyKind::Basis | StrategyKind::Spread => strategy::decide(&state.view(pair, held)),
        StrategyKind::Ladder => state.ladder.wish(place, !held.is_zero()),
    }
}

pub(super) fn set_target(state: &mut State, place: usize, coins: Quantity, reason: Reason) {
    let Some(pair) = state.pairs.get(place) else { return };
    let first = state.first_leg(pair);
    let Some(pair) = state.pairs.get_mut(place) else { return };
    pair.memory.closing = coins.is_zero();
    pair.memory.target = coins;
    pair.memory.reason = Some(reason);
    pair.memory.first = Some(first);
    pair.memory.undo = false;
    (pair.memory.attempts, pair.memory.flips, pair.memory.failed_since) = (0, 0, None);
    pair.memory.take = false;
    pair.memory.post_only_refused = 0;
    pair.declined = None;
    pair.at_rest = false;
}

/// Sizes an entry and makes the money ready; true when it can start now.
fn enter(state: &mut State, place: usize, reason: Reason, out: &mut Vec<Command>) -> bool {
    match entry::begin(state, place, (reason, None), out) {
        entry::Entry::Begun => true,
        entry::Entry::Waits => false,
        entry::Entry::Refused(why) => {
            ladder::refused(state, place, why);
            false
        }
    }
}

/// The slow path: something is in work, or the legs are unequal.
fn work(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let Some(pair) = state.pairs.get(place) else { return };
    let id = pair.pair.id;
    let Some(input) = state.plan_input(pair) else { return };
    let blocked = orders_due::blocks(state, id);
    let idle = !state.orders.is_busy(id);
    track(state, place, &input, (blocked, idle), out);
    if blocked || latch::waits(state, place, out) {
        return;
    }
    let Some(input) = state.pairs.get(place).and_then(|pair| state.plan_input(pair)) else { return };
    let Some(child) = plan(&input) else {
        // A close that only waits for depth is not done: it would be forgotten, and with it the wish of a person.
        let whole = PlanInput { clip: Quantity::saturating(i64::MAX), ..input };
        let waits = input.closing && plan(&whole).is_some();
        if idle && !waits && !input.waits_for_a_person() {
            rest(state, place, &input);
        }
        return;
    };
    if idle && child.purpose == Purpose::Enter && is_stopped(state, place) {
        give_up(state, place, &input);
        return;
    }
    // A resting maker order keeps its leg; only the hedge of its fills may go beside it.
    let hedges = matches!(child.purpose, Purpose::Hedge | Purpose::Undo | Purpose::Repair);
    let child = if planted::is(Bug::HedgeOrdered) && hedges { ordered(state, id, child) } else { child };
    if !idle && (!hedges || resting_on(state, id, child.leg)) {
        if hedges {
            // The leg is needed for more than what rests there (the venue closed a short): it must be free first.
            orders_due::cancel_resting(state, id, out);
        }
        return;
    }
    let Some(pair) = state.pairs.get(place) else { return };
    let clip = if hedges { None } else { pair.memory.clip_after };
    if let Some(at) = pair.memory.retry_at.max(clip)
        && state.now < at
    {
        out.push(Command::WakeAt { at });
        return;
    }
    match unpark::prepare(state, place, (child, &input), out) {
        Prepared::Go(child) => propose(state, place, child, &input, out),
        Prepared::Wait => {}
        Prepared::GiveUp => give_up(state, place, &input),
    }
}

/// Whether an entry in work sends no further clip: somebody else acts on the account, or the venue refuses us (fault H10).
fn is_stopped(state: &State, place: usize) -> bool {
    let pair = state.pairs.get(place);
    pair.is_some_and(|pair| state.any_venue(&pair.pair, |venue| venue.foreign || venue.barred))
}

/// An entry that cannot go on: what is held is its size, and the next attempt is not at once.
fn give_up(state: &mut State, place: usize, input: &PlanInput) {
    let now = state.now;
    by_hand::dropped(state, place, "the gate of every order or the venue's own state forbade the entry");
    let Some(pair) = state.pairs.get_mut(place) else { return };
    pair.memory.target = input.hedged();
    pair.memory.enter_after = Some(now + Span::MINUTE);
    if input.delta().magnitude() < input.lot() {
        rest(state, place, input);
    }
}

/// The planted bug of a hedge that trusts what was asked for.
fn ordered(state: &State, pair: crate::domain::PairId, child: Child) -> Child {
    let asked = state.orders.last_entry(pair).unwrap_or(child.quantity);
    Child { quantity: asked.max(child.quantity), ..child }
}

fn resting_on(state: &State, pair: crate::domain::PairId, leg: Leg) -> bool {
    state.orders.live().iter().any(|order| order.intent.pair == pair && order.intent.leg == leg)
}

/// Nothing is left to do for the pair: it is flat or hedged.
fn rest(state: &mut State, place: usize, input: &PlanInput) {
    let flat = is_flat(input);
    let Some(pair) = state.pairs.get_mut(place) else { return };
    pair.at_rest = true;
    pair.memory.first = None;
    pair.memory.take = false;
    pair.memory.closing = false;
    pair.memory.post_only_refused = 0;
    pair.memory.venue_made = false;
    pair.memory.undo = false;
    // Equal again, by whose hand ever: nothing is left to decide about but the latch.
    pair.memory.strangers = SignedQuantity::ZERO;
    (pair.memory.attempts, pair.memory.flips, pair.memory.failed_since) = (0, 0, None);
    if !flat {
        pair.memory.undos = 0;
    }
    pair.memory.target = input.hedged();
    pair.memory.phase = if flat { Phase::Flat } else { Phase::Hedged };
    let id = pair.pair.id;
    if flat {
        closed(state, id);
    }
}

/// Nothing is held but dust.
fn is_flat(input: &PlanInput) -> bool {
    input.short().is_zero() && input.long() < input.lot()
}

/// Stops the clock of inequality, when it runs.
fn equal_again(state: &mut State, place: usize) {
    let now = state.now;
    let Some(pair) = state.pairs.get_mut(place) else { return };
    let memory = &mut pair.memory;
    let Some(since) = memory.unequal_since.take() else { return };
    let ms = now.since(since).0;
    memory.max_unequal_ms = memory.max_unequal_ms.max(ms);
    memory.alarmed = false;
    if !memory.venue_made {
        state.unequal.0 = state.unequal.0.max(ms);
    }
    state.records.push(Record::Unequal { pair: pair.pair.id, ms, venue_made: memory.venue_made });
}

/// Recovery decides nothing, but what the last facts made equal has been equal since then and not only since the restart.
pub fn settle_equal(state: &mut State) {
    for place in 0..state.pairs.len() {
        let input = state.pairs.get(place).and_then(|pair| state.plan_input(pair));
        if input.is_some_and(|input| input.delta().magnitude() < input.lot()) {
            equal_again(state, place);
        }
    }
}

/// Keeps the phase and the clock of inequality.
fn track(state: &mut State, place: usize, input: &PlanInput, work: (bool, bool), out: &mut Vec<Command>) {
    let (blocked, idle) = work;
    let unequal = input.delta().magnitude() >= input.lot();
    let now = state.now;
    let mid = state.pairs.get(place).and_then(|pair| pair.market.long.mid);
    let pair = state.pairs.get(place);
    let down = pair.is_some_and(|pair| state.any_venue(&pair.pair, |venue| venue.down));
    let unknown = blocked && !idle && {
        let id = state.pairs.get(place).map(|pair| pair.pair.id);
        state
            .orders
            .live()
            .iter()
            .any(|order| Some(order.intent.pair) == id && matches!(order.state, crate::orders::OrderState::Unknown))
    };
    let hedge_time = state.settings.execution.hedge_time;
    let Some(pair) = state.pairs.get_mut(place) else { return };
    let memory = &mut pair.memory;
    if unequal {
        let since = *memory.unequal_since.get_or_insert(now);
        if !memory.venue_made
            && let Some(mid) = mid
        {
            let value = mid.times(input.delta().magnitude());
            memory.max_unequal_value = memory.max_unequal_value.max(value);
            state.unequal.1 = state.unequal.1.max(value);
        }
        let late = now.since(since) >= hedge_time;
        memory.phase = match (down, late || unknown || memory.venue_made) {
            (true, _) => Phase::Naked,
            (false, true) => Phase::Repair,
            (false, false) => working(input),
        };
    } else {
        memory.phase = match (unknown, idle && is_flat(input) && input.target.is_zero()) {
            (true, _) => Phase::Repair,
            // Whether or not anything may be sent now: nothing held, wanted or under way is nothing to leave.
            (false, true) => Phase::Flat,
            (false, false) => working(input),
        };
        equal_again(state, place);
    }
    if unequal {
        orders_due::alarm_unequal(state, place, out);
    }
}

fn working(input: &PlanInput) -> Phase {
    if input.target > input.hedged() {
        Phase::Entering
    } else if input.target < input.hedged() || input.target.is_zero() {
        Phase::Exiting
    } else {
        Phase::Hedged
    }
}

/// Prices one order, passes it through the gate and writes it down.
fn propose(state: &mut State, place: usize, child: Child, input: &PlanInput, out: &mut Vec<Command>) {
    let Some(proposal) = price(state, place, child) else { return };
    let hedges = matches!(child.purpose, Purpose::Hedge | Purpose::Undo | Purpose::Repair);
    let reduces = child.reduces || hedges;
    let parent_left = parent_left(child, input);
    let now = state.now;
    let verdict = match state.context(&proposal, reduces, parent_left) {
        Some(context) => gate::approve(proposal, &context),
        None => return,
    };
    match verdict {
        Ok(approved) => {
            let intent = state.orders.submit(approved, state.now);
            state.throttle.push(Made {
                at: state.now,
                instrument: intent.instrument,
                side: intent.side,
                quantity: intent.quantity,
            });
            let hedge_time = state.settings.execution.hedge_time;
            if let Some(pair) = state.pairs.get_mut(place) {
                pair.refusal = None;
                pair.memory.retry_at =
                    progress::pace(&mut pair.memory, (child.leg, hedges), hedge_time).map(|wait| now + wait);
            }
            out.push(Command::Record(intent));
        }
        Err(refusal) => {
            *state.refusals.entry(refusal.name()).or_default() += 1;
            if reduces {
                *state.refused_reduces.entry(refusal.name()).or_default() += 1;
            }
            let retry = Span::seconds(1);
            let at = state.now + retry;
            let Some(pair) = state.pairs.get_mut(place) else { return };
            pair.refusal = Some(refusal);
            if child.purpose == Purpose::Enter {
                give_up(state, place, input);
                return;
            }
            if hedges {
                pair.memory.retry_at = Some(at);
            } else {
                pair.memory.clip_after = Some(at);
            }
            out.push(Command::WakeAt { at });
            if hedges && (!refusal.is_of_all() || answers_elsewhere(state, place, (child.leg, &refusal))) {
                progress::gated(state, place, retry);
            }
        }
    }
}

/// Whether only this leg's venue is lost, and the pair's other leg stands at one that answers: there the clip can be taken back
/// (fault A23).
fn answers_elsewhere(state: &State, place: usize, (leg, refusal): (Leg, &Refusal)) -> bool {
    let other = state.pairs.get(place).map(|pair| pair.pair.venue(leg.other()));
    *refusal == Refusal::VenueDown && other.and_then(|id| state.venue(id)).is_some_and(|venue| !venue.down)
}

/// Coins that this order may have at most, so that the children of a clip or of a target never exceed it.
fn parent_left(child: Child, input: &PlanInput) -> Quantity {
    let slack = input.lot() + Quantity::saturating(child.quantity.units() / 100);
    match child.purpose {
        Purpose::Enter => {
            let held = match child.leg {
                Leg::Long => input.long(),
                Leg::Short => input.short(),
            };
            input.target.minus(held).min(input.clip) + slack
        }
        Purpose::Hedge | Purpose::Undo | Purpose::Repair => {
            input.delta().magnitude().max(input.ours().magnitude()) + slack
        }
        Purpose::Exit => match child.leg {
            Leg::Long => input.long(),
            Leg::Short => input.short(),
        },
    }
}

fn price(state: &State, place: usize, child: Child) -> Option<Proposal> {
    let pair = state.pairs.get(place)?;
    let instrument = state.catalogue.instrument(pair.pair.leg(child.leg))?;
    let market = pair.market.leg(child.leg);
    let mid = market.mid?;
    let execution = &state.settings_of(pair).execution;
    let hedges = matches!(child.purpose, Purpose::Hedge | Purpose::Undo | Purpose::Repair);
    // A leg that is named to go first is the only one that rests: the other one may have no dead man's switch (rule R-E).
    let rests = match execution.first {
        First::Auto => true,
        First::Leg(leg) => leg == child.leg,
    };
    let maker = execution.style == Style::Maker && rests && !hedges && !pair.memory.take;
    let resting = if maker { maker_price(market.bid, market.ask, child, instrument.rules.tick) } else { None };
    let (limit, time_in_force) = if let Some(price) = resting {
        (price, TimeInForce::PostOnly)
    } else {
        // A hedge that adds pays no more than the entry set aside; what reduces may go further.
        let collar = if child.reduces { execution.reduce_collar } else { execution.collar };
        (mid.worse_by(collar, child.side, instrument.rules.tick), TimeInForce::ImmediateOrCancel)
    };
    Some(Proposal {
        pair: pair.pair.id,
        leg: child.leg,
        instrument: instrument.id,
        side: child.side,
        quantity: child.quantity.min(instrument.rules.max_quantity.floor_to(instrument.rules.step)),
        limit,
        time_in_force,
        reduce_only: instrument.market == Market::Perp && child.reduces && !planted::is(Bug::SkipReduceOnly),
        purpose: child.purpose,
        reason: if pair.memory.venue_made {
            Reason::VenueClosed
        } else {
            pair.memory.reason.unwrap_or(Reason::Unequal)
        },
        arrival_mid: mid,
    })
}

/// The touch on our own side: a buy joins the bid. `None` where the source has no spread.
fn maker_price(bid: Option<Price>, ask: Option<Price>, child: Child, tick: Price) -> Option<Price> {
    let (bid, ask) = (bid?, ask?);
    if bid >= ask {
        return None;
    }
    Some(match child.side {
        crate::domain::Side::Buy => bid.on_tick(tick, crate::domain::Side::Sell),
        crate::domain::Side::Sell => ask.on_tick(tick, crate::domain::Side::Buy),
    })
}
