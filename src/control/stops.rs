//! The derived state of a session in words: what it may do now, each reason why it may do less, and the command that clears it.
//!
//! The reasons are the engine's own (`engine/standing.rs`); here they only get sentences, so that status, pairs, the page and
//! alarms say the same. Tests: at the end, and `tests/commands/live_views.rs`.

use crate::domain::{Leg, PairId, Span, VenueId, WallTime};
use crate::engine::State;
use crate::engine::standing::{Input, Reason, Standing, Why};
use crate::observe::words::{self, About};
use serde::{Deserialize, Serialize};

/// One reason why less is done than could be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stop {
    /// The word of the reason.
    pub why: String,
    /// Name of the venue, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub venue: Option<String>,
    /// Name of the pair, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pair: Option<String>,
    /// Since when, when that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since_ms: Option<WallTime>,
    /// What it means, in a few words.
    pub text: String,
    /// What clears it; absent when it passes by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clear: Option<String>,
}

/// Words of the reasons that are told beside the state and stop no entry.
const BESIDE: [&str; 2] = ["coins_stuck", "margin_low"];

impl Stop {
    /// Whether it stops entries, or is only told beside them.
    #[must_use]
    pub fn stops_entries(&self) -> bool {
        !BESIDE.contains(&self.why.as_str())
    }
}

/// The word of the state, and the reasons in the order in which a person should read them.
#[must_use]
pub fn of(state: &State) -> (String, Vec<Stop>) {
    let standing = Standing::of(state);
    let stops = standing.reasons.iter().map(|reason| stop(state, reason)).collect();
    (word(&standing.state), stops)
}

/// The same of a session whose process is gone: what only a market says is not among them, and what is open stands first.
#[must_use]
pub fn without_process(state: &State, at: WallTime, start: &str) -> Vec<Stop> {
    let open: Vec<String> = state
        .pairs
        .iter()
        .filter_map(|pair| {
            let (spot, perp) = state.held(pair);
            let since = pair.memory.entered_at.map_or_else(String::new, |at| format!(" since {at}"));
            let held = !(spot.is_zero() && perp.is_zero());
            held.then(|| format!("{} (spot {spot}, perp {perp}){since}", pair.pair.name))
        })
        .collect();
    let stands = if open.is_empty() {
        "nothing stands open by the ledger".to_owned()
    } else {
        format!("nobody hedges, tops up or closes what stands open: {}", open.join(", "))
    };
    let mut stops = vec![Stop {
        why: NO_PROCESS.to_owned(),
        venue: None,
        pair: None,
        since_ms: Some(at),
        text: format!("no process runs for this folder; {stands}"),
        clear: Some(start.to_owned()),
    }];
    let durable = |reason: &&Reason| {
        matches!(reason.why, Why::Halted | Why::DayLoss | Why::Paused | Why::Barred | Why::Foreign | Why::Differs)
            || matches!(reason.why, Why::Latched { .. })
    };
    stops.extend(Standing::of(state).reasons.iter().filter(durable).map(|reason| stop(state, reason)));
    stops
}

/// The state of a session whose process exists and does not answer.
pub const NO_ANSWER: &str = "no_answer";

/// The same reasons where a process exists that does not answer; `since` by the machine's clock, where it was heard before.
pub fn without_answer(stops: &mut Vec<Stop>, process: Option<i32>, since: Option<WallTime>) {
    stops.retain(|stop| stop.why != NO_PROCESS && stop.why != NO_ANSWER);
    let of = process.map_or_else(|| "its process".to_owned(), |id| format!("process {id}"));
    let since = since.map_or_else(String::new, |at| format!(" since {} UTC", clock(at)));
    let stop = Stop {
        why: NO_ANSWER.to_owned(),
        venue: None,
        pair: None,
        since_ms: None,
        text: format!("{of} exists and does not answer{since}; what is shown is of before, and nobody knows of now"),
        // What a terminal or a debugger stopped goes on by that; to any other process it does nothing.
        clear: Some(process.map_or_else(|| "carry doctor".to_owned(), |id| format!("kill -CONT {id}"))),
    };
    stops.insert(0, stop);
}

/// Time of day to the second, UTC.
fn clock(at: WallTime) -> String {
    let text = at.floor(Span::seconds(1)).to_string();
    text.split_once('T').map_or(text.clone(), |(_, time)| time.trim_end_matches('Z').to_owned())
}

/// The state of a session whose process is gone.
pub const NO_PROCESS: &str = "no_process";

fn stop(state: &State, reason: &Reason) -> Stop {
    let venue = reason.venue.and_then(|id| venue_name(state, id));
    let pair = reason.pair.and_then(|id| pair_name(state, id));
    let about = About { pair: pair.clone(), venue: venue.clone(), ..About::default() };
    let clear = clears(state, reason, &about);
    let (why, text) = (word_of(reason.why), text(state, reason));
    Stop { why, venue: venue.filter(|_| pair.is_none()), pair, since_ms: reason.since, text, clear }
}

fn venue_name(state: &State, id: VenueId) -> Option<String> {
    state.catalogue.venues().get(id.index()).map(ToString::to_string)
}

fn pair_name(state: &State, id: PairId) -> Option<String> {
    state.pair(id).map(|pair| pair.pair.name.clone())
}

