//! Lines of a CSV file, not one of them trusted: the reader of funding and of instrument rules.
//!
//! Text is UTF-8 without a byte order mark and is not quoted, so that the place of a field is the place a person's editor
//! shows. Tests: `tests/data.rs`.

use super::columns::open_regular;
use super::error::{DataError, Place, escaped};
use csv::ByteRecord;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;

/// A file read line by line; the last line read is at hand.
pub(crate) struct Lines<'a> {
    file: &'a Path,
    reader: csv::Reader<File>,
    record: ByteRecord,
}

impl<'a> Lines<'a> {
    /// Opens a file before its header.
    pub(crate) fn open(file: &'a Path) -> Result<Self, DataError> {
        let mut opened = open_regular(file)?;
        refuse_mark(file, &mut opened)?;
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).quoting(false).from_reader(opened);
        Ok(Self { file, reader, record: ByteRecord::new() })
    }

    /// Reads the header: names without repeats. `expected` is shown when the file is empty.
    pub(crate) fn header(&mut self, expected: &str) -> Result<Vec<String>, DataError> {
        if !self.next()? {
            let problem = format!("the file is empty; expected the header `{expected}`");
            return Err(DataError::row(self.file, Place::Line(1, 1), problem));
        }
        let mut names: Vec<String> = Vec::with_capacity(self.record.len());
        for field in 0..self.record.len() {
            let name = self.text(field)?;
            if names.iter().any(|known| known == name) {
                let problem = format!("column `{}` stands there twice", escaped(name, 40));
                return Err(DataError::row(self.file, self.place(field), problem));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    /// Reads the next line; false at the end of the file. Empty lines are passed over.
    pub(crate) fn next(&mut self) -> Result<bool, DataError> {
        self.reader.read_byte_record(&mut self.record).map_err(|problem| match problem.into_kind() {
            csv::ErrorKind::Io(source) => DataError::io(self.file, source),
            other => DataError::row(self.file, Place::Line(self.reader.position().line(), 1), format!("{other:?}")),
        })
    }

    /// Refuses a line with fewer fields.
    pub(crate) fn at_least(&self, fields: usize) -> Result<(), DataError> {
        if self.record.len() >= fields {
            return Ok(());
        }
        let problem = format!("the line has {} fields, expected at least {fields}", self.record.len());
        Err(DataError::row(self.file, Place::Line(self.line(), 1), problem))
    }

    /// Number of the line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// Where the `field`-th field (from 0) of this line starts.
    pub(crate) fn place(&self, field: usize) -> Place {
        let before: usize = self.record.iter().take(field).map(|bytes| bytes.len() + 1).sum();
        Place::Line(self.line(), before + 1)
    }

    /// The `field`-th field (from 0) of this line.
    pub(crate) fn text(&self, field: usize) -> Result<&str, DataError> {
        let bytes = self.record.get(field).unwrap_or_default();
        std::str::from_utf8(bytes)
            .map_err(|_| DataError::row(self.file, self.place(field), "is not UTF-8 text; expected plain numbers"))
    }
}

/// The CSV reader would pass over a byte order mark; a file with one was written by a program that may also have changed
/// numbers, so a person should look (fault X05).
fn refuse_mark(file: &Path, opened: &mut File) -> Result<(), DataError> {
    let mut start = Vec::new();
    let io = |source| DataError::io(file, source);
    opened.by_ref().take(3).read_to_end(&mut start).map_err(io)?;
    opened.rewind().map_err(io)?;
    if start == [0xef, 0xbb, 0xbf] {
        let problem = "starts with a byte order mark; save it as UTF-8 without one";
        return Err(DataError::row(file, Place::Line(1, 1), problem));
    }
    Ok(())
}
