//! History on disk in the layout of `README.md` (funding CSV, candles Parquet, open interest): read, list, verify.
//!
//! A gap is an error or an explicit hole, never a zero. Nothing here decides.

pub mod bundle;
pub mod candles;
pub(crate) mod collateral_file;
pub(crate) mod columns;
pub mod coverage;
pub mod error;
pub mod findings;
pub mod flat;
pub mod folder;
pub mod funding;
pub mod history;
pub mod import;
pub mod inspect;
pub mod instruments;
pub(crate) mod lines;
pub mod merge;
pub mod months;
pub(crate) mod pages;
pub mod rows_file;
pub(crate) mod rules_file;
pub mod save;
pub mod settlements;
pub mod stats;
pub mod two_venues;
pub mod verify;
pub mod what;

pub use error::DataError;
pub use folder::Folder;
