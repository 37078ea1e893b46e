//! Fuzz target: any bytes as an answer about the account, as the end of an order, and as a push.
#![no_main]
#[path = "../checks.rs"]
#[expect(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::account_binance(bytes));
