//! The universe of a session on a real market: looked at after each start and at the first minute of each day.
//!
//! The pairs of a session are numbered when it starts, so a look changes which of them may be entered, and names those that the
//! session does not have: a restart takes them. Until the first look none may be entered; a look that was not answered whole
//! changes nothing and is made again. A pair that is out is closed by its rules. Tests: `tests/commands/universe_live.rs`.

use super::journal::Journal;
use super::listed::{Seen, VenueLook, judged};
use super::live::Live;
use super::shadow::Shadow;
use crate::domain::universe::{Outside, Verdict};
use crate::domain::{Catalogue, Span, Venue, VenueId, WallTime};
use crate::engine::State;
use crate::net::wire::{Asker, Outcome, Wire};
use crate::port::Event;
use crate::store::JournalError;
use crate::venues::answer::Answer;
use crate::venues::ask::Ask;
use crate::venues::binance::account::CallId;
use std::collections::{BTreeMap, BTreeSet};

/// Questions on their way to one venue: its limits are shared with what lowers risk.
const AT_ONCE: usize = 4;
/// A look that failed, or takes so long, is made again.
const AGAIN: Span = Span(10 * 60_000);
const LONGEST: Span = Span::HOUR;
/// Looks in a row with a pair's own question unanswered; after them it counts as not known.
const TRIES: u32 = 3;

/// The daily look of one session.
#[derive(Debug)]
pub struct UniverseWatch {
    venues: Vec<(VenueId, Venue)>,
    looks: Vec<VenueLook>,
    began: WallTime,
    due: WallTime,
    tries: u32,
    asked: BTreeMap<CallId, (VenueId, Ask)>,
    next: CallId,
    /// What the core was told last, by number of the pair.
    told: Vec<Option<Outside>>,
    /// Pairs that are admitted and not in the session, as the log has them.
    newcomers: BTreeSet<String>,
}

impl UniverseWatch {
    /// Of a session whose pairs are those of the universe; none else.
    #[must_use]
    pub fn of(state: &State, now: WallTime) -> Option<Self> {
        state.settings.strategy.auto.then(|| Self {
            venues: state
                .catalogue
                .venues()
                .iter()
                .enumerate()
                .map(|(place, venue)| (VenueId(u8::try_from(place).unwrap_or(u8::MAX)), *venue))
                .collect(),
            looks: Vec::new(),
            began: now,
            due: now,
            tries: 0,
            asked: BTreeMap::new(),
            next: 0,
            told: Vec::new(),
            newcomers: BTreeSet::new(),
        })
    }

