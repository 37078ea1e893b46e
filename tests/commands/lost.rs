//! The machine is lost: `carry flatten --key NAME` closes what the account holds, by the venue's lists alone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::loopback_venue as loopback;

use carry::domain::Amount;
use loopback::{Venue, carry, keys};
use serde_json::{Value, json};
use std::path::Path;

fn amount(value: &Value) -> Amount {
    value.as_str().map_or(Amount::ZERO, |text| Amount::parse(text).unwrap())
}

fn spot(venue: &Venue, asset: &str) -> Amount {
    amount(&venue.books()["spot"][asset]["total"])
}

fn short(venue: &Venue, symbol: &str) -> Amount {
    amount(&venue.books()["positions"][symbol]["coins"])
}

fn trade(venue: &Venue, market: &str, side: &str, quantity: &str) {
    venue.act(&json!({ "act": "foreign", "symbol": "BTCUSDT", "market": market, "side": side, "quantity": quantity }));
}

fn flatten(folder: &Path, venue: &Venue, more: &[&str]) -> (i32, Value, String) {
    let keys = folder.join("keys.json");
    let args = ["flatten", "--key", "good", "--keys", keys.to_str().unwrap(), "--base-url", &venue.base, "--json"];
    let (code, out, problems) = carry(folder, &[&args[..], more].concat());
    (code, serde_json::from_str(&out).unwrap_or_default(), problems)
}

#[test]
fn l24_a_lost_machine_is_closed_by_key_in_clips_and_no_other_coin_is_sold() {
    let folder = tempfile::tempdir().unwrap();
    keys(folder.path());
    let venue = Venue::start(&["--futures-balance", "20000"]);
    trade(&venue, "spot", "buy", "0.05");
    trade(&venue, "perp", "sell", "0.05");
    // Coins of another time: of the same coin beyond the short, and of another coin.
    venue.act(&json!({ "act": "deposit", "wallet": "spot", "asset": "BTC", "amount": "0.3" }));
    venue.act(&json!({ "act": "deposit", "wallet": "spot", "asset": "SOL", "amount": "3" }));
    let (coins, sol) = (spot(&venue, "BTC"), spot(&venue, "SOL"));

    // The plan first: nothing is sent without consent.
    let (code, report, problems) = flatten(folder.path(), &venue, &[]);
    assert_eq!((code, &report["sent"], &report["done"]), (4, &json!(false), &json!(false)), "{problems}");
    assert_eq!((&report["plan"]["pairs"][0]["short"], report["orders"].as_array().unwrap().len()), (&json!("0.05"), 0));
    assert_eq!(short(&venue, "BTCUSDT"), Amount::parse("-0.05").unwrap());

    let (code, report, problems) = flatten(folder.path(), &venue, &["--yes", "--clip", "700usdt"]);
    assert_eq!(code, 0, "{report} {problems}");
    assert_eq!(short(&venue, "BTCUSDT"), Amount::ZERO);
    let sold = coins - spot(&venue, "BTC");
    assert_eq!(sold, Amount::parse("0.05").unwrap(), "as many spot coins as were short, no more");
    assert_eq!(spot(&venue, "SOL"), sol, "what no short is paired with is left alone");
    assert_eq!(report["left"]["pairs"].as_array().unwrap().len(), 0, "{report}");
    // The way, not only the end: clips, the short first, and never more than a clip of difference.
    let mut naked = Amount::ZERO;
    let orders = report["orders"].as_array().unwrap();
    assert!(orders.len() >= 6, "{report}");
    for order in orders {
        let filled = amount(&order["filled"]);
        naked = if order["leg"] == "perp" { naked + filled } else { naked - filled };
        assert!(naked.abs() <= Amount::parse("0.02").unwrap(), "{report}");
    }
    let (code, report, problems) = flatten(folder.path(), &venue, &["--yes"]);
    assert_eq!((code, &report["sent"]), (0, &json!(false)), "nothing is left to do: {problems}");
}

#[test]
fn l24_a_long_and_a_short_without_coins_are_told_and_the_short_alone_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    keys(folder.path());
    let venue = Venue::start(&["--futures-balance", "20000"]);
    let eth = |side: &str| json!({ "act": "foreign", "symbol": "ETHUSDT", "market": "perp", "side": side, "quantity": "0.1" });
    venue.act(&eth("buy"));
    trade(&venue, "perp", "sell", "0.01");
    let coins = spot(&venue, "BTC");
    let (code, report, problems) = flatten(folder.path(), &venue, &["--yes"]);
    assert_eq!(code, 0, "{report} {problems}");
    assert_eq!((short(&venue, "BTCUSDT"), short(&venue, "ETHUSDT")), (Amount::ZERO, Amount::parse("0.1").unwrap()));
    assert!(report["plan"]["left"][0].as_str().unwrap().starts_with("ETHUSDT"), "{report}");
    assert!(coins - spot(&venue, "BTC") <= Amount::parse("0.01").unwrap());
}

#[test]
fn l33_a_lost_pair_of_a_contract_of_several_coins_is_closed_in_both_units() {
    let folder = tempfile::tempdir().unwrap();
    keys(folder.path());
    let venue = Venue::start(&["--futures-balance", "20000"]);
    venue.act(&json!({ "act": "bundle", "symbol": "WIFUSDT", "coins": 1000 }));
    let act = |market: &str, symbol: &str, side: &str, quantity: &str| {
        venue.act(&json!({ "act": "foreign", "symbol": symbol, "market": market, "side": side, "quantity": quantity }));
    };
    act("spot", "WIFUSDT", "buy", "400000");
    act("perp", "1000WIFUSDT", "sell", "400");
    // Coins beyond the short, and no round number of them.
    venue.act(&json!({ "act": "deposit", "wallet": "spot", "asset": "WIF", "amount": "1234567.12345678" }));
    let coins = spot(&venue, "WIF");
    assert_eq!(short(&venue, "1000WIFUSDT"), Amount::whole(-400));
    let (code, report, problems) = flatten(folder.path(), &venue, &["--yes", "--clip", "100usdt"]);
    assert_eq!(code, 0, "{report} {problems}");
    assert_eq!(short(&venue, "1000WIFUSDT"), Amount::ZERO);
    assert_eq!(
        coins - spot(&venue, "WIF"),
        Amount::whole(400_000),
        "a thousand times as many coins as were short, no more"
    );
    let mut naked = Amount::ZERO;
    let mut worst = Amount::ZERO;
    for order in report["orders"].as_array().unwrap() {
        let filled = amount(&order["filled"]);
        naked += if order["leg"] == "perp" { filled } else { -filled };
        worst = worst.max(naked.abs());
    }
    assert!(worst < Amount::whole(150), "more than a clip apart: {worst} contracts");
}
