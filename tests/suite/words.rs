//! What the documents and the presets' heads say, checked against the values they speak of: one set of figures everywhere.
//!
//! The table of results in the README is run by `tests/suite/readme.rs`; the others must agree with it to the last digit.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder by environment")]

use carry::config::{Loaded, Sources, load};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A text with every run of blanks as one, so that a line break hides nothing.
fn words(name: &str) -> String {
    let text = std::fs::read_to_string(repo(name)).unwrap();
    text.replace("\n# ", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The head of a preset: its comment before the first section.
fn head(name: &str) -> String {
    let text = std::fs::read_to_string(repo(name)).unwrap();
    let lines = text.lines().take_while(|line| line.starts_with('#'));
    lines.map(|line| line.trim_start_matches(['#', ' '])).collect::<Vec<_>>().join(" ")
}

fn preset(name: &str) -> Loaded {
    load(&Sources { strategy: Some(repo(name)), ..Sources::default() }).unwrap()
}

fn value(loaded: &Loaded, key: &str) -> String {
    loaded.values.iter().find(|value| value.path == key).unwrap().text.clone()
}

/// `0.01%/8h` as the texts write it: `0.01 %/8 h`.
fn spaced(text: &str) -> String {
    text.replacen('%', " %", 1).replace("/8h", "/8 h")
}

fn apr(text: &str) -> String {
    text.replace("%apr", " %")
}

/// `3d` as `3`.
fn days(text: &str) -> f64 {
    text.strip_suffix('d').unwrap().parse().unwrap()
}

fn says(place: &str, text: &str, phrases: &[String]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "{place} does not say {phrase:?}");
    }
}

#[test]
fn u16_the_heads_of_the_presets_say_what_their_values_are() {
    let anchor = preset("strategies/anchor.toml");
    let get = |key: &str| value(&anchor, key);
    assert_eq!(
        (get("signal.smooth"), get("exit.min_hold")),
        ("3d".to_owned(), "5d".to_owned()),
        "three and five below"
    );
    says(
        "anchor.toml",
        &head("strategies/anchor.toml"),
        &[
            format!("three-day mean of funding is above the {} anchor", spaced(&get("entry.funding"))),
            format!("below {}", spaced(&get("exit.funding"))),
            format!("at or below {}", get("exit.basis").replace("bps", " bps")),
            "not before five days".to_owned(),
        ],
    );
    let ethena = preset("strategies/ethena.toml");
    let get = |key: &str| value(&ethena, key);
    says(
        "ethena.toml",
        &head("strategies/ethena.toml"),
        &[
            format!("beats {} a year on capital", apr(&get("entry.min_net_apr"))),
            format!("earned back within {} days", days(&get("entry.max_breakeven"))),
            format!("over {} days", days(&get("entry.horizon"))),
            format!("by {} a year", apr(&get("exit.margin_apr"))),
        ],
    );
    let table = words("strategies/README.md");
    says(
        "strategies/README.md",
        &table,
        &[
            format!(
                "beats {} a year, and all costs are earned back within {} days",
                apr(&get("entry.min_net_apr")),
                days(&get("entry.max_breakeven"))
            ),
            format!(
                "by {} a year, after {} days at the earliest",
                apr(&get("exit.margin_apr")),
                days(&get("exit.min_hold"))
            ),
        ],
    );
}

/// The README's rows: preset, pairs, from, and the figures.
fn rows() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(repo("README.md")).unwrap();
    let rows = text.lines().filter(|line| line.contains("`carry backtest --data"));
    rows.map(|line| line.trim_matches(['|', ' ']).split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn row(preset: &str, from: &str) -> Vec<String> {
    rows().into_iter().find(|row| row[0] == preset && row[1] == "five of Binance" && row[2] == from).unwrap()
}

fn shared_data() -> Option<PathBuf> {
    let root = std::env::var("CARRY_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("data");
    if root.is_dir() {
        return Some(root);
    }
    assert!(std::env::var("CI").is_err(), "shared data are missing at {}", root.display());
    None
}

fn backtest(data: &Path, more: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder.path()).env_clear().arg("backtest").arg("--data").arg(data);
    command.arg("--strategy").arg(repo("strategies/anchor.toml")).args(more).arg("--json");
    let run = command.output().unwrap();
    serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)))
}

