//! The simulated venue served on loopback: the real REST, streams and user data of Binance spot and USD-M, and of Aster.
//!
//! It has its own books, its own checks of signatures, filters and limits, and its own clock, so that an adapter and any
//! independent client can be proven against it. **It may not use the adapters' encode, decode or sign.** What it is not:
//! a venue with other traders, conditional orders or hedge mode. The manual is `deploy/venue.md`; tests in
//! `tests/suite/loopback.rs` and, with an independent client, `tests/commands/ccxt.rs`.

mod auth;
mod books;
mod clock;
mod core;
mod depth;
mod faults;
mod feeds;
mod fees;
mod filters;
pub mod keys;
mod limits;
mod listing;
mod margin;
mod market;
mod params;
mod recording;
mod refusal;
mod rest;
mod saved;
mod script;
mod server;
mod settle;
mod socket;
mod streams;
mod tls;
mod trading;
pub mod typed;
mod userdata;
mod venue;
mod words;

pub use core::{Answered, Core, Executed, Holdings, Line, Said, WayBack};
pub use faults::{FileError, Script};
pub use recording::RecordedPair;
pub use server::{Running, serve};
pub use venue::RealTime;

use crate::domain::{Amount, Span, WallTime};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Whose protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Binance spot and USD-M.
    Binance,
    /// Aster spot and perpetuals.
    Aster,
}

impl Profile {
    /// Its word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Aster => "aster",
        }
    }
}

/// Where prices come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The generated market of this seed.
    Generated(u64),
    /// A recording.
    Recorded(Vec<RecordedPair>),
}

/// How a venue is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose protocol.
    pub profile: Profile,
    /// A loopback address; port 0 takes any.
    pub listen: SocketAddr,
    /// Where prices come from.
    pub source: Source,
    /// The venue's time when it begins, unless its state folder knows a later one; a recording has its own.
    pub start: WallTime,
    /// Market history before the start.
    pub history: Span,
    /// Venue milliseconds for 1,000 real ones.
    pub speed_per_mille: i64,
    /// Real milliseconds between stream messages of one book.
    pub pulse_ms: u64,
    /// Faults and acts.
    pub script: Script,
    /// USDT in the spot wallet at the start.
    pub spot_balance: Amount,
    /// USDT in the futures wallet at the start.
    pub futures_balance: Amount,
    /// Folder of the books; none keeps them in memory.
    pub state: Option<PathBuf>,
    /// Where the certificate is written; none serves in plain text.
    pub certificate: Option<PathBuf>,
}

/// Why a venue cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum LoopbackError {
    /// The address is not loopback.
    #[error("listen: {0} is no loopback address; expected 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The port cannot be opened, or serving failed.
    #[error("listen: {0}")]
    Listen(#[from] std::io::Error),
    /// The state folder cannot be read or written.
    #[error("state: {0}")]
    State(String),
    /// A recording cannot be read, or is asked for what it cannot do.
    #[error("recording: {0}")]
    Recording(String),
    /// No certificate can be made, or it cannot be written.
    #[error("tls: {0}")]
    Tls(String),
}

impl From<rusqlite::Error> for LoopbackError {
    fn from(error: rusqlite::Error) -> Self {
        Self::State(error.to_string())
    }
}
