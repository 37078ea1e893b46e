//! Odds and capacity of `carry quote`: both books of a made-up venue on loopback, worked by hand, and the volume of bars of a folder.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test stop at the first surprise")]

use crate::history;
use crate::public;

use history::{Column, write_parquet};
use public::{HOUR, START, Venue, prices, window};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const EIGHT: i64 = 8 * HOUR;
const DAY: i64 = 24 * HOUR;

/// What each symbol pays each 8 h, and for how many days it is listed.
fn terms(symbol: &str) -> (&'static str, i64) {
    match symbol {
        "RICHUSDT" => ("0.0005", 1_500),
        "LESSUSDT" => ("0.000058", 1_500),
        "NEWUSDT" => ("0.0001", 20),
        _ => ("0.0001", 1_500),
    }
}

/// Spot stands at 99.95 / 100.05 and, behind 60 coins, at 100.15; the perp at 100.15 / 100.25. THINUSDT has one coin and no open
/// interest.
fn answers(path: &str, find: &dyn Fn(&str) -> Option<String>) -> (u16, String) {
    let symbol = find("symbol").unwrap_or_default();
    let (rate, days) = terms(&symbol);
    let now = carry::net::machine_clock::now().0;
    let body = match path {
        "/fapi/v1/fundingInfo" => "[]".to_owned(),
        "/fapi/v1/premiumIndex" => format!(
            r#"{{"symbol":"{symbol}","markPrice":"100.2","indexPrice":"100","lastFundingRate":"{rate}","nextFundingTime":4000000000000,"time":{now}}}"#
        ),
        "/fapi/v1/fundingRate" => {
            let last = now.div_euclid(EIGHT) * EIGHT;
            window(find, (last - days * DAY, last, EIGHT), |at| {
                format!(r#"{{"symbol":"{symbol}","fundingTime":{at},"fundingRate":"{rate}","markPrice":"100"}}"#)
            })
        }
        "/fapi/v1/openInterest" if symbol == "THINUSDT" => return (404, "{}".to_owned()),
        "/fapi/v1/openInterest" => format!(r#"{{"symbol":"{symbol}","openInterest":"50000","time":{now}}}"#),
        _ => return prices(path, find),
    };
    (200, body)
}

fn carry(args: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_carry")).current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn json(args: &[&str]) -> Value {
    let (code, out, problems) = carry(&[args, &["--json"]].concat());
    assert_eq!(code, 0, "{args:?}: {problems}");
    serde_json::from_str(&out).unwrap()
}

fn near(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-6)
}

/// The row of a size.
fn size(card: &Value, of: f64) -> &Value {
    let rows = card["capacity"]["sizes"].as_array().unwrap();
    rows.iter().find(|row| near(&row["size"], of)).unwrap_or_else(|| panic!("{of}: {rows:?}"))
}

#[test]
fn past_entries_that_earned_the_cost_of_this_size_are_counted_by_day_of_the_pair_and_of_the_pool() {
    let venue = Venue::new(Box::new(answers));
    let quote = |pair: &str, more: &[&str]| json(&[&["quote", pair, "--base-url", &venue.base], more].concat());
    let card = quote("binance:CALMUSDT", &["--pool", "LESSUSDT,RICHUSDT"]);
    let odds = &card["odds"];
    // 0.6 of 0.01 % and 0.2 of the anchor, 1,095 times a year.
    assert!(near(&odds["expected_percent"], 8.76), "{odds}");
    assert_eq!((&odds["from_percent"], &odds["to_percent"]), (&6.0.into(), &9.0.into()));
    assert!(near(&odds["cost_bps"], 44.0 + 10.0 / 1.002), "{odds}");
    // 54 bps are 18 days of 1 bp each 8 h; the other one of this class needs 31 days; the rich one is of another class.
    assert_eq!(odds["days"], serde_json::json!([14, 30, 60]));
    assert_eq!(odds["own"]["shares"], serde_json::json!([0.0, 1.0, 1.0]), "{odds}");
    assert_eq!(odds["pooled"]["shares"], serde_json::json!([0.0, 0.5, 1.0]), "{odds}");
    let entries = |of: &str, day: usize| odds[of]["entries"][day].as_i64().unwrap();
    assert!(entries("own", 0) > 1_000 && entries("pooled", 0) == 2 * entries("own", 0), "{odds}");
    assert_eq!(entries("own", 0) - entries("own", 1), 16 * 3, "an entry counts when its days are over");
    assert_eq!(odds["pool"], serde_json::json!(["CALMUSDT", "LESSUSDT", "RICHUSDT"]));
    // Alone it has no pool, and a listing of twenty days no odds: neither is 0.
    let alone = quote("binance:CALMUSDT", &[]);
    assert!(alone["odds"]["pooled"].is_null() && alone["odds"]["own"] == odds["own"], "{alone}");
    let new = quote("binance:NEWUSDT", &[]);
    assert!(new["odds"]["own"].is_null() && new["odds"]["unknown"].is_string(), "{new}");
    let (code, out, _) = carry(&["quote", "binance:NEWUSDT", "--base-url", &venue.base]);
    assert!(code == 0 && out.contains("unknown: a month of funding"), "{out}");
    // A size that no book holds has no cost to be earned back.
    let large = quote("binance:CALMUSDT", &["--size", "5000000usdt"]);
    assert!(large["odds"]["own"].is_null() && large["odds"]["cost_bps"].is_null(), "{large}");
}

#[test]
fn each_size_is_walked_in_and_out_and_the_size_at_which_it_stops_paying_is_where_cash_pays_as_much() {
    let venue = Venue::new(Box::new(answers));
    let quote = |pair: &str, more: &[&str]| json(&[&["quote", pair, "--base-url", &venue.base], more].concat());
    let card = quote("binance:CALMUSDT", &[]);
    let perp = 5.0 / 1.002;
    for (of, enter, leave) in [(1e3, 20.0 + perp, 20.0 + perp), (1e5, 29.4 + perp, 20.0 + perp)] {
        let row = size(&card, of);
        assert!(near(&row["enter_bps"], enter) && near(&row["leave_bps"], leave), "{row}");
    }
    assert!(near(&size(&card, 1e5)["open_interest_percent"], 1e5 / (50_000.0 * 100.2) * 100.0), "{card}");
    let over = size(&card, 1e6);
    assert!(over["enter_bps"].is_null() && over["net_apr_percent"].is_null(), "a book holds less: {over}");
    let apr = |of: f64| size(&card, of)["net_apr_percent"].as_f64().unwrap();
    assert!(apr(1e3) > apr(1e5));
    // Between the two sizes cash pays as much.
    let cash = format!("run.cash_apr={:.6}%apr", f64::midpoint(apr(1e3), apr(1e5)));
    let card = quote("binance:CALMUSDT", &["--set", &cash]);
    let stops = &card["capacity"]["stops"];
    assert_eq!(stops["pays"], "up_to", "{stops}");
    let found = stops["size"].as_f64().unwrap();
    assert!(found > 6_000.0 && found < 1e5, "the first 60 coins cost no more: {stops}");
    let more_than_cash = |size: f64| {
        let card = quote("binance:CALMUSDT", &["--size", &format!("{size:.0}usdt"), "--set", &cash]);
        card["net_apr_percent"].as_f64().unwrap() > card["capacity"]["cash_percent"].as_f64().unwrap()
    };
    assert!(more_than_cash(found * 0.97) && !more_than_cash(found * 1.03), "{stops}");
    let pays = |pair: &str, set: &str| quote(pair, &["--set", set])["capacity"]["stops"].clone();
    let rich = pays("binance:RICHUSDT", "run.cash_apr=1%apr");
    assert!(rich["pays"] == "beyond" && near(&rich["size"], 900_000.0), "{rich}");
    let never = pays("binance:CALMUSDT", "run.cash_apr=20%apr");
    assert!(never["pays"] == "never" && never["size"].is_null(), "{never}");
    let thin = quote("binance:THINUSDT", &[]);
    assert!(size(&thin, 1e4)["open_interest_percent"].is_null(), "unknown, not 0: {thin}");
    let (code, out, _) = carry(&["quote", "binance:RICHUSDT", "--base-url", &venue.base]);
    assert!(code == 0 && out.contains("still") && out.contains("costs of more are not known"), "{out}");
}

/// Hours of a pair at 100 from START on, with what its perp and its spot trade an hour and pay each 8 h.
fn pair(root: &Path, symbol: &str, days: i64, (volume, rate): (f64, &str)) {
    let stamps: Vec<i64> = (0..days * 24).map(|hour| START + hour * HOUR).collect();
    let count = stamps.len();
    for market in ["spot", "perp"] {
        let mut columns = vec![Column::Integers("ts_ms", stamps.clone())];
        columns.extend(["open", "high", "low", "close"].map(|name| Column::Doubles(name, vec![100.0; count])));
        columns.push(Column::Doubles("volume", vec![volume; count]));
        write_parquet(&root.join(format!("klines/binance-{market}/{symbol}-1h.parquet")), columns);
    }
    let mut rows = "ts_ms,rate,mark_price\n".to_owned();
    for place in 0..days * 3 {
        writeln!(rows, "{},{rate},", START + place * EIGHT).unwrap();
    }
    std::fs::create_dir_all(root.join("funding/binance")).unwrap();
    std::fs::write(root.join(format!("funding/binance/{symbol}.csv")), rows).unwrap();
}

#[test]
fn on_history_costs_are_from_the_volume_of_bars_and_nothing_later_is_looked_at() {
    let (long, short) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (root, days) in [(&long, 320), (&short, 200)] {
        pair(root.path(), "AAAUSDT", days, (50_000.0, "0.0001"));
        pair(root.path(), "BBBUSDT", days, (9_000.0, "0.000058"));
    }
    let quote = |root: &Path, more: &[&str]| {
        let data = root.display().to_string();
        let words = ["quote", "binance:AAAUSDT", "--data", &data, "--strategy", "strategies/anchor.toml"];
        json(&[&words[..], more].concat())
    };
    let card = quote(long.path(), &[]);
    let odds = &card["odds"];
    let cost = odds["cost_bps"].as_f64().unwrap();
    assert!(cost > 30.0 && cost < 60.0, "four fees are 30 bps: {odds}");
    for (of, rates) in [("own", vec![1.0]), ("pooled", vec![1.0, 0.58])] {
        for (day, days) in odds["days"].as_array().unwrap().iter().enumerate() {
            let earned = |rate: &&f64| **rate * 3.0 * days.as_f64().unwrap() >= cost;
            let share = if rates.len() == 1 { 1.0 } else { 0.5 };
            let expected = share * rates.iter().filter(earned).map(|_| 1.0).sum::<f64>();
            assert!(near(&odds[of]["shares"][day], expected), "{of} {day}: {odds}");
        }
    }
    // The impact grows with the root of the size.
    let enter = |of: f64| size(&card, of)["enter_bps"].as_f64().unwrap();
    let steps = (enter(1e6) - enter(1e5)) / (enter(1e5) - enter(1e4));
    assert!((steps - 10_f64.sqrt()).abs() < 1e-6, "{steps}");
    assert!(
        card["orders"].as_array().unwrap().is_empty() && card["capacity"]["from"].as_str().unwrap().contains("bars")
    );
    assert!(size(&card, 1e4)["open_interest_percent"].is_null(), "a folder without open interest knows none");
    // The same time in a folder that ends there.
    let at = ["--at", "2025-07-01"];
    let (one, other) = (quote(long.path(), &at), quote(short.path(), &at));
    assert_eq!((&one["odds"], &one["capacity"]), (&other["odds"], &other["capacity"]));
    assert_ne!(one["odds"]["own"]["entries"], odds["own"]["entries"]);
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let check = |args: &[&str], expected: &str| {
        let (code, _, said) = carry(args);
        assert!(code == 2 && said.contains(expected), "{args:?}: {code} {said}");
    };
    check(&["quote", "binance:BTCUSDT", "--at", "2024-01-01"], "--data");
    check(&["quote", "binance:BTCUSDT", "--data", "/nowhere/at/all"], "folder of history");
    let Some(data) = history::shared_data() else { return };
    let data = data.display().to_string();
    check(&["quote", "binance:BTCUSDT", "--data", &data, "--at", "2024-01-01", "--size", "10usdc"], "USDC");
    let card = json(&["quote", "binance:BTCUSDT", "--data", &data, "--at", "2024-03-01"]);
    let share = |of: &str, day: usize| card["odds"][of]["shares"][day].as_f64();
    println!(
        "BTC at 2024-03-01: own {:?} pooled {:?} stops {}",
        share("own", 1),
        share("pooled", 1),
        card["capacity"]["stops"]
    );
    assert!(share("pooled", 0) <= share("pooled", 2), "{}", card["odds"]);
}
