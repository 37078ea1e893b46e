//! The margin autopilot while holding: warn, move money to the perp wallet, shrink both legs together.
//!
//! A short's risk is the rally: its margin falls while the other leg gains. A long perp's risk is the fall. Distances are the
//! move of the mark, as a fraction, at which the venue would liquidate; a wallet with both has the nearer one. What the other
//! leg gains at another venue cannot be moved here: then the money of this venue alone decides, and both legs shrink.

use super::apply::venue_alarm;
use super::collateral::Trust;
use super::funds::Funds;
use super::isolated;
use super::state::{PairState, State};
use crate::config::settings::Margin;
use crate::domain::margin::{liquidation_distance_with, liquidation_fall};
use crate::domain::{Amount, Asset, Leg, Market, Pair, Quantity, Rate, Span, VenueId};
use crate::planted::{self, Bug};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::Wallet;
use crate::port::order::Reason;
use crate::risk::belief::Use;

/// Looks at every wallet that margins a position.
pub fn autopilot(state: &mut State, out: &mut Vec<Command>) {
    if !state.settings.margin.autopilot || planted::is(Bug::NoMarginCare) {
        return;
    }
    let mut seen: Vec<(VenueId, Asset)> = Vec::new();
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get(place) else { continue };
        if pair.memory.entered_at.is_none() {
            continue;
        }
        if state.is_isolated() {
            isolated::watch(state, place, out);
            continue;
        }
        for key in margined(&pair.pair) {
            if !seen.contains(&key) {
                seen.push(key);
                watch(state, key, out);
            }
        }
    }
}

/// The wallets that margin a pair's perps, each once.
pub fn margined(pair: &Pair) -> impl Iterator<Item = (VenueId, Asset)> + use<> {
    let long = (pair.market(Leg::Long) == Market::Perp && !pair.is_at_one_account()).then(|| pair.account(Leg::Long));
    [Some(pair.account(Leg::Short)), long].into_iter().flatten()
}

fn watch(state: &mut State, key: (VenueId, Asset), out: &mut Vec<Command>) {
    let (venue, quote) = key;
    let levels = state.settings.margin.clone();
    let funds = state.funds(venue, quote);
    let Some(distance) = distance(&funds) else { return };
    let warned = state.venue(venue).is_some_and(|state| state.margin_low.contains(&quote));
    if !is_low(distance, warned, &levels) {
        if warned {
            enough(state, key);
        }
        return;
    }
    // Coins on their way to be sold are no collateral any more: `unpark` keeps the floor, and it is no news.
    let sells = |pair: &PairState| pair.pair.account(Leg::Short) == key && pair.memory.closing && !pair.at_rest;
    let leaves = state.collateral_at(venue).has_coins() && state.pairs.iter().any(sells);
    if !warned && !leaves {
        out.push(venue_alarm(AlarmKind::MarginLow, Severity::Warning, venue));
        if let Some(state) = state.venues.get_mut(venue.index()) {
            state.margin_low.push(quote);
        }
    }
    if distance >= levels.top_up || state.venue(venue).is_none_or(|state| state.moving.is_some()) {
        return;
    }
    let wanted = equity_wanted(&funds, levels.target) - funds.margin_equity();
    let movable = wanted.min(funds.spot);
    // Not worth a transfer below half a percent of the positions: shrinking is next.
    let least = (funds.notional + funds.longs).times_rate(Rate::from_units(5_000_000_000_000_000));
    if movable >= least && state.send((venue, Wallet::Spot), (movable, quote), out) {
        return;
    }
    if state.pairs.iter().any(|pair| pair.pair.perp_at(key).is_some() && is_too_early(state, pair)) {
        return;
    }
    // Rates that are only late are no reason to sell: the last ones decide.
    let funds = state.funds_by(venue, quote, Trust::Last);
    if self::distance(&funds).is_some_and(|distance| distance < levels.floor) && !shrinking(state, key) {
        out.push(venue_alarm(AlarmKind::MarginFloor, Severity::Page, venue));
        shrink(state, key, &funds, &levels);
    }
}

