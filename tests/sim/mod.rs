//! The deterministic simulator: harness of `tests/sim.rs` and `tests/planted.rs`.

pub mod checks;
pub mod recorder;
pub mod runs;
pub mod world;
