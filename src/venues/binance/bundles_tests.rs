//! Tests of `bundles`: there and back is exact, and what is not is refused.

use super::*;
use crate::domain::fees::Role;
use crate::domain::{ClientOrderId, FillId, Side, WallTime};
use crate::port::TimeInForce;
use crate::port::event::Wallet;
use crate::venues::answer::{OrderStatus, TransferStatus};
use crate::venues::ask::Priority;
use proptest::prelude::*;

fn shib() -> Bundle {
    Bundle::named(Asset::of("1000SHIB"), Asset::of("USDT")).unwrap()
}

fn bundles() -> Bundles {
    let mut all = Bundles::default();
    all.add(shib());
    all.add(shib());
    all
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn placement(symbol: &'static str, market: Market, coins: Quantity, limit: Price) -> Call {
    Call::Act(Act::Place(Placement {
        market,
        symbol: Symbol::of(symbol),
        id: ClientOrderId { epoch: 1, salt: 2, number: 3 },
        side: Side::Buy,
        quantity: coins,
        limit,
        time_in_force: TimeInForce::ImmediateOrCancel,
        reduce_only: false,
        priority: Priority::Normal,
    }))
}

fn fill(market: Market, symbol: &'static str) -> FillRow {
    FillRow {
        market,
        symbol: Symbol::of(symbol),
        id: FillId(7),
        order: 9,
        side: Some(Side::Buy),
        price: price("0.00001234"),
        quantity: quantity("123456"),
        fee: Some(amount("123.456")),
        fee_asset: Some(Asset::of("SHIB")),
        role: Some(Role::Taker),
        at: Some(WallTime(1)),
    }
}

#[test]
fn l33_the_number_of_coins_is_read_from_the_name_of_the_contract_alone() {
    let check = |name: &str, expected: Option<(i64, &str)>| assert_eq!(coins_of(name), expected, "{name}");
    check("1000SHIB", Some((1_000, "SHIB")));
    check("10000LADYS", Some((10_000, "LADYS")));
    check("1000000MOG", Some((1_000_000, "MOG")));
    check("1MBABYDOGE", Some((1_000_000, "BABYDOGE")));
    for other in ["SHIB", "1INCH", "1000", "100SHIB", "10000000MOG", "2000SHIB"] {
        check(other, None);
    }
    assert_eq!(shib().spot, Symbol::of("SHIBUSDT"));
}

#[test]
fn l33_an_order_leaves_in_coins_and_one_that_is_off_the_grid_does_not_leave() {
    let out = |call: &Call| bundles().outward(call);
    let ours = placement("SHIBUSDT", Market::Spot, quantity("123.456"), price("0.01234"));
    assert_eq!(
        out(&ours),
        Some(placement("SHIBUSDT", Market::Spot, quantity("123456"), price("0.00001234"))),
        "a thousand times the coins at a thousandth of the price"
    );
    for (market, symbol) in [(Market::Perp, "1000SHIBUSDT"), (Market::Spot, "BTCUSDT"), (Market::Perp, "SHIBUSDT")] {
        let other = placement(symbol, market, quantity("5"), price("0.012345"));
        assert_eq!(out(&other), Some(other), "{market} {symbol}");
    }
    assert_eq!(out(&placement("SHIBUSDT", Market::Spot, quantity("1"), price("0.01234001"))), None);
    let many = Quantity::from_units(i64::MAX).unwrap();
    assert_eq!(out(&placement("SHIBUSDT", Market::Spot, many, price("0.01"))), None, "more than can be counted");
}

#[test]
fn l33_a_transfer_leaves_in_coins_and_its_row_comes_back_in_contracts() {
    let id = ClientOrderId { epoch: 1, salt: 2, number: 3 };
    let of = |asset, text: &str| {
        Call::Act(Act::Transfer { from: Wallet::Spot, asset: Asset::of(asset), amount: amount(text), id })
    };
    assert_eq!(bundles().outward(&of("1000SHIB", "1.5")), Some(of("SHIB", "1500")));
    assert_eq!(bundles().outward(&of("USDT", "1.5")), Some(of("USDT", "1.5")));
    let row = |asset, text: &str| TransferRow {
        id: "1".to_owned(),
        asset: Asset::of(asset),
        amount: amount(text),
        status: TransferStatus::Done,
        at: WallTime(1),
    };
    let call = Call::Ask(Ask::Transfers { from: Wallet::Spot, start: WallTime(0) });
    let came = bundles().inward(&call, Answer::Transfers(vec![row("SHIB", "1500"), row("USDT", "2")]));
    assert_eq!(came, Ok(Answer::Transfers(vec![row("1000SHIB", "1.5"), row("USDT", "2")])));
}

#[test]
fn l33_an_order_and_its_executions_come_in_contracts_with_the_fee_in_the_coin() {
    let order = OrderRow {
        market: Market::Spot,
        symbol: Symbol::of("SHIBUSDT"),
        client_id: "c1-00000002-3".to_owned(),
        venue_id: 9,
        side: Side::Buy,
        status: OrderStatus::Expired,
        quantity: quantity("200000"),
        filled: quantity("123456"),
        limit: Some(price("0.00001235")),
        fills: vec![fill(Market::Spot, "SHIBUSDT")],
        at: None,
    };
    let call = placement("SHIBUSDT", Market::Spot, quantity("200"), price("0.01235"));
    let Ok(Answer::Order(came)) = bundles().inward(&call, Answer::Order(order.clone())) else { panic!("no order") };
    assert_eq!(
        (came.quantity, came.filled, came.limit),
        (quantity("200"), quantity("123.456"), Some(price("0.01235")))
    );
    let part = &came.fills[0];
    assert_eq!((part.price, part.quantity), (price("0.01234"), quantity("123.456")));
    assert_eq!((part.fee, part.fee_asset), (Some(amount("0.123456")), Some(Asset::of("1000SHIB"))));
    assert_eq!(part.price.times(part.quantity), order.fills[0].price.times(order.fills[0].quantity), "the same money");
    // Pushed, it says the same.
    let pushed = AccountMessage::Order { order, fill: Some(fill(Market::Spot, "SHIBUSDT")), by_venue: None };
    let Ok(AccountMessage::Order { order: told, fill: Some(one), .. }) = bundles().told(pushed) else { panic!("none") };
    assert_eq!((&told, &one), (&came, part));
    // The perp is counted in contracts by the venue itself, and other coins are what they are.
    let perp = FillRow { fee_asset: Some(Asset::of("USDT")), ..fill(Market::Perp, "1000SHIBUSDT") };
    let call = Call::Ask(Ask::Positions);
    assert_eq!(bundles().inward(&call, Answer::Fills(vec![perp.clone()])), Ok(Answer::Fills(vec![perp])));
}

#[test]
fn l33_a_number_that_does_not_divide_is_no_answer_and_proves_nothing() {
    let odd = FillRow { quantity: quantity("0.00000123"), ..fill(Market::Spot, "SHIBUSDT") };
    let refused = bundles().inward(&Call::Ask(Ask::Positions), Answer::Fills(vec![odd])).unwrap_err();
    assert_eq!(refused.class, Class::Unknown);
    assert!(refused.text.contains("counted in contracts exactly"), "{refused}");
    let high = FillRow { price: Price::from_units(i64::MAX).unwrap(), ..fill(Market::Spot, "SHIBUSDT") };
    assert!(bundles().inward(&Call::Ask(Ask::Positions), Answer::Fills(vec![high])).is_err());
}

#[test]
fn l33_balances_of_the_coin_are_those_of_the_contract_whatever_they_are() {
    let row =
        |asset, text: &str| BalanceRow { asset: Asset::of(asset), total: amount(text), free: amount("0.00000001") };
    let call = Call::Ask(Ask::Balances(Wallet::Spot));
    let rows = vec![row("SHIB", "12345.67891234"), row("USDT", "7")];
    let Ok(Answer::Balances(_, came)) = bundles().inward(&call, Answer::Balances(Wallet::Spot, rows)) else {
        panic!("no balances")
    };
    assert_eq!((came[0].asset, came[0].total), (Asset::of("1000SHIB"), amount("12.34567891234")));
    assert_eq!((came[0].free, came[1].total), (amount("0.00000000001"), amount("7")));
    let told = AccountMessage::Moved { asset: Asset::of("SHIB"), amount: amount("-5"), at: WallTime(1) };
    let moved = AccountMessage::Moved { asset: Asset::of("1000SHIB"), amount: amount("-0.005"), at: WallTime(1) };
    assert_eq!(bundles().told(told), Ok(moved));
}

fn listing(step: &str) -> Listing {
    Listing {
        symbol: Symbol::of("SHIBUSDT"),
        market: Market::Spot,
        base: Asset::of("SHIB"),
        quote: Asset::of("USDT"),
        rules: Rules {
            tick: price("0.00000001"),
            step: quantity(step),
            min_quantity: quantity(step),
            max_quantity: quantity("46116860414"),
            min_notional: amount("1"),
        },
        trading: true,
        perpetual: false,
        ends: None,
        begins: None,
        price_band: None,
    }
}

#[test]
fn l33_filters_are_counted_in_contracts_once_and_a_grid_that_cannot_be_is_left_out_by_name() {
    let call = Call::Ask(Ask::Instruments(Market::Spot));
    let came = |listing: Listing| {
        let answer = Answer::Instruments { listings: vec![listing], limits: Vec::new(), left_out: Vec::new() };
        let Ok(Answer::Instruments { listings, left_out, .. }) = bundles().inward(&call, answer) else {
            panic!("none")
        };
        (listings, left_out)
    };
    let (listings, _) = came(listing("1"));
    let rules = listings[0].rules;
    assert_eq!((listings[0].base, rules.tick), (Asset::of("1000SHIB"), price("0.00001")));
    assert_eq!((rules.step, rules.min_quantity), (quantity("0.001"), quantity("0.001")));
    assert_eq!((rules.max_quantity, rules.min_notional), (quantity("46116860.414"), amount("1")));
    assert_eq!(came(listings[0].clone()).0, listings, "what is in contracts already stays");
    let (listings, left_out) = came(listing("0.00000001"));
    assert!(listings.is_empty() && left_out[0].1.contains("contracts of 1000 coins"), "{left_out:?}");
}

#[test]
fn l33_a_best_quote_of_spot_is_that_of_a_contract_and_a_thin_level_is_not_nothing() {
    let row = |bid: &str, ask: &str, coins: &str| BestQuoteRow {
        symbol: Symbol::of("SHIBUSDT"),
        bid: Some((price(bid), quantity(coins))),
        ask: Some((price(ask), quantity(coins))),
    };
    let ask = |market| Call::Ask(Ask::BestQuote { market, symbol: None });
    let there = Answer::BestQuotes(vec![row("0.00001233", "0.00001234", "5000")]);
    let came = bundles().inward(&ask(Market::Spot), there.clone());
    assert_eq!(came, Ok(Answer::BestQuotes(vec![row("0.01233", "0.01234", "5")])));
    assert_eq!(bundles().inward(&ask(Market::Perp), there.clone()), Ok(there));
    let thin = shib().level_in((price("0.00001"), Quantity::saturating(1))).unwrap();
    assert!(!thin.1.is_zero());
    assert!(shib().level_in((price("0.00001"), Quantity::ZERO)).unwrap().1.is_zero(), "nothing is nothing");
}

proptest! {
    #[test]
    fn l33_there_and_back_is_exact(
        coins in prop::sample::select(vec!["1000SHIB", "10000LADYS", "1000000MOG"]),
        units in 0_i64..9_000_000_000_000,
        ticks in 1_i64..9_000_000_000_000,
        money in -1_000_000_000_000_000_i128..1_000_000_000_000_000,
    ) {
        let one = Bundle::named(Asset::new(coins).unwrap(), Asset::of("USDT")).unwrap();
        let contracts = Quantity::from_units(units).unwrap();
        prop_assert_eq!(one.quantity_in(one.quantity_out(contracts).unwrap()), Ok(contracts));
        let tick = Price::from_units(ticks).unwrap();
        prop_assert_eq!(one.price_out(one.price_in(tick).unwrap()), Some(tick));
        let held = Amount::from_units(money);
        prop_assert_eq!(one.amount_in(one.amount_out(held).unwrap()), Ok(held));
        // The value of an order is the same on both sides of the wire.
        let (out, limit) = (one.quantity_out(contracts).unwrap(), one.price_in(tick).unwrap());
        prop_assert_eq!(tick.times(out), limit.times(contracts));
    }
}
