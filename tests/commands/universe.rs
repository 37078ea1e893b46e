//! `strategy.pairs = "auto"`: the universe at a time of history, by what was known then; a backtest that looks each day; and where it
//! is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::history;

use history::{Column, HOUR, START, write_parquet};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// Hours of one pair of Binance: from which day on, for how many, and the coins that trade each hour of a day.
fn pair(root: &Path, symbol: &str, (from, days): (i64, i64), volume: impl Fn(i64) -> f64) {
    let stamps: Vec<i64> = (0..days * 24).map(|hour| START + (from * 24 + hour) * HOUR).collect();
    let count = stamps.len();
    let traded: Vec<f64> = (0..days * 24).map(|hour| volume(from + hour / 24)).collect();
    for market in ["spot", "perp"] {
        let flat = |name| Column::Doubles(name, vec![100.0; count]);
        let mut columns = vec![Column::Integers("ts_ms", stamps.clone())];
        columns.extend(["open", "high", "low", "close"].map(flat));
        columns.push(Column::Doubles("volume", traded.clone()));
        write_parquet(&root.join(format!("klines/binance-{market}/{symbol}-1h.parquet")), columns);
    }
    let mut rows = "ts_ms,rate,mark_price\n".to_owned();
    for place in 0..days * 3 {
        writeln!(rows, "{},0.0005,", START + (from * 24 + place * 8) * HOUR).unwrap();
    }
    std::fs::create_dir_all(root.join("funding/binance")).unwrap();
    std::fs::write(root.join(format!("funding/binance/{symbol}.csv")), rows).unwrap();
}

/// Three pairs over `days`: one that is large from the start, one that is until day 60, and one that is listed at day 40.
fn three(root: &Path, days: i64) {
    pair(root, "AAAUSDT", (0, days), |_| 50_000.0);
    pair(root, "BBBUSDT", (0, days), |day| if day < 60 { 80_000.0 } else { 10.0 });
    if days > 40 {
        pair(root, "CCCUSDT", (40, days - 40), |_| 90_000.0);
    }
}

fn carry(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carry")).current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap()
}

fn universe(root: &Path, more: &[&str]) -> Value {
    let data = root.display().to_string();
    let mut arguments = vec!["universe", "--data", &data, "--strategy", "strategies/ladder.toml", "--json"];
    arguments.extend(["--set", "universe.min_age=30d"]);
    arguments.extend(more);
    let run = carry(&arguments);
    serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)))
}

/// `AAA in, BBB volume`: each pair and what keeps it out.
fn verdicts(report: &Value) -> Vec<String> {
    let word = |row: &Value| row["outside"].as_str().unwrap_or("in").to_owned();
    let mut rows: Vec<String> = report["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", &row["pair"].as_str().unwrap()[8..11], word(row)))
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_pair_is_in_or_out_by_what_was_known_at_the_time_and_each_has_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    three(folder.path(), 150);
    let at = |date: &str, more: &[&str]| verdicts(&universe(folder.path(), &[&["--at", date][..], more].concat()));
    assert_eq!(at("2025-01-11", &[]), ["AAA young", "BBB young"], "the third one is not listed yet");
    assert_eq!(at("2025-02-15", &[]), ["AAA in", "BBB in", "CCC young"]);
    assert_eq!(at("2025-04-15", &[]), ["AAA in", "BBB volume", "CCC in"]);
    assert_eq!(at("2025-04-15", &["--set", "universe.most=1"]), ["AAA rank", "BBB volume", "CCC in"]);
    assert_eq!(at("2025-04-15", &["--set", "universe.without=[\"CCC\"]"]), ["AAA in", "BBB volume", "CCC excluded"]);
    let asked = ["--set", "universe.min_open_interest=1usd"];
    assert_eq!(at("2025-02-15", &asked), ["AAA open_interest_unknown", "BBB open_interest_unknown", "CCC young"]);
    let report = universe(folder.path(), &["--at", "2025-04-15"]);
    assert_eq!(report["schema"], "carry.universe/1");
    let rows = report["pairs"].as_array().unwrap();
    assert!(rows.iter().all(|row| !row["reason"].as_str().unwrap().is_empty()), "{report}");
    assert!(report["not_known"].to_string().contains("delisted"), "{report}");
    // A folder that ends there says the same: nothing later was looked at.
    let shorter = tempfile::tempdir().unwrap();
    three(shorter.path(), 104);
    assert_eq!(universe(shorter.path(), &["--at", "2025-04-15"])["pairs"], report["pairs"]);
}

#[test]
fn a_backtest_enters_only_what_is_in_the_universe_that_day_and_what_leaves_it_is_closed_by_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    three(folder.path(), 150);
    let data = folder.path().display().to_string();
    let out = folder.path().join("out");
    let out_text = out.display().to_string();
    let mut arguments = vec!["backtest", "--data", &data, "--strategy", "strategies/anchor.toml", "--out", &out_text];
    let sets = [
        "strategy.pairs=auto",
        "universe.min_age=30d",
        "exit.min_hold=0s",
        "size.per_pair=20%",
        "gates.min_depth=0usd",
    ];
    arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
    let run = carry(&arguments);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let fills = std::fs::read_to_string(out.join("fills.csv")).unwrap();
    let first = |symbol: &str| {
        let row = fills.lines().find(|row| row.contains(symbol)).unwrap_or_else(|| panic!("{symbol} was not traded"));
        (row.split(',').next().unwrap().parse::<i64>().unwrap() - START) / (24 * HOUR)
    };
    assert!((30..34).contains(&first("AAAUSDT")), "day {}", first("AAAUSDT"));
    assert!((70..74).contains(&first("CCCUSDT")), "day {}", first("CCCUSDT"));
    // The second one left the universe while it was held: its funding was still high, so it went on to the end.
    let exits: Vec<&str> = fills.lines().filter(|row| row.contains("BBBUSDT") && row.contains(",spot,sell,")).collect();
    assert!(!exits.is_empty() && exits.iter().all(|row| row.ends_with("data_end")), "{exits:?}");
}

#[test]
fn sessions_that_cannot_look_at_it_refuse_it() {
    for verb in ["paper", "shadow"] {
        let run = carry(&[verb, "--strategy", "strategies/ladder.toml", "--set", "strategy.pairs=auto"]);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{said}");
        assert!(said.contains("carry universe"), "{said}");
    }
}

#[test]
fn three_dates_of_the_recorded_history() {
    let Some(data) = history::shared_data() else { return };
    let inside = |date: &str| {
        let report = universe(&data, &["--at", date]);
        let rows = report["pairs"].as_array().unwrap().clone();
        rows.iter().filter(|row| row["inside"] == true).count()
    };
    let (early, boom, late) = (inside("2019-12-01"), inside("2021-06-01"), inside("2025-06-01"));
    println!("in the universe: {early} in 2019-12, {boom} in 2021-06, {late} in 2025-06");
    assert!(early < boom && boom > 0 && late > 0);
}
