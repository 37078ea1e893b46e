//! The tape: every event that reached the core, in order, recorded so that a run can be replayed to the same decisions.
//!
//! It is never needed to recover: start-up reads the ledger of record and the venues. A run that writes one leaves
//! `tape-000001.zst`, `tape-000002.zst`, ... in its folder; a backtest leaves a [`manifest::Manifest`] instead. The files
//! are ordinary Zstandard, so the standard tool prints them as lines of JSON. This module never reads a clock, makes no
//! decision about events, and deletes nothing but whole old files, where [`Keep`] says so. Tests stand at the end of each
//! file and in `tests/tape.rs`.
//!
//! **Invariant**: files are only appended to. A resumed run opens a new file whose header says after which event it
//! continues; the reader leaves out what the earlier files hold beyond that. So the later writer wins, no crash can
//! lose what was on disk, and a damaged end stays there to be looked at.
//!
//! **Invariant**: a replay never silently misses an event. Only the end of what a crash interrupted may be damaged, and
//! that is reported as a [`Note`]; damage anywhere else, or a number that is not one more than the last, is an error.

mod block;
mod files;
pub mod manifest;
mod reader;
mod segments;
mod writer;

pub use manifest::Manifest;
pub use reader::TapeReader;
pub use segments::{Segment, segments};
pub use writer::{Keep, Limits, Resumption, TapeWriter};

use crate::domain::{Catalogue, Sequence};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Layout of tapes written by this program; older ones are read, newer ones are refused (fault G17). 2 has events that a
/// program of 1 does not know.
pub const SCHEMA: u32 = 2;

/// What a run was, as far as a replay must know. Every file of a tape repeats it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// `paper`, `shadow` or `live`.
    pub mode: String,
    /// `sim`, `replay` or `live`.
    pub market: String,
    /// Seed of the generated market and its faults.
    pub seed: u64,
    /// SHA-256 of the strategy file's bytes, in lower-case hex.
    pub strategy_sha256: String,
    /// The effective settings with sorted keys; made by [`canonical`].
    pub settings: serde_json::Value,
    /// The instruments and pairs that the numbers in the events stand for.
    pub catalogue: Catalogue,
}

impl Header {
    /// Whether both are of one run. Settings and terms of the venue may change from start to start.
    fn is_same(&self, other: &Self) -> bool {
        let word = |one: &Self| (one.mode.clone(), one.market.clone(), one.seed, one.strategy_sha256.clone());
        word(self) == word(other)
    }
}

/// A value as JSON with sorted keys, so that equal settings are equal bytes.
///
/// # Errors
/// [`TapeError::Encode`] when the value has no JSON form.
pub fn canonical(value: &impl Serialize) -> Result<serde_json::Value, TapeError> {
    serde_json::to_value(value).map_err(|error| TapeError::Encode { reason: error.to_string() })
}

