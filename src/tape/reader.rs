//! Reads a tape back, event by event, and says what it had to leave out.
//!
//! Holds one file in memory at a time. It changes nothing on disk. Tests stand in `tests/tape.rs`.

use super::block::{self, Block, Kind};
use super::files::{self, TapeFile};
use super::writer::Trailer;
use super::{Damage, Digest, Header, Note, TapeError};
use crate::domain::Sequence;
use crate::port::Stamped;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Reads one tape; an iterator of its events in order.
///
/// An error ends it, except [`TapeError::Missing`]: after that it goes on with the next event that is there, for a caller
/// who only wants to look.
pub struct TapeReader {
    header: Header,
    files: Vec<TapeFile>,
    /// The file being read, `None` before the first.
    current: Option<usize>,
    bytes: Vec<u8>,
    /// Where the block begins that was read last, or is being read.
    block_at: usize,
    /// Where the next block begins.
    offset: usize,
    waiting: VecDeque<Stamped>,
    /// Events of the current file beyond this were superseded.
    keep_through: Option<Sequence>,
    superseded: u64,
    last: Option<Sequence>,
    trailer: Option<Trailer>,
    notes: Vec<Note>,
    ended: bool,
    /// Events beyond this were superseded by a later start whose files are not read here.
    upto: Option<Sequence>,
}

impl TapeReader {
    /// Opens the tape in `dir`.
    ///
    /// # Errors
    /// [`TapeError::NoTape`], [`TapeError::UnknownSchema`] (fault G17), [`TapeError::OtherRun`], or a first file whose
    /// header cannot be read.
    pub fn open(dir: &Path) -> Result<Self, TapeError> {
        let files = files::open(dir)?;
        let first = files.first().ok_or_else(|| TapeError::NoTape { dir: dir.to_owned() })?;
        let header = match &first.header {
            Ok(header) => header.run.clone(),
            Err(damage) => return Err(TapeError::NoHeader { file: first.path.clone(), damage: *damage }),
        };
        Ok(Self::of(header, files, (None, None)))
    }

    /// Of these files: their events after the first number, and up to the second.
    pub(super) fn of(header: Header, files: Vec<TapeFile>, between: (Option<Sequence>, Option<Sequence>)) -> Self {
        let (last, upto) = between;
        Self {
            header,
            files,
            current: None,
            bytes: Vec::new(),
            block_at: 0,
            offset: 0,
            waiting: VecDeque::new(),
            keep_through: None,
            superseded: 0,
            last,
            trailer: None,
            notes: Vec::new(),
            ended: false,
            upto,
        }
    }

    /// What the run was.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What was left out so far; complete after the last event.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The digest of a completed run; known after the last event, `None` when the run was interrupted.
    #[must_use]
    pub fn trailer(&self) -> Option<Digest> {
        self.trailer.as_ref().map(|trailer| trailer.digest.clone())
    }

    fn path(&self) -> PathBuf {
        self.current.and_then(|place| self.files.get(place)).map_or_else(PathBuf::new, |file| file.path.clone())
    }

