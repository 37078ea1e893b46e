//! Reads small files that a person names: regular files alone, and never more than a bound (faults X12, L37).
//!
//! A pipe or a device is refused before it is opened: it could be read without end. Tests: `tests/commands/process.rs`.

use crate::domain::text::unmarked;
use std::io::Read as _;
use std::path::Path;

/// Largest file that is read, bytes: far more than a script of faults or a certificate ever has.
const LARGEST: u64 = 1_048_576;

/// The bytes of a file.
///
/// # Errors
/// What is wrong with it, to stand after its name.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let io = |error: std::io::Error| error.to_string();
    let too_large = || format!("is larger than {LARGEST} bytes");
    let known = std::fs::metadata(path).map_err(io)?;
    if !known.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    // It may grow between the look and the reading, so the reading is bounded too.
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

/// The text of a file, without a byte-order mark.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let text = String::from_utf8(read(path)?).map_err(|_| "is not UTF-8".to_owned())?;
    Ok(unmarked(&text).to_owned())
}
