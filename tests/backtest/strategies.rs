//! Two strategies on one capital over history: each trades what it would alone with its part, and neither takes the other's.

use super::audit::{audited_in, traded};
use super::files::{Bar, Paid, carry, csv_rows, text, write_candles, write_funding};
use std::path::{Path, PathBuf};

/// 2025-01-01T00:00Z.
const START: i64 = 1_735_689_600_000;
const HOUR: i64 = 3_600_000;
/// Hours of the history, and the hour from which the late pair pays.
const HOURS: i64 = 960;
const LATE: i64 = 480;

/// Pairs that pay from the start, one that pays from the middle on, and one that pays and then costs.
fn folder(root: &Path) {
    for symbol in ["AAAUSDT", "BBBUSDT", "LATEUSDT", "TURNUSDT"] {
        let bar = |hour: i64| {
            let swing = |hour: i64| 100.0 + f64::from(i32::try_from(hour % 2).unwrap()) / 10.0;
            let (open, close) = (swing(hour), swing(hour + 1));
            Bar { at: START + hour * HOUR, prices: [open, open.max(close), open.min(close), close], volume: 1e7 }
        };
        let bars: Vec<Bar> = (0..HOURS).map(bar).collect();
        for market in ["spot", "perp"] {
            write_candles(&root.join(format!("klines/binance-{market}/{symbol}-1h.parquet")), &bars, true);
        }
        let rate = |hour: i64| match symbol {
            "LATEUSDT" if hour < LATE => "0",
            "TURNUSDT" if hour >= LATE => "-0.0005",
            _ => "0.0005",
        };
        let paid =
            |place: i64| Paid { at: START + place * 8 * HOUR, rate: rate(place * 8).to_owned(), mark: String::new() };
        write_funding(
            &root.join(format!("funding/binance/{symbol}.csv")),
            &(0..HOURS / 8).map(paid).collect::<Vec<_>>(),
        );
    }
}

/// A run of these strategies, each with its pairs, its part of the capital and further lines.
struct Ran {
    summary: serde_json::Value,
    fills: Vec<Vec<String>>,
    out: tempfile::TempDir,
}

const COMMON: &str = "[size]\nper_pair = \"100%\"\nper_coin = \"100%\"\nshare = \"95%\"\n[signal]\nsmooth = \"1d\"\n[exit]\nmin_hold = \"1d\"\n";

/// Name, coins and part of the capital of a strategy.
type Of<'a> = (&'a str, &'a [&'a str], &'a str);

fn file(folder: &Path, (name, pairs, capital): Of<'_>, more: &str) -> PathBuf {
    let pairs: Vec<String> = pairs.iter().map(|pair| format!("\"binance:{pair}USDT\"")).collect();
    // Whole sizes at once, where a strategy has no clips of its own.
    let clips = "[risk]\nmax_order = \"200000usd\"\n[execution]\nclip = \"200000usd\"\n";
    let more = if more.contains("[execution]") { more } else { clips };
    let text = format!(
        "[strategy]\nrule = \"anchor\"\npairs = [{}]\ncapital = \"{capital}\"\n{COMMON}{more}",
        pairs.join(", ")
    );
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

impl Ran {
    fn of(root: &Path, strategies: &[(Of<'_>, &str)], set: &[&str]) -> Self {
        let out = tempfile::tempdir().unwrap();
        let files = strategies.iter().map(|(of, more)| file(out.path(), *of, more).display().to_string());
        let files: Vec<String> = files.collect();
        let (data, dir) = (root.display().to_string(), out.path().join("out").display().to_string());
        let mut arguments = vec!["backtest", "--data", &data, "--json", "--out", &dir];
        arguments.extend(files.iter().flat_map(|file| ["--strategy", file]));
        arguments.extend(set.iter().flat_map(|one| ["--set", one]));
        let run = carry(&arguments);
        let summary = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)));
        let fills = csv_rows(&out.path().join("out/fills.csv"));
        let ran = Self { summary, fills, out };
        assert_eq!(ran.summary["pnl"]["unexplained"], "0");
        ran
    }

    fn cell<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        let place = self.fills[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("{:?}", self.fills[0]));
        &row[place]
    }

    /// Fills of one pair: when, leg, side, coins, price.
    fn of_pair(&self, pair: &str) -> Vec<[String; 5]> {
        let name = format!("binance:{pair}USDT");
        let head = &self.fills[0];
        let columns = [head[0].as_str(), "leg", "side", "qty", "price"];
        let rows = self.fills.iter().skip(1).filter(|row| self.cell(row, "pair") == name);
        rows.map(|row| columns.map(|column| self.cell(row, column).to_owned())).collect()
    }

    /// Value of the coins that a pair's first entry bought.
    fn bought(&self, pair: &str) -> f64 {
        let number = |text: &String| text.parse::<f64>().unwrap();
        let rows = self.of_pair(pair);
        rows.iter().filter(|row| row[1] == "spot" && row[2] == "buy").map(|row| number(&row[3]) * number(&row[4])).sum()
    }
}

