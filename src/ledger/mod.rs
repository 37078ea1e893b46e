//! Double entry, append-only, exact, per asset: what the bot owns and why that changed.
//!
//! Booked only from what a venue confirmed. Balances, positions and profit are derived from postings and fills; a mistake
//! is reversed by a new posting. Tests stand in its files and in `tests/sim.rs`.

pub mod account;
pub mod attribution;
pub mod book;
pub mod lines;
pub mod lots;
mod pair_book;
pub mod position;
mod token;

pub use account::{Account, Posting, PostingReason};
pub use attribution::Attribution;
pub use book::{Adopted, BookedFill, Ledger};
pub use lines::Lines;
pub use lots::{Lot, Lots};
pub use pair_book::{LegBook, PairBook};
pub use position::PerpPosition;
