//! Recorded material of venues through the real decoders. The material is third-party and lives outside the repository:
//! in the folder that `CARRY_SHARED` names, else in `../shared`. Without it each test says that it was skipped, which is
//! an error when `CI` is set.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "test helpers; the folder comes from outside")]
#![expect(clippy::print_stdout, reason = "the counts, and that material is missing, are for the person who runs it")]

use carry::domain::{InstrumentId, Market, Price, Quantity, Symbol};
use carry::venues::binance::decode::{decode, decode_general, decode_quick};
use carry::venues::binance::message::Kind;
use carry::venues::binance::session::{Input, Output, Session, Subscription};
use carry::venues::binance::{DecodeError, ReplayEnd, Scratch, replay};
use carry::venues::frames::Frames;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The shared folder, or nothing and a line that says so.
fn shared() -> Option<PathBuf> {
    let named = std::env::var("CARRY_SHARED").ok().map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    if folder.join("wire").is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").is_err(), "CI must have the shared folder; set CARRY_SHARED");
    println!("skipped: no shared material at {}", folder.display());
    None
}

fn level(price: &str, quantity: &str) -> Option<(Price, Quantity)> {
    Price::parse(price).ok().zip(Quantity::parse(quantity).ok())
}

fn btcusdt() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn assert_clean(end: &ReplayEnd) {
    assert_eq!((end.gaps(), end.book.losses, end.book.ignored, end.refused), (0, 0, 0, 0), "{:?}", end.first_refusal);
    assert_eq!((end.book.snapshots, end.snapshots_asked), (1, 1));
    assert_eq!(end.counts.values().sum::<u64>(), end.frames);
    assert_eq!(end.counts.get(&Kind::Unrecognised), None);
    println!("{} frames, {:?}", end.frames, end.counts);
}

/// The properties that the material's README states for the spot recording.
#[test]
fn the_spot_recording_ends_as_stated() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("wire/binance-spot/recorded/hftb_btcusdt_2024-08-08");
    let end = replay(&folder, Market::Spot, btcusdt()).unwrap();
    assert_clean(&end);
    assert_eq!((end.frames, end.snapshot_line), (41_249, Some(8)));
    assert_eq!((end.book.before_snapshot, end.book.applied), (2, 3_449));
    assert_eq!(end.snapshot_id, Some(50_093_239_218));
    assert_eq!(end.last_update_id, Some(50_093_421_584));
    assert_eq!(end.best_bid, level("61685.99", "1.0087"));
    assert_eq!(end.best_ask, level("61686", "2.29327"));
    assert_eq!(end.levels, (1_209, 2_196));
    let ticker = end.last_ticker.unwrap();
    assert_eq!((ticker.bid, ticker.ask), (level("61685.99", "1.25869"), level("61686", "2.44807")));
    assert_eq!((ticker.update_id, ticker.venue_time), (50_093_421_612, None));
    assert_eq!(end.events, 28_040, "one quote for each best bid and ask");
}

/// The properties that the material's README states for the USD-M recording.
#[test]
fn the_perp_recording_ends_as_stated() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("wire/binance-usdm/recorded/hftb_btcusdt_2024-08-08");
    let end = replay(&folder, Market::Perp, btcusdt()).unwrap();
    assert_clean(&end);
    assert_eq!((end.frames, end.snapshot_line), (60_000, Some(55)));
    assert_eq!((end.book.before_snapshot, end.book.applied), (4, 4_578));
    assert_eq!(end.snapshot_id, Some(5_123_107_852_948));
    assert_eq!(end.last_update_id, Some(5_123_126_438_663));
    assert_eq!(end.best_bid, level("61661.5", "2.762"));
    assert_eq!(end.best_ask, level("61661.6", "5.778"));
    assert_eq!(end.levels, (4_363, 4_074));
    let ticker = end.last_ticker.unwrap();
    assert_eq!((ticker.bid, ticker.ask), (level("61661.5", "2.762"), level("61661.6", "5.778")));
    assert_eq!(ticker.update_id, 5_123_126_440_884);
    assert_eq!(end.counts.get(&Kind::BookTicker), Some(&43_954));
}

