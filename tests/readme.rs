//! The README: each command it shows is run, and what it shows of the output must be there, in that order.
//!
//! A fence of `console` holds commands (`$ carry ...`) and their output; `...` stands for lines left out, and lines may be
//! left out before and after. The table of results is run row by row. Commands that need the shared folder run when it is there.
#![expect(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder by environment")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const SHARED: &str = "../shared/data";

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

fn shared_data() -> Option<PathBuf> {
    let root = std::env::var("CARRY_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("data");
    if root.is_dir() {
        return Some(root);
    }
    assert!(std::env::var("CI").is_err(), "shared data are missing at {}", root.display());
    None
}

/// A folder as `carry init` makes it.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    carry(folder.path(), "carry init .").unwrap();
    folder
}

/// Runs a command line in a folder: what it printed, results first. `None` when it needs shared data that are not there.
fn carry(folder: &Path, line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    assert_eq!(words.next(), Some("carry"), "{line}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear();
    for word in words {
        if word == SHARED {
            command.arg(shared_data()?);
        } else {
            command.arg(word);
        }
    }
    let run = command.output().unwrap();
    Some(String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
}

/// Commands of the console fences with the output shown.
fn shown(text: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, _) => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, output))) => output.push(line.to_owned()),
                (None, None) => panic!("a fence begins without a command: {line}"),
            },
            (false, _) => {}
        }
    }
    commands
}

#[test]
fn each_command_shown_prints_what_is_shown() {
    let commands = shown(&readme());
    assert!(commands.len() >= 7, "{}", commands.len());
    for (command, expected) in commands {
        let folder = if command.starts_with("carry init") { tempfile::tempdir().unwrap() } else { desk() };
        let Some(output) = carry(folder.path(), &command) else {
            println!("skipped, no shared data: {command}");
            continue;
        };
        let mut lines = output.lines();
        for line in expected.iter().filter(|line| *line != "...") {
            assert!(
                lines.any(|printed| printed == line),
                "$ {command}\ndoes not print, or not here:\n{line}\n\n{output}"
            );
        }
    }
}

#[test]
fn the_table_of_results_is_what_its_commands_give() {
    let text = readme();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.contains("`carry backtest --data"))
        .map(|line| line.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 6, "{rows:?}");
    if shared_data().is_none() {
        println!("skipped: no shared data");
        return;
    }
    let mut wrong = Vec::new();
    for row in rows {
        let [preset, pairs, from, net, cash, trips, fall, command] = row[..] else { panic!("{row:?}") };
        let output = carry(desk().path(), &format!("{} --json", command.trim_matches('`'))).unwrap();
        let summary: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{command}: {output}"));
        let percent = |name: &str| format!("{:.2}", summary[name].as_f64().unwrap() * 100.0);
        let found = [
            percent("net_apr"),
            percent("net_apr_with_cash"),
            summary["round_trips"].to_string(),
            percent("max_drawdown"),
        ];
        if found != [net, cash, trips, fall] {
            wrong.push(format!("| {preset} | {pairs} | {from} | {} | {command} |", found.join(" | ")));
        }
    }
    assert!(wrong.is_empty(), "these rows are now:\n{}", wrong.join("\n"));
}

#[test]
fn every_command_and_exit_code_is_in_the_readme() {
    let (text, folder) = (readme(), tempfile::tempdir().unwrap());
    let help = carry(folder.path(), "carry --help").unwrap();
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for verb in
        verbs.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   ")))
    {
        assert!(verb == "help" || text.contains(&format!("`carry {verb}")), "carry {verb} is not in the README");
    }
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "130"] {
        assert!(text.contains(&format!("\n| {code} | ")), "exit code {code} is not in the README");
    }
}
