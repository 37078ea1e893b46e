//! Soak: 5,000 public messages a second from a made-up venue on loopback into a real `carry paper --market live` process.
//!
//! Nothing may be lost or doubled, no book may lose its place, and the process may not grow. `CARRY_SOAK_S` is the length in
//! seconds: 20 when absent, 1800 for the real thing. Resident memory is read from `/proc`, so elsewhere this is skipped.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SYMBOLS: [&str; 4] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"];
/// Messages a second of each of the two markets.
const RATE: u64 = 2_500;
/// Messages that leave together, every hundredth of a second.
const BURST: u64 = RATE / 100;

/// Ids of a book: of the last message, and of the last change.
#[derive(Debug, Clone, Copy)]
struct Ids {
    last: u64,
    changed: u64,
}

struct Venue {
    seconds: u64,
    legs: Mutex<BTreeMap<(bool, &'static str), Ids>>,
    tickers: AtomicU64,
    marks: AtomicU64,
    snapshots: AtomicU64,
    connections: AtomicU64,
    /// Markets whose messages were all taken.
    done: AtomicU64,
}

fn now() -> i64 {
    (carry::net::machine_clock::clock().wall)().0
}

impl Venue {
    fn new(seconds: u64) -> Self {
        let legs = SYMBOLS.iter().flat_map(|symbol| [(false, *symbol), (true, *symbol)]);
        Self {
            seconds,
            legs: Mutex::new(legs.map(|leg| (leg, Ids { last: 100, changed: 100 })).collect()),
            tickers: AtomicU64::new(0),
            marks: AtomicU64::new(0),
            snapshots: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            done: AtomicU64::new(0),
        }
    }

