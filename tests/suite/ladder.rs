//! The ladder in backtests: what it holds, when it moves, and in which order.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test, and say what is missing")]

use crate::history;

use history::{Column, HOUR, START, bars, shared_data, write_parquet};
use std::fmt::Write as _;
use std::path::Path;

/// Funding of a pair: from each day on, so much per 8 h.
type Plan = &'static [(i64, &'static str)];

/// A folder of pairs of one venue at flat prices with much depth, of so many days.
fn folder(root: &Path, days: i64, pairs: &[(&str, Plan)]) {
    for (symbol, plan) in pairs {
        let count = usize::try_from(days * 24).unwrap();
        for market in ["spot", "perp"] {
            let columns = ["open", "high", "low", "close"].map(|name| Column::Doubles(name, vec![100.0; count]));
            let volume = Column::Doubles("volume", vec![1_000_000.0; count]);
            let stamps = Column::Integers("ts_ms", bars(days * 24, 1));
            let columns = [stamps].into_iter().chain(columns).chain([volume]).collect();
            write_parquet(&root.join(format!("klines/binance-{market}/{symbol}-1h.parquet")), columns);
        }
        let mut text = "ts_ms,rate,mark_price\n".to_owned();
        for settlement in 1..days * 3 {
            let rate = plan.iter().rfind(|(day, _)| settlement > day * 3).map_or("0", |(_, rate)| rate);
            writeln!(text, "{},{rate},", START + settlement * 8 * HOUR).unwrap();
        }
        let file = root.join(format!("funding/binance/{symbol}.csv"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

/// A round trip: pair, hours from the start when it was opened and closed.
#[derive(Debug, PartialEq, Eq)]
struct Trip {
    pair: String,
    opened: i64,
    closed: Option<i64>,
    reasons: (String, String),
}

/// The round trips of a backtest of the shipped ladder, in order of opening.
fn trips(root: &Path, sets: &[&str]) -> Vec<Trip> {
    let (data, out) = (root.display().to_string(), root.join("out"));
    let folder = out.display().to_string();
    let mut arguments = vec!["backtest", "--data", &data, "--strategy", "strategies/ladder.toml", "--out", &folder];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_carry"));
    let run = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut reader = csv::Reader::from_path(out.join("trips.csv")).unwrap();
    let heads = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let cell = |name: &str| row.get(heads.iter().position(|head| head == name).unwrap()).unwrap().to_owned();
        let hour = |text: String| text.parse::<i64>().ok().map(|ms| (ms - START) / HOUR);
        Trip {
            pair: cell("pair"),
            opened: hour(cell("opened_ms")).unwrap(),
            closed: hour(cell("closed_ms")),
            reasons: (cell("entry_reason"), cell("exit_reason")),
        }
    });
    rows.collect()
}

/// A pair in one clip: each clip takes a bar.
const CLIP: &str = "execution.clip=100000usd";
/// Settlements until 95 % of 30 days are known: the first one lies before the stretch that can be traded.
const KNOWN: i64 = 87;

const RICH: Plan = &[(0, "0.0003"), (45, "-0.0002")];
const RISING: Plan = &[(0, "0.00018"), (45, "0.0005"), (60, "0")];

#[test]
fn it_enters_the_best_switches_when_that_pays_and_leaves_for_cash() {
    // The one that is left stands once before and once behind the one that is entered.
    for (rich, rising) in [("AAAUSDT", "BBBUSDT"), ("BBBUSDT", "AAAUSDT")] {
        let root = tempfile::tempdir().unwrap();
        folder(root.path(), 100, &[(rich, RICH), (rising, RISING), ("CCCUSDT", &[(0, "0.00005")])]);
        let found = trips(root.path(), &["ladder.slots=1", "size.per_pair=100%", "size.per_coin=100%", CLIP]);
        let [first, second] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!((&first.pair, &second.pair), (&format!("binance:{rich}"), &format!("binance:{rising}")));
        // The guard ends within the hour after the settlement.
        assert_eq!(first.opened, KNOWN * 8 + 1, "{found:#?}");
        assert_eq!(first.closed, Some(second.opened), "the entry of a switch follows on its exit: {found:#?}");
        assert_eq!((second.opened % 8, second.closed.unwrap() % 8), (1, 1), "decided at settlements: {found:#?}");
        assert!((45 * 24..48 * 24).contains(&second.opened), "{found:#?}");
        // Ten of thirty days at 0.05 %: 0.2 x 0.0167 % + 0.2 x 0.01 % is below the 0.0054 % of a pair that is held.
        assert_eq!(second.closed.unwrap() / 24, 80, "{found:#?}");
        assert_eq!(first.reasons, ("carry_above".to_owned(), "leave_beats_hold".to_owned()));
    }
}

#[test]
fn no_more_pairs_than_slots_are_held_and_each_has_its_part() {
    let root = tempfile::tempdir().unwrap();
    let pairs: [(&str, Plan); 5] = [
        ("AAAUSDT", &[(0, "0.0002")]),
        ("BBBUSDT", &[(0, "0.0003")]),
        ("CCCUSDT", &[(0, "0.00025")]),
        ("DDDUSDT", &[(0, "0.00035")]),
        ("EEEUSDT", &[(0, "0.0001")]),
    ];
    folder(root.path(), 60, &pairs);
    let found = trips(root.path(), &[]);
    let names: Vec<&str> = found.iter().map(|trip| trip.pair.as_str()).collect();
    assert_eq!(names, ["binance:BBBUSDT", "binance:CCCUSDT", "binance:DDDUSDT"], "{found:#?}");
    assert!(found.iter().all(|trip| trip.opened == KNOWN * 8 + 1), "one move after the other at one open: {found:#?}");
    let mut reader = csv::Reader::from_path(root.path().join("out/trips.csv")).unwrap();
    let heads = reader.headers().unwrap().clone();
    let place = heads.iter().position(|head| head == "notional").unwrap();
    for row in reader.records() {
        let notional: f64 = row.unwrap().get(place).unwrap().parse().unwrap();
        // 100,000 x 90 % / 3 on capital of twice the notional, less what a collar and costs set aside.
        assert!((14_700.0..15_000.1).contains(&notional), "{notional}");
    }
}

fn carry(arguments: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_carry"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

#[test]
fn portfolio_and_why_say_what_each_pair_must_reach_and_what_a_move_must_gain() {
    let root = tempfile::tempdir().unwrap();
    let pairs: [(&str, Plan); 4] = [
        ("AAAUSDT", &[(0, "0.0003")]),
        ("BBBUSDT", &[(0, "0.00029")]),
        ("CCCUSDT", &[(0, "0.00005")]),
        ("DDDUSDT", &[(37, "0.0003")]),
    ];
    folder(root.path(), 60, &pairs);
    let data = root.path().display().to_string();
    let choice = ["--data", &data, "--strategy", "strategies/ladder.toml", "--set", "ladder.slots=1", "--at"];
    let asked = |verb: &str, rest: &[&str]| {
        let run = carry(&[&[verb], rest, &choice[..], &["2025-02-05T12:00Z"]].concat());
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&asked("portfolio", &["--json"])).unwrap();
    assert_eq!(json["schema"], "carry.portfolio/1");
    assert_eq!((json["slots"].as_u64(), json["slots_in_cash"].as_u64()), (Some(1), Some(0)));
    let rows = json["pairs"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["pair"].as_str().unwrap()).collect();
    assert_eq!(names, ["binance:AAAUSDT", "binance:BBBUSDT", "binance:CCCUSDT", "binance:DDDUSDT"], "best first");
    let near = |value: &serde_json::Value, expected: f64| {
        let found = value.as_f64().unwrap();
        assert!((found - expected).abs() < 0.005, "{found} instead of {expected}");
    };
    // M = 0.6 x 0.03 % + 0.002 % = 0.02 %; 1095 times a year on twice the notional. A side costs 0.15 % + 2 bps + impact.
    near(&rows[0]["apr_percent"], 0.02 * 1095.0 / 2.0);
    near(&rows[1]["apr_percent"], (0.6 * 0.029 + 0.002) * 1095.0 / 2.0);
    let side = rows[1]["side_percent"].as_f64().unwrap();
    assert!((1.034..1.10).contains(&side), "{side}");
    assert_eq!((rows[0]["held"].as_bool(), rows[1]["held"].as_bool()), (Some(true), Some(false)));
    near(&rows[0]["leave_below_percent"], 4.0 - rows[0]["side_percent"].as_f64().unwrap());
    assert_eq!(rows[1]["instead_of"], "binance:AAAUSDT");
    near(&rows[1]["must_gain_percent"], 2.0 * side);
    near(&rows[1]["must_reach_percent"], 0.02 * 1095.0 / 2.0 + 2.0 * side);
    near(&rows[1]["gains_percent"], -0.6 * 0.001 * 1095.0 / 2.0);
    assert_eq!(json["plan"].as_array().unwrap().len(), 0, "{json}");
    let table = asked("portfolio", &[]);
    let place = |name: &str| table.find(name).unwrap_or_else(|| panic!("{table}"));
    assert!(
        place("BBBUSDT") < place("\n cash") && place("\n cash") < place("CCCUSDT"),
        "cash is one of the assets: {table}"
    );
    assert!(table.contains("no move pays for itself now"), "{table}");
    let why = asked("why", &["binance:BBBUSDT"]);
    assert!(why.contains("instead of binance:AAAUSDT: must pay 2.") && why.contains("ladder.enter"), "{why}");
    let wrong = carry(&["portfolio", "--data", &data, "--strategy", "strategies/anchor.toml"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("expected a strategy of kind \"ladder\""));
}

#[test]
fn what_cannot_be_entered_makes_room_for_the_next_best() {
    let root = tempfile::tempdir().unwrap();
    let pairs: [(&str, Plan); 3] =
        [("AAAUSDT", &[(0, "0.0003")]), ("BBBUSDT", &[(0, "0.0002")]), ("CCCUSDT", &[(0, "0.00018")])];
    folder(root.path(), 45, &pairs);
    // A is the best, and one coin of its venue's whole capital is less than the venue takes as an order.
    let rules = "symbol,market,min_notional\nAAAUSDT,spot,1000000\nAAAUSDT,perp,1000000\n";
    std::fs::create_dir_all(root.path().join("instruments")).unwrap();
    std::fs::write(root.path().join("instruments/binance.csv"), rules).unwrap();
    let found = trips(root.path(), &["ladder.slots=1", "size.per_pair=100%", "size.per_coin=100%", CLIP]);
    let names: Vec<&str> = found.iter().map(|trip| trip.pair.as_str()).collect();
    assert_eq!(names, ["binance:BBBUSDT"], "{found:#?}");
    assert_eq!(found[0].opened, KNOWN * 8 + 1, "within the same look: {found:#?}");
}

/// Points above cash by calendar year of the plain program on the recorded history, all venues, coin as collateral: simple, on
/// constant notional (`edge/ladder.py` of the shared material).
const PLAIN: [(i64, f64); 7] =
    [(2020, 15.12), (2021, 29.88), (2022, -0.03), (2023, 7.06), (2024, 14.90), (2025, 1.84), (2026, -0.03)];

#[test]
fn the_cross_check_agrees_with_a_plain_program_in_each_year() {
    let Some(data) = shared_data() else { return };
    let data = data.display().to_string();
    let run = carry(&["backtest", "--data", &data, "--strategy", "benches/ladder.toml", "--json"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let years = json["years"].as_array().unwrap();
    for (year, expected) in PLAIN {
        let before = year - 1;
        let days = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
        let row = years.iter().find(|row| row["from_ms"] == days * 24 * HOUR).unwrap();
        let found = row["excess_simple"].as_f64().unwrap() * 100.0;
        let allowed = if expected.abs() > 1.0 { expected.abs() / 10.0 } else { 0.1 };
        assert!((found - expected).abs() <= allowed, "{year}: {found:.2} instead of {expected}");
    }
    assert_eq!(json["pnl"]["unexplained"], "0");
}

#[test]
fn a_forecast_of_a_month_needs_a_memory_of_one() {
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_carry"))
        .args(["check", "strategies/ladder.toml", "--set", "signal.memory=29d"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{error}");
    assert!(error.contains("strategy.kind (ladder, ") && error.contains("not signal.memory (29d, --set)"), "{error}");
}
