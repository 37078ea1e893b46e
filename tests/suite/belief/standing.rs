//! One derived state: every stop of entries shows, with its reason and its alarm.

use super::core::Core;
use carry::config::Settings;
use carry::domain::{Span, VenueId};
use carry::engine::State;
use carry::engine::standing::{Standing, Why};
use carry::pairs::{Latch, LatchCause};
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::Operator;
use carry::port::health::Part;
use carry::risk::gate::BotState;

/// A core of one pair that could be entered.
fn ready() -> Core {
    let mut core = Core::new(Settings::default());
    core.state.pairs.truncate(1);
    core.state.venues.truncate(1);
    core
}

#[test]
fn l23_every_stop_of_entries_shows_with_its_reason() {
    let core = ready();
    let standing = Standing::of(&core.state);
    assert_eq!((standing.state, standing.reasons.len()), (BotState::Ready, 0), "{:?}", standing.reasons);
    let check = |prepare: &dyn Fn(&mut Core), word: BotState, why: Why, kind: AlarmKind| {
        let mut core = ready();
        prepare(&mut core);
        let standing = Standing::of(&core.state);
        let found = standing.reasons.iter().find(|reason| reason.why == why);
        let found = found.unwrap_or_else(|| panic!("{why:?} is not among {:?}", standing.reasons));
        assert_eq!((standing.state, found.kind), (word, kind), "{why:?}");
        let text = serde_json::to_string(&standing).unwrap();
        assert_eq!(serde_json::from_str::<Standing>(&text).unwrap(), standing, "it reads back as it was");
    };
    let venue = VenueId(0);
    let reduce = BotState::ReduceOnly;
    let flag = |set: fn(&mut State)| move |core: &mut Core| set(&mut core.state);
    check(&|core| core.tell(Event::Foreign { venue, instrument: None }), reduce, Why::Foreign, AlarmKind::Foreign);
    check(&|core| core.tell(Event::Barred { venue }), reduce, Why::Barred, AlarmKind::VenueRefuses);
    let differs = |core: &mut Core| core.tell(Event::Reconciled { venue, differences: 2, missing: Vec::new() });
    check(&differs, reduce, Why::Differs, AlarmKind::Difference);
    let act = |act: Operator| move |core: &mut Core| core.tell(Event::Operator(act.clone()));
    check(&act(Operator::Pause), reduce, Why::Paused, AlarmKind::Paused);
    check(&act(Operator::Halt), BotState::Halted, Why::Halted, AlarmKind::Halted);
    check(&act(Operator::Stop), reduce, Why::Ending, AlarmKind::InTransition);
    check(&flag(|state| state.bot = BotState::ReduceOnly), reduce, Why::DayLoss, AlarmKind::LossLimit);
    check(&flag(|state| state.bot = BotState::Starting), BotState::Starting, Why::Starting, AlarmKind::InTransition);
    for (cause, kind) in [
        (LatchCause::Contradiction, AlarmKind::IllegalReport),
        (LatchCause::ForeignHand, AlarmKind::Foreign),
        (LatchCause::TakenBack, AlarmKind::Runaway),
        (LatchCause::Refused, AlarmKind::Runaway),
    ] {
        let latch = move |core: &mut Core| {
            core.state.pairs[0].memory.latched = Some(Latch { cause, since: core.state.now });
        };
        check(&latch, reduce, Why::Latched { cause }, kind);
    }
    check(&|core| core.later(Span::hours(1)), reduce, Why::Stale { leg: carry::domain::Leg::Long }, AlarmKind::Stale);
    let missing = |core: &mut Core| {
        core.tell(Event::VenueHealth { venue, reachable: true, missing: vec![Part::Lists] });
    };
    check(&missing, reduce, Why::Missing { part: Part::Lists }, AlarmKind::PartMissing);
    let down = |core: &mut Core| core.tell(Event::VenueHealth { venue, reachable: false, missing: Vec::new() });
    check(&down, reduce, Why::Unreachable, AlarmKind::VenueDown);
}

#[test]
fn l23_a_reason_keeps_the_time_since_which_it_stands() {
    let mut core = ready();
    let since = core.state.now;
    core.tell(Event::Foreign { venue: VenueId(0), instrument: None });
    core.later(Span::MINUTE);
    core.books("10000");
    core.tell(Event::Operator(Operator::Pause));
    let standing = Standing::of(&core.state);
    let of = |why: Why| standing.reasons.iter().find(|reason| reason.why == why).unwrap().since;
    assert_eq!((of(Why::Foreign), of(Why::Paused)), (Some(since), Some(core.state.now)));
}
