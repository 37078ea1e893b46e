//! Tests of `budget.rs`: limits, shares and what the venue says about them, on a clock that the test moves.

use super::*;
use std::cell::Cell;

thread_local! {
    static NOW_MS: Cell<u64> = const { Cell::new(0) };
}

const MINUTE_MS: u64 = 60_000;

/// A clock of this test's thread; it begins on a full minute.
fn clock() -> Clock {
    Clock {
        look: std::time::Duration::from_secs(1),
        anchor: |_, _| (),
        machine: || WallTime(0),
        wall: || WallTime(1_800_000_000_000 + i64::try_from(NOW_MS.get()).unwrap()),
        steady_ns: || (NOW_MS.get() + 1_000) * 1_000_000,
    }
}

fn wait(ms: u64) {
    NOW_MS.set(NOW_MS.get() + ms);
}

fn read(weight: u32, priority: Priority) -> Spend {
    Spend { weight, is_order: false, is_write: false, priority }
}

fn order(priority: Priority) -> Spend {
    Spend { weight: 0, is_order: true, is_write: true, priority }
}

fn reply(status: u16) -> Reply {
    let (used_weight, order_counts, retry_after, server_date) = (None, Vec::new(), None, None);
    let at = clock().now();
    let (sent_at, received_at) = (at, at);
    Reply { status, body: Vec::new(), used_weight, order_counts, retry_after, server_date, sent_at, received_at }
}

/// How often it may be spent at this instant.
fn most(budget: &mut Budget, spend: Spend) -> u32 {
    (0..100_000).take_while(|_| budget.take(spend).is_ok()).count().try_into().unwrap()
}

#[test]
fn background_gets_half_and_a_fifth_is_kept_for_safety() {
    let mut budget = Budget::new(&Limits::perp(), clock());
    assert_eq!(most(&mut budget, read(10, Priority::Background)), 60, "half of what may leave at once");
    assert_eq!(most(&mut budget, read(10, Priority::Normal)), 36);
    assert_eq!(most(&mut budget, read(10, Priority::Safety)), 24);
    let mut fresh = Budget::new(&Limits::perp(), clock());
    assert_eq!(most(&mut fresh, read(10, Priority::Normal)), 96, "without background work it has four fifths");
    assert_eq!(most(&mut fresh, read(10, Priority::Safety)), 24);
}

#[test]
fn no_window_of_any_position_holds_more_than_the_limit() {
    let mut budget = Budget::new(&Limits::perp(), clock());
    let mut spent = Vec::new();
    for step in 0..1_800_u64 {
        let count = most(&mut budget, read(5, Priority::Safety));
        spent.push((step * 100, count * 5));
        wait(100);
    }
    let all: u32 = spent.iter().map(|(_, count)| count).sum();
    assert!(all > 1200 * 3, "half flows in each minute: {all}");
    for start in 0..1_200_u64 {
        let inside = |at: u64| at >= start * 100 && at < start * 100 + MINUTE_MS;
        let sum: u32 = spent.iter().filter(|(at, _)| inside(*at)).map(|(_, count)| count).sum();
        assert!(sum <= 2400, "{sum} in the minute from {start}");
    }
}

#[test]
fn reads_are_told_when_to_come_again_and_orders_are_refused_at_once() {
    let mut budget = Budget::new(&Limits::perp(), clock());
    assert_eq!(most(&mut budget, order(Priority::Normal)), 120);
    assert_eq!(most(&mut budget, order(Priority::Safety)), 30, "a fifth is kept for reducing ones");
    assert!(matches!(budget.take(order(Priority::Safety)), Err(NoBudget::Refused { .. })));
    most(&mut budget, read(10, Priority::Background));
    let Err(NoBudget::Wait { again_ns }) = budget.take(read(10, Priority::Background)) else {
        panic!("expected to wait")
    };
    let ms = again_ns / 1_000_000 - 1_000;
    assert_eq!(ms, 1_000, "600 a minute flow in: 10 take a second");
    wait(ms - 1);
    assert!(budget.take(read(10, Priority::Background)).is_err());
    wait(1);
    assert!(budget.take(read(10, Priority::Background)).is_ok());
    assert_eq!(budget.take(read(5_000, Priority::Safety)), Err(NoBudget::TooHeavy { weight: 5_000 }));
}

