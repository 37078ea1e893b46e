//! `carry data download` against a made-up venue on loopback: whole history, continued, cut, refused, out of reach.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::public;

use carry::data::candles::{read_candles, read_open_interest};
use carry::data::funding::read_funding;
use carry::data::save::{RawCandles, write_candles};
use carry::domain::{Price, Span};
use public::{HOUR, START, Venue, window};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// Runs the program; exit code, standard output, standard error.
fn carry(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_carry")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn download(folder: &Path, base: &str, more: &[&str]) -> (i32, Value, String) {
    let data = folder.to_str().unwrap();
    let mut args = vec!["data", "download", "--data", data, "--venue", "binance", "--symbol", "BTCUSDT"];
    args.extend(["--base-url", base, "--json"]);
    args.extend(more);
    let (code, out, problems) = carry(&args);
    (code, serde_json::from_str(&out).unwrap_or(Value::Null), problems)
}

/// One candle; the sixth hour has a price of zero, as a venue printed on a bad day.
fn candle(at: i64) -> String {
    let close = if at == START + 5 * HOUR { "0.00" } else { "101.25" };
    format!(r#"[{at},"100.5","102","99.75","{close}","12.5",{},"0",3,"0","0","0"]"#, at + HOUR - 1)
}

/// A history of so many hours, which may grow while the test runs.
fn answers(hours: Arc<AtomicI64>) -> Box<public::Answers> {
    Box::new(move |path, find| {
        let last = START + (hours.load(Ordering::SeqCst) - 1) * HOUR;
        let body = match path {
            "/fapi/v1/fundingRate" => window(find, (START, last, 8 * HOUR), |at| {
                let at = at + 3;
                format!(r#"{{"symbol":"BTCUSDT","fundingTime":{at},"fundingRate":"0.00010000","markPrice":"100.25"}}"#)
            }),
            "/futures/data/openInterestHist" => window(find, (START, last, HOUR), |at| {
                format!(r#"{{"symbol":"BTCUSDT","sumOpenInterest":"1234.5","timestamp":{at}}}"#)
            }),
            "/api/v3/klines" | "/fapi/v1/klines" | "/fapi/v1/markPriceKlines" => {
                window(find, (START, last, HOUR), candle)
            }
            "/fapi/v1/premiumIndexKlines" => {
                window(find, (START, last, HOUR), |at| candle(at).replace("\"99.75\"", "\"-0.0002\""))
            }
            _ => return (404, "{}".to_owned()),
        };
        (200, body)
    })
}

#[test]
fn history_comes_whole_page_by_page_and_a_second_run_goes_on() {
    let hours = Arc::new(AtomicI64::new(3_400));
    let venue = Venue::new(answers(Arc::clone(&hours)));
    let folder = tempfile::tempdir().unwrap();
    let more = ["--from", "2025-01-01", "--to", "2025-06-30", "--what", "funding,candles,mark,premium"];
    let (code, report, problems) = download(folder.path(), &venue.base, &more);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert_eq!((&report["schema"], &report["complete"]), (&"carry.data.download/1".into(), &true.into()));
    let file = |report: &Value, name: &str| {
        report["files"].as_array().unwrap().iter().find(|file| file["file"] == name).unwrap().clone()
    };
    let spot = file(&report, "klines/binance-spot/BTCUSDT-1h.parquet");
    assert_eq!((&spot["added"], &spot["left_out"], &spot["missing"]), (&3_399.into(), &1.into(), &1.into()), "a hole");
    assert_eq!(file(&report, "klines/binance-premium/BTCUSDT-1h.parquet")["rows"], 3_400);
    let read = read_candles(&folder.path().join("klines/binance-perp/BTCUSDT-1h.parquet"), Span::HOUR).unwrap();
    assert_eq!((read.len(), read.close[0]), (3_399, Price::parse("101.25").unwrap()));
    let funding = read_funding(&folder.path().join("funding/binance/BTCUSDT.csv")).unwrap();
    assert_eq!(
        (funding.len(), funding[0].stamp.0, funding[0].mark),
        (425, START + 3, Some(Price::parse("100.25").unwrap()))
    );
    let spot_pages = |venue: &Venue| venue.asked().iter().filter(|asked| asked.starts_with("/api/v3/klines")).count();
    assert_eq!(spot_pages(&venue), 4, "3400 hours in pages of 1000");
    // A day later.
    hours.fetch_add(24, Ordering::SeqCst);
    let before = spot_pages(&venue);
    let (code, report, _) = download(folder.path(), &venue.base, &more);
    assert_eq!(code, 0);
    assert_eq!(file(&report, "klines/binance-spot/BTCUSDT-1h.parquet")["added"], 24);
    assert_eq!(file(&report, "funding/binance/BTCUSDT.csv")["added"], 3);
    assert_eq!(
        spot_pages(&venue) - before,
        2,
        "only what was missing is asked for: the hour without a price, the new day"
    );
}

#[test]
fn u06_u07_u09_holes_are_filled_and_a_floored_file_goes_on_without_repeats() {
    let hours = Arc::new(AtomicI64::new(600));
    let venue = Venue::new(answers(Arc::clone(&hours)));
    let folder = tempfile::tempdir().unwrap();
    let more = ["--from", "2025-01-01", "--to", "2025-01-20", "--what", "funding,mark"];
    let (code, report, problems) = download(folder.path(), &venue.base, &more);
    assert_eq!((code, problems.as_str()), (0, ""));
    // A date as end means the whole day: the bar that opens at 23:00 of the twentieth is the last one.
    assert_eq!(report["files"][1]["last"], "2025-01-20T23:00:00Z");
    let (funding, mark) = ("funding/binance/BTCUSDT.csv", "klines/binance-mark/BTCUSDT-1h.parquet");
    // Another program floored the stamps, and a settlement and a day of bars are gone.
    let text = std::fs::read_to_string(folder.path().join(funding)).unwrap();
    let floored: Vec<String> = text
        .lines()
        .enumerate()
        .filter(|(number, _)| *number != 20)
        .map(|(_, line)| line.replacen("003,", "000,", 1))
        .collect();
    std::fs::write(folder.path().join(funding), floored.join("\n") + "\n").unwrap();
    let mut bars = RawCandles::read(&folder.path().join(mark)).unwrap();
    let kept = |place: &usize| !(100..124).contains(place);
    let places: Vec<usize> = (0..bars.len()).filter(kept).collect();
    bars.opened = places.iter().map(|place| bars.opened[*place]).collect();
    bars.prices = bars.prices.map(|column| places.iter().map(|place| column[*place]).collect());
    write_candles(&folder.path().join(mark), &bars).unwrap();
    hours.fetch_add(100, Ordering::SeqCst);
    let (code, report, problems) =
        download(folder.path(), &venue.base, &["--to", "2025-01-24", "--what", "funding,mark"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let added = |place: usize| report["files"][place]["added"].clone();
    assert_eq!((added(0), added(1)), ((1 + 4 * 3).into(), (24 + 4 * 24).into()));
    let rows = read_funding(&folder.path().join(funding)).unwrap();
    assert_eq!(rows.len(), 24 * 3, "each settlement once");
    assert!(rows.windows(2).all(|two| two[1].stamp.since(two[0].stamp).0 > 7 * HOUR));
    assert_eq!((&report["files"][0]["findings"], &report["files"][1]["missing"]), (&serde_json::json!({}), &1.into()));
    // The venue says another rate for a settlement of the file: nothing is written.
    let (second, third) = (START + 8 * HOUR, START + 16 * HOUR);
    let torn = std::fs::read_to_string(folder.path().join(funding)).unwrap();
    let torn = torn.replacen(&format!("{second},0.0001,"), &format!("{second},0.0002,"), 1);
    let kept: Vec<&str> = torn.lines().filter(|line| !line.starts_with(&third.to_string())).collect();
    let torn = kept.join("\n") + "\n";
    std::fs::write(folder.path().join(funding), &torn).unwrap();
    let (code, _, problems) = download(folder.path(), &venue.base, &["--to", "2025-01-24", "--what", "funding"]);
    assert_eq!(code, 1, "{problems}");
    assert!(problems.contains("BTCUSDT.csv:3:1: ") && problems.contains("expected one rate"), "{problems}");
    assert_eq!(std::fs::read_to_string(folder.path().join(funding)).unwrap(), torn);
}

#[test]
fn a_download_that_is_cut_keeps_what_came_and_goes_on_later() {
    let served = Arc::new(AtomicUsize::new(0));
    let whole = answers(Arc::new(AtomicI64::new(3_400)));
    let count = Arc::clone(&served);
    let venue = Venue::new(Box::new(move |path, find| {
        if count.fetch_add(1, Ordering::SeqCst) == 2 { (403, "<html>".to_owned()) } else { whole(path, find) }
    }));
    let folder = tempfile::tempdir().unwrap();
    let more = ["--from", "2025-01-01", "--to", "2025-06-30", "--what", "mark"];
    let (code, report, problems) = download(folder.path(), &venue.base, &more);
    assert_eq!((code, &report["complete"]), (5, &false.into()), "{problems}");
    assert!(problems.contains("HTTP 403") && !problems.contains("startTime"), "{problems}");
    let file = folder.path().join("klines/binance-mark/BTCUSDT-1h.parquet");
    assert_eq!(read_candles(&file, Span::HOUR).unwrap().len(), 2_999, "two pages of 1500 without the zero");
    let (code, report, _) = download(folder.path(), &venue.base, &more);
    assert_eq!((code, &report["files"][0]["added"], &report["files"][0]["rows"]), (0, &400.into(), &3_399.into()));
}

#[test]
fn open_interest_is_asked_for_in_windows_of_the_last_month() {
    let venue = Venue::new(answers(Arc::new(AtomicI64::new(40 * 24))));
    let folder = tempfile::tempdir().unwrap();
    let (code, _, problems) = download(folder.path(), &venue.base, &["--to", "2025-02-05T00:00Z", "--what", "oi"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let rows = read_open_interest(&folder.path().join("oi/binance/BTCUSDT-1h.parquet")).unwrap();
    assert_eq!((rows.len(), rows[0].1.to_string()), (29 * 24 + 1, "1234.5".to_owned()));
    assert_eq!(venue.asked().len(), 2, "500 at a time");
}

#[test]
fn d07_a_ban_is_told_and_nothing_more_is_sent() {
    let served = Arc::new(AtomicUsize::new(0));
    let whole = answers(Arc::new(AtomicI64::new(100)));
    let venue = Venue::new(Box::new(move |path, find| {
        if served.fetch_add(1, Ordering::SeqCst) == 0 { (418, "{}".to_owned()) } else { whole(path, find) }
    }));
    let folder = tempfile::tempdir().unwrap();
    // A ban without a time lasts two minutes: it is told at once, not waited for.
    let (code, _, problems) = download(folder.path(), &venue.base, &["--what", "funding"]);
    assert_eq!(code, 5, "{problems}");
    assert!(problems.contains("keep still"), "{problems}");
    assert_eq!(venue.asked().len(), 1, "nothing is sent while banned");
}

#[test]
fn x12_x26_bad_arguments_send_nothing() {
    let venue = Venue::new(answers(Arc::new(AtomicI64::new(1))));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let check = |more: &[&str], expected: &str| {
        let mut args = vec!["data", "download", "--data", data];
        args.extend(more);
        let (code, _, problems) = carry(&args);
        assert_eq!(code, 2, "{more:?}: {problems}");
        assert!(problems.contains(expected), "{more:?}: {problems}");
    };
    let base = venue.base.as_str();
    check(&["--venue", "binance", "--symbol", "../../x", "--base-url", base], "expected a symbol");
    check(&["--venue", "elsewhere", "--symbol", "BTCUSDT", "--base-url", base], "expected binance or aster");
    check(&["--venue", "binance", "--symbol", "BTCUSDT", "--base-url", "http://10.0.0.1"], "loopback");
    check(&["--venue", "binance", "--symbol", "BTCUSDT", "--base-url", "https://evil.example"], "evil.example");
    check(&["--venue", "binance", "--symbol", "BTCUSDT", "--step", "7h", "--base-url", base], "--step 7h");
    check(&["--venue", "binance", "--symbol", "BTCUSDT", "--what", "x", "--base-url", base], "--what x");
    assert_eq!(venue.asked(), Vec::<String>::new());
}

#[test]
fn d18_a_venue_out_of_reach_is_exit_5() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let folder = tempfile::tempdir().unwrap();
    let (code, report, problems) = download(folder.path(), &base, &["--what", "funding"]);
    assert_eq!((code, &report["complete"]), (5, &false.into()), "{problems}");
    assert!(problems.contains("cannot be reached"), "{problems}");
}
