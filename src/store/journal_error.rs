//! What a session hears when a fact or an intent cannot be put on disk.

use super::schema::StoreError;
use thiserror::Error;

/// The books, the bot's or the simulated venue's, could not be written: nothing may be sent any more.
#[derive(Debug, Error)]
#[error("the books cannot be written: {0}")]
pub struct JournalError(pub String);

impl JournalError {
    /// Neither the disk nor its reserve has room.
    #[must_use]
    pub fn no_room() -> Self {
        Self("the disk is full, and so is its reserve; make room, then start again".to_owned())
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        if error.is_full() { Self::no_room() } else { Self(error.to_string()) }
    }
}
