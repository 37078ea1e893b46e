//! The deterministic simulator: harness of `tests/sim.rs` and `tests/planted.rs`.
#![allow(dead_code, unreachable_pub, reason = "two tests use it, each a part")]

pub mod checks;
pub mod recorder;
pub mod runs;
pub mod world;
