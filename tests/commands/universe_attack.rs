//! A session of the universe that is started again while its venue has changed, or tells only a part: what it holds is looked after.
//!
//! The looks themselves are attacked in `tests/suite/universe_watch.rs`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::loopback_venue as loopback;
use crate::public;
use crate::session;

use carry::data::instruments;
use carry::domain::{Catalogue, Quantity, Symbol};
use carry::pairs::{PairMemory, Phase};
use carry::run::folder;
use carry::run::session::PairRow;
use carry::store::LedgerFile;
use carry::store::ledger_file::Batch;
use loopback::Venue;
use serde_json::{Value, json};
use session::{Running, ended, text};
use std::path::PathBuf;
use std::time::Duration;

/// Noon of a day.
const NOON: &str = "1760011200000";
/// It enters nothing by itself and leaves what trading leaves: the rest is what a person does.
const STRATEGY: &str = r#"
[strategy]
rule = "anchor"
pairs = "auto"
[universe]
venues = ["binance"]
min_age = "0d"
min_volume = "1usd"
[entry]
funding = "0.5%/8h"
[exit]
when = "all"
funding = "-0.5%/8h"
min_hold = "7d"
[gates]
quadrant = false
min_depth = "100usdt"
[size]
per_pair = "10%"
[live]
start_retry = "30s"
"#;

/// A venue, and a live session of its universe.
struct Desk {
    root: tempfile::TempDir,
    venue: Venue,
    keys: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let venue = Venue::start(&["--seed", "7", "--start", NOON, "--speed", "20", "--pulse", "500"]);
        let keys = loopback::keys(root.path());
        std::fs::write(root.path().join("s.toml"), STRATEGY).unwrap();
        Self { root, venue, keys }
    }

    fn state(&self) -> PathBuf {
        self.root.path().join("live")
    }

    fn live(&self) -> Running {
        let (state, strategy) = (self.state(), self.root.path().join("s.toml"));
        let words = ["live", "--key", "good", "--keys", text(&self.keys), "--state", text(&state), "--clock", "venue"];
        let more =
            ["--base-url", &self.venue.base, "--strategy", text(&strategy), "--set", "live.shadow_hours=0s", "--json"];
        Running::start_logged(&[&words[..], &more[..]].concat(), &self.root.path().join("log"))
    }

    fn verb(&self, words: &[&str]) -> (i32, Value, String) {
        let state = self.state();
        let (code, out, problems) = ended(&[words, &["--state", text(&state), "--json"]].concat());
        (code, serde_json::from_str(&out).unwrap_or_default(), problems)
    }

    fn pairs(&self) -> Vec<String> {
        let rows = self.verb(&["pairs"]).1["result"]["pairs"].clone();
        rows.as_array().into_iter().flatten().map(|row| row["pair"].as_str().unwrap().to_owned()).collect()
    }

    /// A process runs, and says so.
    fn is_ready(&self) -> bool {
        let status = self.verb(&["status"]).1;
        status["state"] == "ready" || status["result"]["state"] == "ready"
    }

    fn phase(&self, symbol: &str) -> String {
        let rows = self.verb(&["pairs"]).1["result"]["pairs"].clone();
        let row = rows.as_array().into_iter().flatten().find(|row| row["pair"] == format!("binance:{symbol}"));
        row.and_then(|row| row["phase"].as_str()).unwrap_or_default().to_owned()
    }

    fn open(&self, symbol: &str) -> (i32, Value, String) {
        self.verb(&["open", &format!("binance:{symbol}"), "--size", "150usdt", "--yes"])
    }

    fn said(&self, words: &str) -> bool {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default().contains(words)
    }
}

