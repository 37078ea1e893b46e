//! `carry sweep` as a person runs it: its rows are the runs of `carry backtest`, its files do not depend on how the work was cut, and
//! what is there is not played again.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests stop at the first surprise, and say what they skip"
)]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder and the tools by the environment")]

use crate::history;

use history::{Column, HOUR, START, bars, write_parquet};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PAIR: &str = "strategy.pairs=[\"binance:GENUSDT\"]";
const GRID: [&str; 4] = ["--grid", "entry.funding=0.004%/8h,0.01%/8h,0.02%/8h", "--grid", "exit.min_hold=1d,5d"];

fn carry(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear().args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A hundred days of one pair, from 2025-01-01 on: funding is high for twelve days and next to nothing for eight, by turns, and the
/// price wanders a little.
fn history() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    for (market, above) in [("spot", 0), ("perp", 2)] {
        // In cents, so that no price has more decimals than it is written with.
        let cents = |by: i32| {
            (0..2_400).map(|hour| f64::from(10_000 + hour % 37 * 5 + above + by) / 100.0).collect::<Vec<f64>>()
        };
        let columns = vec![
            Column::Integers("ts_ms", bars(2_400, 1)),
            Column::Doubles("open", cents(0)),
            Column::Doubles("high", cents(50)),
            Column::Doubles("low", cents(-50)),
            Column::Doubles("volume", vec![1e6; 2_400]),
            Column::Doubles("close", cents(0)),
        ];
        write_parquet(&root.join(format!("klines/binance-{market}/GENUSDT-1h.parquet")), columns);
    }
    let mut text = "ts_ms,rate,mark_price\n".to_owned();
    for settlement in 0..300_i64 {
        let rate = if settlement % 60 < 36 { 100 + settlement % 7 * 30 } else { 5 };
        writeln!(text, "{},0.000{rate:03},", START + settlement * 8 * HOUR).unwrap();
    }
    let file = root.join("funding/binance/GENUSDT.csv");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    (folder, root.display().to_string())
}

fn sweep(data: &str, out: &Path, more: &[&str]) -> Output {
    let out = out.display().to_string();
    let mut arguments =
        vec!["sweep", "--data", data, "--strategy", "strategies/anchor.toml", "--set", PAIR, "--out", &out];
    arguments.extend(more);
    carry(&arguments)
}

