//! Tests of the look for another session on the account (L22).

use super::*;

/// The questions for recent orders among what was said.
fn questions(said: &[Output]) -> Vec<(CallId, Market, WallTime)> {
    let question = |one: &Output| match one {
        Output::Call(call, Call::Ask(Ask::RecentOrders { market, start, .. })) => Some((*call, *market, *start)),
        _ => None,
    };
    said.iter().filter_map(question).collect()
}

fn warned(said: &[Output]) -> usize {
    said.iter().filter(|one| matches!(one, Output::Fact(Event::OtherInstance { .. }))).count()
}

fn strange(text: &str, market: Market) -> OrderRow {
    OrderRow { client_id: text.to_owned(), ..row(1, market, OrderStatus::Expired, "0") }
}

#[test]
fn l22_at_the_start_and_at_each_look_recent_orders_of_our_form_that_the_ledger_does_not_know_are_told_once() {
    let mut bench = Bench::new();
    let first = questions(&bench.later(Span::seconds(1)));
    assert_eq!(first.len(), 2, "both legs at the start");
    assert!(first.iter().all(|(_, _, start)| bench.now.since(*start) <= Span::DAY));
    // An order of the copy that met nobody: no stream was open, and no execution tells of it.
    bench.account.remember(id(1), SPOT, NOW);
    let rows = vec![row(1, Market::Spot, OrderStatus::Filled, "0.5"), strange("c2-0000aaaa-4", Market::Spot)];
    let spot = first.iter().find(|(_, market, _)| *market == Market::Spot).unwrap().0;
    let said = bench.tell(Input::Answered { call: spot, result: Ok(Answer::Orders(rows.clone())) });
    assert_eq!(warned(&said), 1, "{said:?}");
    // A person's order, another program's and what closed all by key are not our form.
    let perp = first.iter().find(|(_, market, _)| *market == Market::Perp).unwrap().0;
    let others = ["web_1", "x-abc", "c0-00000001-3"].map(|text| strange(text, Market::Perp)).to_vec();
    let said = bench.tell(Input::Answered { call: perp, result: Ok(Answer::Orders(others)) });
    assert_eq!(warned(&said), 0);
    assert!(questions(&bench.later(Span::seconds(20))).is_empty());
    let again = questions(&bench.later(Span::seconds(11)));
    assert_eq!(again.len(), 2, "at each look");
    assert!(again.iter().all(|(_, _, start)| bench.now.since(*start) < Span::hours(1)), "from the last look on");
    let spot = again.iter().find(|(_, market, _)| *market == Market::Spot).unwrap().0;
    let said = bench.tell(Input::Answered { call: spot, result: Ok(Answer::Orders(rows)) });
    assert_eq!(warned(&said), 0, "told once");
}

#[test]
fn l22_a_restored_backup_is_compared_from_its_own_last_day_on() {
    let mut bench = Bench::new();
    bench.account.recalled(NOW - Span::hours(5));
    let first = questions(&bench.later(Span::ZERO));
    assert!(first.iter().all(|(_, _, start)| *start == NOW - Span::hours(5)), "{first:?}");
    // A list that cannot be had proves nothing, and holds up nothing.
    let (call, ..) = first[0];
    bench.tell(Input::NoAnswer { call });
    let again = questions(&bench.later(Span::seconds(31)));
    assert!(again.iter().any(|(_, _, start)| *start == NOW - Span::hours(5)));
}

#[test]
fn l22_streams_and_open_orders_tell_another_session_from_a_stranger() {
    let mut bench = Bench::ready();
    let order = strange("c9-0000aaaa-4", Market::Perp);
    let said = bench.tell(Input::Pushed(Stream::Perp, AccountMessage::Order { order, fill: None, by_venue: None }));
    assert_eq!(warned(&said), 1);
    let order = strange("web_7", Market::Perp);
    let said = bench.tell(Input::Pushed(Stream::Perp, AccountMessage::Order { order, fill: None, by_venue: None }));
    assert!(said.iter().any(|one| matches!(one, Output::Fact(Event::Foreign { .. }))) && warned(&said) == 0);
}

#[test]
fn h09_an_execution_of_a_strangers_perp_order_is_a_fact_for_the_core_at_once() {
    let mut bench = Bench::ready();
    bench.tell(Input::Place(intent(1, PERP, TimeInForce::ImmediateOrCancel)));
    let order = OrderRow { venue_id: 77, ..strange("web_7", Market::Perp) };
    let fill = crate::venues::answer::FillRow { market: Market::Perp, ..execution(31, 77, "0.2") };
    let message = AccountMessage::Order { order, fill: Some(fill.clone()), by_venue: None };
    let said = bench.tell(Input::Pushed(Stream::Perp, message.clone()));
    let told = |said: &[Output]| {
        let of = |one: &&Output| {
            matches!(one, Output::Fact(Event::VenueFill { act: VenueAct::Foreign, side: Side::Buy | Side::Sell, fill, .. })
                if fill.quantity == quantity("0.2"))
        };
        said.iter().filter(of).count()
    };
    assert_eq!(told(&said), 1, "{said:?}");
    assert!(said.iter().any(|one| matches!(one, Output::Fact(Event::Foreign { instrument: Some(PERP), .. }))));
    assert_eq!(told(&bench.tell(Input::Pushed(Stream::Perp, message))), 0, "once");
    // Coins that a stranger buys are no part of the pair.
    let order = OrderRow { venue_id: 78, ..strange("web_8", Market::Spot) };
    let message = AccountMessage::Order { order, fill: Some(execution(32, 78, "0.2")), by_venue: None };
    assert_eq!(told(&bench.tell(Input::Pushed(Stream::Spot, message))), 0);
}
