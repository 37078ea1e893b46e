//! What the core does when the venue contradicts it: at once, at most once, and said. Driven by hand, event by event.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

#[path = "contradictions/bench.rs"]
mod bench;
#[path = "contradictions/money.rs"]
mod money;
#[path = "contradictions/strangers.rs"]
mod strangers;
#[path = "contradictions/told.rs"]
mod told;

use bench::{Bench, coins};
use carry::config::settings::OnForeign;
use carry::domain::{Amount, Leg, Side, Span, VenueId};
use carry::pairs::LatchCause;
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::{Operator, VenueAct};
use carry::port::order::{Outcome, Purpose, RejectCause};

const HOUR: Span = Span(3_600_000);

fn latched(bench: &Bench) -> Option<LatchCause> {
    bench.state.pairs[0].memory.latched.map(|latch| latch.cause)
}

#[test]
fn l07_a_fill_for_a_refused_order_is_booked_and_repaired() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.refuse(&bought, RejectCause::Limit);
    assert_eq!(bench.placed.len(), 1);
    bench.wait(Span::seconds(20));
    bench.fill(&bought, coins("0.4"));
    bench.feed(Event::Turn);
    // The same instant: booked, paged, latched, and on its way back.
    assert_eq!((bench.paged(AlarmKind::LateFill), latched(&bench)), (1, Some(LatchCause::Contradiction)));
    let back = bench.last();
    assert_eq!((bench.placed.len(), back.leg, back.side), (2, Leg::Long, Side::Sell), "{back:?}");
    assert_eq!(bench.placed[1].0, bench.state.now, "naked for no longer than a turn");
    bench.execute(&back);
    assert_eq!((bench.phase(), bench.placed.len()), ("flat", 2));
    // No entry until a person looks; the latch is a row of the ledger.
    bench.open(5_000);
    assert_eq!(bench.placed.len(), 2);
    assert!(bench.state.pairs[0].declined.unwrap().contains("latched"));
    let row = serde_json::to_string(&bench.state.pairs[0].memory).unwrap();
    let again: carry::pairs::PairMemory = serde_json::from_str(&row).unwrap();
    assert_eq!(again, bench.state.pairs[0].memory);
    bench.operate(Operator::ClearHalt { reason: "looked".to_owned() });
    bench.wait(Span::MINUTE);
    bench.quotes();
    bench.open(5_000);
    assert_eq!(bench.placed.len(), 3, "{:?}", bench.state.pairs[0].declined);
}

/// What a person ordered and what was given up without an execution says why: it does not just vanish.
#[test]
fn g18_an_opening_that_was_given_up_says_why() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    assert_eq!(bench.state.pairs[0].declined, None);
    bench.refuse(&bench.last(), RejectCause::Limit);
    let why = bench.state.pairs[0].declined.unwrap();
    assert!(why.contains("the venue refused its first order"), "{why}");
    // The next one that begins is another matter.
    bench.wait(Span::seconds(120));
    bench.quotes();
    bench.open(5_000);
    assert_eq!((bench.placed.len(), bench.state.pairs[0].declined), (2, None));
    // Nobody sold to it, five times over.
    for _ in 0..5 {
        assert_eq!(bench.state.pairs[0].declined, None);
        let missed = bench.last();
        bench.say(missed.id, Outcome::Expired { filled: coins("0") });
        bench.feed(Event::Turn);
    }
    let why = bench.state.pairs[0].declined.unwrap();
    assert!(why.contains("nobody traded at its price"), "{why}");
    assert_eq!(bench.placed.len(), 6);
}

#[test]
fn l07_an_order_that_lives_after_all_holds_its_pair_until_its_end_is_known() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.refuse(&bought, RejectCause::Limit);
    bench.say(bought.id, Outcome::Accepted);
    assert_eq!((bench.paged(AlarmKind::IllegalReport), latched(&bench)), (1, Some(LatchCause::Contradiction)));
    bench.wait(Span::seconds(3));
    assert!(!bench.queries.is_empty(), "it is asked for");
    assert_eq!(bench.placed.len(), 1, "nothing else leaves meanwhile");
    bench.execute(&bought);
    let back = bench.last();
    assert_eq!((bench.placed.len(), back.side, back.leg), (2, Side::Sell, Leg::Long));
}

