//! What a person orders of a pair, at the core itself: openings pass what entries pass, adoptions add up.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use carry::config::Settings;
use carry::domain::{Amount, Leg, Price, Quantity, Sequence, VenueId, WallTime};
use carry::engine::{self, Record, State};
use carry::pairs::{Latch, LatchCause};
use carry::port::event::{Adoption, Operator, Quote, Wallet};
use carry::port::{Command, Event, Stamped};
use carry::sim::Generator;
use carry::sim::START;

/// A booted core with money, coins of the first pair and prices of all.
fn core() -> State {
    let catalogue = Generator::new(1, START).catalogue().clone();
    let mut state = State::new(Settings::default(), catalogue.clone());
    step(&mut state, Event::Boot { epoch: 1, salt: 7 });
    let pair = &catalogue.pairs()[0];
    for (wallet, asset, amount) in [
        (Wallet::Spot, pair.quote(Leg::Short), "50000"),
        (Wallet::Perp, pair.quote(Leg::Short), "50000"),
        (Wallet::Spot, pair.coin, "0.75"),
    ] {
        let amount = Amount::parse(amount).unwrap();
        step(&mut state, Event::Opening { venue: VenueId(0), wallet, asset, amount });
    }
    for instrument in [pair.long, pair.short] {
        let price = |text: &str| Price::parse(text).unwrap();
        let depth = Quantity::parse("1000").unwrap();
        let quote =
            Quote { bid: price("9999"), ask: price("10001"), bid_depth: depth, ask_depth: depth, venue_time: START };
        step(&mut state, Event::Quote { instrument, quote });
    }
    state
}

fn step(state: &mut State, event: Event) -> Vec<Command> {
    let mut out = Vec::new();
    let at = if state.now == WallTime(i64::MIN) { START } else { state.now };
    let stamped = Stamped { sequence: Sequence(state.sequence.0 + 1), at, event };
    engine::step(state, &stamped, &mut out);
    out
}

fn open(state: &mut State, notional: i64) -> Vec<Command> {
    let pair = state.pairs[0].pair.id;
    step(state, Event::Operator(Operator::Open { pair, notional: Amount::whole(notional) }))
}

fn orders(commands: &[Command]) -> usize {
    commands.iter().filter(|command| matches!(command, Command::Record(_))).count()
}

#[test]
fn an_opening_by_hand_passes_every_limit_of_an_entry() {
    let mut state = core();
    assert_eq!(orders(&open(&mut state, 5_000)), 1);
    assert_eq!(state.pairs[0].memory.target, Quantity::parse("0.5").unwrap());
    assert_eq!(orders(&open(&mut state, 5_000)), 0, "it is in work");
    let refused = |prepare: &dyn Fn(&mut State), notional: i64, words: &str| {
        let mut state = core();
        prepare(&mut state);
        assert_eq!(orders(&open(&mut state, notional)), 0, "{words}");
        let pair = &state.pairs[0];
        assert!(pair.declined.is_some_and(|why| why.contains(words)), "{words}: {:?}", pair.declined);
        assert!(pair.memory.target.is_zero() && pair.memory.ordered.is_none());
    };
    refused(&|_| {}, 1, "less than both legs");
    refused(&|_| {}, 90_000, "more than the shares of size");
    refused(&|state| state.settings.risk.max_pair = Amount::whole(4_000), 5_000, "risk.max_pair");
    refused(&|state| state.paused = true, 5_000, "paused");
    refused(&|state| state.stopping = true, 5_000, "ending");
    refused(&|state| state.venues[0].differs = true, 5_000, "differ");
    refused(&|state| state.venues[0].foreign = true, 5_000, "somebody else");
    refused(&|state| state.venues[0].down = true, 5_000, "venue");
    let latch = Latch { cause: LatchCause::TakenBack, since: START };
    refused(&|state| state.pairs[0].memory.latched = Some(latch), 5_000, "latched");
    refused(
        &|state| state.now = state.now + state.settings.gates.max_age + state.settings.gates.max_age,
        5_000,
        "gates.max_age",
    );
    let mut halted = core();
    step(&mut halted, Event::Operator(Operator::Halt));
    assert_eq!(orders(&open(&mut halted, 5_000)), 0);
}

#[test]
fn l17_an_opening_by_hand_says_which_input_is_missing_rather_than_name_a_gate() {
    let mut state = core();
    let inputs = vec![carry::port::health::Input::Mark];
    step(&mut state, Event::Declares { venue: VenueId(0), inputs });
    assert_eq!(orders(&open(&mut state, 5_000)), 0);
    let declined = state.pairs[0].declined.unwrap();
    assert!(declined.contains("mark price") && declined.contains("missing (gates.missing"), "{declined}");
}

#[test]
fn a_stop_ends_with_the_next_boot_and_a_pause_does_not() {
    let mut state = core();
    step(&mut state, Event::Operator(Operator::Stop));
    step(&mut state, Event::Operator(Operator::Pause));
    assert!(state.stopping && state.paused);
    step(&mut state, Event::Boot { epoch: 2, salt: 8 });
    assert!(!state.stopping && state.paused);
}

#[test]
fn g20_what_is_adopted_is_no_profit_and_adds_up() {
    let mut state = core();
    let pair = state.pairs[0].pair.clone();
    state.mark_all();
    let unexplained = |state: &mut State| {
        state.mark_all();
        state.equity() - state.ledger.opening(pair.quote(Leg::Short)) - state.ledger.lines().total()
    };
    assert_eq!(unexplained(&mut state), Amount::ZERO);
    let (before, capital) = (state.equity(), state.ledger.opening(pair.quote(Leg::Short)));
    let number = |text: &str| Quantity::parse(text).unwrap();
    let price = |text: &str| Price::parse(text).unwrap();
    let adoption = Adoption {
        pair: pair.id,
        coins: number("0.5"),
        short: number("0.5"),
        entry: price("11000"),
        mids: (price("10000"), price("10000")),
    };
    assert!(step(&mut state, Event::Operator(Operator::Adopt(adoption))).is_empty(), "nothing is traded");
    // Half a coin at 10,000 and a short that has earned half of 1,000.
    assert_eq!(state.equity() - before, Amount::whole(5_500));
    assert_eq!(state.ledger.opening(pair.quote(Leg::Short)) - capital, Amount::whole(5_500));
    assert_eq!(unexplained(&mut state), Amount::ZERO);
    assert_eq!(state.ledger.imbalance(), None);
    assert!(state.ledger.coin_difference(&pair).is_zero());
    assert_eq!(state.ledger.wallet(VenueId(0), Wallet::Spot, pair.coin), Amount::parse("0.75").unwrap(), "as it was");
    let fills = state.records.iter().filter(|record| matches!(record, Record::Fill(_))).count();
    assert_eq!((fills, state.pairs[0].memory.target), (2, number("0.5")));
    // Twice is refused, and so is opening what is held.
    step(&mut state, Event::Operator(Operator::Adopt(adoption)));
    assert!(state.pairs[0].declined.is_some());
    assert_eq!(state.ledger.pair(pair.id).unwrap().perp(Leg::Short).coins.units(), -50_000_000);
    assert_eq!(orders(&open(&mut state, 5_000)), 0);
    assert_eq!(orders(&step(&mut state, Event::Operator(Operator::Flatten { pair: Some(pair.id) }))), 1);
}
