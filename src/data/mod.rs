//! History on disk in the layout of `README.md` (funding CSV, candles Parquet, open interest): read, list, verify.
//!
//! A gap is an error or an explicit hole, never a zero. Nothing here decides.

pub mod history;
