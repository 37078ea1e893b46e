//! Terms of single venues at the core itself: margin, sizes, caps and collateral of each venue are its own.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::config::settings::{Collateral, VenueTerms};
use carry::config::{Settings, Sources, load};
use carry::domain::{
    Amount, Catalogue, Leg, Market, PairId, Price, Quantity, Rate, Sequence, Venue, VenueId, WallTime,
};
use carry::engine::{self, State};
use carry::port::event::{Operator, Quote, Wallet};
use carry::port::order::Intent;
use carry::port::{Command, Event, Stamped};
use carry::run::wallets::wallets;
use carry::sim::{Generator, START};

fn percent(points: i64) -> Rate {
    Rate::from_units(points * 10_000_000_000_000_000)
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn generated(names: &[&str]) -> Catalogue {
    let mut catalogue = Generator::new(1, START).catalogue().clone();
    for name in names {
        catalogue.add_named(name);
    }
    catalogue
}

/// Settings with a limit that does not bind, and these terms of `alpha` and `hyper`.
fn settings(alpha: VenueTerms, hyper: VenueTerms) -> Settings {
    let mut settings = load(&Sources::default()).unwrap().settings;
    settings.size.share = percent(100);
    settings.size.per_pair = percent(100);
    settings.size.per_coin = percent(100);
    settings.venues =
        [("alpha", alpha), ("hyper", hyper)].map(|(name, terms)| (Venue::new(name).unwrap(), terms)).into();
    settings
}

fn at_leverage(points: i64) -> VenueTerms {
    VenueTerms { leverage: Some(percent(points)), ..VenueTerms::default() }
}

/// A booted core with the money of a simulated run and a price of 10,000 of each instrument of a pair.
fn core(settings: &Settings, names: &[&str], traded: &str) -> (State, PairId) {
    let catalogue = generated(names);
    let mut state = State::new(settings.clone(), catalogue.clone());
    step(&mut state, Event::Boot { epoch: 1, salt: 7 });
    for (venue, wallet, asset, amount) in wallets(settings, &catalogue) {
        step(&mut state, Event::Opening { venue, wallet, asset, amount });
    }
    let pair = catalogue.pair_named(traded).unwrap();
    for instrument in [pair.long, pair.short] {
        let price = |text: &str| Price::parse(text).unwrap();
        let depth = Quantity::parse("1000").unwrap();
        let quote =
            Quote { bid: price("9999"), ask: price("10001"), bid_depth: depth, ask_depth: depth, venue_time: START };
        step(&mut state, Event::Quote { instrument, quote });
    }
    (state, pair.id)
}

fn step(state: &mut State, event: Event) -> Vec<Command> {
    let mut out = Vec::new();
    let at = if state.now == WallTime(i64::MIN) { START } else { state.now };
    engine::step(state, &Stamped { sequence: Sequence(state.sequence.0 + 1), at, event }, &mut out);
    out
}

fn open(state: &mut State, pair: PairId, notional: i64) -> (Vec<Intent>, Vec<(VenueId, Wallet, Amount)>) {
    let commands = step(state, Event::Operator(Operator::Open { pair, notional: Amount::whole(notional) }));
    let mut found = (Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Record(intent) => found.0.push(intent),
            Command::Transfer(transfer) => found.1.push((transfer.venue, transfer.from, transfer.amount)),
            _ => {}
        }
    }
    found
}

/// The largest whole thousand that may be opened by hand.
fn most(settings: &Settings, names: &[&str], traded: &str) -> i64 {
    let begins = |thousands: i64| {
        let (mut state, pair) = core(settings, names, traded);
        let (orders, transfers) = open(&mut state, pair, thousands * 1_000);
        !orders.is_empty() || !transfers.is_empty()
    };
    (1..=120).rev().find(|thousands| begins(*thousands)).unwrap_or(0)
}

#[test]
fn the_money_of_a_simulated_run_lies_where_the_shares_say() {
    let capital = |alpha: Option<i64>, hyper: Option<i64>| {
        let of = |share: Option<i64>| VenueTerms { capital: share.map(percent), ..VenueTerms::default() };
        let settings = settings(of(alpha), of(hyper));
        let rows = wallets(&settings, &generated(&[]));
        [VenueId(0), VenueId(1)].map(|id| rows.iter().filter(|row| row.0 == id).map(|row| row.3).sum::<Amount>())
    };
    assert_eq!(capital(None, None), [amount("50000"), amount("50000")]);
    assert_eq!(capital(Some(70), None), [amount("70000"), amount("30000")]);
    assert_eq!(capital(Some(70), Some(20)), [amount("70000"), amount("20000")], "what has no share lies nowhere");
    assert_eq!(capital(Some(50), Some(50)), capital(None, None), "two names of one split");
}