/// The whole day's file in the data layout is found by its symbol and has no gap either.
#[test]
fn the_data_folder_replays_without_a_gap() {
    let Some(shared) = shared() else { return };
    let perp = replay(&shared.join("data/book/binance-perp"), Market::Perp, btcusdt()).unwrap();
    assert_clean(&perp);
    assert_eq!((perp.frames, perp.book.before_snapshot, perp.book.applied), (93_954, 4, 6_547));
    let spot = replay(&shared.join("data/book/binance-spot"), Market::Spot, btcusdt()).unwrap();
    assert_clean(&spot);
    assert_eq!(spot.last_update_id, Some(50_093_421_584));
    let other = replay(&shared.join("data/book/binance-spot"), Market::Spot, Symbol::new("ETHUSDT").unwrap());
    assert!(other.unwrap_err().to_string().contains("no recording of ETHUSDT"));
}

/// The quick decoder must agree with the general one on every recorded line.
#[test]
fn both_decoders_agree_on_every_recorded_line() {
    let Some(shared) = shared() else { return };
    for (market, folder) in [(Market::Spot, "binance-spot"), (Market::Perp, "binance-perp")] {
        let path = shared.join("data/book").join(folder).join("BTCUSDT-20240808.jsonl.gz");
        let (mut quick, mut general) = (Scratch::default(), Scratch::default());
        let mut seen = 0_u64;
        for frame in Frames::open(&path).unwrap() {
            let frame = frame.unwrap();
            let slow = decode_general(market, &frame.bytes, &mut general);
            assert_eq!(decode(market, &frame.bytes, &mut quick), slow, "{folder}:{}", frame.line);
            // What comes often must take the quick way, else the agreement says nothing.
            let kind = slow.unwrap().kind();
            let often = kind != Kind::Snapshot;
            let taken = decode_quick(market, &frame.bytes, &mut quick).is_some();
            assert_eq!(taken, often, "{folder}:{}", frame.line);
            seen += 1;
        }
        assert!(seen > 40_000);
    }
}

/// Two recordings of 2021 keep the depth answers in files of their own: joined, they must run without a gap too.
#[test]
fn the_recordings_of_2021_join_their_snapshots() {
    let Some(shared) = shared() else { return };
    let spot = (Market::Spot, "binance-spot/recorded/ws_2021-10-12", "ws_frames.jsonl");
    let perp = (Market::Perp, "binance-usdm/recorded/ws_2021-07-22", "ws_frames.jsonl.gz");
    for ((market, folder, frames), symbol) in
        [(spot, "NKNUSDT"), (spot, "BLZETH"), (perp, "AKROUSDT"), (perp, "KEEPUSDT"), (perp, "SUSHIUSDT")]
    {
        let folder = shared.join("wire").join(folder);
        let instrument = InstrumentId(0);
        let subscription = Subscription { instrument, symbol: Symbol::new(symbol).unwrap(), interval: None };
        let mut session = Session::new(market, &[subscription]);
        let body = std::fs::read(folder.join(format!("rest_depth1000_{symbol}.json"))).unwrap();
        let mut out = Vec::new();
        let mut answered = false;
        for frame in Frames::open(&folder.join(frames)).unwrap() {
            let frame = frame.unwrap();
            session.handle(Input::Frame(&frame.bytes), frame.at, &mut out);
            let asked = out.drain(..).any(|output| matches!(output, Output::NeedSnapshot { .. }));
            if asked && !answered {
                answered = true;
                session.handle(Input::Snapshot { instrument, body: &body }, frame.at, &mut out);
            }
        }
        let sync = session.sync(instrument).unwrap();
        println!("{symbol}: in step {}, {:?}", sync.is_synced(), sync.counts());
        assert!(answered && sync.counts().gaps == 0, "{symbol}");
    }
}

