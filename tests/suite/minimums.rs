//! A capital whose slots or clips are no orders is refused before anything runs, with the key and the value that would do.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::history;
use crate::session;

use history::{HOUR, START, bars, candles, write_parquet};
use serde_json::Value;
use session::{ended, text};
use std::fmt::Write as _;
use std::path::Path;

const ONE: &str = r#"strategy.pairs=["binance:BTCUSDT"]"#;

fn anchor() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("strategies/anchor.toml").display().to_string()
}

/// `carry check` of the preset with these values: exit code, output, what was wrong.
fn check(more: &[&str]) -> (i32, String, String) {
    let strategy = anchor();
    let mut args = vec!["check", strategy.as_str()];
    for one in more {
        args.extend(if one.starts_with("--") {
            vec![*one]
        } else if one.contains('=') {
            vec!["--set", one]
        } else {
            vec![*one]
        });
    }
    ended(&args)
}

/// The value that a refusal expects of a key, as it can be typed.
fn expected(problems: &str) -> String {
    problems.split("expected at least ").nth(1).unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn u17_check_refuses_a_capital_whose_slots_are_no_orders_and_says_which_would_do() {
    let (code, _, problems) = check(&[ONE, "run.capital=12usdt"]);
    assert_eq!(code, 2, "{problems}");
    assert!(problems.contains("--set: run.capital = 12usdt is too small: binance:BTCUSDT may hold "), "{problems}");
    assert!(problems.contains("the least perp order is 5.00 USDT; expected at least "), "{problems}");
    let enough = format!("run.capital={}", expected(&problems));
    assert_eq!(check(&[ONE, &enough]).0, 0, "{enough}");
    // Also where no pair is named, and as JSON.
    let (code, out, _) = check(&["run.capital=12usdt", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["ok"], report["errors"].as_array().unwrap().len()), (2, &Value::from(false), 1), "{out}");
    assert_eq!(check(&[]).0, 0);
}

#[test]
fn u17_check_judges_the_lots_of_a_history_at_its_prices() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for market in ["spot", "perp"] {
        let file = root.join(format!("klines/binance-{market}/BTCUSDT-1h.parquet"));
        write_parquet(&file, candles(bars(96, 1), vec![50_000.0; 96]));
    }
    let mut settlements = "ts_ms,rate,mark_price\n".to_owned();
    for number in 0..12 {
        writeln!(settlements, "{},0.0001,50000", START + number * 8 * HOUR).unwrap();
    }
    for (file, body) in [
        ("funding/binance/BTCUSDT.csv", settlements.as_str()),
        (
            "instruments/binance.csv",
            "symbol,market,step,min_qty,min_notional\nBTCUSDT,spot,0.00001,0.00001,5\nBTCUSDT,perp,0.001,0.001,100\n",
        ),
    ] {
        std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        std::fs::write(root.join(file), body).unwrap();
    }
    let data = ["--data", text(root)];
    let with = |more: &[&str]| check(&[&[ONE], more, &data[..]].concat());
    // 300 at these shares is some 45 a leg: an order at the usual least, and none at the lot of this perp.
    assert_eq!(check(&[ONE, "run.capital=300usdt"]).0, 0);
    let (code, _, problems) = with(&["run.capital=300usdt"]);
    assert_eq!(code, 2, "{problems}");
    assert!(problems.contains("the least perp order is 100.00 USDT"), "{problems}");
    let enough = format!("run.capital={}", expected(&problems));
    assert_eq!(with(&[&enough]).0, 0, "{enough}");
    let (code, _, problems) = with(&["execution.clip=99usdt"]);
    assert!(
        code == 2 && problems.contains("execution.clip = 99usdt") && expected(&problems) == "150usdt",
        "{problems}"
    );
    assert_eq!(with(&["execution.clip=150usdt"]).0, 0);
    // The key that bounds it is the one that is named, with where it stands.
    let (code, _, problems) = with(&["risk.max_pair=90usdt", "risk.max_order=90usdt", "execution.clip=90usdt"]);
    assert!(code == 2 && problems.contains("--set: risk.max_pair = 90usdt is too small: "), "{problems}");
    let (code, _, problems) = check(&["--data", text(&root.join("gone"))]);
    assert!(code == 2 && problems.contains("expected a folder of history"), "{problems}");
}

#[test]
fn u17_a_paper_run_whose_entries_are_no_orders_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("s");
    let (code, _, problems) = ended(&[
        "paper",
        "--state",
        text(&state),
        "--days",
        "1",
        "--set",
        "run.capital=12usdt",
        "--set",
        r#"strategy.pairs=["alpha:BTCUSDT"]"#,
    ]);
    assert_eq!(code, 2, "{problems}");
    assert!(problems.contains("run.capital = 12usdt is too small: alpha:BTCUSDT may hold"), "{problems}");
    assert!(!state.exists(), "nothing was begun");
}
