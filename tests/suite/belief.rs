//! What the core believes and what it may do on it: health by part, prices with two witnesses, margin measured in the position.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::items_after_statements,
    reason = "helpers of tests may stop the test"
)]

#[path = "belief/core.rs"]
mod core;
#[path = "belief/health.rs"]
mod health;
#[path = "belief/isolated.rs"]
mod isolated;
#[path = "belief/margin_low.rs"]
mod margin_low;
#[path = "belief/prices.rs"]
mod prices;
#[path = "belief/standing.rs"]
mod standing;
