//! Coins as collateral of their short, at the core itself: what they count for, the way there and back, a sale by the venue.
//!
//! Whole runs over real sockets are in `tests/live/coin.rs`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

#[path = "coin/bench.rs"]
mod bench;

use bench::{Bench, amount, coins, price, rate};
use carry::domain::{Amount, Leg, Side, Span, VenueId};
use carry::engine::collateral::Trust;
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::{Adjustment, Wallet};

#[test]
fn e15_a_coin_counts_for_the_worse_of_venue_and_market_and_for_nothing_when_that_is_not_known() {
    let mut bench = Bench::new();
    let check = |bench: &Bench, trust: Trust, expected: Option<&str>| {
        let value = bench.state.coin_value(&bench.state.pairs[0], coins("2"), trust);
        assert_eq!(value, expected.map(amount));
    };
    check(&bench, Trust::Fresh, Some("19000"));
    // The venue's index alone is high, or low.
    bench.rates("12000", "0.95");
    check(&bench, Trust::Fresh, Some("19000"));
    bench.rates("9000", "0.95");
    check(&bench, Trust::Fresh, Some("17100"));
    bench.rates("10000", "0.5");
    check(&bench, Trust::Fresh, Some("10000"));
    // No haircut makes more of a coin than it is worth.
    bench.rates("10000", "1.5");
    check(&bench, Trust::Fresh, Some("20000"));
    // A quote coin that is worth more than a dollar makes the coin worth less of it.
    let (venue, asset) = (VenueId(0), bench.pair().quote(Leg::Short));
    bench.feed(Event::CollateralRate { venue, asset, index: price("1.25"), share: rate("1") });
    check(&bench, Trust::Fresh, Some("16000"));
    bench.later(Span(3 * 60_000 + 1));
    check(&bench, Trust::Fresh, None);
    check(&bench, Trust::Last, Some("16000"));
    bench.state.collateral.clear();
    check(&bench, Trust::Last, None);
}

#[test]
fn e15_an_entry_moves_each_clip_to_the_perp_wallet_once_it_is_hedged() {
    let mut bench = Bench::new();
    bench.open(15_000);
    // The margin of one clip and a little of the quote coin go first, and no order before they are there.
    assert!(bench.placed.is_empty());
    let first = bench.moving[0];
    assert_eq!((first.from, first.asset), (Wallet::Spot, bench.pair().quote(Leg::Short)));
    assert!(first.amount > Amount::whole(5_000) && first.amount < Amount::whole(5_500), "{}", first.amount);
    for clips in 1..=3 {
        bench.arrive();
        let (spot, perp) = bench.state.held(&bench.state.pairs[0]);
        assert!(perp.units() < 0 && spot.units() >= -perp.units(), "clip {clips}: {:?}", bench.held());
        assert_eq!(bench.placed.len(), 2 * clips, "both legs of a clip, and then its coins go");
        assert_eq!(bench.moving.len(), 1);
        assert_eq!((bench.moving[0].from, bench.moving[0].asset), (Wallet::Spot, bench.pair().coin));
    }
    bench.arrive();
    let pair = &bench.state.pairs[0];
    assert!(pair.at_rest && bench.moving.is_empty());
    let (spot, _) = bench.state.held(pair);
    assert_eq!(bench.wallet(Wallet::Perp, bench.pair().coin).to_coins(), spot, "all coins, less the fee in coins");
    assert!(bench.wallet(Wallet::Spot, bench.pair().coin).is_zero());
    // A third of what the quote coin alone would need.
    assert!(bench.wallet(Wallet::Perp, bench.pair().quote(Leg::Short)) < Amount::whole(5_500));
    assert!(bench.distance() > 3.0, "{}", bench.distance());
    assert_eq!(bench.unexplained(), Amount::ZERO);
}

