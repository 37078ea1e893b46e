//! Generators of any event that a run can record, for the property that each survives the tape.
//!
//! Not of plausible markets: numbers go to the ends of what their types hold. Used by `main.rs` beside it.

use carry::domain::fees::Role;
use carry::domain::margin::Bracket;
use carry::domain::{
    Amount, Asset, ClientOrderId, Fees, FillId, FundingRate, InstrumentId, Interval, PairId, Price, Quantity, Rate,
    Rules, Side, SignedQuantity, VenueId, WallTime,
};
use carry::port::event::{
    Adjustment, Bar, EndCause, Event, MarkSource, Operator, Quote, Settlement, Transfer, VenueAct, Wallet,
};
use carry::port::health::{Input, Listed, Part};
use carry::port::order::{Fill, OrderReport, Outcome, RejectCause};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

fn price() -> impl Strategy<Value = Price> {
    (1..=i64::MAX).prop_map(|units| Price::from_units(units).unwrap())
}
fn quantity() -> impl Strategy<Value = Quantity> {
    (0..=i64::MAX).prop_map(|units| Quantity::from_units(units).unwrap())
}
fn signed() -> impl Strategy<Value = SignedQuantity> {
    any::<i64>().prop_map(SignedQuantity::from_units)
}
fn rate() -> impl Strategy<Value = Rate> {
    any::<i64>().prop_map(Rate::from_units)
}
fn amount() -> impl Strategy<Value = Amount> {
    // The one amount without a positive twin has no printed form; no sum of money comes near it.
    (-i128::MAX..=i128::MAX).prop_map(Amount::from_units)
}
fn time() -> impl Strategy<Value = WallTime> {
    any::<i64>().prop_map(WallTime)
}
fn instrument() -> impl Strategy<Value = InstrumentId> {
    any::<u16>().prop_map(InstrumentId)
}
fn pair() -> impl Strategy<Value = PairId> {
    any::<u16>().prop_map(PairId)
}
fn venue() -> impl Strategy<Value = VenueId> {
    any::<u8>().prop_map(VenueId)
}
fn asset() -> impl Strategy<Value = Asset> {
    prop_oneof!["[A-Z0-9]{1,16}", "[\\\\'/<>=币安]{1,4}"].prop_map(|text| Asset::new(&text).unwrap())
}
fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}
fn order_id() -> impl Strategy<Value = ClientOrderId> {
    any::<(u32, u32, u32)>().prop_map(|(epoch, salt, number)| ClientOrderId { epoch, salt, number })
}
fn interval() -> impl Strategy<Value = Interval> {
    prop_oneof![Just(Interval::H1), Just(Interval::H2), Just(Interval::H4), Just(Interval::H8)]
}
fn funding() -> impl Strategy<Value = FundingRate> {
    (rate(), interval()).prop_map(|(rate, interval)| FundingRate { rate, interval })
}
fn wallet() -> impl Strategy<Value = Wallet> {
    prop_oneof![Just(Wallet::Spot), Just(Wallet::Perp)]
}

