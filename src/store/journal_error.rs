//! What a session hears when a fact or an intent cannot be put on disk.

use thiserror::Error;

/// The ledger of record could not be written: nothing may be sent any more.
#[derive(Debug, Error)]
#[error("the ledger of record cannot be written: {0}")]
pub struct JournalError(pub String);