#[test]
fn e15_nothing_is_entered_on_a_coin_that_counts_for_nothing_or_whose_rate_is_old() {
    let refused = |prepare: &dyn Fn(&mut Bench)| {
        let mut bench = Bench::new();
        prepare(&mut bench);
        bench.open(15_000);
        assert!(bench.moving.is_empty() && bench.placed.is_empty());
        assert!(bench.state.pairs[0].declined.unwrap().contains("margin.collateral"));
    };
    refused(&|bench| bench.rates("10000", "0"));
    refused(&|bench| bench.state.collateral.clear());
    refused(&|bench| {
        bench.later(Span(4 * 60_000));
        bench.price("10000");
    });
    // In the middle of an entry: what is held stays, and no further clip.
    let mut bench = Bench::new();
    bench.open(15_000);
    bench.arrive();
    bench.rates("10000", "0");
    bench.settle();
    bench.feed(Event::Turn);
    bench.price("10000");
    assert_eq!(bench.placed.len(), 2);
    assert!(bench.state.pairs[0].at_rest);
}

#[test]
fn e14_an_entry_does_not_wait_for_ever_for_a_transfer_and_an_exit_sells_nothing_before_its_coins_are_there() {
    let mut bench = Bench::new();
    bench.open(15_000);
    bench.arrive();
    let (orders, held) = (bench.placed.len(), bench.held());
    bench.later(Span(61_000));
    bench.price("10000");
    assert!(bench.state.pairs[0].at_rest, "its size is what it has");
    assert_eq!((bench.placed.len(), bench.held()), (orders, held.clone()));
    // The coins hang between the wallets: the pair stays hedged until they are somewhere.
    bench.flatten();
    bench.price("10000");
    assert_eq!((bench.placed.len(), bench.held()), (orders, held));
    bench.settle();
    assert_eq!(bench.held().1, "0");
    assert!(bench.state.pairs[0].at_rest);
}

#[test]
fn e14_a_refused_transfer_is_tried_again_and_the_pair_stays_hedged_meanwhile() {
    let mut bench = Bench::holding();
    bench.flatten();
    let back = bench.moving.remove(0);
    assert_eq!((back.from, back.asset), (Wallet::Perp, bench.pair().coin));
    let orders = bench.placed.len();
    bench.feed(Event::TransferFailed(back));
    bench.feed(Event::Turn);
    assert!(bench.moving.is_empty() && bench.placed.len() == orders);
    assert_eq!(bench.wallet(Wallet::Perp, bench.pair().coin), amount(&bench.held().0));
    bench.later(Span(61_000));
    bench.price("10000");
    bench.settle();
    assert_eq!(bench.held().1, "0");
}

#[test]
fn e12_e14_after_a_deleveraging_a_refused_transfer_of_the_coins_is_tried_again_at_once() {
    let mut bench = Bench::holding();
    bench.deleverage("0.5");
    let back = bench.moving.remove(0);
    assert_eq!((back.from, back.asset), (Wallet::Perp, bench.pair().coin));
    let orders = bench.placed.len();
    bench.feed(Event::TransferFailed(back));
    bench.feed(Event::Turn);
    bench.later(Span(1_000));
    bench.price("10000");
    assert_eq!(bench.moving.len(), 1, "the legs are unequal: a minute is too long");
    // A second refusal within a minute is answered slowly.
    let again = bench.moving.remove(0);
    bench.feed(Event::TransferFailed(again));
    bench.later(Span(2_000));
    bench.price("10000");
    assert!(bench.moving.is_empty() && bench.placed.len() == orders);
    bench.later(Span(60_000));
    bench.price("10000");
    bench.settle();
    let (spot, perp) = bench.state.held(&bench.state.pairs[0]);
    assert!((spot.units() + perp.units()).abs() < 1_000_000, "{:?}", bench.held());
}

