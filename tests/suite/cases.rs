//! Files as people have them: settlements told twice, intervals of any length, rates in percent, contracts of several coins,
//! byte-order marks, dates as ends. Each test makes its own input; `right_column` runs the shared cases where they are.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder by environment")]

use crate::history;

use history::{HOUR, START, bars, candles, write_parquet};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs the program; exit code, standard output, standard error.
fn carry(args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_carry")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

fn repo(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).display().to_string()
}

/// Runs a backtest of a preset over a folder.
fn backtest(data: &Path, more: &[&str]) -> Value {
    let strategy = repo("strategies/anchor.toml");
    let mut args = vec!["backtest", "--data", data.to_str().unwrap(), "--strategy", &strategy, "--json"];
    args.extend(more);
    let (code, out, problems) = carry(&args);
    assert_eq!(code, 0, "{problems}");
    serde_json::from_str(&out).unwrap()
}

fn verified(data: &Path) -> (i32, Value) {
    let (code, out, _) = carry(&["data", "verify", "--json", "--data", data.to_str().unwrap()]);
    (code, serde_json::from_str(&out).unwrap())
}

fn stats(data: &Path) -> (i32, Value, String) {
    let (code, out, problems) = carry(&["stats", "--json", "--data", data.to_str().unwrap()]);
    (code, serde_json::from_str(&out).unwrap_or(Value::Null), problems)
}

/// Sixty days of one pair in flat prices; `rows` are hours, milliseconds late, and rates.
struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    fn new(rows: &[(i64, i64, &str)]) -> Self {
        Self::stepped(rows, 1)
    }

    fn stepped(rows: &[(i64, i64, &str)], step: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for market in ["spot", "perp"] {
            let name = if step == 24 { "1d".to_owned() } else { format!("{step}h") };
            let file = folder.path().join(format!("klines/binance-{market}/GENUSDT-{name}.parquet"));
            let count = 1_440 / step;
            let mut columns = candles(bars(count, step), vec![100.0; usize::try_from(count).unwrap()]);
            columns[4] = history::Column::Doubles("volume", vec![1e6; usize::try_from(count).unwrap()]);
            write_parquet(&file, columns);
        }
        let pair = Self { folder };
        pair.write(rows);
        pair
    }

    fn write(&self, rows: &[(i64, i64, &str)]) {
        let mut text = "ts_ms,rate,mark_price\n".to_owned();
        for (hour, late, rate) in rows {
            writeln!(text, "{},{rate},100", START + hour * HOUR + late).unwrap();
        }
        let file = self.file();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("funding/binance/GENUSDT.csv")
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }
}

/// Settlements each `hours` at one rate.
fn each(hours: i64, rate: &'static str) -> Vec<(i64, i64, &'static str)> {
    (0..1_440 / hours).map(|number| (number * hours, 0, rate)).collect()
}

fn line(summary: &Value, name: &str) -> String {
    summary["pnl"][name].as_str().unwrap().to_owned()
}

#[test]
fn u06_a_settlement_told_twice_counts_once() {
    let clean = Pair::new(&each(8, "0.0005"));
    let expected = backtest(clean.root(), &[]);
    assert_eq!((&expected["round_trips"], line(&expected, "funding").is_empty()), (&1.into(), false));
    let told = |late: i64| {
        let mut rows = each(8, "0.0005");
        rows.insert(92, (91 * 8, late, "0.0005"));
        rows
    };
    for late in [0, 5, 60_000, 287_999] {
        let twice = Pair::new(&told(late));
        let summary = backtest(twice.root(), &[]);
        assert_eq!(summary["pnl"], expected["pnl"], "{late} ms later");
        assert_eq!(summary["round_trips"], 1, "{late} ms later");
        let (_, _, why) =
            carry(&["why", "--data", twice.root().to_str().unwrap(), "--strategy", &repo("strategies/anchor.toml")]);
        assert_eq!(why, "");
        let (code, report) = verified(twice.root());
        let finding = &report["files"][0]["findings"][0];
        assert_eq!((code, &finding["kind"], &finding["line"]), (3, &"duplicate".into(), &94.into()), "{report}");
        assert_eq!(stats(twice.root()).1["rows"][0]["n"], 180);
    }
    // Two rates are no settlement at all: every command names both lines.
    let mut rows = told(5);
    rows[92].2 = "0.0004";
    let torn = Pair::new(&rows);
    let words = "has rate 0.0005 in line 93 and, 5 ms later, rate 0.0004 here; expected one rate";
    for verb in ["backtest", "why"] {
        let args = [verb, "--data", torn.root().to_str().unwrap(), "--strategy", &repo("strategies/anchor.toml")];
        let (code, _, problems) = carry(&args);
        assert!(code == 1 && problems.contains("GENUSDT.csv:94:1: ") && problems.contains(words), "{verb}: {problems}");
    }
    assert!(stats(torn.root()).2.contains(words));
    assert!(verified(torn.root()).1["files"][0]["findings"][0]["text"].as_str().unwrap().contains(words));
}

