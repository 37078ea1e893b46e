//! Coins that margin a short, on their way back: what an order of a pair must wait for where coins are collateral.
//!
//! An exit clip begins with the transfer: the coins come back as far as the margin of the shorts permits, and the quote coin
//! that the short's loss will take goes the other way, while the pair is still hedged. Only when both are there does the
//! first leg leave, so a transfer that hangs leaves nothing naked (fault E14). Where the margin lets nothing go, the short of
//! the clip is bought back first if that lets its coins go; else only more of the quote coin helps, and without it the pair
//! stays hedged. A sale of spot is no order before its coins are there.
//! Tests: `tests/suite/coin.rs`, `tests/live.rs`.

use super::apply::{alarm, has_come};
use super::collateral::{self, Trust};
use super::funds::{Funds, mark_of};
use super::margin;
use super::state::{PairState, State};
use crate::config::settings::Collateral;
use crate::domain::collateral::COIN_LEVERAGE;
use crate::domain::{Amount, Asset, Leg, Price, Quantity, Rate, Side, SignedQuantity, Span};
use crate::pairs::plan::{Child, PlanInput};
use crate::pairs::sizing::{margin_of, over};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::Wallet;
use crate::port::order::Purpose;

/// How long an entry waits for a transfer; what it has by then is its size.
const PATIENCE: Span = Span::MINUTE;

/// What an order has to wait for.
pub(super) enum Prepared {
    /// Nothing: it may be made, perhaps smaller or on the other leg first.
    Go(Child),
    /// A transfer that is on its way, or cannot be sent at this moment.
    Wait,
    /// An entry cannot go on.
    GiveUp,
}

/// Sees to it that the wallets hold what an order needs.
pub(super) fn prepare(
    state: &mut State,
    place: usize,
    (child, input): (Child, &PlanInput),
    out: &mut Vec<Command>,
) -> Prepared {
    if !state.pairs.get(place).is_some_and(|pair| state.coins_margin_of(&pair.pair)) {
        return Prepared::Go(child);
    }
    match (child.purpose, child.leg, child.side) {
        (Purpose::Enter, ..) => enter(state, place, child),
        (Purpose::Exit, ..) => exit(state, place, (child, input), out),
        (_, Leg::Long, Side::Sell) => sell(state, place, (child, input), out),
        (Purpose::Hedge | Purpose::Undo | Purpose::Repair, ..) => Prepared::Go(child),
    }
}

/// A further clip waits until the coins of the one before are collateral, and for the margin of its own short.
fn enter(state: &State, place: usize, child: Child) -> Prepared {
    let Some(pair) = state.pairs.get(place) else { return Prepared::Wait };
    if !collateral::counts(state, pair) {
        return Prepared::GiveUp;
    }
    let (id, quote) = pair.pair.account(Leg::Short);
    let Some(venue) = state.venue(id) else { return Prepared::Wait };
    let Some(input) = state.plan_input(pair) else { return Prepared::Wait };
    if venue.moving.is_some() || state.at_hand(pair) >= input.lot() {
        // A pair that waits is not asked whether it should still be held: it does not wait for long (fault E14).
        let hangs = venue.moving_since.is_some_and(|since| state.now.since(since) >= PATIENCE);
        let refused = venue.moving.is_none() && !has_come(state.now, venue.retry_at);
        return if hangs || refused { Prepared::GiveUp } else { Prepared::Wait };
    }
    if state.collateral_at(id) == Collateral::Unified {
        return Prepared::Go(child);
    }
    let Some(mid) = pair.market.short.mid else { return Prepared::Wait };
    let fee = state.catalogue.instrument(pair.pair.short).map_or(Rate::ZERO, |instrument| instrument.fees.taker);
    let value = mid.times(child.quantity);
    let needs = margin_of(value, state.leverage_at(id)) + value.times_rate(fee);
    let free = state.funds(id, quote).free_quote();
    if free >= needs { Prepared::Go(child) } else { Prepared::GiveUp }
}

/// The first order of an exit clip: money for the short's loss goes one way, the clip's coins the other.
fn exit(state: &mut State, place: usize, (child, input): (Child, &PlanInput), out: &mut Vec<Command>) -> Prepared {
    let Some(pair) = state.pairs.get(place) else { return Prepared::Wait };
    let (venue, quote) = pair.pair.account(Leg::Short);
    if state.venue(venue).is_none_or(|venue| venue.moving.is_some()) {
        return Prepared::Wait;
    }
    let funds = state.funds(venue, quote);
    let loss = loss_per_coin(state, pair);
    let cash = (funds.spot + funds.quote).max(Amount::ZERO);
    let child = Child { quantity: affordable(child.quantity, loss, cash, input), ..child };
    let takes = loss.map_or(Amount::ZERO, |loss| loss.times(child.quantity)) - funds.quote;
    let movable = takes.min(funds.spot);
    // Less than one is not worth the way.
    if movable > Amount::whole(1) {
        send(state, (place, Wallet::Spot), (movable, quote), out);
        return Prepared::Wait;
    }
    // With too little for even the smallest clip the sale comes first, and pays for it.
    let sale = child.quantity.min(input.long()).floor_to(input.long_grid.step);
    let child = if takes > Amount::whole(1) && sale >= input.long_grid.min_reduce {
        Child { leg: Leg::Long, side: Side::Sell, quantity: sale, ..child }
    } else {
        child
    };
    let last = input.target.is_zero() && child.quantity + input.lot() > input.long();
    let coins = if last { input.long() } else { child.quantity.min(input.long()) };
    brought(state, place, (child, coins, input), out)
}