fn swept(data: &str, out: &Path, more: &[&str]) -> Value {
    let run = sweep(data, out, &[more, &["--json"]].concat());
    assert!(run.status.success(), "{}", said(&run));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// The result files by name.
fn files(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(out.join("results")).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().into(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_row_is_the_run_that_a_backtest_makes_and_shards_give_the_same_files() {
    let (folder, data) = history();
    let at = |name: &str| folder.path().join(name);
    let arguments = [&GRID[..], &["--walk-forward", "3"]].concat();
    let whole = swept(&data, &at("whole"), &arguments);
    assert_eq!(whole["schema"], "carry.sweep/1");
    assert_eq!(
        (whole["sets"].as_u64(), whole["played"].as_u64(), whole["parts_missing"].as_u64()),
        (Some(6), Some(6), Some(0))
    );

    // The best set once more, by hand.
    let best = &whole["best"][0];
    let values: Vec<String> = best["settings"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
        .collect();
    let mut again = vec!["backtest", "--data", &data, "--strategy", "strategies/anchor.toml", "--set", PAIR, "--json"];
    for value in &values {
        again.extend(["--set", value]);
    }
    let run = carry(&again);
    let run: Value = serde_json::from_slice(&run.stdout).unwrap();
    for figure in ["net_return", "net_apr", "excess_apr", "max_drawdown", "time_in_market"] {
        assert_eq!(best[figure], run[figure], "{figure}");
    }
    assert_eq!((&best["cash_return"], &best["round_trips"]), (&run["cash_return"], &run["round_trips"]));
    assert!(
        run["round_trips"].as_u64().unwrap() + run["open_pairs"].as_u64().unwrap() > 0,
        "nothing was traded: {run}"
    );

    // The folds make up the whole, and the walk saw three of the four.
    let folds: Vec<f64> = best["folds"].as_array().unwrap().iter().map(|fold| fold.as_f64().unwrap()).collect();
    let product: f64 = folds.iter().map(|fold| 1.0 + fold).product();
    assert!(folds.len() == 4 && (product - 1.0 - best["excess"].as_f64().unwrap()).abs() < 1e-9, "{folds:?}");
    assert_eq!(whole["walk"]["folds"].as_array().unwrap().len(), 3);

    // In three shards, in another order and on one core.
    for shard in ["3/3", "1/3", "2/3"] {
        let part = swept(&data, &at("parts"), &[&arguments[..], &["--shard", shard, "--jobs", "1"]].concat());
        assert_eq!(part["shard"], shard);
    }
    assert_eq!(files(&at("whole")), files(&at("parts")));
    assert_eq!(std::fs::read(at("whole/plan.json")).unwrap(), std::fs::read(at("parts/plan.json")).unwrap());
    let page = std::fs::read_to_string(at("whole/sweep.html")).unwrap();
    for words in ["figure-heat", "figure-steady", "figure-key-0", "measured on the next fold"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn what_is_there_is_kept_and_what_is_damaged_is_played_again() {
    let (folder, data) = history();
    let out = folder.path().join("out");
    swept(&data, &out, &GRID);
    let before = files(&out);
    let (kept, damaged, gone) = (
        out.join("results/part-0000.parquet"),
        out.join("results/part-0001.parquet"),
        out.join("results/part-0002.parquet"),
    );
    let written = std::fs::metadata(&kept).unwrap().modified().unwrap();
    std::fs::write(&damaged, b"PAR1 nothing PAR1").unwrap();
    std::fs::remove_file(&gone).unwrap();
    swept(&data, &out, &GRID);
    assert_eq!(files(&out), before);
    assert_eq!(std::fs::metadata(&kept).unwrap().modified().unwrap(), written, "it was whole and is not written again");

    let other = sweep(&data, &out, &[&GRID[..2], &["--set", "exit.min_hold=2d"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("holds another sweep, the keys that are varied differ"), "{}", said(&other));
    let other = sweep(&data, &out, &[&GRID[..], &["--to", "2025-03-01"]].concat());
    assert!(said(&other).contains("the history differ") || other.status.code() == Some(2), "{}", said(&other));
    assert_eq!(files(&out), before, "nothing of the first sweep is touched");
}

#[test]
fn wrong_keys_ranges_and_shards_are_refused_by_name() {
    let (folder, data) = history();
    let out = folder.path().join("out");
    let refused = |more: &[&str], words: &str| {
        let run = sweep(&data, &out, more);
        assert_eq!(run.status.code(), Some(2), "{more:?}: {}", said(&run));
        assert!(said(&run).contains(words), "{more:?}: {}", said(&run));
        assert!(!out.exists(), "nothing is written");
    };
    refused(&[], "nothing is varied");
    refused(&["--grid", "entry.fundng=0.01%/8h"], "entry.fundng: there is no such key; did you mean entry.funding?");
    refused(&["--grid", "entry.funding=0.01"], "entry.funding: \"0.01\" is a bare number without a unit");
    refused(&["--grid", "entry.funding=9%/8h"], "is outside of");
    refused(&["--range", "entry.funding=0.01%/8h..0.02%/8h"], "say how many sets by --random");
    refused(&["--range", "entry.funding=0.02%/8h..0.01%/8h", "--random", "5"], "expected LOW..HIGH");
    refused(&["--grid", "strategy.pairs=[]"], "strategy.pairs cannot be varied");
    refused(&[&GRID[..], &["--shard", "4/3"]].concat(), "--shard \"4/3\": expected I/N");
    refused(&[&GRID[..], &["--from", "2031-01-01"]].concat(), "2031-01-01");
}

#[test]
fn draws_are_the_same_for_a_seed_and_combinations_that_are_no_settings_are_told() {
    let (folder, data) = history();
    let draws =
        ["--range", "entry.funding=0.004%/8h..0.02%/8h", "--grid", "exit.min_hold=1d,5d", "--random", "5", "--seed"];
    let one = swept(&data, &folder.path().join("one"), &[&draws[..], &["3", "--to", "2025-02-15"]].concat());
    let two = swept(&data, &folder.path().join("two"), &[&draws[..], &["3", "--to", "2025-02-15"]].concat());
    assert_eq!((&one["best"], one["sets"].as_u64()), (&two["best"], Some(5)));
    // An exit above the entry is no strategy.
    let mixed = ["--grid", "entry.funding=0.01%/8h", "--grid", "exit.funding=0%/8h,0.05%/8h", "--to", "2025-02-15"];
    let found = swept(&data, &folder.path().join("mixed"), &mixed);
    assert_eq!((found["sets"].as_u64(), found["left_out"].as_array().unwrap().len()), (Some(1), 1), "{found}");
    assert!(found["left_out"][0]["why"].as_str().unwrap().contains("exit.funding"), "{found}");
}

/// A Python that has pyarrow, or a word that there is none; fatal on CI.
fn python() -> Option<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci/python/bin/python3");
    let usual = if own.exists() { own.display().to_string() } else { "python3".to_owned() };
    let name = std::env::var("CARRY_PYTHON").unwrap_or(usual);
    let known = Command::new(&name).args(["-c", "import pyarrow"]).output();
    if known.is_ok_and(|run| run.status.success()) {
        return Some(name);
    }
    assert!(std::env::var("CI").is_err(), "{name} has no pyarrow (see .ci/requirements.txt)");
    println!("skipped: {name} has no pyarrow; set CARRY_PYTHON to one that has");
    None
}

#[test]
fn others_read_the_results_as_they_are() {
    let Some(python) = python() else { return };
    let (folder, data) = history();
    let out = folder.path().join("out");
    let told = swept(&data, &out, &[&GRID[..], &["--walk-forward", "1", "--to", "2025-02-15"]].concat());
    let script = "
import json, sys
import pyarrow.dataset as dataset
table = dataset.dataset(sys.argv[1], format='parquet').to_table()
rows = table.to_pylist()
whole = [row for row in rows if row['fold'] is None]
assert len(rows) == 18 and len(whole) == 6, len(rows)
assert {row['entry.funding_value'] for row in whole} == {0.00004, 0.0001, 0.0002}, whole
assert {row['exit.min_hold'] for row in whole} == {'1d', '5d'}, whole
best = max(whole, key=lambda row: (1 + row['with_cash_return']) / (1 + row['cash_return']))
print(json.dumps({'net': best['net_return'], 'trips': best['round_trips'], 'apr': best['net_apr']}))
";
    let run = Command::new(python).args(["-c", script]).arg(out.join("results")).output().unwrap();
    assert!(run.status.success(), "{}", said(&run));
    let read: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(read["net"], told["best"][0]["net_return"]);
    assert_eq!(read["trips"], told["best"][0]["round_trips"]);
    assert_eq!(read["apr"], Value::Null, "45 days are no year");
}
