//! Tests of executions that streams did not tell: whatever their age, their number, or who made them (L05, L06, L27).

use super::*;
use crate::venues::binance::account_fills::{Executions, ROWS, longest};

/// The first question for executions of an instrument in the next look.
fn question(bench: &mut Bench, market: Market) -> (CallId, From) {
    let said = bench.later(Span::seconds(31));
    let mut found = None;
    for (call, what) in calls(&said) {
        match what {
            Call::Ask(Ask::Fills { market: of, from, .. }) if of == market => found = Some((call, from)),
            Call::Ask(ask) => {
                bench.tell(Input::Answered { call, result: Ok(super::order::empty(&ask)) });
            }
            Call::Act(_) => {}
        }
    }
    found.unwrap_or_else(|| panic!("no question: {said:?}"))
}

#[test]
fn l05_a_perp_that_the_venue_closed_while_the_bot_was_down_is_learnt_as_the_venues_act() {
    // The ledger has two executions, of forty and thirty days ago, and the position is gone.
    let mut account = Account::new(VenueId(0), &catalogue(), &Profile::binance(), NOW);
    for (number, days) in [(40_u64, 40), (50, 30)] {
        let at = NOW - Span(days * Span::DAY.0);
        account.remember(id(u32::try_from(number).unwrap()), PERP, at);
        let fill = crate::port::order::Fill { at, ..fill_of(number) };
        let outcome = Outcome::Filled(fill);
        account.booked_before(&Event::Order(OrderReport { id: id(u32::try_from(number).unwrap()), outcome }), at);
    }
    account.recalled(NOW - Span(29 * Span::DAY.0));
    let mut bench = Bench { account, said: Vec::new(), now: NOW };
    let (call, from) = question(&mut bench, Market::Perp);
    assert_eq!(from, From::Id(50), "from the last one known, however old");
    let closing = FillRow { market: Market::Perp, at: Some(NOW - Span(20 * Span::DAY.0)), ..execution(90, 777, "0.5") };
    let known = FillRow { market: Market::Perp, ..execution(50, 776, "0.5") };
    let said = bench.tell(Input::Answered { call, result: Ok(Answer::Fills(vec![known, closing])) });
    let asked = calls(&said);
    let [(call, Call::Ask(Ask::OrderNumber { number: 777, .. }))] = &asked[..] else { panic!("{asked:?}") };
    let order = OrderRow { client_id: "autoclose-1".to_owned(), ..row(1, Market::Perp, OrderStatus::Filled, "0.5") };
    let said = bench.tell(Input::Answered { call: *call, result: Ok(Answer::Order(order)) });
    assert!(
        said.iter().any(|one| matches!(one, Output::Fact(Event::VenueFill { act: VenueAct::Liquidation, fill, .. }) if fill.id == FillId(90))),
        "{said:?}"
    );
}

fn fill_of(number: u64) -> crate::port::order::Fill {
    crate::port::order::Fill {
        id: FillId(number),
        quantity: quantity("0.5"),
        price: price("60000"),
        fee: amount("0.01"),
        fee_asset: usdt(),
        role: Role::Taker,
        at: NOW,
    }
}

#[test]
fn l06_executions_of_an_order_are_asked_for_by_its_number_and_never_by_a_window_that_is_too_long() {
    for age in [Span::seconds(1), Span::DAY, Span(30 * Span::DAY.0), Span(100 * Span::DAY.0)] {
        let mut bench = Bench::ready();
        bench.account.unsettled(id(1), SPOT, NOW - age);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let (call, _) = calls(&bench.tell(Input::Query { id: id(1), instrument: SPOT }))[0].clone();
            let answer = row(1, Market::Spot, OrderStatus::Filled, "0.5");
            let said = bench.tell(Input::Answered { call, result: Ok(Answer::Order(answer)) });
            let (call, Call::Ask(Ask::Fills { from, .. })) = calls(&said)[0].clone() else { panic!("{said:?}") };
            if let From::Window { start, end } = from {
                assert!(end.since(start) < Span::DAY && start < NOW - age && end > NOW - age);
            }
            seen.push(from);
            // A list that does not have it yet.
            bench.tell(Input::Answered { call, result: Ok(Answer::Fills(Vec::new())) });
        }
        assert_eq!(seen[0], From::Order(901));
        assert!(matches!(seen[1], From::Window { .. }), "another way to the same evidence");
    }
}

#[test]
fn l06_after_a_long_absence_windows_of_the_venues_length_are_read_one_after_the_other() {
    for (market, days) in [(Market::Spot, 30), (Market::Perp, 100)] {
        let since = NOW - Span(days * Span::DAY.0);
        let known = Executions::new(market, since);
        let (mut from, mut until, mut count) = (known.first(NOW), since, 0);
        loop {
            let From::Window { start, end } = from else { panic!("{from:?}") };
            assert!(start == until && end.since(start) <= longest(market), "no hole, and never too long");
            (until, count) = (end, count + 1);
            match known.next(from, &[], NOW) {
                Some(next) => from = next,
                None => break,
            }
        }
        assert!(until >= NOW && count <= days + 2, "{count}");
    }
}

