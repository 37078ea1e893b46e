//! A rally with and without the margin autopilot, and the cross-check that other engines agree on.

use crate::shared;

use shared::{carry_ok, shared as shared_folder};

const BTC: &str = r#"strategy.pairs=["binance:BTCUSDT"]"#;

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
