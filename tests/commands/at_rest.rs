//! What is said of a session that was halted, stopped, or is young: the words of its pairs, its instants, and sums that are one
//! in every view.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::session::{Running, ended, hedged, text};
use carry::domain::Amount;
use carry::store::ledger_file;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

fn said(args: &[&str]) -> Value {
    let (code, out, problems) = ended(args);
    assert_eq!(code, 0, "{args:?}: {problems}");
    serde_json::from_str(&out).unwrap()
}

fn amount(value: &Value) -> Amount {
    Amount::parse(value.as_str().unwrap()).unwrap()
}

fn started(dir: &Path, speed: &str) -> Running {
    let args = ["paper", "--state", text(dir), "--days", "3000", "--seed", "9", "--speed", speed];
    let running = Running::start(&args);
    running.until(|| dir.join("control.sock").exists());
    running
}

fn status(dir: &Path) -> Value {
    said(&["status", text(dir), "--json"])
}

fn phases(dir: &Path) -> Vec<String> {
    status(dir)["pairs"].as_array().unwrap().iter().map(|row| row["phase"].as_str().unwrap().to_owned()).collect()
}

/// Whether the market moved on since then.
fn moved(dir: &Path, since: &Value) -> bool {
    status(dir)["clock_ms"].as_i64().unwrap() > since["clock_ms"].as_i64().unwrap()
}

#[test]
fn a_halt_of_a_session_that_holds_nothing_leaves_its_pairs_flat() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = started(&dir, "60");
    let flat = |when: &str| assert!(phases(&dir).iter().all(|phase| phase == "flat"), "{when}: {}", status(&dir));
    flat("before");
    assert_eq!(ended(&["halt", "--state", text(&dir)]).0, 0);
    let halted = status(&dir);
    session.until(|| moved(&dir, &halted));
    flat("halted");
    let (_, screen, _) = ended(&["status", text(&dir)]);
    assert!(screen.contains("nothing is held"), "{screen}");
    assert_eq!(ended(&["clear-halt", "--state", text(&dir), "--reason", "looked at"]).0, 0);
    flat("cleared");
    session.kill();
    flat("killed");
    // A ledger that a halt of before left with the word: the pair holds nothing all the same.
    let file = dir.join("ledger.sqlite");
    let ledger = rusqlite::Connection::open(&file).unwrap();
    let sql = "UPDATE pairs SET body = replace(body, '\"phase\":\"flat\"', '\"phase\":\"exiting\"')";
    assert!(ledger.execute(sql, []).unwrap() > 0);
    drop(ledger);
    assert!(ledger_file::read(&file).unwrap().pairs.values().all(|body| body.contains("\"phase\":\"exiting\"")));
    flat("of before");
}

#[test]
fn what_is_said_of_a_stopped_session_is_of_its_stop() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let args = ["paper", "--state", text(&dir), "--days", "3000", "--seed", "9", "--speed", "36000", "--json"];
    let child = crate::session::carry(&args).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let waiting = (0..20_000).any(|_| {
        let held = dir.join("control.sock").exists() && hedged(&dir);
        if !held {
            std::thread::park_timeout(std::time::Duration::from_millis(2));
        }
        held
    });
    assert!(waiting, "nothing was entered");
    let before = status(&dir);
    assert!((0..20_000).any(|_| moved(&dir, &before)), "the market stands still");
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    let stopped: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), &stopped["schema"]), (Some(0), &json!("carry.paper.stopped/1")));

    let now = status(&dir);
    assert_eq!(now["clock_ms"], stopped["clock_ms"], "{now}");
    for row in now["pairs"].as_array().unwrap() {
        let equal = row["spot_coins"].as_str().unwrap() == row["perp_coins"].as_str().unwrap().trim_start_matches('-');
        assert!(row["phase"] != "entering" || !equal, "{row}");
    }
    // The row of its stop is on disk, at the cross rates of that instant, and every view says the same.
    let loaded = ledger_file::read(&dir.join("ledger.sqlite")).unwrap();
    let last = loaded.rows.iter().rev().find(|(kind, _)| kind == "equity").map(|(_, body)| body).unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["equity"], now["equity"], "{last}");
    let pnl = said(&["pnl", text(&dir), "--json"]);
    assert_eq!((&pnl["to_ms"], &pnl["equity"], &pnl["net"]), (&stopped["clock_ms"], &now["equity"], &now["net"]));
    assert_eq!((&pnl["difference"], &pnl["pnl"]["unexplained"]), (&json!("0"), &json!("0")));
    let (_, screen, _) = ended(&["status", text(&dir)]);
    assert!(screen.contains("(last written at ") && !screen.contains("(for 0s)"), "{screen}");
}

#[test]
fn a_young_session_has_its_start_and_the_interest_of_its_idle_money() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = started(&dir, "1200");
    let start = carry::sim::START;
    session.until(|| status(&dir)["clock_ms"].as_i64().unwrap() >= start.0 + 600_000);
    let pnl = said(&["pnl", text(&dir), "--json"]);
    assert_eq!(pnl["from_ms"], json!(start.0), "{pnl}");
    assert!(pnl["to_ms"].as_i64() > pnl["from_ms"].as_i64(), "{pnl}");
    let out = temporary.path().join("out");
    let report = said(&["report", text(&dir), "--out", text(&out), "--json"]);
    let summary = &report["summary"];
    assert_eq!(summary["from_ms"], json!(start.0), "{summary}");
    let hours = (summary["to_ms"].as_f64().unwrap() - summary["from_ms"].as_f64().unwrap()) / 3.6e6;
    let daily = (1.0 + summary["cash_apr"].as_f64().unwrap()).powf(hours / 24.0 / 365.0) - 1.0;
    let (expected, counted) = (daily * 100_000.0, amount(&summary["idle_cash_interest"]).to_f64());
    assert!((counted - expected).abs() < expected * 0.7 + 0.02 && counted > 0.0, "{counted} of {expected}");
    session.kill();
}

#[test]
fn a_pair_has_one_total_in_every_view_and_the_rows_sum_to_the_whole() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    assert_eq!(ended(&["paper", "--state", text(&dir), "--days", "6", "--seed", "9", "--json"]).0, 0);
    let now = status(&dir);
    let pnl = said(&["pnl", text(&dir), "--by", "pair", "--json"]);
    let printed = std::fs::read_to_string(dir.join("report.txt")).unwrap();
    let mut sum = amount(&now["outside"]);
    let mut traded = 0;
    for row in now["pairs"].as_array().unwrap() {
        sum += amount(&row["net"]);
        let Some(of) = pnl["rows"].as_array().unwrap().iter().find(|of| of["key"] == row["pair"]) else { continue };
        traded += 1;
        assert_eq!(of["total"], row["net"], "{row}");
        let name = row["pair"].as_str().unwrap();
        let total = printed.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        let shown = carry::report::figures::money(amount(&row["net"]));
        assert!(total.trim_end().ends_with(&format!(" {shown}")), "{total}: {shown}");
    }
    assert!(traded >= 2 && sum == amount(&now["net"]), "{traded}: {sum} of {now}");
    let (_, screen, _) = ended(&["status", text(&dir)]);
    assert!(screen.lines().any(|line| line.trim_start().starts_with("all ")), "{screen}");
}