#[test]
fn e03_a_symbol_that_is_listed_no_longer_keeps_no_list_of_the_rest_from_being_compared() {
    let looks = |code: i64| {
        let mut bench = Bench::ready();
        bench.tell(Input::Place(intent(1, SPOT, TimeInForce::ImmediateOrCancel)));
        let (call, _) = question(&mut bench, Market::Spot);
        let gone = Refused { code: Some(code), ..refused(Class::Malformed) };
        bench.tell(Input::Answered { call, result: Err(gone) })
    };
    let said = looks(-1121);
    assert!(said.iter().any(|one| matches!(one, Output::Lists(_))), "{said:?}");
    let said = looks(-1102);
    assert!(!said.iter().any(|one| matches!(one, Output::Lists(_))), "another refusal is no list: {said:?}");
}

#[test]
fn l27_a_smaller_id_than_one_that_the_stream_told_is_still_listed() {
    let mut bench = Bench::ready();
    bench.tell(Input::Place(intent(1, SPOT, TimeInForce::ImmediateOrCancel)));
    // The stream lost the first execution and tells the second.
    let order = row(1, Market::Spot, OrderStatus::Open, "0.5");
    let fill = Some(execution(12, 901, "0.3"));
    bench.tell(Input::Pushed(Stream::Spot, AccountMessage::Order { order, fill, by_venue: None }));
    let (call, from) = question(&mut bench, Market::Spot);
    assert!(matches!(from, From::Window { start, .. } if start < NOW), "{from:?}");
    let rows = vec![execution(11, 901, "0.2"), execution(12, 901, "0.3")];
    let said = bench.tell(Input::Answered { call, result: Ok(Answer::Fills(rows)) });
    assert!(matches!(outcomes(&said)[..], [Outcome::Filled(fill)] if fill.id == FillId(11)), "{said:?}");
}

#[test]
fn l27_an_execution_that_comes_late_to_the_list_is_found_by_the_overlap() {
    let mut known = Executions::new(Market::Spot, NOW);
    let at = |minutes: i64| NOW + Span(minutes * Span::MINUTE.0);
    for (number, minute) in [(5, 0), (7, 20)] {
        known.note(FillId(number), at(minute));
    }
    known.read(at(21));
    assert_eq!(known.first(at(22)), From::Id(5), "what is younger than the overlap is read again");
    known.read(at(40));
    assert_eq!(known.first(at(41)), From::Id(7));
    // A full page is followed by the next one, never begun again.
    let page: Vec<FillRow> = (0..u64::from(ROWS)).map(|number| execution(7 + number, 901, "0.1")).collect();
    assert_eq!(known.next(From::Id(7), &page, at(41)), Some(From::Id(7 + u64::from(ROWS))));
    assert_eq!(known.next(From::Id(7), &page[..1], at(41)), None);
}

#[test]
fn l27_an_execution_without_a_fee_is_asked_for_at_once() {
    let mut bench = Bench::ready();
    bench.tell(Input::Place(intent(1, PERP, TimeInForce::ImmediateOrCancel)));
    let bare = FillRow { market: Market::Perp, fee: None, fee_asset: None, ..execution(12, 901, "0.5") };
    let order = row(1, Market::Perp, OrderStatus::Filled, "0.5");
    let said =
        bench.tell(Input::Pushed(Stream::Perp, AccountMessage::Order { order, fill: Some(bare), by_venue: None }));
    let asked = calls(&said);
    let [(call, Call::Ask(Ask::Fills { from: From::Order(901), .. }))] = &asked[..] else { panic!("{asked:?}") };
    let full = FillRow { market: Market::Perp, ..execution(12, 901, "0.5") };
    let said = bench.tell(Input::Answered { call: *call, result: Ok(Answer::Fills(vec![full])) });
    assert!(matches!(outcomes(&said)[..], [Outcome::Filled(fill)] if fill.id == FillId(12)), "{said:?}");
}

#[test]
fn l06_an_execution_whose_order_nobody_can_name_is_a_strangers_after_three_answers() {
    let mut bench = Bench::ready();
    bench.account.remember(id(1), SPOT, NOW);
    let mut said = Vec::new();
    for _ in 0..3 {
        let (call, _) = question(&mut bench, Market::Spot);
        let mut open =
            calls(&bench.tell(Input::Answered { call, result: Ok(Answer::Fills(vec![execution(5, 1, "0.1")])) }));
        while let Some((call, what)) = open.pop() {
            if matches!(what, Call::Ask(Ask::OrderNumber { .. })) {
                said.extend(bench.tell(Input::Answered { call, result: Err(refused(Class::NotFound)) }));
            }
        }
    }
    let foreign = |one: &&Output| matches!(one, Output::Fact(Event::Foreign { instrument: Some(SPOT), .. }));
    assert_eq!(said.iter().filter(foreign).count(), 1, "{said:?}");
}

/// A host that lags says of a new order that it is not there, as often as it is asked: that makes no stranger of ours (R-A).
#[test]
fn l06_answers_of_one_moment_or_about_a_young_execution_make_no_stranger() {
    let mut bench = Bench::ready();
    let fill = FillRow { at: Some(NOW), ..execution(5, 1, "0.1") };
    let mut is_nobodys = |ms: i64| bench.account.is_nobodys((SPOT, &fill), NOW + Span(ms));
    assert!(![0, 30, 60, 90, 120].map(&mut is_nobodys).contains(&true), "all of one moment");
    assert!(
        ![20_000, 40_000, 59_000].map(&mut is_nobodys).contains(&true),
        "its order may still be on its way to that host"
    );
    assert!(is_nobodys(61_000));
}
