//! A basis pair over two venues: spot at Binance, the short at Aster, two keys, one process, one ledger.
//!
//! Both venues are real processes with books of their own; no money moves between them. The way is judged as well as the end:
//! how long the legs were unequal, orders of each leg, what was told.

use super::rig::{HIGH, Kind, Ran, Rig, carry, compressed};
use super::way::unequal_in;
use carry::domain::Amount;
use serde_json::Value;
use std::process::{Command, Stdio};

const PAIR: &str = "binance:BTCUSDT/aster:BTCUSDT";

const STRATEGY: &str = r#"
[strategy]
rule = "anchor"
pairs = ["binance:BTCUSDT/aster:BTCUSDT"]
[signal]
funding = "settled"
smooth = "1h"
memory = "2d"
[entry]
funding = "0.01%/8h"
margin = "0.01%/8h"
cooldown = "1h"
[exit]
when = "all"
funding = "0.005%/8h"
basis = "30bps"
min_hold = "1h"
[gates]
quadrant = false
min_depth = "100usdt"
[size]
per_pair = "40%"
leverage = "2x"
[execution]
clip = "10000usdt"
hedge_time = "60s"
"#;

/// How much faster than time both clocks run: two venues and a run are more work than one.
const SPEED: u32 = 150;

/// A rally of 60 % in half an hour, once the pair is held.
const RALLY: &str = r#"
[[act]]
at = "75m"
act = "rally"
symbol = "BTCUSDT"
by = "0.6"
over = "30m"
"#;

/// Longest time that legs may be unequal: `execution.hedge_time` and two ways.
const NAKED_MS: i64 = 90_000;

/// Two venues on one time.
struct Two {
    spot: Rig,
    short: Rig,
}

impl Two {
    /// The same script at both, one more at each, and this money at the venue of the short.
    fn new(script: &str, (at_spot, at_short): (&str, &str), money: &str) -> Self {
        let of = |kind, own: &str, more: &[&str]| Rig::with(kind, &format!("{script}{own}"), 1, more);
        let (spot, short) = (of(Kind::Binance, at_spot, &[]), of(Kind::Aster, at_short, &["--balance", money]));
        std::fs::write(spot.path("two.toml"), STRATEGY).unwrap();
        spot.file_key("short", Kind::Aster);
        let two = Self { spot, short };
        two.align();
        two
    }

    /// Both clocks stand, are set to one time, and go on together.
    fn align(&self) {
        let both = [&self.spot, &self.short];
        let held = both.map(|rig| {
            assert!(rig.asked("POST", "/carry/clock/hold", "").0);
            rig.get("/carry/clock")["now_ms"].as_i64().unwrap()
        });
        let latest = *held.iter().max().unwrap();
        for (rig, at) in both.into_iter().zip(held) {
            assert!(rig.asked("POST", &format!("/carry/clock/advance?ms={}", latest - at), "").0);
        }
        for rig in both {
            assert!(rig.asked("POST", &format!("/carry/clock/speed?x={SPEED}"), "").0);
        }
    }

    fn bases(&self) -> [String; 2] {
        [format!("binance={}", self.spot.base), format!("aster={}", self.short.base)]
    }

