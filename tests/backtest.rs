//! The backtest against an independent accountant, and against itself.

#[path = "common/shared.rs"]
mod shared;

use shared::{carry_ok, shared as shared_folder};
use std::path::Path;
use std::process::Command;

/// Runs a backtest into a folder and lets the accountant rebuild it.
fn audit(data: &Path, shared: &Path, args: &[&str]) {
    let Some(python) = python() else { return };
    let out = tempfile::tempdir().unwrap();
    let (data, out) = (data.to_str().unwrap(), out.path().to_str().unwrap());
    let mut all = vec!["backtest", "--data", data, "--out", out];
    all.extend_from_slice(args);
    carry_ok(&all);
    let verdict = Command::new(python).arg(shared.join("tools/audit_backtest.py")).args([data, out]).output().unwrap();
    let text = String::from_utf8_lossy(&verdict.stdout).into_owned();
    assert_eq!(
        text.trim().lines().last(),
        Some("agrees"),
        "{args:?}\n{text}{}",
        String::from_utf8_lossy(&verdict.stderr)
    );
}

/// A Python with pyarrow and numpy.
fn python() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests find the interpreter by the environment")]
    let (named, ci) = (std::env::var("CARRY_PYTHON").ok(), std::env::var("CI").is_ok());
    let python = named.unwrap_or_else(|| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import pyarrow, numpy"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(!ci, "{python} has no pyarrow and numpy: CI must have them");
    println!("skipped: {python} has no pyarrow and numpy (CARRY_PYTHON names another)");
    None
}

const BTC: &str = r#"strategy.pairs=["binance:BTCUSDT"]"#;

#[test]
fn the_accountant_agrees_over_all_pairs_and_years_with_both_presets() {
    let Some(shared) = shared_folder() else { return };
    for strategy in ["strategies/ethena.toml", "strategies/anchor.toml"] {
        audit(&shared.join("data"), &shared, &["--strategy", strategy]);
    }
}

#[test]
fn the_accountant_agrees_where_it_is_harder() {
    let Some(shared) = shared_folder() else { return };
    let data = shared.join("data");
    let cases: [&[&str]; 6] = [
        // Twice the leverage and no autopilot: the rally of 2020-21 liquidates.
        &["--set", BTC, "--set", "size.leverage=2x", "--set", "margin.autopilot=false", "--set", "margin.top_up=30%"],
        &["--set", "sim.buy_fee_in=quote", "--set", "exit.when=any", "--set", "entry.basis=6bps"],
        &["--set", "exit.min_hold=0s", "--set", "entry.cooldown=0s"],
        &["--set", r#"strategy.pairs=["okx:SOLUSDT", "bybit:BTCUSDT"]"#],
        // Ends inside the month that is held back.
        &["--from", "2025-06-01", "--to", "2026-02-14"],
        &["--set", BTC, "--set", "execution.first=perp", "--set", "sim.half_spread=5bps"],
    ];
    for case in cases {
        let mut args = vec!["--strategy", "strategies/anchor.toml"];
        args.extend_from_slice(case);
        audit(&data, &shared, &args);
    }
}

#[test]
fn e13_a_rally_without_the_autopilot_liquidates_and_with_it_does_not() {
    let Some(shared) = shared_folder() else { return };
    let data = shared.join("data");
    let data = data.to_str().unwrap();
    let alarms = |autopilot: &str| {
        let args = [
            "backtest",
            "--data",
            data,
            "--strategy",
            "strategies/anchor.toml",
            "--set",
            BTC,
            "--set",
            "size.leverage=2x",
            "--set",
            "margin.top_up=30%",
            "--set",
            "exit.funding=-0.05%/8h",
            "--set",
            autopilot,
            "--json",
        ];
        let summary: serde_json::Value = serde_json::from_str(&carry_ok(&args)).unwrap();
        assert_eq!(summary["pnl"]["unexplained"], "0");
        summary["alarms"]["liquidated"].as_u64().unwrap_or(0)
    };
    assert!(alarms("margin.autopilot=false") > 0);
    assert_eq!(alarms("margin.autopilot=true"), 0);
}

#[test]
fn g22_the_same_inputs_give_the_same_digest_on_any_number_of_threads() {
    let Some(shared) = shared_folder() else { return };
    let data = shared.join("data");
    let mut digests = Vec::new();
    for threads in ["1", "2", "2", "1", "3"] {
        let output = Command::new(env!("CARGO_BIN_EXE_carry"))
            .args(["backtest", "--strategy", "strategies/anchor.toml", "--json", "--data"])
            .arg(&data)
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        digests.push(summary["digest"].as_str().unwrap().to_owned());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
fn a_pair_is_left_before_its_history_ends_and_not_entered_in_the_day_before() {
    let Some(shared) = shared_folder() else { return };
    let data = shared.join("data");
    let out = tempfile::tempdir().unwrap();
    let args = ["backtest", "--data", data.to_str().unwrap(), "--strategy", "strategies/anchor.toml", "--out"];
    // Never leaves by itself: only the history makes it.
    let never = ["--set", "exit.funding=-0.5%/8h", "--set", "entry.funding=0.001%/8h", "--set", BTC];
    carry_ok(&[&args[..], &[out.path().to_str().unwrap()], &never[..]].concat());
    let trips = std::fs::read_to_string(out.path().join("trips.csv")).unwrap();
    let rows: Vec<Vec<&str>> = trips.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(rows.len() >= 2, "{trips}");
    // The month that is held back begins at 2026-02-01: its last bar opens an hour before.
    let hole = 1_769_904_000_000_i64;
    assert!(
        rows.iter().any(|row| row[2] == (hole - 3_600_000).to_string() && row.last() == Some(&"data_end")),
        "{trips}"
    );
    let day = 86_400_000;
    assert!(rows.iter().all(|row| !(hole - day..hole + 28 * day).contains(&row[1].parse::<i64>().unwrap())), "{trips}");
}

/// The cross-check of the rivals: one year of their generated minutes, when the environment names it in our layout.
#[test]
fn the_rivals_year_of_minutes_gives_their_trips_and_money() {
    #[expect(clippy::disallowed_methods, reason = "tests find optional material by the environment")]
    let Ok(data) = std::env::var("CARRY_BENCH_DATA") else {
        println!("skipped: CARRY_BENCH_DATA does not name the generated year");
        return;
    };
    let text = carry_ok(&["backtest", "--data", &data, "--strategy", "benches/crosscheck.toml", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((summary["round_trips"].as_u64(), summary["open_pairs"].as_u64()), (Some(26), Some(1)));
    assert_eq!(summary["events"], 1_052_295);
    let cents = |line: &str| (summary["pnl"][line].as_str().unwrap().parse::<f64>().unwrap() * 100.0).round();
    assert!((cents("funding") - 371_185.0).abs() < 0.5 && (cents("fees") + 238_535.0).abs() < 0.5);
}
