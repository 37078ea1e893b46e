//! Fuzz target: any bytes as a frame of Binance.
#![no_main]
#[path = "../checks.rs"]
#[expect(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::decode_binance(bytes));
