//! An upgrade: state folders that earlier versions wrote, each with a pair open, go on under this one (fault G17).
//!
//! `tests/fixtures/paper-0.1.0` was left by a kill of the program before this test was written, on simulated day three; of
//! its tape only the header is kept. `live-0.1.0` likewise by a kill of `carry live` on the loopback venue, whose own books
//! lie beside it. A version that changes what is on disk adds a folder and leaves the old ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::loopback_venue as loopback;
use crate::session;

use serde_json::Value;
use session::{ended, text};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn unpack(from: &Path, base: &str, to: &Path) {
    let bytes = std::fs::read(from.join(format!("{base}.zst"))).unwrap();
    std::fs::write(to.join(base), zstd::decode_all(bytes.as_slice()).unwrap()).unwrap();
}

fn unpacked(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture(name);
    for base in ["ledger.sqlite", "venue.sqlite"] {
        unpack(&from, base, folder.path());
    }
    std::fs::create_dir(folder.path().join("tape")).unwrap();
    std::fs::copy(from.join("tape-000001.zst"), folder.path().join("tape/tape-000001.zst")).unwrap();
    folder
}

fn json(args: &[&str]) -> Value {
    let (code, out, problems) = ended(args);
    assert_eq!(code, 0, "{args:?}: {problems}");
    serde_json::from_str(&out).unwrap()
}

fn held(status: &Value) -> Vec<(String, String)> {
    let row = |row: &Value| (row["pair"].to_string(), row["perp_coins"].to_string());
    status["pairs"].as_array().unwrap().iter().map(row).filter(|(_, coins)| coins != "\"0\"").collect()
}

#[test]
fn g17_a_session_of_the_last_version_with_pairs_open_goes_on() {
    let folder = unpacked("paper-0.1.0");
    let dir = text(folder.path());
    let before = json(&["status", dir, "--json"]);
    assert_eq!((&before["mode"], &before["clock"]), (&Value::from("paper"), &Value::from("2025-06-04T06:00:00Z")));
    let pairs = held(&before);
    assert_eq!(pairs.len(), 3, "{before}");
    for query in ["fills", "ledger", "pnl"] {
        json(&[query, dir, "--json"]);
    }
    let go_on = ["paper", "--state", dir, "--seed", "1", "--days", "5", "--json"];
    let summary = json(&go_on);
    assert_eq!(summary["pnl"]["unexplained"], "0", "{summary}");
    let after = json(&["status", dir, "--json"]);
    assert_eq!((&after["boots"], &after["clock"]), (&Value::from(2), &Value::from("2025-06-06T00:00:00Z")));
    for pair in pairs {
        assert!(held(&after).contains(&pair), "{pair:?} is held through the upgrade: {after}");
    }
}

#[test]
fn g17_a_live_run_of_the_last_version_with_a_pair_open_goes_on_and_closes_it() {
    let place = tempfile::tempdir().unwrap();
    let (state, books) = (place.path().join("live"), place.path().join("venue"));
    std::fs::create_dir_all(state.join("tape")).unwrap();
    std::fs::create_dir(&books).unwrap();
    let from = fixture("live-0.1.0");
    unpack(&from, "ledger.sqlite", &state);
    unpack(&from, "venue.sqlite", &books);
    std::fs::copy(from.join("tape-000001.zst"), state.join("tape/tape-000001.zst")).unwrap();
    let keys = loopback::keys(place.path());
    let venue = loopback::Venue::start(&["--seed", "7", "--speed", "10", "--state", text(&books)]);
    let live = [
        ["live", "--key", "good", "--keys", text(&keys), "--state", text(&state), "--base-url", &venue.base].as_slice(),
        &["--clock", "venue", "--set", "strategy.pairs=[\"binance:BTCUSDT\"]", "--set", "live.shadow_hours=0s"],
    ]
    .concat();
    let running = session::Running::start(&live);
    running.until(|| state.join("control.sock").exists());
    let row = || json(&["pairs", "--state", text(&state), "--json"])["result"]["pairs"][0].clone();
    running.until(|| ended(&["reconcile", "--state", text(&state)]).0 == 0);
    let held = row();
    assert_eq!((&held["phase"], &held["perp_coins"]), (&Value::from("hedged"), &Value::from("-0.003")), "{held}");
    assert_eq!(ended(&["flatten", "--yes", "--state", text(&state)]).0, 0);
    running.until(|| row()["phase"] == "flat");
    running.until(|| ended(&["reconcile", "--state", text(&state)]).0 == 0);
    running.kill();
    let status = json(&["status", text(&state), "--json"]);
    assert_eq!((&status["boots"], &status["unsettled"]), (&Value::from(2), &Value::Array(Vec::new())), "{status}");
}

