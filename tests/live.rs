//! A live run against the loopback venue, as real processes with real sockets on an accelerated clock.
//!
//! The fault scripts are in `live/faults.rs`, kills in `live/kills.rs`. `CARRY_LIVE_KILLS` sets how often runs are killed (3 here;
//! the full count is 500).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "tests read their counts from the environment")]

#[path = "live/aster.rs"]
mod aster;
#[path = "live/bundle.rs"]
mod bundle;
#[path = "live/coin.rs"]
mod coin;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/fee_coin.rs"]
mod fee_coin;
#[path = "live/instances.rs"]
mod instances;
#[path = "live/kills.rs"]
mod kills;
#[path = "live/market.rs"]
mod market;
#[path = "live/pages.rs"]
mod pages;
#[path = "live/rig.rs"]
mod rig;
#[path = "live/scripts.rs"]
mod scripts;
#[path = "common/secrets.rs"]
mod secrets;
#[path = "live/soak.rs"]
mod soak;
#[path = "live/strategies.rs"]
mod strategies;
#[path = "live/two_venues.rs"]
mod two_venues;
#[path = "live/way.rs"]
mod way;

use carry::domain::Amount;
use rig::{HIGH, RALLY, Ran, Rig, compressed};
use serde_json::Value;
use std::collections::BTreeMap;

/// How much faster than time the venue's clock runs.
const SPEED: u32 = 300;

/// Nothing was sent twice, nothing is held, and the two books agree to the last unit.
fn closed_and_equal(rig: &Rig, ran: &Ran) {
    assert_eq!(ran.summary()["open_pairs"], 0, "{}", ran.out);
    closed_books(rig, ran);
}

/// Nothing was sent twice, and the two books agree to the last unit.
fn closed_books(rig: &Rig, ran: &Ran) {
    books_equal((rig, ran), &rig.ledger());
}

/// The same with the ledger as the venue would write it.
fn books_equal((rig, ran): (&Rig, &Ran), ledger: &BTreeMap<(String, String), Amount>) {
    let summary = ran.summary();
    assert_eq!(summary["pnl"]["unexplained"], "0", "{}", ran.out);
    let requests = rig.get("/carry/requests");
    for (id, arrived) in requests["new_orders"].as_object().unwrap() {
        assert_eq!(arrived, 1, "I2: {id} arrived {arrived} times");
    }
    assert_eq!(*ledger, rig.books(), "I5: the ledger and the venue\n{}", ran.err);
    rig.search(&[ran]);
}

