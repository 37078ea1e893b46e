//! Bad input: each row is one thing broken, the exact message and the exit code. Nothing is left half-written.

use super::files::{carry, repo, text, write_columns};
use super::series::{HOUR, START, make, write};
use std::fs;
use std::path::{Path, PathBuf};

const SPOT: &str = "klines/binance-spot/GENUSDT-1h.parquet";
const FUNDING: &str = "funding/binance/GENUSDT.csv";

/// A folder with one good pair, to be broken.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&make(1), &folder.path().join("data"), "GENUSDT");
        fs::write(folder.path().join("s.toml"), "[strategy]\nrule = \"anchor\"\n").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Runs a backtest; the message must be `expected`, in which `DIR` stands for the folder.
    fn check(&self, options: &[&str], code: i32, expected: &str) {
        let (data, strategy) = (self.data().display().to_string(), self.path("s.toml").display().to_string());
        let out = self.path("out").display().to_string();
        let mut arguments = vec!["backtest", "--data", &data, "--strategy", &strategy];
        if !options.contains(&"--out") {
            arguments.extend(["--out", &out]);
        }
        arguments.extend(options);
        let run = carry(&arguments);
        let said = text(&run.stderr).replace(&self.folder.path().display().to_string(), "DIR");
        assert_eq!(
            (said.as_str(), run.status.code()),
            (format!("carry: {expected}\n").as_str(), Some(code)),
            "{options:?}"
        );
        assert_eq!(text(&run.stdout), "", "{options:?}");
        assert!(!self.path("out").exists(), "{options:?} left something behind");
    }
}

/// One thing broken in a strategy file.
#[test]
fn h01_h02_a_wrong_strategy_names_line_key_and_what_was_expected() {
    let check = |strategy: &str, expected: &str| {
        let bench = Bench::new();
        fs::write(bench.path("s.toml"), strategy).unwrap();
        bench.check(&[], 2, &format!("the configuration is wrong\n{expected}"));
    };
    check("[entry\nfunding = \"0.01%/8h\"\n", "DIR/s.toml:1: is not TOML here: unclosed table, expected `]`");
    check("[entry]\nfundng = \"0.01%/8h\"\n", "DIR/s.toml:2: unknown key entry.fundng; did you mean entry.funding?");
    check(
        "[entry]\nfunding = 0.01\n",
        "DIR/s.toml:2: entry.funding = 0.01 is a bare number without a unit; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
    );
    check(
        "[entry]\nfunding = \"5bps\"\n",
        "DIR/s.toml:2: entry.funding = \"5bps\" is not a funding rate; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
    );
    check(
        "[entry]\nfunding = \"0.01%/3h\"\n",
        "DIR/s.toml:2: entry.funding = \"0.01%/3h\" is not a funding rate; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
    );
    check("[size]\nleverage = \"50x\"\n", "DIR/s.toml:2: size.leverage = \"50x\" is out of range; expected 0.1x to 3x");
    check(
        "[exit]\nmin_hold = \"-1d\"\n",
        "DIR/s.toml:2: exit.min_hold = \"-1d\" is not a length of time; expected a whole number of d, h, m, s or ms, for example \"8h\"",
    );
    check(
        "[entry]\nfunding = \"1e400%/8h\"\n",
        "DIR/s.toml:2: entry.funding = \"1e400%/8h\" is not a funding rate; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
    );
    check(
        "[entry]\nfunding = \"NaN\"\n",
        "DIR/s.toml:2: entry.funding = \"NaN\" is not a funding rate; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
    );
    check(
        "[entry]\nfunding = \"\"\n",
        "DIR/s.toml:2: entry.funding = \"\" is not a funding rate; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
    );
    check(
        "[strategy]\nrule = \"ancor\"\n",
        "DIR/s.toml:2: strategy.rule = \"ancor\" is not one of its words; expected one of \"anchor\", \"value\"",
    );
    check(
        "[entry]\nfunding = \"0.001%/8h\"\n",
        "DIR/s.toml:2: exit.funding (0.002%/8h, default) must be at most entry.funding (0.001%/8h, DIR/s.toml:2) plus entry.margin (0%/8h, default): else a pair is closed as soon as it is opened",
    );
}

