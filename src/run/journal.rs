//! Where facts and intents go before anything acts on them.

use crate::domain::Sequence;
use crate::engine::State;
use crate::port::event::Transfer;
use crate::port::order::Intent;
use crate::port::{Command, Stamped};
use thiserror::Error;

/// The ledger of record could not be written: nothing may be sent any more.
#[derive(Debug, Error)]
#[error("the ledger of record cannot be written: {0}")]
pub struct JournalError(pub String);

/// A place that remembers. The store is one; a backtest needs none.
pub trait Journal {
    /// Puts an intent on disk, synced, before it is sent.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    fn intent(&mut self, intent: &Intent, state: &State) -> Result<(), JournalError>;

    /// Puts a transfer on disk, synced, before it is sent.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    fn transfer(&mut self, transfer: &Transfer, state: &State) -> Result<(), JournalError>;

    /// A fact about the account was applied; `venue_number` is its number in the venue's outbox, when it came from there.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    fn fact(&mut self, stamped: &Stamped, venue_number: Option<u64>, state: &State) -> Result<(), JournalError>;

    /// Every event, before it is applied; the tape.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be recorded.
    fn input(&mut self, stamped: &Stamped) -> Result<(), JournalError>;

    /// Every command, after it was decided.
    fn command(&mut self, _sequence: Sequence, _command: &Command) {}
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn intent(&mut self, _: &Intent, _: &State) -> Result<(), JournalError> {
        Ok(())
    }
    fn transfer(&mut self, _: &Transfer, _: &State) -> Result<(), JournalError> {
        Ok(())
    }
    fn fact(&mut self, _: &Stamped, _: Option<u64>, _: &State) -> Result<(), JournalError> {
        Ok(())
    }
    fn input(&mut self, _: &Stamped) -> Result<(), JournalError> {
        Ok(())
    }
}