#[test]
fn l07_the_total_of_a_contradicted_order_is_waited_for() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.refuse(&bought, RejectCause::Limit);
    // Its end is told before its fills: nothing is repaired by a guess, and the fills are asked for.
    bench.say(bought.id, Outcome::Expired { filled: coins("0.4") });
    assert_eq!((bench.placed.len(), latched(&bench)), (1, Some(LatchCause::Contradiction)));
    bench.wait(Span::seconds(6));
    assert!(!bench.queries.is_empty());
    bench.fill(&bought, coins("0.4"));
    bench.feed(Event::Turn);
    assert_eq!((bench.placed.len(), bench.last().side), (2, Side::Sell));
}

#[test]
fn a08_an_acknowledged_order_that_is_refused_latches_nothing() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.say(bought.id, Outcome::Accepted);
    bench.refuse(&bought, RejectCause::Halted);
    bench.say(bought.id, Outcome::Accepted);
    bench.refuse(&bought, RejectCause::Halted);
    assert_eq!((latched(&bench), bench.paged(AlarmKind::IllegalReport)), (None, 0));
    assert!(bench.state.orders.live().is_empty());
}

#[test]
fn l07_l36_a_halt_sends_nothing_but_counts_cancels_and_refuses_acts() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.operate(Operator::Halt);
    bench.execute(&bought);
    let before = bench.placed.len();
    bench.wait(Span::seconds(30));
    assert_eq!(bench.placed.len(), before, "a halt stops hedges too");
    assert_eq!(bench.paged(AlarmKind::PairUnequal), 1, "and they are told");
    assert!(!bench.state.unequal.1.is_zero(), "and counted");
    bench.close();
    let declined = bench.state.pairs[0].declined;
    assert!(declined.is_some_and(|why| why.contains("halted")), "{declined:?}");
    bench.operate(Operator::ClearHalt { reason: "looked".to_owned() });
    bench.feed(Event::Turn);
    assert_eq!(
        (bench.last().leg, bench.last().side),
        (Leg::Short, Side::Sell),
        "hedged, not closed: {:?}",
        bench.last()
    );
}

#[test]
fn l36_a_halt_leaves_a_flat_pair_flat_and_a_hedged_one_hedged() {
    for (phase, orders) in [("flat", 0), ("hedged", 2)] {
        let mut bench = Bench::new(|_| {});
        (0..orders.min(1)).for_each(|_| bench.open(5_000));
        (0..orders).for_each(|_| bench.execute(&bench.last()));
        for act in [Operator::Halt, Operator::ClearHalt { reason: "looked".to_owned() }] {
            assert_eq!(bench.phase(), phase);
            bench.operate(act);
            bench.wait(Span::seconds(30));
        }
        assert_eq!(bench.phase(), phase);
    }
}

#[test]
fn r_e_a_halt_and_a_loss_of_contact_cancel_what_rests() {
    let maker = |settings: &mut carry::config::Settings| {
        settings.execution.style = carry::config::settings::Style::Maker;
        settings.execution.first = carry::config::settings::First::Leg(Leg::Short);
        settings.execution.maker_deadline = HOUR;
    };
    for act in [true, false] {
        let mut bench = Bench::new(maker);
        bench.open(5_000);
        let rests = bench.last();
        assert_eq!(rests.leg, Leg::Short);
        bench.say(rests.id, Outcome::Accepted);
        assert_eq!(bench.cancels, 0);
        if act {
            bench.operate(Operator::Halt);
        } else {
            let text = r#"{"event":"venue_health","venue":0,"reachable":false}"#;
            bench.then(serde_json::from_str(text).unwrap());
        }
        assert_eq!(bench.cancels, 1);
        bench.wait(Span::seconds(2));
        assert_eq!(bench.cancels, 1, "once");
    }
}

#[test]
fn l13_a_refused_reduce_stops_and_compares_before_anything_is_traded() {
    let mut bench = Bench::new(|settings| settings.execution.first = carry::config::settings::First::Leg(Leg::Long));
    bench.hedged();
    bench.close();
    let sold = bench.last();
    assert_eq!(sold.leg, Leg::Long);
    bench.execute(&sold);
    let bought_back = bench.last();
    assert!(bought_back.reduce_only);
    let orders = bench.placed.len();
    bench.refuse(&bought_back, RejectCause::ReduceOnly);
    assert_eq!((bench.compares.len(), bench.paged(AlarmKind::ReduceRefused)), (1, 1));
    bench.wait(Span::seconds(4));
    assert_eq!(bench.placed.len(), orders, "neither leg is touched");
    // They agree: the position is there after all.
    bench.compared(0);
    let again = bench.last();
    assert_eq!((bench.placed.len(), again.leg, again.reduce_only), (orders + 1, Leg::Short, true));
    bench.refuse(&again, RejectCause::ReduceOnly);
    // They differ and nobody tells why: a hand that is not ours.
    bench.compared(1);
    assert_eq!((latched(&bench), bench.paged(AlarmKind::Foreign)), (Some(LatchCause::ForeignHand), 1));
    bench.watch(HOUR);
    assert_eq!(bench.placed.len(), orders + 1, "a person decides");
}

