//! Tests of the account session: orders, streams, transfers and lists against a hand that plays the venue.

use super::*;
use crate::domain::contract::Contract;
use crate::domain::fees::{BuyFeeIn, Role};
use crate::domain::funding::{Formula, Weighting};
use crate::domain::{
    Amount, Asset, Catalogue, Fees, FillId, Instrument, Leg, Market, PairId, Price, Quantity, Rate, Rules, Side,
    SignedQuantity, Venue,
};
use crate::port::event::{VenueAct, Wallet};
use crate::port::order::{Purpose, Reason};
use crate::venues::answer::{
    AccountMessage, Answer, BalanceRow, Class, FundingRow, IncomeRow, OrderRow, OrderStatus, PositionRow, Refused,
    TransferRow, TransferStatus,
};
use crate::venues::ask::From;

const NOW: WallTime = WallTime(1_750_000_000_000);
const SPOT: InstrumentId = InstrumentId(0);
const PERP: InstrumentId = InstrumentId(1);

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}
fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}
fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
fn symbol() -> Symbol {
    Symbol::of("BTCUSDT")
}
fn usdt() -> Asset {
    Asset::new("USDT").unwrap()
}

fn catalogue() -> Catalogue {
    let instrument = |market| Instrument {
        id: InstrumentId(0),
        venue_id: VenueId(0),
        venue: Venue::new("binance").unwrap(),
        symbol: symbol(),
        market,
        coin: Asset::new("BTC").unwrap(),
        quote: usdt(),
        contract: Contract::Linear { coins: 1 },
        rules: Rules {
            tick: price("0.01"),
            step: quantity("0.00001"),
            min_quantity: quantity("0.00001"),
            max_quantity: quantity("1000"),
            min_notional: amount("5"),
        },
        fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
        buy_fee_in: BuyFeeIn::Coin,
        brackets: Vec::new(),
        collateral: Rate::ZERO,
        formula: Formula::STANDARD,
        weighting: Weighting::Linear,
    };
    let mut catalogue = Catalogue::default();
    catalogue.add_pair(instrument(Market::Spot), instrument(Market::Perp));
    catalogue
}

fn id(number: u32) -> ClientOrderId {
    ClientOrderId { epoch: 1, salt: 7, number }
}

fn intent(number: u32, instrument: InstrumentId, time_in_force: TimeInForce) -> Intent {
    Intent {
        id: id(number),
        pair: PairId(0),
        leg: if instrument == SPOT { Leg::Long } else { Leg::Short },
        instrument,
        side: if instrument == SPOT { Side::Buy } else { Side::Sell },
        quantity: quantity("0.5"),
        limit: price("60000"),
        time_in_force,
        reduce_only: false,
        purpose: Purpose::Enter,
        arrival_mid: price("60000"),
        decided_at: NOW,
        reason: Reason::CarryAbove,
    }
}

fn row(number: u32, market: Market, status: OrderStatus, filled: &str) -> OrderRow {
    OrderRow {
        market,
        symbol: symbol(),
        client_id: id(number).to_string(),
        venue_id: 900 + u64::from(number),
        side: if market == Market::Spot { Side::Buy } else { Side::Sell },
        status,
        quantity: quantity("0.5"),
        filled: quantity(filled),
        limit: Some(price("60000")),
        fills: Vec::new(),
        at: Some(NOW),
    }
}

fn execution(number: u64, order: u64, coins: &str) -> FillRow {
    FillRow {
        market: Market::Spot,
        symbol: symbol(),
        id: FillId(number),
        order,
        side: Some(Side::Buy),
        price: price("59990"),
        quantity: quantity(coins),
        fee: Some(amount("0.0005")),
        fee_asset: Some(Asset::new("BTC").unwrap()),
        role: Some(Role::Taker),
        at: Some(NOW),
    }
}

fn refused(class: Class) -> Refused {
    Refused { class, status: 400, code: None, text: String::new(), until: None }
}

/// An account and what it said last.
struct Bench {
    account: Account,
    said: Vec<Output>,
    now: WallTime,
}

impl Bench {
    /// Both streams open and the first lists read: everything empty.
    fn ready() -> Self {
        let mut bench = Self::new();
        bench.account.handle(Input::Opened(Stream::Spot), bench.now, &mut bench.said);
        bench.account.handle(Input::Opened(Stream::Perp), bench.now, &mut bench.said);
        bench.empty_lists();
        bench.tell(Input::Pushed(Stream::Spot, AccountMessage::Reply { id: "1".to_owned(), accepted: Ok(()) }));
        bench
    }

