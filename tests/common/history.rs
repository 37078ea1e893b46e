//! Small files of history written by tests.
#![allow(dead_code, reason = "several tests share it, and not each needs all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests may stop the test, find the shared folder by environment, and say when they skip"
)]

use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// 2025-01-01T00:00Z.
pub(crate) const START: i64 = 1_735_689_600_000;
/// One hour in milliseconds.
pub(crate) const HOUR: i64 = 3_600_000;

/// A column of a test file.
pub(crate) enum Column {
    /// Required doubles.
    Doubles(&'static str, Vec<f64>),
    /// Optional doubles; `None` is null.
    Optional(&'static str, Vec<Option<f64>>),
    /// Required integers.
    Integers(&'static str, Vec<i64>),
}

/// Writes a Parquet file.
pub(crate) fn write_parquet(file: &Path, columns: Vec<Column>) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let field = |column: &Column| match column {
        Column::Doubles(name, _) => format!("required double {name};"),
        Column::Optional(name, _) => format!("optional double {name};"),
        Column::Integers(name, _) => format!("required int64 {name};"),
    };
    let message = format!("message test {{ {} }}", columns.iter().map(field).collect::<Vec<_>>().join(" "));
    let schema = Arc::new(parse_message_type(&message).unwrap());
    let opened = std::fs::File::create(file).unwrap();
    let mut writer = SerializedFileWriter::new(opened, schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for column in columns {
        let mut open = group.next_column().unwrap().unwrap();
        match column {
            Column::Doubles(_, values) => open.typed::<DoubleType>().write_batch(&values, None, None).unwrap(),
            Column::Integers(_, values) => open.typed::<Int64Type>().write_batch(&values, None, None).unwrap(),
            Column::Optional(_, values) => {
                let present: Vec<f64> = values.iter().flatten().copied().collect();
                let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                open.typed::<DoubleType>().write_batch(&present, Some(&levels), None).unwrap()
            }
        };
        open.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// Columns of flat candles at these closes; open, high and low follow.
pub(crate) fn candles(stamps: Vec<i64>, close: Vec<f64>) -> Vec<Column> {
    vec![
        Column::Integers("ts_ms", stamps),
        Column::Doubles("open", close.clone()),
        Column::Doubles("high", close.iter().map(|price| price * 2.0).collect()),
        Column::Doubles("low", close.iter().map(|price| price / 2.0).collect()),
        Column::Doubles("volume", vec![1.5; close.len()]),
        Column::Doubles("close", close),
    ]
}

/// Stamps of `count` bars of `step` hours from [`START`] on.
pub(crate) fn bars(count: i64, step: i64) -> Vec<i64> {
    (0..count).map(|number| START + number * step * HOUR).collect()
}

/// A folder with one pair `binance:GENUSDT` without a fault: 240 hours and settlements each 8 h.
pub(crate) fn clean_folder(root: &Path) -> PathBuf {
    for market in ["spot", "perp"] {
        let file = root.join(format!("klines/binance-{market}/GENUSDT-1h.parquet"));
        write_parquet(&file, candles(bars(240, 1), vec![100.25; 240]));
    }
    let mut text = "ts_ms,rate,mark_price\n".to_owned();
    for stamp in bars(30, 8) {
        writeln!(text, "{},0.0001,", stamp + 5).unwrap();
    }
    let file = root.join("funding/binance/GENUSDT.csv");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    root.to_path_buf()
}

/// The recorded history, or a word that there is none; fatal on CI.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let root = std::env::var("CARRY_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("data");
    if root.is_dir() {
        return Some(root);
    }
    assert!(std::env::var("CI").is_err(), "shared data are missing at {}", root.display());
    println!("skipped: no shared data at {}", root.display());
    None
}

/// A file in a folder that goes away.
pub(crate) fn temporary(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    (folder, file)
}
