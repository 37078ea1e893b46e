//! Appends a run's events to its tape.
//!
//! Not a log and not the ledger: a failed write stops the tape, never the run. Events wait in memory until a block is
//! full; whoever makes a turn durable calls [`TapeWriter::sync`] first, so that the tape reaches at least as far as the
//! ledger. Tests stand at the end of this file and in `tests/tape.rs`.

use super::block::{Block, Kind, MAX_PAYLOAD, Packer};
use super::files::{self, FileHeader};
use super::{Digest, Header, TapeError};
use crate::domain::Sequence;
use crate::port::Stamped;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When a block and a file are full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most events in a block.
    pub block_events: u32,
    /// Bytes of unpacked lines at which a block is closed; the last line may go beyond.
    pub block_bytes: usize,
    /// Bytes of a file at which the next one begins; the last block may go beyond.
    pub file_bytes: u64,
}

impl Default for Limits {
    /// 4,096 events or 256 KB: about a second of busy markets is at risk between two calls of `sync`, and larger blocks
    /// pack no better. Files of 64 MB are read whole without a thought.
    fn default() -> Self {
        Self { block_events: 4_096, block_bytes: 256 << 10, file_bytes: 64 << 20 }
    }
}

/// How much of a tape is kept: whole files are removed, the oldest first, and never the one that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Files this much older than the newest.
    pub age: Duration,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// A restart of the process on the same ledger.
#[derive(Debug, Clone)]
pub struct Resumption {
    /// The last event that the ledger has.
    pub after: Sequence,
    /// The run as it is now.
    pub run: Header,
    /// What the core begins with, beside the facts of the ledger.
    pub begins: serde_json::Value,
}

/// The last block of a completed tape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trailer {
    pub(super) digest: Digest,
    /// Number of the last event; absent on a tape without events.
    pub(super) last: Option<Sequence>,
}

/// Writes one tape.
pub struct TapeWriter {
    dir: PathBuf,
    header: Header,
    limits: Limits,
    packer: Packer,
    path: PathBuf,
    number: usize,
    file: File,
    file_bytes: u64,
    lines: Vec<u8>,
    count: u32,
    first: Sequence,
    last: Option<Sequence>,
    broken: bool,
    keep: Option<Keep>,
}

impl TapeWriter {
    /// A new tape in `dir`, which is made if needed and must not hold a tape.
    ///
    /// # Errors
    /// [`TapeError::Exists`] when it does, [`TapeError::Io`] when the disk refuses.
    pub fn create(dir: &Path, header: &Header) -> Result<Self, TapeError> {
        Self::create_with(dir, header, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`TapeWriter::create`].
    pub fn create_with(dir: &Path, header: &Header, limits: Limits) -> Result<Self, TapeError> {
        std::fs::create_dir_all(dir).map_err(TapeError::io(dir))?;
        if !files::list(dir)?.is_empty() {
            return Err(TapeError::Exists { dir: dir.to_owned() });
        }
        Self::start(dir, FileHeader::new(header.clone(), None), limits, 1)
    }

    /// Goes on with the tape of an interrupted run after event `keep_through`, the last that the caller made durable.
    ///
    /// Nothing is deleted: a new file says from where it continues, and the reader leaves out what earlier files hold
    /// beyond that. The next event must be `keep_through` + 1. When the crash took events up to `keep_through` from the
    /// tape, a reader reports them as [`TapeError::Missing`].
    ///
    /// # Errors
    /// [`TapeError::NoTape`], [`TapeError::Finished`] when the run was closed, and what reading headers can give.
    pub fn resume(dir: &Path, keep_through: Sequence) -> Result<Self, TapeError> {
        Self::resume_with(dir, keep_through, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`TapeWriter::resume`].
    pub fn resume_with(dir: &Path, keep_through: Sequence, limits: Limits) -> Result<Self, TapeError> {
        let files = files::open(dir)?;
        let first = files.first().ok_or_else(|| TapeError::NoTape { dir: dir.to_owned() })?;
        let header = first
            .header
            .as_ref()
            .map_err(|damage| TapeError::NoHeader { file: first.path.clone(), damage: *damage })?
            .run
            .clone();
        for file in &files {
            if has_trailer(&files::read_whole(&file.path)?) {
                return Err(TapeError::Finished { dir: dir.to_owned() });
            }
        }
        let mut writer = Self::start(dir, FileHeader::new(header, Some(keep_through)), limits, files.len() + 1)?;
        writer.last = Some(keep_through);
        Ok(writer)
    }

    /// Goes on beside whatever is there of the tape: files that are missing, damaged or closed are no reason not to record
    /// from now on (fault L25). The next event must be the one after [`Resumption::after`].
    ///
    /// # Errors
    /// [`TapeError::Io`] when the disk refuses.
    pub fn go_on(dir: &Path, from: Resumption) -> Result<Self, TapeError> {
        std::fs::create_dir_all(dir).map_err(TapeError::io(dir))?;
        let number = files::numbered(dir)?.last().map_or(1, |(number, _)| number + 1);
        let header = FileHeader::resumed(from.run, from.after, from.begins);
        let mut writer = Self::start(dir, header, Limits::default(), number)?;
        writer.last = Some(from.after);
        Ok(writer)
    }

    /// From now on keeps no more than this.
    pub fn keep(&mut self, keep: Keep) {
        // A few files at least, so that what is removed is old.
        self.limits.file_bytes = self.limits.file_bytes.min((keep.bytes / 4).max(64 << 10));
        self.keep = Some(keep);
        self.prune();
    }

    /// Removes what is too old or too much. The newest file says what time it is: this module reads no clock.
    fn prune(&self) {
        let Some(keep) = self.keep else { return };
        let stamp = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.len(), meta.modified().ok()));
        let Ok(all) = files::numbered(&self.dir) else { return };
        let newest = stamp(&self.path).and_then(|(_, at)| at);
        let mut total: u64 = all.iter().filter_map(|(_, path)| stamp(path)).map(|(bytes, _)| bytes).sum();
        for (_, path) in all.iter().filter(|(number, _)| *number < self.number) {
            let Some((bytes, at)) = stamp(path) else { continue };
            let age = newest.zip(at).and_then(|(newest, at)| newest.duration_since(at).ok());
            if total <= keep.bytes && age.is_none_or(|age| age <= keep.age) {
                return;
            }
            if std::fs::remove_file(path).is_ok() {
                total = total.saturating_sub(bytes);
            }
        }
    }

