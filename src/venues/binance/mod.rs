//! Binance spot and USD-M: public market data.
//!
//! `wire` reads the JSON as sent, `decode` makes typed messages of it (`fast` does the same for the frequent ones without a
//! general parser), `session` follows books and makes events, `replay` runs recorded frames through a session.
//! Nothing here opens a socket or reads a clock. Source: the venue's documents, spot of 2026-07-21, USD-M of 2026-05-28.

pub mod answer;
pub mod ask;
pub mod decode;
pub mod fast;
pub mod message;
pub mod public;
pub mod replay;
pub mod session;
pub(crate) mod wire;

pub use decode::decode;
pub use message::{DecodeError, Message, Scratch};
pub use replay::{ReplayEnd, ReplayError, replay};
pub use session::Session;
