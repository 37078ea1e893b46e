//! What a person sets, as the program means it.
//!
//! `settings.rs` holds the meaning (typed, with units); the reading of TOML layers, environment and flags, and every
//! error about them, stands beside it. Nothing here reads a clock or a market.

pub mod settings;

pub use settings::Settings;
