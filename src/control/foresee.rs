//! What an act would come to, before anybody agrees to it: the core itself decides on a copy of its state.
//!
//! So a plan refuses what the act would refuse, for the same reason, with the limit, what stands there and what would be taken.
//! An act that would change nothing is refused by what stops the session, which page and terminal know too.
//! Nothing of the session is changed. Tests: at the end of this file and `tests/commands/control.rs`.

use super::request::{Code, ControlError, Verb};
use super::stops::Stop;
use crate::domain::money::grouped;
use crate::domain::{Amount, Leg, PairId, WallTime};
use crate::engine::{self, PairState, State, entry};
use crate::port::event::{Adoption, Operator};
use crate::port::order::Reason;
use crate::port::{Event, Stamped};
use crate::risk::gate::BotState;

/// Words of the reasons that clearing a halt clears.
const CLEARED: [&str; 5] = ["halted", "day_loss", "latched", "barred", "foreign"];

/// Why an act without orders would change nothing now, and what stops entries instead; `None` where it would change something.
/// To pause or to halt once more is never refused: who wants less risk is not told no.
#[must_use]
pub fn idle(verb: Verb, paused: bool, stops: &[Stop]) -> Option<String> {
    let why = match verb {
        Verb::Resume if !paused => "entries are not paused",
        Verb::ClearHalt if !stops.iter().any(|stop| CLEARED.contains(&stop.why.as_str())) => "nothing is halted",
        _ => return None,
    };
    let stops_all = |stop: &&Stop| stop.pair.is_none() && stop.stops_entries();
    let other = stops.iter().find(stops_all).map_or_else(String::new, |stop| {
        let clear = stop.clear.as_ref().map_or_else(String::new, |clear| format!("; type: {clear}"));
        format!("; what stops entries is something else: {}{clear}", stop.text)
    });
    Some(format!("{why}{other}"))
}

/// What became of an adoption, by the pair after it.
///
/// # Errors
/// Why it was not adopted.
pub fn adopted(pair: Option<&PairState>) -> Result<(), ControlError> {
    let declined = pair.and_then(|pair| pair.declined);
    declined.map_or(Ok(()), |why| Err(ControlError::new(Code::Refused, format!("not adopted: {why}"))))
}

/// Whether a pair would take over what is there now.
///
/// # Errors
/// [`ControlError`] with the reason that the act itself would give.
pub fn adopting(state: &State, adoption: &Adoption, now: WallTime) -> Result<(), ControlError> {
    adopted(after(state, Operator::Adopt(*adoption), now).pair(adoption.pair))
}

/// The state after a person's act; the one that is given stays as it is.
fn after(state: &State, act: Operator, now: WallTime) -> State {
    let mut after = state.clone();
    let sequence = crate::domain::Sequence(state.sequence.0 + 1);
    let event = Event::Operator(act);
    engine::step(&mut after, &Stamped { sequence, at: now.max(state.now), event }, &mut Vec::new());
    after
}

/// What became of an opening, by the state after it.
///
/// # Errors
/// Why it was not begun.
pub fn opened(pair: &PairState) -> Result<&'static str, String> {
    let memory = &pair.memory;
    let begun = memory.reason == Some(Reason::Operator) && !memory.closing && !memory.target.is_zero();
    if memory.ordered.is_some() {
        return Ok("waits for money that moves between the wallets");
    }
    if begun && pair.declined.is_none() {
        return Ok("begun");
    }
    Err(pair.refused().unwrap_or_else(|| "the core wants no order now".to_owned()))
}