    /// The message of that number: best quotes and changes in turn, over the symbols in turn.
    fn message(&self, perp: bool, number: u64) -> String {
        let place = usize::try_from(number).unwrap();
        let symbol = *SYMBOLS.get(place % SYMBOLS.len()).unwrap();
        let lower = symbol.to_lowercase();
        let mut legs = self.legs.lock().unwrap();
        let ids = legs.get_mut(&(perp, symbol)).unwrap();
        ids.last += 1;
        let (id, at, cents) = (ids.last, now(), number % 50 + 10);
        if (place / SYMBOLS.len()).is_multiple_of(2) {
            self.tickers.fetch_add(1, SeqCst);
            let (kind, times) =
                if perp { (r#""e":"bookTicker","#, format!(r#","T":{at},"E":{at}"#)) } else { ("", String::new()) };
            return format!(
                r#"{{"stream":"{lower}@bookTicker","data":{{{kind}"u":{id},"s":"{symbol}","b":"99.{cents}","B":"{id}","a":"100.{cents}","A":"{id}"{times}}}}}"#
            );
        }
        let (first, before) = (ids.changed + 1, ids.changed);
        ids.changed = id;
        let (engine, previous) =
            if perp { (format!(r#""T":{at},"#), format!(r#""pu":{before},"#)) } else { (String::new(), String::new()) };
        format!(
            r#"{{"stream":"{lower}@depth@100ms","data":{{"e":"depthUpdate","E":{at},{engine}"s":"{symbol}","U":{first},"u":{id},{previous}"b":[["99.{cents}","{id}"]],"a":[["100.{cents}","{id}"]]}}}}"#
        )
    }

    fn snapshot(&self, perp: bool, symbol: &str) -> Value {
        self.snapshots.fetch_add(1, SeqCst);
        let symbol = SYMBOLS.into_iter().find(|known| *known == symbol).unwrap();
        let ids = *self.legs.lock().unwrap().get(&(perp, symbol)).unwrap();
        let side = |whole: i64| (10..60).map(|cents| json!([format!("{whole}.{cents}"), "5"])).collect::<Vec<_>>();
        let (mut bids, asks) = (side(99), side(100));
        bids.reverse();
        json!({ "lastUpdateId": ids.changed, "E": now(), "T": now(), "bids": bids, "asks": asks })
    }

    fn answer(&self, path: &str, query: &BTreeMap<String, String>) -> Value {
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
        let symbol = query.get("symbol").map_or("", String::as_str);
        match path {
            "/api/v3/time" | "/fapi/v1/time" => json!({ "serverTime": now() }),
            "/api/v3/exchangeInfo" | "/fapi/v1/exchangeInfo" => {
                json!({ "rateLimits": [], "symbols": SYMBOLS.map(listing) })
            }
            "/api/v3/depth" => self.snapshot(false, symbol),
            "/fapi/v1/depth" => self.snapshot(true, symbol),
            "/fapi/v1/openInterest" => json!({ "symbol": symbol, "openInterest": "1000.000", "time": now() }),
            "/fapi/v1/fundingInfo" => {
                let row = |symbol| {
                    json!({ "symbol": symbol, "fundingIntervalHours": 8, "adjustedFundingRateCap": "0.02",
                        "adjustedFundingRateFloor": "-0.02" })
                };
                json!(SYMBOLS.map(row))
            }
            "/fapi/v1/fundingRate" => {
                const STEP: i64 = 8 * 3_600_000;
                let from = number("startTime").unwrap_or(0).div_euclid(STEP) * STEP + STEP;
                let to = number("endTime").unwrap_or_else(now).min(now());
                let limit = usize::try_from(number("limit").unwrap_or(100)).unwrap();
                let row =
                    |at| json!({ "symbol": symbol, "fundingTime": at, "fundingRate": "0.0001", "markPrice": "100" });
                let stamps = (from..=to).step_by(usize::try_from(STEP).unwrap());
                json!(stamps.take(limit).map(row).collect::<Vec<_>>())
            }
            other => panic!("an unexpected question: {other}"),
        }
    }

    /// All messages of a market at their pace, and then silence.
    async fn stream(&self, mut socket: WebSocket, perp: bool) {
        self.connections.fetch_add(1, SeqCst);
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let mut number = 0;
        while number < self.seconds * RATE {
            pace.tick().await;
            for _ in 0..BURST {
                if socket.send(Message::text(self.message(perp, number))).await.is_err() {
                    return;
                }
                number += 1;
            }
        }
        // Its answer says that everything before it was read.
        if socket.send(Message::Ping("end".into())).await.is_err() {
            return;
        }
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(&message, Message::Pong(text) if text.as_ref() == b"end") {
                self.done.fetch_add(1, SeqCst);
            }
        }
    }

    async fn marks(&self, mut socket: WebSocket) {
        self.connections.fetch_add(1, SeqCst);
        let mut pace = tokio::time::interval(Duration::from_secs(1));
        loop {
            pace.tick().await;
            for symbol in SYMBOLS {
                let (lower, at) = (symbol.to_lowercase(), now());
                let next = (at / 28_800_000 + 1) * 28_800_000;
                let text = format!(
                    r#"{{"stream":"{lower}@markPrice@1s","data":{{"e":"markPriceUpdate","E":{at},"s":"{symbol}","p":"100","i":"100","P":"100","r":"0.0001","T":{next}}}}}"#
                );
                self.marks.fetch_add(1, SeqCst);
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn listing(symbol: &str) -> Value {
    json!({ "symbol": symbol, "status": "TRADING", "baseAsset": symbol.trim_end_matches("USDT"), "quoteAsset": "USDT",
        "isSpotTradingAllowed": true, "contractType": "PERPETUAL", "underlyingType": "COIN", "filters": [
            { "filterType": "PRICE_FILTER", "tickSize": "0.01" },
            { "filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000000" },
            { "filterType": "MIN_NOTIONAL", "minNotional": "5", "notional": "5" } ] })
}

type Shared = State<Arc<Venue>>;

async fn ask(State(venue): Shared, uri: axum::http::Uri, query: Query<BTreeMap<String, String>>) -> axum::Json<Value> {
    axum::Json(venue.answer(uri.path(), &query))
}

async fn spot(State(venue): Shared, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| venue.stream(socket, false).await)
}

async fn perp(State(venue): Shared, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| venue.stream(socket, true).await)
}

async fn marks(State(venue): Shared, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| venue.marks(socket).await)
}

/// The venue on a thread of its own; its address.
fn serve(venue: Arc<Venue>) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
            let routes = Router::new()
                .route("/stream", get(spot))
                .route("/public/stream", get(perp))
                .route("/market/stream", get(marks))
                .fallback(ask)
                .with_state(venue);
            axum::serve(listener, routes).await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

/// Kilobytes of the process that are in memory.
fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until something holds, while the process lives.
fn until(child: &mut Child, seconds: u64, what: impl Fn() -> bool) {
    for _ in 0..seconds * 10 {
        if what() {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "the process ended before it was waited for");
        carry::net::machine_clock::wait(Duration::from_millis(100));
    }
    panic!("what was waited for did not happen");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the length of a soak is the caller's")]
fn nothing_is_lost_and_nothing_grows() {
    if !Path::new("/proc/self/status").exists() {
        println!("soak: skipped, there is no /proc here");
        return;
    }
    let seconds = std::env::var("CARRY_SOAK_S").ok().map_or(20, |text| text.parse().unwrap());
    let venue = Arc::new(Venue::new(seconds));
    let base = serve(Arc::clone(&venue));
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("s");
    let pairs = format!("strategy.pairs={}", json!(SYMBOLS.map(|symbol| format!("binance:{symbol}"))));
    let mut child = Command::new(env!("CARGO_BIN_EXE_carry"))
        .args(["paper", "--market", "live", "--base-url", &base, "--state", state.to_str().unwrap(), "--set", &pairs])
        .args(["--json"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    // A quarter of it, at most a minute, fills books, windows and buffers.
    let warm = RATE * (seconds / 4).min(60);
    until(&mut child, 120 + 4 * seconds, || venue.tickers.load(SeqCst) >= warm);
    let before = resident(&child);
    until(&mut child, 120 + 4 * seconds, || venue.done.load(SeqCst) == 2);
    let marked = venue.marks.load(SeqCst);
    // What was read and not decided yet.
    carry::net::machine_clock::wait(Duration::from_secs(2));
    let after = resident(&child);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let events = summary["events"].as_u64().unwrap();
    let (tickers, marks) = (venue.tickers.load(SeqCst), venue.marks.load(SeqCst));
    println!(
        "soak: {seconds} s, {} messages, {tickers} best quotes, {marks} marks, {events} events; resident {before} kB, then {after} kB",
        2 * tickers
    );
    // A mark is a mark and an estimate; the rest is open interest once a minute and settlements.
    let other = 2 * marks + (seconds / 60 + 3) * 4 * 2;
    assert!(events >= tickers + 2 * (marked - 8), "lost: {events} events of {tickers} best quotes and {marked} marks");
    assert!(events <= tickers + other, "doubled: {events} events of {tickers} best quotes and {other} others");
    assert_eq!(venue.connections.load(SeqCst), 3, "a stream was opened again");
    let legs = u64::try_from(SYMBOLS.len()).unwrap() * 2;
    assert_eq!(venue.snapshots.load(SeqCst), legs, "a book was asked for again");
    let bound = (before * 15 / 100).max(20_000);
    assert!(after <= before + bound, "resident memory grew from {before} kB to {after} kB");
}
