//! The control of a running session: what it shows, what a person may tell it, plans before acts, and the socket that carries them.

pub mod board;
pub mod desk;
pub mod detail;
pub mod forecast_row;
pub mod foresee;
pub mod gate_words;
pub mod guide;
pub mod ladder_row;
pub mod latency;
pub mod link;
pub mod mend;
pub mod metrics;
pub mod plans;
pub mod presence;
pub mod recent;
pub mod registry;
pub mod reload;
pub mod request;
pub mod server;
pub mod snapshot;
pub mod stops;
pub mod subject;
pub mod transfer_doubt;