    /// Asks what is due; gives what the core is to be told now.
    fn look<'a>(&mut self, state: &State, wire: impl Fn(VenueId) -> Option<&'a Wire>, now: WallTime) -> Vec<Event> {
        let events = self.begin(state.pairs.len());
        for (venue, call, ask) in self.asks(&state.settings.universe, now) {
            if let Some(wire) = wire(venue) {
                wire.ask(Asker::Universe, call, ask);
            }
        }
        events
    }

    /// What the core is told before the first look.
    pub fn begin(&mut self, pairs: usize) -> Vec<Event> {
        let before = std::mem::replace(&mut self.told, vec![Some(Outside::NotLooked); pairs]);
        if before.len() == pairs {
            self.told = before;
            Vec::new()
        } else {
            self.told.iter().enumerate().filter_map(told).collect()
        }
    }

    /// What is to be asked now.
    pub fn asks(&mut self, rules: &crate::config::settings::Universe, now: WallTime) -> Vec<(VenueId, CallId, Ask)> {
        if !self.looks.is_empty() && now.since(self.began) > LONGEST {
            self.give_up(now);
        }
        if self.looks.is_empty() && now >= self.due {
            self.began = now;
            self.looks = self.venues.iter().map(|(_, venue)| VenueLook::new(*venue, rules.clone(), now)).collect();
        }
        let mut out = Vec::new();
        for ((id, _), look) in self.venues.iter().zip(&mut self.looks) {
            for ask in look.asks(AT_ONCE) {
                self.next += 1;
                self.asked.insert(self.next, (*id, ask.clone()));
                out.push((*id, self.next, ask));
            }
        }
        out
    }

    /// What an answer changes; `None` is none that can be used.
    pub fn answered(&mut self, call: CallId, answer: Option<Answer>, state: &State, now: WallTime) -> Vec<Event> {
        let Some((id, ask)) = self.asked.remove(&call) else { return Vec::new() };
        let place = self.venues.iter().position(|(venue, _)| *venue == id);
        let Some(look) = place.and_then(|place| self.looks.get_mut(place)) else { return Vec::new() };
        look.answered(&ask, answer);
        if look.has_failed() {
            self.give_up(now);
            return Vec::new();
        }
        if !self.looks.iter().all(VenueLook::is_whole) {
            return Vec::new();
        }
        self.tries += 1;
        if self.looks.iter().any(VenueLook::has_gaps) && self.tries < TRIES {
            self.give_up(now);
            return Vec::new();
        }
        let found = judged(&self.looks, &state.settings.universe);
        self.looks.clear();
        (self.tries, self.due) = (0, now.floor(Span::DAY) + Span::DAY);
        self.news(&found, &state.catalogue)
    }

    fn give_up(&mut self, now: WallTime) {
        tracing::warn!("the universe could not be looked at whole; it stays as it was, and is looked at again");
        self.looks.clear();
        self.asked.clear();
        self.due = now + AGAIN;
    }

    fn news(&mut self, found: &[Seen], catalogue: &Catalogue) -> Vec<Event> {
        let verdict = |name: &str| match found.iter().find(|seen| seen.candidate.name == name) {
            Some(seen) => seen.outside,
            None => Some(Outside::NotTrading),
        };
        let now: Vec<Option<Outside>> = catalogue.pairs().iter().map(|pair| verdict(&pair.name)).collect();
        let mut events = Vec::new();
        for (place, (outside, pair)) in now.iter().zip(catalogue.pairs()).enumerate() {
            if self.told.get(place) != Some(outside) {
                let reason = outside.map_or("all of [universe] holds", Outside::words);
                tracing::info!(pair = pair.name, inside = outside.is_none(), reason, "universe");
                events.extend(told((place, outside)));
            }
        }
        self.told = now;
        let is_new = |seen: &&Seen| seen.outside.is_none() && catalogue.pair_named(&seen.candidate.name).is_none();
        let newcomers: BTreeSet<String> = found.iter().filter(is_new).map(|seen| seen.candidate.name.clone()).collect();
        if !newcomers.is_subset(&self.newcomers) {
            let pairs: Vec<&str> = newcomers.iter().map(String::as_str).collect();
            tracing::warn!(
                pairs = pairs.join(", "),
                "the universe admits pairs that this session does not have; a restart takes them"
            );
        }
        self.newcomers = newcomers;
        events
    }
}

fn told((place, outside): (usize, &Option<Outside>)) -> Option<Event> {
    let pair = crate::domain::PairId(u16::try_from(place).ok()?);
    Some(Event::Universe(Verdict { pair, outside: *outside }))
}

/// An answer that can be used.
fn usable(outcome: Outcome) -> Option<Answer> {
    match outcome {
        Outcome::Answered { result, .. } => result.ok(),
        Outcome::NotSent { .. } | Outcome::NoAnswer => None,
    }
}

impl<J: Journal> Live<J> {
    /// The daily look: what is due is asked.
    pub(super) fn look_at_universe(&mut self, now: WallTime) -> Result<(), JournalError> {
        let Some(watch) = self.universe.as_mut() else { return Ok(()) };
        let wire = |id| self.desks.iter().find(|desk| desk.venue == id).map(|desk| &*desk.wire);
        let events = watch.look(&self.driver.state, wire, now);
        events.into_iter().try_for_each(|event| self.driver.market(now, event))
    }

    /// An answer to it.
    pub(super) fn on_universe(&mut self, call: CallId, outcome: Outcome, now: WallTime) -> Result<(), JournalError> {
        let Some(watch) = self.universe.as_mut() else { return Ok(()) };
        let events = watch.answered(call, usable(outcome), &self.driver.state, now);
        events.into_iter().try_for_each(|event| self.driver.market(now, event))
    }
}

impl<J: Journal> Shadow<J> {
    /// The daily look: what is due is asked.
    pub(super) fn look_at_universe(&mut self, now: WallTime) -> Result<(), JournalError> {
        let Some(watch) = self.universe.as_mut() else { return Ok(()) };
        let wire = |id| self.stands.iter().find(|stand| stand.venue == id).map(|stand| &*stand.wire);
        let events = watch.look(&self.driver.state, wire, now);
        events.into_iter().try_for_each(|event| self.driver.market(now, event))
    }

    /// An answer to it.
    pub(super) fn on_universe(&mut self, call: CallId, outcome: Outcome, now: WallTime) -> Result<(), JournalError> {
        let Some(watch) = self.universe.as_mut() else { return Ok(()) };
        let events = watch.answered(call, usable(outcome), &self.driver.state, now);
        events.into_iter().try_for_each(|event| self.driver.market(now, event))
    }
}
