//! What happens in a session as a stream of typed events for programs, `carry.event/1`: server-sent, each with an id from which a
//! program goes on without a hole and without anything twice.
//!
//! An id says how far the reader has come: fills and settlements of the ledger, and alarms of the process. The ledger's rows are
//! there for ever, so a reader may stay away as long as it likes; alarms are kept a hundred at a time and while their process
//! lives, and a hole among them is told. Tests: at the end, `tests/commands/feed.rs`.

use super::session::Session;
use super::view::View;
use crate::control::recent::Event as Alarm;
use crate::control::snapshot::Snapshot;
use crate::control::stops::Stop;
use crate::domain::WallTime;
use crate::report::run::{FillRow, FundingRow};
use axum::response::sse::Event;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use tokio::sync::watch;

const SCHEMA: &str = "carry.event/1";
/// Events that are made at once for one reader.
const BATCH: usize = 100;

/// One message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Message<'a> {
    /// Always `carry.event/1`.
    pub schema: &'static str,
    /// Name of the session in addresses.
    pub session: &'a str,
    /// What happened.
    #[serde(flatten)]
    pub told: Told<'a>,
}

/// What happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum Told<'a> {
    /// The state of the session: at the beginning, and whenever it is another one. It has no id.
    State(StateRow<'a>),
    /// An execution of ours, as booked.
    Fill(&'a FillRow),
    /// Funding that was paid on a position, as booked.
    Settlement(&'a FundingRow),
    /// An alarm; the same one again comes again with a higher count.
    Alarm(&'a Alarm),
    /// Alarms were raised and are no longer kept, or the process that the id is of has ended.
    Missed(Missed),
}

/// The state of a session.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StateRow<'a> {
    /// When, by the session's clock; absent where nothing is known.
    pub at_ms: Option<WallTime>,
    /// Whether a process answers.
    pub runs: bool,
    /// `ready`, `reduce_only`, `halted`, `no_process` and the like; `unknown` where nothing is known.
    pub state: &'a str,
    /// No entries by wish of a person.
    pub paused: bool,
    /// Every reason why less is done than could be.
    pub stops: &'a [Stop],
}

/// What a reader cannot be told any more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Missed {
    /// Alarms that went; 0 where nobody knows how many, because the process that raised them has ended.
    pub alarms: u64,
}

/// How far a reader has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    fills: usize,
    settlements: usize,
    /// The process whose alarms are counted, by its start.
    booted: i64,
    alarms: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.fills, self.settlements, self.booted, self.alarms)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(());
        let wrong = |_| ();
        let place = Self {
            fills: next()?.parse().map_err(wrong)?,
            settlements: next()?.parse().map_err(wrong)?,
            booted: next()?.parse().map_err(wrong)?,
            alarms: next()?.parse().map_err(wrong)?,
        };
        if parts.next().is_some() { Err(()) } else { Ok(place) }
    }
}

impl Place {
    /// After everything that a view shows.
    #[must_use]
    pub fn end(view: &View) -> Self {
        let result = view.history.as_ref().map(|history| &history.result);
        let now = view.snapshot.as_ref().filter(|_| view.runs);
        Self {
            fills: result.map_or(0, |result| result.fills.len()),
            settlements: result.map_or(0, |result| result.funding.len()),
            booted: now.and_then(|now| now.booted_ms).map_or(0, |at| at.0),
            alarms: now.map_or(0, newest),
        }
    }
}

/// Number of the latest alarm.
fn newest(now: &Snapshot) -> u64 {
    now.events.first().map_or(0, |alarm| alarm.number)
}

/// One who follows.
pub struct Reader {
    session: Arc<Session>,
    views: watch::Receiver<Arc<View>>,
    place: Option<Place>,
    /// The state that it was told last.
    state: Option<String>,
    seen: u64,
    /// Whether the view that it has seen holds more than it was told.
    more: bool,
    ready: VecDeque<Event>,
}

impl Reader {
    /// From a place; from what happens next without one.
    #[must_use]
    pub fn new(session: &Arc<Session>, place: Option<Place>) -> Self {
        let views = session.follow();
        let (session, ready) = (Arc::clone(session), VecDeque::new());
        Self { session, views, place, state: None, seen: 0, more: false, ready }
    }