    fn new() -> Self {
        Self { account: Account::new(VenueId(0), &catalogue(), &Profile::binance(), NOW), said: Vec::new(), now: NOW }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        self.said.clear();
        self.account.handle(input, self.now, &mut self.said);
        self.said.clone()
    }

    fn later(&mut self, span: Span) -> Vec<Output> {
        self.now = self.now + span;
        self.tell(Input::Timer)
    }

    /// Answers every list of the last output that is asked for with nothing in it.
    fn empty_lists(&mut self) -> Vec<Output> {
        self.lists(&[])
    }

    /// The same with this income.
    fn lists(&mut self, income: &[IncomeRow]) -> Vec<Output> {
        let asked = self.said.clone();
        let mut all = Vec::new();
        for output in asked {
            let Output::Call(call, Call::Ask(ask)) = output else { continue };
            let answer = match ask {
                Ask::OpenOrders { .. } => Answer::Orders(Vec::new()),
                Ask::Balances(wallet) => Answer::Balances(wallet, Vec::new()),
                Ask::Positions => Answer::Positions(Vec::new()),
                Ask::Income { .. } => Answer::Income(income.to_vec()),
                Ask::Fills { .. } => Answer::Fills(Vec::new()),
                _ => continue,
            };
            all.extend(self.tell(Input::Answered { call, result: Ok(answer) }));
        }
        all
    }
}

fn outcomes(said: &[Output]) -> Vec<Outcome> {
    let outcome = |output: &Output| match output {
        Output::Fact(Event::Order(report)) => Some(report.outcome.clone()),
        _ => None,
    };
    said.iter().filter_map(outcome).collect()
}

fn calls(said: &[Output]) -> Vec<(CallId, Call)> {
    let call = |output: &Output| match output {
        Output::Call(number, call) => Some((*number, call.clone())),
        _ => None,
    };
    said.iter().filter_map(call).collect()
}

#[test]
fn an_answer_with_executions_tells_them_before_the_end() {
    let mut bench = Bench::ready();
    let sent = calls(&bench.tell(Input::Place(intent(1, SPOT, TimeInForce::ImmediateOrCancel))));
    let (call, Call::Act(Act::Place(placement))) = &sent[0] else { panic!("{sent:?}") };
    assert_eq!((placement.id, placement.symbol, placement.market), (id(1), symbol(), Market::Spot));
    let fills = vec![execution(1, 901, "0.2"), execution(2, 901, "0.3")];
    let answer = OrderRow { fills, ..row(1, Market::Spot, OrderStatus::Filled, "0.5") };
    let said = bench.tell(Input::Answered { call: *call, result: Ok(Answer::Order(answer)) });
    let told = outcomes(&said);
    assert!(matches!(told[..], [Outcome::Accepted, Outcome::Filled(_), Outcome::Filled(_), Outcome::Done { .. }]));
}

#[test]
fn c02_the_stream_and_the_answer_tell_an_execution_once() {
    let mut bench = Bench::ready();
    let (call, _) = calls(&bench.tell(Input::Place(intent(1, SPOT, TimeInForce::ImmediateOrCancel))))[0].clone();
    // A09: the stream is first.
    let pushed = AccountMessage::Order {
        order: row(1, Market::Spot, OrderStatus::Filled, "0.5"),
        fill: Some(execution(1, 901, "0.5")),
        by_venue: None,
    };
    let first = outcomes(&bench.tell(Input::Pushed(Stream::Spot, pushed.clone())));
    assert!(matches!(first[..], [Outcome::Filled(_), Outcome::Done { .. }]));
    let fills = vec![execution(1, 901, "0.5")];
    let answer = OrderRow { fills, ..row(1, Market::Spot, OrderStatus::Filled, "0.5") };
    let second = outcomes(&bench.tell(Input::Answered { call, result: Ok(Answer::Order(answer)) }));
    assert!(matches!(second[..], [Outcome::Accepted, Outcome::Done { .. }]));
    assert!(matches!(outcomes(&bench.tell(Input::Pushed(Stream::Spot, pushed)))[..], [Outcome::Done { .. }]));
}

#[test]
fn an_answer_without_executions_asks_for_them_and_ends_the_order_after() {
    let mut bench = Bench::ready();
    let (call, _) = calls(&bench.tell(Input::Place(intent(1, PERP, TimeInForce::ImmediateOrCancel))))[0].clone();
    let answer = row(1, Market::Perp, OrderStatus::Expired, "0.2");
    let said = bench.tell(Input::Answered { call, result: Ok(Answer::Order(answer)) });
    assert_eq!(outcomes(&said), [Outcome::Accepted]);
    let asked = calls(&said);
    let (call, Call::Ask(Ask::Fills { from: From::Order(901), .. })) = &asked[0] else { panic!("{asked:?}") };
    let mine = execution(5, 901, "0.2");
    let other = execution(6, 555, "0.1");
    let said = bench.tell(Input::Answered { call: *call, result: Ok(Answer::Fills(vec![mine, other])) });
    assert!(matches!(outcomes(&said)[..], [Outcome::Filled(_), Outcome::Expired { .. }]));
}

