//! How fast quotes go on the tape and come back: 100,000 of them a round.
//!
//! The bound is one million appended in 2.5 s, which is 250 ms here, and 60 bytes each on disk (`tests/tape/main.rs`).
#![expect(clippy::unwrap_used, missing_docs, reason = "a bench stops at the first error; criterion makes public items")]

use carry::domain::{Catalogue, InstrumentId, Price, Quantity, Sequence, WallTime};
use carry::port::event::Quote;
use carry::port::{Event, Stamped};
use carry::tape::{Header, TapeReader, TapeWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;

const QUOTES: u32 = 100_000;

fn quotes() -> Vec<Stamped> {
    let quote = |number: u32| {
        let noise = i64::from(number.wrapping_mul(2_654_435_761).rotate_left(13) % 977);
        let mid = 6_000_000_000_000 + i64::from(number % 50_000) * 1_000_000 + noise * 1_000_000;
        let at = WallTime(1_700_000_000_000 + i64::from(number) * 7);
        let quote = Quote {
            bid: Price::from_units(mid - 5_000_000).unwrap(),
            ask: Price::from_units(mid + 5_000_000).unwrap(),
            bid_depth: Quantity::from_units(noise * 1_700_000).unwrap(),
            ask_depth: Quantity::from_units((977 - noise) * 2_300_000).unwrap(),
            venue_time: WallTime(at.0 - 3),
        };
        let event = Event::Quote { instrument: InstrumentId(u16::from(number.to_le_bytes()[0] % 20)), quote };
        Stamped { sequence: Sequence(u64::from(number) + 1), at, event }
    };
    (0..QUOTES).map(quote).collect()
}

fn write(dir: &Path, quotes: &[Stamped]) {
    let header = Header {
        mode: "paper".to_owned(),
        market: "sim".to_owned(),
        seed: 1,
        strategy_sha256: String::new(),
        settings: serde_json::Value::Null,
        catalogue: Catalogue::default(),
    };
    let mut writer = TapeWriter::create(dir, &header).unwrap();
    for quote in quotes {
        writer.append(quote).unwrap();
    }
    writer.finish("d1").unwrap();
}

fn tape(criterion: &mut Criterion) {
    let quotes = quotes();
    let mut group = criterion.benchmark_group("tape");
    group.throughput(Throughput::Elements(u64::from(QUOTES))).sample_size(10);
    group.bench_function("append", |bencher| {
        bencher.iter_batched_ref(
            || tempfile::tempdir().unwrap(),
            |dir| write(dir.path(), &quotes),
            criterion::BatchSize::PerIteration,
        );
    });
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &quotes);
    group.bench_function("read", |bencher| {
        bencher.iter(|| TapeReader::open(dir.path()).unwrap().for_each(|item| drop(black_box(item.unwrap()))));
    });
    group.finish();
}

criterion_group!(benches, tape);
criterion_main!(benches);