#[test]
fn each_venue_sizes_and_margins_by_its_own_leverage() {
    // 50,000 at each venue: at 1x half of it buys, at 2x two thirds.
    let plain = settings(VenueTerms::default(), VenueTerms::default());
    let twice = settings(VenueTerms::default(), at_leverage(200));
    let (near, far) = ("alpha:BTCUSDT", "hyper:BTCUSDC");
    assert_eq!(most(&plain, &[], near), most(&plain, &[], far));
    let (one, two) = (most(&twice, &[], near), most(&twice, &[], far));
    assert_eq!(one, most(&plain, &[], near), "the other venue keeps the leverage of all");
    assert!((31..=33).contains(&two) && (23..=25).contains(&one), "{one} {two}");
    // The same by the name of all venues is the same.
    let mut all = plain;
    all.venues.clear();
    all.size.leverage = percent(200);
    assert_eq!(two, most(&all, &[], far));
    let perp = |settings: &Settings, traded: &str| {
        let (mut state, pair) = core(settings, &[], traded);
        let _ = open(&mut state, pair, 20_000);
        let venue = state.pairs[pair.index()].pair.venue(Leg::Short);
        state.leverage_at(venue)
    };
    assert_eq!((perp(&twice, near), perp(&twice, far)), (percent(100), percent(200)));
}

#[test]
fn each_leg_of_a_spread_is_margined_at_its_own_venue() {
    let name = "alpha-perp:BTCUSDT/hyper-perp:BTCUSDC";
    let both = settings(at_leverage(100), at_leverage(100));
    let apart = settings(at_leverage(200), at_leverage(50));
    // 50,000 at each venue: at 1x both legs carry 50,000; at 0.5x the short carries 25,000 however far the long could go.
    let (equal, bound) = (most(&both, &[name], name), most(&apart, &[name], name));
    assert!((47..=49).contains(&equal) && (23..=25).contains(&bound), "{equal} {bound}");
    // The long leg needs a quarter of the money of the short one.
    let (mut state, pair) = core(&apart, &[name], name);
    let spot = |state: &State, leg: Leg| {
        let (venue, quote) = state.pairs[pair.index()].pair.account(leg);
        let funds = state.funds(venue, quote);
        (funds.spot, funds.quote)
    };
    let before = [Leg::Long, Leg::Short].map(|leg| spot(&state, leg));
    let (orders, transfers) = open(&mut state, pair, 20_000);
    let moved = |leg: Leg| {
        let venue = state.pairs[pair.index()].pair.venue(leg);
        transfers.iter().filter(|row| row.0 == venue && row.1 == Wallet::Spot).map(|row| row.2).sum::<Amount>()
    };
    // 25,000 of each venue lie in its perp wallet: enough for the long leg (10,000), not for the short one (40,000).
    assert_eq!(moved(Leg::Long), Amount::ZERO, "{before:?} {transfers:?} {}", orders.len());
    assert!(moved(Leg::Short) > Amount::whole(14_900) && moved(Leg::Short) < Amount::whole(16_000), "{transfers:?}");
}

#[test]
fn a_share_of_the_capital_caps_what_is_at_work_at_a_venue() {
    let of = |share: i64| VenueTerms { capital: Some(percent(share)), ..VenueTerms::default() };
    let capped = settings(of(30), of(70));
    let (alpha, hyper) = (most(&capped, &[], "alpha:BTCUSDT"), most(&capped, &[], "hyper:BTCUSDC"));
    assert!((14..=15).contains(&alpha) && (33..=35).contains(&hyper), "{alpha} {hyper}");
    // In a run whose venue has more money than its share the share bounds.
    let (mut state, pair) = core(&capped, &[], "alpha:BTCUSDT");
    let more = amount("70000");
    let quote = state.pairs[pair.index()].pair.quote(Leg::Short);
    step(&mut state, Event::Opening { venue: VenueId(0), wallet: Wallet::Spot, asset: quote, amount: more });
    assert_eq!(state.most_at(VenueId(0)), amount("30000"));
    assert!(open(&mut state, pair, 20_000).0.is_empty() && open(&mut state, pair, 20_000).1.is_empty());
    assert!(!open(&mut state, pair, 14_000).0.is_empty(), "within the share");
}

#[test]
fn coins_are_collateral_at_the_venue_that_takes_them_alone() {
    let coin = VenueTerms { collateral: Some(Collateral::Coin), ..VenueTerms::default() };
    let (state, near) = core(&settings(coin, VenueTerms::default()), &[], "alpha:BTCUSDT");
    let far = state.catalogue.pair_named("hyper:BTCUSDC").unwrap().id;
    let needs = |id: PairId| state.capital_per_notional(&state.pairs[id.index()]).unwrap();
    assert!(state.coins_margin());
    assert!(
        state.coins_margin_of(&state.pairs[near.index()].pair)
            && !state.coins_margin_of(&state.pairs[far.index()].pair)
    );
    assert!((needs(far) - 2.0).abs() < 1e-6, "{}", needs(far));
    assert!(needs(near) < 1.6, "its coins margin it: {}", needs(near));
    let market = |id: PairId| state.pairs[id.index()].pair.market(Leg::Short);
    assert_eq!((market(near), market(far)), (Market::Perp, Market::Perp));
}
