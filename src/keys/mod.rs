//! Keys of venues: where they are kept, how they are read, and what is refused before one is used.
//!
//! A secret comes from a credential of the service manager, a container's secret, a file of mode 0600 or the system's own
//! store, never from arguments, TOML or the value of a variable. Nothing here signs, sends or prints a secret; what may be
//! shown of a key is its name and the last four characters of its public id. Tests: each file, and `tests/commands/keys.rs`.

pub mod entry;
pub mod file;
pub mod input;
pub mod rights;
pub mod ring;
pub mod secret;
pub mod sources;

pub use entry::{KeyEntry, KeyError, Kind};
pub use secret::Secret;
pub use sources::{Found, Keys, Origin};
