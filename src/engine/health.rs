//! Facts about how far a venue can be reached and what its lists say of positions, and what a missing part forbids.
//!
//! Entries need every part. What lowers risk or inequality needs a host that answers and a clock; a lost account stream or
//! a list that fails stops entries alone (finding of one boolean for all). Nothing here decides to trade. Tests: at the end
//! of `standing.rs` and in `tests/suite/belief.rs`.

use super::apply::{alarm, venue_alarm};
use super::state::{State, VenueState};
use crate::domain::{Amount, InstrumentId, Leg, Span, VenueId, WallTime};
use crate::port::command::{AlarmKind, Severity};
use crate::port::health::{Input, Listed, Part};
use crate::port::{Command, Event};

/// Margin that was asked for is measured in a list that came at least this long afterwards: an earlier one may be older.
const MEASURED_AFTER: Span = Span::seconds(2);
/// After a refusal margin is not asked for again at once.
const MARGIN_RETRY: Span = Span::seconds(10);

/// What the venues' lists said of a pair's positions last, and margin that is on its way into the short one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witness {
    /// The rows of the long and the short leg, and when each came.
    listed: [Option<(Listed, WallTime)>; 2],
    /// Margin that was sent to the position and not measured in it yet.
    pub adding: Option<(Amount, WallTime)>,
    /// Not before this time margin is asked for again.
    pub retry_at: Option<WallTime>,
    /// Since when the venue contradicts itself about the pair's prices, and when it did last.
    pub doubted: Option<(WallTime, WallTime)>,
    /// That a price jumped was said.
    pub jump_told: bool,
    /// That an input is missing was said.
    pub lack_told: bool,
    /// That an isolated position's margin is low was said.
    pub low_told: bool,
    /// Legs in which the venue takes no orders now.
    pub closed: Vec<Leg>,
    /// The leg of which the venue refused a reduce last, saying that what it reduces is not there.
    pub refused: Option<Leg>,
    /// When that was.
    pub refused_at: Option<WallTime>,
    /// When the long leg was traded last.
    pub traded: Option<WallTime>,
    /// When the venue itself closed a part of the position last, and what was told of it.
    pub acted: Option<(WallTime, AlarmKind)>,
}

impl Witness {
    /// What the list of a leg's venue said of its position last, and when it came.
    #[must_use]
    pub const fn listed(&self, leg: Leg) -> Option<(Listed, WallTime)> {
        let [long, short] = self.listed;
        match leg {
            Leg::Long => long,
            Leg::Short => short,
        }
    }

    const fn list(&mut self, leg: Leg, row: (Listed, WallTime)) {
        let [long, short] = &mut self.listed;
        match leg {
            Leg::Long => *long = Some(row),
            Leg::Short => *short = Some(row),
        }
    }
}

impl VenueState {
    /// Whether entries may be made as far as the way to the venue goes: everything works.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.down && self.missing.is_empty()
    }
}

/// A source says which inputs of gates it carries.
pub(super) fn on_declares(state: &mut State, venue: VenueId, inputs: &[Input]) {
    if let Some(venue) = state.venues.get_mut(venue.index()) {
        inputs.clone_into(&mut venue.declares);
    }
}

pub(super) fn on_health(state: &mut State, id: VenueId, (reachable, missing): (bool, &[Part]), out: &mut Vec<Command>) {
    let Some(venue) = state.venues.get_mut(id.index()) else { return };
    // At the boot itself nothing has been reached yet: that is no news.
    let booting = state.booted == Some(state.now);
    // With a position that is held a person must know, even where what lowers risk goes on.
    let severity = if state.active > 0 { Severity::Page } else { Severity::Warning };
    if !reachable && !venue.down && !booting {
        out.push(venue_alarm(AlarmKind::VenueDown, severity, id));
    }
    let lost = missing.iter().any(|part| !venue.missing.contains(part));
    if reachable && lost && !booting {
        let times = missing.contains(&Part::Times) && !venue.missing.contains(&Part::Times);
        let blind = missing.iter().any(|part| matches!(part, Part::SpotMarket | Part::PerpMarket | Part::Times));
        let kind = if times { AlarmKind::EventTime } else { AlarmKind::PartMissing };
        out.push(venue_alarm(kind, if blind { severity } else { Severity::Warning }, id));
    }
    venue.down = !reachable;
    venue.missing.clear();
    venue.missing.extend_from_slice(missing);
    super::apply::mark_venue_dirty(state, id);
}

/// What a person must know of a venue: another session of ours on the account, a limit that was hit, a ban.
pub(super) fn on_warned(state: &mut State, event: &Event, out: &mut Vec<Command>) {
    let now = state.now;
    match event {
        Event::OtherInstance { venue, instrument } => {
            let Some(known) = state.venues.get_mut(venue.index()) else { return };
            known.foreign = true;
            let pair = instrument.and_then(|one| state.catalogue.pair_of(one));
            out.push(match pair {
                Some(_) => alarm(AlarmKind::OtherInstance, Severity::Page, pair, None),
                None => venue_alarm(AlarmKind::OtherInstance, Severity::Page, *venue),
            });
        }
        Event::Limited { venue, banned, .. } => {
            let Some(known) = state.venues.get_mut(venue.index()) else { return };
            known.limited = Some(now);
            let (kind, severity) = if *banned {
                (AlarmKind::AddressBanned, Severity::Page)
            } else {
                (AlarmKind::RateLimited, Severity::Warning)
            };
            out.push(venue_alarm(kind, severity, *venue));
        }
        _ => {}
    }
}

/// The venue's own list of a position: a witness of its mark, and the measure of margin that was added.
pub(super) fn on_listed(state: &mut State, instrument: InstrumentId, listed: Listed, out: &mut Vec<Command>) {
    let now = state.now;
    let believed = state.position(instrument);
    for nth in 0..state.catalogue.legs_of(instrument).len() {
        let Some((id, leg)) = state.served(instrument, nth) else { continue };
        let Some(pair) = super::apply::pair_mut(state, id) else { continue };
        let witness = &mut pair.witness;
        witness.list(leg, (listed, now));
        if leg == Leg::Short && witness.adding.is_some_and(|(_, asked)| now.since(asked) >= MEASURED_AFTER) {
            witness.adding = None;
        }
        pair.dirty = true;
        super::latch::listed(pair, leg, (listed.coins == believed).then_some(now));
        super::trust::compare(state, id.index(), out);
    }
}

/// Orders in an instrument are taken, or not.
pub(super) fn on_trading(state: &mut State, instrument: InstrumentId, open: bool) {
    for (id, leg) in state.catalogue.legs_of(instrument) {
        let Some(pair) = state.pairs.get_mut(id.index()) else { continue };
        pair.witness.closed.retain(|closed| closed != leg);
        if !open {
            pair.witness.closed.push(*leg);
        }
        pair.dirty = true;
    }
}

/// The venue took margin for a position, or provably did not. What it took counts once the list shows it.
pub(super) fn on_margin_added(state: &mut State, instrument: InstrumentId, taken: bool, out: &mut Vec<Command>) {
    let now = state.now;
    for (id, _) in state.catalogue.legs_of(instrument) {
        let Some(pair) = state.pairs.get_mut(id.index()) else { continue };
        if !taken {
            pair.witness.adding = None;
            pair.witness.retry_at = Some(now + MARGIN_RETRY);
            out.push(alarm(AlarmKind::MarginNotAdded, Severity::Warning, Some(*id), None));
        }
        pair.dirty = true;
    }
}