#[test]
fn l13_while_no_lists_come_the_refused_order_alone_is_tried_again_and_told_once() {
    let mut bench = Bench::new(|settings| settings.execution.first = carry::config::settings::First::Leg(Leg::Long));
    bench.hedged();
    bench.close();
    let sold = bench.last();
    bench.execute(&sold);
    let orders = bench.placed.len();
    for tried in 1..=8 {
        let again = bench.last();
        assert_eq!((bench.placed.len(), again.leg, again.reduce_only), (orders + tried - 1, Leg::Short, true));
        bench.refuse(&again, RejectCause::ReduceOnly);
        bench.wait(Span::seconds(6));
    }
    assert_eq!((bench.compares.len() >= 8, bench.paged(AlarmKind::ReduceRefused)), (true, 1));
    let last = bench.last();
    bench.execute(&last);
    assert_eq!(bench.phase(), "flat");
}

#[test]
fn l13_a_position_closed_by_a_foreign_hand_is_booked_latched_and_left_to_a_person() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    let orders = bench.placed.len();
    bench.by_venue(VenueAct::Foreign, Side::Buy, "0.5");
    assert_eq!(bench.holds().1, "0");
    assert_eq!((latched(&bench), bench.paged(AlarmKind::Foreign)), (Some(LatchCause::ForeignHand), 1));
    bench.wait(Span::seconds(10));
    assert_eq!(bench.paged(AlarmKind::PairUnequal), 1, "naked, and said");
    bench.watch(HOUR);
    bench.compared(0);
    bench.watch(HOUR);
    assert_eq!(bench.placed.len(), orders, "nothing is sold before a person says so");
    bench.close();
    let sold = bench.last();
    assert_eq!((bench.placed.len(), sold.leg, sold.side), (orders + 1, Leg::Long, Side::Sell));
    bench.execute(&sold);
    assert_eq!((bench.phase(), bench.placed.len()), ("flat", orders + 1));
    // The person's own coins are where they were.
    let pair = &bench.state.pairs[0].pair;
    let wallet = bench.state.ledger.wallet(pair.venue(Leg::Short), carry::port::event::Wallet::Spot, pair.coin);
    assert!(wallet >= carry::domain::Amount::parse("0.75").unwrap(), "{wallet}");
}

#[test]
fn l13_the_policy_hedge_reduces_after_one_clean_look_and_never_adds() {
    let mut bench = Bench::new(|settings| settings.risk.foreign = OnForeign::Hedge);
    bench.hedged();
    let orders = bench.placed.len();
    bench.by_venue(VenueAct::Foreign, Side::Buy, "0.3");
    assert_eq!((bench.placed.len(), bench.compares.len()), (orders, 1), "not before a look");
    bench.compared(2);
    assert_eq!(bench.placed.len(), orders, "not while the books differ");
    bench.compared(0);
    let sold = bench.last();
    assert_eq!((bench.placed.len(), sold.leg, sold.side), (orders + 1, Leg::Long, Side::Sell));
    bench.expire(&sold);
    bench.wait(Span::MINUTE);
    let adds =
        bench.placed.iter().skip(orders).filter(|(_, intent)| intent.side == Side::Buy || intent.leg == Leg::Short);
    assert_eq!(adds.count(), 0, "by reduces alone");
    let sold = bench.last();
    bench.execute(&sold);
    assert_eq!(bench.phase(), "hedged");
    assert_eq!(latched(&bench), Some(LatchCause::ForeignHand), "entries wait for a person");
}

#[test]
fn l13_what_a_foreign_hand_added_is_not_taken_away() {
    let mut bench = Bench::new(|settings| settings.risk.foreign = OnForeign::Hedge);
    bench.hedged();
    let orders = bench.placed.len();
    bench.by_venue(VenueAct::Foreign, Side::Sell, "1");
    bench.compared(0);
    bench.watch(HOUR);
    assert_eq!(bench.placed.len(), orders);
    assert_eq!(latched(&bench), Some(LatchCause::ForeignHand));
}