    fn live(&self, length: &str, more: &[&str]) -> Command {
        let mut command = carry();
        let [spot, short] = self.bases();
        command
            .args(["live", "--key", "test", "--key", "short", "--keys"])
            .arg(self.spot.path("keys.json"))
            .args(["--base-url", &spot, "--base-url", &short, "--clock", "venue", "--state"])
            .arg(self.spot.path("state"))
            .arg("--strategy")
            .arg(self.spot.path("two.toml"))
            .args(["--for", length, "--json"])
            .args(["--set", "live.shadow_hours=0s", "--set", "live.max_notional=1000000usdt"])
            .args(["--consent", "I accept 1000000 usdt"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A command about both accounts.
    fn ask(&self, words: &[&str]) -> Ran {
        let [spot, short] = self.bases();
        let keys = self.spot.path("keys.json").display().to_string();
        let place = ["--key", "test", "--key", "short", "--keys", &keys, "--base-url", &spot, "--base-url", &short];
        self.spot.ask(&[words, place.as_slice(), &["--clock", "venue", "--json"]].concat())
    }

    /// Nothing was sent twice or to the wrong venue, ledger and both books agree, and so says each venue.
    fn agrees(&self, ran: &Ran) {
        let summary = ran.summary();
        assert_eq!(summary["pnl"]["unexplained"], "0", "{}", ran.out);
        let balances = self.spot.ask(&["ledger", "state", "--balances", "--json"]);
        for (rig, venue) in [(&self.spot, "binance"), (&self.short, "aster")] {
            for (id, arrived) in rig.get("/carry/requests")["new_orders"].as_object().unwrap() {
                assert_eq!(arrived, 1, "I2: {id} arrived {arrived} times at {venue}");
            }
            assert_eq!(Rig::ledger_of(&balances, venue), rig.books(), "I5: ledger and {venue}\n{}", ran.err);
        }
        let market = |rig: &Rig, market: &str| orders(rig).iter().filter(|order| order["market"] == market).count();
        assert_eq!((market(&self.spot, "perp"), market(&self.short, "spot")), (0, 0), "each leg at its own venue");
        let found = self.ask(&["reconcile", "--state", &self.spot.path("state").display().to_string()]);
        assert_eq!(found.code, Some(0), "{}\n{}", found.out, found.err);
        assert_eq!(found.summary()["result"]["venue"], "binance, aster", "{}", found.out);
        self.spot.search(&[ran, &found]);
        self.short.search(&[ran, &found]);
    }

    /// The longest time that the legs were unequal, by both venues' executions.
    fn naked_ms(&self) -> i64 {
        let books = [&self.spot, &self.short].map(|rig| rig.get("/carry/books"));
        unequal_in(&books).iter().map(|(from, to)| to - from).max().unwrap_or(0)
    }
}

fn orders(rig: &Rig) -> Vec<Value> {
    rig.get("/carry/books")["orders"].as_array().unwrap().clone()
}

fn alarm(ran: &Ran, kind: &str) -> u64 {
    ran.summary()["alarms"][kind].as_u64().unwrap_or(0)
}

/// What must not be told of a run in which nobody else has a hand.
fn quiet(ran: &Ran) {
    for kind in ["liquidated", "foreign", "difference", "other_instance", "transfer_failed"] {
        assert_eq!(alarm(ran, kind), 0, "{kind}: {}\n{}", ran.out, ran.err);
    }
}

#[test]
fn f01_e08_a_pair_over_two_venues_is_topped_up_at_its_short_s_venue_alone_and_then_shrinks_on_both() {
    let two = Two::new(&format!("{HIGH}{RALLY}{}", compressed(125)), ("", ""), "20000");
    let ran = Rig::run(two.live("185m", &[]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let summary = ran.summary();
    assert_eq!(summary["open_pairs"], 0, "{}", ran.out);
    two.agrees(&ran);
    quiet(&ran);
    assert_eq!(summary["round_trips"], 1, "{}\n{}", ran.out, ran.err);
    let paid = two.short.income("FUNDING_FEE");
    assert!(paid.len() >= 2, "two settlements at least: {paid:?}");
    assert_eq!(summary["pnl"]["funding"], paid.iter().copied().sum::<Amount>().to_string());
    assert!(two.spot.income("FUNDING_FEE").is_empty() && two.spot.income("TRANSFER").is_empty());
    // Its own spot wallet is moved first; when that is empty both legs shrink.
    assert!(alarm(&ran, "margin_low") > 0 && alarm(&ran, "margin_floor") > 0, "{}", ran.out);
    assert!(two.short.income("TRANSFER").len() >= 2, "{:?}", two.short.income("TRANSFER"));
    let (spot, short) = (orders(&two.spot).len(), orders(&two.short).len());
    let naked = two.naked_ms();
    println!("naked {naked} ms, {spot} orders of the spot leg, {short} of the short, alarms {}", summary["alarms"]);
    assert!(naked <= NAKED_MS, "{naked} ms\n{}", ran.err);
    // Three clips in, some out while it shrinks, three clips out, and a repair here and there.
    assert!((6..=24).contains(&spot) && (6..=24).contains(&short), "{spot} and {short}");
}

/// The first order of the short is refused by proof.
const REFUSED: &str = r#"
[[fault]]
match = { path = "/fapi/v3/order", method = "POST", nth = 1 }
error = { code = -2019, msg = "Margin is insufficient.", status = 400 }
"#;

#[test]
fn a23_a_short_that_its_venue_refuses_is_undone_at_the_other_venue_at_once() {
    let two = Two::new(&format!("{HIGH}{}", compressed(90)), ("", REFUSED), "60000");
    let ran = Rig::run(two.live("205m", &["--set", "execution.first=spot"]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.summary()["open_pairs"], 0, "{}\n{}", ran.out, ran.err);
    two.agrees(&ran);
    quiet(&ran);
    assert_eq!(alarm(&ran, "order_unknown"), 0, "{}", ran.out);
    let sales = orders(&two.spot).iter().filter(|one| one["order"]["side"] == "SELL").count();
    let naked = two.naked_ms();
    println!("naked {naked} ms, {sales} sales, alarms {}", ran.summary()["alarms"]);
    assert!(sales >= 1, "what was bought was sold again: {}", ran.err);
    assert!(naked <= NAKED_MS, "{naked} ms\n{}", ran.err);
}

#[test]
fn g01_killed_between_its_legs_a_run_over_two_venues_goes_on_with_both() {
    let two = Two::new(&format!("{HIGH}{}", compressed(130)), ("", ""), "60000");
    let bought = || orders(&two.spot).iter().any(|order| !order["executions"].as_array().unwrap().is_empty());
    let killed = Rig::killed_when(two.live("6h", &["--set", "execution.first=spot"]), bought);
    assert_eq!(killed.code, None, "{}", killed.err);
    let ran = Rig::run(two.live("130m", &["--set", "execution.first=spot"]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.summary()["open_pairs"], 0, "{}\n{}", ran.out, ran.err);
    two.agrees(&ran);
    quiet(&ran);
}

#[test]
fn a_shadow_of_a_pair_over_two_venues_trades_both_books_without_a_key() {
    let two = Two::new(&format!("{HIGH}{}", compressed(130)), ("", ""), "60000");
    let mut command = carry();
    let [spot, short] = two.bases();
    command
        .args([
            "shadow",
            "--base-url",
            &spot,
            "--base-url",
            &short,
            "--clock",
            "venue",
            "--for",
            "330m",
            "--json",
            "--state",
        ])
        .arg(two.spot.path("state"))
        .arg("--strategy")
        .arg(two.spot.path("two.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ran = Rig::run(command, 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let summary = ran.summary();
    assert_eq!(summary["pnl"]["unexplained"], "0", "{}", ran.out);
    assert_eq!((&summary["round_trips"], &summary["open_pairs"]), (&1.into(), &0.into()), "{}\n{}", ran.out, ran.err);
    assert!(orders(&two.spot).is_empty() && orders(&two.short).is_empty(), "nothing was sent");
}

#[test]
fn h04_keys_and_venues_of_a_pair_over_two_venues_are_matched_before_anything_is_asked() {
    let two = Two::new(HIGH, ("", ""), "60000");
    let doctor = two.ask(&["doctor", "--set", &format!("strategy.pairs=[\"{PAIR}\"]")]);
    let report = doctor.summary();
    let lines = report["lines"].as_array().unwrap();
    let has = |place: &str, check: &str| lines.iter().any(|line| line["place"] == place && line["check"] == check);
    assert!(has("binance", "BTCUSDT spot fees") && has("aster", "BTCUSDT perp fees"), "{}", doctor.out);
    assert!(has("binance", "BTCUSDT spot status") && has("aster", "BTCUSDT modes"), "{}", doctor.out);
    assert!(!has("binance", "BTCUSDT perp fees") && !has("aster", "BTCUSDT spot fees"), "{}", doctor.out);
    let keys = two.spot.path("keys.json").display().to_string();
    let state = two.spot.path("state").display().to_string();
    let words = ["live", "--key", "test", "--keys", &keys, "--base-url", &two.spot.base, "--state", &state];
    let more = ["--set", &format!("strategy.pairs=[\"{PAIR}\"]"), "--set", "live.shadow_hours=0s"];
    let ran = two.spot.ask(&[words.as_slice(), more.as_slice()].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("key test is of binance, and a leg is at aster"), "{}", ran.err);
    assert!(orders(&two.spot).is_empty() && orders(&two.short).is_empty());
}

/// Two whole pairs at two venues in one process, whose keys, leverage and shares stand in the configuration alone.
const TERMS: &str = r#"
[venues.binance]
key = "test"
capital = "40%"
[venues.aster]
key = "short"
leverage = "2x"
capital = "40%"
"#;

#[test]
fn each_venue_of_a_live_run_is_set_to_and_sized_by_its_own_terms_and_its_key_is_found_by_name() {
    let two = Two::new(&format!("{HIGH}{}", compressed(400)), ("", ""), "60000");
    let text = STRATEGY
        .replace(&format!("\"{PAIR}\""), "\"binance:BTCUSDT\", \"aster:BTCUSDT\"")
        .replace("per_pair = \"40%\"\nleverage = \"2x\"", "per_pair = \"100%\"\nper_coin = \"100%\"");
    std::fs::write(two.spot.path("two.toml"), format!("{text}{TERMS}")).unwrap();
    let mut command = carry();
    let [spot, short] = two.bases();
    command
        .args(["live", "--keys"])
        .arg(two.spot.path("keys.json"))
        .args(["--base-url", &spot, "--base-url", &short, "--clock", "venue", "--for", "110m", "--json", "--state"])
        .arg(two.spot.path("state"))
        .arg("--strategy")
        .arg(two.spot.path("two.toml"))
        .args(["--set", "live.shadow_hours=0s", "--set", "live.max_notional=1000000usdt"])
        .args(["--consent", "I accept 1000000 usdt"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ran = Rig::run(command, 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.summary()["pnl"]["unexplained"], "0", "{}", ran.out);
    quiet(&ran);
    let position = |rig: &Rig| rig.get("/carry/books")["positions"]["BTCUSDT"].clone();
    let leverage = |rig: &Rig| position(rig)["leverage"].as_u64();
    assert_eq!((leverage(&two.spot), leverage(&two.short)), (Some(1), Some(2)), "{}", position(&two.spot));
    // 40 % of 100,000 at each: at 1x half of it is short, at 2x two thirds.
    let value = |rig: &Rig| -> f64 {
        let orders = orders(rig);
        let fills = orders
            .iter()
            .filter(|order| order["market"] == "perp")
            .flat_map(|order| order["executions"].as_array().unwrap());
        fills
            .map(|fill| ["price", "quantity"].map(|cell| fill[cell].as_str().unwrap().parse::<f64>().unwrap()))
            .map(|[p, q]| p * q)
            .sum()
    };
    let (one, two_x) = (value(&two.spot), value(&two.short));
    assert!((17_000.0..20_500.0).contains(&one), "{one} {}", ran.err);
    assert!((23_000.0..27_200.0).contains(&two_x), "{two_x} {}", ran.err);
}

#[test]
fn h04_a_venue_without_a_key_and_a_key_in_another_venue_s_table_are_refused_before_anything_is_asked() {
    let two = Two::new(HIGH, ("", ""), "60000");
    let said = |terms: &str| {
        std::fs::write(two.spot.path("two.toml"), format!("{STRATEGY}{terms}")).unwrap();
        let keys = two.spot.path("keys.json").display().to_string();
        let (state, strategy) =
            (two.spot.path("state").display().to_string(), two.spot.path("two.toml").display().to_string());
        let ran = two.spot.ask(&["live", "--keys", &keys, "--state", &state, "--strategy", &strategy]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        ran.err
    };
    let none = said("[venues.binance]\nkey = \"test\"\n");
    assert!(none.contains("no key signs at aster") && none.contains("[venues.aster] key = \"NAME\""), "{none}");
    let swapped = said("[venues.binance]\nkey = \"short\"\n[venues.aster]\nkey = \"test\"\n");
    assert!(swapped.contains("venues.aster.key = \"test\", and that key is of binance"), "{swapped}");
    let absent = said("[venues.binance]\nkey = \"test\"\n[venues.aster]\nkey = \"nobody\"\n");
    assert!(absent.contains("nobody"), "{absent}");
    assert!(orders(&two.spot).is_empty() && orders(&two.short).is_empty());
}