#[test]
fn u07_a_date_as_end_means_the_whole_day() {
    let pair = Pair::new(&each(8, "0.0005"));
    // Day 30 ends with the bar that opened at 23:00 and closes at midnight.
    let summary = backtest(pair.root(), &["--to", "2025-01-30"]);
    assert_eq!(summary["to_ms"], START + 30 * 24 * HOUR);
    let summary = backtest(pair.root(), &["--to", "2025-01-30T22:00Z"]);
    assert_eq!(summary["to_ms"], START + 29 * 24 * HOUR + 22 * HOUR, "an instant is an instant");
    let args = ["why", "--data", pair.root().to_str().unwrap(), "--strategy", &repo("strategies/anchor.toml")];
    let (_, out, _) = carry(&[&args[..], &["--at", "2025-01-30"]].concat());
    assert!(out.contains("at 2025-01-31T00:00:00Z"), "{out}");
}

#[test]
fn u08_every_interval_is_judged_alike() {
    for (hours, rate, per_8h) in [
        (1, "0.0001", 0.0008),
        (2, "0.0002", 0.0008),
        (3, "0.0003", 0.0008),
        (4, "0.0004", 0.0008),
        (6, "0.0006", 0.0008),
        (8, "0.0008", 0.0008),
    ] {
        let pair = Pair::new(&each(hours, rate));
        assert_eq!(verified(pair.root()).0, 0, "every {hours} h");
        let report = stats(pair.root()).1;
        let row = &report["rows"][0];
        assert_eq!((&row["interval"], &row["left_out"]), (&format!("{hours}h").into(), &0.into()));
        assert!((row["mean"].as_f64().unwrap() - per_8h).abs() < 1e-12, "every {hours} h");
        // Bars of an hour close only at hourly settlements, where the guard refuses entries.
        let summary = backtest(pair.root(), if hours == 1 { &["--set", "gates.guard=0s"] } else { &[] });
        assert_eq!((&summary["round_trips"], &summary["open_pairs"]), (&1.into(), &0.into()), "every {hours} h");
    }
    for hours in [12, 24] {
        let rare = Pair::new(&each(hours, "0.001"));
        assert_eq!(verified(rare.root()).0, 0, "every {hours} h");
        assert_eq!(stats(rare.root()).1["rows"][0]["interval"], format!("{hours}h"));
        assert_eq!(backtest(rare.root(), &[])["round_trips"], 1, "every {hours} h");
    }
    // An interval change is no hole; a lone spacing is one, for the check and for the backtest.
    let mut changed: Vec<_> = each(8, "0.0005").into_iter().filter(|row| row.0 <= 480).collect();
    changed.extend((0..240).map(|number| (484 + number * 4, 0, "0.00025")).filter(|row| row.0 < 1_440));
    let pair = Pair::new(&changed);
    assert_eq!((verified(pair.root()).0, &backtest(pair.root(), &[])["round_trips"]), (0, &1.into()));
    changed.retain(|row| row.0 != 800);
    pair.write(&changed);
    assert_eq!((verified(pair.root()).0, &backtest(pair.root(), &[])["round_trips"]), (3, &2.into()));
}

#[test]
fn u08_spacings_that_are_no_interval_are_no_signal() {
    for hours in [5, 7] {
        let pair = Pair::new(&each(hours, "0.0005"));
        let count = usize::try_from(1_440 / hours).unwrap();
        let (code, _, problems) = stats(pair.root());
        assert!(code == 1 && problems.contains(&format!("none of {count} settlements has an interval")), "{problems}");
        assert_eq!(verified(pair.root()).0, 3);
        for data_end in ["flatten", "hold"] {
            let summary = backtest(pair.root(), &["--set", &format!("sim.data_end={data_end}")]);
            assert_eq!(
                (&summary["round_trips"], &summary["open_pairs"]),
                (&0.into(), &0.into()),
                "{hours} h, {data_end}"
            );
            assert!(summary["remarks"].to_string().contains("it is not entered"), "{}", summary["remarks"]);
        }
        let args =
            ["why", "--json", "--data", pair.root().to_str().unwrap(), "--strategy", &repo("strategies/anchor.toml")];
        let (code, out, problems) = carry(&args);
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (code, &report["feasible"], &report["pairs"][0]["phase"]),
            (0, &false.into(), &"flat".into()),
            "{problems}"
        );
    }
    // Nothing in the file but its header: said, and nothing is traded.
    let pair = Pair::new(&[]);
    let summary = backtest(pair.root(), &[]);
    assert!(summary["remarks"].to_string().contains("no settlement within the given times"), "{}", summary["remarks"]);
}

