//! The core's prices with their witnesses: what `risk/belief.rs` is asked with, and what a doubt forbids.
//!
//! While a venue contradicts itself, or a price jumped that nobody has confirmed for a while, nothing is entered and nothing
//! is left by wish: what lowers risk goes on inside its collar. Inputs of gates that the source declared and does not give
//! are told here too. Tests: `tests/suite/belief.rs`.

use super::apply::alarm;
use super::health::Witness;
use super::state::{PairState, State};
use crate::config::settings::Missing;
use crate::domain::{Bps, Leg, Market, Price, Span, WallTime};
use crate::market::{InstrumentMarket, PairMarket};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::health::Input;
use crate::risk::belief::{AHEAD, Bounds, Doubt, LIST_AGE, Seen, Use, Witnesses};
use crate::strategy::view::Lacks;

/// A doubt ends when nothing contradicted for so long.
const CALM: Span = Span::seconds(30);
/// The peg and the rank come every half minute to a minute; some that fail are forgiven.
pub const INPUT_AGE: Span = Span(5 * 60_000);
/// After the boot inputs may take this long to come before anybody is told that they are missing.
const WARM_UP: Span = Span(2 * 60_000);
/// The basis between a book and the index may be so many times what two tellings of one mark may differ by.
const FAR: i64 = 3;

impl State {
    /// How old and how far apart prices may be.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        let gates = &self.settings.gates;
        let far = Bps::from_units(gates.mark_divergence.units().saturating_mul(FAR));
        Bounds {
            entry: gates.max_age,
            reduce: gates.reduce_age,
            list: LIST_AGE,
            ahead: AHEAD,
            apart: gates.mark_divergence,
            far,
        }
    }

    /// Whether a price of a leg may be used for an order.
    #[must_use]
    pub fn doubt(&self, pair: &PairState, leg: Leg, wanted: Use) -> Option<Doubt> {
        let mut witnesses = witnesses(pair, leg);
        if wanted == Use::Reduce && !pair.market.leg(leg).is_book() {
            // Bars are confirmed once a bar: their age says nothing of a source that stopped.
            let own = witnesses.own.map(|seen| Seen { at: self.now, ..seen });
            witnesses = Witnesses { own, ..witnesses };
        }
        witnesses.believe(wanted, self.now, &self.bounds()).err()
    }

    /// The mark of a leg's position for this use: where sources differ, the worse one for that leg.
    #[must_use]
    pub fn mark_for(&self, (pair, leg): (&PairState, Leg), wanted: Use) -> Option<Price> {
        witnesses(pair, leg).believe(wanted, self.now, &self.bounds()).ok()
    }

    /// Inputs of gates that the source declared and does not give now.
    #[must_use]
    pub fn lacks(&self, pair: &PairState) -> Lacks {
        let mut lacks = Lacks::default();
        for leg in Leg::BOTH {
            self.add_lacks(&mut lacks, (pair, leg));
        }
        lacks
    }

    /// Adds what a leg's venue declared of it and does not give.
    fn add_lacks(&self, lacks: &mut Lacks, (pair, leg): (&PairState, Leg)) {
        let Some(venue) = self.venue(pair.pair.venue(leg)).filter(|venue| !venue.declares.is_empty()) else { return };
        let declares = |input: Input| venue.declares.contains(&input);
        let old = |at: Option<WallTime>| at.is_none_or(|at| self.now.since(at) > INPUT_AGE);
        lacks.peg |= declares(Input::Peg) && old(self.pegs_at.get(&pair.pair.quote(leg)).copied());
        if pair.pair.market(leg) == Market::Spot {
            return;
        }
        let market = pair.market.leg(leg);
        let brackets = self.catalogue.instrument(pair.pair.leg(leg)).is_none_or(|perp| perp.brackets.is_empty());
        lacks.adl_rank |= declares(Input::AdlRank) && old(market.adl_at);
        lacks.mark |= declares(Input::Mark) && old(market.mark.map(|(_, at)| at));
        lacks.brackets |= declares(Input::Brackets) && brackets;
    }
}

impl Witness {
    /// Whether the venue contradicts itself about the pair's prices, or a price jumped that is not confirmed yet.
    #[must_use]
    pub fn is_doubted(&self, market: &PairMarket) -> bool {
        self.doubted.is_some() || market.long.jumped().is_some() || market.short.jumped().is_some()
    }
}

/// Everything that is known of a leg's price. Spot has no mark and no index: those of the short leg speak for it.
fn witnesses(pair: &PairState, leg: Leg) -> Witnesses {
    let book = |leg: Leg| {
        let market = pair.market.leg(leg);
        market.mid.map(|price| Seen { price, at: market.updated })
    };
    let told_by = if pair.pair.market(leg) == Market::Perp { leg } else { Leg::Short };
    let InstrumentMarket { mark, index, .. } = pair.market.leg(told_by);
    Witnesses {
        leg,
        own: book(leg),
        other: book(leg.other()),
        mark: mark.map(|(price, at)| Seen { price, at }),
        index: index.zip(*mark).map(|(price, (_, at))| Seen { price, at }),
        listed: pair.witness.listed(told_by).and_then(|(listed, at)| listed.mark.map(|price| Seen { price, at })),
    }
}

/// A mark or a list came: whether the venue contradicts itself now.
pub(super) fn compare(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let Some(pair) = state.pairs.get(place) else { return };
    let (now, id) = (state.now, pair.pair.id);
    let mut perps = Leg::BOTH.into_iter().filter(|leg| pair.pair.market(*leg) == Market::Perp);
    let found = perps.any(|leg| witnesses(pair, leg).contradiction(now, &state.bounds()).is_some());
    let Some(pair) = state.pairs.get_mut(place) else { return };
    let witness = &mut pair.witness;
    match (found, witness.doubted) {
        (true, None) => {
            witness.doubted = Some((now, now));
            out.push(alarm(AlarmKind::PriceDoubt, Severity::Page, Some(id), None));
        }
        (true, Some((since, _))) => witness.doubted = Some((since, now)),
        (false, Some((_, last))) if now.since(last) >= CALM => {
            witness.doubted = None;
            pair.dirty = true;
        }
        (false, _) => {}
    }
}

/// Tells, once, of a price that jumped and of inputs that are missing.
pub(super) fn tell(state: &mut State, out: &mut Vec<Command>) {
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get_mut(place) else { continue };
        let jumped = pair.market.long.jumped().is_some() || pair.market.short.jumped().is_some();
        let id = pair.pair.id;
        if jumped != pair.witness.jump_told {
            pair.witness.jump_told = jumped;
            pair.dirty = true;
            if jumped {
                out.push(alarm(AlarmKind::PriceDoubt, Severity::Page, Some(id), None));
            }
        }
    }
    let due = state.inputs_at.is_none_or(|at| state.now.since(at) >= Span::MINUTE);
    let warm = state.booted.is_some_and(|booted| state.now.since(booted) >= WARM_UP);
    if !due || !warm {
        return;
    }
    state.inputs_at = Some(state.now);
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get(place) else { continue };
        let (lacks, id) = (state.lacks(pair), pair.pair.id);
        let missing = lacks != Lacks::default();
        let severity = match state.settings.gates.missing {
            Missing::Refuse => Severity::Warning,
            Missing::Warn => Severity::Page,
        };
        let Some(pair) = state.pairs.get_mut(place) else { continue };
        if missing && !pair.witness.lack_told {
            out.push(alarm(AlarmKind::InputMissing, severity, Some(id), None));
        }
        pair.witness.lack_told = missing;
    }
}
