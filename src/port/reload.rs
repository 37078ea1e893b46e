//! Settings that a running session was told to take.
//!
//! Texts alone: what a key means stands in `config`. All that the core needs to take them again at a replay is here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One key with another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// `section.key`, or `pairs."NAME".section.key`.
    pub key: String,
    /// Its value before, as canonical text.
    pub old: String,
    /// Its value from here on.
    pub new: String,
}

/// Other settings, all at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// What differs, for people.
    pub resets: Vec<Reset>,
    /// Every key with its value, as canonical texts.
    pub values: BTreeMap<String, String>,
    /// Whether `live.max_notional` bounds the caps, as in a live run.
    pub capped: bool,
    /// SHA-256 in hex of the values that decide and limit trades.
    pub strategy: String,
}