/// The venue itself says that its lists and the ledger agree, and no order is in doubt.
fn reconciled(rig: &Rig) {
    let state = rig.path("state").display().to_string();
    let keys = rig.path("keys.json").display().to_string();
    let place = ["--key", "test", "--keys", &keys, "--base-url", &rig.base, "--clock", "venue", "--json"];
    let ran = rig.ask(&[&["reconcile", "--state", &state], place.as_slice()].concat());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

#[test]
fn e08_a_pair_rides_a_rally_by_transfers_and_leaves_when_the_spread_compresses() {
    let rig = Rig::new(&format!("{HIGH}{RALLY}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("270m", &[]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(&rig, &ran);
    let summary = ran.summary();
    assert_eq!(summary["round_trips"], 1);
    assert!(count(&summary["alarms"]["margin_low"]) > 0, "the margin was never low: {}", ran.out);
    assert_eq!(summary["alarms"].get("liquidated"), None);
    let paid = rig.income("FUNDING_FEE");
    assert!(paid.len() >= 2, "two settlements at least: {paid:?}");
    let mut sum = Amount::ZERO;
    for amount in &paid {
        sum += *amount;
    }
    assert_eq!(summary["pnl"]["funding"], sum.to_string(), "funding is booked from the income list");
    // The entry's transfer, and those of the rally.
    assert!(rig.income("TRANSFER").len() >= 3, "{:?}", rig.income("TRANSFER"));
}

#[test]
fn e08_without_the_autopilot_the_same_rally_liquidates_the_short() {
    let rig = Rig::new(&format!("{HIGH}{RALLY}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("270m", &["--set", "margin.autopilot=false"]), 300);
    let summary = ran.summary();
    assert_eq!(count(&summary["alarms"]["liquidated"]), 1, "{}", ran.out);
    let books = rig.get("/carry/books");
    let by_venue = books["orders"].as_array().unwrap().iter().filter(|order| order["by_venue"] == true);
    assert!(by_venue.count() >= 1, "the venue closed nothing");
    closed_and_equal(&rig, &ran);
}

#[test]
fn l04_an_isolated_short_rides_the_same_rally_with_margin_in_its_position() {
    let rig = Rig::new(&format!("{HIGH}{RALLY}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("270m", &["--set", "margin.mode=isolated"]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let summary = ran.summary();
    assert_eq!(summary["alarms"].get("liquidated"), None, "{}\n{}", ran.out, ran.err);
    let requests = rig.get("/carry/requests");
    let added = requests["requests"]["POST /fapi/v1/positionMargin"].as_u64().unwrap_or(0);
    assert!((1..=60).contains(&added), "{added} additions to the position: {requests}");
    closed_and_equal(&rig, &ran);
}

#[test]
fn l03_streams_that_freeze_through_a_rally_are_noticed_and_cost_nothing() {
    let freeze = "\n[[act]]\nat = \"59m\"\nact = \"freeze\"\nsymbol = \"BTCUSDT\"\nfor = \"75m\"\n";
    let rig = Rig::new(&format!("{HIGH}{RALLY}{freeze}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("270m", &[]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let summary = ran.summary();
    assert_eq!(summary["alarms"].get("liquidated"), None, "{}\n{}", ran.out, ran.err);
    assert!(count(&summary["alarms"]["part_missing"]) > 0, "nobody noticed: {}", ran.out);
    assert!(count(&summary["alarms"]["margin_low"]) > 0, "the rally was not seen: {}", ran.out);
    closed_and_equal(&rig, &ran);
}

/// Minutes from one entry to the next in a market that turns again and again.
const TURN: u64 = 260;

/// A market that pays well and compresses, so many times; it stays compressed at the end.
fn turns(count: u64) -> String {
    let high = |minute: u64| {
        format!(
            "[[act]]\nat = \"{minute}m\"\nact = \"funding\"\nsymbol = \"BTCUSDT\"\nrate = \"0.0001\"\n\
             [[act]]\nat = \"{minute}m\"\nact = \"premium\"\nsymbol = \"BTCUSDT\"\nto = \"0\"\nover = \"1m\"\n"
        )
    };
    let mut script = HIGH.to_owned();
    for turn in 0..count {
        script += &compressed(u32::try_from(turn * TURN + 150).unwrap());
        if turn + 1 < count {
            script += &high((turn + 1) * TURN);
        }
    }
    script
}

#[test]
fn g01_a_start_that_was_killed_before_it_was_set_up_begins_anew() {
    let rig = Rig::new(HIGH, SPEED);
    // Nothing is entered: what is compared are the opening balances.
    let idle = ["--set", "entry.margin=0.5%/8h"];
    let first = Rig::run(rig.live("3m", &idle), 120);
    assert_eq!(first.code, Some(0), "{}", first.err);
    let before = rig.ledger();
    // As a kill between the opening balances and the mark that all of them are there leaves it.
    let file = rusqlite::Connection::open(rig.path("state").join("ledger.sqlite")).unwrap();
    assert_eq!(file.execute("DELETE FROM meta WHERE key = 'ready'", []).unwrap(), 1);
    drop(file);
    let again = Rig::run(rig.live("3m", &idle), 120);
    assert_eq!(again.code, Some(0), "{}", again.err);
    closed_and_equal(&rig, &again);
    assert_eq!(rig.ledger(), before, "the opening balances were booked once");
}
