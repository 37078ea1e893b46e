//! `carry venue --market replay:DIR`: what was recorded is served again, traded against, and ends as it ended.
//!
//! The end of every book is compared with what the adapters' own replay makes of the same files: two readings that share
//! nothing but the form of a line.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of a test stop at the first surprise, and say what they skip"
)]

use crate::loopback_venue as loopback;
use crate::shared;

use carry::domain::Quantity;
use carry::loopback::keys::TRADER;
use hmac::{Hmac, Mac as _};
use loopback::Venue;
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

/// One request with the trader's key; its answer.
fn request(venue: &Venue, method: &str, target: &str) -> Value {
    let address = venue.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nX-MBX-APIKEY: {}\r\n", TRADER.0);
    write!(stream, "{head}Content-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let (from, to) = (body.find(['{', '[']).unwrap(), body.rfind(['}', ']']).unwrap());
    serde_json::from_str(&body[from..=to]).unwrap()
}

fn signed(venue: &Venue, method: &str, path: &str, query: &str) -> Value {
    let now = request(venue, "GET", "/carry/clock")["now_ms"].as_i64().unwrap();
    let payload = format!("{query}&timestamp={now}");
    let mut mac = Hmac::<Sha256>::new_from_slice(TRADER.1.as_bytes()).unwrap();
    mac.update(payload.as_bytes());
    let mut signature = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").unwrap();
    }
    request(venue, method, &format!("{path}?{payload}&signature={signature}"))
}

fn best(venue: &Venue, path: &str, side: &str) -> (String, String) {
    let book = request(venue, "GET", &format!("{path}?symbol=BTCUSDT&limit=5"));
    let level = |place: usize| book[side][0][place].as_str().unwrap().to_owned();
    (level(0), level(1))
}

fn same(a: &str, b: &str) -> bool {
    Quantity::parse(a).unwrap() == Quantity::parse(b).unwrap()
}

/// Serves the folder, buys from its book, and plays it to its end.
fn served(folder: &Path) -> Value {
    let market = format!("replay:{}", folder.display());
    let venue = Venue::start(&["--market", &market]);
    venue.control("POST", "/carry/clock/hold", &Value::Null);
    let (price, size) = best(&venue, "/api/v3/depth", "asks");
    let query = format!("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001&price={price}");
    let order = signed(&venue, "POST", "/api/v3/order", &query);
    assert_eq!(order["status"], "FILLED", "{order}");
    assert!(same(order["fills"][0]["price"].as_str().unwrap(), &price), "{order}");
    let (after, left) = best(&venue, "/api/v3/depth", "asks");
    assert!(after != price || Quantity::parse(&left).unwrap() < Quantity::parse(&size).unwrap(), "it was not taken");
    // Prices are as they were: no act moves them.
    let act = json!({"act": "rally", "symbol": "BTCUSDT", "by": "0.1", "over": "1h"});
    let address = venue.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let text = act.to_string();
    write!(
        stream,
        "POST /carry/fault HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
    .unwrap();
    let mut refused = String::new();
    stream.read_to_string(&mut refused).unwrap();
    assert!(refused.contains("as they were recorded"), "{refused}");

    let clock = venue.control("POST", "/carry/clock/advance?ms=2h", &Value::Null);
    assert_eq!(clock["recording"]["ended"], true, "{clock}");
    let ends = adapters(folder);
    for (market, path) in [("spot", "/api/v3/depth"), ("perp", "/fapi/v1/depth")] {
        // However often the book is asked for, it stays as it was recorded.
        for _ in 0..5 {
            best(&venue, path, "bids");
        }
        let end = ends.iter().find(|end| end["market"] == market).unwrap();
        for (side, name) in [("bids", "best_bid"), ("asks", "best_ask")] {
            let (price, size) = best(&venue, path, side);
            let level = |place: usize| end[name][place].as_str().unwrap();
            assert!(same(&price, level(0)), "{market} {side}: {price} {end}");
            // What this test took came back only if the recording changed that level since.
            assert!(market == "spot" || same(&size, level(1)), "{market} {side}: {size} {end}");
        }
    }
    clock
}

/// How the adapters say that the books end.
fn adapters(folder: &Path) -> Vec<Value> {
    let state = tempfile::tempdir().unwrap();
    let market = format!("replay:{}", folder.display());
    let args = ["paper", "--market", &market, "--json", "--state", state.path().to_str().unwrap()];
    let out = shared::carry_ok(&args);
    serde_json::from_str::<Value>(&out).unwrap()["books"].as_array().unwrap().clone()
}

#[test]
fn what_carry_records_the_venue_serves_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("frames");
    {
        let venue = Venue::start(&["--pulse", "20", "--history", "1"]);
        let args = ["data", "record", "--venue", "binance", "--symbol", "BTCUSDT", "--base-url", &venue.base];
        shared::carry_ok(&[&args[..], &["--frames", "600", "--out", out.to_str().unwrap()]].concat());
    }
    let clock = served(&out);
    assert_eq!((&clock["recording"]["gaps"], &clock["recording"]["unreadable"]), (&json!(0), &json!(0)));
}

#[test]
fn a_recording_of_the_real_venue_is_served() {
    let Some(shared) = shared::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    for venue in ["binance-spot", "binance-usdm"] {
        let to = folder.path().join(venue);
        std::fs::create_dir(&to).unwrap();
        let from = shared.join("wire").join(venue).join("recorded/hftb_btcusdt_2024-08-08/frames.jsonl.gz");
        std::fs::copy(from, to.join("frames.jsonl.gz")).unwrap();
    }
    let clock = served(folder.path());
    assert_eq!((&clock["recording"]["gaps"], &clock["recording"]["unreadable"]), (&json!(0), &json!(0)));
}

#[test]
fn what_cannot_be_served_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let market = format!("replay:{}", folder.path().display());
    let check = |args: &[&str], expected: &str| {
        let words = [&["venue", "--profile", "binance", "--market", &market][..], args].concat();
        let refused = Command::new(env!("CARGO_BIN_EXE_carry")).args(words).output().unwrap();
        let err = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{err}");
        assert!(err.contains(expected), "{err}");
    };
    check(&[], "no recorded frames");
    check(&["--start", "1700000000000"], "--start");
    let frame = r#"1700000000000000000 {"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":1,"b":[],"a":[]}"#;
    std::fs::write(folder.path().join("BTCUSDT.jsonl"), frame).unwrap();
    check(&[], "its perp leg was not recorded");
}
