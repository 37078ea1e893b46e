//! The way to one venue as a session shows it: parts that work, the distance of the clocks, requests spent, how fast it answers.
//!
//! Rows alone; who has a network fills them (`run/subjects.rs`). What is not known is absent, never zero.

use super::latency::Latency;
use crate::domain::WallTime;
use serde::{Deserialize, Serialize};

/// One venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VenueRow {
    /// Its name.
    pub venue: String,
    /// Whether something that lowers risk can be sent there.
    pub reachable: bool,
    /// Parts of the way there that do not work, as words.
    pub missing: Vec<String>,
    /// When its lists and the ledger were compared last; absent before the first time.
    pub reconciled_ms: Option<WallTime>,
    /// Whether its lists and the ledger agreed when they were compared last; absent before the first time.
    #[serde(default)]
    pub agrees: Option<bool>,
    /// The network there; absent where the venue is simulated inside this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// The network to a venue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Link {
    /// The venue's clock less ours, and how far it may be off that, in ms; absent when it was not measured lately.
    pub clock_ms: Option<(i64, i64)>,
    /// What was spent of the venue's limits in their running windows.
    pub spent: Vec<SpentRow>,
    /// From signing a request to its answer in the loop, of all that were answered.
    pub answers: Latency,
}

/// What was spent of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SpentRow {
    /// Whose: `spot`, `perp` or `wallet`.
    pub host: String,
    /// `weight` or `orders`.
    pub what: String,
    /// Spent in the running window, by us and by others on the address as far as the venue told.
    pub used: u32,
    /// What the venue allows in a window.
    pub limit: u32,
    /// Length of the window, in ms.
    pub window_ms: i64,
}