#[test]
fn a04_a07_what_proves_nothing_is_unknown_and_asked_for_never_sent_again() {
    let check = |end: &dyn Fn(CallId) -> Input, expected: Outcome, asks: bool| {
        let mut bench = Bench::ready();
        let (call, _) = calls(&bench.tell(Input::Place(intent(1, SPOT, TimeInForce::ImmediateOrCancel))))[0].clone();
        let mut said = bench.tell(end(call));
        for _ in 0..30 {
            said.extend(bench.later(Span::seconds(5)));
        }
        assert_eq!(outcomes(&said)[0], expected);
        let asked = calls(&said);
        assert!(!asked.iter().any(|(_, call)| matches!(call, Call::Act(Act::Place(_)))), "sent again");
        let asks_for_it = |(_, call): &(CallId, Call)| matches!(call, Call::Ask(Ask::Order { .. }));
        assert_eq!(asked.iter().any(asks_for_it), asks);
    };
    let answer = |class| move |call| Input::Answered { call, result: Err(refused(class)) };
    check(&|call| Input::NoAnswer { call }, Outcome::Unknown, true);
    check(&answer(Class::Unknown), Outcome::Unknown, true);
    check(&answer(Class::NotFound), Outcome::Unknown, true);
    check(&|call| Input::Answered { call, result: Ok(Answer::Done) }, Outcome::Unknown, true);
    let rejected = |cause| Outcome::Rejected { cause };
    check(&answer(Class::Proof(RejectCause::Balance)), rejected(RejectCause::Balance), false);
    check(&answer(Class::RateLimit), rejected(RejectCause::RateLimit), false);
    check(&answer(Class::Clock), rejected(RejectCause::RateLimit), false);
    check(&|call| Input::NotSent { call, limited: true }, rejected(RejectCause::RateLimit), false);
    check(&|call| Input::NotSent { call, limited: false }, rejected(RejectCause::Halted), false);
}

#[test]
fn a06_an_order_in_doubt_is_voided_once_and_asked_for_all_the_same() {
    let mut bench = Bench::ready();
    let (call, _) = calls(&bench.tell(Input::Place(intent(1, PERP, TimeInForce::ImmediateOrCancel))))[0].clone();
    let said = bench.tell(Input::Voidable { call, nonce: 77 });
    let (void, Call::Act(Act::Noop { nonce: 77 })) = calls(&said)[0] else { panic!("{said:?}") };
    let said = bench.tell(Input::NoAnswer { call });
    assert_eq!(outcomes(&said), [Outcome::Unknown]);
    assert!(matches!(calls(&said)[0].1, Call::Ask(Ask::Order { .. })));
    // Neither answer to the void says anything of the order.
    assert_eq!(outcomes(&bench.tell(Input::Answered { call: void, result: Ok(Answer::Done) })), []);
    assert_eq!(calls(&bench.tell(Input::Voidable { call, nonce: 77 })), [], "the placement is over");
}

#[test]
fn a10_a_refused_cancel_is_no_end_and_the_order_is_asked_for() {
    let mut bench = Bench::ready();
    bench.tell(Input::Place(intent(1, PERP, TimeInForce::PostOnly)));
    let (call, _) = calls(&bench.tell(Input::Cancel { id: id(1), instrument: PERP }))[0].clone();
    let said = bench.tell(Input::Answered { call, result: Err(refused(Class::NotFound)) });
    assert_eq!(outcomes(&said), [Outcome::CancelRejected]);
    assert!(matches!(calls(&said)[0].1, Call::Ask(Ask::Order { .. })));
    let (call, _) = calls(&bench.tell(Input::Cancel { id: id(1), instrument: PERP }))[0].clone();
    assert_eq!(outcomes(&bench.tell(Input::NoAnswer { call })), [Outcome::CancelUnknown]);
}

