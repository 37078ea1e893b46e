//! The universe of a session on a real market: looked at after each start and at the first minute of each day.
//!
//! The pairs of a session are numbered when it starts, so a look changes which of them may be entered, and names those that the
//! session does not have, each once: a restart takes them. Until the first look none may be entered; a look that was not answered
//! whole changes nothing and is made again. A pair that a list does not have, or whose row cannot be read, stays as it was until
//! three looks said so: a list that was cut is no news of a pair. A pair that is out is closed by its rules. Tests: at the end of
//! this file and `tests/commands/universe_live.rs`.

use super::journal::Journal;
use super::listed::{Seen, VenueLook, judged};
use super::live::Live;
use super::shadow::Shadow;
use crate::domain::universe::{Outside, Verdict};
use crate::domain::{Catalogue, Span, Venue, VenueId, WallTime};
use crate::engine::State;
use crate::net::wire::{Asker, Outcome, Wire};
use crate::observe::words::About;
use crate::port::Event;
use crate::port::command::{Alarm, AlarmKind, Severity};
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
/// After a look that counts with questions unanswered.
const LATER: Span = Span::HOUR;
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
    /// Looks in a row in which a pair of the session, by its number, was missing, unreadable or not trading.
    doubts: BTreeMap<usize, u32>,
    /// Pairs that are admitted and not in the session.
    newcomers: BTreeSet<String>,
    /// All that were so since the start, and those of them that nobody was told of yet.
    noted: BTreeSet<String>,
    fresh: Vec<String>,
}

/// What the lists of the venues say of a pair.
enum Row {
    /// What keeps it out.
    Told(Option<Outside>),
    /// It stands in none.
    Missing,
    /// Its row cannot be read.
    Unread,
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
            doubts: BTreeMap::new(),
            newcomers: BTreeSet::new(),
            noted: BTreeSet::new(),
            fresh: Vec::new(),
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
        let gaps = self.looks.iter().any(VenueLook::has_gaps);
        if gaps && self.tries < TRIES {
            self.give_up(now);
            return Vec::new();
        }
        let looks = std::mem::take(&mut self.looks);
        let found = judged(&looks, &state.settings.universe);
        // Each later look counts at once as well: a pair that is out only because it is not known waits an hour, not a day.
        self.tries = if gaps { TRIES - 1 } else { 0 };
        self.meet(&found, &state.catalogue);
        let events = self.news((&looks, &found), &state.catalogue);
        let tomorrow = now.floor(Span::DAY) + Span::DAY;
        self.due = match (self.doubts.is_empty(), gaps) {
            (false, _) => tomorrow.min(now + AGAIN),
            (true, true) => tomorrow.min(now + LATER),
            (true, false) => tomorrow,
        };
        events
    }

    /// Pairs that are admitted and not in the session, by their names.
    #[must_use]
    pub fn newcomers(&self) -> Vec<String> {
        self.newcomers.iter().cloned().collect()
    }

    /// Those of them that nobody was told of yet; each is given once.
    pub fn fresh(&mut self) -> Vec<String> {
        std::mem::take(&mut self.fresh)
    }

    fn give_up(&mut self, now: WallTime) {
        tracing::warn!("the universe could not be looked at whole; it stays as it was, and is looked at again");
        self.looks.clear();
        self.asked.clear();
        self.due = now + AGAIN;
    }

    fn news(&mut self, (looks, found): (&[VenueLook], &[Seen]), catalogue: &Catalogue) -> Vec<Event> {
        let mut events = Vec::new();
        let mut now = Vec::with_capacity(catalogue.pairs().len());
        for (place, pair) in catalogue.pairs().iter().enumerate() {
            let row = match found.iter().find(|seen| seen.candidate.name == pair.name) {
                Some(seen) => Row::Told(seen.outside),
                None if looks.iter().any(|look| look.could_not_read(&pair.name)) => Row::Unread,
                None => Row::Missing,
            };
            let outside = self.verdict(place, &row);
            if self.told.get(place) != Some(&outside) {
                let reason = outside.map_or("all of [universe] holds", Outside::words);
                tracing::info!(pair = pair.name, inside = outside.is_none(), reason, "universe");
                events.extend(told((place, &outside)));
            }
            now.push(outside);
        }
        self.told = now;
        events
    }

    /// What counts of a pair now. That it is gone, or cannot be read, counts after so many looks in a row; that its trading is
    /// stopped at once, and it is looked at again soon too.
    fn verdict(&mut self, place: usize, row: &Row) -> Option<Outside> {
        let settled = match row {
            Row::Told(outside) if *outside != Some(Outside::NotTrading) => {
                self.doubts.remove(&place);
                return *outside;
            }
            Row::Told(_) | Row::Missing => Outside::NotTrading,
            Row::Unread => Outside::Unread,
        };
        let before = self.told.get(place).copied().unwrap_or(Some(Outside::NotLooked));
        let times = self.doubts.get(&place).copied().unwrap_or(0);
        if before == Some(settled) && times == 0 {
            return before;
        }
        if times + 1 >= TRIES {
            self.doubts.remove(&place);
            return Some(settled);
        }
        self.doubts.insert(place, times + 1);
        if matches!(row, Row::Told(_)) { Some(settled) } else { before }
    }

    /// Pairs that are admitted and that the session does not have.
    fn meet(&mut self, found: &[Seen], catalogue: &Catalogue) {
        let is_new = |seen: &&Seen| seen.outside.is_none() && catalogue.pair_named(&seen.candidate.name).is_none();
        self.newcomers = found.iter().filter(is_new).map(|seen| seen.candidate.name.clone()).collect();
        let fresh: Vec<String> = self.newcomers.difference(&self.noted).cloned().collect();
        if !fresh.is_empty() {
            tracing::info!(
                pairs = fresh.join(", "),
                "the universe admits pairs that this session does not have; a restart takes them"
            );
        }
        self.noted.extend(fresh.iter().cloned());
        self.fresh.extend(fresh);
    }
}

fn told((place, outside): (usize, &Option<Outside>)) -> Option<Event> {
    let pair = crate::domain::PairId(u16::try_from(place).ok()?);
    Some(Event::Universe(Verdict { pair, outside: *outside }))
}

/// The note about a pair that the session does not have. It names one that has no number here.
const fn admitted() -> Alarm {
    let (kind, severity) = (AlarmKind::PairAdmitted, Severity::Notice);
    Alarm { kind, severity, pair: None, venue: None, order: None }
}

fn about(pair: String) -> About {
    let venue = pair.split_once(':').map(|(venue, _)| venue.to_owned());
    About { pair: Some(pair), venue, ..About::default() }
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
        watch.fresh().into_iter().for_each(|pair| self.driver.tell(now, &admitted(), &about(pair)));
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
        watch.fresh().into_iter().for_each(|pair| self.driver.tell(now, &admitted(), &about(pair)));
        events.into_iter().try_for_each(|event| self.driver.market(now, event))
    }
}

#[cfg(test)]
#[path = "universe_watch_tests.rs"]
mod tests;
