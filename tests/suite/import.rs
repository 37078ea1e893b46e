//! `carry data import`: files as people have them, made here in the documented shapes, with a preview and nothing on doubt.
#![expect(clippy::unwrap_used, clippy::format_collect, reason = "helpers of tests stop at the first surprise")]

use carry::data::candles::read_candles;
use carry::data::funding::read_funding;
use carry::domain::{Interval, Price, Rate, Span};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const START: i64 = 1_735_689_600_000;
const HOUR: i64 = 3_600_000;

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("history")
    }

    /// A file of the desk; folders are made.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn zipped(&self, name: &str, text: &str) -> String {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let entry = Path::new(name).file_name().unwrap().to_str().unwrap().replace(".zip", ".csv");
        archive.start_file(entry, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
        self.file(name, &archive.finish().unwrap().into_inner())
    }

    /// Imports; exit code, report, standard error.
    fn import(&self, files: &[&str], more: &[&str]) -> (i32, Value, String) {
        let data = self.data().display().to_string();
        let mut args = vec!["data", "import", "--json", "--data", &data];
        args.extend(files);
        if !more.contains(&"--venue") {
            args.extend(["--venue", "binance"]);
        }
        args.extend(more);
        let done = Command::new(env!("CARGO_BIN_EXE_carry")).args(&args).output().unwrap();
        let problems = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code().unwrap(), serde_json::from_slice(&done.stdout).unwrap_or(Value::Null), problems)
    }
}

/// Thirty settlements in the words of a shape.
fn rows(row: impl Fn(i64) -> String) -> String {
    (0..30).map(|number| row(START + number * 8 * HOUR) + "\n").collect()
}

fn kline(at: i64, factor: i64) -> String {
    let (opened, closed) = (at * factor, (at + HOUR) * factor - 1);
    format!("{opened},100.5,102.25,99.75,101.25,12.5,{closed},1265.6,42,6.2,627.7,0")
}