#[test]
fn f01_a_rally_is_closed_clip_by_clip_without_a_debt() {
    let mut bench = Bench::holding();
    for at in ["11000", "12500", "14000", "16000"] {
        bench.rates(at, "0.95");
        bench.price(at);
        bench.settle();
    }
    assert!(!bench.alarms.contains(&AlarmKind::MarginLow), "{:?}", bench.alarms);
    assert!(bench.distance() > 1.0);
    let before = bench.placed.len();
    bench.flatten();
    bench.settle();
    assert_eq!(bench.held().1, "0");
    assert!(bench.placed.len() >= before + 6);
    assert!(bench.lowest >= Amount::ZERO, "a debt of {}", bench.lowest);
    // The last clip takes everything home, also what is less than a step.
    assert!(bench.wallet(Wallet::Perp, bench.pair().coin).is_zero());
    assert_eq!(bench.unexplained(), Amount::ZERO);
}

#[test]
fn f01_where_the_margin_lets_no_coins_go_the_quote_coin_is_moved_or_the_pair_stays_hedged() {
    // Six times the price: the loss is five times the entry, and the venue keeps a fifth of the value back.
    let soared = |poor: bool| {
        let mut bench = Bench::holding();
        bench.state.settings.margin.autopilot = false;
        if poor {
            let (venue, wallet, asset) = (VenueId(0), Wallet::Spot, bench.pair().quote(Leg::Short));
            let amount = -bench.wallet(wallet, asset);
            bench.feed(Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External });
        }
        bench.rates("60000", "0.95");
        bench.price("60000");
        bench.flatten();
        for _ in 0..40 {
            bench.tick("60000", "0.95");
        }
        bench
    };
    let mut rich = soared(false);
    assert_eq!(rich.held().1, "0", "{:?}", rich.state.pairs[0].memory);
    assert!(rich.lowest >= Amount::ZERO, "{}", rich.lowest);
    assert_eq!(rich.unexplained(), Amount::ZERO);
    let poor = soared(true);
    assert_eq!(poor.placed.len(), 6, "{:?}", poor.held());
    assert_eq!(poor.alarms.iter().filter(|kind| **kind == AlarmKind::MarginFloor).count(), 1, "{:?}", poor.alarms);
}

#[test]
fn f01_coins_that_count_for_little_go_once_their_short_is_bought_back() {
    let mut bench = Bench::holding();
    bench.state.settings.margin.autopilot = false;
    let (venue, asset) = (VenueId(0), bench.pair().quote(Leg::Short));
    for (wallet, left) in [(Wallet::Spot, Amount::ZERO), (Wallet::Perp, Amount::whole(1_200))] {
        let amount = left - bench.wallet(wallet, asset);
        bench.feed(Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External });
    }
    bench.rates("10000", "0.1");
    bench.flatten();
    assert_eq!((bench.placed[6].leg, bench.placed[6].side), (Leg::Short, Side::Buy));
    for _ in 0..20 {
        bench.tick("10000", "0.1");
    }
    assert_eq!(bench.held().1, "0", "{:?}", bench.state.pairs[0].memory);
    assert_eq!(bench.unexplained(), Amount::ZERO);
}

#[test]
fn f01_the_autopilot_leaves_in_part_before_no_coins_could_be_sold_any_more() {
    let mut bench = Bench::holding();
    let (venue, wallet, asset) = (VenueId(0), Wallet::Spot, bench.pair().quote(Leg::Short));
    let amount = -bench.wallet(wallet, asset);
    bench.feed(Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External });
    for at in (12..80).map(|thousands| format!("{thousands}000")) {
        bench.tick(&at, "0.95");
        bench.tick(&at, "0.95");
    }
    bench.flatten();
    for _ in 0..40 {
        bench.tick("79000", "0.95");
    }
    assert_eq!(bench.held().1, "0", "{:?}", bench.state.pairs[0].memory);
    assert_eq!(bench.unexplained(), Amount::ZERO);
}

