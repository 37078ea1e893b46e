//! What a start tells again of the time before it.

use super::HOUR;
use super::bench::Bench;
use carry::domain::Side;
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::VenueAct;

#[test]
fn l23_what_stood_before_a_start_is_told_again_at_it() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    bench.by_venue(VenueAct::Foreign, Side::Buy, "0.5");
    bench.compared(1);
    let told = |bench: &Bench| (bench.paged(AlarmKind::Foreign), bench.paged(AlarmKind::Difference));
    let before = told(&bench);
    bench.then(Event::Boot { epoch: 2, salt: 2 });
    let after = told(&bench);
    assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
    // A start with nothing that stands says nothing.
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    let before = bench.alarms.len();
    bench.then(Event::Boot { epoch: 2, salt: 2 });
    assert_eq!(bench.alarms.len(), before);
}

#[test]
fn e12_what_the_venue_did_just_before_a_start_is_told_again_at_it() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    bench.by_venue(VenueAct::Adl, Side::Buy, "0.2");
    assert_eq!(bench.paged(AlarmKind::Adl), 1);
    bench.then(Event::Boot { epoch: 2, salt: 2 });
    assert_eq!(bench.paged(AlarmKind::Adl), 2);
    bench.wait(HOUR);
    bench.then(Event::Boot { epoch: 3, salt: 3 });
    assert_eq!(bench.paged(AlarmKind::Adl), 2, "that is old");
}