#[test]
fn u16_the_documents_tell_one_set_of_figures() {
    let text = std::fs::read_to_string(repo("strategies/README.md")).unwrap();
    let table: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| !line.starts_with("| rule | 2019 on |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches(['|', ' ']).split(" | ").map(str::to_owned).collect())
        .collect();
    assert_eq!(table.len(), 5, "{table:?}");
    let windows = ["2019", "2023", "2025"];
    for (place, preset) in ["anchor", "ethena"].into_iter().enumerate() {
        let expected: Vec<String> = windows.map(|from| format!("{} %", row(preset, from)[4])).to_vec();
        assert_eq!(table[place][1..], expected, "{preset} differs from the README");
    }
    says(
        "anchor.toml",
        &head("strategies/anchor.toml"),
        &[
            format!(
                "{} % a year net and {} % with cash at 4 % while idle",
                row("anchor", "2019")[3],
                row("anchor", "2019")[4]
            ),
            format!("since 2025 {} %", row("anchor", "2025")[4]),
        ],
    );
    let Some(data) = shared_data() else {
        println!("skipped: no shared data");
        return;
    };
    let pairs = "strategy.pairs=[\"binance:AVAXUSDT\",\"binance:BTCUSDT\",\"binance:DOGEUSDT\",\"binance:ETHUSDT\",\"binance:SOLUSDT\"]";
    for row in &table[2..4] {
        // The settings of the row stand in it.
        let sets: Vec<&str> = row[0].split('`').filter(|part| part.contains('=')).collect();
        assert!(sets.len() >= 2, "{row:?}");
        let mut found = vec![row[0].clone()];
        for from in windows {
            let start = format!("{from}-01-01");
            let mut more = vec!["--set", pairs];
            more.extend(sets.iter().flat_map(|set| ["--set", set]));
            if from != "2019" {
                more.extend(["--from", start.as_str()]);
            }
            let summary = backtest(&data, &more);
            found.push(format!("{:.2} %", summary["net_apr_with_cash"].as_f64().unwrap() * 100.0));
            if from == "2019" && row[0].starts_with("in and out") {
                let net = -summary["net_apr"].as_f64().unwrap() * 100.0;
                says("README.md", &words("README.md"), &[format!("in and out at every one lost {net:.1} % a year")]);
            }
        }
        assert_eq!(*row, found, "strategies/README.md");
    }
}

#[test]
fn u16_the_worked_example_of_net_carry_follows_from_the_preset() {
    let ethena = preset("strategies/ethena.toml");
    let horizon = days(&value(&ethena, "entry.horizon"));
    let settlements = horizon * 3.0;
    let (anchor, funding, keeps, costs) = (0.01, 0.03, 0.9_f64, 0.34);
    let reverting = keeps * (1.0 - keeps.powf(settlements)) / (1.0 - keeps);
    let expected = settlements * anchor + (funding - anchor) * reverting - costs;
    let yearly = expected * 365.0 / horizon;
    let least: f64 = value(&ethena, "entry.min_net_apr").trim_end_matches("%apr").parse().unwrap();
    assert!(yearly / 2.0 > least, "the example says that it enters");
    says(
        "strategies/README.md",
        &words("strategies/README.md"),
        &[
            format!("`entry.horizon` = {horizon} d = {settlements} settlements"),
            format!(
                "{:.2} + {:.2} - {costs} = {expected:.2} % in {horizon} days = {yearly:.1} % a year on the notional",
                settlements * anchor,
                (funding - anchor) * reverting
            ),
            format!("at 1x: {:.1} %", yearly / 2.0),
            format!("`entry.min_net_apr` = {least} %"),
        ],
    );
}

fn cells(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    std::iter::once(heads).chain(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect())).collect()
}

#[test]
fn u16_the_trade_by_hand_is_the_one_that_the_backtest_makes() {
    let Some(data) = shared_data() else {
        println!("skipped: no shared data");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let set = "strategy.pairs=[\"binance:BTCUSDT\"]";
    backtest(&data, &["--from", "2021-05-20", "--to", "2021-06-30", "--set", set, "--out", out]);
    let (fills, trips) = (cells(&folder.path().join("fills.csv")), cells(&folder.path().join("trips.csv")));
    let number = |rows: &[Vec<String>], row: usize, name: &str| -> f64 {
        rows[row][rows[0].iter().position(|head| head == name).unwrap()].parse().unwrap()
    };
    let trip = |name: &str| number(&trips, 1, name);
    let costs = -(trip("fees") + trip("slippage"));
    let each = trip("notional") * 0.0001;
    let grouped = |value: f64| {
        let text = format!("{value:.2}");
        let (whole, cents) = text.split_once('.').unwrap();
        let (thousands, rest) = whole.split_at(whole.len() - 3);
        format!("{thousands},{rest}.{cents}")
    };
    says(
        "README.md",
        &words("README.md"),
        &[
            format!("It bought {} BTC at {}", fills[1][6], grouped(number(&fills, 1, "price"))),
            format!("so {} were left", fills[2][6]),
            format!("sold at {}: {:.0}", grouped(number(&fills, 2, "price")), trip("notional"))
                .replace(": 20", ": 20,"),
            format!("{} BTC), and 0.05 %", fills[1][9]),
            format!("-20.02 - {:.2}", number(&fills, 2, "fee")),
            format!("-{:.2} - {:.2}", number(&fills, 3, "fee"), number(&fills, 4, "fee")),
            format!("{} settlements, each coins x mark x rate | +{:.2}", trips[1][7], trip("funding")),
            format!(
                "{:.1} bps above spot at the entry and {:.1} below",
                trip("entry_basis_bps"),
                -trip("exit_basis_bps")
            ),
            format!("| {:.2} |", trip("slippage")),
            format!("+{:.2}", trip("basis")),
            format!("**+{:.2}**", trip("total")),
            format!("All costs were {costs:.2}, which is {:.2} %", costs / trip("notional") * 100.0),
            format!("a settlement brings {each:.2}, so it takes {:.0} settlements", (costs / each).ceil()),
            format!("was paid {:.2} on average", trip("funding") / trip("settlements")),
        ],
    );
}

#[test]
fn u16_the_map_of_modules_names_those_that_are_there() {
    let library = std::fs::read_to_string(repo("src/lib.rs")).unwrap();
    let known: BTreeSet<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let text = std::fs::read_to_string(repo("ARCHITECTURE.md")).unwrap();
    let map = text.lines().skip_while(|line| !line.starts_with("| module |")).skip(2);
    let named: Vec<&str> = map
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| line.split('|').nth(1).unwrap().split(',').map(|name| name.trim().trim_matches('`')))
        .collect();
    let absent: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
    let unnamed: Vec<&&str> = known.iter().filter(|name| !named.contains(*name)).collect();
    assert!(absent.is_empty() && unnamed.is_empty(), "named but absent {absent:?}, there but not named {unnamed:?}");
}