#[test]
fn g17_another_strategy_is_refused_by_the_names_of_its_keys() {
    let folder = unpacked("paper-0.1.0");
    let other = ["--set", "entry.min_net_apr=9%apr", "--set", "exit.min_hold=1d"];
    let args = [&["paper", "--state", text(folder.path()), "--seed", "1"][..], &other].concat();
    let (code, _, problems) = ended(&args);
    assert_eq!(code, 2, "{problems}");
    assert!(problems.contains("differs in: entry.min_net_apr, exit.min_hold\n"), "{problems}");
}

/// The ledger of before that named pairs and traded all of the generated market.
fn named(folder: &Path, pairs: &[&str]) {
    let ledger = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
    let text: String = ledger.query_row("SELECT value FROM meta WHERE key = 'settings'", [], |row| row.get(0)).unwrap();
    let mut settings: Value = serde_json::from_str(&text).unwrap();
    settings["strategy"]["pairs"] = pairs.into();
    ledger.execute("UPDATE meta SET value = ?1 WHERE key = 'settings'", [settings.to_string()]).unwrap();
}

#[test]
fn g17_a_session_that_holds_pairs_it_does_not_name_goes_on_enters_none_of_them_and_closes_them_by_the_rules() {
    let folder = unpacked("paper-0.1.0");
    let dir = text(folder.path());
    // The version that wrote it ignored the names; one of them is not even there.
    named(folder.path(), &["alpha:BTCUSDT", "binance:BTCUSDT"]);
    let pairs = "strategy.pairs=[\"alpha:BTCUSDT\",\"binance:BTCUSDT\"]";
    let held_before: Vec<String> = held(&json(&["status", dir, "--json"])).into_iter().map(|row| row.0).collect();
    assert_eq!(held_before.len(), 3);
    let begun = 1_749_016_800_100_i64;
    // Cash that pays more than any pair: what is held is left as soon as the rules allow it.
    let cash = "run.cash_apr=30%apr";
    let more = ["--seed", "1", "--days", "16", "--json", "--set", pairs, "--set", cash];
    let summary = json(&[&["paper", "--state", dir][..], &more].concat());
    assert_eq!(summary["pnl"]["unexplained"], "0", "{summary}");
    let rows = |name: &str| -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        text.lines().skip(1).map(|row| row.split(',').map(str::to_owned).collect()).collect()
    };
    let trips = rows("trips.csv");
    let quoted = |row: &Vec<String>| format!("\"{}\"", row[0]);
    let entered = trips.iter().filter(|row| row[1].parse::<i64>().unwrap() > begun && row[0] != "alpha:BTCUSDT");
    assert_eq!(entered.count(), 0, "{trips:?}");
    let of_before: Vec<_> = trips.iter().filter(|row| held_before.contains(&quoted(row))).collect();
    assert_eq!(of_before.len(), 3, "{trips:?}");
    assert!(of_before.iter().all(|row| row[2].parse::<i64>().is_ok_and(|closed| closed > begun)), "{trips:?}");
}
