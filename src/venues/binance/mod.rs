//! The Binance family, spot and perp: Binance itself and Aster, which differ by a `Profile` alone.
//!
//! `wire` reads the JSON as sent, `decode` makes typed messages of it (`fast` does the same for the frequent ones without a
//! general parser), `session` follows books and makes events, `replay` runs recorded frames through a session.
//! Of the account: `ask` says what can be asked and done, `encode` makes requests of it, `sign` proves them, `reply` and
//! `pushed` read what comes back (`answer`; `flat` is the quick way for pushes), `errors` says what a refusal proves; `streams` says where to listen. Two sessions
//! stand on these: `feed` for public data, `account` for what is ours. Of the second, `account_io` has the words; `account_told`
//! hears answers, `account_stream` the streams, `account_found` the lists, which `account_lists` asks for; and what is
//! remembered stands in `account_watch` (streams), `account_fills`, `account_income`, `account_recent` and `account_transfers`.
//! `bundles` counts the spot leg of a contract of several coins in contracts, at the wire.
//! Nothing here opens a socket or reads a clock. Source: the venue's documents, spot of 2026-07-21, USD-M of 2026-05-28,
//! Aster of 2026-06-30.

pub mod account;
mod account_fills;
mod account_found;
mod account_income;
mod account_io;
mod account_lists;
mod account_orders;
mod account_recent;
mod account_stream;
mod account_told;
mod account_transfers;
mod account_watch;
mod account_wire;
pub mod bundles;
pub mod decode;
pub mod encode;
pub mod errors;
pub mod fast;
pub mod feed;
mod feed_listed;
mod feed_words;
mod field;
mod flat;
mod keys;
mod listing;
pub mod message;
pub mod profile;
mod public_wire;
pub mod pushed;
mod query;
pub mod replay;
pub mod reply;
pub mod session;
pub mod sign;
pub mod streams;
mod typed_data;
mod watch;
pub(crate) mod wire;

pub use account_lists::Lists;
pub use decode::decode;
pub use message::{DecodeError, Message, Scratch};
pub use replay::{ReplayEnd, ReplayError, replay};
pub use session::Session;
