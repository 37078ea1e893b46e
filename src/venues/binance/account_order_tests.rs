//! Tests of an order's life as told by answers, streams and lists, in any order (L01), and of the streams themselves.

use super::*;
use proptest::prelude::*;

/// What may be heard of one order that executes in two parts; each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// The placement is answered with its end.
    Answer,
    /// The placement gets no answer.
    NoAnswer,
    /// The stream: accepted, a part, the rest.
    New,
    Part,
    Rest,
    /// Lists are read.
    Lists,
    /// Time passes.
    Wait,
}

fn told(of: Heard, market: Market) -> AccountMessage {
    let execution = |number, coins| FillRow { market, ..execution(number, 901, coins) };
    let (status, filled, fill) = match of {
        Heard::New => (OrderStatus::Open, "0", None),
        Heard::Part => (OrderStatus::Open, "0.2", Some(execution(11, "0.2"))),
        _ => (OrderStatus::Filled, "0.5", Some(execution(12, "0.3"))),
    };
    AccountMessage::Order { order: row(1, market, status, filled), fill, by_venue: None }
}

/// A venue with one order that was executed in two parts.
struct Venue {
    bench: Bench,
    market: Market,
    said: Vec<Output>,
}

impl Venue {
    fn new(instrument: InstrumentId) -> (Self, CallId) {
        let market = if instrument == SPOT { Market::Spot } else { Market::Perp };
        let mut venue = Self { bench: Bench::ready(), market, said: Vec::new() };
        for _ in 0..3 {
            venue.bench.now = venue.bench.now + Span::seconds(1);
            venue.tell(Input::Timer);
        }
        venue.said.clear();
        let order = intent(1, instrument, TimeInForce::ImmediateOrCancel);
        let (call, _) = calls(&venue.bench.tell(Input::Place(order)))[0].clone();
        (venue, call)
    }

    fn fills(&self) -> Vec<FillRow> {
        let of = |number, coins| FillRow { market: self.market, ..execution(number, 901, coins) };
        vec![of(11, "0.2"), of(12, "0.3")]
    }

    /// Tells it something, and answers what it asks as the venue's books are.
    fn tell(&mut self, input: Input) {
        let mut open = vec![input];
        while let Some(input) = open.pop() {
            for output in self.bench.tell(input) {
                let Output::Call(call, what) = &output else {
                    self.said.push(output);
                    continue;
                };
                let answer = match what {
                    Call::Ask(Ask::Order { .. } | Ask::OrderNumber { .. }) => {
                        Answer::Order(row(1, self.market, OrderStatus::Filled, "0.5"))
                    }
                    Call::Ask(Ask::Fills { market, from, .. }) if *market == self.market => {
                        let least = if let From::Id(id) = from { *id } else { 0 };
                        Answer::Fills(self.fills().into_iter().filter(|row| row.id.0 >= least).collect())
                    }
                    Call::Ask(ask) => empty(ask),
                    Call::Act(_) => continue,
                };
                open.push(Input::Answered { call: *call, result: Ok(answer) });
            }
        }
    }

    fn hear(&mut self, heard: Heard, call: CallId) {
        let stream = Stream::of(self.market);
        match heard {
            Heard::Answer => {
                let answer = row(1, self.market, OrderStatus::Filled, "0.5");
                self.tell(Input::Answered { call, result: Ok(Answer::Order(answer)) });
            }
            Heard::NoAnswer => self.tell(Input::NoAnswer { call }),
            Heard::New | Heard::Part | Heard::Rest => self.tell(Input::Pushed(stream, told(heard, self.market))),
            Heard::Lists => self.tell(Input::Reconcile),
            Heard::Wait => {
                for _ in 0..15 {
                    self.bench.now = self.bench.now + Span::seconds(1);
                    self.tell(Input::Timer);
                }
            }
        }
    }

    /// Ids of the executions told, and whether the order's end was told after the last of them.
    fn facts(&self) -> (Vec<u64>, bool) {
        let mut fills = Vec::new();
        let mut ended = false;
        for outcome in outcomes(&self.said) {
            match outcome {
                Outcome::Filled(fill) => fills.push(fill.id.0),
                Outcome::Done { filled } => ended |= filled == quantity("0.5"),
                _ => {}
            }
        }
        fills.sort_unstable();
        (fills, ended)
    }
}