#[test]
fn c13_acts_of_the_venue_and_of_strangers_are_told_apart() {
    let mut bench = Bench::ready();
    let order = |client_id: &str| OrderRow {
        client_id: client_id.to_owned(),
        ..row(1, Market::Perp, OrderStatus::Filled, "0.5")
    };
    let push = |order, by_venue| {
        let fill = Some(execution(9, 1, "0.5"));
        Input::Pushed(Stream::Perp, AccountMessage::Order { order, fill, by_venue })
    };
    let said = bench.tell(push(order("adl_autoclose"), Some(VenueAct::Adl)));
    assert!(matches!(said[..], [Output::Fact(Event::VenueFill { act: VenueAct::Adl, instrument: PERP, .. })]));
    assert_eq!(bench.tell(push(order("adl_autoclose"), Some(VenueAct::Adl))), [], "told twice");
    let foreign = Output::Fact(Event::Foreign { venue: VenueId(0), instrument: Some(PERP) });
    assert_eq!(bench.tell(push(order("web_abc"), None)), [foreign]);
    // Our form, but an id that this ledger never made.
    let other = Output::Fact(Event::OtherInstance { venue: VenueId(0), instrument: Some(PERP) });
    assert_eq!(bench.tell(push(order(&id(77).to_string()), None)), [other]);
}

fn transfer() -> Transfer {
    Transfer { id: id(3), venue: VenueId(0), from: Wallet::Spot, asset: usdt(), amount: amount("100") }
}

#[test]
fn h07_a_transfer_without_an_answer_is_looked_for_and_never_repeated() {
    let found = |status| TransferRow { id: "t1".to_owned(), asset: usdt(), amount: amount("100"), status, at: NOW };
    let check = |rows: Vec<TransferRow>, expected: &dyn Fn(Transfer) -> Event| {
        let mut bench = Bench::ready();
        let (call, _) = calls(&bench.tell(Input::Transfer(transfer())))[0].clone();
        bench.tell(Input::NoAnswer { call });
        let (mut told, mut sent) = (Vec::new(), 0);
        for _ in 0..60 {
            let said = bench.later(Span::seconds(3));
            for (call, what) in calls(&said) {
                sent += i32::from(matches!(what, Call::Act(Act::Transfer { .. })));
                if matches!(what, Call::Ask(Ask::Transfers { .. })) {
                    let answer = Ok(Answer::Transfers(rows.clone()));
                    told.extend(bench.tell(Input::Answered { call, result: answer }));
                }
            }
            bench.empty_lists();
        }
        let facts: Vec<_> = told.into_iter().filter(|output| matches!(output, Output::Fact(_))).collect();
        assert_eq!(facts, [Output::Fact(expected(transfer()))]);
        assert_eq!(sent, 0);
    };
    check(vec![found(TransferStatus::Done)], &Event::TransferDone);
    check(vec![found(TransferStatus::Failed)], &Event::TransferFailed);
    check(Vec::new(), &Event::TransferFailed);
    let other = TransferRow { amount: amount("101"), ..found(TransferStatus::Done) };
    check(vec![other], &Event::TransferFailed);
}

#[test]
fn a_transfer_that_is_pending_or_not_listed_yet_is_not_failed_early() {
    let mut bench = Bench::ready();
    let (call, _) = calls(&bench.tell(Input::Transfer(transfer())))[0].clone();
    bench.tell(Input::Answered { call, result: Err(refused(Class::Unknown)) });
    let mut told = Vec::new();
    for _ in 0..25 {
        for (call, what) in calls(&bench.later(Span::seconds(3))) {
            if matches!(what, Call::Ask(Ask::Transfers { .. })) {
                told.extend(bench.tell(Input::Answered { call, result: Ok(Answer::Transfers(Vec::new())) }));
            }
        }
    }
    assert!(!told.iter().any(|output| matches!(output, Output::Fact(_))), "{told:?}");
}

#[test]
fn lists_are_told_once_all_are_there_and_not_when_one_failed() {
    let mut bench = Bench::new();
    bench.tell(Input::Opened(Stream::Perp));
    let asked = calls(&bench.said);
    assert_eq!(asked.len(), 6, "{asked:?}");
    let mut lost = asked[0].0;
    for _ in 0..2 {
        lost = calls(&bench.tell(Input::NoAnswer { call: lost }))[0].0;
    }
    assert!(bench.tell(Input::NoAnswer { call: lost }).is_empty(), "three times are enough");
    bench.said = asked.iter().skip(1).map(|(call, what)| Output::Call(*call, what.clone())).collect();
    let said = bench.empty_lists();
    assert!(!said.iter().any(|output| matches!(output, Output::Lists(_))), "one list failed");
    bench.later(Span::seconds(6));
    let said = bench.empty_lists();
    let lists = said.iter().find_map(|output| if let Output::Lists(lists) = output { Some(lists) } else { None });
    assert!(lists.unwrap().quiet);
}