#[test]
fn a_higher_count_of_the_venue_is_taken_over_once() {
    let mut budget = Budget::new(&Limits::perp(), clock());
    budget.take(read(10, Priority::Normal)).unwrap();
    let told = Reply { used_weight: Some(610), ..reply(200) };
    budget.on_reply(&told);
    budget.on_reply(&told);
    assert_eq!(most(&mut budget, read(10, Priority::Background)), 0, "the shared half is spent by another program");
    assert_eq!(most(&mut budget, read(10, Priority::Normal)), 35);
    assert_eq!(most(&mut budget, read(10, Priority::Safety)), 24);
    wait(10 * MINUTE_MS);
    budget.on_reply(&Reply { used_weight: Some(1_920), ..reply(200) });
    wait(1_000);
    assert!(matches!(budget.take(read(1, Priority::Normal)), Err(NoBudget::Wait { .. })), "four fifths are gone");
    assert!(budget.take(read(1, Priority::Safety)).is_ok());
    budget.on_reply(&Reply { used_weight: Some(2_400), ..reply(200) });
    wait(1_000);
    assert!(budget.take(read(1, Priority::Safety)).is_err());
    wait(MINUTE_MS);
    assert!(budget.take(read(1, Priority::Normal)).is_ok(), "the venue's minute has ended");
}

#[test]
fn order_counts_of_the_venue_are_taken_over() {
    let mut budget = Budget::new(&Limits::perp(), clock());
    budget.on_reply(&Reply { order_counts: vec![(Span::seconds(10), 240)], ..reply(200) });
    assert!(matches!(budget.take(order(Priority::Normal)), Err(NoBudget::Refused { .. })));
    wait(20_000);
    assert!(budget.take(order(Priority::Normal)).is_ok());
}

#[test]
fn d07_d08_nothing_leaves_until_the_time_that_the_venue_named() {
    let blocked = |status: u16, retry_after: Option<Until>| {
        let mut budget = Budget::new(&Limits::spot(), clock());
        budget.on_reply(&Reply { retry_after, ..reply(status) });
        let start_ns = (clock().steady_ns)();
        match budget.take(Spend { is_order: true, is_write: true, ..read(0, Priority::Safety) }) {
            Err(NoBudget::Blocked { until_ns }) => ("blocked", (until_ns - start_ns) / 1_000_000_000),
            Err(NoBudget::Halted { until_ns }) => ("halted", (until_ns - start_ns) / 1_000_000_000),
            other => panic!("{other:?}"),
        }
    };
    wait(20_000);
    let day = 86_400;
    assert_eq!(blocked(429, Some(Until::Seconds(7))), ("blocked", 7));
    assert_eq!(blocked(429, Some(Until::Seconds(0))), ("blocked", 1));
    assert_eq!(blocked(429, Some(Until::Seconds(1_000_000_000_000))), ("blocked", 3 * day));
    assert_eq!(blocked(429, Some(Until::At(WallTime(0)))), ("blocked", 1));
    assert_eq!(blocked(429, Some(Until::At(clock().now().wall + Span::seconds(9)))), ("blocked", 9));
    assert_eq!(blocked(429, None), ("blocked", 41), "to the end of the minute and a second");
    assert_eq!(blocked(403, None), ("blocked", 300));
    assert_eq!(blocked(418, None), ("halted", 120));
    assert_eq!(blocked(418, Some(Until::Seconds(600))), ("halted", 600));
    let mut budget = Budget::new(&Limits::spot(), clock());
    budget.on_reply(&Reply { retry_after: Some(Until::Seconds(5)), ..reply(418) });
    assert!(budget.halted_until_ns().is_some());
    wait(5_000);
    assert_eq!(budget.halted_until_ns(), None);
    assert!(budget.wants_asker() && budget.gently_asked(true));
    assert_eq!(budget.take(read(2, Priority::Normal)), Ok(()));
}

