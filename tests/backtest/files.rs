//! Folders of history for the tests: the recorded one beside the repository, and small ones written here.

use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

/// One candle: open time, open, high, low, close, volume.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) at: i64,
    pub(crate) prices: [f64; 4],
    pub(crate) volume: f64,
}

/// One settlement as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct Paid {
    pub(crate) at: i64,
    pub(crate) rate: String,
    pub(crate) mark: String,
}

/// A small generator that is the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    /// A number below `most`.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    /// A number from `-most` to `most`.
    pub(crate) fn around(&mut self, most: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(2 * most + 1).unwrap())).unwrap() - most
    }
}

/// The shared folder, or a word that there is none; fatal on CI.
pub(crate) fn shared() -> Option<PathBuf> {
    let root = std::env::var("CARRY_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if root.join("data").is_dir() {
        return Some(root);
    }
    assert!(std::env::var("CI").is_err(), "shared data are missing at {}", root.display());
    println!("skipped: no shared data at {}", root.display());
    None
}

/// A file of the repository.
pub(crate) fn repo(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).display().to_string()
}

/// Runs the program in an empty environment, so that no variable of a person changes a setting.
pub(crate) fn carry(arguments: &[&str]) -> Output {
    carry_with(arguments, &[])
}

/// The same with environment variables.
pub(crate) fn carry_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder.path()).env_clear().envs(environment.iter().copied()).args(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes candles as the layout has them; a mark file has no volume.
pub(crate) fn write_candles(file: &Path, bars: &[Bar], volume: bool) {
    let stamps: Vec<i64> = bars.iter().map(|bar| bar.at).collect();
    let mut columns: Vec<(&str, Vec<f64>)> = ["open", "high", "low", "close"]
        .iter()
        .enumerate()
        .map(|(place, name)| (*name, bars.iter().map(|bar| bar.prices[place]).collect()))
        .collect();
    if volume {
        columns.push(("volume", bars.iter().map(|bar| bar.volume).collect()));
    }
    write_columns(file, &stamps, &columns);
}

/// Writes a `ts_ms` column and columns of doubles.
pub(crate) fn write_columns(file: &Path, stamps: &[i64], columns: &[(&str, Vec<f64>)]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut schema = "message candles { REQUIRED INT64 ts_ms;".to_owned();
    for (name, _) in columns {
        write!(schema, " REQUIRED DOUBLE {name};").unwrap();
    }
    let schema = Arc::new(parse_message_type(&format!("{schema} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(File::create(file).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    integers(&mut group, stamps);
    for (_, values) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(values, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

fn integers(group: &mut SerializedRowGroupWriter<'_, File>, values: &[i64]) {
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(values, None, None).unwrap();
    column.close().unwrap();
}

pub(crate) fn write_funding(file: &Path, rows: &[Paid]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut text = "ts_ms,rate,mark_price\n".to_owned();
    for row in rows {
        writeln!(text, "{},{},{}", row.at, row.rate, row.mark).unwrap();
    }
    fs::write(file, text).unwrap();
}

/// A file of CSV as rows of fields, with its header first.
pub(crate) fn csv_rows(file: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}