#[test]
fn l28_hedges_and_exits_leave_first_on_both_legs_and_entries_do_not() {
    use crate::venues::ask::Priority;
    use crate::venues::binance::encode;
    let check = |instrument, purpose, expected: Priority| {
        let mut bench = Bench::ready();
        let intent = Intent { purpose, ..intent(1, instrument, TimeInForce::ImmediateOrCancel) };
        let (_, call) = calls(&bench.tell(Input::Place(intent)))[0].clone();
        let Call::Act(act) = call else { panic!("{call:?}") };
        let request = encode::write(&Profile::binance(), &act).unwrap().request().clone();
        assert_eq!((request.priority, request.is_order), (expected, true), "{instrument:?} {purpose:?}");
    };
    for instrument in [SPOT, PERP] {
        check(instrument, Purpose::Enter, Priority::Normal);
        for purpose in [Purpose::Exit, Purpose::Hedge, Purpose::Undo, Purpose::Repair] {
            check(instrument, purpose, Priority::Safety);
        }
    }
}

/// The answer of a venue that holds nothing.
pub(super) fn empty(ask: &Ask) -> Answer {
    match ask {
        Ask::OpenOrders { .. } | Ask::RecentOrders { .. } => Answer::Orders(Vec::new()),
        Ask::Balances(wallet) => Answer::Balances(*wallet, Vec::new()),
        Ask::Positions => Answer::Positions(Vec::new()),
        Ask::Income { .. } => Answer::Income(Vec::new()),
        Ask::FundingHistory { .. } => Answer::FundingHistory(Vec::new()),
        _ => Answer::Fills(Vec::new()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn l01_any_order_of_answer_push_and_list_gives_the_same_facts_and_no_reopening(
        order in Just(vec![Heard::Answer, Heard::New, Heard::Part, Heard::Rest, Heard::Lists, Heard::Wait, Heard::Wait]).prop_shuffle(),
        answered in any::<bool>(),
        spot in any::<bool>(),
    ) {
        let (mut venue, call) = Venue::new(if spot { SPOT } else { PERP });
        for heard in order {
            let heard = if heard == Heard::Answer && !answered { Heard::NoAnswer } else { heard };
            venue.hear(heard, call);
            prop_assert!(venue.bench.account.streams_open());
        }
        prop_assert_eq!(venue.facts(), (vec![11, 12], true));
        let torn = |one: &&Output| matches!(one, Output::Reopen(_) | Output::Barred(_) | Output::Fact(Event::Foreign { .. }));
        let torn: Vec<&Output> = venue.said.iter().filter(torn).collect();
        prop_assert!(torn.is_empty(), "{:?}", torn);
        // Ten minutes later nothing of it is left.
        let before = venue.said.len();
        for _ in 0..40 {
            venue.hear(Heard::Wait, call);
        }
        let more: Vec<&Output> = venue.said[before..].iter().filter(|one| !matches!(one, Output::Lists(_) | Output::Fact(Event::PositionListed { .. } | Event::AdlRank { .. }))).collect();
        prop_assert!(more.is_empty(), "{:?}", more);
    }
}

#[test]
fn l01_a_stream_that_told_the_end_before_the_answer_owes_nothing() {
    for instrument in [SPOT, PERP] {
        let (mut venue, call) = Venue::new(instrument);
        for heard in [Heard::New, Heard::Part, Heard::Rest, Heard::Answer, Heard::Wait, Heard::Wait] {
            venue.hear(heard, call);
        }
        let torn = |one: &Output| matches!(one, Output::Reopen(_) | Output::Renew(_));
        assert!(!venue.said.iter().any(torn), "{:?}", venue.said);
        assert!(venue.bench.account.streams_open());
    }
}

#[test]
fn l01_a_silent_stream_is_renewed_by_the_evidence_of_a_list_and_counts_as_open_meanwhile() {
    let (mut venue, call) = Venue::new(PERP);
    venue.hear(Heard::Answer, call);
    for _ in 0..9 {
        venue.bench.now = venue.bench.now + Span::seconds(1);
        venue.tell(Input::Timer);
    }
    assert!(!venue.said.contains(&Output::Renew(Stream::Perp)), "a guess");
    venue.hear(Heard::Wait, call);
    let renewals = |venue: &Venue| venue.said.iter().filter(|one| **one == Output::Renew(Stream::Perp)).count();
    assert_eq!(renewals(&venue), 1, "{:?}", venue.said);
    assert!(!venue.said.iter().any(|one| matches!(one, Output::Reopen(_))));
    assert!(venue.bench.account.streams_open());
    // The expectation does not outlive its socket.
    venue.tell(Input::Opened(Stream::Perp));
    venue.hear(Heard::Wait, call);
    assert_eq!(renewals(&venue), 1);
}

#[test]
fn l01_a_stream_opened_after_the_order_left_owes_nothing_of_it() {
    let (mut venue, call) = Venue::new(PERP);
    venue.tell(Input::Closed(Stream::Perp));
    venue.bench.now = venue.bench.now + Span::seconds(1);
    venue.tell(Input::Opened(Stream::Perp));
    venue.hear(Heard::Answer, call);
    venue.hear(Heard::Wait, call);
    venue.hear(Heard::Wait, call);
    assert!(!venue.said.iter().any(|one| matches!(one, Output::Reopen(_) | Output::Renew(_))), "{:?}", venue.said);
}

#[test]
fn l11_a_refused_subscription_is_made_again_later_and_an_open_one_was_confirmed() {
    let reply = |accepted| Input::Pushed(Stream::Spot, AccountMessage::Reply { id: "1".to_owned(), accepted });
    let mut bench = Bench::new();
    bench.tell(Input::Opened(Stream::Perp));
    bench.tell(Input::Opened(Stream::Spot));
    assert!(!bench.account.streams_open(), "an open socket is no subscription");
    let limited = Refused { until: Some(crate::venues::answer::Until::Seconds(20)), ..refused(Class::RateLimit) };
    let said = bench.tell(reply(Err(limited)));
    assert!(!said.iter().any(|one| matches!(one, Output::Barred(_) | Output::Reopen(_))), "{said:?}");
    assert!(!bench.later(Span::seconds(19)).contains(&Output::Reopen(Stream::Spot)));
    assert!(bench.later(Span::seconds(1)).contains(&Output::Reopen(Stream::Spot)));
    assert!(!bench.later(Span::seconds(1)).contains(&Output::Reopen(Stream::Spot)), "once");
    bench.tell(Input::Opened(Stream::Spot));
    bench.tell(reply(Ok(())));
    assert!(bench.account.streams_open());
    // One that is never answered is made again too.
    bench.tell(Input::Closed(Stream::Spot));
    bench.tell(Input::Opened(Stream::Spot));
    assert!(bench.later(Span::seconds(10)).contains(&Output::Reopen(Stream::Spot)));
}

#[test]
fn l32_a_stream_that_the_venue_will_end_is_renewed_before_it_falls() {
    let mut bench = Bench::ready();
    let said = bench.tell(Input::Pushed(Stream::Spot, AccountMessage::ServerShutdown));
    assert_eq!(said, [Output::Renew(Stream::Spot)]);
    assert!(bench.account.streams_open());
    assert_eq!(
        bench.tell(Input::Pushed(Stream::Spot, AccountMessage::ListenKeyExpired)),
        [Output::Reopen(Stream::Spot)]
    );
    assert!(!bench.account.streams_open());
}

#[test]
fn l15_an_order_in_doubt_says_from_when_on_it_can_no_longer_arrive() {
    let expiry = |said: &[Output]| {
        said.iter().find_map(|one| if let Output::Fact(Event::Expires { at, .. }) = one { Some(*at) } else { None })
    };
    let check = |instrument, after: i64| {
        let mut bench = Bench::ready();
        let (call, _) =
            calls(&bench.tell(Input::Place(intent(1, instrument, TimeInForce::ImmediateOrCancel))))[0].clone();
        let said = bench.tell(Input::NoAnswer { call });
        assert_eq!(expiry(&said), Some(NOW + Span(after)));
    };
    // The window that is signed, the venue's margin, and our own way to the signature.
    check(SPOT, 5_000 + 1_000 + 500);
    check(PERP, 5_000 + 2_000 + 500);
    // When it is known at which instant it was signed, from that one.
    let mut bench = Bench::ready();
    let (call, _) = calls(&bench.tell(Input::Place(intent(1, SPOT, TimeInForce::ImmediateOrCancel))))[0].clone();
    bench.tell(Input::Signed { call, at: NOW + Span::seconds(3) });
    assert_eq!(expiry(&bench.tell(Input::NoAnswer { call })), Some(NOW + Span::seconds(9)));
    // One of an earlier run, at the first timer.
    let mut bench = Bench::ready();
    bench.account.unsettled(id(9), PERP, NOW - Span::HOUR);
    assert_eq!(expiry(&bench.later(Span::seconds(1))), Some(NOW - Span::HOUR + Span(17_000)));
    // Where the venue does not say that it checks again, nothing is said; a void that was taken ends it.
    let mut account =
        Account::new(VenueId(0), &catalogue(), &Profile::aster_v3(crate::venues::binance::profile::Net::Main), NOW);
    let mut said = Vec::new();
    account.handle(Input::Place(intent(1, PERP, TimeInForce::ImmediateOrCancel)), NOW, &mut said);
    let (call, _) = calls(&said)[0].clone();
    said.clear();
    account.handle(Input::Voidable { call, nonce: 5 }, NOW, &mut said);
    account.handle(Input::NoAnswer { call }, NOW, &mut said);
    assert_eq!(expiry(&said), None);
    let (void, _) = calls(&said)[0].clone();
    account.handle(Input::Answered { call: void, result: Ok(Answer::Done) }, NOW, &mut said);
    assert_eq!(expiry(&said), Some(NOW + Span::seconds(1)));
}