/// What the reason means; of those that have an alarm, in the alarm's words.
fn text(state: &State, reason: &Reason) -> String {
    let pair = reason.pair.and_then(|id| state.pair(id));
    let leg = |leg: Leg| pair.map_or("", |pair| pair.pair.market(leg).as_str());
    match reason.why {
        Why::Starting => "the venue's lists are being read and compared: nothing is sent".to_owned(),
        Why::Ending => "the session is ending: nothing is entered".to_owned(),
        Why::Paused => "a person paused entries".to_owned(),
        Why::Missing { part } => format!("this part of the way to the venue does not work: {}", part.as_str()),
        Why::NoPrice { leg: of } => format!("there is no price of the {} leg yet", leg(of)),
        Why::Stale { leg: of } => format!("the price of the {} leg is older than gates.max_age", leg(of)),
        Why::NoInput { input } => format!("{} is not known, and a gate needs it", input_word(input)),
        Why::FeesUnvalued => "fees were taken in a coin whose price is not known, so the day's loss is not".to_owned(),
        Why::Latched { cause } => format!("{}: no entries of this pair", cause.as_str()),
        Why::MarginLow => {
            "the distance to liquidation fell below margin.warn, and is not half of the way back to margin.target"
                .to_owned()
        }
        Why::NotTrading { leg: of } => format!("the venue takes no orders in the {} leg now", leg(of)),
        why => words::words(why.kind()).0.to_owned(),
    }
}

const fn input_word(input: Input) -> &'static str {
    match input {
        Input::Peg => "the price of the quote coin against other dollars",
        Input::AdlRank => "the place in the ADL queue",
        Input::Mark => "the mark price",
        Input::Brackets => "the margin brackets",
    }
}

/// The command that clears it; `None` when it passes by itself.
fn clears(state: &State, reason: &Reason, about: &About) -> Option<String> {
    let clear_halt = || "carry clear-halt --reason TEXT".to_owned();
    Some(match reason.why {
        Why::Halted | Why::DayLoss | Why::Latched { .. } => clear_halt(),
        Why::Paused => "carry resume".to_owned(),
        Why::Barred => "carry keys test NAME, then carry clear-halt --reason TEXT".to_owned(),
        // As long as the books differ too, they come first: nothing waits for itself.
        Why::Foreign if reason.venue.and_then(|id| state.venue(id)).is_some_and(|venue| !venue.differs) => clear_halt(),
        Why::Foreign => "carry reconcile, then carry clear-halt --reason TEXT".to_owned(),
        Why::Differs => "carry reconcile".to_owned(),
        Why::MarginLow => "bring quote coin to the venue, or carry close PAIR".to_owned(),
        Why::NoInput { .. } | Why::FeesUnvalued | Why::DiskShort => words::typed(reason.kind, about, None),
        Why::Starting
        | Why::Ending
        | Why::Unreachable
        | Why::Missing { .. }
        | Why::CollateralUnknown
        | Why::CoinsStuck
        | Why::NoPrice { .. }
        | Why::Stale { .. }
        | Why::PriceDoubt
        | Why::TradingEnds
        | Why::NotTrading { .. } => return None,
    })
}

/// The word of a reason, as it stands in JSON.
fn word_of(why: Why) -> String {
    let value = serde_json::to_value(why).ok();
    value.and_then(|value| value.get("why")?.as_str().map(str::to_owned)).unwrap_or_default()
}

fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::port::event::Operator;
    use crate::port::{Event, Stamped};
    use crate::sim::Generator;
    use crate::sim::START;

    fn state(facts: &[Event]) -> State {
        let mut state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        for (event, number) in facts.iter().zip(1..) {
            let stamped = Stamped { sequence: crate::domain::Sequence(number), at: START, event: event.clone() };
            crate::engine::step(&mut state, &stamped, &mut Vec::new());
        }
        state
    }

    #[test]
    fn l23_every_stop_has_its_reason_and_the_command_that_clears_it() {
        let venue = VenueId(0);
        let boot = Event::Boot { epoch: 1, salt: 1 };
        let check = |fact: Event, why: &str, clear: &str| {
            let (word, stops) = of(&state(&[boot.clone(), fact]));
            assert_ne!(word, "ready", "{why}");
            let found = stops.iter().find(|stop| stop.why == why).unwrap_or_else(|| panic!("{why}: {stops:?}"));
            assert_eq!(found.clear.as_deref(), Some(clear), "{why}");
            assert!(!found.text.is_empty() && found.since_ms.is_some(), "{found:?}");
        };
        check(Event::Foreign { venue, instrument: None }, "foreign", "carry clear-halt --reason TEXT");
        check(Event::Barred { venue }, "barred", "carry keys test NAME, then carry clear-halt --reason TEXT");
        check(Event::Reconciled { venue, differences: 1, missing: Vec::new() }, "differs", "carry reconcile");
        check(Event::Operator(Operator::Pause), "paused", "carry resume");
        check(Event::Operator(Operator::Halt), "halted", "carry clear-halt --reason TEXT");
        // A foreign hand and a difference: the one is cleared before the other can be.
        let both = state(&[
            boot.clone(),
            Event::Foreign { venue, instrument: None },
            Event::Reconciled { venue, differences: 1, missing: Vec::new() },
        ]);
        let (_, stops) = of(&both);
        let foreign = stops.iter().find(|stop| stop.why == "foreign").unwrap();
        assert_eq!(foreign.clear.as_deref(), Some("carry reconcile, then carry clear-halt --reason TEXT"));
        let dead = without_process(&both, START, "carry live --state s");
        assert_eq!(dead[0].why, NO_PROCESS);
        assert!(dead.iter().any(|stop| stop.why == "foreign") && dead.iter().all(|stop| stop.why != "no_price"));
    }
}