    /// The next event.
    pub async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            let seen = if self.more { 0 } else { self.seen };
            let view = super::live::newer(&self.session, &mut self.views, seen).await?;
            self.seen = view.number;
            let from = self.place.unwrap_or_else(|| Place::end(&view));
            self.tell_state(&view);
            let (place, more) = tell(&view, from, &mut self.ready);
            (self.place, self.more) = (Some(place), more);
        }
    }

    fn tell_state(&mut self, view: &View) {
        let row = match &view.snapshot {
            Some(now) => StateRow {
                at_ms: Some(now.at_ms),
                runs: view.runs,
                state: &now.state,
                paused: now.paused,
                stops: &now.stops,
            },
            None => StateRow { at_ms: None, runs: view.runs, state: "unknown", paused: false, stops: &[] },
        };
        let key = format!("{} {} {} {:?}", row.runs, row.state, row.paused, row.stops);
        if self.state.as_ref() != Some(&key) {
            self.state = Some(key);
            push(view, Told::State(row), None, &mut self.ready);
        }
    }
}

/// Everything after a place, as far as a batch goes; where that ends, and whether there is more.
fn tell(view: &View, from: Place, ready: &mut VecDeque<Event>) -> (Place, bool) {
    let mut place = from;
    if let Some(history) = &view.history {
        let result = &history.result;
        // An id of a past that this ledger does not have.
        (place.fills, place.settlements) =
            (place.fills.min(result.fills.len()), place.settlements.min(result.funding.len()));
        for fill in result.fills.iter().skip(place.fills).take(BATCH) {
            place.fills += 1;
            push(view, Told::Fill(fill), Some(place), ready);
        }
        for row in result.funding.iter().skip(place.settlements).take(BATCH) {
            place.settlements += 1;
            push(view, Told::Settlement(row), Some(place), ready);
        }
        if place.fills < result.fills.len() || place.settlements < result.funding.len() {
            return (place, true);
        }
    }
    if let Some(now) = view.snapshot.as_ref().filter(|_| view.runs) {
        alarms(view, now, &mut place, ready);
    }
    (place, false)
}

fn alarms(view: &View, now: &Snapshot, place: &mut Place, ready: &mut VecDeque<Event>) {
    let booted = now.booted_ms.map_or(0, |at| at.0);
    if place.booted != booted {
        // Alarms of a process are counted from its start; what an ended one raised after this place is not known any more.
        let known = std::mem::replace(place, Place { booted, alarms: 0, ..*place }).booted;
        if known != 0 {
            push(view, Told::Missed(Missed { alarms: 0 }), Some(*place), ready);
        }
    }
    let fresh: Vec<&Alarm> = now.events.iter().rev().filter(|alarm| alarm.number > place.alarms).collect();
    // A repeated alarm takes the number of its last time, so that numbers between two rows may belong to the later one.
    let first = fresh.first().map_or(place.alarms, |alarm| alarm.number.saturating_sub(alarm.count));
    if let Some(missed) = first.checked_sub(place.alarms).filter(|missed| *missed > 0) {
        push(view, Told::Missed(Missed { alarms: missed }), None, ready);
    }
    for alarm in fresh {
        place.alarms = alarm.number;
        push(view, Told::Alarm(alarm), Some(*place), ready);
    }
}

fn push(view: &View, told: Told<'_>, place: Option<Place>, ready: &mut VecDeque<Event>) {
    let name = match told {
        Told::State(_) => "state",
        Told::Fill(_) => "fill",
        Told::Settlement(_) => "settlement",
        Told::Alarm(_) => "alarm",
        Told::Missed(_) => "missed",
    };
    let message = Message { schema: SCHEMA, session: &view.slug, told };
    let Ok(event) = Event::default().event(name).json_data(message) else { return };
    ready.push_back(match place {
        Some(place) => event.id(place.to_string()),
        None => event,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    #[test]
    fn alarms_of_a_process_that_ended_are_said_to_be_missed_once() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut now = Snapshot::of(&state, START);
        now.booted_ms = Some(WallTime(2));
        let view = View { runs: true, snapshot: Some(now), ..View::nothing("s", std::path::Path::new("s")) };
        let told = |place: Place| {
            let mut ready = VecDeque::new();
            let (place, _) = tell(&view, place, &mut ready);
            (ready.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>(), place)
        };
        let left = Place { booted: 1, alarms: 7, ..Place::default() };
        let (events, place) = told(left);
        assert!(events.len() == 1 && events[0].contains("missed") && events[0].contains("0.0.2.0"), "{events:?}");
        assert_eq!(told(place), (Vec::new(), place), "once");
        assert_eq!(told(Place::default()).0, Vec::<String>::new(), "who came before any process missed none");
    }

    #[test]
    fn a_place_reads_back_and_what_is_none_is_refused() {
        let place = Place { fills: 3, settlements: 0, booted: 1_748_736_000_000, alarms: 7 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "1", "1.2.3", "1.2.3.4.5", "a.b.c.d", "-1.0.0.0", "1.2.3.x"] {
            assert_eq!(text.parse::<Place>(), Err(()), "{text}");
        }
    }
}