#[test]
fn l28_after_a_limit_one_gentle_question_leaves_first_and_is_put_again_ever_more_slowly() {
    let mut budget = Budget::new(&Limits::spot(), clock());
    let mut beside = budget.beside(&Limits::spot());
    budget.on_reply(&Reply { retry_after: Some(Until::Seconds(7)), ..reply(429) });
    assert!(budget.wants_asker(), "somebody takes it on");
    assert!(!budget.wants_asker() && !beside.wants_asker(), "one, for the whole address");
    let seconds = |at: Option<u64>| at.map(|at| (at - (clock().steady_ns)()) / 1_000_000_000);
    assert_eq!(seconds(budget.gentle_at()), Some(7));
    wait(7_000);
    assert_eq!(budget.gentle_at(), None);
    for held in [&mut budget, &mut beside] {
        // A read looks again soon, a write is decided anew: neither leaves before the question was answered.
        assert!(matches!(held.take(read(1, Priority::Safety)), Err(NoBudget::Blocked { .. })));
        assert!(matches!(held.take(order(Priority::Safety)), Err(NoBudget::Blocked { .. })));
    }
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(!budget.gently_asked(false), "it got no answer");
        assert_eq!(seconds(budget.gentle_at()), Some(pause));
        wait(pause * 1_000);
    }
    // It is limited again: the question was the only request.
    budget.on_reply(&Reply { retry_after: Some(Until::Seconds(20)), ..reply(418) });
    assert!(!budget.gently_asked(true), "an answer that limits again lets nothing go on");
    assert!(matches!(beside.take(order(Priority::Safety)), Err(NoBudget::Halted { .. })));
    wait(20_000);
    assert!(budget.gently_asked(true));
    assert_eq!((budget.take(order(Priority::Safety)), beside.take(read(1, Priority::Background))), (Ok(()), Ok(())));
    budget.on_reply(&reply(429));
    assert!(budget.wants_asker(), "the next time somebody asks again");
}

#[test]
fn l28_what_the_venue_states_is_what_is_kept_and_what_was_spent_stays_spent() {
    let row = |kind: &str, seconds: u64, limit: u64| RateLimit {
        kind: crate::domain::Symbol::new(kind).unwrap(),
        seconds,
        limit,
    };
    let mut budget = Budget::new(&Limits::perp(), clock());
    assert_eq!(most(&mut budget, read(100, Priority::Background)), 6, "600 of 1200 leave at once");
    budget.state(&[row("REQUEST_WEIGHT", 60, 1_200), row("ORDERS", 10, 20)]);
    assert_eq!(budget.limits().weight.count, 1_200);
    assert_eq!(most(&mut budget, read(1, Priority::Safety)), 0, "the half of the smaller limit is spent");
    assert_eq!(most(&mut budget, order(Priority::Normal)), 8, "and a fifth of the half of 20 is kept");
    assert_eq!(most(&mut budget, order(Priority::Safety)), 2);
    wait(2 * MINUTE_MS);
    budget.state(&[row("REQUEST_WEIGHT", 60, 1_200), row("ORDERS", 10, 20)]);
    assert_eq!(most(&mut budget, order(Priority::Safety)), 10, "said again, nothing begins anew");
    budget.state(&[row("REQUEST_WEIGHT", 60, 1_200), row("ORDERS", 10, 20)]);
    assert_eq!(most(&mut budget, order(Priority::Safety)), 0);
}

#[test]
fn the_venues_own_list_replaces_what_was_assumed() {
    let row = |kind: &str, seconds: u64, limit: u64| RateLimit {
        kind: crate::domain::Symbol::new(kind).unwrap(),
        seconds,
        limit,
    };
    let stated =
        [row("REQUEST_WEIGHT", 60, 1200), row("ORDERS", 10, 100), row("ORDERS", 86_400, 200_000), row("ORDERS", 0, 9)];
    let limits = Limits::spot().stated(&stated);
    assert_eq!(limits.weight, Limit { count: 1200, window: Span::MINUTE });
    assert_eq!(limits.orders.len(), 2);
    assert_eq!(Limits::spot().stated(&[]), Limits::spot());
}