/// A sale of spot that mends an inequality: its coins first, or as many as can be had.
fn sell(state: &mut State, place: usize, (child, input): (Child, &PlanInput), out: &mut Vec<Command>) -> Prepared {
    brought(state, place, (child, child.quantity, input), out)
}

/// The order, once its coins lie in the spot wallet; a smaller one when the margin lets no more of them go.
fn brought(
    state: &mut State,
    place: usize,
    (child, coins, input): (Child, Quantity, &PlanInput),
    out: &mut Vec<Command>,
) -> Prepared {
    match fetch(state, place, coins, out) {
        Fetched::There => return Prepared::Go(child),
        Fetched::Wait => return Prepared::Wait,
        Fetched::Short => {}
    }
    let Some(pair) = state.pairs.get(place) else { return Prepared::Wait };
    let step = input.long_grid.step.max(input.short_grid.step);
    let there = state.at_hand(pair).floor_to(step).min(child.quantity);
    if there >= input.lot() {
        return Prepared::Go(Child { quantity: there, ..child });
    }
    if child.purpose == Purpose::Exit && frees(state, pair, coins) {
        let quantity = child.quantity.min(input.short()).floor_to(input.short_grid.step);
        return Prepared::Go(Child { leg: Leg::Short, side: Side::Buy, quantity, ..child });
    }
    // Only more of the quote coin lets them go; without it the pair stays as it is, and a person is told.
    let (id, venue) = (pair.pair.id, pair.pair.venue(Leg::Short));
    if !widen(state, place, out)
        && let Some(venue) = state.venues.get_mut(venue.index())
        && !std::mem::replace(&mut venue.stuck, true)
    {
        out.push(alarm(AlarmKind::MarginFloor, Severity::Page, Some(id), None));
    }
    Prepared::Wait
}

/// Whether the coins could go once their short is bought back: where they count for less than what it keeps back.
fn frees(state: &State, pair: &PairState, coins: Quantity) -> bool {
    let (venue, quote) = pair.pair.account(Leg::Short);
    let mut funds = state.funds_by(venue, quote, Trust::Last);
    let Some(mark) = mark_of(pair) else { return false };
    funds.notional = (funds.notional - mark.times(coins)).max(Amount::ZERO);
    let counts = state.coin_value(pair, coins, Trust::Last).unwrap_or_default();
    room_of(state, &funds) >= counts
}

/// Moves quote coin to the perp wallet, so that half a clip's coins can leave it; false when there is none to move.
pub(super) fn widen(state: &mut State, place: usize, out: &mut Vec<Command>) -> bool {
    let Some(pair) = state.pairs.get(place) else { return false };
    let (venue, quote) = pair.pair.account(Leg::Short);
    let missing = missing(state, pair);
    let movable = state.funds(venue, quote).spot.min(missing);
    if movable < Amount::whole(1) {
        return false;
    }
    send(state, (place, Wallet::Spot), (movable, quote), out);
    true
}

/// Value by which the margin of the shorts falls short of letting half a clip's coins go; nothing when they can.
pub(super) fn missing(state: &State, pair: &PairState) -> Amount {
    let (Some(room), Some(input)) = (room(state, pair), state.plan_input(pair)) else { return Amount::ZERO };
    let half = Quantity::saturating(input.clip.min(input.long()).units() / 2);
    let counts = state.coin_value(pair, half, Trust::Last).unwrap_or_default();
    (counts - room).max(Amount::ZERO)
}

enum Fetched {
    /// The coins lie in the spot wallet.
    There,
    /// They are on their way, or a transfer cannot be sent at this moment.
    Wait,
    /// The margin of the shorts lets no more of them go.
    Short,
}

