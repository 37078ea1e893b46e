//! Venues: one folder each, all alike. Bytes in, events out; commands in, request bytes out.
//!
//! No sockets, clocks or decisions here: a session is told what came and when. Tests stand in each folder's files and in
//! `tests/wire.rs`, which runs recorded material.

pub mod binance;
pub mod frames;
