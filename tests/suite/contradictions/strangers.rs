//! What a person decides about, and what beside it is ours to repair at once.

use super::bench::Bench;
use super::latched;
use carry::config::settings::First;
use carry::domain::{Leg, Side, Span, VenueId};
use carry::pairs::LatchCause;
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::VenueAct;
use carry::port::order::{Outcome, Purpose, RejectCause};

#[test]
fn l13_what_the_venue_closes_is_repaired_while_a_person_decides_about_a_stranger() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    let orders = bench.placed.len();
    bench.by_venue(VenueAct::Foreign, Side::Buy, "0.1");
    bench.watch(Span::MINUTE);
    assert_eq!((bench.placed.len(), latched(&bench)), (orders, Some(LatchCause::ForeignHand)));
    bench.by_venue(VenueAct::Adl, Side::Buy, "0.3");
    let sold = bench.last();
    assert_eq!((bench.placed.len(), sold.leg, sold.side), (orders + 1, Leg::Long, Side::Sell));
    assert_eq!(sold.quantity.to_string(), "0.3", "the stranger's part is left");
    bench.execute(&sold);
    bench.watch(Span::MINUTE);
    assert_eq!(bench.placed.len(), orders + 1);
    // The row of the ledger keeps it, and a close by hand moves all of it.
    let row = serde_json::to_string(&bench.state.pairs[0].memory).unwrap();
    let again: carry::pairs::PairMemory = serde_json::from_str(&row).unwrap();
    assert_eq!(again.strangers.to_string(), "0.1");
    bench.close();
    while bench.state.orders.is_busy(bench.last().pair) {
        let order = bench.last();
        bench.execute(&order);
    }
    assert_eq!((bench.phase(), bench.holds().1.as_str()), ("flat", "0"));
}

#[test]
fn l13_what_the_venue_closes_of_a_stranger_s_part_is_no_reason_to_trade() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    let orders = bench.placed.len();
    // More than the short: the venue shows a long, and closes a part of that.
    bench.by_venue(VenueAct::Foreign, Side::Buy, "0.7");
    bench.by_venue(VenueAct::Adl, Side::Sell, "0.1");
    bench.watch(Span::MINUTE);
    assert_eq!(bench.placed.len(), orders);
    assert_eq!(bench.state.pairs[0].memory.strangers.to_string(), "0.6");
}

#[test]
fn l13_a_stranger_who_takes_his_trade_back_leaves_nothing_to_decide_about() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    let orders = bench.placed.len();
    bench.by_venue(VenueAct::Foreign, Side::Buy, "0.2");
    bench.by_venue(VenueAct::Foreign, Side::Sell, "0.2");
    bench.watch(Span::MINUTE);
    assert_eq!((bench.placed.len(), bench.phase()), (orders, "hedged"));
    bench.by_venue(VenueAct::Adl, Side::Buy, "0.5");
    assert_eq!((bench.placed.len(), bench.last().side), (orders + 1, Side::Sell));
}

#[test]
fn e12_a_repair_that_went_the_other_way_is_left_after_a_pause() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    bench.by_venue(VenueAct::Adl, Side::Buy, "0.5");
    let sale = bench.last();
    assert_eq!((sale.leg, sale.side), (Leg::Long, Side::Sell));
    bench.refuse(&sale, RejectCause::Halted);
    let short = bench.last();
    assert_eq!((short.leg, short.side, short.purpose), (Leg::Short, Side::Sell, Purpose::Repair));
    let orders = bench.placed.len();
    bench.execute(&short);
    assert_eq!(bench.placed.len(), orders, "not sold in the same instant");
    bench.wait(Span::seconds(4));
    bench.quotes();
    assert_eq!(bench.placed.len(), orders);
    bench.wait(Span::seconds(2));
    assert_eq!((bench.placed.len(), bench.last().purpose), (orders + 1, Purpose::Exit), "and not for ever");
}

