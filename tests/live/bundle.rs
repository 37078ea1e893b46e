//! A contract of several coins beside its coin on spot: the venue counts the one in contracts and the other in coins, and the
//! ledger counts both in contracts (fault E05, finding L33).

use crate::rig::{Kind, Ran, Rig};
use crate::{SPEED, books_equal, count, reconciled};
use carry::domain::{Amount, Quantity};
use serde_json::Value;
use std::collections::BTreeMap;

/// Coins in one contract.
const COINS: i128 = 1_000;
const PAIR: [&str; 4] = ["--set", "strategy.pairs=[\"binance:1000WIFUSDT\"]", "--set", "size.per_pair=5%"];

/// Funding that pays, and a fee whose coins are no round number of contracts.
const MARKET: &str = r#"
calm = true
[[act]]
act = "bundle"
symbol = "WIFUSDT"
coins = 1000
[[act]]
act = "interval"
symbol = "1000WIFUSDT"
hours = 1
[[act]]
act = "funding"
symbol = "1000WIFUSDT"
rate = "0.0001"
[[act]]
act = "rules"
symbol = "WIFUSDT"
market = "spot"
taker = "0.00033333"
"#;

/// The first order of each leg is filled in part.
const PARTLY: &str = r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
partial = "0.4"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
partial = "0.3"
"#;

fn compressed(minute: u32) -> String {
    super::rig::compressed(minute).replace("BTCUSDT", "1000WIFUSDT")
}

/// The ledger in the venue's own units: what it counts in contracts, in coins.
fn in_coins(rig: &Rig) -> BTreeMap<(String, String), Amount> {
    let bring = |((wallet, asset), amount): ((String, String), Amount)| match asset.strip_prefix("1000") {
        Some(coin) => ((wallet, coin.to_owned()), Amount::from_units(amount.units() * COINS)),
        None => ((wallet, asset), amount),
    };
    rig.ledger().into_iter().map(bring).collect()
}

fn units(value: &Value) -> i64 {
    Quantity::parse(value.as_str().unwrap()).unwrap().units()
}

/// What the executions of the venue's own books made of both legs: coins on spot without fees in coins, contracts of the perp;
/// and how often the fee was in coins.
fn traded(rig: &Rig) -> (i64, i64, usize) {
    let books = rig.get("/carry/books");
    let (mut coins, mut contracts, mut fees) = (0, 0, 0);
    for order in books["orders"].as_array().unwrap() {
        let sign = if order["order"]["side"] == "BUY" { 1 } else { -1 };
        for one in order["executions"].as_array().unwrap() {
            let symbol = order["order"]["symbol"].as_str().unwrap();
            if order["market"] == "spot" {
                assert_eq!(symbol, "WIFUSDT");
                let in_coins = one["fee_asset"] == "WIF";
                coins += sign * units(&one["quantity"]) - if in_coins { units(&one["fee"]) } else { 0 };
                fees += usize::from(in_coins);
            } else {
                assert_eq!(symbol, "1000WIFUSDT");
                contracts += sign * units(&one["quantity"]);
            }
        }
    }
    (coins, contracts, fees)
}

fn ended_well(rig: &Rig, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let summary = ran.summary();
    assert_eq!(summary["open_pairs"], 0, "{}\n{}", ran.out, ran.err);
    books_equal((rig, ran), &in_coins(rig));
    for word in ["difference", "foreign", "order_refused"] {
        assert_eq!(summary["alarms"].get(word), None, "{}\n{}", summary["alarms"], ran.err);
    }
    reconciled(rig);
}

#[test]
fn l33_a_contract_of_a_thousand_coins_is_carried_and_the_ledger_is_the_venues_books_in_its_own_units() {
    let rig = Rig::new(&format!("{MARKET}{PARTLY}{}", compressed(90)), SPEED);
    let ran = Rig::run(rig.live("180m", &PAIR), 300);
    ended_well(&rig, &ran);
    let summary = ran.summary();
    assert_eq!(summary["round_trips"], 1, "{}\n{}", ran.out, ran.err);
    let paid = rig.income("FUNDING_FEE");
    assert!(!paid.is_empty(), "a settlement at least");
    assert_eq!(summary["pnl"]["funding"], paid.iter().copied().sum::<Amount>().to_string());
    let (coins, contracts, fees) = traded(&rig);
    assert!(fees >= 2, "fees were taken in coins {fees} times");
    assert_eq!(contracts, 0, "the short is closed");
    // What is left is less than the least order of spot: five dollars of coins that cost a thousandth.
    assert!((0..6_000 * 100_000_000).contains(&coins), "{coins} units of coins are left");
    // Naked by no more than a clip, which a thousandfold leg would be at once.
    let naked = summary["max_naked_notional"].as_str().and_then(|text| Amount::parse(text).ok()).unwrap();
    assert!(naked <= Amount::whole(5_000), "{naked}");
    assert!(count(&summary["alarms"]["pair_naked"]) == 0, "{}", ran.out);
}

