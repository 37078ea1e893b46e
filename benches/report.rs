//! What a report costs after a backtest: the whole folder and the page alone, for 60,000 equity rows.

#![expect(missing_docs, reason = "criterion makes functions without documents")]

#[path = "../tests/support/run_result.rs"]
mod support;

use carry::report::{html, write_all};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn report(c: &mut Criterion) {
    let result = support::synthetic(60_000);
    let mut group = c.benchmark_group("report");
    group.sample_size(10);
    group.bench_function("page_60k_rows", |b| b.iter(|| html::render(black_box(&result))));
    let folder = tempfile::tempdir().ok();
    if let Some(folder) = &folder {
        group.bench_function("folder_60k_rows", |b| b.iter(|| write_all(folder.path(), black_box(&result)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, report);
criterion_main!(benches);