/// Brings coins of a pair to the spot wallet, as many as the margin permits.
fn fetch(state: &mut State, place: usize, coins: Quantity, out: &mut Vec<Command>) -> Fetched {
    let Some(pair) = state.pairs.get(place) else { return Fetched::Wait };
    let (at_hand, parked) = (state.at_hand(pair), state.parked(pair));
    if at_hand >= coins || parked.is_zero() {
        return Fetched::There;
    }
    if state.venue(pair.pair.venue(Leg::Short)).is_none_or(|venue| venue.moving.is_some()) {
        return Fetched::Wait;
    }
    let coin = pair.pair.coin;
    let least = state.plan_input(pair).map_or(Quantity::ZERO, |input| input.lot());
    let wanted = coins.minus(at_hand).min(parked);
    let amount = wanted.min(permitted(state, pair));
    if amount < wanted && amount < least {
        return Fetched::Short;
    }
    let amount = Amount::of_coins(SignedQuantity::from_units(amount.units()));
    send(state, (place, Wallet::Perp), (amount, coin), out);
    Fetched::Wait
}

/// Sends a transfer, or is woken when the next one may be tried.
fn send(state: &mut State, (place, from): (usize, Wallet), money: (Amount, Asset), out: &mut Vec<Command>) {
    let Some(venue) = state.pairs.get(place).map(|pair| pair.pair.venue(Leg::Short)) else { return };
    if !state.send((venue, from), money, out)
        && let Some(at) = state.venue(venue).and_then(|venue| venue.retry_at)
        && at > state.now
    {
        out.push(Command::WakeAt { at });
    }
}

/// Coins of a pair that can leave the perp wallet.
fn permitted(state: &State, pair: &PairState) -> Quantity {
    let all = state.parked(pair);
    let (Some(room), Some((price, share))) = (room(state, pair), state.coin_rate(pair, Trust::Last)) else {
        return all;
    };
    // A hundredth less: the mark moves before the transfer is there.
    let value = over(room.max(Amount::ZERO), share).share(99, 100);
    let units = value.units().div_euclid(i128::from(price.units()));
    Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX)).min(all)
}

/// Value after the haircut that can leave the perp wallet: the shorts stay `margin.floor` away from liquidation, or half of what
/// they are when that is nearer, and the venue keeps its own initial margin back. `None` where nothing bounds it: nothing is
/// short, or the coins count for nothing.
///
/// With E the margin equity, K what coins count for, N, M and floor f: a value v may go while
/// `E - v - M >= f (N + M - K + v)`, so `v <= (E - M - f (N + M - K)) / (1 + f)`.
fn room(state: &State, pair: &PairState) -> Option<Amount> {
    let (venue, quote) = pair.pair.account(Leg::Short);
    let funds = state.funds_by(venue, quote, Trust::Last);
    let (_, share) = state.coin_rate(pair, Trust::Last)?;
    if funds.notional.is_zero() || share.units() <= 0 {
        return None;
    }
    Some(room_of(state, &funds))
}

fn room_of(state: &State, funds: &Funds) -> Amount {
    let distance = margin::distance(funds).map_or(Rate::ZERO, |distance| distance.over(2).max(Rate::ZERO));
    let floor = state.settings.margin.floor.min(distance);
    let naked = funds.notional + funds.maintenance - funds.collateral;
    let ours = over(funds.margin_equity() - funds.maintenance - naked.times_rate(floor), floor + one());
    // A profit that is not realised does not leave.
    let gained = (funds.perp_equity - funds.quote).max(Amount::ZERO);
    let kept = margin_of(funds.notional, one().times(i64::from(COIN_LEVERAGE)));
    ours.min(funds.margin_equity() - gained - kept)
}

/// What buying back one coin of the short realises as a loss at worst, with its fee; `None` when it is none.
fn loss_per_coin(state: &State, pair: &PairState) -> Option<Price> {
    let book = state.ledger.pair(pair.pair.id)?;
    let short = book.perp(Leg::Short);
    let coins = i128::from(short.coins.magnitude().units()).max(1);
    let entry = -short.cost.units() / coins;
    let instrument = state.catalogue.instrument(pair.pair.short)?;
    let limit =
        pair.market.short.mid?.worse_by(state.settings_of(pair).execution.collar, Side::Buy, instrument.rules.tick);
    let limit = i128::from(limit.units());
    let fee = limit * i128::from(instrument.fees.taker.units().max(0)) / i128::from(Rate::ONE);
    Price::from_units(i64::try_from(limit - entry + fee).ok()?).ok()
}

/// Coins of a clip whose loss the money at hand covers, but never less than can be traded.
fn affordable(coins: Quantity, loss: Option<Price>, cash: Amount, input: &PlanInput) -> Quantity {
    let Some(loss) = loss else { return coins };
    let units = cash.units().div_euclid(i128::from(loss.units()));
    let covered = Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX));
    if covered >= coins {
        return coins;
    }
    let step = input.long_grid.step.max(input.short_grid.step);
    covered.floor_to(step).max(input.lot()).min(coins)
}

const fn one() -> Rate {
    Rate::from_units(Rate::ONE)
}