#[test]
fn a16_a_refused_reduce_is_judged_by_its_own_position_and_not_by_another_difference() {
    let mut bench = Bench::new(|settings| settings.execution.first = First::Leg(Leg::Long));
    bench.hedged();
    bench.close();
    let sold = bench.last();
    bench.execute(&sold);
    let bought_back = bench.last();
    let orders = bench.placed.len();
    bench.refuse(&bought_back, RejectCause::ReduceOnly);
    // Lists of the same moment: this position is as believed, and something else differs.
    bench.listed("0.5");
    bench.compared(1);
    assert_eq!(latched(&bench), None);
    let again = bench.last();
    assert_eq!((bench.placed.len(), again.leg, again.reduce_only), (orders + 1, Leg::Short, true));
    // The position itself differs: a foreign hand.
    bench.refuse(&again, RejectCause::ReduceOnly);
    bench.listed("0.3");
    bench.compared(1);
    assert_eq!(latched(&bench), Some(LatchCause::ForeignHand));
}

#[test]
fn a22_g01_time_without_a_process_is_no_failed_attempt() {
    let mut bench = Bench::new(|settings| settings.execution.first = First::Leg(Leg::Long));
    bench.hedged();
    bench.close();
    let sold = bench.last();
    bench.execute(&sold);
    let buy = bench.last();
    bench.expire(&buy);
    let again = bench.last();
    assert_eq!((again.leg, again.side), (Leg::Short, Side::Buy));
    // The process dies with the second attempt in doubt, and comes back a minute later.
    bench.say(again.id, Outcome::Unknown);
    bench.state.now = bench.state.now + Span::MINUTE;
    bench.feed(Event::Boot { epoch: 2, salt: 7 });
    bench.quotes();
    bench.expire(&again);
    let third = bench.last();
    assert_eq!((third.leg, third.side), (Leg::Short, Side::Buy), "the usual way is tried before the other one");
}

/// A restored ledger knows what the venue closed, which the venue tells again, and not the sale by which the lost life repaired it.
#[test]
fn g16_what_the_lost_life_repaired_is_not_repaired_again() {
    let check = |missing: &str, sold: Option<&str>| {
        let mut bench = Bench::new(|_| {});
        bench.hedged();
        bench.watch(Span::MINUTE);
        let orders = bench.placed.len();
        bench.differs(missing);
        assert_eq!((bench.paged(AlarmKind::Difference), bench.placed.len()), (1, orders));
        bench.by_venue(VenueAct::Adl, Side::Buy, "0.3");
        bench.watch(Span::MINUTE);
        let order = (bench.placed.len() > orders).then(|| bench.last());
        let got = order.as_ref().map(|order| (order.leg, order.side, order.quantity.to_string()));
        assert_eq!(got, sold.map(|coins| (Leg::Long, Side::Sell, coins.to_owned())), "{missing}");
        (bench, orders)
    };
    let (mut bench, orders) = check("0.3", None);
    // The same comparison again is no news; another one is.
    bench.differs("0.3");
    assert_eq!(bench.paged(AlarmKind::Difference), 1);
    bench.differs("0.2");
    assert_eq!((bench.paged(AlarmKind::Difference), bench.last().quantity.to_string().as_str()), (2, "0.1"));
    assert_eq!(bench.placed.len(), orders + 1);
    let order = bench.last();
    bench.execute(&order);
    // Booked by a person, or listed late: both books agree, and what is unequal then is ours to repair.
    bench.compared(0);
    assert_eq!((bench.placed.len(), bench.last().quantity.to_string().as_str()), (orders + 2, "0.2"));
    check("0.5", None);
    check("0.1", Some("0.2"));
}

/// A list of coins that is older than our own trade says nothing of coins that are missing.
#[test]
fn l02_a_list_that_lags_behind_our_own_trade_keeps_nothing_naked() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    let orders = bench.placed.len();
    bench.differs("0.5");
    bench.by_venue(VenueAct::Adl, Side::Buy, "0.3");
    let sold = bench.last();
    assert_eq!((bench.placed.len(), sold.leg, sold.quantity.to_string().as_str()), (orders + 1, Leg::Long, "0.3"));
}

#[test]
fn g17_a_comparison_in_the_words_of_an_older_ledger_is_read_and_written_as_it_was() {
    let old = r#"{"event":"reconciled","venue":0,"differences":2}"#;
    let event: Event = serde_json::from_str(old).unwrap();
    assert_eq!(event, Event::Reconciled { venue: VenueId(0), differences: 2, missing: Vec::new() });
    assert_eq!(serde_json::to_string(&event).unwrap(), old);
}