/// Wrong arguments.
#[test]
fn h01_wrong_arguments_exit_2_and_say_what_was_expected() {
    let bench = Bench::new();
    fs::write(bench.path("taken"), "mine").unwrap();
    let taken = bench.path("taken").display().to_string();
    let (strategy, data) = (bench.path("none.toml").display().to_string(), bench.path("none").display().to_string());
    let empty = bench.path("empty").display().to_string();
    fs::create_dir(bench.path("empty")).unwrap();
    bench.check(
        &["--from", "2024-03-01", "--to", "2024-02-01"],
        2,
        "--from 2024-03-01T00:00:00Z is after --to 2024-02-01T23:59:59.999Z; expected an earlier time",
    );
    bench.check(
        &["--from", "1 March"],
        2,
        "--from \"1 March\": expected UTC such as 2025-05-31T08:00Z, or a date such as 2025-05-31",
    );
    bench.check(
        &["--to", "2023-01-01"],
        2,
        "no pair has bars within the given times; bars exist from 2024-01-01T00:00:00Z to 2024-04-09T23:00:00Z",
    );
    bench.check(&["--set", "strategy.pairs=[\"binance:GENUSDT\"]", "--to", "2023-01-01"], 2, "binance:GENUSDT has no bars common to both legs to 2023-01-01T23:59:59.999Z; they exist from 2024-01-01T00:00:00Z to 2024-04-09T23:00:00Z");
    bench.check(&["--capital", "100000"], 2, "the configuration is wrong\n--set: run.capital = 100000 is a bare number without a unit; expected an amount with its currency (usdt, usdc, fdusd, usd1 or usd), for example \"2500usd\"");
    bench.check(
        &["--set", "entry.fundin=0.01%/8h"],
        2,
        "the configuration is wrong\n--set: unknown key entry.fundin; did you mean entry.funding?",
    );
    bench.check(
        &["--set", "entry.funding"],
        2,
        "the configuration is wrong\n--set: entry.funding is not key=value, for example --set entry.funding=0.02%/8h",
    );
    bench.check(&["--set", "strategy.pairs=[\"binance:GENUSD\"]"], 2, "binance:GENUSD cannot be priced: funding/binance/GENUSD.csv and klines/binance-spot/GENUSD-STEP.parquet and klines/binance-perp/GENUSD-STEP.parquet are missing in DIR/data; did you mean binance:GENUSDT?");
    bench.check(&["--set", "strategy.pairs=[\"binance:../GENUSDT\"]"], 2, "binance:../GENUSDT cannot be priced: funding/binance/../GENUSDT.csv and klines/binance-spot/../GENUSDT-STEP.parquet and klines/binance-perp/../GENUSDT-STEP.parquet are missing in DIR/data; did you mean binance:GENUSDT?");
    bench.check(&["--out", &taken], 2, "--out DIR/taken: is a file; expected a folder, which may not exist yet");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    let run = |options: &[&str]| {
        let run = carry(options);
        (text(&run.stderr).replace(&bench.folder.path().display().to_string(), "DIR"), run.status.code())
    };
    let anchor = repo("strategies/anchor.toml");
    let good = bench.data().display().to_string();
    assert_eq!(
        run(&["backtest", "--data", &good, "--strategy", &strategy]),
        ("carry: the configuration is wrong\nDIR/none.toml: there is no such file\n".to_owned(), Some(2))
    );
    assert_eq!(
        run(&["backtest", "--data", &data, "--strategy", &anchor]),
        (
            "carry: --data DIR/none: No such file or directory (os error 2); expected a folder of history\n".to_owned(),
            Some(2)
        )
    );
    assert_eq!(
        run(&["backtest", "--data", &empty, "--strategy", &anchor]),
        (
            "carry: --data DIR/empty: is not a folder of history: expected `funding/` and `klines/` in it\n".to_owned(),
            Some(2)
        )
    );
    let file = bench.path("s.toml").display().to_string();
    let expected = "carry: --data DIR/s.toml: Not a directory (os error 20); expected a folder of history\n";
    assert_eq!(run(&["backtest", "--data", &file, "--strategy", &anchor]), (expected.to_owned(), Some(2)));
}

