//! Venues: one folder each, all alike. Bytes in, events out; commands in, request bytes out.
//!
//! No clocks or decisions here, and no sockets outside `transport`: a session is told what came and when. Tests stand in each folder's files and in
//! `tests/wire.rs`, which runs recorded material.

pub mod binance;
pub mod frames;
pub mod transport;