/// Whether a distance is low, which was told before or not. What was told is over half of the way from `margin.warn` to
/// `margin.target` and not sooner, so that it does not come and go at the threshold; a top-up restores more than that.
pub(super) fn is_low(distance: Rate, told: bool, levels: &Margin) -> bool {
    let half = Rate::from_units((levels.target - levels.warn).units().max(0) / 2);
    distance < if told { levels.warn + half } else { levels.warn }
}

/// A wallet is far enough from liquidation again, or margins nothing any more.
fn enough(state: &mut State, (venue, quote): (VenueId, Asset)) {
    if let Some(state) = state.venues.get_mut(venue.index()) {
        state.margin_low.retain(|low| *low != quote);
    }
}

/// A pair was closed: where its wallets margin nothing else, nothing is low.
pub(super) fn closed(state: &mut State, pair: &Pair) {
    for key in margined(pair) {
        let margins = |other: &PairState| other.memory.entered_at.is_some() && other.pair.perp_at(key).is_some();
        if !state.pairs.iter().any(margins) {
            enough(state, key);
        }
    }
}

/// After a start the witnesses of a price come one by one, within seconds.
const FIRST_WORDS: Span = Span::seconds(10);

/// Whether a start is so young that a price of a held pair has no witness beside it yet: the first one to come may be the wrong
/// one, and nothing is sold on it alone (B10).
pub(super) fn is_too_early(state: &State, pair: &PairState) -> bool {
    let young = state.booted.is_some_and(|booted| state.now.since(booted) < FIRST_WORDS);
    let alone = |leg: &Leg| {
        let market = pair.market.leg(*leg);
        pair.pair.market(*leg) == Market::Perp && (market.mark.is_none() || market.mid.is_none())
    };
    young && pair.memory.entered_at.is_some() && Leg::BOTH.iter().any(alone)
}

/// Whether a pair of the wallet is already on its way to a smaller size.
fn shrinking(state: &State, key: (VenueId, Asset)) -> bool {
    state.pairs.iter().filter_map(|pair| Some((pair, pair.pair.perp_at(key)?))).any(|(pair, leg)| {
        let held = leg.of(state.held(pair));
        !pair.at_rest && pair.memory.target < held.magnitude()
    })
}

/// Distance to liquidation of a wallet: of the rise that its shorts fear or of the fall that its longs fear, the nearer one.
/// Shorts gain nothing of a fall here and longs nothing of a rise: coins do not move together when it counts. `None` without
/// positions.
#[must_use]
pub fn distance(funds: &Funds) -> Option<Rate> {
    let (equity, coins, maintenance) = (funds.margin_equity(), funds.collateral, funds.maintenance);
    let rise = liquidation_distance_with(equity, coins, funds.notional, maintenance);
    match (rise, liquidation_fall(equity, coins, funds.longs, maintenance)) {
        (Some(rise), Some(fall)) => Some(rise.min(fall)),
        (rise, fall) => rise.or(fall),
    }
}

/// Equity at which a wallet is `target` away from liquidation.
fn equity_wanted(funds: &Funds, target: Rate) -> Amount {
    let shorts = equity_for(funds.maintenance, funds.notional - funds.collateral, target);
    if funds.longs.is_zero() {
        return shorts;
    }
    let longs = funds.maintenance + (funds.longs + funds.collateral - funds.maintenance).times_rate(target);
    if funds.notional.is_zero() { longs } else { shorts.max(longs) }
}

/// Equity at which shorts of this size are `target` away from liquidation: `M + target x (N + M - K)`, where K is what coins
/// count for and `naked` is N - K.
pub(super) fn equity_for(maintenance: Amount, naked: Amount, target: Rate) -> Amount {
    maintenance + (naked + maintenance).times_rate(target)
}