    fn start(dir: &Path, header: FileHeader, limits: Limits, number: usize) -> Result<Self, TapeError> {
        let mut packer = Packer::new()?;
        let path = dir.join(files::name(number));
        let (file, file_bytes) = new_file(dir, &path, &header, &mut packer)?;
        Ok(Self {
            dir: dir.to_owned(),
            header: header.run,
            limits,
            packer,
            path,
            number,
            file,
            file_bytes,
            lines: Vec::new(),
            count: 0,
            first: Sequence::default(),
            last: None,
            broken: false,
            keep: None,
        })
    }

    /// Puts one event on the tape; its number is one more than the last one's.
    ///
    /// # Errors
    /// [`TapeError::OutOfOrder`], which leaves the tape as it was; [`TapeError::Io`] when a block could not be written and
    /// [`TapeError::Broken`] ever after, because what lies at the end of the file is then unknown.
    pub fn append(&mut self, stamped: &Stamped) -> Result<(), TapeError> {
        self.check_broken()?;
        if let Some(last) = self.last
            && last.0.checked_add(1) != Some(stamped.sequence.0)
        {
            let expected = Sequence(last.0.saturating_add(1));
            return Err(TapeError::OutOfOrder { expected, found: stamped.sequence });
        }
        let before = self.lines.len();
        let written = serde_json::to_writer(&mut self.lines, stamped).map_err(|error| error.to_string());
        self.lines.push(b'\n');
        let fits = if self.lines.len() > MAX_PAYLOAD { Err("it is too long".to_owned()) } else { Ok(()) };
        if let Err(reason) = written.and(fits) {
            self.lines.truncate(before);
            return Err(TapeError::Encode { reason });
        }
        if self.count == 0 {
            self.first = stamped.sequence;
        }
        self.count += 1;
        self.last = Some(stamped.sequence);
        if self.count >= self.limits.block_events || self.lines.len() >= self.limits.block_bytes {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands all events so far to the operating system: they survive this process, not a power loss.
    ///
    /// # Errors
    /// As [`TapeWriter::append`].
    pub fn flush(&mut self) -> Result<(), TapeError> {
        self.check_broken()?;
        if self.count == 0 {
            return Ok(());
        }
        // Broken until proven otherwise: an error on the way out leaves it so.
        self.broken = true;
        if self.file_bytes >= self.limits.file_bytes {
            self.rotate()?;
        }
        let block = self.packer.pack(Kind::Events, &self.lines, self.first, self.count)?;
        self.file_bytes += write_block(&mut self.file, &self.path, block)?;
        self.lines.clear();
        self.count = 0;
        self.broken = false;
        Ok(())
    }

    /// Puts all events so far on the disk: they survive a power loss.
    ///
    /// # Errors
    /// As [`TapeWriter::append`]. A failed sync is not tried again (fault G06).
    pub fn sync(&mut self) -> Result<(), TapeError> {
        self.flush()?;
        let synced = self.file.sync_data().map_err(TapeError::io(&self.path));
        self.broken = synced.is_err();
        synced
    }

    /// Closes the tape with the run's digest.
    ///
    /// # Errors
    /// [`TapeError::BadDigest`], else as [`TapeWriter::sync`].
    pub fn finish(mut self, digest: &str) -> Result<(), TapeError> {
        let trailer = Trailer { digest: Digest::new(digest)?, last: self.last };
        self.flush()?;
        let mut line = super::canonical(&trailer)?.to_string();
        line.push('\n');
        let block = self.packer.pack(Kind::Trailer, line.as_bytes(), Sequence::default(), 1)?;
        self.file_bytes += write_block(&mut self.file, &self.path, block)?;
        self.sync()
    }

    /// From now on every write finds a full disk.
    #[cfg(test)]
    pub(crate) fn fill_up(&mut self) {
        self.file = OpenOptions::new().append(true).open("/dev/full").unwrap_or_else(|error| panic!("{error}"));
    }

    /// Ends it without another word: what waits in memory is given up, and nothing more is written.
    pub fn abandon(mut self) {
        self.broken = true;
    }

    /// The last event on the tape, or the one that a resumed tape continues from.
    #[must_use]
    pub const fn last(&self) -> Option<Sequence> {
        self.last
    }

    /// The file now written to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn check_broken(&self) -> Result<(), TapeError> {
        if self.broken { Err(TapeError::Broken { file: self.path.clone() }) } else { Ok(()) }
    }

    fn rotate(&mut self) -> Result<(), TapeError> {
        self.file.sync_data().map_err(TapeError::io(&self.path))?;
        let path = self.dir.join(files::name(self.number + 1));
        let header = FileHeader::new(self.header.clone(), None);
        (self.file, self.file_bytes) = new_file(&self.dir, &path, &header, &mut self.packer)?;
        self.path = path;
        self.number += 1;
        self.prune();
        Ok(())
    }
}

impl Drop for TapeWriter {
    /// A run that ends by an error still leaves its last events; nobody is left to hear of a failure here.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Creates a file, which must not be there, with its header; its name is durable when this returns.
fn new_file(dir: &Path, path: &Path, header: &FileHeader, packer: &mut Packer) -> Result<(File, u64), TapeError> {
    let mut line = super::canonical(header)?.to_string();
    line.push('\n');
    let block = packer.pack(Kind::Header, line.as_bytes(), Sequence::default(), 1)?;
    let mut file = OpenOptions::new().append(true).create_new(true).open(path).map_err(TapeError::io(path))?;
    let bytes = write_block(&mut file, path, block)?;
    file.sync_data().map_err(TapeError::io(path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(TapeError::io(dir))?;
    Ok((file, bytes))
}

fn write_block(file: &mut File, path: &Path, block: &[u8]) -> Result<u64, TapeError> {
    file.write_all(block).map_err(TapeError::io(path))?;
    Ok(u64::try_from(block.len()).unwrap_or(u64::MAX))
}

fn has_trailer(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Ok((block, length)) = Block::parse(rest) {
        if block.kind == Kind::Trailer {
            return true;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Catalogue, WallTime};
    use crate::port::Event;

    fn timer(number: u64) -> Stamped {
        Stamped { sequence: Sequence(number), at: WallTime(0), event: Event::Timer }
    }

    fn writer(dir: &Path) -> TapeWriter {
        let header = Header {
            mode: "paper".to_owned(),
            market: "sim".to_owned(),
            seed: 1,
            strategy_sha256: String::new(),
            settings: serde_json::Value::Null,
            catalogue: Catalogue::default(),
        };
        TapeWriter::create(dir, &header).unwrap()
    }

    #[test]
    fn g04_g06_after_a_failed_write_the_tape_takes_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        writer.append(&timer(1)).unwrap();
        // A handle that can only read refuses a write as a full or read-only disk does.
        writer.file = File::open(&writer.path).unwrap();
        assert!(matches!(writer.flush(), Err(TapeError::Io { .. })));
        assert!(matches!(writer.append(&timer(2)), Err(TapeError::Broken { .. })));
        assert!(matches!(writer.finish("d1"), Err(TapeError::Broken { .. })));
    }

    #[test]
    fn an_event_out_of_order_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        writer.append(&timer(5)).unwrap();
        for wrong in [4, 5, 7] {
            let refused = writer.append(&timer(wrong)).unwrap_err();
            assert_eq!(refused.to_string(), format!("event {wrong} was given to the tape where event 6 belongs"));
        }
        writer.append(&timer(6)).unwrap();
        assert_eq!(writer.last(), Some(Sequence(6)));
    }
}
