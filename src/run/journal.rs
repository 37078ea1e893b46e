//! Where facts and intents go before anything acts on them.

use super::collect::Collector;
use crate::domain::WallTime;
use crate::engine::State;
use crate::port::order::Intent;
use crate::port::{Command, Stamped};
use crate::store::JournalError;

/// What a journal may put on disk with a commit.
pub struct Books<'a> {
    /// The core.
    pub state: &'a mut State,
    /// Rows and figures of the report so far.
    pub collector: &'a Collector,
}

/// What became of an intent at the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk, synced.
    OnDisk,
    /// The disk has no room, not even the reserve: it is not on disk, and its order must not be sent.
    NoRoom,
}

/// A place that remembers. The session's files are one; a backtest needs none.
pub trait Journal {
    /// Puts an intent on disk, synced, before it is sent.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    fn intent(&mut self, _intent: &Intent, _books: Books<'_>) -> Result<Kept, JournalError> {
        Ok(Kept::OnDisk)
    }

    /// A fact about the account was applied; `venue_number` is its number in the venue's outbox, when it came from there.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    fn fact(&mut self, _stamped: &Stamped, _number: Option<u64>, _books: Books<'_>) -> Result<(), JournalError> {
        Ok(())
    }

    /// Every event, before it is applied; the tape.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be recorded.
    fn input(&mut self, _stamped: &Stamped) -> Result<(), JournalError> {
        Ok(())
    }

    /// Whether room on the disk got short (`true`) or is there again, told once at each change.
    fn disk(&mut self) -> Option<bool> {
        None
    }

    /// Every command, after it was decided at `at`.
    fn command(&mut self, _at: WallTime, _command: &Command) {}
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

impl Journal for NoJournal {}
