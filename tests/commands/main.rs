//! The built binary as a process that goes on: sessions, pages, sockets, signals. Most wait for a clock, so several at a time
//! cost little. `cargo test --test commands page::` runs one file.

mod alarms;
mod alarms_out;
mod at_rest;
mod backup;
#[path = "../support/bench.rs"]
mod bench;
#[path = "../support/browser.rs"]
mod browser;
mod ccxt;
mod control;
mod control_live;
mod doctor;
mod download;
mod feed;
#[path = "../common/history.rs"]
mod history;
#[path = "../support/http.rs"]
mod http;
mod keys;
mod live_views;
#[path = "../support/loopback.rs"]
mod loopback_venue;
mod lost;
mod lots;
mod metrics;
#[path = "../support/moments.rs"]
mod moments;
mod page;
mod page_acts;
mod page_browser;
mod page_ledger;
mod page_truth;
mod process;
mod progress;
#[path = "../support/public.rs"]
mod public;
mod record;
mod reload;
mod replay;
mod scan;
#[path = "../common/secrets.rs"]
mod secrets;
#[path = "../support/session.rs"]
mod session;
mod session_commands;
mod strategies;
mod systemd;
mod universe;
mod universe_attack;
mod universe_live;
mod upgrade;
mod venue_tls;
mod watch;
mod what_runs;