#[test]
fn f01_a_rally_that_makes_the_shorts_more_than_the_bound_shrinks_both_legs_and_without_one_nothing_shrinks() {
    let rally = |most: Option<&str>| {
        let mut bench = Bench::holding();
        bench.state.settings.margin.most_notional = most.map(rate);
        for at in ["12000", "16000", "22000", "30000", "36000"] {
            for _ in 0..20 {
                bench.tick(at, "0.95");
            }
        }
        let funds = bench.state.funds(VenueId(0), bench.pair().quote(Leg::Short));
        (funds.notional.to_f64() / funds.equity().to_f64(), bench)
    };
    let (free, bench) = rally(None);
    assert!(free > 1.0 && bench.placed.len() == 6, "{free}");
    let (bound, mut bench) = rally(Some("0.6"));
    assert!(bound < 0.6 && bound > 0.3, "{bound}");
    let (spot, perp) = bench.state.held(&bench.state.pairs[0]);
    assert!((spot + perp).magnitude() < coins("0.01"), "{:?}", bench.held());
    assert_eq!(bench.unexplained(), Amount::ZERO);
    bench.flatten();
    bench.settle();
    assert_eq!(bench.held().1, "0");
}

#[test]
fn e15_a_cut_of_the_haircut_is_answered_with_quote_and_then_with_a_smaller_pair() {
    let mut bench = Bench::holding();
    bench.rates("10000", "0");
    bench.price("10000");
    assert!(bench.alarms.contains(&AlarmKind::MarginLow), "{:?}", bench.alarms);
    let first = bench.moving[0];
    assert_eq!((first.from, first.asset), (Wallet::Spot, bench.pair().quote(Leg::Short)), "a top-up");
    bench.settle();
    assert_eq!(bench.placed.len(), 6, "the money was enough");
    // Without more money both legs shrink.
    let mut poor = Bench::holding();
    let (venue, asset) = (VenueId(0), poor.pair().quote(Leg::Short));
    for (wallet, left) in [(Wallet::Spot, Amount::ZERO), (Wallet::Perp, Amount::whole(1_900))] {
        let amount = left - poor.wallet(wallet, asset);
        poor.feed(Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External });
    }
    for _ in 0..20 {
        poor.tick("10000", "0.1");
    }
    assert!(poor.alarms.contains(&AlarmKind::MarginFloor), "{:?}", poor.alarms);
    let (spot, perp) = poor.state.held(&poor.state.pairs[0]);
    assert!(perp.magnitude() < coins("1.4") && (spot + perp).magnitude() < coins("0.01"), "{:?}", poor.held());
    assert!(poor.distance() > 0.25, "{}", poor.distance());
}

#[test]
fn e15_rates_that_are_late_are_an_alarm_and_no_reason_to_sell() {
    let mut bench = Bench::holding();
    let (orders, held) = (bench.placed.len(), bench.held());
    bench.later(Span(10 * 60_000));
    bench.price("10000");
    bench.settle();
    bench.price("10000");
    assert!(bench.alarms.contains(&AlarmKind::CollateralUnknown), "{:?}", bench.alarms);
    assert_eq!(bench.alarms.iter().filter(|kind| **kind == AlarmKind::CollateralUnknown).count(), 1);
    assert_eq!((bench.placed.len(), bench.held()), (orders, held));
    assert!(!bench.alarms.contains(&AlarmKind::MarginFloor));
}

#[test]
fn e15_a_sale_by_the_venue_is_booked_as_a_sale_and_the_short_follows() {
    let mut bench = Bench::holding();
    let (venue, wallet, pair) = (VenueId(0), Wallet::Perp, bench.pair());
    let before = bench.state.held(&bench.state.pairs[0]).0;
    let lines = bench.state.ledger.lines();
    let cause = Adjustment::AutoExchange;
    let sold = Event::Adjusted { venue, wallet, asset: pair.coin, amount: amount("-0.2"), cause };
    let got = Event::Adjusted { venue, wallet, asset: pair.quote(Leg::Short), amount: amount("1990"), cause };
    bench.feed(sold);
    bench.feed(got);
    let after = bench.state.held(&bench.state.pairs[0]).0;
    assert_eq!(before.units() - after.units(), coins("0.2").units());
    // 0.2 coins at a mid of 10,000 went for 1,990.
    assert_eq!((bench.state.ledger.lines() - lines).slippage, amount("-10"));
    assert_eq!(bench.unexplained(), Amount::ZERO);
    assert!(bench.state.ledger.coin_difference(&pair).is_zero());
    assert!(bench.alarms.contains(&AlarmKind::AutoExchanged));
    bench.feed(Event::Turn);
    bench.settle();
    let repair = bench.placed.last().unwrap();
    assert_eq!((repair.leg, repair.side, repair.reduce_only), (Leg::Short, Side::Buy, true));
    let (spot, perp) = bench.state.held(&bench.state.pairs[0]);
    assert!((spot + perp).magnitude() < coins("0.001"), "{:?}", bench.held());
    assert_eq!(bench.unexplained(), Amount::ZERO);
    // The rest is closed as if nothing had been.
    bench.flatten();
    bench.settle();
    assert_eq!(bench.held().1, "0");
    assert_eq!(bench.unexplained(), Amount::ZERO);
}

