//! What can be wrong with files of history, always naming the file and the place in it.
//!
//! Texts that come out of a file are shown escaped and cut (fault X08). Tests: `tests/suite/data.rs`.

use crate::domain::{NumberError, WallTime};
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A place in a file: a row of a Parquet file (from 1) or a line and character of a text file (both from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Row of a Parquet file, from 1.
    Row(usize),
    /// Line and character of a text file, from 1.
    Line(u64, usize),
}

impl Place {
    /// Number of the line or row, from 1.
    #[must_use]
    pub fn line(self) -> u64 {
        match self {
            Self::Row(row) => u64::try_from(row).unwrap_or(u64::MAX),
            Self::Line(line, _) => line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(row) => write!(f, " row {row}"),
            Self::Line(line, character) => write!(f, "{line}:{character}"),
        }
    }
}

/// Why history could not be read.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file or folder cannot be opened or read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder, a device or a pipe where a file should be.
    #[error("{}: is not a regular file", file.display())]
    NotAFile {
        /// The path.
        file: PathBuf,
    },
    /// The folder is not in our layout.
    #[error("{}: is not a folder of history: expected `funding/` and `klines/` in it", folder.display())]
    NotAFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The bytes are not a whole Parquet file.
    #[error("{}: is not a whole Parquet file: {problem}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// What the reader said.
        problem: String,
    },
    /// A column is not there.
    #[error("{}: has no column `{column}`; it has {found}", file.display())]
    NoColumn {
        /// The file.
        file: PathBuf,
        /// The missing column.
        column: String,
        /// The columns it has.
        found: String,
    },
    /// A column holds something else than numbers of the expected kind.
    #[error("{}: column `{column}` is {found}, expected {expected}", file.display())]
    WrongType {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The type in the file.
        found: String,
        /// The type we read.
        expected: &'static str,
    },
    /// One cell is not the number it should be.
    #[error("{}:{place}: {column} {found} {problem}; expected {expected}", file.display())]
    Cell {
        /// The file.
        file: Box<Path>,
        /// Where.
        place: Place,
        /// The column.
        column: Box<str>,
        /// What stands there, escaped and cut.
        found: Box<str>,
        /// What is wrong with it.
        problem: Box<str>,
        /// What would be right.
        expected: &'static str,
    },
    /// A row or line as a whole is wrong.
    #[error("{}:{place}: {problem}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// Where.
        place: Place,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A pair is not there or lacks one of its parts.
    #[error("{name} cannot be priced: {missing}{}", hint(nearest.as_deref()))]
    NoPair {
        /// The name asked for.
        name: String,
        /// What the folder lacks.
        missing: String,
        /// The most similar pair that can be priced.
        nearest: Option<String>,
    },
    /// The pair exists but has nothing between the asked times.
    #[error("{name} has no bars common to both legs {window}; they exist from {first} to {last}")]
    EmptyWindow {
        /// The pair.
        name: String,
        /// The asked times, as words.
        window: String,
        /// Open of its first common bar.
        first: WallTime,
        /// Open of its last common bar.
        last: WallTime,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

impl DataError {
    pub(crate) fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Unreadable { file: file.to_path_buf(), source }
    }

    pub(crate) fn parquet(file: &Path, problem: impl fmt::Display) -> Self {
        Self::Parquet { file: file.to_path_buf(), problem: escaped(&problem.to_string(), 200) }
    }

    pub(crate) fn row(file: &Path, place: Place, problem: impl Into<String>) -> Self {
        Self::Row { file: file.to_path_buf(), place, problem: problem.into() }
    }
}

/// A cell that is about to be refused: where it stands and what was expected there.
pub(crate) struct Bad<'a> {
    pub(crate) file: &'a Path,
    pub(crate) place: Place,
    pub(crate) column: &'a str,
    pub(crate) expected: &'static str,
}

impl Bad<'_> {
    /// The error for what stands there.
    pub(crate) fn is(&self, found: impl fmt::Display, problem: impl fmt::Display) -> DataError {
        DataError::Cell {
            file: self.file.into(),
            place: self.place,
            column: self.column.into(),
            found: found.to_string().into(),
            problem: problem.to_string().into(),
            expected: self.expected,
        }
    }

    /// The error for a text of a file.
    pub(crate) fn text(&self, found: &str, problem: NumberError) -> DataError {
        match problem {
            NumberError::Empty => self.is("is", "empty"),
            _ => self.is(format_args!("\"{}\"", escaped(found, 40)), problem),
        }
    }
}

/// Foreign text made harmless: control and direction marks escaped, at most `most` characters (fault X08).
pub(crate) fn escaped(text: &str, most: usize) -> String {
    let mut out: String = text.chars().take(most).flat_map(char::escape_debug).collect();
    if text.chars().nth(most).is_some() {
        out.push_str("...");
    }
    out
}

/// First and last time in which a millisecond stamp is believed: 2009-01-03 (Bitcoin's first block) to 2100.
pub(crate) const PLAUSIBLE: (i64, i64) = (1_230_940_800_000, 4_102_444_800_000);

/// Whether a number can be a time in milliseconds; seconds, micro- and nanoseconds are not (fault B17).
pub(crate) const fn plausible(stamp: i64) -> bool {
    stamp >= PLAUSIBLE.0 && stamp < PLAUSIBLE.1
}

/// What is expected of a stamp.
pub(crate) const STAMP: &str = "UTC milliseconds between 2009 and 2100, such as 1735689600000";