#[test]
fn g01_e03_a_restart_goes_on_with_its_pairs_after_a_reload_delistings_a_halt_and_without_candles() {
    let desk = Desk::new();
    let run = desk.live();
    run.until(|| desk.pairs().len() == 5);
    let pairs = desk.pairs();
    run.until(|| desk.phase("BTCUSDT") == "hedged" || desk.open("BTCUSDT").0 == 0 && desk.phase("BTCUSDT") == "hedged");
    // A person tightens a limit; the pairs of the session stay its pairs.
    std::fs::write(desk.root.path().join("s.toml"), format!("{STRATEGY}[risk]\norders_per_minute = 60\n")).unwrap();
    let (code, report, problems) = desk.verb(&["reload"]);
    assert_eq!((code, &report["result"]["taken"][0]["key"]), (0, &"risk.orders_per_minute".into()), "{problems}");
    run.kill();

    desk.venue.act(&json!({ "act": "delist", "symbol": "WIFUSDT", "after": "1s" }));
    desk.venue.act(&json!({ "act": "halt", "symbol": "SOLUSDT", "market": "spot", "halted": true }));
    desk.venue.act(&json!({ "act": "list", "symbol": "AAAUSDT", "like": "SOLUSDT" }));
    desk.venue.act(&json!({ "match": { "path": "/fapi/v1/klines" }, "status": 500 }));
    desk.venue.control("POST", "/carry/clock/advance?ms=5m", &Value::Null);
    let again = desk.live();
    assert!((0..300).any(|_| !again.ends_within(Duration::from_millis(100)) && desk.is_ready()), "it is not ready");
    assert_eq!(desk.pairs(), pairs, "the ledger numbers them");
    assert!(desk.said("the session goes on with the pairs that it has"), "what could not be looked at is said");
    again.until(|| desk.phase("BTCUSDT") == "hedged");
    for symbol in ["WIFUSDT", "SOLUSDT"] {
        let (code, _, problems) = desk.open(symbol);
        assert_eq!(code, 4, "{symbol}: {problems}");
    }
    // What is held can be left.
    again.until(|| desk.phase("BTCUSDT") == "flat" || desk.verb(&["close", "binance:BTCUSDT", "--yes"]).0 > 4);
    let books = desk.venue.books();
    assert_eq!(books["positions"]["BTCUSDT"]["coins"].as_str().unwrap_or("0"), "0", "{}", books["positions"]);
    again.kill();
}

#[test]
fn l02_a_start_for_what_a_dead_process_left_in_work_waits_for_no_look() {
    let root = tempfile::tempdir().unwrap();
    let mut catalogue = Catalogue::default();
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let legs = instruments::built_in("binance", Symbol::new(symbol).unwrap()).unwrap();
        catalogue.add_pair(legs.spot, legs.perp);
    }
    assert!(folder::numbered(root.path()).pairs().is_empty(), "nothing is there yet");
    assert!(folder::has_work(root.path()), "what cannot be read is not known to rest");
    let mut ledger = LedgerFile::open(&root.path().join("ledger.sqlite"), "live").unwrap();
    let meta = vec![("catalogue", serde_json::to_string(&catalogue).unwrap()), ("ready", "1".to_owned())];
    ledger.commit(&Batch { meta, ..Batch::default() }).unwrap();
    let mut has_work = |phase: Phase, body: &dyn Fn(String) -> String| {
        let memory = PairMemory { phase, ..PairMemory::default() };
        let row = PairRow { memory, at_rest: false, largest: Quantity::ZERO, marks: None };
        let body = body(serde_json::to_string(&row).unwrap());
        let pairs = vec![("binance:BTCUSDT".to_owned(), phase.as_str().to_owned(), body)];
        ledger.commit(&Batch { pairs, ..Batch::default() }).unwrap();
        assert_eq!(folder::numbered(root.path()).pairs().len(), 2);
        folder::has_work(root.path())
    };
    let whole = |body| body;
    for phase in [Phase::Flat, Phase::Hedged] {
        assert!(!has_work(phase, &whole), "{phase:?}");
    }
    for phase in [Phase::Entering, Phase::Exiting, Phase::Repair, Phase::Naked] {
        assert!(has_work(phase, &whole), "{phase:?}");
    }
    assert!(has_work(Phase::Flat, &|body| body.replace("memory", "other")), "a row of another shape is not known");
}

/// Of the size that the real venue's list has.
const ROWS: usize = 3_300;
const LARGE: usize = 10_000_000;
/// The preset that is made for a universe.
const LADDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/strategies/ladder.toml");
const DAY: i64 = 86_400_000;
const NOW: i64 = 1_760_011_200_000;

