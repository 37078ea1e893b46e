//! L02: what reduces is stopped by a silent host or an old book alone; entries need every part.

use super::core::Core;
use carry::config::Settings;
use carry::domain::{Amount, Span, VenueId};
use carry::engine::State;
use carry::port::command::AlarmKind;
use carry::port::event::{Operator, Wallet};
use carry::port::health::Part;
use carry::port::order::Purpose;
use carry::port::{Command, Event};

const SOFT: [Part; 6] =
    [Part::SpotMarket, Part::PerpMarket, Part::SpotAccount, Part::PerpAccount, Part::Lists, Part::Times];

fn missing(core: &mut Core, parts: &[Part]) {
    let reachable = !parts.iter().any(|part| part.stops_reduces());
    core.tell(Event::VenueHealth { venue: VenueId(0), reachable, missing: parts.to_vec() });
}

fn alarms(core: &Core, kind: AlarmKind) -> usize {
    core.said.iter().filter(|command| matches!(command, Command::Alarm(alarm) if alarm.kind == kind)).count()
}

#[test]
fn l02_a_hedge_leaves_while_a_part_is_missing_and_an_entry_does_not() {
    for part in SOFT {
        // The first leg is executed, then the part breaks: the hedge leaves all the same, within the hedge time.
        let mut core = Core::new(Settings::default());
        let pair = core.state.pairs[0].pair.id;
        core.tell(Event::Operator(Operator::Open { pair, notional: Amount::whole(2_000) }));
        let first = core.placed(0);
        assert_eq!(first.len(), 1, "{part:?}");
        missing(&mut core, &[part]);
        let from = core.said.len();
        core.fill(&first[0]);
        core.turn();
        let hedge = core.placed(from);
        assert!(matches!(hedge[..], [ref one] if one.purpose == Purpose::Hedge), "{part:?}: {hedge:?}");
        core.fill(&hedge[0]);
        core.turn();
        // No further entry while it is missing, and again when it is back.
        let from = core.said.len();
        core.tell(Event::Operator(Operator::Open { pair, notional: Amount::whole(2_000) }));
        assert_eq!(core.placed(from).len(), 0, "{part:?}");
        assert_eq!(alarms(&core, AlarmKind::VenueDown), 0, "{part:?}");
    }
}

#[test]
fn l02_a_close_and_a_top_up_leave_while_lists_and_streams_are_missing() {
    let mut core = Core::new(Settings::default());
    core.hold(20_000);
    core.wallet(Wallet::Perp, 15_000);
    missing(&mut core, &SOFT);
    let pair = core.state.pairs[0].pair.id;
    let from = core.said.len();
    // A rally: money goes to the perp wallet.
    core.later(Span::seconds(1));
    for step in ["11000", "12000", "13000", "14000", "15000", "16000", "17000", "18000", "19000"] {
        core.later(Span(6 * 60_000));
        core.books(step);
        core.mark(step, step);
        core.turn();
    }
    let sent = |core: &Core, from: usize| {
        core.said[from..].iter().filter(|command| matches!(command, Command::Transfer(_))).count()
    };
    assert!(sent(&core, from) >= 1, "no top-up left");
    let from = core.said.len();
    core.tell(Event::Operator(Operator::Flatten { pair: Some(pair) }));
    assert_eq!(core.placed(from).len(), 1, "the close does not leave");
}

#[test]
fn l02_only_a_silent_host_or_an_unknown_clock_stops_what_reduces_and_so_does_an_old_book() {
    let leaves = |prepare: &dyn Fn(&mut Core)| {
        let mut core = Core::new(Settings::default());
        core.hold(2_000);
        prepare(&mut core);
        let pair = core.state.pairs[0].pair.id;
        let from = core.said.len();
        core.tell(Event::Operator(Operator::Flatten { pair: Some(pair) }));
        core.placed(from).len()
    };
    assert_eq!(leaves(&|_| {}), 1);
    for part in [Part::Host, Part::Clock] {
        assert_eq!(leaves(&|core| missing(core, &[part])), 0, "{part:?}");
    }
    // Old for an entry is young enough for a close; a book that stopped moves nothing.
    let age = |settings: &dyn Fn(&State) -> Span| {
        leaves(&|core| {
            let age = settings(&core.state);
            core.later(age);
        })
    };
    assert_eq!(age(&|state| Span(state.settings.gates.max_age.0 + 5_000)), 1);
    assert_eq!(age(&|state| Span(state.settings.gates.reduce_age.0 + 5_000)), 0);
}

#[test]
fn l02_a_part_that_breaks_is_told_once_and_by_its_name() {
    let mut core = Core::new(Settings::default());
    core.later(Span::MINUTE);
    missing(&mut core, &[Part::Lists]);
    missing(&mut core, &[Part::Lists]);
    assert_eq!(alarms(&core, AlarmKind::PartMissing), 1);
    missing(&mut core, &[Part::Lists, Part::Times]);
    assert_eq!((alarms(&core, AlarmKind::PartMissing), alarms(&core, AlarmKind::EventTime)), (1, 1));
    missing(&mut core, &[]);
    assert!(core.state.venues[0].is_whole());
    // An older tape knows one word for all.
    let old: Event = serde_json::from_str(r#"{"event":"venue_health","venue":0,"reachable":false}"#).unwrap();
    core.tell(old);
    assert!(!core.state.venues[0].is_whole() && core.state.venues[0].down);
}