/// Every text of a file that could be a message: lines, their `raw`, the bodies inside collections, the whole.
fn texts_of(path: &Path) -> Vec<String> {
    let mut bytes = std::fs::read(path).unwrap();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
        bytes = plain;
    }
    let text = String::from_utf8(bytes).unwrap();
    let is_lines = path.to_string_lossy().contains(".jsonl");
    let documents: Vec<&str> = if is_lines { text.lines().collect() } else { vec![&text] };
    let mut found = Vec::new();
    for document in documents {
        let before = found.len();
        if let Ok(value) = serde_json::from_str::<Value>(document) {
            inner_texts(&value, &mut found, 3);
        }
        if !is_lines || found.len() == before {
            found.push(document.to_owned());
        }
    }
    found
}

fn inner_texts(value: &Value, found: &mut Vec<String>, depth: u8) {
    match value {
        Value::Array(items) if depth > 0 => items.iter().for_each(|item| inner_texts(item, found, depth - 1)),
        Value::Object(fields) if depth > 0 => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("raw" | "response_raw" | "response_body", Value::String(text)) => found.push(text.clone()),
                    ("data", Value::Object(_)) if fields.contains_key("path") => found.push(value.to_string()),
                    ("frames", _) => inner_texts(value, found, depth),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, found);
        } else if path.to_string_lossy().contains(".json") {
            found.push(path);
        }
    }
}

/// Everything collected of a market, decoded or refused with a typed reason, and counted.
fn sweep(shared: &Path, market: Market, venue: &str) -> BTreeMap<String, u64> {
    let mut files = Vec::new();
    for part in ["recorded", "looks_recorded", "docs", "unclear"] {
        files_below(&shared.join("wire").join(venue).join(part), &mut files);
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut quick, mut general) = (Scratch::default(), Scratch::default());
    for path in &files {
        for text in texts_of(path) {
            let result = decode(market, text.as_bytes(), &mut quick);
            assert_eq!(result, decode_general(market, text.as_bytes(), &mut general), "{}: {text}", path.display());
            let word = match result {
                Ok(message) => message.kind().as_str().to_owned(),
                Err(DecodeError::NotJson { .. }) => "refused: not JSON".to_owned(),
                Err(error) => format!("refused: {error}"),
            };
            *counts.entry(word).or_default() += 1;
        }
    }
    println!("{venue}: {} files", files.len());
    for (word, count) in &counts {
        println!("{count:>8}  {word}");
    }
    counts
}

fn assert_at_least(counts: &BTreeMap<String, u64>, expected: &[(&str, u64)]) {
    for (word, least) in expected {
        let count = counts.get(*word).copied().unwrap_or_default();
        assert!(count >= *least, "{word}: {count} < {least}");
    }
}

#[test]
fn every_spot_text_is_decoded_or_refused_with_a_reason() {
    let Some(shared) = shared() else { return };
    let counts = sweep(&shared, Market::Spot, "binance-spot");
    assert_at_least(&counts, &[("book_ticker", 28_040), ("depth", 3_451), ("trade", 9_757), ("snapshot", 3)]);
    assert_at_least(&counts, &[("agg_trade", 1), ("reply", 1), ("error", 1), ("unrecognised", 1)]);
}

#[test]
fn every_perp_text_is_decoded_or_refused_with_a_reason() {
    let Some(shared) = shared() else { return };
    let counts = sweep(&shared, Market::Perp, "binance-usdm");
    assert_at_least(&counts, &[("book_ticker", 43_954), ("depth", 4_582), ("trade", 11_463), ("snapshot", 4)]);
    assert_at_least(&counts, &[("agg_trade", 1), ("mark", 1), ("error", 1), ("unrecognised", 1)]);
}