#[test]
fn g20_coins_that_were_there_before_are_never_moved_nor_sold_by_us() {
    let mut bench = Bench::new();
    let (venue, asset) = (VenueId(0), bench.pair().coin);
    for wallet in [Wallet::Spot, Wallet::Perp] {
        bench.feed(Event::Opening { venue, wallet, asset, amount: amount("3") });
    }
    bench.open(15_000);
    bench.settle();
    let (spot, _) = bench.state.held(&bench.state.pairs[0]);
    assert_eq!(bench.state.ledger.parked(venue, asset).to_coins(), spot);
    assert_eq!(bench.wallet(Wallet::Spot, asset), amount("3"));
    let funds = bench.state.funds(venue, bench.pair().quote(Leg::Short));
    assert!(funds.collateral < Amount::whole(15_000), "only ours count: {}", funds.collateral);
    // The venue does not ask whose they are: more than ours went, and the rest is no profit of the pair.
    let cause = Adjustment::AutoExchange;
    bench.feed(Event::Adjusted { venue, wallet: Wallet::Perp, asset, amount: amount("-2"), cause });
    assert!(bench.state.held(&bench.state.pairs[0]).0.is_zero());
    assert!(bench.state.ledger.parked(venue, asset).is_zero());
    assert!(bench.state.ledger.coin_difference(&bench.pair()).is_zero());
    bench.feed(Event::Turn);
    bench.settle();
    assert_eq!(bench.held().1, "0");
    assert_eq!(bench.wallet(Wallet::Perp, asset), amount("1") + Amount::of_coins(spot));
    assert_eq!(bench.wallet(Wallet::Spot, asset), amount("3"));
}

#[test]
fn e15_money_in_the_quote_coin_is_paid_before_the_venue_sells_coins_for_it() {
    let mut bench = Bench::holding();
    let (venue, wallet, asset) = (VenueId(0), Wallet::Perp, bench.pair().quote(Leg::Short));
    let gone = -bench.wallet(wallet, asset) - Amount::whole(50);
    bench.feed(Event::Adjusted { venue, wallet, asset, amount: gone, cause: Adjustment::External });
    bench.feed(Event::Turn);
    assert_eq!((bench.moving[0].from, bench.moving[0].asset), (Wallet::Spot, asset));
    bench.settle();
    assert!(bench.wallet(wallet, asset) >= Amount::whole(250), "{}", bench.wallet(wallet, asset));
    // With none left a part of the pair is closed for it.
    let mut poor = Bench::holding();
    for (wallet, left) in [(Wallet::Spot, Amount::ZERO), (Wallet::Perp, Amount::whole(-60))] {
        let amount = left - poor.wallet(wallet, asset);
        poor.feed(Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External });
    }
    let before = poor.state.held(&poor.state.pairs[0]).1;
    poor.feed(Event::Turn);
    poor.settle();
    for _ in 0..5 {
        poor.price("10000");
        poor.settle();
    }
    let after = poor.state.held(&poor.state.pairs[0]).1;
    assert!(after.magnitude() < before.magnitude() && !after.is_zero(), "{before} {after}");
    assert!(poor.wallet(Wallet::Perp, asset) > Amount::ZERO, "{}", poor.wallet(Wallet::Perp, asset));
}