const ONE: Of<'_> = ("one", &["AAA", "BBB"], "30%");
const TWO: Of<'_> = ("two", &["LATE"], "70%");

#[test]
fn each_of_two_strategies_trades_what_it_would_alone_with_its_part() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path());
    let both = Ran::of(root.path(), &[(ONE, ""), (TWO, "")], &[]);
    let alone = [Ran::of(root.path(), &[(ONE, "")], &[]), Ran::of(root.path(), &[(TWO, "")], &[])];
    for (pair, alone) in [("AAA", &alone[0]), ("BBB", &alone[0]), ("LATE", &alone[1])] {
        assert_eq!(both.of_pair(pair), alone.of_pair(pair), "{pair}");
    }
    // Two thirds of nothing are not much of a proof: both did trade, the second one after the first was at its part.
    assert!((13_500.0..14_300.0).contains(&(both.bought("AAA") + both.bought("BBB"))), "{}", both.bought("AAA"));
    assert!((32_500.0..33_300.0).contains(&both.bought("LATE")), "{}", both.bought("LATE"));
    let row = |name: &str| both.summary["strategies"][name].clone();
    assert_eq!((row("one")["capital"].as_str(), row("two")["capital"].as_str()), (Some("30000"), Some("70000")));
    assert_eq!(row("two")["pairs"], serde_json::json!(["binance:LATEUSDT"]));
    let total = |lines: &serde_json::Value| -> f64 {
        let lines = lines.as_object().unwrap().values();
        lines.map(|amount| amount.as_str().unwrap().parse::<f64>().unwrap()).sum()
    };
    let parts = total(&row("one")["pnl"]) + total(&row("two")["pnl"]);
    assert!((parts - total(&both.summary["pnl"])).abs() < 1e-6, "{parts}");
    let page = std::fs::read_to_string(both.out.path().join("out/report.html")).unwrap();
    assert!(page.contains(">binance:AAAUSDT, binance:BBBUSDT</td>"), "the report says whose each pair is");
}

#[test]
fn a_strategy_that_would_take_everything_leaves_the_part_of_the_other() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path());
    // The first could use the whole account twice over and is at work long before the other is.
    let greedy = ("one", &["AAA", "BBB"][..], "50000usd");
    let late = ("two", &["LATE"][..], "50000usd");
    let ran = Ran::of(root.path(), &[(greedy, ""), (late, "")], &[]);
    let (first, second) = (ran.bought("AAA") + ran.bought("BBB"), ran.bought("LATE"));
    assert!((22_500.0..23_800.0).contains(&first), "{first}");
    assert!((second - first).abs() < 500.0, "{second} after {first}");
    assert!(2.0 * (first + second) <= 100_000.0, "never more than the account has");
    // A limit of one is of its pairs alone, and the other has its part as before.
    let own = "[risk]\nmax_total = \"10000usd\"\nmax_pair = \"10000usd\"\nmax_order = \"10000usd\"\n[execution]\nclip = \"10000usd\"\n";
    let small = Ran::of(root.path(), &[(greedy, own), (late, "")], &[]);
    let first = small.bought("AAA") + small.bought("BBB");
    assert!((9_000.0..=10_050.0).contains(&first), "{first}");
    assert!((small.bought("LATE") - second).abs() < 500.0, "{}", small.bought("LATE"));
    // A limit of all together binds both, whichever comes first.
    let capped = Ran::of(
        root.path(),
        &[(greedy, ""), (late, "")],
        &["risk.max_total=30000usd", "risk.max_pair=30000usd", "risk.max_order=30000usd", "execution.clip=30000usd"],
    );
    let all = capped.bought("AAA") + capped.bought("BBB") + capped.bought("LATE");
    assert!((22_000.0..=30_100.0).contains(&all), "{all}");
}

#[test]
fn the_books_of_two_strategies_are_those_of_an_independent_accountant() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path());
    let turn = ("one", &["TURN", "AAA"][..], "40%");
    let late = ("two", &["LATE"][..], "60%");
    let out = tempfile::tempdir().unwrap();
    let files = [file(out.path(), turn, ""), file(out.path(), late, "")];
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    traded(&audited_in(root.path(), &files[0], &["--strategy", &files[1]]));
    let data = root.path().display().to_string();
    let why = ["why", "--data", &data, "--strategy", &files[0], "--strategy", &files[1], "--json"];
    let why: serde_json::Value = serde_json::from_slice(&carry(&why).stdout).unwrap();
    let whose = |row: &serde_json::Value| (row["pair"].to_string(), row["strategy"].to_string());
    let rows: Vec<(String, String)> = why["pairs"].as_array().unwrap().iter().map(whose).collect();
    assert!(rows.contains(&("\"binance:TURNUSDT\"".to_owned(), "\"one\"".to_owned())), "{rows:?}");
    assert!(rows.contains(&("\"binance:LATEUSDT\"".to_owned(), "\"two\"".to_owned())), "{rows:?}");
}
