//! A journal whose process dies at a durable write, and the folder as it then lies on the disk.

use super::plan::Draws;
use carry::domain::WallTime;
use carry::port::order::Intent;
use carry::port::{Command, Stamped};
use carry::run::journal::{Books, Journal, Kept};
use carry::run::session::Session;
use carry::store::JournalError;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Dies at a durable write: before it, after it, or in the middle of it.
pub(crate) struct Crashing<'a> {
    pub(crate) session: Session,
    pub(crate) folder: &'a Path,
    pub(crate) copy: &'a Path,
    pub(crate) writes: u64,
    pub(crate) dies_at: u64,
    /// From this true time on nothing goes wrong any more.
    pub(crate) until: i64,
    pub(crate) draws: Rc<RefCell<Draws>>,
}

impl Crashing<'_> {
    /// Whether the process dies before this write.
    fn dies<T>(&mut self, write: impl FnOnce(&mut Session) -> Result<T, JournalError>) -> Result<T, JournalError> {
        self.writes += 1;
        if self.dies_at == 0 || self.writes != self.dies_at || super::clock::true_ms() >= self.until {
            return write(&mut self.session);
        }
        let wal = |folder: &Path| folder.join("ledger.sqlite-wal");
        let length = |folder: &Path| std::fs::metadata(wal(folder)).map_or(0, |file| file.len());
        let before = length(self.folder);
        write(&mut self.session)?;
        copy(self.folder, self.copy);
        let after = length(self.copy);
        // Before it, in the middle of it, or after it.
        let mut draws = self.draws.borrow_mut();
        let kept = match draws.below(3) {
            0 => before,
            1 => before + draws.below(after.saturating_sub(before).max(1)),
            _ => after,
        };
        if kept < after && after > before {
            std::fs::OpenOptions::new().write(true).open(wal(self.copy)).unwrap().set_len(kept).unwrap();
        }
        Err(JournalError("the process died here".to_owned()))
    }
}

impl Journal for Crashing<'_> {
    fn intent(&mut self, intent: &Intent, books: Books<'_>) -> Result<Kept, JournalError> {
        self.dies(|session| session.intent(intent, books))
    }
    fn fact(&mut self, stamped: &Stamped, number: Option<u64>, books: Books<'_>) -> Result<(), JournalError> {
        self.dies(|session| session.fact(stamped, number, books))
    }
    fn input(&mut self, stamped: &Stamped) -> Result<(), JournalError> {
        self.session.input(stamped)
    }
    fn disk(&mut self) -> Option<bool> {
        self.session.disk()
    }
    fn command(&mut self, at: WallTime, command: &Command) {
        self.session.command(at, command);
    }
}

/// A folder as it lies on the disk at this instant.
pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Where the folders of a run lie.
pub(crate) fn shm() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { shm } else { std::env::temp_dir() }
}
