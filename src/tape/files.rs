//! The files of a tape: their names, their order, and the header that opens each.
//!
//! Only the first block of each file is read here; events are the reader's. Tests stand in `tests/tape.rs`.

use super::block::{self, Block, Kind};
use super::{Damage, Header, SCHEMA, TapeError};
use crate::domain::Sequence;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The header block of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FileHeader {
    schema: u32,
    /// The run.
    #[serde(flatten)]
    pub(super) run: Header,
    /// The last event of the interrupted run that still counts; absent in the first file and after a rotation.
    pub(super) resumes_after: Option<Sequence>,
    /// What the core began with there, beside the facts of the ledger; absent in files of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begins: Option<serde_json::Value>,
}

impl FileHeader {
    pub(super) const fn new(run: Header, resumes_after: Option<Sequence>) -> Self {
        Self { schema: SCHEMA, run, resumes_after, begins: None }
    }

    /// The first file after a restart.
    pub(super) fn resumed(run: Header, after: Sequence, begins: serde_json::Value) -> Self {
        Self { schema: SCHEMA, run, resumes_after: Some(after), begins: Some(begins) }
    }
}

/// Only the part that every layout has.
#[derive(Deserialize)]
struct AnySchema {
    schema: u64,
}

/// One file and what its first block says.
#[derive(Debug, Clone)]
pub(super) struct TapeFile {
    pub(super) path: PathBuf,
    /// The header, or what is wrong with the block that should be it.
    pub(super) header: Result<FileHeader, Damage>,
}

/// Name of the `number`th file, from 1.
pub(super) fn name(number: usize) -> String {
    format!("tape-{number:06}.zst")
}

/// The files of the tape in `dir` with their numbers, in order, whatever is missing between them.
pub(super) fn numbered(dir: &Path) -> Result<Vec<(usize, PathBuf)>, TapeError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(TapeError::io(dir))? {
        let entry = entry.map_err(TapeError::io(dir))?;
        let found = entry.file_name();
        let digits = found.to_str().and_then(|text| text.strip_prefix("tape-")?.strip_suffix(".zst"));
        numbers.extend(digits.and_then(|digits| digits.parse::<usize>().ok()).filter(|number| found == *name(*number)));
    }
    numbers.sort_unstable();
    Ok(numbers.into_iter().map(|number| (number, dir.join(name(number)))).collect())
}

/// The files of the tape in `dir` in order; none when there is no tape.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let numbered = numbered(dir)?;
    match numbered.iter().zip(1..).find(|((number, _), expected)| number != expected) {
        Some((_, expected)) => Err(TapeError::FileMissing { file: dir.join(name(expected)) }),
        None => Ok(numbered.into_iter().map(|(_, path)| path).collect()),
    }
}

/// The files of the tape in `dir` with their headers, all of one run.
pub(super) fn open(dir: &Path) -> Result<Vec<TapeFile>, TapeError> {
    let mut files: Vec<TapeFile> = Vec::new();
    for path in list(dir)? {
        let header = read_header(&path)?;
        let first = files.iter().find_map(|file| file.header.as_ref().ok());
        if let (Some(first), Ok(header)) = (first, &header)
            && !first.run.is_same(&header.run)
        {
            return Err(TapeError::OtherRun { file: path });
        }
        files.push(TapeFile { path, header });
    }
    Ok(files)
}

/// The header of one file; damage is a value because only the caller knows whether a crash explains it.
pub(super) fn read_header(path: &Path) -> Result<Result<FileHeader, Damage>, TapeError> {
    let file = File::open(path).map_err(TapeError::io(path))?;
    let mut bytes = Vec::new();
    let head_len = u64::try_from(block::HEAD).unwrap_or(u64::MAX);
    (&file).take(head_len).read_to_end(&mut bytes).map_err(TapeError::io(path))?;
    let payload = match block::payload_len(&bytes) {
        Ok(payload) => u64::try_from(payload).unwrap_or(u64::MAX),
        Err(damage) => return Ok(Err(damage)),
    };
    (&file).take(payload).read_to_end(&mut bytes).map_err(TapeError::io(path))?;
    let lines = Block::parse(&bytes).and_then(|(block, _)| match block.kind {
        Kind::Header => block.unpack(),
        Kind::Events | Kind::Trailer => Err(Damage::Content),
    });
    let lines = match lines {
        Ok(lines) => lines,
        Err(damage) => return Ok(Err(damage)),
    };
    let decode = |error: serde_json::Error| TapeError::Decode {
        file: path.to_owned(),
        offset: 0,
        line: 1,
        reason: error.to_string(),
    };
    let any: AnySchema = serde_json::from_slice(&lines).map_err(decode)?;
    if any.schema == 0 || any.schema > u64::from(SCHEMA) {
        return Err(TapeError::UnknownSchema { file: path.to_owned(), found: any.schema });
    }
    serde_json::from_slice(&lines).map(Ok).map_err(decode)
}

/// All bytes of a file, up to the size that no tape file reaches.
pub(super) fn read_whole(path: &Path) -> Result<Vec<u8>, TapeError> {
    let file = File::open(path).map_err(TapeError::io(path))?;
    let bytes = file.metadata().map_err(TapeError::io(path))?.len();
    if bytes > MAX_FILE {
        return Err(TapeError::TooLarge { file: path.to_owned(), bytes });
    }
    let mut content = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut content).map_err(TapeError::io(path))?;
    Ok(content)
}

/// Largest file ever read into memory; the writer rotates long before.
pub(super) const MAX_FILE: u64 = 512 << 20;
