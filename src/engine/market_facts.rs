//! Facts about markets that come seldom: marks, estimates, open interest, ranks, pegs, and when a pair can be traded.
//!
//! Nothing here decides; `apply.rs` calls it. Tests: `tests/suite/belief.rs`, `tests/suite/two_pairs.rs`.

use super::apply::{alarm, pair_mut};
use super::collateral::CoinRate;
use super::state::State;
use super::trust;
use crate::domain::{InstrumentId, Price};
use crate::market::InstrumentMarket;
use crate::pairs::Phase;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::EndCause;
use crate::port::{Command, Event};

/// A fact about an instrument goes to every pair that it serves, as the leg that it is of it.
fn for_legs(state: &mut State, instrument: InstrumentId, change: impl Fn(&mut InstrumentMarket)) {
    for (id, leg) in state.catalogue.legs_of(instrument) {
        if let Some(pair) = state.pairs.get_mut(id.index()) {
            change(pair.market.leg_mut(*leg));
        }
    }
}

fn on_mark(state: &mut State, instrument: InstrumentId, (mark, index): (Price, Price), out: &mut Vec<Command>) {
    let now = state.now;
    for_legs(state, instrument, |market| {
        market.mark = Some((mark, now));
        market.index = Some(index);
    });
    for nth in 0..state.catalogue.legs_of(instrument).len() {
        if let Some((pair, _)) = state.served(instrument, nth) {
            trust::compare(state, pair.index(), out);
        }
    }
}

pub(super) fn apply(state: &mut State, event: &Event, out: &mut Vec<Command>) {
    let now = state.now;
    match event {
        Event::Mark { instrument, mark, index } => {
            on_mark(state, *instrument, (*mark, *index), out);
        }
        Event::FundingEstimate { instrument, funding, next } => {
            for_legs(state, *instrument, |market| market.estimate = Some((*funding, *next)));
        }
        Event::OpenInterest { instrument, coins } => {
            for_legs(state, *instrument, |market| market.on_open_interest(now, *coins));
        }
        Event::AdlRank { instrument, rank } => {
            for_legs(state, *instrument, |market| {
                market.adl_rank = *rank;
                market.adl_at = Some(now);
            });
        }
        Event::Peg { asset, price } => {
            state.pegs.insert(*asset, *price);
            state.pegs_at.insert(*asset, now);
        }
        Event::FeeCoinPriced { asset, price } => state.ledger.price_token(*asset, *price),
        Event::CollateralRate { venue, asset, index, share } => {
            let rate = CoinRate { index: *index, share: *share, at: now };
            state.collateral.insert((*venue, *asset), rate);
        }
        Event::IntervalChanged { instrument, .. } => {
            let pairs = state.catalogue.legs_of(*instrument).iter().map(|(pair, _)| *pair);
            out.extend(pairs.map(|pair| alarm(AlarmKind::IntervalChanged, Severity::Notice, Some(pair), None)));
        }
        Event::CoverageStarts { pair } => {
            if let Some(pair) = pair_mut(state, *pair) {
                pair.market.restart();
                pair.last_chance = false;
            }
        }
        Event::Universe(verdict) => {
            if let Some(pair) = pair_mut(state, verdict.pair) {
                pair.outside = verdict.outside;
                pair.dirty = true;
            }
        }
        Event::TradingEnds { pair: id, at, cause } => {
            let held = state.pairs.get(id.index()).is_some_and(|pair| pair.memory.phase != Phase::Flat);
            if let Some(pair) = pair_mut(state, *id) {
                pair.market.ends_at = Some(*at);
                pair.delisting = *cause == EndCause::Delisting;
            }
            if held && *cause == EndCause::Delisting {
                out.push(alarm(AlarmKind::TradingEnds, Severity::Warning, Some(*id), None));
            }
        }
        Event::LastChance { pair } => {
            if let Some(pair) = pair_mut(state, *pair) {
                pair.last_chance = true;
                pair.dirty = true;
            }
        }
        _ => {}
    }
}