#[test]
fn l13_e12_e13_the_venue_s_own_act_is_repaired_at_once() {
    for (act, alarm) in [
        (VenueAct::Adl, AlarmKind::Adl),
        (VenueAct::Liquidation, AlarmKind::Liquidated),
        (VenueAct::Settlement, AlarmKind::TradingEnds),
    ] {
        let mut bench = Bench::new(|_| {});
        bench.hedged();
        let orders = bench.placed.len();
        bench.by_venue(act, Side::Buy, "0.5");
        let (at, sold) = bench.placed.last().unwrap().clone();
        assert_eq!((bench.placed.len(), sold.leg, sold.side), (orders + 1, Leg::Long, Side::Sell));
        assert_eq!((at, bench.paged(alarm)), (bench.state.now, 1));
    }
}

#[test]
fn l13_an_act_of_the_venue_explains_a_refused_reduce() {
    let mut bench = Bench::new(|settings| settings.execution.first = carry::config::settings::First::Leg(Leg::Short));
    bench.hedged();
    bench.close();
    let bought_back = bench.last();
    bench.refuse(&bought_back, RejectCause::ReduceOnly);
    let orders = bench.placed.len();
    bench.wait(Span::seconds(1));
    assert_eq!(bench.placed.len(), orders);
    bench.by_venue(VenueAct::Adl, Side::Buy, "0.5");
    assert_eq!((bench.placed.len(), bench.last().leg), (orders + 1, Leg::Long), "no further look is needed");
}

#[test]
fn l14_a_refusal_that_will_not_pass_is_undone_at_once() {
    for cause in
        [RejectCause::Balance, RejectCause::Filter, RejectCause::Halted, RejectCause::Limit, RejectCause::Duplicate]
    {
        let mut bench = Bench::new(|_| {});
        bench.open(5_000);
        let bought = bench.last();
        bench.execute(&bought);
        let hedge = bench.last();
        assert_eq!(hedge.leg, Leg::Short);
        bench.refuse(&hedge, cause);
        let (at, undo) = bench.placed.last().unwrap().clone();
        assert_eq!((undo.leg, undo.side, undo.purpose), (Leg::Long, Side::Sell, Purpose::Undo), "{cause:?}");
        assert_eq!(at, bench.state.now, "{cause:?}");
        assert!(bench.rereads > 0, "its limits are read again");
    }
}

#[test]
fn l14_a_refusal_that_may_pass_is_undone_within_the_hedge_time() {
    for cause in [RejectCause::RateLimit, RejectCause::PriceBand] {
        let mut bench = Bench::new(|settings| settings.execution.attempts = 20);
        bench.open(5_000);
        let bought = bench.last();
        bench.execute(&bought);
        let known = bench.state.now;
        let mut hedges = 0;
        while bench.last().leg == Leg::Short {
            let hedge = bench.last();
            if bench.state.orders.is_busy(hedge.pair) {
                hedges += 1;
                bench.refuse(&hedge, cause);
            }
            bench.wait(Span(100));
            assert!(hedges < 8, "{cause:?}");
        }
        assert!(bench.placed.last().unwrap().0.since(known) <= Span::seconds(5), "{cause:?}");
        assert!(hedges >= 2, "{cause:?}: it may have passed");
    }
}

#[test]
fn l14_both_ways_that_fail_are_tried_ever_more_slowly() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.execute(&bought);
    let before = bench.placed.len();
    for _ in 0..600 {
        let order = bench.last();
        if bench.state.orders.is_busy(order.pair) {
            bench.refuse(&order, RejectCause::Halted);
        }
        bench.wait(Span(100));
    }
    let made = bench.placed.len() - before;
    assert!((8..=20).contains(&made), "{made} attempts in a minute");
    assert_eq!(bench.paged(AlarmKind::PairUnequal), 1);
}

