//! How far a long run is stands on a terminal's standard error, and nowhere else.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may stop the test")]

use std::path::Path;
use std::process::Command;

/// Runs a command line of the program on a terminal of its own; what the terminal saw. `None` where there is no `script`.
fn on_a_terminal(folder: &Path, line: &str) -> Option<String> {
    let binary = env!("CARGO_BIN_EXE_carry");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &format!("'{binary}' {line}"), "seen"]);
    command.current_dir(folder).env("XDG_STATE_HOME", folder).env("TERM", "xterm").stdin(std::process::Stdio::null());
    let Ok(ended) = command.output() else {
        println!("skipped: no script here");
        return None;
    };
    assert!(ended.status.success(), "{ended:?}");
    Some(String::from_utf8_lossy(&std::fs::read(folder.join("seen")).unwrap()).into_owned())
}

fn carry(folder: &Path, args: &[&str]) -> (String, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_carry"))
        .args(args)
        .current_dir(folder)
        .env("XDG_STATE_HOME", folder)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn u12_a_paper_run_says_its_day_on_a_terminal_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let line = "paper --state on --days 3 --seed 9 --json > out.json";
    if let Some(seen) = on_a_terminal(folder.path(), line) {
        for day in ["day 1 of 3 ", "day 3 of 3 "] {
            assert!(seen.contains(day), "{day}: {seen}");
        }
        let told = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
        assert!(told.starts_with('{') && !told.contains(" of 3 "), "{told}");
    }
    let (_, problems) = carry(folder.path(), &["paper", "--state", "off", "--days", "2", "--seed", "9", "--json"]);
    assert_eq!(problems, "", "no progress where nobody looks");
}

#[test]
fn u12_a_backtest_says_its_day_on_a_terminal_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    carry(folder.path(), &["data", "sample", "sample"]);
    carry(folder.path(), &["init", "."]);
    let line = "backtest --data sample --strategy strategies/anchor.toml --json";
    if let Some(seen) = on_a_terminal(folder.path(), &format!("{line} > out.json")) {
        assert!(seen.contains(" of 30") && seen.contains("day "), "{seen}");
        let told = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
        assert!(told.starts_with('{'), "{told}");
    }
    let (_, problems) = carry(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(problems, "", "no progress where nobody looks");
}