/// One thing broken in the funding file: the text of one line replaced.
#[test]
#[expect(clippy::too_many_lines, reason = "one row for each mistake: a table")]
fn x02_a_wrong_funding_file_names_line_column_and_what_was_expected() {
    let check = |change: &dyn Fn(&mut Vec<String>), expected: &str| {
        let bench = Bench::new();
        let file = bench.data().join(FUNDING);
        let mut lines: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
        change(&mut lines);
        fs::write(&file, lines.join("\n")).unwrap();
        bench.check(&[], 1, expected);
    };
    let stamp = START + 8 * HOUR;
    check(
        &|lines| lines[2] = format!("{stamp},NaN,100"),
        "DIR/data/funding/binance/GENUSDT.csv:3:15: rate \"NaN\" is not a plain decimal number; expected a plain fraction such as 0.0001 for 0.01 %",
    );
    check(
        &|lines| lines[2] = format!("{stamp},1e400,100"),
        "DIR/data/funding/binance/GENUSDT.csv:3:15: rate \"1e400\" is not a plain decimal number; expected a plain fraction such as 0.0001 for 0.01 %",
    );
    check(
        &|lines| lines[2] = format!("{stamp},,100"),
        "DIR/data/funding/binance/GENUSDT.csv:3:15: rate is empty; expected a plain fraction such as 0.0001 for 0.01 %",
    );
    check(
        &|lines| lines[2] = format!("{stamp},0.0001,-5"),
        "DIR/data/funding/binance/GENUSDT.csv:3:22: mark_price \"-5\" must be greater than zero; expected a price above zero with at most 8 decimals, or nothing",
    );
    check(
        &|lines| lines[2] = format!("{stamp},0.0001,0"),
        "DIR/data/funding/binance/GENUSDT.csv:3:22: mark_price \"0\" must be greater than zero; expected a price above zero with at most 8 decimals, or nothing",
    );
    check(
        &|lines| lines[2] = format!("{stamp},0.0001"),
        "DIR/data/funding/binance/GENUSDT.csv:3:1: the line has 2 fields, expected at least 3",
    );
    check(
        &|lines| lines[2] = "1704067,0.0001,100".to_owned(),
        "DIR/data/funding/binance/GENUSDT.csv:3:1: ts_ms \"1704067\" is not a plausible time; expected UTC milliseconds between 2009 and 2100, such as 1735689600000",
    );
    check(
        &|lines| lines[2] = ",0.0001,100".to_owned(),
        "DIR/data/funding/binance/GENUSDT.csv:3:1: ts_ms is empty; expected UTC milliseconds between 2009 and 2100, such as 1735689600000",
    );
    check(
        &|lines| lines[2] = format!("0.0001,{stamp},100"),
        "DIR/data/funding/binance/GENUSDT.csv:3:1: ts_ms \"0.0001\" is not a whole number; expected UTC milliseconds between 2009 and 2100, such as 1735689600000",
    );
    check(
        &|lines| lines[0] = "rate,ts_ms,mark_price".to_owned(),
        "DIR/data/funding/binance/GENUSDT.csv:2:15: ts_ms \"0.000134\" is not a whole number; expected UTC milliseconds between 2009 and 2100, such as 1735689600000",
    );
    check(
        &|lines| lines[0] = "ts_ms,mark_price".to_owned(),
        "DIR/data/funding/binance/GENUSDT.csv: has no column `rate`; it has ts_ms, mark_price",
    );
    check(
        &|lines| lines[0] = "ts_ms,rate,rate".to_owned(),
        "DIR/data/funding/binance/GENUSDT.csv:1:12: column `rate` stands there twice",
    );
    check(
        &|lines| {
            lines[2] = format!("{stamp},0.0001,100");
            lines[3] = format!("{stamp},0.0002,100");
        },
        "DIR/data/funding/binance/GENUSDT.csv:4:1: the settlement of 2024-01-01T08:00:00Z has rate 0.0001 in line 3 and, 0 ms later, rate 0.0002 here; expected one rate",
    );
    check(
        &|lines| lines.swap(2, 3),
        "DIR/data/funding/binance/GENUSDT.csv:4:1: ts_ms 1704096000000 (2024-01-01T08:00:00Z) is before the line above; stamps must rise",
    );
    check(
        &|lines| lines.clear(),
        "DIR/data/funding/binance/GENUSDT.csv:1:1: the file is empty; expected the header `ts_ms,rate,mark_price`",
    );
}

