//! `carry backup` and `carry restore`: of a session that runs, and what a restored one does (fault G16).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::session;

use serde_json::Value;
use session::{Running, ended, text};
use std::path::Path;

fn json(args: &[&str]) -> Value {
    let (code, out, problems) = ended(args);
    assert_eq!(code, 0, "{args:?}: {problems}");
    serde_json::from_str(&out).unwrap()
}

fn pairs(dir: &str) -> Vec<(String, String)> {
    let status = json(&["status", dir, "--json"]);
    let row = |row: &Value| (row["pair"].to_string(), row["perp_coins"].to_string());
    status["pairs"].as_array().unwrap().iter().map(row).collect()
}

fn holds(dir: &Path) -> bool {
    let (code, out, _) = ended(&["status", text(dir), "--json"]);
    code == 0 && out.contains(r#""hedged""#)
}

#[test]
fn g16_a_session_saved_while_it_trades_comes_back_and_enters_nothing_until_it_is_cleared() {
    let place = tempfile::tempdir().unwrap();
    let (one, again, file) = (place.path().join("one"), place.path().join("again"), place.path().join("one.carry"));
    let (dir, back, saved) = (text(&one), text(&again), text(&file));
    let running = Running::start(&["paper", "--state", dir, "--seed", "9", "--days", "forever"]);
    running.until(|| holds(&one));
    let report = json(&["backup", dir, saved, "--json"]);
    assert_eq!((&report["schema"], &report["mode"]), (&Value::from("carry.backup/1"), &Value::from("paper")));
    let names: Vec<&str> =
        report["files"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ledger.sqlite", "venue.sqlite"]);
    running.kill();

    let (code, _, problems) = ended(&["backup", dir, saved]);
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("is there already"), "{problems}");
    let restored = json(&["restore", saved, back, "--json"]);
    assert_eq!(restored["files"], report["files"]);
    assert_eq!(ended(&["restore", saved, back]).0, 4, "a folder that holds something is left alone");
    let status = json(&["status", back, "--json"]);
    // No process runs there; what the ledger says of the bot is seen when it goes on.
    assert_eq!((&status["bot"], &status["last_sequence"]), (&Value::from("no_process"), &report["last_sequence"]));

    // It goes on from there: two more weeks without a new pair, while the original goes on opening some.
    let held = |rows: &[(String, String)]| rows.iter().filter(|(_, coins)| coins != "\"0\"").count();
    let before = pairs(back);
    assert!(held(&before) > 0);
    let days = (report["clock_ms"].as_i64().unwrap() - 1_748_736_000_000) / 86_400_000 + 14;
    let (code, _, problems) = ended(&["paper", "--state", back, "--seed", "9", "--days", &days.to_string(), "--json"]);
    assert_eq!(code, 0, "{problems}");
    for ((pair, coins), (_, earlier)) in pairs(back).iter().zip(&before) {
        assert!(earlier != "\"0\"" || coins == "\"0\"", "{pair} was entered: {coins}");
    }
    let (code, _, problems) = ended(&["pnl", back]);
    assert_eq!(code, 0, "{problems}");
}

#[test]
fn g16_a_restored_session_is_cleared_once_ledger_and_venue_agree() {
    let place = tempfile::tempdir().unwrap();
    let (one, again, file) = (place.path().join("one"), place.path().join("again"), place.path().join("one.carry"));
    let (dir, back, saved) = (text(&one), text(&again), text(&file));
    let running = Running::start(&["paper", "--state", dir, "--seed", "9", "--days", "forever"]);
    running.until(|| holds(&one));
    running.kill();
    assert_eq!(ended(&["backup", dir, saved]).0, 0);
    assert_eq!(ended(&["restore", saved, back]).0, 0);
    let running = Running::start(&["paper", "--state", back, "--seed", "9", "--speed", "60", "--days", "forever"]);
    running.until(|| again.join("control.sock").exists());
    assert_eq!(json(&["status", back, "--json"])["bot"], "reduce_only");
    let clear = ["clear-halt", "--state", back, "--reason", "restored from Monday, compared"];
    running.until(|| ended(&clear).0 == 0);
    running.until(|| json(&["status", back, "--json"])["bot"] == "ready");
    running.kill();
}

#[test]
fn what_is_no_backup_or_damaged_restores_nothing() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let (one, file, back) = (path("one"), path("one.carry"), path("again"));
    assert_eq!(ended(&["paper", "--state", text(&one), "--seed", "9", "--days", "1", "--json"]).0, 0);
    assert_eq!(ended(&["backup", text(&one), text(&file)]).0, 0);
    let check = |bytes: &[u8], exit: i32, words: &str| {
        let bad = path("bad.carry");
        std::fs::write(&bad, bytes).unwrap();
        let (code, _, problems) = ended(&["restore", text(&bad), text(&back)]);
        assert_eq!(code, exit, "{problems}");
        assert!(problems.contains(words), "{problems}");
        assert!(!back.exists());
        let left = std::fs::read_dir(place.path()).unwrap().count();
        assert_eq!(left, 3, "nothing half made is left");
    };
    check(b"not a backup at all", 2, "is no backup");
    let whole = std::fs::read(&file).unwrap();
    check(&whole[..whole.len() / 2], 3, "is damaged");

    // One byte of the ledger, with everything else as it was.
    let mut plain = zstd::decode_all(whole.as_slice()).unwrap();
    let at = plain.windows(16).position(|bytes| bytes == b"SQLite format 3\0").unwrap() + 4096;
    plain[at] ^= 1;
    check(&zstd::encode_all(plain.as_slice(), 3).unwrap(), 3, "has another checksum");
    // A name that leads out of the folder.
    let out =
        String::from_utf8_lossy(&zstd::decode_all(whole.as_slice()).unwrap()[512..]).find("ledger.sqlite").unwrap();
    let mut plain = zstd::decode_all(whole.as_slice()).unwrap();
    plain[512 + out..512 + out + 13].copy_from_slice(b"../../etc/pwd");
    check(&zstd::encode_all(plain.as_slice(), 3).unwrap(), 2, "belongs in no session");

    let empty = path("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(ended(&["backup", text(&empty), text(&path("no.carry"))]).0, 2);
    assert!(!path("no.carry").exists());
    assert_eq!(ended(&["restore", text(&file), text(&empty)]).0, 0, "an empty folder is as good as none");
}
