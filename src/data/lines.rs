//! Lines of a CSV file, not one of them trusted: the reader of funding and of instrument rules.
//!
//! Text is UTF-8, may begin with a byte-order mark, and is not quoted, so that the place of a field is the place a person's editor
//! shows. Tests: `tests/suite/data.rs`.

use super::columns::open_regular;
use super::error::{DataError, Place, escaped};
use csv::ByteRecord;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;

/// A byte-order mark in UTF-8, with which some programs begin a text.
pub(crate) const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

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
        pass_mark(&mut opened).map_err(|source| DataError::io(file, source))?;
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

/// Passes over a byte-order mark, so that it counts neither as a character of the header nor as a place in its line.
fn pass_mark(opened: &mut File) -> std::io::Result<()> {
    let mut start = Vec::new();
    opened.by_ref().take(3).read_to_end(&mut start)?;
    if start != MARK {
        opened.rewind()?;
    }
    Ok(())
}