#[test]
fn l33_killed_while_it_holds_a_thousand_coins_a_contract_it_goes_on_and_leaves() {
    let rig = Rig::new(&format!("{MARKET}{}", compressed(90)), SPEED);
    let held = |rig: &Rig| rig.books().get(&("spot".to_owned(), "WIF".to_owned())).copied();
    let killed = Rig::killed_when(rig.live("6h", &PAIR), || {
        held(&rig).is_some_and(|coins| coins > Amount::whole(100_000)) && !rig.income("FUNDING_FEE").is_empty()
    });
    assert_eq!(killed.code, None, "{}", killed.err);
    // While it is dead both legs are as large as each other, in the venue's units.
    let (coins, contracts, _) = traded(&rig);
    assert!(contracts < 0, "{contracts}");
    let off = coins + contracts * i64::try_from(COINS).unwrap();
    assert!(off.abs() < contracts.abs() * 20, "{coins} units of coins beside {contracts} of contracts");
    let ran = Rig::run(rig.live("180m", &PAIR), 300);
    ended_well(&rig, &ran);
    rig.search(&[&killed]);
}

/// Orders that are played here trade at the books of the streams: a stream that breaks is a leg without a price. The clock runs
/// slowly enough that none breaks on a machine with other work.
fn plays_it_in_contracts(mode: &[&str]) {
    let rig = Rig::with(Kind::Binance, &format!("{MARKET}{}", compressed(30)), 60, &["--pulse", "20"]);
    let strategy = rig.path("strategy.toml").display().to_string();
    let state = rig.path("run").display().to_string();
    let place = ["--strategy", &strategy, "--base-url", &rig.base, "--clock", "venue", "--state", &state];
    let soon = ["--set", "execution.hedge_time=60s", "--set", "exit.min_hold=10m"];
    let ran = rig.ask(&[mode, &place, &PAIR, &soon, &["--for", "75m", "--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains("one 1000WIF is 1000 WIF; spot leg WIFUSDT"), "{said}");
    let summary = ran.summary();
    assert_eq!((&summary["round_trips"], &summary["open_pairs"]), (&1.into(), &0.into()), "{}\n{}", ran.out, ran.err);
    assert_eq!(summary["pnl"]["unexplained"], "0", "{}", ran.out);
    let naked = summary["max_naked_notional"].as_str().and_then(|text| Amount::parse(text).ok()).unwrap();
    assert!(naked <= Amount::whole(5_000), "{naked}");
    assert_eq!(rig.get("/carry/books")["orders"].as_array().map(Vec::len), Some(0), "nothing was sent");
}

#[test]
fn l33_a_shadow_plays_it_in_contracts() {
    plays_it_in_contracts(&["shadow"]);
}

#[test]
fn l33_paper_on_the_live_market_plays_it_in_contracts() {
    plays_it_in_contracts(&["paper", "--market", "live"]);
}

#[test]
fn l33_pairs_that_would_count_one_coin_twice_and_coins_as_collateral_are_refused_by_name() {
    let rig = Rig::new(MARKET, SPEED);
    let both = "strategy.pairs=[\"binance:1000WIFUSDT\",\"binance:WIFUSDT\"]";
    let ran = Rig::run(rig.live("5m", &["--set", both]), 60);
    assert_ne!(ran.code, Some(0), "{}", ran.out);
    assert!(ran.err.contains("binance:WIFUSDT") && ran.err.contains("contracts of 1000 WIF"), "{}", ran.err);
    let coin = [&PAIR[..], &["--set", "margin.collateral=coin"]].concat();
    let ran = Rig::run(rig.live("5m", &coin), 60);
    assert_ne!(ran.code, Some(0), "{}", ran.out);
    assert!(ran.err.contains("1000WIF") && ran.err.contains("margin.collateral"), "{}", ran.err);
    assert_eq!(rig.get("/carry/books")["orders"].as_array().map(Vec::len), Some(0), "nothing was sent");
}