/// Lowers every pair of the wallet by the same share, so that with the money of the sold spot the target is restored.
///
/// With E quote coin and unrealised profit, K coins as collateral, N shorts, L long perps, M maintenance, C the spot wallet's
/// cash, S the coins beside the positions that are sold into it, and t the target: after keeping a share k and moving the spot
/// money, `E + C + k K + (1 - k) S = k (M + t X)`, so `k = (E + C + S) / (S - K + M + t X)`. X is `N - K + M` against a rise
/// and `L + K - M` against a fall; the smaller share counts. Coins at another venue bring no money here.
#[expect(clippy::float_arithmetic, reason = "a share of a position; the coins are rounded down to the step afterwards")]
fn shrink(state: &mut State, key: (VenueId, Asset), funds: &Funds, levels: &Margin) {
    let sold = sold_beside(state, key, funds);
    let money = (funds.perp_equity + funds.spot + sold).to_f64();
    let (naked, sold) = ((funds.notional - funds.collateral).to_f64(), (sold - funds.collateral).to_f64());
    let (maintenance, target) = (funds.maintenance.to_f64(), levels.target.to_f64());
    let mut needed = sold + maintenance + target * (naked + maintenance);
    if !funds.longs.is_zero() {
        let falls = (funds.longs + funds.collateral).to_f64() - maintenance;
        needed = needed.max(sold + maintenance + target * falls);
    }
    // One percent less, for the costs of getting there.
    shrink_to(state, key, (money / needed * 0.99).clamp(0.0, 0.95));
}

/// Value of the coins that are sold into the venue's own spot wallet when its pairs shrink, at what their shorts are worth.
fn sold_beside(state: &State, key: (VenueId, Asset), funds: &Funds) -> Amount {
    let mut elsewhere = Amount::ZERO;
    for pair in state.pairs.iter().filter(|pair| pair.pair.perp_at(key) == Some(Leg::Short)) {
        let beside = pair.pair.market(Leg::Long) == Market::Spot && pair.pair.is_at_one_account();
        if !beside && let Some(mark) = state.mark_for((pair, Leg::Short), Use::Shrink) {
            elsewhere += mark.times(state.held(pair).1.magnitude());
        }
    }
    (funds.notional - elsewhere).max(Amount::ZERO)
}

/// Lowers every pair of the wallet to this share of what it holds; false when none was higher.
pub(super) fn shrink_to(state: &mut State, key: (VenueId, Asset), keep: f64) -> bool {
    let Some(keep) = Rate::from_f64(keep) else { return false };
    let mut lowered = false;
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get(place) else { continue };
        if pair.pair.perp_at(key).is_some() && pair.memory.entered_at.is_some() {
            lowered |= lower(state, place, keep);
        }
    }
    lowered
}

/// Lowers one pair to this share of what it holds; false when it is no higher.
pub(super) fn shrink_pair(state: &mut State, place: usize, keep: f64) -> bool {
    Rate::from_f64(keep).is_some_and(|keep| lower(state, place, keep))
}

fn lower(state: &mut State, place: usize, keep: Rate) -> bool {
    let Some(pair) = state.pairs.get(place) else { return false };
    let (_, perp) = state.held(pair);
    let wanted = i128::from(perp.magnitude().units()) * i128::from(keep.units()) / i128::from(Rate::ONE);
    let wanted = Quantity::saturating(i64::try_from(wanted).unwrap_or(0));
    let Some(pair) = state.pairs.get_mut(place) else { return false };
    if wanted >= pair.memory.target {
        return false;
    }
    pair.memory.target = wanted;
    pair.memory.closing = true;
    pair.memory.reason = Some(Reason::Margin);
    // Liquidation would be worse than not asking first.
    super::latch::released(pair);
    pair.dirty = true;
    pair.at_rest = false;
    true
}
