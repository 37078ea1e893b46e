//! What a person sets, as written and as the program means it.
//!
//! `table.rs` holds every key with its default, range and reason; `load.rs` reads the layers and reports every error with
//! its place; `settings.rs` is what the rest of the program sees. Nothing here reads a clock or a market, holds a secret,
//! or follows an include. Tests: at the end of each file and `tests/config.rs`.

pub mod assemble;
pub mod keys;
pub mod kind;
pub mod settings;
pub mod table;
pub mod units;

pub use settings::Settings;
