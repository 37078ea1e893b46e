//! The independent accountant of the shared folder rebuilds positions, funding, cash and equity of real runs and must agree.

use super::files::{carry, repo, shared, text};
use std::path::Path;
use std::process::Command;

/// A Python that has pyarrow and numpy, or a word that there is none; fatal on CI.
fn python() -> Option<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci/python/bin/python3");
    let usual = if own.exists() { own.display().to_string() } else { "python3".to_owned() };
    let name = std::env::var("CARRY_PYTHON").unwrap_or(usual);
    let known = Command::new(&name).args(["-c", "import pyarrow, numpy"]).output();
    if known.is_ok_and(|run| run.status.success()) {
        return Some(name);
    }
    assert!(std::env::var("CI").is_err(), "{name} has no pyarrow and numpy (see .ci/requirements.txt)");
    println!("skipped: {name} has no pyarrow and numpy; set CARRY_PYTHON to one that has");
    None
}

/// Runs a backtest of the recorded history and has it audited; gives the fills' reasons.
pub(super) fn audited(strategy: &str, options: &[&str]) -> Vec<String> {
    let Some(shared) = shared() else { return Vec::new() };
    let data = shared.join("data");
    audited_in(&data, &repo(strategy), options)
}

/// The same with a folder of history of its own, and the path of a strategy.
pub(super) fn audited_in(data: &Path, strategy: &str, options: &[&str]) -> Vec<String> {
    let (Some(shared), Some(python)) = (shared(), python()) else { return Vec::new() };
    let (data, folder) = (data.display().to_string(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out").display().to_string();
    let mut arguments = vec!["backtest", "--data", &data, "--strategy", strategy, "--out", &out, "--json"];
    arguments.extend(options);
    let run = carry(&arguments);
    assert!(run.status.success(), "{options:?}: {}", text(&run.stderr));
    let audit = Command::new(python).arg(shared.join("tools/audit_backtest.py")).args([&data, &out]).output().unwrap();
    let said = text(&audit.stdout);
    assert_eq!(said.lines().last(), Some("agrees"), "{strategy} {options:?}\n{said}{}", text(&audit.stderr));
    println!("{options:?}: {}", said.lines().rev().nth(1).unwrap_or_default());
    let rows = super::files::csv_rows(&Path::new(&out).join("fills.csv"));
    rows.iter().skip(1).filter_map(|row| row.last().cloned()).collect()
}

fn check(options: &[&str]) -> Vec<String> {
    audited("strategies/anchor.toml", options)
}

/// With shared material there must have been something to audit.
pub(super) fn traded(reasons: &[String]) {
    assert!(shared().is_none() || python().is_none() || !reasons.is_empty(), "nothing was traded");
}

#[test]
fn the_accountant_agrees_with_both_presets_over_all_pairs_and_years() {
    traded(&check(&[]));
    traded(&audited("strategies/ethena.toml", &[]));
}

#[test]
fn the_accountant_agrees_on_other_rules() {
    traded(&check(&["--set", "exit.when=any", "--set", "exit.min_hold=0s"]));
    let flips: Vec<&str> = [
        "exit.when=any",
        "exit.min_hold=0s",
        "signal.smooth=0s",
        "entry.funding=0%/8h",
        "exit.funding=0%/8h",
        "exit.basis=-500bps",
        "entry.cooldown=0s",
    ]
    .iter()
    .flat_map(|set| ["--set", set])
    .collect();
    traded(&check(&flips));
    traded(&check(&["--set", "sim.data_end=hold", "--set", "exit.min_hold=365d"]));
    traded(&check(&["--set", "execution.clip=2000usd", "--set", "execution.first=perp"]));
}

#[test]
fn the_accountant_agrees_on_other_fees_and_one_pair() {
    traded(&check(&["--set", "sim.buy_fee_in=quote"]));
    traded(&check(&["--set", "strategy.pairs=[\"binance:BTCUSDT\"]", "--set", "sim.spot_taker=7.5bps"]));
}

#[test]
fn the_accountant_agrees_on_bars_of_eight_hours() {
    let pairs = "strategy.pairs=[\"bybit:BTCUSDT\",\"bybit:ETHUSDT\",\"okx:BTCUSDT\",\"okx:ETHUSDT\"]";
    // Bars that long close only at settlements, where the guard would refuse: it is off there.
    traded(&check(&["--set", pairs]));
}

#[test]
fn the_accountant_agrees_on_windows_that_begin_and_end_in_holes() {
    // February 2026 is missing in every series.
    traded(&check(&["--from", "2021-03-03T05:17Z", "--to", "2026-02-10T12:40Z"]));
    traded(&check(&[
        "--from",
        "2026-02-10",
        "--to",
        "2026-05-01",
        "--set",
        "exit.funding=0%/8h",
        "--set",
        "entry.funding=0.001%/8h",
    ]));
    traded(&check(&["--from", "2023-11-20", "--to", "2024-02-29T16:00Z"]));
}

/// `--to` is the last instant, inside: the pair that is held is paid at it before the run is over, whether the venue stamped
/// the settlement on the instant or some milliseconds later, and a date means the whole day up to the midnight at its end.
#[test]
fn the_accountant_agrees_when_the_last_instant_is_a_settlement_and_it_is_paid() {
    let Some(shared) = shared() else { return };
    let (data, set) = (shared.join("data").display().to_string(), "strategy.pairs=[\"binance:BTCUSDT\"]");
    let strategy = repo("strategies/anchor.toml");
    for (to, minute) in [
        ("2021-06-02T08:00Z", 1_622_620_800_000_i64),
        ("2021-06-02", 1_622_678_400_000),
        ("2021-06-02T08:00:01Z", 1_622_620_800_000),
        ("2021-06-02T07:59Z", 1_622_592_000_000),
    ] {
        let options = ["--from", "2021-05-20", "--to", to, "--set", set];
        traded(&check(&options));
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let mut arguments = vec!["backtest", "--data", &data, "--strategy", &strategy, "--out", out.to_str().unwrap()];
        arguments.extend(options);
        let run = carry(&arguments);
        assert!(run.status.success(), "{to}: {}", text(&run.stderr));
        let rows = super::files::csv_rows(&out.join("funding.csv"));
        let last: i64 = rows.last().unwrap()[0].parse().unwrap();
        assert_eq!(last - last % 60_000, minute, "{to}: {last}");
    }
}

#[test]
fn e13_the_accountant_agrees_when_shorts_are_liquidated() {
    let cross = ["--set", "size.leverage=3x", "--set", "margin.autopilot=false", "--set", "margin.warn=5%"];
    let lower = ["--set", "margin.top_up=4%", "--set", "margin.floor=3%", "--set", "margin.target=6%"];
    let reasons = check(&[cross, lower].concat());
    traded(&reasons);
    assert!(reasons.is_empty() || reasons.iter().any(|reason| reason == "venue_closed"), "no liquidation");
    let isolated = ["--set", "margin.mode=isolated", "--set", "size.leverage=3x", "--set", "margin.warn=20%"];
    let lower = ["--set", "margin.top_up=15%", "--set", "margin.floor=10%", "--set", "margin.target=25%"];
    traded(&check(&[isolated, lower].concat()));
}

#[test]
fn the_accountant_agrees_on_leverage() {
    traded(&check(&["--set", "size.leverage=2x"]));
}