/// Whether an opening would be begun now.
///
/// # Errors
/// [`ControlError`] with the reason that the act itself would give, the limit that is the least, and what would be taken.
pub fn opening(state: &State, (id, notional): (PairId, Amount), now: WallTime) -> Result<(), ControlError> {
    // Then the core keeps what was wanted for later, and decides nothing.
    let later = match state.bot {
        BotState::Halted => Some("the session is halted; first clear it: carry clear-halt --reason TEXT"),
        BotState::Starting => Some("the session has not started yet; ask again when it is ready"),
        BotState::Ready | BotState::ReduceOnly => None,
    };
    if let Some(why) = later {
        return Err(ControlError::new(Code::Refused, format!("not opened: {why}")));
    }
    let after = after(state, Operator::Open { pair: id, notional }, now);
    let came = after.pair(id).map(opened);
    match came {
        Some(Err(why)) => Err(ControlError::new(Code::Refused, refusal(state, (id, notional), &why))),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// The reason; where it is the size, with the limit and the sizes that would be taken.
#[must_use]
pub fn refusal(state: &State, (id, notional): (PairId, Amount), why: &str) -> String {
    let sizes = || {
        let (pair, allowed) = (state.pair(id)?, entry::allowed(state, id)?);
        if notional <= allowed.most && notional >= allowed.least {
            return None;
        }
        let quote = pair.pair.quote(Leg::Short);
        let value = if allowed.value.is_empty() { String::new() } else { format!(" = {}", allowed.value) };
        let (least, most) = (grouped(allowed.least, 2), grouped(allowed.most, 2));
        let taken = if allowed.most < allowed.least {
            format!("no size would be taken: the smallest order is {least} {quote}")
        } else {
            format!("{least} to {most} {quote} would be taken")
        };
        Some(format!("; {}{value} allows at most {most} {quote} of each leg now; {taken}", allowed.key))
    };
    format!("not opened: {why}{}", sizes().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{Price, Quantity, Sequence, VenueId};
    use crate::port::event::{Quote, Wallet};
    use crate::sim::{Generator, START};

    /// A booted core with money and prices of the first pair.
    fn core() -> State {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let mut state = State::new(Settings::default(), catalogue.clone());
        let pair = catalogue.pairs()[0].clone();
        let asset = pair.quote(Leg::Short);
        let mut events = vec![Event::Boot { epoch: 1, salt: 7 }];
        for wallet in [Wallet::Spot, Wallet::Perp] {
            events.push(Event::Opening { venue: VenueId(0), wallet, asset, amount: Amount::whole(50_000) });
        }
        for instrument in [pair.long, pair.short] {
            let price = |text: &str| Price::parse(text).unwrap();
            let depth = Quantity::parse("1000").unwrap();
            let quote = Quote {
                bid: price("9999"),
                ask: price("10001"),
                bid_depth: depth,
                ask_depth: depth,
                venue_time: START,
            };
            events.push(Event::Quote { instrument, quote });
        }
        for event in events {
            take(&mut state, event);
        }
        state
    }

    fn take(state: &mut State, event: Event) {
        let stamped = Stamped { sequence: Sequence(state.sequence.0 + 1), at: START, event };
        engine::step(state, &stamped, &mut Vec::new());
    }

    fn plan(state: &State, notional: i64) -> Result<(), String> {
        opening(state, (PairId(0), Amount::whole(notional)), START).map_err(|error| error.message)
    }

    #[test]
    fn a_size_above_a_limit_is_refused_with_the_limit_and_what_would_be_taken() {
        let mut state = core();
        assert_eq!(plan(&state, 5_000), Ok(()));
        let error = plan(&state, 1_000_000_000).unwrap_err();
        let allowed = entry::allowed(&state, PairId(0)).unwrap();
        for words in [&format!("{} = {}", allowed.key, allowed.value), &grouped(allowed.most, 2), "would be taken"] {
            assert!(error.contains(words), "{words}: {error}");
        }
        // What it names is taken, and a hundred dollars more are not.
        let at = |notional: Amount| opening(&state, (PairId(0), notional), START);
        assert_eq!(at(allowed.most), Ok(()));
        assert!(at(allowed.most + Amount::whole(100)).is_err());
        state.settings.risk.max_pair = Amount::whole(4_000);
        let error = plan(&state, 5_000).unwrap_err();
        assert!(error.contains("risk.max_pair = 4,000.00 "), "{error}");
        let error = plan(&state, 1).unwrap_err();
        assert!(error.contains("less than both legs") && error.contains("would be taken"), "{error}");
    }

    #[test]
    fn what_is_held_paused_or_halted_is_refused_before_anybody_agrees() {
        let mut paused = core();
        take(&mut paused, Event::Operator(Operator::Pause));
        assert!(plan(&paused, 5_000).unwrap_err().contains("the session is paused"));
        let mut halted = core();
        take(&mut halted, Event::Operator(Operator::Halt));
        assert!(plan(&halted, 5_000).is_err());
        let mut held = core();
        take(&mut held, Event::Operator(Operator::Open { pair: PairId(0), notional: Amount::whole(5_000) }));
        let error = plan(&held, 5_000).unwrap_err();
        assert!(error.contains("in work"), "{error}");
        assert!(!error.contains("would be taken"), "it is not the size: {error}");
    }

    #[test]
    fn what_would_change_nothing_is_refused_with_what_stops_entries_instead() {
        let idle = |state: &State, verb| super::idle(verb, state.paused, &super::super::stops::of(state).1);
        let mut state = core();
        assert!(idle(&state, Verb::ClearHalt).unwrap().starts_with("nothing is halted"));
        assert!(idle(&state, Verb::Resume).unwrap().starts_with("entries are not paused"));
        take(&mut state, Event::Operator(Operator::Pause));
        assert_eq!(idle(&state, Verb::Resume), None);
        let why = idle(&state, Verb::ClearHalt).unwrap();
        assert!(why.contains("something else: a person paused entries; type: carry resume"), "{why}");
        take(&mut state, Event::Operator(Operator::Resume));
        take(&mut state, Event::Operator(Operator::Halt));
        assert_eq!(idle(&state, Verb::ClearHalt), None);
        let why = idle(&state, Verb::Resume).unwrap();
        assert!(why.contains("type: carry clear-halt --reason TEXT"), "{why}");
        // Whatever clearing a halt clears is something to clear.
        take(&mut state, Event::Operator(Operator::ClearHalt { reason: "looked".to_owned() }));
        take(&mut state, Event::Foreign { venue: VenueId(0), instrument: None });
        assert_eq!(idle(&state, Verb::ClearHalt), None);
        let mut latched = core();
        latched.pairs[0].memory.latched =
            Some(crate::pairs::Latch { cause: crate::pairs::LatchCause::TakenBack, since: START });
        assert_eq!(idle(&latched, Verb::ClearHalt), None);
        for verb in [Verb::Pause, Verb::Halt, Verb::Flatten] {
            assert_eq!(idle(&state, verb), None, "less risk is never refused");
        }
    }

    #[test]
    fn an_adoption_of_a_pair_that_is_held_is_refused_before_anybody_agrees() {
        let mut state = core();
        let price = Price::parse("10000").unwrap();
        let coins = Quantity::parse("0.5").unwrap();
        let adoption = Adoption { pair: PairId(0), coins, short: coins, entry: price, mids: (price, price) };
        assert_eq!(adopting(&state, &adoption, START), Ok(()));
        take(&mut state, Event::Operator(Operator::Adopt(adoption)));
        let error = adopting(&state, &adoption, START).unwrap_err();
        assert!(error.message.starts_with("not adopted: it holds a position already"), "{error}");
    }
}
