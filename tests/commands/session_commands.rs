//! Queries of a session folder, while the session runs and after: `status`, `fills`, `ledger`, `pnl`, `report`, `export`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::session;

use carry::domain::Amount;
use serde_json::Value;
use session::{Running, ended, facts, rows, text};
use std::path::Path;
use std::process::Command;

fn json(args: &[&str]) -> Value {
    let (code, out, problems) = ended(args);
    assert_eq!((code, problems.as_str()), (0, ""), "{args:?}");
    let value: Value = serde_json::from_str(&out).unwrap();
    let number = if args[0] == "report" { 2 } else { 1 };
    assert_eq!(value["schema"], format!("carry.{}/{number}", args[0]));
    assert_eq!(value["mode"], "paper", "{args:?}");
    value
}

fn amount(value: &Value) -> Amount {
    Amount::parse(value.as_str().unwrap()).unwrap()
}

fn session(folder: &Path) {
    let (code, _, problems) = ended(&["paper", "--state", text(folder), "--days", "6", "--seed", "9", "--json"]);
    assert_eq!(code, 0, "{problems}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for args in [&["completions", "bash"][..], &["keys", "list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
        let run = command.args(args).env_clear().env("HOME", home.path()).stdout(writer).output().unwrap();
        assert_eq!((run.status.code(), String::from_utf8(run.stderr).unwrap()), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn books_sum_to_zero_and_lines_to_the_change_in_equity() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("one");
    session(&dir);
    let dir = text(&dir);
    let books = json(&["ledger", dir, "--balances", "--json"]);
    assert_eq!(books["balanced"], true);
    assert!(books["sums"].as_array().unwrap().iter().all(|one| one["sum"] == "0"), "{books}");

    let pnl = json(&["pnl", dir, "--json"]);
    // What a person reads of a session that is over is what a program reads (L35).
    let (_, screen, _) = ended(&["status", dir]);
    let net = screen.split("net ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let exact = amount(&json(&["status", dir, "--json"])["net"]);
    assert_eq!(net, format!("{:.2}", exact.to_f64()), "{screen}");
    assert_eq!(exact, amount(&pnl["net"]));
    assert_eq!((&pnl["difference"], &pnl["pnl"]["unexplained"]), (&Value::from("0"), &Value::from("0")));
    assert_eq!(amount(&pnl["sum"]), amount(&pnl["equity"]) - amount(&pnl["capital"]));
    for by in ["pair", "day"] {
        let split = json(&["pnl", dir, "--by", by, "--json"]);
        let rows = split["rows"].as_array().unwrap();
        assert!(rows.len() > 2, "{split}");
        assert_eq!(rows.iter().map(|row| amount(&row["total"])).sum::<Amount>(), amount(&pnl["sum"]), "{by}");
    }

    // An account that was robbed of a posting is said, with exit code 3.
    let file = Path::new(dir).join("ledger.sqlite");
    let ledger = rusqlite::Connection::open(&file).unwrap();
    assert_eq!(ledger.execute("UPDATE rows SET body = replace(body, '\"delta\":\"', '\"delta\":\"9') WHERE number = (SELECT max(number) FROM rows WHERE kind = 'equity')", []).unwrap(), 1);
    drop(ledger);
    let (code, _, problems) = ended(&["pnl", dir]);
    assert_eq!(code, 3, "{problems}");
    assert!(problems.contains("do not explain the change in equity"), "{problems}");
}

#[test]
fn tables_and_exports_hold_what_the_run_wrote() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    session(&folder);
    let dir = text(&folder);
    let status = json(&["status", dir, "--json"]);
    assert_eq!((&status["finished"], &status["boots"]), (&Value::from(true), &Value::from(1)));
    assert_eq!(status["clock"], "2025-06-07T00:00:00Z");
    let fills = json(&["fills", dir, "--json", "--limit", "0"]);
    let held = |pair: &str, leg: &str| {
        let mine = fills["rows"].as_array().unwrap().iter();
        let mine = mine.filter(|row| row["pair"] == pair && row["leg"] == leg);
        mine.map(|row| if row["side"] == "buy" { amount(&row["quantity"]) } else { -amount(&row["quantity"]) }).sum()
    };
    let pairs = status["pairs"].as_array().unwrap();
    assert!(pairs.iter().any(|row| row["phase"] == "hedged"), "{status}");
    for row in pairs {
        let sum: Amount = held(row["pair"].as_str().unwrap(), "perp");
        assert_eq!(amount(&row["perp_coins"]), sum, "{row}");
    }
    assert_eq!(json(&["fills", dir, "--json", "--limit", "3"])["rows"].as_array().unwrap().len(), 3);

    for what in ["fills", "funding", "trips", "equity"] {
        let (code, out, problems) = ended(&["export", dir, "--what", what]);
        assert_eq!((code, problems.as_str()), (0, ""));
        assert_eq!(out, std::fs::read_to_string(folder.join(format!("{what}.csv"))).unwrap(), "{what}");
    }
    let file = temporary.path().join("postings.csv");
    assert_eq!(ended(&["export", dir, "--what", "postings", "--out", text(&file)]).0, 0);
    let postings = std::fs::read_to_string(file).unwrap();
    assert!(postings.starts_with("number,ts_ms,cause,debit,credit,amount,asset,reason,mode\n1,1748736000000,2,wallet:alpha:spot,opening,25000,USDT,opening,paper\n"), "{postings}");

    let out = temporary.path().join("out");
    let (code, table, _) = ended(&["report", dir, "--out", text(&out)]);
    assert_eq!(code, 0);
    assert!(table.contains("= change in equity") && table.contains("report.html"), "{table}");
    for name in ["summary.json", "trips.csv", "report.html"] {
        assert_eq!(std::fs::read(out.join(name)).unwrap(), std::fs::read(folder.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_running_session_is_read_and_never_disturbed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    let dir = text(&folder);
    let running = Running::start(&["paper", "--state", dir, "--days", "3000", "--seed", "9"]);
    running.until(|| rows(&folder, "fill") >= 2);
    let before = facts(&folder);
    assert_eq!(json(&["status", dir, "--json"])["finished"], false);
    assert_eq!(json(&["ledger", dir, "--balances", "--json"])["balanced"], true);
    let pnl = json(&["pnl", dir, "--by", "pair", "--json"]);
    assert_eq!(pnl["difference"], "0");
    let out = temporary.path().join("out");
    assert_eq!(json(&["report", dir, "--out", text(&out), "--json"])["finished"], false);
    running.until(|| facts(&folder) > before);
    running.kill();
    assert_eq!(json(&["status", dir, "--json"])["finished"], false, "a killed session reads like a running one");
}

#[test]
fn u12_a_session_that_is_over_tells_its_alarms_and_no_age_of_a_price() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    session(&folder);
    let summary: Value = serde_json::from_slice(&std::fs::read(folder.join("summary.json")).unwrap()).unwrap();
    let alarms: u64 = summary["alarms"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert!(alarms > 0, "{summary}");
    let (code, out, _) = ended(&["status", text(&folder)]);
    let whole = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 0 && whole.contains(&format!("alarms {alarms} ")) && !whole.contains("oldest price"), "{out}");
}

#[test]
fn u14_why_asks_a_session_without_any_history() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    let dir = text(&folder);
    let running = Running::start(&["paper", "--state", dir, "--days", "forever", "--speed", "60", "--seed", "9"]);
    running.until(|| ended(&["why", "--state", dir]).0 == 0);
    // The form that `status` and the help name demands no history; which session it finds is not this test's.
    let (_, _, problems) = ended(&["why"]);
    assert!(!problems.contains("--data <DIR>"), "{problems}");
    let (code, out, problems) = ended(&["why", "--set", "exit.min_hold=3d"]);
    assert!(code == 2 && out.is_empty() && problems.contains("--data"), "{problems}");
    let (code, out, problems) = ended(&["why", "alpha:BTCUSDT", "--state", dir]);
    assert!(code == 0 && out.contains("alpha:BTCUSDT  flat") && out.contains("blocks"), "{out}{problems}");
    running.kill();
    let (code, _, problems) = ended(&["why", "--state", dir]);
    assert!(code == 1 && !problems.contains("--data"), "{code} {problems}");
    let (code, _, problems) = ended(&["why", "--state", dir, "--at", "2025-01-01"]);
    assert!(code == 2 && problems.contains("--at"), "{problems}");
    let (code, _, problems) = ended(&["why", "--strategy", "anchor.toml"]);
    assert!(code == 2 && problems.contains("--data <DIR>"), "half a history is none: {problems}");
}

#[test]
fn bad_input_has_a_message_and_its_exit_code() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    session(&folder);
    let (dir, empty) = (text(&folder), text(temporary.path()));
    let gone = temporary.path().join("gone");
    let tested = temporary.path().join("tested");
    std::fs::create_dir(&tested).unwrap();
    for file in ["summary.json", "report.html"] {
        std::fs::write(tested.join(file), "").unwrap();
    }
    for (args, expected) in [
        (&["status", text(&gone)][..], "no such folder; expected the folder of a session"),
        (&["pnl", empty], "is not a session folder: it has no ledger.sqlite"),
        (&["report", text(&tested)], "it is what carry backtest wrote, whose page is "),
        (&["fills", dir, "--pair", "alpha:BTCUSD"], "did you mean alpha:BTCUSDT?"),
        (&["ledger", dir, "--account", "wallet:alpha:spo"], "did you mean wallet:alpha:spot?"),
        (&["export", dir, "--what", "orders"], "possible values: fills, funding, postings, trips, equity"),
    ] {
        let (code, out, problems) = ended(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {problems}");
        assert!(problems.contains(expected), "{args:?}: {problems}");
    }
    let nowhere = gone.join("x.csv");
    let (code, _, problems) = ended(&["export", dir, "--what", "fills", "--out", text(&nowhere)]);
    assert_eq!(code, 1);
    assert!(problems.contains("cannot write") && problems.contains("x.csv"), "{problems}");
}
