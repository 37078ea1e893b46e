//! Keys of one pair, `[pairs."NAME".SECTION]`: they hold for that pair alone, every slip is named, and a run says them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::config::{Settings, Sources, load};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn carry(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let run = carry(folder, arguments);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// Settings of a strategy file, or everything that is wrong with it, line by line.
fn read(text: &str) -> Result<(Settings, String), Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, text).unwrap();
    let sources = Sources { strategy: Some(path), ..Sources::default() };
    let cut = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    match load(&sources) {
        Ok(loaded) => Ok((loaded.settings, loaded.strategy_hash)),
        Err(errors) => Err(errors.errors.iter().map(|error| cut(error.to_string())).collect()),
    }
}

const TWO: &str = "[strategy]\npairs = [\"binance:BTCUSDT\", \"binance:ETHUSDT\"]\n";

#[test]
fn a_pair_has_its_own_keys_and_the_rest_of_all() {
    let (settings, hash) = read(&format!(
        "{TWO}[exit]\nmin_hold = \"2d\"\n[pairs.\"binance:ETHUSDT\".entry]\nfunding = \"0.02%/8h\"\n[pairs.\"binance:ETHUSDT\".size]\nper_pair = \"5%\"\n"
    ))
    .unwrap();
    let (own, other) = (settings.of_pair("binance:ETHUSDT"), settings.of_pair("binance:BTCUSDT"));
    assert_eq!(own.entry.funding.to_string(), "0.02%/8h (21.90%apr)");
    assert_eq!((own.size.per_pair.to_string(), own.exit.min_hold), ("0.05".to_owned(), settings.exit.min_hold));
    assert_eq!(other.entry, Settings::default().entry);
    // It decides trades, so it is part of the hash; the same value in other words is the same hash.
    let (_, without) = read(&format!("{TWO}[exit]\nmin_hold = \"2d\"\n")).unwrap();
    let (_, again) = read(&format!(
        "{TWO}[pairs.\"binance:ETHUSDT\"]\nsize.per_pair = \"5%\"\nentry.funding = \"2bps/8h\"\n[exit]\nmin_hold = \"48h\"\n"
    ))
    .unwrap();
    assert_ne!(hash, without);
    assert_eq!(hash, again);
    // Settings that were written down come back whole.
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
}

#[test]
fn h01_a_slip_below_pairs_is_named_with_its_line() {
    for (text, expected) in [
        (
            "[pairs.\"binance:BTCUSDT\".size]\nleverage = \"2x\"",
            "s.toml:4: size.leverage holds for all pairs and cannot differ for binance:BTCUSDT; write it in [size]",
        ),
        (
            "[pairs.\"binance:BTCUSDT\".entry]\nfundng = \"2%/8h\"",
            "s.toml:4: unknown key entry.fundng; did you mean entry.funding?",
        ),
        (
            "[pairs.\"binance:BTCUSDT\".entry]\nfunding = 2",
            "s.toml:4: pairs.\"binance:BTCUSDT\".entry.funding = 2 is a bare number without a unit",
        ),
        (
            "[pairs.\"binance:BTCUSDT\".entry]\nfunding = \"9%/8h\"",
            "s.toml:4: pairs.\"binance:BTCUSDT\".entry.funding = \"9%/8h\" is out of range; expected -0.5%/8h to 0.5%/8h",
        ),
        (
            "[pairs.BTC.entry]\nfunding = \"0.1%/8h\"",
            "s.toml:4: [pairs.BTC] names no pair; expected [pairs.\"VENUE:SYMBOL\".SECTION]",
        ),
        ("[pairs.BTC]\n", "s.toml:3: [pairs.BTC] names no pair"),
        (
            "[pairs.\"binance:SOLUSDT\".entry]\nfunding = \"0.1%/8h\"",
            "s.toml:4: [pairs.\"binance:SOLUSDT\"] is not among the pairs that are traded: binance:BTCUSDT, binance:ETHUSDT",
        ),
        (
            "[pairs.\"binance:BTCUSDT\".exit]\nfunding = \"0.03%/8h\"",
            "s.toml:4: for binance:BTCUSDT: exit.funding (0.03%/8h, s.toml:4) must be at most entry.funding",
        ),
        ("[pairs.\"binance:BTCUSDT\".execution]\nclip = \"200000usd\"", "for binance:BTCUSDT: execution.clip"),
        ("[pairs.\"binance:BTCUSDT\"]\napi_secret = \"x\"", "is named like a secret"),
    ] {
        let errors = read(&format!("{TWO}{text}\n")).unwrap_err();
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert!(errors[0].contains(expected), "{text}: {errors:?}");
    }
    // An empty section says nothing.
    assert!(read(&format!("{TWO}[pairs]\n")).is_ok());
    assert!(read(&format!("{TWO}[pairs.\"binance:BTCUSDT\".entry]\n")).is_ok());
}

#[test]
fn a_backtest_enters_a_pair_by_its_own_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    assert!(carry(desk, &["data", "sample", "data"]).status.success());
    assert!(carry(desk, &["init", "."]).status.success());
    let trips = |set: &[&str]| {
        let mut arguments =
            vec!["backtest", "--data", "data", "--strategy", "strategies/anchor.toml", "--json", "--out", "out"];
        let sets = ["signal.smooth=1d", "exit.min_hold=1d"];
        for set in sets.iter().chain(set) {
            arguments.extend(["--set", set]);
        }
        let summary = json(desk, &arguments);
        let trips = std::fs::read_to_string(desk.join("out/trips.csv")).unwrap();
        let count = |name: &str| trips.lines().filter(|line| line.contains(name)).count();
        assert_eq!(summary["pnl"]["unexplained"], "0");
        (count("alpha:WIFUSDT"), count("alpha:DOGEUSDT"), summary)
    };
    let (wif, doge, _) = trips(&[]);
    assert!(wif > 0 && doge > 0, "{wif:?} {doge:?}");
    let (wif, doge, summary) = trips(&["pairs.alpha:WIFUSDT.entry.funding=0.5%/8h"]);
    assert!(wif == 0 && doge > 0, "{wif:?} {doge:?}");
    let changed = summary["run"]["changed"].as_array().unwrap();
    let row = changed.iter().find(|row| row["key"] == "pairs.\"alpha:WIFUSDT\".entry.funding").unwrap();
    assert_eq!((&row["value"], &row["preset"]), (&"0.5%/8h".into(), &"0.01%/8h".into()));

    let wrong = carry(
        desk,
        &[
            "backtest",
            "--data",
            "data",
            "--strategy",
            "strategies/anchor.toml",
            "--set",
            "pairs.alpha:XUSDT.entry.funding=0.5%/8h",
        ],
    );
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("\"alpha:XUSDT\"] is not among the pairs"));
}