#[test]
fn u14_why_says_of_a_history_that_was_entered_that_it_could_be() {
    let pair = Pair::new(&each(8, "0.0005"));
    let args =
        ["why", "--json", "--data", pair.root().to_str().unwrap(), "--strategy", &repo("strategies/anchor.toml")];
    let report: Value = serde_json::from_str(&carry(&args).1).unwrap();
    assert_eq!((&report["feasible"], &report["pairs"][0]["open_bars"]), (&true.into(), &1.into()), "{report}");
}

#[test]
fn u08_rates_in_percent_do_not_pass() {
    for rate in ["0.05", "0.01"] {
        let pair = Pair::new(&each(8, rate));
        let words = "look like percent";
        for verb in ["backtest", "why"] {
            let args = [verb, "--data", pair.root().to_str().unwrap(), "--strategy", &repo("strategies/anchor.toml")];
            let (code, _, problems) = carry(&args);
            assert!(code == 1 && problems.contains("GENUSDT.csv:2:1: ") && problems.contains(words), "{problems}");
            assert!(problems.contains("carry data import --rates-in percent"), "{problems}");
        }
        let (code, report) = verified(pair.root());
        assert_eq!((code, &report["files"][0]["counts"]["scale"]), (3, &1.into()));
        let (code, _, problems) = stats(pair.root());
        assert!(code == 1 && problems.contains(words), "{problems}");
    }
}

#[test]
fn u11_a_text_may_begin_with_a_byte_order_mark() {
    let pair = Pair::new(&each(8, "0.0005"));
    let expected = backtest(pair.root(), &[]);
    let marked = |file: &Path| {
        let text = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, format!("\u{feff}{text}")).unwrap();
    };
    marked(&pair.file());
    let strategy = pair.root().join("s.toml");
    std::fs::copy(repo("strategies/anchor.toml"), &strategy).unwrap();
    marked(&strategy);
    let rules = pair.root().join("instruments/binance.csv");
    std::fs::create_dir_all(rules.parent().unwrap()).unwrap();
    std::fs::write(&rules, "\u{feff}symbol,market\nGENUSDT,perp\n").unwrap();
    let (data, strategy) = (pair.root().to_str().unwrap(), strategy.to_str().unwrap());
    let (code, out, problems) = carry(&["backtest", "--data", data, "--strategy", strategy, "--json"]);
    assert_eq!(code, 0, "{problems}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["pnl"], expected["pnl"]);
    let (code, out, problems) = carry(&["check", strategy]);
    assert_eq!((code, problems.as_str()), (0, ""), "{out}");
    assert_eq!(verified(pair.root()).0, 0);
}

#[test]
fn u09_wide_candles_trade_where_the_settlements_allow() {
    for (step, word) in [(2, "2h"), (12, "12h"), (24, "1d")] {
        let pair = Pair::stepped(&each(8, "0.0005"), step);
        let summary = backtest(pair.root(), &["--set", "gates.guard=0s"]);
        assert_eq!(summary["steps"]["binance:GENUSDT"], word);
        assert_eq!(summary["round_trips"], 1, "{word}: {summary}");
        let (code, report) = verified(pair.root());
        assert_eq!((code, &report["files"][1]["step"]), (0, &word.into()));
    }
}

