//! What a person sets, as written and as the program means it.
//!
//! `table.rs` holds every key with its default, range and reason; `load.rs` reads the layers and reports every error with
//! its place; `settings.rs` is what the rest of the program sees. Nothing here reads a clock or a market, holds a secret,
//! or follows an include. Tests: at the end of each file and `tests/suite/config.rs`.

pub mod address;
mod alarm;
pub mod assemble;
pub mod change;
mod checks;
pub mod error;
mod file;
pub mod keys;
pub mod kind;
pub mod ladder;
mod lists;
pub mod load;
pub mod pair_keys;
pub mod secret;
pub mod settings;
mod several;
pub mod sim;
pub mod sources;
pub mod strategies;
pub mod table;
pub mod units;
pub mod universe;
pub mod venue_keys;
mod venue_layers;
pub mod venues;

pub use error::{ConfigError, ConfigErrors, Problem, Source};
pub use load::{Loaded, Resolved, load};
pub use settings::Settings;
pub use sources::Sources;
