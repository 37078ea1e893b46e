//! Flat columns of a Parquet file by name: the one place that talks to the Parquet reader.
//!
//! It gives cells as they are and knows nothing of prices. Optional fields are accepted; where a cell is null is reported
//! beside the values. Tests: `tests/suite/data.rs`.

use super::error::DataError;
use super::pages::CheckedPages;
use parquet::basic::Type as Physical;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Rows read at a time.
const BATCH: usize = 65_536;
/// Most rows of one file: 60 years of minutes. A file that claims more is refused before memory is asked for (fault X06).
const MOST_ROWS: i64 = 32_000_000;

/// An open Parquet file.
pub(crate) struct Columns {
    file: PathBuf,
    reader: SerializedFileReader<File>,
    rows: usize,
}

/// The values of one column; a null has a zero in `values` and its row (from 0) in `nulls`.
pub(crate) struct Cells<T> {
    pub(crate) values: Vec<T>,
    pub(crate) nulls: Vec<usize>,
}

impl Columns {
    /// Opens a file and reads its footer.
    pub(crate) fn open(file: &Path) -> Result<Self, DataError> {
        let opened = open_regular(file)?;
        let size = opened.metadata().map_err(|source| DataError::io(file, source))?.len();
        let reader = SerializedFileReader::new(opened).map_err(|problem| DataError::parquet(file, problem))?;
        let rows = reader.metadata().file_metadata().num_rows();
        let groups: i128 = reader.metadata().row_groups().iter().map(|group| i128::from(group.num_rows())).sum();
        if !(0..=MOST_ROWS).contains(&rows) || groups != i128::from(rows) {
            return Err(DataError::parquet(file, format_args!("it claims {rows} rows and its groups hold {groups}")));
        }
        check_places(&reader, size).map_err(|problem| DataError::parquet(file, problem))?;
        Ok(Self { file: file.to_path_buf(), reader, rows: usize::try_from(rows).unwrap_or(0) })
    }

    /// Rows of the file.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the file has such a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.place(column).is_some()
    }

    /// A column of 64-bit integers.
    pub(crate) fn integers(&self, column: &str) -> Result<Cells<i64>, DataError> {
        self.read::<Int64Type>(column, "64-bit integers")
    }

    /// A column of doubles.
    pub(crate) fn doubles(&self, column: &str) -> Result<Cells<f64>, DataError> {
        self.read::<DoubleType>(column, "doubles")
    }

    /// A column of texts; a null is refused.
    pub(crate) fn texts(&self, column: &str) -> Result<Vec<String>, DataError> {
        let cells = self.read::<ByteArrayType>(column, "texts")?;
        let broken = |what: String| DataError::parquet(&self.file, format_args!("column `{column}` {what}"));
        if let Some(row) = cells.nulls.first() {
            return Err(broken(format!("is empty in row {}", row + 1)));
        }
        let text = |bytes: ByteArray| String::from_utf8(bytes.data().to_vec());
        let texts: Result<Vec<String>, _> = cells.values.into_iter().map(text).collect();
        texts.map_err(|_| broken("holds a text that is not UTF-8".to_owned()))
    }

    fn place(&self, column: &str) -> Option<usize> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        schema.columns().iter().position(|descriptor| descriptor.path().parts() == [column])
    }

    fn checked_place(&self, column: &str, want: Physical, expected: &'static str) -> Result<(usize, bool), DataError> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let place = self.place(column).ok_or_else(|| DataError::NoColumn {
            file: self.file.clone(),
            column: column.to_owned(),
            found: super::error::escaped(
                &schema.columns().iter().map(|one| one.path().string()).collect::<Vec<_>>().join(", "),
                200,
            ),
        })?;
        let descriptor = schema.column(place);
        let flat = descriptor.max_rep_level() == 0 && descriptor.max_def_level() <= 1;
        if descriptor.physical_type() == want && flat {
            return Ok((place, descriptor.max_def_level() == 1));
        }
        Err(DataError::WrongType {
            file: self.file.clone(),
            column: column.to_owned(),
            found: if flat { descriptor.physical_type().to_string() } else { "nested".to_owned() },
            expected,
        })
    }

    fn read<T: DataType>(&self, column: &str, expected: &'static str) -> Result<Cells<T::T>, DataError> {
        let (place, optional) = self.checked_place(column, T::get_physical_type(), expected)?;
        let descriptor = self.reader.metadata().file_metadata().schema_descr().column(place);
        let broken = |problem: String| DataError::parquet(&self.file, format_args!("column `{column}`: {problem}"));
        let mut cells = Cells { values: Vec::with_capacity(self.rows), nulls: Vec::new() };
        for number in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(number).map_err(|problem| broken(problem.to_string()))?;
            if group.metadata().columns().get(place).is_none() {
                return Err(broken(format!("row group {} does not have it", number + 1)));
            }
            let pages = group.get_column_page_reader(place).map_err(|problem| broken(problem.to_string()))?;
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let pages = Box::new(CheckedPages::new(pages, rows));
            let reader = ColumnReaderImpl::<T>::new(descriptor.clone(), pages);
            read_chunk(reader, optional, &mut cells).map_err(|problem| broken(problem.to_string()))?;
        }
        if cells.values.len() == self.rows {
            return Ok(cells);
        }
        Err(broken(format!("{} of {} rows could be read", cells.values.len(), self.rows)))
    }
}

fn read_chunk<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    optional: bool,
    cells: &mut Cells<T::T>,
) -> Result<(), parquet::errors::ParquetError> {
    let mut levels: Vec<i16> = Vec::new();
    let mut present: Vec<T::T> = Vec::new();
    loop {
        if !optional {
            let (records, _, _) = reader.read_records(BATCH, None, None, &mut cells.values)?;
            if records == 0 {
                return Ok(());
            }
            continue;
        }
        levels.clear();
        present.clear();
        let (records, values, _) = reader.read_records(BATCH, Some(&mut levels), None, &mut present)?;
        if records == 0 {
            return Ok(());
        }
        if values == records {
            cells.values.append(&mut present);
            continue;
        }
        let mut filled = present.drain(..);
        for level in &levels {
            if *level == 0 {
                cells.nulls.push(cells.values.len());
                cells.values.push(T::T::default());
            } else {
                cells.values.extend(filled.next());
            }
        }
    }
}

/// Refuses chunks that claim to lie outside of the file: the reader trusts these numbers.
fn check_places(reader: &SerializedFileReader<File>, size: u64) -> Result<(), String> {
    for chunk in reader.metadata().row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let end = start.checked_add(chunk.compressed_size()).and_then(|end| u64::try_from(end).ok());
        let whole =
            start >= 0 && chunk.data_page_offset() >= 0 && chunk.compressed_size() >= 0 && chunk.num_values() >= 0;
        if !whole || end.is_none_or(|end| end > size) {
            return Err(format!("column `{}` claims to lie outside of the file", chunk.column_path()));
        }
    }
    Ok(())
}

/// Opens a regular file; a folder, device or pipe is refused before anything is read from it (fault X12).
pub(crate) fn open_regular(file: &Path) -> Result<File, DataError> {
    let about = std::fs::metadata(file).map_err(|source| DataError::io(file, source))?;
    if !about.is_file() {
        return Err(DataError::NotAFile { file: file.to_path_buf() });
    }
    File::open(file).map_err(|source| DataError::io(file, source))
}