/// The shared small cases reach the right column of their list.
#[test]
fn u06_u08_u09_right_column() {
    let shared = std::env::var("CARRY_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("cases");
    if !shared.is_dir() {
        println!("skipped: no shared cases");
        return;
    }
    for folder in ["dup-settlement/data", "dup-settlement/data-clean"] {
        let summary = backtest(&shared.join(folder), &[]);
        assert_eq!((&summary["round_trips"], line(&summary, "funding").as_str()), (&1.into(), "1700"), "{folder}");
    }
    assert_eq!(verified(&shared.join("dup-settlement/data")).1["files"][0]["counts"]["duplicate"], 1);
    let six = shared.join("interval-6h/data");
    assert_eq!((verified(&six).0, &stats(&six).1["rows"][0]["interval"]), (0, &"6h".into()));
    assert_eq!(backtest(&six, &[])["open_pairs"], 0);
    // Told alike by every reader, with the row and the way out.
    let percent = shared.join("percent-rates/data");
    assert!(stats(&percent).2.contains("--rates-in percent"));
    assert_eq!((verified(&percent).0, &verified(&percent).1["files"][0]["counts"]["scale"]), (3, &1.into()));
    for verb in ["backtest", "why"] {
        let data = percent.display().to_string();
        let (code, _, problems) = carry(&[verb, "--data", &data, "--strategy", &repo("strategies/anchor.toml")]);
        assert!(
            code != 0 && problems.contains("GENUSDT.csv:2:1: rate 0.05") && problems.contains("percent"),
            "{problems}"
        );
    }
    let named = shared.join("contract-1000/data-as-named");
    let trips = |folder: &Path| backtest(folder, &[])["round_trips"].clone();
    assert_eq!((trips(&named), trips(&shared.join("contract-1000/data-multiplier"))), (1.into(), 1.into()));
    held_to_the_end(&shared, &named);
}

/// One coin held to the end is paid the sum of the rates times the marks: of a contract of a thousand, a thousandth.
fn held_to_the_end(shared: &Path, data: &Path) {
    let out = tempfile::tempdir().unwrap();
    let (data, hold, to) = (data.display().to_string(), shared.join("hold.toml"), out.path().display().to_string());
    let args = ["backtest", "--data", &data, "--strategy", hold.to_str().unwrap(), "--out", &to, "--json"];
    let (code, told, problems) = carry(&[&args[..], &["--set", "size.quantity=1000000PEPE"]].concat());
    assert_eq!(code, 0, "{problems}");
    let summary: Value = serde_json::from_str(&told).unwrap();
    let rows = std::fs::read_to_string(out.path().join("funding.csv")).unwrap();
    let mut sum = 0.0;
    for row in rows.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |place: usize| cells[place].parse::<f64>().unwrap();
        assert_eq!(cells[4], "-1000000", "quantities are in coins: {row}");
        sum += 1e3 * number(5) * number(7);
    }
    assert!(
        rows.lines().count() > 100 && (sum - line(&summary, "funding").parse::<f64>().unwrap()).abs() < 1e-6,
        "{sum}: {told}"
    );
}

