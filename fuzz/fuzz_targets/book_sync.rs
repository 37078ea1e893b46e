//! Fuzz target: any order of book changes and snapshots, as bytes.
#![no_main]
#[path = "../checks.rs"]
#[expect(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::book_sync(bytes));
