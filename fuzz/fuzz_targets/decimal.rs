//! Fuzz target: any bytes as a decimal number.
#![no_main]
#[path = "../checks.rs"]
#[expect(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::decimal(bytes));