#[test]
fn u10_vision_archives_are_read_with_and_without_header_in_every_unit() {
    let desk = Desk::new();
    let text = "calc_time,funding_interval_hours,last_funding_rate\n".to_owned()
        + &rows(|at| format!("{},8,0.00010000", at + 3));
    let funding = desk.zipped("BTCUSDT-fundingRate-2025-01.zip", &text);
    let (code, report, problems) = desk.import(&[&funding], &[]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert_eq!((&report["schema"], &report["written"]), (&"carry.data.import/1".into(), &false.into()));
    let source = &report["sources"][0];
    assert_eq!(
        (&source["symbol"], &source["rows"], &source["times_in"]),
        (&"BTCUSDT".into(), &30.into(), &"ms".into())
    );
    assert_eq!((&source["first"], &report["files"][0]["added"]), (&"2025-01-01T00:00:00.003Z".into(), &30.into()));
    assert!(!desk.data().exists(), "a preview writes nothing");
    let (code, report, _) = desk.import(&[&funding], &["--yes"]);
    assert_eq!(
        (code, &report["written"], &report["files"][0]["file"]),
        (0, &true.into(), &"funding/binance/BTCUSDT.csv".into())
    );
    let read = read_funding(&desk.data().join("funding/binance/BTCUSDT.csv")).unwrap();
    assert_eq!((read.len(), read[0].rate, read[0].interval), (30, Rate::parse("0.0001").unwrap(), Some(Interval::H8)));
    // Again, without the header: everything is known.
    let bare = desk.file("BTCUSDT-fundingRate-2025-02.csv", rows(|at| format!("{at},8,0.0001")).as_bytes());
    let (code, report, _) = desk.import(&[&bare], &["--yes"]);
    assert_eq!((code, &report["files"][0]["added"], &report["files"][0]["known"]), (0, &0.into(), &30.into()));

    // Candles of spot in microseconds, of perp in milliseconds with a header, mark in seconds.
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";
    let hours = |factor| -> String { (0..48).map(|hour| kline(START + hour * HOUR, factor) + "\n").collect() };
    let spot = desk.zipped("data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01.zip", &hours(1_000));
    let perp = desk
        .zipped("data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01.zip", &(header.to_owned() + &hours(1)));
    let seconds: String =
        (0..48).map(|hour| format!("{},1,2,1,2,0,0,0,0,0,0,0\n", START / 1_000 + hour * 3_600)).collect();
    let mark =
        desk.file("data/futures/um/daily/markPriceKlines/BTCUSDT/1h/BTCUSDT-1h-2025-01-01.csv", seconds.as_bytes());
    let premium: String =
        (0..48).map(|hour| format!("{},-0.0001,0.0002,-0.0003,0.0001,0,0,0,0,0,0,0\n", START + hour * HOUR)).collect();
    let premium = desk.zipped("x/premiumIndexKlines/BTCUSDT/1h/BTCUSDT-1h-2025-01.zip", &premium);
    let (code, report, problems) = desk.import(&[&spot, &perp, &mark, &premium], &["--yes"]);
    assert_eq!((code, problems.as_str()), (0, ""), "{report}");
    let units: Vec<&Value> = report["sources"].as_array().unwrap().iter().map(|one| &one["times_in"]).collect();
    assert_eq!(units, ["us", "ms", "s", "ms"]);
    for market in ["spot", "perp", "mark"] {
        let file = desk.data().join(format!("klines/binance-{market}/BTCUSDT-1h.parquet"));
        assert_eq!(read_candles(&file, Span::HOUR).unwrap().len(), 48, "{market}");
    }
    let file = desk.data().join("klines/binance-spot/BTCUSDT-1h.parquet");
    let read = read_candles(&file, Span::HOUR).unwrap();
    assert_eq!((read.opened[0].0, read.close[47]), (START, Price::parse("101.25").unwrap()));
    assert!(desk.data().join("klines/binance-premium/BTCUSDT-1h.parquet").is_file());
}

#[test]
fn u10_answers_of_exchanges_and_ccxt_dumps_are_read() {
    let list =
        |row: &dyn Fn(i64) -> Value| -> Vec<Value> { (0..30).map(|number| row(START + number * 8 * HOUR)).collect() };
    let shapes = [
        (
            "binance",
            json!(list(
                &|at| json!({"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": "0.00010000", "markPrice": "100.25000000"})
            )),
        ),
        (
            "okx",
            json!({"code": "0", "data": list(&|at| json!({"instId": "BTC-USDT-SWAP", "fundingRate": "0.0003", "realizedRate": "0.0001", "fundingTime": at.to_string()}))}),
        ),
        (
            "bybit",
            json!({"retCode": 0, "result": {"category": "linear", "list": list(&|at| json!({"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": at.to_string()}))}}),
        ),
        (
            "hyperliquid",
            json!(list(&|at| json!({"coin": "BTC", "fundingRate": "0.0001", "premium": "0.0002", "time": at}))),
        ),
        ("gate", json!(list(&|at| json!({"t": at / 1_000, "r": "0.0001"})))),
        (
            "bitmex",
            json!(list(
                &|at| json!({"timestamp": carry::domain::WallTime(at).to_string(), "symbol": "XBTUSDT", "fundingRate": 0.0001})
            )),
        ),
        (
            "ccxt",
            json!(list(
                &|at| json!({"info": {"x": [1]}, "symbol": "BTC/USDT:USDT", "fundingRate": 0.0001, "timestamp": at, "datetime": "2025-01-01T00:00:00.000Z"})
            )),
        ),
    ];
    for (venue, shape) in shapes {
        let desk = Desk::new();
        let file = desk.file("dump.json", format!("\u{feff}{shape}").as_bytes());
        let more: &[&str] = match venue {
            "gate" | "okx" => &["--symbol", "BTCUSDT", "--yes", "--venue", venue],
            _ => &["--yes", "--venue", venue],
        };
        let (code, report, problems) = desk.import(&[&file], more);
        assert_eq!((code, problems.as_str()), (0, ""), "{venue}: {report}");
        let read = read_funding(&desk.data().join(report["files"][0]["file"].as_str().unwrap())).unwrap();
        assert_eq!((read.len(), read[29].rate), (30, Rate::parse("0.0001").unwrap()), "{venue}");
        assert_eq!(read[3].stamp.0, START + 24 * HOUR, "{venue}");
    }
    // OHLCV of ccxt: rows of numbers, the step from the stamps.
    let desk = Desk::new();
    let ohlcv: Vec<Value> =
        (0..48).map(|hour| json!([START + hour * 4 * HOUR, 100.5, 102, 99.75, 101.25, 7])).collect();
    let file = desk.file("ohlcv.json", json!(ohlcv).to_string().as_bytes());
    let (code, _, problems) = desk.import(&[&file], &["--symbol", "BTCUSDT"]);
    assert!(code == 3 && problems.contains("nothing was written"), "spot or perp is a doubt: {problems}");
    let (code, report, problems) = desk.import(&[&file], &["--symbol", "BTCUSDT", "--what", "spot", "--yes"]);
    assert_eq!((code, problems.as_str()), (0, ""), "{report}");
    assert_eq!(report["files"][0]["file"], "klines/binance-spot/BTCUSDT-4h.parquet");
}

#[test]
fn u10_doubles_with_all_their_digits_are_the_numbers_that_were_meant() {
    // Doubles as programs print them: the digits behind the fifteenth are how they are stored.
    let desk = Desk::new();
    let noisy: Vec<Value> = [0.1 + 0.2, 0.7 + 0.1, 3.0]
        .iter()
        .zip(0..)
        .map(|(rate, number)| json!({"symbol": "BTC/USDT:USDT", "fundingRate": rate * 0.001, "timestamp": START + number * 8 * HOUR}))
        .collect();
    let text = json!(noisy).to_string();
    assert!(text.contains("0.00030000000000000003"), "{text}");
    let file = desk.file("noisy.json", text.as_bytes());
    let (code, report, problems) = desk.import(&[&file], &["--yes", "--venue", "okx"]);
    assert_eq!((code, problems.as_str()), (0, ""), "{report}");
    let read = read_funding(&desk.data().join("funding/okx/BTCUSDT.csv")).unwrap();
    assert_eq!(read.iter().map(|row| row.rate.to_string()).collect::<Vec<_>>(), ["0.0003", "0.0008", "0.003"]);
    let candle = "time,open,high,low,close,volume\n1735689600000,42000.100000000006,42000.3,41999.9,42000.1,1\n1735693200000,42000.1,42000.3,41999.9,42000.1,1\n";
    let file = desk.file("noisy.csv", candle.as_bytes());
    let words = ["--yes", "--venue", "okx", "--symbol", "BTCUSDT", "--what", "spot"];
    let (code, report, problems) = desk.import(&[&file], &words);
    assert_eq!((code, problems.as_str()), (0, ""), "{report}");
    let read = read_candles(&desk.data().join("klines/okx-spot/BTCUSDT-1h.parquet"), Span::HOUR).unwrap();
    assert_eq!(read.close.len(), 2);
    // Nineteen decimals that somebody wrote are not made eighteen.
    let exact = desk.file("exact.csv", rows(|at| format!("{at},0.0000000000000000012")).as_bytes());
    let (code, report, _) = desk.import(&[&exact], &["--symbol", "ETHUSDT", "--columns", "time=1,rate=2", "--yes"]);
    assert_eq!((code, &report["written"]), (3, &false.into()), "{report}");
}

#[test]
fn u10_percent_needs_its_flag_and_any_table_its_columns() {
    let desk = Desk::new();
    let percent = desk.file("mine.csv", rows(|at| format!("{at},0.0100")).as_bytes());
    let columns = ["--symbol", "BTCUSDT", "--columns", "time=1,rate=2", "--yes"];
    let (code, report, _) = desk.import(&[&percent], &columns);
    assert_eq!((code, &report["written"]), (3, &false.into()));
    let doubt = report["doubts"][0].as_str().unwrap();
    assert!(
        doubt.contains("look like percent") && doubt.contains("mine.csv:1:1: "),
        "the file that was given: {report}"
    );
    assert!(!desk.data().exists());
    let (code, report, _) = desk.import(&[&percent], &[&columns[..], &["--rates-in", "percent"]].concat());
    assert_eq!((code, &report["written"]), (0, &true.into()), "{report}");
    let read = read_funding(&desk.data().join("funding/binance/BTCUSDT.csv")).unwrap();
    assert_eq!(read[7].rate, Rate::parse("0.0001").unwrap());

    let named = "Date;Open;High;Low;Last;Amount\n".to_owned()
        + &(0..3).map(|day| format!("2025-01-0{}T00:00:00Z;1;3;0.5;2;9\n", day + 1)).collect::<String>();
    let named = desk.file("named.csv", named.as_bytes());
    let (code, report, _) = desk.import(&[&named], &["--symbol", "BTCUSDT", "--what", "perp"]);
    assert!(code == 3 && report["doubts"][0].as_str().unwrap().contains("--columns"), "{report}");
    let map = "time=Date,open=Open,high=High,low=Low,close=Last,volume=Amount";
    let (code, report, _) =
        desk.import(&[&named], &["--symbol", "BTCUSDT", "--what", "perp", "--columns", map, "--yes"]);
    assert_eq!((code, &report["files"][0]["file"]), (0, &"klines/binance-perp/BTCUSDT-1d.parquet".into()), "{report}");
    assert_eq!(report["sources"][0]["times_in"], "iso");
}

#[test]
fn u10_nothing_is_written_on_doubt() {
    let desk = Desk::new();
    let bad = rows(|at| if at == START + 40 * HOUR { format!("{at},8,abc") } else { format!("{at},8,0.0001") });
    let bad = desk.file("BTCUSDT-fundingRate-2025-01.csv", bad.as_bytes());
    let good = desk.file("ETHUSDT-fundingRate-2025-01.csv", rows(|at| format!("{at},8,0.0001")).as_bytes());
    let (code, report, problems) = desk.import(&[&bad, &good], &["--yes"]);
    assert_eq!((code, &report["written"]), (3, &false.into()));
    assert!(problems.contains("nothing was written: 1 doubt"), "{problems}");
    let refused = &report["sources"][0]["refused"][0];
    assert_eq!(refused["line"], 6);
    assert!(refused["why"].as_str().unwrap().contains("rate \"abc\" is not a plain decimal number"), "{refused}");
    assert!(!desk.data().exists(), "not even the good file");
    let (code, report, _) = desk.import(&[&bad, &good], &["--yes", "--leave-out"]);
    assert_eq!((code, &report["files"][0]["rows"], &report["files"][1]["rows"]), (0, &29.into(), &30.into()));
    // What contradicts the folder is a doubt that names both, and changes nothing.
    let before = std::fs::read(desk.data().join("funding/binance/ETHUSDT.csv")).unwrap();
    let other =
        desk.file("other/ETHUSDT-fundingRate-2025-01.csv", rows(|at| format!("{},8,0.0002", at + 5)).as_bytes());
    let (code, report, _) = desk.import(&[&other], &["--yes"]);
    let doubt = report["doubts"][0].as_str().unwrap();
    assert!(
        code == 3 && doubt.contains("in line 2 and, 5 ms later,") && doubt.contains("expected one rate"),
        "{report}"
    );
    assert_eq!(std::fs::read(desk.data().join("funding/binance/ETHUSDT.csv")).unwrap(), before);
    // Mixed units, several symbols, no symbol, no zip.
    let check = |name: &str, bytes: &[u8], words: &str| {
        let file = desk.file(name, bytes);
        let (code, report, problems) = desk.import(&[&file], &["--yes"]);
        let said = format!("{}{problems}", report["doubts"][0].as_str().unwrap_or_default());
        assert!(code != 0 && said.contains(words), "{name}: {code} {said}");
    };
    let mixed = format!("ts_ms,rate\n{START},0.0001\n{},0.0001\n", (START + HOUR) / 1_000);
    check("BTCUSDT-fundingRate-2025-03.csv", mixed.as_bytes(), "expected one unit");
    check("two.json", br#"[{"symbol":"A","fundingTime":1735689600000,"fundingRate":"0"},{"symbol":"B","fundingTime":1735689600000,"fundingRate":"0"}]"#, "holds several symbols (A, B)");
    check("plain.csv", format!("ts_ms,rate\n{START},0.0001\n").as_bytes(), "expected --symbol");
    check("torn.zip", b"PK\x03\x04 and no more", "is not a whole zip archive");
    check("text.csv", b"hello\nworld\n", "--columns");
}