/// Filters that every instrument has.
fn filters() -> Value {
    json!([
        { "filterType": "PRICE_FILTER", "tickSize": "0.01" },
        { "filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "9000" },
        { "filterType": "NOTIONAL", "minNotional": "5" },
        { "filterType": "MIN_NOTIONAL", "notional": "5" },
    ])
}

fn spot(symbol: &str, status: &str) -> Value {
    let base = symbol.trim_end_matches("USDT");
    json!({
        "symbol": symbol, "status": status, "baseAsset": base, "quoteAsset": "USDT", "isSpotTradingAllowed": true,
        "filters": filters(),
    })
}

fn perp(symbol: &str, more: &Value) -> Value {
    let base = symbol.trim_end_matches("USDT");
    let mut row = json!({
        "symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "contractType": "PERPETUAL",
        "underlyingType": "COIN", "deliveryDate": 4_133_404_800_000_i64, "onboardDate": NOW - 400 * DAY, "filters": filters(),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        row[key] = value.clone();
    }
    row
}

/// What lists hold beside what is traded: other contracts, names that are no ASCII, rows that cannot be read, words of tomorrow.
fn lists() -> (String, String) {
    let mut spots: Vec<Value> =
        ["BTCUSDT", "YOUNGUSDT", "NODATEUSDT", "LATERUSDT", "ENDSUSDT", "STOCKUSDT", "1000SATSUSDT"]
            .map(|symbol| spot(symbol, "TRADING"))
            .into();
    spots.push(spot("HALTUSDT", "BREAK"));
    spots.push(spot("WORDUSDT", "ENTERED_THE_VOID"));
    spots.push(spot("币安人生USDT", "TRADING"));
    spots.push(json!({ "symbol": "ODDUSDT", "status": null }));
    let pad = "MARGIN_".repeat(LARGE / ROWS / 7);
    spots.extend((0..ROWS).map(|number| {
        let mut row = spot(&format!("A{number}USDT"), "TRADING");
        row["permissions"] = json!([pad]);
        row
    }));
    let mut perps = vec![
        perp("BTCUSDT", &json!({})),
        perp("1000SATSUSDT", &json!({})),
        perp("YOUNGUSDT", &json!({ "onboardDate": NOW - 3 * DAY })),
        perp("NODATEUSDT", &json!({ "onboardDate": 0 })),
        perp("LATERUSDT", &json!({ "onboardDate": NOW + DAY })),
        perp("ENDSUSDT", &json!({ "deliveryDate": NOW + DAY })),
        perp("STOCKUSDT", &json!({ "contractType": "TRADIFI_PERPETUAL", "underlyingType": "EQUITY" })),
        perp("HALTUSDT", &json!({})),
        perp("WORDUSDT", &json!({ "status": "ENTERED_THE_VOID" })),
        perp("币安人生USDT", &json!({})),
        perp("BTCUSDT_260327", &json!({ "contractType": "CURRENT_QUARTER" })),
        perp("LONEUSDT", &json!({})),
    ];
    perps.push(json!({ "symbol": "ODDUSDT", "status": 7, "filters": [] }));
    (json!({ "symbols": spots }).to_string(), json!({ "symbols": perps }).to_string())
}

#[test]
fn l33_l30_the_universe_of_a_venue_as_large_and_as_odd_as_a_real_one_is_read() {
    let (spots, perps) = lists();
    assert!(spots.len() > LARGE, "{}", spots.len());
    let candle = |at: i64| json!([at, "100", "101", "99", "100", "500000", at + DAY - 1, "50000000", 9, "1", "1", "0"]);
    let venue = public::Venue::new(Box::new(move |path, find| {
        let number = |name: &str| find(name).and_then(|text| text.parse::<i64>().ok()).unwrap();
        match path {
            "/fapi/v1/time" => (200, json!({ "serverTime": NOW }).to_string()),
            "/api/v3/exchangeInfo" => (200, spots.clone()),
            "/fapi/v1/exchangeInfo" => (200, perps.clone()),
            "/fapi/v1/klines" => {
                let days = (number("startTime")..=number("endTime")).step_by(usize::try_from(DAY).unwrap());
                (200, days.map(candle).collect::<Value>().to_string())
            }
            other => panic!("{other} was asked"),
        }
    }));
    let (code, out, problems) = ended(&["universe", "--strategy", LADDER, "--base-url", &venue.base, "--json"]);
    assert_eq!(code, 0, "{problems}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let mut found: Vec<(&str, &str)> = report["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["pair"].as_str().unwrap(), row["outside"].as_str().unwrap_or("in")))
        .collect();
    found.sort_unstable();
    let expected = [
        ("binance:1000SATSUSDT", "in"),
        ("binance:BTCUSDT", "in"),
        ("binance:ENDSUSDT", "not_trading"),
        ("binance:HALTUSDT", "not_trading"),
        ("binance:LATERUSDT", "young"),
        ("binance:NODATEUSDT", "young"),
        ("binance:WORDUSDT", "not_trading"),
        ("binance:YOUNGUSDT", "young"),
        ("binance:币安人生USDT", "in"),
    ];
    assert_eq!(found, expected);
    assert!(report["not_priced"].to_string().contains("binance:LONEUSDT"), "{}", report["not_priced"]);
}