/// One thing broken in the candles of spot.
#[test]
fn x02_b17_wrong_candles_name_row_column_and_what_was_expected() {
    let check = |stamps: &[i64], columns: &[(&str, Vec<f64>)], expected: &str| {
        let bench = Bench::new();
        write_columns(&bench.data().join(SPOT), stamps, columns);
        bench.check(&[], 1, expected);
    };
    let hours = |list: [i64; 3]| list.map(|hour| START + hour * HOUR);
    let names = ["open", "high", "low", "close", "volume"];
    let with = |name: &'static str, values: [f64; 3]| {
        names.map(|column| (column, if column == name { values } else { [100.0; 3] }.to_vec())).to_vec()
    };
    let good = || with("volume", [1.0; 3]);
    check(
        &hours([0, 1, 1]),
        &good(),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 3: ts_ms 1704070800000 (2024-01-01T01:00:00Z) stands there twice; stamps must rise",
    );
    check(
        &hours([0, 2, 1]),
        &good(),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 3: ts_ms 1704070800000 (2024-01-01T01:00:00Z) is before the row above (2024-01-01T02:00:00Z); stamps must rise",
    );
    check(
        &[START, START + HOUR, START + 2 * HOUR + 5],
        &good(),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 3: ts_ms 1704074400005 (2024-01-01T02:00:00.005Z) is not the start of a 1h bar",
    );
    check(
        &[START / 1_000, START, START + HOUR],
        &good(),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 1: ts_ms 1704067200 is not a plausible time; expected UTC milliseconds between 2009 and 2100, such as 1735689600000",
    );
    check(
        &hours([0, 1, 2]),
        &with("close", [100.0, f64::NAN, 100.0]),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 2: close NaN is not a plain decimal number; expected a price above zero with at most 8 decimals",
    );
    check(
        &hours([0, 1, 2]),
        &with("open", [100.0, f64::INFINITY, 100.0]),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 2: open inf is not a plain decimal number; expected a price above zero with at most 8 decimals",
    );
    check(
        &hours([0, 1, 2]),
        &with("low", [100.0, 100.0, 0.0]),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 3: low 0 must be greater than zero; expected a price above zero with at most 8 decimals",
    );
    check(
        &hours([0, 1, 2]),
        &with("high", [-1.0, 100.0, 100.0]),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 1: high -1 must be greater than zero; expected a price above zero with at most 8 decimals",
    );
    check(
        &hours([0, 1, 2]),
        &with("close", [100.0, 100.0, 1e300]),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 3: close 1e300 is longer than 40 characters; expected a price above zero with at most 8 decimals",
    );
    check(
        &hours([0, 1, 2]),
        &with("volume", [1.0, -1.0, 1.0]),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: row 2: volume -1 is below zero; expected a number of coins, zero or more",
    );
    check(
        &hours([0, 1, 2]),
        &good()[1..],
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: has no column `open`; it has ts_ms, high, low, close, volume",
    );
}

#[test]
fn x06_a_file_that_is_no_whole_parquet_file_is_named() {
    let check = |change: &dyn Fn(&Path), expected: &str| {
        let bench = Bench::new();
        change(&bench.data().join(SPOT));
        bench.check(&[], 1, expected);
    };
    let cut = |file: &Path, keep: usize| {
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..bytes.len() * keep / 100]).unwrap();
    };
    check(
        &|file| cut(file, 60),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: is not a whole Parquet file: Parquet error: Invalid Parquet file. Corrupt footer",
    );
    check(
        &|file| cut(file, 0),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: is not a whole Parquet file: EOF: Parquet file too small. Size is 0 but need 8",
    );
    check(
        &|file| fs::write(file, "ts_ms,open\n1,2\n").unwrap(),
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: is not a whole Parquet file: Parquet error: Invalid Parquet file. Corrupt footer",
    );
    check(
        &|file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        },
        "DIR/data/klines/binance-spot/GENUSDT-1h.parquet: is not a regular file",
    );
}

#[test]
fn g21_a_report_that_cannot_be_written_leaves_nothing() {
    let bench = Bench::new();
    fs::write(bench.path("file"), "").unwrap();
    let out = bench.path("file/out").display().to_string();
    let (data, strategy) = (bench.data().display().to_string(), bench.path("s.toml").display().to_string());
    let run = carry(&["backtest", "--data", &data, "--strategy", &strategy, "--out", &out]);
    assert_eq!(run.status.code(), Some(1));
    let said = text(&run.stderr);
    assert!(said.starts_with("carry: cannot create ") && said.ends_with("Not a directory (os error 20)\n"), "{said}");
    // A folder in the place of one of the files: what was there stays, and no draft is left.
    let out = bench.path("out");
    fs::create_dir_all(out.join("report.html/mine")).unwrap();
    let run = carry(&["backtest", "--data", &data, "--strategy", &strategy, "--out", &out.display().to_string()]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stdout));
    assert!(text(&run.stderr).starts_with("carry: cannot replace "), "{}", text(&run.stderr));
    assert!(out.join("report.html/mine").is_dir() && !out.join("summary.json").exists());
    assert!(fs::read_dir(&out).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn a_run_leaves_all_its_files_or_none() {
    let bench = Bench::new();
    let out = bench.path("deep/out");
    let (data, strategy) = (bench.data().display().to_string(), bench.path("s.toml").display().to_string());
    let run = carry(&["backtest", "--data", &data, "--strategy", &strategy, "--out", &out.display().to_string()]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["equity.csv", "fills.csv", "funding.csv", "report.html", "summary.json", "trips.csv"]);
}
