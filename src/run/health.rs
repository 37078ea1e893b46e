//! How far each venue of a live run can be reached, part by part and use by use.
//!
//! Entries need every part; an order that lowers risk needs a host that answers and a clock. Before the first lists have
//! agreed with the ledger nothing is sent at all (rule R-D): until then it is not known what is held. A host that answers and
//! whose lists do not come is waited for a bounded time only: legs that are unequal by our own executions are not left so for
//! want of a list. What each part forbids is the core's (`engine/health.rs`). Tests: at the end, `tests/live.rs`.

use super::journal::Journal;
use super::live::{Desk, Live};
use crate::control::latency::Latency;
use crate::domain::{Market, Span, VenueId, WallTime};
use crate::net::wire::Outcome as Came;
use crate::planted::{self, Bug};
use crate::port::Event;
use crate::port::health::Part;
use crate::store::JournalError;
use crate::venues::answer::Until;
use crate::venues::binance::account::Stream;
use std::time::Duration;

/// Lists older than this are no lists.
const LISTS_AGE: Span = Span::seconds(150);
/// So long after a start the first complete lists are waited for, once the host answers, and so long the second look at a
/// difference.
const FIRST_LISTS: Span = Span::seconds(20);
/// Requests in a row without an answer, over at least this time, that make a host one that does not answer.
const SILENT: (u32, Span) = (3, Span::seconds(10));
/// While no host answers it is asked this often: a venue that is back is to be known at once.
const KNOCK: Span = Span::seconds(5);

/// What is remembered of a venue's answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    /// That somebody else seems to answer was said.
    distrusted: bool,
    /// When one came last.
    heard: Option<WallTime>,
    /// When the first one came.
    first: Option<WallTime>,
    /// Requests without an answer since then, and when the first of them ended.
    silent: u32,
    since: Option<WallTime>,
    knocked: Option<WallTime>,
    /// What was told to the core last.
    told: Option<(bool, Vec<Part>)>,
    /// Messages refused for their event time, as the log has them.
    mistimed: u64,
    /// From signing to the answer.
    pub(super) trips: Latency,
}

impl Answers {
    /// A request ended.
    pub(super) fn note(&mut self, came: &Came, now: WallTime) {
        match came {
            // A refusal is an answer too: who refuses is there.
            Came::Answered { .. } => {
                (self.heard, self.silent, self.since) = (Some(now), 0, None);
                self.distrusted = false;
                self.first.get_or_insert(now);
            }
            // Held back by our own budget: it says nothing of the venue.
            Came::NotSent { limited: true, .. } => {}
            Came::NotSent { untrusted: Some(why), .. } if !std::mem::replace(&mut self.distrusted, true) => {
                tracing::error!(why, "nothing is sent to who answers in the venue's place");
                self.note(came, now);
            }
            Came::NotSent { limited: false, .. } | Came::NoAnswer => {
                self.silent = self.silent.saturating_add(1);
                self.since.get_or_insert(now);
            }
        }
    }

    /// The same of one that was signed at that time.
    pub(super) fn answered(&mut self, came: &Came, signed: Option<WallTime>, now: WallTime) {
        self.note(came, now);
        if let (Came::Answered { .. }, Some(signed)) = (came, signed) {
            self.trips.note(took(signed, now));
        }
    }

    /// Whether the first lists were waited for long enough.
    fn waited(&self, now: WallTime) -> bool {
        self.first.is_some_and(|first| now.since(first) >= FIRST_LISTS)
    }

    fn answers(&self, now: WallTime) -> bool {
        let (most, over) = SILENT;
        let lost = self.silent >= most && self.since.is_some_and(|since| now.since(since) >= over);
        self.heard.is_some() && !lost
    }
}

/// From signing to the answer; nothing where the clock was set back meanwhile.
pub(super) fn took(signed: WallTime, now: WallTime) -> Duration {
    Duration::from_millis(u64::try_from(now.since(signed).0).unwrap_or(0))
}

/// How long a limit without a time is known: the venue's windows are of a minute.
const LIMITED: Span = Span::MINUTE;

