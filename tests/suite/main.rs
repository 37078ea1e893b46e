//! What is tested inside one process, or by commands that end at once: one program, because linking one for each file costs more
//! than running them. A file's own head says what it tests; `cargo test --test suite config::` runs one file.

mod belief;
#[path = "../support/browser.rs"]
mod browser;
mod by_hand;
mod cases;
mod coin;
mod compare;
mod config;
mod contradictions;
mod data;
mod data_verify;
mod deploy;
mod forecast;
mod fuzz_smoke;
mod generated_pairs;
mod generator;
#[path = "../common/history.rs"]
mod history;
mod import;
mod ladder;
mod loopback;
#[path = "../support/loopback.rs"]
mod loopback_venue;
mod minimums;
mod odds;
mod order_table;
mod pair_keys;
mod presets;
#[path = "../support/public.rs"]
mod public;
mod quote_room;
mod rally;
mod readme;
mod registry;
mod report;
mod report_page;
#[path = "../support/run_result.rs"]
mod run_result;
mod runbook;
#[path = "../support/session.rs"]
mod session;
#[path = "../common/shared.rs"]
mod shared;
mod store;
mod stress;
mod sweep;
mod transport;
mod transport_socket;
mod two_pairs;
mod universe_watch;
mod venue_keys;
mod venue_replay;
mod venue_terms;
mod wire;
mod wire_private;
mod words;
