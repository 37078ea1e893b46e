//! The ledger of record in SQLite: one writer, WAL, synchronous=FULL; and the simulated venue's own file beside it.
//!
//! Intents are synced before they are sent; facts, postings and the pairs' memory go in one transaction. Nothing here
//! decides or knows the engine. Tests: `tests/suite/store.rs`.

pub mod copy;
pub mod home;
pub mod journal_error;
pub mod ledger_file;
pub mod lock;
pub mod reserve;
pub mod schema;
pub mod venue_file;

pub use journal_error::JournalError;
pub use ledger_file::{Batch, LedgerFile, Loaded, StoredFact};
pub use lock::{AccountLock, StateLock};
pub use schema::StoreError;
pub use venue_file::VenueFile;