/// Asks until the core sends another order; the venue never has it. When that is, in ms since it was sent.
fn absent_after(bench: &mut Bench, expires: Option<Span>) -> i64 {
    bench.open(5_000);
    let bought = bench.last();
    bench.execute(&bought);
    let hedge = bench.last();
    let sent = bench.state.now;
    bench.wait(Span::seconds(2));
    if let Some(span) = expires {
        bench.feed(Event::Expires { id: hedge.id, at: sent + span });
    }
    bench.say(hedge.id, Outcome::Unknown);
    assert_eq!(bench.phase(), "repair");
    let orders = bench.placed.len();
    let mut asked = bench.queries.len();
    while bench.placed.len() == orders {
        bench.wait(Span(50));
        if bench.queries.len() > asked {
            asked = bench.queries.len();
            bench.say(hedge.id, Outcome::NotFound);
        }
        assert!(bench.state.now.since(sent) < Span(2 * 60_000), "never");
    }
    assert!(bench.alarms.iter().any(|(_, alarm)| alarm.kind == AlarmKind::OrderUnknown));
    bench.placed.last().unwrap().0.since(sent).0
}

#[test]
fn l15_absence_is_proven_by_the_end_of_the_signed_window_and_two_answers_a_second_apart() {
    let mut bench = Bench::new(|_| {});
    let ms = absent_after(&mut bench, Some(Span::seconds(7)));
    assert!((8_000..=8_300).contains(&ms), "{ms}");
    // Where nothing is documented, only the last case counts.
    let mut bench = Bench::new(|_| {});
    let ms = absent_after(&mut bench, None);
    assert!((61_000..=61_300).contains(&ms), "{ms}");
}

#[test]
fn l15_two_answers_at_once_are_one_and_an_earlier_one_is_none() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    let sent = bench.state.now;
    bench.feed(Event::Expires { id: bought.id, at: sent + Span::seconds(6) });
    bench.say(bought.id, Outcome::Unknown);
    let unsettled = |bench: &Bench| usize::from(bench.state.orders.live_order(bought.id).is_some());
    for _ in 0..5 {
        bench.wait(Span::seconds(1));
        bench.say(bought.id, Outcome::NotFound);
    }
    bench.wait(Span::seconds(1));
    bench.say(bought.id, Outcome::NotFound);
    bench.say(bought.id, Outcome::NotFound);
    bench.wait(Span(900));
    bench.say(bought.id, Outcome::NotFound);
    assert_eq!(unsettled(&bench), 1);
    bench.wait(Span(100));
    bench.say(bought.id, Outcome::NotFound);
    bench.wait(Span(10));
    assert_eq!(unsettled(&bench), 0);
    // It was executed after all: booked, repaired, latched.
    let second = bench.last();
    bench.fill(&bought, coins("0.2"));
    bench.expire(&second);
    assert_eq!((latched(&bench), bench.last().side), (Some(LatchCause::Contradiction), Side::Sell));
}

#[test]
fn l22_after_a_foreign_hand_the_hedge_goes_out_and_no_further_clip() {
    let mut bench = Bench::new(|settings| settings.execution.clip = Amount::whole(5_000));
    bench.open(20_000);
    let bought = bench.last();
    bench.feed(Event::Foreign { venue: VenueId(0), instrument: None });
    bench.execute(&bought);
    let sold = bench.last();
    assert_eq!((bench.placed.len(), sold.leg), (2, Leg::Short), "what was bought is hedged");
    bench.execute(&sold);
    bench.watch(Span::MINUTE);
    assert_eq!((bench.placed.len(), bench.phase()), (2, "hedged"), "no further clip");
    assert_eq!(bench.paged(AlarmKind::Foreign), 1);
}

#[test]
fn l13_the_list_of_the_position_alone_ends_the_doubt_of_a_refused_reduce() {
    let mut bench = Bench::new(|settings| settings.execution.first = carry::config::settings::First::Leg(Leg::Long));
    bench.hedged();
    bench.close();
    let sold = bench.last();
    bench.execute(&sold);
    let bought_back = bench.last();
    let orders = bench.placed.len();
    bench.refuse(&bought_back, RejectCause::ReduceOnly);
    // It came at once: it may be older than the refusal.
    bench.listed("0.5");
    assert_eq!(bench.placed.len(), orders);
    bench.wait(Span::seconds(1));
    bench.listed("0.3");
    assert_eq!(bench.placed.len(), orders, "another position is for the whole comparison");
    bench.listed("0.5");
    let again = bench.last();
    assert_eq!((bench.placed.len(), again.leg, again.reduce_only), (orders + 1, Leg::Short, true));
    bench.execute(&again);
    assert_eq!((bench.phase(), bench.holds().1.as_str()), ("flat", "0"));
}
