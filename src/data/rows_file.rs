//! A Parquet file of rows that the program computed: named columns of text, whole numbers and doubles.
//!
//! The same rows give the same bytes. `DuckDB`, Polars and pyarrow read it as it is. History is written by `save.rs`.
//! Tests stand at the end and in `tests/suite/sweep.rs`.

use super::columns::{Cells, Columns};
use super::error::DataError;
use super::save::{replace, writer};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Texts, none missing.
    Texts(Vec<String>),
    /// Whole numbers; what is missing is null in the file.
    Integers(Vec<Option<i64>>),
    /// Doubles; what is missing is null in the file.
    Doubles(Vec<Option<f64>>),
}

/// Replaces a file by these columns, which have one length.
///
/// # Errors
/// [`DataError`] when it cannot be written.
pub fn write(file: &Path, columns: &[(String, Column)]) -> Result<(), DataError> {
    let mut schema = String::from("message rows {");
    for (name, column) in columns {
        let kind = match column {
            Column::Texts(_) => "REQUIRED BYTE_ARRAY",
            Column::Integers(_) => "OPTIONAL INT64",
            Column::Doubles(_) => "OPTIONAL DOUBLE",
        };
        let text = if matches!(column, Column::Texts(_)) { " (STRING)" } else { "" };
        // Writing into a String does not fail.
        let _ = write!(schema, " {kind} {name}{text};");
    }
    schema.push('}');
    replace(file, |out| written(out, &schema, columns).map_err(io::Error::other))
}

fn written(out: &mut File, schema: &str, columns: &[(String, Column)]) -> Result<(), ParquetError> {
    let mut writer = writer(out, schema)?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let Some(mut place) = group.next_column()? else { break };
        match (place.untyped(), column) {
            (ColumnWriter::ByteArrayColumnWriter(typed), Column::Texts(texts)) => {
                let bytes: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(text.as_str())).collect();
                typed.write_batch(&bytes, None, None)?;
            }
            (ColumnWriter::Int64ColumnWriter(typed), Column::Integers(cells)) => {
                let (levels, present) = split(cells);
                typed.write_batch(&present, Some(&levels), None)?;
            }
            (ColumnWriter::DoubleColumnWriter(typed), Column::Doubles(cells)) => {
                let (levels, present) = split(cells);
                typed.write_batch(&present, Some(&levels), None)?;
            }
            _ => return Err(ParquetError::General("the schema and the values differ".to_owned())),
        }
        place.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

fn split<T: Copy>(cells: &[Option<T>]) -> (Vec<i16>, Vec<T>) {
    (cells.iter().map(|cell| i16::from(cell.is_some())).collect(), cells.iter().copied().flatten().collect())
}

/// An open file of rows.
pub struct Rows(Columns);

impl Rows {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`DataError`] when it is no such file.
    pub fn open(file: &Path) -> Result<Self, DataError> {
        Columns::open(file).map(Self)
    }

    /// A column of texts.
    ///
    /// # Errors
    /// [`DataError`] with file and column.
    pub fn texts(&self, column: &str) -> Result<Vec<String>, DataError> {
        self.0.texts(column)
    }

    /// A column of whole numbers.
    ///
    /// # Errors
    /// [`DataError`] with file and column.
    pub fn integers(&self, column: &str) -> Result<Vec<Option<i64>>, DataError> {
        self.0.integers(column).map(missing)
    }

    /// A column of doubles.
    ///
    /// # Errors
    /// [`DataError`] with file and column.
    pub fn doubles(&self, column: &str) -> Result<Vec<Option<f64>>, DataError> {
        self.0.doubles(column).map(missing)
    }
}

fn missing<T>(cells: Cells<T>) -> Vec<Option<T>> {
    let mut nulls = cells.nulls.into_iter().peekable();
    let cell = |(row, value)| if nulls.next_if_eq(&row).is_some() { None } else { Some(value) };
    cells.values.into_iter().enumerate().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back_with_what_is_missing_and_the_bytes_are_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let columns = [
            ("set".to_owned(), Column::Texts(vec!["a".into(), "é".into(), String::new()])),
            ("fold".to_owned(), Column::Integers(vec![None, Some(1), Some(-2)])),
            ("entry.funding_value".to_owned(), Column::Doubles(vec![Some(0.5), None, None])),
        ];
        let (one, other) = (folder.path().join("results/a.parquet"), folder.path().join("b.parquet"));
        write(&one, &columns).unwrap();
        write(&other, &columns).unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
        let rows = Rows::open(&one).unwrap();
        assert_eq!(rows.texts("set").unwrap(), ["a", "é", ""]);
        assert_eq!(rows.integers("fold").unwrap(), [None, Some(1), Some(-2)]);
        assert_eq!(rows.doubles("entry.funding_value").unwrap(), [Some(0.5), None, None]);
        assert!(rows.texts("fold").unwrap_err().to_string().contains("texts"));
    }
}
