//! A tape by starts of its process: each stretch can be replayed by itself, from what the core began with.
//!
//! Read leniently: what is missing or unreadable is said of its stretch, and the others stay readable. Tests:
//! `tests/tape/main.rs`, `tests/commands/replay.rs`.

use super::files::{self, TapeFile};
use super::{Header, TapeError, TapeReader};
use crate::domain::Sequence;
use std::path::Path;

/// What was recorded from one start of the process to the next.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The run as it was at that start.
    pub header: Header,
    /// The last event before it that counts; absent at the very first start.
    pub after: Option<Sequence>,
    /// What the core began with, beside the facts of the ledger; absent at the very first start.
    pub begins: Option<serde_json::Value>,
    /// The last event of it that counts, when another start followed.
    pub upto: Option<Sequence>,
    /// Why its events are not all there, in words; absent when they should be.
    pub incomplete: Option<String>,
    files: Vec<TapeFile>,
}

impl Segment {
    /// Reads its events.
    #[must_use]
    pub fn read(&self) -> TapeReader {
        TapeReader::of(self.header.clone(), self.files.clone(), (self.after, self.upto))
    }
}

/// The stretches of the tape in `dir`, oldest first. A restart recorded by an older program has none of its own: it belongs to
/// the stretch before.
///
/// # Errors
/// [`TapeError::NoTape`], [`TapeError::UnknownSchema`], and what the system says.
pub fn segments(dir: &Path) -> Result<Vec<Segment>, TapeError> {
    let mut found: Vec<Segment> = Vec::new();
    let mut before = 0;
    for (number, path) in files::numbered(dir)? {
        let header = files::read_header(&path)?;
        let file = TapeFile { path, header };
        let Ok(header) = &file.header else {
            // A start that was killed before its first word; nothing of it is readable, and the next start knows what counts.
            continue;
        };
        let missing = number != before + 1;
        before = number;
        if found.is_empty() || header.begins.is_some() {
            let pruned = found.is_empty() && header.resumes_after.is_none() && number > 1;
            found.push(Segment {
                header: header.run.clone(),
                after: header.begins.is_some().then_some(header.resumes_after).flatten(),
                begins: header.begins.clone(),
                upto: None,
                incomplete: pruned.then(|| format!("its files before {} were removed", files::name(number))),
                files: vec![file],
            });
        } else if let Some(segment) = found.last_mut() {
            if missing && header.resumes_after.is_none() {
                segment.incomplete = Some(format!("a file before {} is missing", files::name(number)));
            }
            segment.files.push(file);
        }
    }
    if found.is_empty() {
        return Err(TapeError::NoTape { dir: dir.to_owned() });
    }
    let mut upto: Option<Sequence> = None;
    for segment in found.iter_mut().rev() {
        segment.upto = upto;
        upto = segment.after.into_iter().chain(upto).min();
    }
    Ok(found)
}