/// Sixty days of a perp at `perp`, with spot of another symbol at a thousandth of it.
fn bundled(spot_symbol: &str, perp_symbol: &str, spot: f64, perp: f64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (market, symbol, price, volume) in [("spot", spot_symbol, spot, 8e6 / spot), ("perp", perp_symbol, perp, 1e9)] {
        let file = folder.path().join(format!("klines/binance-{market}/{symbol}-1h.parquet"));
        let mut columns = candles(bars(1_440, 1), vec![price; 1_440]);
        columns[4] = history::Column::Doubles("volume", vec![volume; 1_440]);
        write_parquet(&file, columns);
    }
    let mut text = "ts_ms,rate,mark_price\n".to_owned();
    for (hour, _, rate) in each(8, "0.0005") {
        writeln!(text, "{},{rate},{perp}", START + hour * HOUR).unwrap();
    }
    let file = folder.path().join(format!("funding/binance/{perp_symbol}.csv"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    folder
}

fn rules(folder: &Path, text: &str) {
    let file = folder.join("instruments/binance.csv");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

#[test]
fn u09_a_contract_of_several_coins_trades_against_its_coin() {
    // The same market with one coin a contract: every line of profit must be the same.
    let plain = bundled("GENUSDT", "GENUSDT", 0.008, 0.008);
    let expected = backtest(plain.path(), &[]);
    assert_eq!(expected["round_trips"], 1);
    let named = bundled("PEPEUSDT", "1000PEPEUSDT", 0.000_008, 0.008);
    let out = tempfile::tempdir().unwrap();
    let summary = backtest(named.path(), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(summary["pnl"]["funding"], expected["pnl"]["funding"]);
    assert_eq!((&summary["round_trips"], &summary["pnl"]["unexplained"]), (&1.into(), &"0".into()));
    let fills = std::fs::read_to_string(out.path().join("fills.csv")).unwrap();
    let column = |name: &str| fills.lines().next().unwrap().split(',').position(|one| one == name).unwrap();
    let (mut spot, mut perp) = (0.0, 0.0);
    for line in fills.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[column("pair")], "binance:1000PEPEUSDT");
        let number = |name: &str| cells[column(name)].parse::<f64>().unwrap();
        let (quantity, price) = (number("qty"), number("price"));
        let is_spot = cells[column("leg")] == "spot";
        assert_eq!(cells[column("symbol")], if is_spot { "PEPEUSDT" } else { "1000PEPEUSDT" });
        let usual = if is_spot { 0.000_008 } else { 0.008 };
        assert!((price / usual - 1.0).abs() < 0.01, "prices are as quoted: {line}");
        let coins = if cells[column("side")] == "buy" { quantity } else { -quantity };
        *(if is_spot { &mut spot } else { &mut perp }) += coins;
        assert!(quantity > 1e6, "coins, not contracts: {line}");
    }
    assert!(spot.abs() < 1e7 && perp.abs() < 1e-3, "both legs are closed: {spot} {perp}");
    let (code, text, _) = carry(&["data", "list", "--data", named.path().to_str().unwrap()]);
    assert!(code == 0 && text.contains("binance:1000PEPEUSDT: a contract is 1000 coins; spot leg PEPEUSDT"), "{text}");
    assert_eq!(verified(named.path()).0, 0);
    assert_eq!(stats(named.path()).1["rows"][0]["symbol"], "1000PEPEUSDT");
    let strategy = repo("strategies/anchor.toml");
    let why = ["why", "binance:1000PEPEUSDT", "--data", named.path().to_str().unwrap(), "--strategy", &strategy];
    let (code, text, problems) = carry(&why);
    assert!(code == 0 && text.contains("binance:1000PEPEUSDT"), "{text}{problems}");

    // By the rules of the folder, with the symbol of the perp for both legs.
    let stated = bundled("1000PEPEUSDT", "1000PEPEUSDT", 0.000_008, 0.008);
    rules(stated.path(), "symbol,market,coin,multiplier\n1000PEPEUSDT,perp,PEPE,1000\n1000PEPEUSDT,spot,PEPE,\n");
    assert_eq!(backtest(stated.path(), &[])["pnl"], summary["pnl"]);
    assert_eq!(verified(stated.path()).0, 0);
    // A fixed quantity is in coins.
    let fixed = backtest(named.path(), &["--set", "size.quantity=1000000PEPE"]);
    assert_eq!(fixed["round_trips"], 1, "{fixed}");
    let funding: f64 = line(&fixed, "funding").parse().unwrap();
    let settlements = fixed["pnl"]["funding"].as_str().unwrap();
    assert!(
        (funding / 0.004).fract() < 1e-9 && funding < 1.0,
        "1000 contracts x 0.008 x 0.0005 each time: {settlements}"
    );
    // Prices that do not confirm the multiplier are refused by name.
    let wrong = bundled("PEPEUSDT", "1000PEPEUSDT", 0.008, 0.008);
    let (code, _, problems) =
        carry(&["backtest", "--data", wrong.path().to_str().unwrap(), "--strategy", &strategy, "--json"]);
    assert_eq!(code, 2);
    assert!(
        problems.contains("its perp costs 1.000000 times its spot PEPEUSDT, expected 1000 within 20 %"),
        "{problems}"
    );
    assert_eq!(verified(wrong.path()).0, 3);
}

#[test]
fn u02_a_sample_carries_every_command_from_a_clone_alone() {
    let desk = tempfile::tempdir().unwrap();
    let at = |name: &str| desk.path().join(name).display().to_string();
    let (code, text, problems) = carry(&["data", "sample", &at("sample")]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(text.contains("no real history") && text.contains("next: carry backtest --data"), "{text}");
    let (code, _, problems) = carry(&["data", "sample", &at("sample")]);
    assert!(code == 2 && problems.contains("something is there already"), "{problems}");
    // The same seed, the same bytes.
    let (code, report, _) = carry(&["data", "sample", &at("again"), "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["schema"]), (0, &"carry.data.sample/1".into()));
    for file in report["files"].as_array().unwrap() {
        let read = |folder: &str| std::fs::read(desk.path().join(folder).join(file.as_str().unwrap())).unwrap();
        assert_eq!(read("sample"), read("again"), "{file}");
    }
    let data = desk.path().join("sample");
    let (code, verified) = verified(&data);
    assert_eq!((code, &verified["ok"]), (0, &true.into()), "{verified}");
    assert_eq!(stats(&data).1["rows"].as_array().unwrap().len(), 9);
    let (code, _, problems) = carry(&["check", &repo("strategies/anchor.toml")]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let out = at("out");
    let summary = backtest(&data, &["--out", &out]);
    assert!(summary["round_trips"].as_u64().unwrap() >= 1, "{summary}");
    assert_eq!(summary["pnl"]["unexplained"], "0");
    assert!(desk.path().join("out/report.html").is_file());
    let strategy = repo("strategies/anchor.toml");
    let (code, text, _) = carry(&["why", "--data", data.to_str().unwrap(), "--strategy", &strategy]);
    assert!(code == 0 && text.contains("alpha:BTCUSDT"), "{text}");
}
