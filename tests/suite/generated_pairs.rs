//! `strategy.pairs` is an allow-list on the generated market too: what it names is traded and nothing else, and a name that the market
//! does not have is refused with those that it has.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn carry(desk: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carry")).current_dir(desk).args(arguments).output().unwrap()
}

fn json(run: &Output) -> Value {
    serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)))
}

/// The pairs of a summary, and those of the fills of a folder, each once.
fn traded(summary: &Value, out: &Path) -> (Vec<String>, Vec<String>) {
    let steps = summary["steps"].as_object().unwrap().keys().cloned().collect();
    let fills = std::fs::read_to_string(out.join("fills.csv")).unwrap();
    let place = fills.lines().next().unwrap().split(',').position(|name| name == "pair").unwrap();
    let mut pairs: Vec<String> =
        fills.lines().skip(1).map(|row| row.split(',').nth(place).unwrap().to_owned()).collect();
    pairs.sort();
    pairs.dedup();
    (steps, pairs)
}

const EAGER: [&str; 8] = [
    "--set",
    "entry.min_net_apr=0%apr",
    "--set",
    "entry.max_breakeven=365d",
    "--set",
    "exit.margin_apr=0%apr",
    "--set",
    "run.cash_apr=1%apr",
];

#[test]
fn a_session_trades_the_pairs_that_are_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let play = |state: &str, pairs: &str| {
        let set = format!("strategy.pairs=[{pairs}]");
        let mut arguments = vec!["paper", "--days", "9", "--seed", "3", "--state", state, "--json", "--set", &set];
        arguments.extend(EAGER);
        let summary = json(&carry(folder.path(), &arguments));
        assert_eq!(summary["pnl"]["unexplained"], "0", "{summary}");
        traded(&summary, &folder.path().join(state))
    };
    let (sol, doge) = ("alpha:SOLUSDT".to_owned(), "hyper:DOGEUSDC".to_owned());
    assert_eq!(play("one", "\"alpha:SOLUSDT\""), (vec![sol.clone()], vec![sol.clone()]));
    assert_eq!(carry(folder.path(), &["replay", "one"]).status.code(), Some(0), "its tape replays");
    let two = vec![sol, doge];
    assert_eq!(play("two", "\"hyper:DOGEUSDC\",\"alpha:SOLUSDT\""), (two.clone(), two));
    let (steps, fills) = play("all", "");
    assert!(steps.len() == 9 && fills.len() > 2, "an empty list is all of them: {steps:?} {fills:?}");
}

#[test]
fn a_pair_that_the_market_does_not_have_is_refused_with_those_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.toml"), "[strategy]\npairs = [\"alpha:BTCUSDT\", \"binance:BTCUSDT\"]\n")
        .unwrap();
    let words = ["paper", "--days", "1", "--strategy", "s.toml", "--state", "run"];
    let run = carry(folder.path(), &words);
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{said}");
    for part in [
        "s.toml:2: strategy.pairs: binance:BTCUSDT: there is no such pair in the generated market; it has alpha:BTCUSDT, ",
        "hyper:DOGEUSDC",
        "carry paper --market live",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Nothing was begun: the same folder takes the right names.
    std::fs::write(folder.path().join("s.toml"), "[strategy]\npairs = [\"alpha:BTCUSDT\"]\n").unwrap();
    let run = carry(folder.path(), &words);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn a_backtest_of_the_generated_market_plays_what_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    std::fs::write(desk.join("s.toml"), "[strategy]\npairs = [\"alpha:SOLUSDT\"]\n").unwrap();
    assert!(carry(desk, &["data", "sample", "data"]).status.success());
    let mut words = vec!["backtest", "--data", "data", "--strategy", "s.toml", "--out", "out", "--json"];
    words.extend(EAGER);
    let sol = vec!["alpha:SOLUSDT".to_owned()];
    assert_eq!(traded(&json(&carry(desk, &words)), &desk.join("out")), (sol.clone(), sol));
    let run = carry(desk, &[&words[..], &["--set", "strategy.pairs=[\"alpha:XUSDT\"]"]].concat());
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.code() == Some(2) && said.contains("alpha:XUSDT cannot be priced"), "{said}");
}
