//! Decoding of market data, each kind beside the usual way (serde with owned strings, then `rust_decimal`) in one run, so
//! that the ratio holds on any machine. Own small frames always; the recorded file when the shared folder is there.
//! Run: `cargo bench --bench decode`; the ratios are printed last.
#![expect(missing_docs, reason = "criterion's macros make undocumented functions")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program for a person"
)]

use carry::domain::Market;
use carry::venues::binance::Scratch;
use carry::venues::binance::decode::{decode, decode_general};
use carry::venues::frames::Frames;
use criterion::{Criterion, Throughput, criterion_group};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

const TICKER: &str = r#"{"stream":"abcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"s":"ABCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1700000000005,"E":1700000000007}}"#;
const MARK: &str = r#"{"stream":"abcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1700000000007,"s":"ABCUSDT","p":"61800.24000000","i":"61790.11111111","P":"61795.00000000","r":"0.00010000","T":1700006400000}}"#;

/// Twenty levels a side.
fn depth() -> String {
    let side = |start: i64, step: i64| {
        let level = |n: i64| format!("[\"{}.{}0\",\"{}.{:03}\"]", start + n * step, n % 10, n, n * 37 % 1000);
        (0..20).map(level).collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = (side(61_800, -1), side(61_801, 1));
    format!(
        r#"{{"stream":"abcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1700000000007,"T":1700000000005,"s":"ABCUSDT","U":157,"u":160,"pu":149,"b":[{bids}],"a":[{asks}]}}}}"#
    )
}

#[derive(Deserialize)]
struct Wrapped<T> {
    #[expect(dead_code, reason = "read, as a client would")]
    stream: String,
    data: T,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Usual {
    Depth {
        #[serde(rename = "U")]
        first: u64,
        u: u64,
        b: Vec<(String, String)>,
        a: Vec<(String, String)>,
    },
    Ticker {
        u: u64,
        #[expect(dead_code, reason = "read, as a client would")]
        s: String,
        b: String,
        #[serde(rename = "B")]
        bid_size: String,
        a: String,
        #[serde(rename = "A")]
        ask_size: String,
    },
    Mark {
        p: String,
        i: String,
        r: String,
    },
    Trade {
        p: String,
        q: String,
    },
}

/// The usual way when the kind is not known: one untagged enum.
fn usual(frame: &str) -> Decimal {
    let number = |text: &str| -> Decimal { text.parse().unwrap() };
    let Ok(wrapped) = serde_json::from_str::<Wrapped<Usual>>(frame) else { return Decimal::ZERO };
    match wrapped.data {
        Usual::Depth { first, u, b, a } => {
            let levels: Vec<(Decimal, Decimal)> =
                b.iter().chain(&a).map(|(price, size)| (number(price), number(size))).collect();
            black_box((first, u));
            levels.iter().map(|(price, size)| price + size).sum()
        }
        Usual::Ticker { u, b, bid_size, a, ask_size, .. } => {
            black_box(u);
            number(&b) + number(&bid_size) + number(&a) + number(&ask_size)
        }
        Usual::Mark { p, i, r } => number(&p) + number(&i) + number(&r),
        Usual::Trade { p, q } => number(&p) + number(&q),
    }
}

#[derive(Deserialize)]
struct TickerOnly {
    u: u64,
    s: String,
    #[serde(rename = "T")]
    time: i64,
    b: String,
    #[serde(rename = "B")]
    bid_size: String,
    a: String,
    #[serde(rename = "A")]
    ask_size: String,
}

#[derive(Deserialize)]
struct DepthOnly {
    #[serde(rename = "E")]
    event_time: i64,
    s: String,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: u64,
    b: Vec<(String, String)>,
    a: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct MarkOnly {
    #[serde(rename = "E")]
    event_time: i64,
    s: String,
    #[serde(rename = "T")]
    next: i64,
    p: String,
    i: String,
    r: String,
}

/// The usual way when the kind is known beforehand, reading the same fields: the fairest rival.
fn usual_typed(kind: &str, frame: &str) -> Decimal {
    let number = |text: &str| -> Decimal { text.parse().unwrap() };
    match kind {
        "depth" => {
            let data = serde_json::from_str::<Wrapped<DepthOnly>>(frame).unwrap().data;
            black_box((data.event_time, data.s, data.first, data.u, data.pu));
            let levels: Vec<(Decimal, Decimal)> =
                data.b.iter().chain(&data.a).map(|(price, size)| (number(price), number(size))).collect();
            levels.iter().map(|(price, _)| *price).max().unwrap()
        }
        "mark" => {
            let data = serde_json::from_str::<Wrapped<MarkOnly>>(frame).unwrap().data;
            black_box((data.event_time, data.s, data.next));
            number(&data.p) + number(&data.i) + number(&data.r)
        }
        _ => {
            let data = serde_json::from_str::<Wrapped<TickerOnly>>(frame).unwrap().data;
            black_box((data.u, data.s, data.time));
            number(&data.b) + number(&data.bid_size) + number(&data.a) + number(&data.ask_size)
        }
    }
}

fn recorded() -> Option<PathBuf> {
    let named = std::env::var("CARRY_SHARED").ok().map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let file = folder.join("data/book/binance-perp/BTCUSDT-20240808.jsonl.gz");
    file.is_file().then_some(file)
}

fn benches(criterion: &mut Criterion) {
    let depth = depth();
    for (kind, frame) in [("ticker", TICKER), ("mark", MARK), ("depth", depth.as_str())] {
        let mut group = criterion.benchmark_group(kind);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        let mut scratch = Scratch::default();
        group.bench_function("ours", |bencher| {
            bencher.iter(|| decode(Market::Perp, black_box(frame.as_bytes()), &mut scratch).unwrap().kind());
        });
        group.bench_function("ours, general parser", |bencher| {
            bencher.iter(|| decode_general(Market::Perp, black_box(frame.as_bytes()), &mut scratch).unwrap().kind());
        });
        group.bench_function("serde owned + rust_decimal", |bencher| {
            bencher.iter(|| usual_typed(kind, black_box(frame)));
        });
        group.finish();
    }
}

/// Median of interleaved rounds over a set of frames, in ns a message, of each way.
fn ratios(name: &str, frames: &[Vec<u8>], rounds: usize, typed: Option<&str>) {
    let texts: Vec<&str> = frames.iter().map(|frame| std::str::from_utf8(frame).unwrap()).collect();
    let mut scratch = Scratch::default();
    let mut times: [Vec<f64>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let start = Instant::now();
        for frame in frames {
            black_box(decode(Market::Perp, black_box(frame), &mut scratch).map(|message| message.kind())).ok();
        }
        let ours = start.elapsed();
        let start = Instant::now();
        for frame in frames {
            black_box(decode_general(Market::Perp, black_box(frame), &mut scratch).map(|m| m.kind())).ok();
        }
        let general = start.elapsed();
        let start = Instant::now();
        for text in &texts {
            match typed {
                Some(kind) => black_box(usual_typed(kind, black_box(text))),
                None => black_box(usual(black_box(text))),
            };
        }
        for (slot, time) in times.iter_mut().zip([ours, general, start.elapsed()]) {
            slot.push(time.as_secs_f64() * 1e9 / f64::from(u32::try_from(frames.len()).unwrap()));
        }
    }
    let [ours, general, usual] = times.map(|mut slot| {
        slot.sort_by(f64::total_cmp);
        slot.get(slot.len() / 2).copied().unwrap_or_default()
    });
    println!(
        "{name:>9}: ours {ours:7.0} ns, general {general:7.0} ns, serde owned + rust_decimal {usual:7.0} ns; \
         ratio {:.3}, general {:.3}",
        ours / usual,
        general / usual
    );
}

criterion_group!(group, benches);

fn main() {
    group();
    Criterion::default().configure_from_args().final_summary();
    println!("\nratios to the usual way, interleaved rounds, median:");
    for (kind, frame) in [("ticker", TICKER.to_owned()), ("mark", MARK.to_owned()), ("depth", depth())] {
        ratios(kind, &vec![frame.into_bytes(); 256], 61, Some(kind));
    }
    match recorded() {
        Some(file) => {
            let frames: Vec<Vec<u8>> = Frames::open(&file)
                .unwrap()
                .map(|f| f.unwrap().bytes)
                .filter(|f| f.starts_with(b"{\"stream"))
                .collect();
            ratios("recorded", &frames, 7, None);
        }
        None => println!(" recorded: skipped, no shared folder"),
    }
}