/// The digest that closes a tape: what the run's commands and final ledger came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl Digest {
    /// A digest from its text: 1 to 128 letters and digits, as hex or base 64 without padding would be.
    ///
    /// # Errors
    /// [`TapeError::BadDigest`] when it is anything else.
    pub fn new(text: &str) -> Result<Self, TapeError> {
        let good = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if good { Ok(Self(text.to_owned())) } else { Err(TapeError::BadDigest) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Digest {
    type Error = TapeError;
    fn try_from(text: String) -> Result<Self, TapeError> {
        Self::new(&text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something a person should know about a tape that was read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A write was interrupted; what it left is not read (fault G21).
    TornTail {
        /// The file.
        file: PathBuf,
        /// Where the unreadable part begins.
        offset: u64,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Events of an interrupted run that the resumed run superseded.
    Superseded {
        /// The file that holds them.
        file: PathBuf,
        /// How many.
        events: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornTail { file, offset, bytes } => {
                write!(
                    f,
                    "{}: the last {bytes} bytes, from offset {offset}, were never completely written; left out",
                    file.display()
                )
            }
            Self::Superseded { file, events } => {
                write!(
                    f,
                    "{}: {events} events after the last durable one were superseded by the resumed run; left out",
                    file.display()
                )
            }
        }
    }
}

/// What is wrong with the bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// The file ends inside it.
    #[error("it is cut short")]
    Cut,
    /// It does not begin as a block does, or its head contradicts itself.
    #[error("it does not begin as a block of a tape")]
    Head,
    /// The bytes are not those that were written.
    #[error("its checksum does not match")]
    Checksum,
    /// Its checksum matches, but it does not unpack to what its head says.
    #[error("it does not unpack to what its head says")]
    Content,
}

/// Why a tape, or a manifest, could not be written or read.
#[derive(Debug, Error)]
pub enum TapeError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// A new tape was asked for where there is one.
    #[error("{dir}: already holds a tape; resume it or choose an empty folder", dir = dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// There is none.
    #[error("{dir}: holds no tape; expected files tape-000001.zst and on", dir = dir.display())]
    NoTape {
        /// The folder.
        dir: PathBuf,
    },
    /// A numbered file is not there.
    #[error("{file}: is missing, but later files of the tape are there", file = file.display())]
    FileMissing {
        /// The file.
        file: PathBuf,
    },
    /// The run was closed, so there is nothing to resume.
    #[error("{dir}: the tape is complete; start a new run in another folder", dir = dir.display())]
    Finished {
        /// The folder.
        dir: PathBuf,
    },
    /// Not even the header can be read.
    #[error("{file}: has no readable header: {damage}", file = file.display())]
    NoHeader {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Written by a program with another layout (fault G17).
    #[error("{file}: has schema {found}, this program reads schema {SCHEMA} and older; use the version that wrote it", file = file.display())]
    UnknownSchema {
        /// The file.
        file: PathBuf,
        /// Its schema.
        found: u64,
    },
    /// A manifest of another layout (fault G17).
    #[error("{file}: is not of schema {known}; use the version that wrote it", file = file.display(), known = manifest::SCHEMA)]
    UnknownManifest {
        /// The file.
        file: PathBuf,
    },
    /// A file belongs to another run.
    #[error("{file}: is not of the same run as the first file of the tape", file = file.display())]
    OtherRun {
        /// The file.
        file: PathBuf,
    },
    /// Bytes in the middle are not those that were written.
    #[error("{file}: the block at offset {offset} is damaged: {damage}", file = file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Where its damaged block begins.
        offset: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The bytes are those that were written, but they are not what this program writes.
    #[error("{file}: line {line} of the block at offset {offset} is not readable: {reason}", file = file.display())]
    Decode {
        /// The file.
        file: PathBuf,
        /// Where its block begins.
        offset: u64,
        /// Line in the block, from 1.
        line: usize,
        /// What was expected.
        reason: String,
    },
    /// Something has no form on the tape.
    #[error("cannot be put on the tape: {reason}")]
    Encode {
        /// Why.
        reason: String,
    },
    /// The writer was given an event out of order.
    #[error("event {found} was given to the tape where event {expected} belongs", found = found.0, expected = expected.0)]
    OutOfOrder {
        /// The number that belongs there.
        expected: Sequence,
        /// The number given.
        found: Sequence,
    },
    /// Events are not on the tape: a crash took them before they were flushed.
    #[error("{file}: events {first} to {last} are missing", file = file.display(), first = first.0, last = last.0)]
    Missing {
        /// The file in which they should be.
        file: PathBuf,
        /// First missing number.
        first: Sequence,
        /// Last missing number.
        last: Sequence,
    },
    /// An earlier write failed, so the end of the file is not known to be good.
    #[error("{file}: an earlier write failed; the tape takes no more events", file = file.display())]
    Broken {
        /// The file.
        file: PathBuf,
    },
    /// Not a digest.
    #[error("is not a digest: expected 1 to 128 letters and digits")]
    BadDigest,
    /// A file is larger than this program would ever write.
    #[error("{file}: has {bytes} bytes, more than any file of a tape", file = file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// An input's path leaves its folder (fault X12).
    #[error("{path:?}: expected a path inside the data folder, written with '/' and without '..'")]
    BadPath {
        /// The path as given.
        path: String,
    },
}

impl TapeError {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
