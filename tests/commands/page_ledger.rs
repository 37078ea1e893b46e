//! The ledger's months, its rows as files, and the charts of a pair, with a plain HTTP client.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::http;
use crate::session;

use http::{served, tokens};
use session::{Running, ended, rows, text};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

fn get(address: SocketAddr, token: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    all
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// A session of more than a month that is over: generated, so always the same.
fn over(dir: &Path) {
    let (code, _, problems) = ended(&["paper", "--state", text(dir), "--days", "33", "--seed", "9"]);
    assert_eq!(code, 0, "{problems}");
}

#[test]
fn months_are_turned_and_rows_come_as_files() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    over(&dir);
    let ((_page, address), (token, _)) = (served(&dir), tokens(&dir));
    let read = |path: &str| get(address, &token, path);

    // It began on the first of June 2025 and ended on the fourth of July.
    let last = read("/s/s/ledger");
    assert!(last.contains("2025-07</h2>") && last.contains("/ledger?month=2025-06"), "{last}");
    assert!(!last.contains("month=2025-08"), "a month that has not come");
    let june = read("/s/s/ledger?month=2025-06");
    assert_eq!(june.matches("class=\"day").count(), 30);
    assert!(june.contains("month=2025-07") && !june.contains("month=2025-05"), "no month before the session");
    assert!(read("/s/s/ledger?month=x").contains("There is no such month"));

    for (name, what) in
        [("fills.csv", "fills"), ("funding.csv", "funding"), ("trips.csv", "trips"), ("equity.csv", "equity")]
    {
        assert!(last.contains(&format!("/files/{name}")), "{name}");
        let answer = read(&format!("/s/s/files/{name}"));
        let head = answer.to_lowercase();
        assert!(head.contains("text/csv") && head.contains("attachment; filename=\"s-"), "{answer}");
        let (_, exported, _) = ended(&["export", text(&dir), "--what", what]);
        if name == "trips.csv" {
            // Open trips stand in the report and the page, closed ones alone in the ledger.
            assert!(body(&answer).starts_with(exported.lines().next().unwrap()));
        } else {
            assert_eq!(body(&answer), exported, "{name}");
        }
    }
    let days = read("/s/s/files/days.csv");
    let lines: Vec<&str> = body(&days).lines().collect();
    assert!(lines[0].starts_with("day,funding,basis,delta,fees,slippage") && lines[1].starts_with("2025-06-01,"));
    assert_eq!(lines.len(), 1 + 34, "{days}");
    assert!(read("/s/s/files/page.json").starts_with("HTTP/1.0 404"));
    let closed = get(address, "no", "/s/s/files/fills.csv");
    assert!(closed.starts_with("HTTP/1.0 303") && body(&closed).is_empty(), "{closed}");
}

#[test]
fn a_pair_shows_its_basis_hour_by_hour_and_what_its_way_out_takes() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session =
        Running::start(&["paper", "--state", text(&dir), "--days", "3000", "--seed", "9", "--speed", "120000"]);
    session.until(|| dir.join("control.sock").exists() && rows(&dir, "funding") > 3);
    let (_, out, _) = ended(&["pairs", "--state", text(&dir), "--json"]);
    let pairs: serde_json::Value = serde_json::from_str(&out).unwrap();
    let held = pairs["result"]["pairs"].as_array().unwrap().iter().find(|row| row["phase"] == "hedged");
    let name = held.map_or("alpha:BTCUSDT", |row| row["pair"].as_str().unwrap()).replace(':', "%3A");
    let ((_page, address), (token, _)) = (served(&dir), tokens(&dir));
    let shown = get(address, &token, &format!("/s/s/pair?name={name}"));
    assert!(shown.contains("Basis and funding") && shown.contains("the first of each hour; last"), "{shown}");
    assert!(shown.contains("spread ") && !shown.contains("NaN") && !shown.contains(" inf"), "{shown}");
    if held.is_some() {
        assert!(shown.contains("of the depth"), "{shown}");
    }
    session.kill();
}