#[test]
fn l02_one_list_that_got_no_answer_is_asked_for_again_at_once_and_costs_no_other_list() {
    let ends: [&dyn Fn(CallId) -> Input; 3] =
        [&|call| Input::NoAnswer { call }, &|call| Input::NotSent { call, limited: false }, &|call| Input::Answered {
            call,
            result: Err(refused(Class::Unknown)),
        }];
    for end in ends {
        let mut bench = Bench::new();
        bench.tell(Input::Opened(Stream::Perp));
        let asked = calls(&bench.said);
        let again = calls(&bench.tell(end(asked[0].0)));
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!(again[0].1, asked[0].1);
        bench.said = asked.iter().skip(1).chain(&again).map(|(call, what)| Output::Call(*call, what.clone())).collect();
        let said = bench.empty_lists();
        assert!(said.iter().any(|output| matches!(output, Output::Lists(lists) if lists.quiet)), "{said:?}");
    }
    // What our own budget held back is not asked for again at once.
    let mut bench = Bench::new();
    bench.tell(Input::Opened(Stream::Perp));
    let call = calls(&bench.said)[0].0;
    assert_eq!(bench.tell(Input::NotSent { call, limited: true }), []);
}

#[test]
fn l30_a_list_with_an_odd_row_of_a_foreign_symbol_counts_and_one_with_a_row_of_ours_does_not() {
    let looks = |odd: &str| {
        let mut bench = Bench::ready();
        bench.later(Span::seconds(31));
        let mut said = Vec::new();
        for (call, what) in calls(&bench.said.clone()) {
            let Call::Ask(ask) = what else { continue };
            let mut answer = order::empty(&ask);
            if matches!(ask, Ask::Positions | Ask::OpenOrders { .. }) {
                let left_out = vec![(Symbol::new(odd).unwrap(), "field `x` is odd".to_owned())];
                answer = Answer::Partly { answer: Box::new(answer), left_out };
            }
            said.extend(bench.tell(Input::Answered { call, result: Ok(answer) }));
        }
        said
    };
    let said = looks("XYZUSDT");
    assert!(said.contains(&Output::Note(Note::LeftOut(1))), "counted: {said:?}");
    let lists = said.iter().find_map(|one| if let Output::Lists(lists) = one { Some(lists) } else { None });
    assert_eq!(lists.unwrap().elsewhere, [Symbol::of("XYZUSDT")], "a position that cannot be read is one");
    let said = looks("BTCUSDT");
    assert!(!said.iter().any(|one| matches!(one, Output::Lists(_))), "{said:?}");
}

#[test]
fn the_dead_mans_switch_is_kept_while_an_order_rests_and_let_go_after() {
    let switches = |said: &[Output]| -> Vec<Span> {
        let switch = |(_, call): (CallId, Call)| match call {
            Call::Act(Act::Countdown { after, .. }) => Some(after),
            _ => None,
        };
        calls(said).into_iter().filter_map(switch).collect()
    };
    let mut bench = Bench::ready();
    assert_eq!(switches(&bench.tell(Input::Place(intent(1, PERP, TimeInForce::PostOnly)))), [Span::seconds(120)]);
    assert_eq!(switches(&bench.later(Span::seconds(10))), []);
    assert_eq!(switches(&bench.later(Span::seconds(25))), [Span::seconds(120)]);
    let order = row(1, Market::Perp, OrderStatus::Cancelled, "0");
    bench.tell(Input::Pushed(Stream::Perp, AccountMessage::Order { order, fill: None, by_venue: None }));
    assert_eq!(switches(&bench.later(Span::seconds(1))), [Span::ZERO]);
    assert_eq!(switches(&bench.tell(Input::Place(intent(2, SPOT, TimeInForce::PostOnly)))), [], "spot has none");
}

#[test]
fn d13_a_subscription_with_a_stale_stamp_is_made_again_and_bars_nobody() {
    let mut bench = Bench::ready();
    let mut reply = |class| {
        let accepted = Err(refused(class));
        bench.tell(Input::Pushed(Stream::Spot, AccountMessage::Reply { id: "1".to_owned(), accepted }))
    };
    assert_eq!(reply(Class::Clock), [Output::Note(Note::Clock), Output::Reopen(Stream::Spot)]);
    assert_eq!(reply(Class::Auth), [Output::Barred(refused(Class::Auth))]);
}

#[path = "account_fills_tests.rs"]
mod fills;
#[path = "account_income_tests.rs"]
mod income;
#[path = "account_order_tests.rs"]
mod order;
#[path = "account_recent_tests.rs"]
mod recent;
#[path = "account_transfer_tests.rs"]
mod transfer_tests;
