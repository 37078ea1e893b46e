//! Venues: one folder each, all alike. Bytes in, events out; commands in, request bytes out.
//!
//! No clocks, sockets or decisions here: a session is told what came and when, and says what to ask. `ask` and `answer` are the
//! questions and answers in our words, for any venue; `net` sends and reads. Tests stand in each folder's files and in
//! `tests/suite/wire.rs`, which runs recorded material.

mod account_message;
pub mod answer;
pub mod ask;
pub mod binance;
pub mod frames;
