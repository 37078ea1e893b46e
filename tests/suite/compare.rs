//! `carry compare` as a person runs it, on runs made up and on ones that cannot be compared.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test")]

use crate::run_result as support;

use carry::domain::Amount;
use carry::report::write_all;
use std::path::Path;
use std::process::{Command, Output};
use support::synthetic;

fn carry(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Two runs that differ in one setting and in capital.
fn two(folder: &Path) {
    let mut result = synthetic(60);
    write_all(&folder.join("a"), &result).unwrap();
    result.summary.run.settings.insert("exit.funding".to_string(), "0.002%/8h".to_string());
    result.summary.net_apr = Some(-0.0123);
    result.summary.capital = Amount::whole(50_000);
    write_all(&folder.join("b"), &result).unwrap();
}

#[test]
fn u15_two_runs_stand_side_by_side_with_the_settings_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    two(folder.path());
    let run = carry(folder.path(), &["compare", "a", "b", "--out", "both.html"]);
    let out = text(&run.stdout);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let line = |name: &str| out.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("net APR").contains("-1.23 %"), "{out}");
    assert!(line("exit.funding").contains("0%/8h") && line("exit.funding").contains("0.002%/8h"), "{out}");
    assert!(out.contains("different capital") && !out.contains("same time"), "{out}");

    let page = std::fs::read_to_string(folder.path().join("both.html")).unwrap();
    assert!(page.len() < 5_000_000 && page.contains("Settings that differ") && page.contains("figure-equity"));

    let run = carry(folder.path(), &["compare", "a", "b", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json["schema"], "carry.compare/1");
    assert_eq!((json["runs"].as_array().unwrap().len(), json["runs"][1]["dir"].as_str()), (2, Some("b")));
    assert_eq!(json["settings"], serde_json::json!([{ "key": "exit.funding", "values": ["0%/8h", "0.002%/8h"] }]));
}

#[test]
fn u15_a_folder_that_is_no_run_or_an_old_one_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    two(folder.path());
    let run = carry(folder.path(), &["compare", "a", "c"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("c: holds no summary.json and no ledger"), "{}", text(&run.stderr));
    let path = folder.path().join("b/summary.json");
    let old = std::fs::read_to_string(&path).unwrap().replace("carry.backtest/2", "carry.backtest/1");
    std::fs::write(&path, old).unwrap();
    let run = carry(folder.path(), &["compare", "a", "b"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("make it again"), "{}", text(&run.stderr));
    std::fs::write(folder.path().join("a/equity.csv"), "ts_ms,equity\n1,x\n").unwrap();
    let run = carry(folder.path(), &["compare", "a", "a"]);
    assert!(text(&run.stderr).contains("line 2"), "{}", text(&run.stderr));
}

#[test]
fn u15_a_session_stands_beside_a_run_as_its_ledger_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    two(folder.path());
    let paper = ["paper", "--market", "sim", "--speed", "max", "--days", "1", "--state", "session", "--json"];
    let paper = carry(folder.path(), &paper);
    assert!(paper.status.success(), "{}", text(&paper.stderr));
    let ended: serde_json::Value = serde_json::from_slice(&paper.stdout).unwrap();
    let run = carry(folder.path(), &["compare", "a", "session", "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json["runs"][1]["summary"]["final_equity"], ended["final_equity"]);
    assert_eq!(json["runs"][1]["summary"]["mode"], "paper");
}