    /// Reads on until an event waits; `false` at the end of the tape.
    fn fill(&mut self) -> Result<bool, TapeError> {
        while self.waiting.is_empty() {
            if self.offset < self.bytes.len() {
                self.read_block()?;
            } else if !self.next_file()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn next_file(&mut self) -> Result<bool, TapeError> {
        if self.superseded > 0 {
            self.notes.push(Note::Superseded { file: self.path(), events: self.superseded });
            self.superseded = 0;
        }
        let place = self.current.map_or(0, |place| place + 1);
        let Some(file) = self.files.get(place) else {
            return Ok(false);
        };
        self.bytes = files::read_whole(&file.path)?;
        self.offset = 0;
        let later = self.files.get(place + 1..).unwrap_or_default();
        let resumed = later.iter().filter_map(|file| file.header.as_ref().ok()?.resumes_after);
        self.keep_through = resumed.chain(self.upto).min();
        if file.header.as_ref().is_ok_and(|header| header.resumes_after.is_some()) {
            // The digest before it was of an earlier start.
            self.trailer = None;
        }
        self.current = Some(place);
        Ok(true)
    }

    /// Reads the block at the current offset.
    fn read_block(&mut self) -> Result<(), TapeError> {
        self.block_at = self.offset;
        let rest = self.bytes.get(self.block_at..).unwrap_or_default();
        let (block, length) = match Block::parse(rest) {
            Ok(found) => found,
            Err(damage) => return self.cut_tail(damage),
        };
        if self.trailer.is_some() {
            return Err(self.undecodable(1, "nothing may follow the digest of a completed run".to_owned()));
        }
        let must_be_header = self.block_at == 0;
        let lines = block.unpack().map_err(|damage| self.corrupt(damage))?;
        self.offset += length;
        match block.kind {
            Kind::Header if must_be_header => {}
            Kind::Events if !must_be_header => {
                let events: Vec<Stamped> = self.decode(&lines)?;
                let first = events.first().map(|stamped| stamped.sequence);
                if u32::try_from(events.len()) != Ok(block.count) || first.is_some_and(|first| first != block.first) {
                    return Err(self.corrupt(Damage::Content));
                }
                self.keep(events);
            }
            Kind::Trailer if !must_be_header => self.close(&lines)?,
            Kind::Header | Kind::Events | Kind::Trailer => return Err(self.corrupt(Damage::Head)),
        }
        Ok(())
    }

    /// Leaves out a damaged end, if an interrupted write explains it.
    fn cut_tail(&mut self, damage: Damage) -> Result<(), TapeError> {
        let later = self.files.get(self.current.map_or(0, |place| place + 1)..).unwrap_or_default();
        let next = later.iter().find_map(|file| file.header.as_ref().ok());
        let interrupted = next.is_none_or(|header| header.resumes_after.is_some());
        if !interrupted || block::readable_after(&self.bytes, self.block_at) {
            return Err(self.corrupt(damage));
        }
        let bytes = self.bytes.len().saturating_sub(self.block_at);
        self.notes.push(Note::TornTail { file: self.path(), offset: wide(self.block_at), bytes: wide(bytes) });
        self.offset = self.bytes.len();
        Ok(())
    }

    fn keep(&mut self, events: Vec<Stamped>) {
        let all = events.len();
        let keep_through = self.keep_through;
        let counts = |stamped: &Stamped| keep_through.is_none_or(|last| stamped.sequence <= last);
        self.waiting.extend(events.into_iter().filter(counts));
        self.superseded += wide(all - self.waiting.len());
    }

    fn close(&mut self, lines: &[u8]) -> Result<(), TapeError> {
        let mut found: Vec<Trailer> = self.decode(lines)?;
        let Some(trailer) = found.pop().filter(|_| found.is_empty()) else {
            return Err(self.corrupt(Damage::Content));
        };
        let reached = self.last;
        let ends_at = trailer.last;
        self.trailer = Some(trailer);
        match ends_at {
            Some(last) if reached.is_none_or(|reached| reached < last) => {
                let first = Sequence(reached.map_or(0, |reached| reached.0.saturating_add(1)));
                Err(TapeError::Missing { file: self.path(), first, last })
            }
            _ => Ok(()),
        }
    }

    fn decode<T: DeserializeOwned>(&self, lines: &[u8]) -> Result<Vec<T>, TapeError> {
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
        lines
            .split(|byte| *byte == b'\n')
            .zip(1..)
            .map(|(line, number)| {
                serde_json::from_slice(line).map_err(|error| self.undecodable(number, error.to_string()))
            })
            .collect()
    }

    /// Whether the next waiting event is the one that must come.
    fn check_order(&mut self, found: Sequence) -> Result<(), TapeError> {
        let Some(last) = self.last else {
            return Ok(());
        };
        if found <= last {
            let reason = format!("event {} stands where event {} was expected", found.0, last.0.saturating_add(1));
            return Err(self.undecodable(1, reason));
        }
        if found.0 - last.0 > 1 {
            let before = Sequence(found.0 - 1);
            self.last = Some(before);
            return Err(TapeError::Missing { file: self.path(), first: Sequence(last.0 + 1), last: before });
        }
        Ok(())
    }

    fn read_event(&mut self) -> Result<Option<Stamped>, TapeError> {
        if !self.fill()? {
            return Ok(None);
        }
        if let Some(next) = self.waiting.front().map(|stamped| stamped.sequence) {
            self.check_order(next)?;
            self.last = Some(next);
        }
        Ok(self.waiting.pop_front())
    }

    fn corrupt(&self, damage: Damage) -> TapeError {
        TapeError::Corrupt { file: self.path(), offset: wide(self.block_at), damage }
    }

    fn undecodable(&self, line: usize, reason: String) -> TapeError {
        TapeError::Decode { file: self.path(), offset: wide(self.block_at), line, reason }
    }
}

impl Iterator for TapeReader {
    type Item = Result<Stamped, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read_event().transpose();
        self.ended = match &item {
            Some(Err(error)) => !matches!(error, TapeError::Missing { .. }),
            Some(Ok(_)) => false,
            None => true,
        };
        item
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
