//! `carry stress` as a person runs it: the book of a backtest on a day, of a session, and what is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise, and say what they skip")]

use crate::history;

use history::{Column, HOUR, write_parquet};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// 2025-09-25T00:00Z.
const START: i64 = 1_758_758_400_000;
/// The hour of 2025-10-10T20:00Z, counted from there.
const CRASH: i64 = 15 * 24 + 20;
const HOURS: i64 = 18 * 24;

fn carry(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear().args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(arguments: &[&str]) -> Value {
    let run = carry(&[arguments, &["--json"]].concat());
    assert!(run.status.success(), "{arguments:?}: {}", said(&run));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// Eighteen days of a pair that pays well; on the sixteenth the price halves within an hour and stays at 80.
fn history(root: &Path) -> String {
    let price = |hour: i64| match hour {
        ..CRASH => 100.0,
        CRASH => 50.0,
        _ => 80.0,
    };
    let stamps: Vec<i64> = (0..HOURS).map(|hour| START + hour * HOUR).collect();
    let open: Vec<f64> = (0..HOURS).map(|hour| price((hour - 1).max(0))).collect();
    let close: Vec<f64> = (0..HOURS).map(price).collect();
    let pick = |of: fn(f64, f64) -> f64| open.iter().zip(&close).map(|(a, b)| of(*a, *b)).collect::<Vec<f64>>();
    for market in ["spot", "perp"] {
        let columns = vec![
            Column::Integers("ts_ms", stamps.clone()),
            Column::Doubles("open", open.clone()),
            Column::Doubles("high", pick(f64::max)),
            Column::Doubles("low", pick(f64::min)),
            Column::Doubles("volume", vec![1e6; stamps.len()]),
            Column::Doubles("close", close.clone()),
        ];
        write_parquet(&root.join(format!("klines/binance-{market}/GENUSDT-1h.parquet")), columns);
    }
    let mut text = "ts_ms,rate,mark_price\n".to_owned();
    for settlement in 0..HOURS / 8 {
        writeln!(text, "{},0.0005,", START + settlement * 8 * HOUR).unwrap();
    }
    let file = root.join("funding/binance/GENUSDT.csv");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    root.display().to_string()
}

/// A folder with history and the backtest of it.
fn run() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let data = history(&folder.path().join("data"));
    let out = folder.path().join("out").display().to_string();
    let made = carry(&["backtest", "--data", &data, "--strategy", "strategies/anchor.toml", "--out", &out]);
    assert!(made.status.success(), "{}", said(&made));
    (folder, data, out)
}

fn shock<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["shocks"].as_array().unwrap().iter().find(|shock| shock["name"] == name).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
}

#[test]
fn the_book_of_a_backtest_on_a_day_goes_through_every_shock() {
    let (_folder, data, out) = run();
    let report = json(&["stress", &out, "--data", &data, "--at", "2025-10-09"]);
    assert_eq!((report["schema"].as_str(), report["currency"].as_str()), (Some("carry.stress/1"), Some("USDT")));
    let position = &report["book"][0];
    assert_eq!(position["pair"], "binance:GENUSDT");
    assert!(number(&position["spot_coins"]) > 0.0, "{report}");
    assert!((number(&position["spot_coins"]) + number(&position["perp_coins"])).abs() < 0.01, "{position}");
    assert_eq!(report["shocks"].as_array().unwrap().len(), 7);
    for shock in report["shocks"].as_array().unwrap() {
        let lines = shock["pairs"][0]["lines"].as_object().unwrap();
        let sum: f64 = lines.values().map(number).sum();
        assert!((sum - number(&shock["change"])).abs() < 0.05, "{shock}");
        assert!(shock["source"].as_str().unwrap().len() > 60);
    }
    // The day of the crash is in the data: prices went as they went there, and the short that is left is whole again.
    let crash = shock(&report, "2025-10-10");
    assert_eq!(
        (crash["path"].as_str(), shock(&report, "2020-03-12")["path"].as_str()),
        (Some("history"), Some("table"))
    );
    let notional = number(&position["notional"]);
    let pair = &crash["pairs"][0];
    assert!(
        number(&pair["deleveraged_coins"]) > 0.0 && number(&pair["spot_coins_left"]) < number(&position["spot_coins"])
    );
    // Half of it is naked from 50 to 80 at the most: what it gains or loses is bounded by that.
    assert!(number(&crash["change"]).abs() < notional * 0.25, "{crash}");
    let exit = shock(&report, "24 h exit");
    let costs = number(&exit["pairs"][0]["lines"]["slippage"]) / notional;
    assert!((costs + 0.0075).abs() < 1e-4, "{exit}");
}

#[test]
fn the_end_of_the_run_is_its_own_book_and_a_table_says_it_in_words() {
    let (_folder, data, out) = run();
    let report = json(&["stress", &out, "--data", &data, "--shock", "rally"]);
    assert_eq!(report["remarks"], serde_json::json!([]), "played again it is the run");
    assert_eq!(report["shocks"].as_array().unwrap().len(), 1);
    let summary: Value = serde_json::from_slice(&std::fs::read(Path::new(&out).join("summary.json")).unwrap()).unwrap();
    assert!((number(&report["equity"]) - number(&summary["final_equity"])).abs() < 0.01, "{report}");
    let table = said(&carry(&["stress", &out, "--data", &data, "--at", "2025-10-09"]));
    for words in ["least distance", "24 h exit", "LlamaRisk", "An estimate", "deleverages 50 %"] {
        assert!(table.contains(words), "{words}: {table}");
    }
    // Before the first entry nothing is held.
    let empty = said(&carry(&["stress", &out, "--data", &data, "--at", "2025-09-25"]));
    assert!(empty.contains("Nothing is held"), "{empty}");
}

#[test]
fn a_session_is_stressed_from_its_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let paper = carry(&["paper", "--market", "sim", "--speed", "max", "--days", "12", "--state", &state, "--json"]);
    assert!(paper.status.success(), "{}", said(&paper));
    let report = json(&["stress", &state]);
    assert!(report["source"].as_str().unwrap().starts_with("paper session"), "{report}");
    let pnl = json(&["pnl", &state]);
    assert!((number(&report["equity"]) - number(&pnl["equity"])).abs() < 0.01, "{report}");
    let held = report["book"].as_array().unwrap().len();
    assert!(report["shocks"].as_array().unwrap().iter().all(|shock| shock["pairs"].as_array().unwrap().len() == held));
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let (folder, data, out) = run();
    let refused = |arguments: &[&str], words: &str| {
        let run = carry(&[&["stress"], arguments].concat());
        assert_eq!(run.status.code(), Some(2), "{arguments:?}: {}", said(&run));
        assert!(said(&run).contains(words), "{arguments:?}: {}", said(&run));
    };
    refused(&[&out], "expected --data DIR");
    refused(&[&out, "--data", &data, "--at", "2031-01-01"], "expected a time in it");
    refused(&[&out, "--data", &data, "--shock", "2025-10-11"], "expected one of 2020-03-12");
    refused(&[&folder.path().display().to_string()], "is not a session folder");
    refused(&[&out, "--data", "nowhere"], "--data");
}