fn fill() -> impl Strategy<Value = Fill> {
    let role = prop_oneof![Just(Role::Maker), Just(Role::Taker)];
    (any::<u64>(), quantity(), price(), amount(), asset(), role, time()).prop_map(
        |(id, quantity, price, fee, fee_asset, role, at)| Fill {
            id: FillId(id),
            quantity,
            price,
            fee,
            fee_asset,
            role,
            at,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let cause = prop::sample::select(vec![
        RejectCause::Balance,
        RejectCause::Filter,
        RejectCause::PriceBand,
        RejectCause::WouldTake,
        RejectCause::ReduceOnly,
        RejectCause::Halted,
        RejectCause::RateLimit,
        RejectCause::Duplicate,
        RejectCause::Limit,
    ]);
    prop_oneof![
        prop::sample::select(vec![
            Outcome::Accepted,
            Outcome::Unknown,
            Outcome::NotFound,
            Outcome::Absent,
            Outcome::CancelRejected,
            Outcome::CancelUnknown,
        ]),
        fill().prop_map(Outcome::Filled),
        quantity().prop_map(|filled| Outcome::Cancelled { filled }),
        quantity().prop_map(|filled| Outcome::Expired { filled }),
        quantity().prop_map(|filled| Outcome::Done { filled }),
        cause.prop_map(|cause| Outcome::Rejected { cause }),
    ]
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (order_id(), venue(), wallet(), asset(), amount()).prop_map(|(id, venue, from, asset, amount)| Transfer {
        id,
        venue,
        from,
        asset,
        amount,
    })
}

fn operator() -> impl Strategy<Value = Operator> {
    prop_oneof![
        Just(Operator::Pause),
        Just(Operator::Resume),
        Just(Operator::Halt),
        prop::option::of(pair()).prop_map(|pair| Operator::Flatten { pair }),
        any::<String>().prop_map(|reason| Operator::ClearHalt { reason }),
    ]
}

fn market_event() -> impl Strategy<Value = Event> {
    let bar = (time(), price(), price(), price(), price(), quantity())
        .prop_map(|(opened, open, high, low, close, volume)| Bar { opened, open, high, low, close, volume });
    let quote = (price(), price(), quantity(), quantity(), time())
        .prop_map(|(bid, ask, bid_depth, ask_depth, venue_time)| Quote { bid, ask, bid_depth, ask_depth, venue_time });
    let settlement = (time(), funding()).prop_map(|(stamp, funding)| Settlement { stamp, funding });
    prop_oneof![
        (instrument(), bar).prop_map(|(instrument, bar)| Event::Bar { instrument, bar }),
        (instrument(), price()).prop_map(|(instrument, price)| Event::Print { instrument, price }),
        (instrument(), quote).prop_map(|(instrument, quote)| Event::Quote { instrument, quote }),
        (instrument(), price(), price()).prop_map(|(instrument, mark, index)| Event::Mark { instrument, mark, index }),
        (instrument(), funding(), time()).prop_map(|(instrument, funding, next)| Event::FundingEstimate {
            instrument,
            funding,
            next
        }),
        (instrument(), settlement).prop_map(|(instrument, settlement)| Event::Settled { instrument, settlement }),
        (instrument(), quantity()).prop_map(|(instrument, coins)| Event::OpenInterest { instrument, coins }),
        (asset(), price()).prop_map(|(asset, price)| Event::Peg { asset, price }),
        (venue(), asset(), price(), rate()).prop_map(|(venue, asset, index, share)| Event::CollateralRate {
            venue,
            asset,
            index,
            share
        }),
        (pair(), proptest::option::of(Just(carry::domain::universe::Outside::Young)))
            .prop_map(|(pair, outside)| Event::Universe(carry::domain::universe::Verdict { pair, outside })),
        Just(Event::Timer),
        Just(Event::Turn),
    ]
}

fn rule_event() -> impl Strategy<Value = Event> {
    let rules = (price(), quantity(), quantity(), quantity(), amount()).prop_map(
        |(tick, step, min_quantity, max_quantity, min_notional)| Rules {
            tick,
            step,
            min_quantity,
            max_quantity,
            min_notional,
        },
    );
    let bracket = (amount(), rate()).prop_map(|(floor, maintenance)| Bracket { floor, maintenance });
    let cause = prop_oneof![Just(EndCause::DataEnd), Just(EndCause::Delisting)];
    prop_oneof![
        pair().prop_map(|pair| Event::CoverageStarts { pair }),
        (pair(), time(), cause).prop_map(|(pair, at, cause)| Event::TradingEnds { pair, at, cause }),
        pair().prop_map(|pair| Event::LastChance { pair }),
        (instrument(), rules).prop_map(|(instrument, rules)| Event::RulesChanged { instrument, rules }),
        (instrument(), rate(), rate())
            .prop_map(|(instrument, maker, taker)| Event::FeesChanged { instrument, fees: Fees { maker, taker } }),
        (instrument(), prop::collection::vec(bracket, 0..12))
            .prop_map(|(instrument, brackets)| Event::BracketsChanged { instrument, brackets }),
        (instrument(), interval()).prop_map(|(instrument, interval)| Event::IntervalChanged { instrument, interval }),
        (venue(), any::<bool>(), parts()).prop_map(|(venue, reachable, missing)| Event::VenueHealth {
            venue,
            reachable,
            missing
        }),
        (instrument(), any::<u8>()).prop_map(|(instrument, rank)| Event::AdlRank { instrument, rank }),
    ]
}

fn account_event() -> impl Strategy<Value = Event> {
    let act = prop::sample::select(vec![VenueAct::Adl, VenueAct::Liquidation, VenueAct::Settlement, VenueAct::Foreign]);
    let source = prop_oneof![Just(MarkSource::Funding), Just(MarkSource::Mark), Just(MarkSource::PerpClose)];
    prop_oneof![
        any::<(u32, u32)>().prop_map(|(epoch, salt)| Event::Boot { epoch, salt }),
        (venue(), wallet(), asset(), amount()).prop_map(|(venue, wallet, asset, amount)| Event::Opening {
            venue,
            wallet,
            asset,
            amount
        }),
        (order_id(), outcome()).prop_map(|(id, outcome)| Event::Order(OrderReport { id, outcome })),
        (instrument(), act, side(), fill()).prop_map(|(instrument, act, side, fill)| Event::VenueFill {
            instrument,
            act,
            side,
            fill
        }),
        (instrument(), time(), signed(), price(), source, rate(), amount()).prop_map(
            |(instrument, stamp, position, mark, mark_source, rate, amount)| Event::FundingPaid {
                instrument,
                stamp,
                position,
                mark,
                mark_source,
                rate,
                amount,
            }
        ),
        transfer().prop_map(Event::TransferDone),
        transfer().prop_map(Event::TransferFailed),
        order_id().prop_map(|id| Event::IntentDurable { id }),
        (order_id(), time()).prop_map(|(id, at)| Event::Expires { id, at }),
        operator().prop_map(Event::Operator),
    ]
}

/// What the lists of a live account say.
fn list_event() -> impl Strategy<Value = Event> {
    let cause = prop::sample::select(vec![
        Adjustment::External,
        Adjustment::Rebate,
        Adjustment::AutoExchange,
        Adjustment::Rounding,
    ]);
    prop_oneof![
        (venue(), wallet(), asset(), amount(), cause).prop_map(|(venue, wallet, asset, amount, cause)| {
            Event::Adjusted { venue, wallet, asset, amount, cause }
        }),
        (venue(), proptest::option::of(instrument()))
            .prop_map(|(venue, instrument)| Event::Foreign { venue, instrument }),
        (venue(), any::<u32>(), prop::collection::vec((asset(), amount()), 0..3))
            .prop_map(|(venue, differences, missing)| Event::Reconciled { venue, differences, missing }),
        venue().prop_map(|venue| Event::Barred { venue }),
        (asset(), price()).prop_map(|(asset, price)| Event::FeeCoinPriced { asset, price }),
        (venue(), proptest::option::of(instrument()))
            .prop_map(|(venue, instrument)| Event::OtherInstance { venue, instrument }),
        (venue(), any::<bool>(), proptest::option::of(time())).prop_map(|(venue, banned, until)| Event::Limited {
            venue,
            banned,
            until
        }),
        (venue(), time()).prop_map(|(venue, since)| Event::NotCompared { venue, since }),
        (instrument(), any::<bool>()).prop_map(|(instrument, open)| Event::Trading { instrument, open }),
        (venue(), prop::sample::subsequence(vec![Input::Peg, Input::AdlRank, Input::Mark, Input::Brackets], 0..=4))
            .prop_map(|(venue, inputs)| Event::Declares { venue, inputs }),
        (instrument(), listed()).prop_map(|(instrument, listed)| Event::PositionListed { instrument, listed }),
        (instrument(), amount(), any::<bool>()).prop_map(|(instrument, amount, taken)| Event::MarginAdded {
            instrument,
            amount,
            taken
        }),
        any::<bool>().prop_map(|short| Event::Disk { short }),
        (time(), market_event()).prop_map(|(at, fact)| Event::Past { at, fact: Box::new(fact) }),
    ]
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let all = vec![Part::Host, Part::Clock, Part::SpotMarket, Part::PerpMarket, Part::SpotAccount, Part::Lists];
    prop::sample::subsequence(all, 0..=6)
}

fn listed() -> impl Strategy<Value = Listed> {
    let maybe = || proptest::option::of(price());
    (signed(), maybe(), maybe(), proptest::option::of(amount()), proptest::option::of(time()))
        .prop_map(|(coins, mark, liquidation, isolated, at)| Listed { coins, mark, liquidation, isolated, at })
}

/// Any event at all.
pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![market_event(), rule_event(), account_event(), list_event()]
}

/// Number of a variant. A variant that is new does not compile here until it has a number, and then
/// [`every_kind_of_event_is_drawn`] fails until it has a generator above.
const fn kind(event: &Event) -> usize {
    match event {
        Event::Boot { .. } => 0,
        Event::Opening { .. } => 1,
        Event::CoverageStarts { .. } => 2,
        Event::TradingEnds { .. } => 3,
        Event::LastChance { .. } => 4,
        Event::Bar { .. } => 5,
        Event::Print { .. } => 6,
        Event::Quote { .. } => 7,
        Event::Mark { .. } => 8,
        Event::FundingEstimate { .. } => 9,
        Event::Settled { .. } => 10,
        Event::OpenInterest { .. } => 11,
        Event::Peg { .. } => 12,
        Event::RulesChanged { .. } => 13,
        Event::FeesChanged { .. } => 14,
        Event::BracketsChanged { .. } => 15,
        Event::IntervalChanged { .. } => 16,
        Event::VenueHealth { .. } => 17,
        Event::AdlRank { .. } => 18,
        Event::Order(_) => 19,
        Event::VenueFill { .. } => 20,
        Event::FundingPaid { .. } => 21,
        Event::TransferSent(_) | Event::TransferDone(_) => 22,
        Event::TransferFailed(_) => 23,
        Event::IntentDurable { .. } => 24,
        Event::Timer => 25,
        Event::Operator(_) => 26,
        Event::Turn => 27,
        Event::Adjusted { .. } => 28,
        Event::Foreign { .. } => 29,
        Event::Reconciled { .. } => 30,
        Event::Barred { .. } => 31,
        Event::CollateralRate { .. } => 32,
        Event::Expires { .. } => 33,
        Event::PositionListed { .. } => 34,
        Event::MarginAdded { .. } => 35,
        Event::NotCompared { .. } => 36,
        Event::Declares { .. } => 37,
        Event::Trading { .. } => 38,
        Event::Past { .. } => 39,
        Event::Disk { .. } => 40,
        Event::OtherInstance { .. } => 41,
        Event::Limited { .. } => 42,
        Event::FeeCoinPriced { .. } => 43,
        Event::Universe(_) => 44,
    }
}

#[test]
fn every_kind_of_event_is_drawn() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut drawn = [false; 45];
    for _ in 0..5_000 {
        drawn[kind(&any_event().new_tree(&mut runner).unwrap().current())] = true;
    }
    assert_eq!(drawn, [true; 45]);
}