impl Desk {
    /// What a person must be told of a request that the venue would not have: once each time that it asked us to keep still, and
    /// again when it makes a ban of it (faults D07, L28).
    pub(super) fn limited(&mut self, came: &Came, now: WallTime) -> Option<Event> {
        let Came::Answered { result: Err(refused), .. } = came else { return None };
        let banned = refused.status == 418;
        if !(banned || matches!(refused.status, 429 | 403)) {
            return None;
        }
        let named = refused.until.map(|until| match until {
            Until::Seconds(seconds) => {
                now + Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000).min(259_200))
            }
            Until::At(at) => at.max(now),
        });
        if self.limited.is_some_and(|(until, as_ban)| now < until && (as_ban || !banned)) {
            return None;
        }
        self.limited = Some((named.unwrap_or(now).max(now + LIMITED), banned));
        Some(Event::Limited { venue: self.venue, banned, until: named })
    }

    /// Parts that do not work now.
    fn missing(&self, now: WallTime) -> Vec<Part> {
        let lists = self.agreed.is_some_and(|agreed| now.since(agreed) <= LISTS_AGE);
        let (_, mistimed) = self.feed.mistimed();
        let parts = [
            (self.answers.answers(now), Part::Host),
            (self.wire.clock_known(), Part::Clock),
            (self.feed.sees(Market::Spot), Part::SpotMarket),
            (self.feed.sees(Market::Perp), Part::PerpMarket),
            (self.account.is_stream_open(Stream::Spot), Part::SpotAccount),
            (self.account.is_stream_open(Stream::Perp), Part::PerpAccount),
            (lists, Part::Lists),
            (!mistimed, Part::Times),
        ];
        parts.into_iter().filter(|(works, _)| !works).map(|(_, part)| part).collect()
    }

    /// Whether everything works, as far as was told to the core.
    pub(super) fn is_whole(&self) -> bool {
        self.answers.told.as_ref().is_some_and(|(reachable, missing)| *reachable && missing.is_empty())
    }
}

impl<J: Journal> Live<J> {
    /// The name of a venue, for the log.
    pub(super) fn name_of(&self, venue: VenueId) -> &'static str {
        self.desks.iter().find(|desk| desk.venue == venue).map_or("", |desk| desk.wire.profile().name)
    }

    /// Tells the core what works at a venue, when that has changed.
    pub(super) fn health(&mut self, place: usize, now: WallTime) -> Result<(), JournalError> {
        let Some(desk) = self.desks.get_mut(place) else { return Ok(()) };
        desk.feed.clock(desk.wire.offset().map(|offset| (offset.offset, offset.error)));
        let (mistimed, _) = desk.feed.mistimed();
        if mistimed > desk.answers.mistimed {
            let venue = desk.wire.profile().name;
            tracing::error!(
                venue,
                count = mistimed,
                "event times of the venue are far off: what carries them is refused"
            );
            desk.answers.mistimed = mistimed;
        }
        if !desk.answers.answers(now) && desk.answers.knocked.is_none_or(|at| now.since(at) >= KNOCK) {
            desk.answers.knocked = Some(now);
            desk.wire.measure_clock();
        }
        let missing = desk.missing(now);
        let doubts = desk.suspects().is_some_and(|since| now.since(since) < FIRST_LISTS);
        let known = desk.agreed.is_some() || desk.answers.waited(now) && !doubts;
        let stops = |part: &Part| part.stops_reduces() || planted::is(Bug::AllOrNothing);
        let reachable = known && !missing.iter().any(stops);
        let told = Some((reachable, missing.clone()));
        if desk.answers.told == told {
            return Ok(());
        }
        let words: Vec<&str> = missing.iter().map(|part| part.as_str()).collect();
        let venue = desk.wire.profile().name;
        tracing::warn!(venue, reachable, missing = ?words, "what works at the venue has changed");
        desk.answers.told = told;
        let venue = desk.venue;
        self.driver.fact(now, Event::VenueHealth { venue, reachable, missing }, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l02_a_host_counts_as_silent_after_several_requests_and_some_time_and_a_refusal_is_an_answer() {
        let at = |seconds| WallTime(0) + Span::seconds(seconds);
        let mut answers = Answers::default();
        assert!(!answers.answers(at(0)), "nothing came yet");
        let refused = || Came::Answered {
            result: Err(crate::venues::answer::Refused {
                class: crate::venues::answer::Class::Unknown,
                status: 500,
                code: None,
                text: String::new(),
                until: None,
            }),
            body: Vec::new(),
        };
        answers.note(&refused(), at(0));
        assert!(answers.answers(at(1)), "a list that answers 500 does not stop hedges");
        for second in 1..=3 {
            answers.note(&Came::NoAnswer, at(second));
        }
        assert!(answers.answers(at(10)), "three at once are one cut");
        assert!(!answers.answers(at(11)));
        assert!(!answers.waited(at(19)) && answers.waited(at(20)), "the first lists are waited for so long");
        answers.note(&Came::NotSent { limited: true, untrusted: None }, at(12));
        answers.note(&refused(), at(13));
        assert!(answers.answers(at(60)));
    }
}
