//! The README and the manuals: each command they show is run, and what they show of the output must be there, in that order.
//!
//! A fence of `console` holds commands (`$ carry ...`) and their output; `...` stands for lines left out, and lines may be
//! left out before and after. Commands of the README each run in a folder of their own as `carry init` makes it; those of a
//! manual run one after the other in one folder. A fence of `sh` holds commands for a server, a network or a key: their
//! arguments must be ones that exist. All of it goes through bash, and where it is there through zsh too. The table of results
//! is run row by row. Commands that need recorded history in `data` run when the shared folder is there.
#![expect(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder by environment")]

use clap::Parser as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Between the commands of one transcript; nothing prints it by chance.
const NEXT: &str = "=====8<=====";

const MANUALS: [&str; 9] = [
    "SECURITY.md",
    "deploy/README.md",
    "deploy/venue.md",
    "deploy/manual/first-hour.md",
    "deploy/manual/glossary.md",
    "deploy/manual/live.md",
    "deploy/manual/page.md",
    "deploy/manual/questions.md",
    "deploy/manual/troubleshooting.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn readme() -> String {
    text_of("README.md")
}

fn shared_data() -> Option<PathBuf> {
    let root = std::env::var("CARRY_SHARED").map_or_else(|_| root().join("../shared"), PathBuf::from).join("data");
    if root.is_dir() {
        return Some(root);
    }
    assert!(std::env::var("CI").is_err(), "shared data are missing at {}", root.display());
    None
}

/// Shells to go through; bash must be there, zsh on the build machine too.
fn shells() -> Vec<&'static str> {
    let there = |shell: &&str| {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(shell).is_file());
        assert!(found || std::env::var("CI").is_err(), "{shell} is missing; .ci/run installs it");
        found
    };
    ["bash", "zsh"].into_iter().filter(there).collect()
}

/// A folder as `carry init` makes it, with the recorded history in `data` when it is to be had.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    carry(folder.path(), "carry init .").unwrap();
    folder
}

/// Runs a script in a folder, which is home too: what it printed, results first.
fn script(shell: &str, folder: &Path, text: &str) -> String {
    let bin = folder.join(".bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_carry"), bin.join("carry")).unwrap();
    }
    if let Some(data) = shared_data()
        && !folder.join("data").exists()
    {
        std::os::unix::fs::symlink(data.canonicalize().unwrap(), folder.join("data")).unwrap();
    }
    let mut command = Command::new(shell);
    command.args(if shell == "zsh" { &["-f", "-c"][..] } else { &["-c"] }).arg(text).current_dir(folder).env_clear();
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("HOME", folder);
    let run = command.output().unwrap();
    String::from_utf8([run.stdout, run.stderr].concat()).unwrap()
}

/// Runs a command line. `None` when it needs recorded history that is not there.
fn carry(folder: &Path, line: &str) -> Option<String> {
    if line.contains("--data data") {
        shared_data()?;
    }
    Some(script("bash", folder, line))
}

/// Lines of the fences of a kind, in order.
fn fenced<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let opening = format!("```{kind}");
    let mut lines = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, line) if line == opening => inside = true,
            (true, "```") => inside = false,
            (true, _) => lines.push(line),
            (false, _) => {}
        }
    }
    lines
}

/// Commands of the console fences with the output shown.
fn shown(text: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in fenced(text, "console") {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.to_owned()),
            (None, None) => panic!("a fence begins without a command: {line}"),
        }
    }
    commands
}

fn prints(command: &str, output: &str, expected: &[String]) {
    let mut lines = output.lines();
    for line in expected.iter().filter(|line| *line != "...") {
        assert!(lines.any(|printed| printed == line), "$ {command}\ndoes not print, or not here:\n{line}\n\n{output}");
    }
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
        prints(&command, &output, &expected);
    }
}

#[test]
fn u02_u17_the_manuals_can_be_typed_from_the_first_line_to_the_last_in_both_shells() {
    let mut count = 0;
    for manual in MANUALS {
        let commands = shown(&text_of(manual));
        if commands.is_empty() {
            continue;
        }
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let mut text = String::from("exec 2>&1\n");
            for (command, _) in &commands {
                text.extend([command.as_str(), "\necho \"exit $?\"\necho '", NEXT, "'\n"]);
            }
            let output = script(shell, folder.path(), &text);
            let parts: Vec<&str> = output.split(&format!("{NEXT}\n")).collect();
            assert_eq!(parts.len(), commands.len() + 1, "{manual} in {shell}: {output}");
            for ((command, expected), part) in commands.iter().zip(parts) {
                prints(&format!("{command}   ({shell}, {manual})"), part, expected);
                let fails = expected.iter().any(|line| line.starts_with("carry: "));
                assert!(fails || part.ends_with("exit 0\n"), "{manual} in {shell}: $ {command}\n{part}");
                count += 1;
            }
        }
    }
    assert!(count >= 10, "{count}");
}

/// The words of a line as a shell splits them.
fn words(shell: &str, line: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let out = script(shell, folder.path(), &format!("carry() {{ printf '%s\\1' carry \"$@\"; }}\n{line}\n"));
    out.split('\u{1}').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn u02_u17_every_command_of_the_manuals_has_arguments_that_exist_in_both_shells() {
    let mut count = 0;
    for manual in ["README.md"].into_iter().chain(MANUALS) {
        let text = text_of(manual);
        let table = text.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('`').nth_back(1));
        let table = table.filter(|command| command.starts_with("carry ") && command.contains(" --data "));
        for line in fenced(&text, "sh").into_iter().chain(table) {
            // What is read from a file and what follows a pipe is not ours to parse.
            let command = line.split(" < ").next().unwrap_or_default();
            if !command.starts_with("carry ") {
                continue;
            }
            for shell in shells() {
                let parsed = carry::cli::Cli::try_parse_from(words(shell, command));
                assert!(parsed.is_ok(), "{manual} in {shell}: {line}\n{}", parsed.unwrap_err());
                count += 1;
            }
        }
    }
    assert!(count >= 40, "{count}");
}

/// Every page that a person may read beside the README.
fn pages() -> Vec<String> {
    let mut pages: Vec<String> = MANUALS.map(str::to_owned).to_vec();
    let runbook = std::fs::read_dir(root().join("deploy/runbook")).into_iter().flatten();
    pages.extend(runbook.map(|page| format!("deploy/runbook/{}", page.unwrap().file_name().to_str().unwrap())));
    pages.extend(["README.md", "CONTRIBUTING.md", "strategies/README.md"].map(str::to_owned));
    pages.sort();
    pages
}

#[test]
fn u17_every_command_named_in_a_sentence_exists() {
    use clap::error::ErrorKind::{InvalidSubcommand, UnknownArgument};
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = text_of(&page);
        let sentences = text.lines().filter(|line| !line.starts_with("    ") && !line.starts_with("```"));
        let spans = sentences.flat_map(|line| line.split('`').skip(1).step_by(2));
        for span in spans.filter(|span| span.starts_with("carry ") && !span.contains("--data")) {
            let command = span.split([';', '|', '<']).next().unwrap_or_default().trim();
            // A name alone is no whole command: what is missing is no mistake, what does not exist is one.
            let error = carry::cli::Cli::try_parse_from(words("bash", command)).err();
            if error.is_some_and(|error| matches!(error.kind(), InvalidSubcommand | UnknownArgument)) {
                wrong.push(format!("{page}: {span}"));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 60, "{count}");
}

#[test]
fn u17_every_page_named_in_a_page_is_there() {
    for page in &pages() {
        let text = text_of(page);
        let folder = Path::new(page).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { root().join(page) } else { root().join(folder).join(path) };
            assert!(target.exists(), "{page}: {link}");
            let heads = std::fs::read_to_string(&target).unwrap_or_default();
            let anchor = |head: &str| head.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let found = part.is_empty() || heads.lines().any(|line| line.starts_with('#') && anchor(line) == part);
            assert!(found, "{page}: {link} has no such heading");
        }
    }
    let manuals = std::fs::read_dir(root().join("deploy/manual")).unwrap().map(|entry| entry.unwrap().file_name());
    for name in manuals.map(|name| name.into_string().unwrap()) {
        assert!(
            MANUALS.contains(&format!("deploy/manual/{name}").as_str()),
            "{name} is not among the manuals of this test"
        );
    }
}

#[test]
fn u02_the_test_key_of_each_profile_is_one_that_keys_add_takes() {
    for venue in ["binance", "aster"] {
        let folder = tempfile::tempdir().unwrap();
        let line = format!(
            "carry venue --profile {venue} --print-key | carry keys add try --venue {venue} --test && carry keys list --json"
        );
        let said = script("bash", folder.path(), &line);
        assert!(said.contains("carry.keys/1") && said.contains(r#""name": "try""#), "{said}");
    }
}

#[test]
fn the_table_of_results_is_what_its_commands_give() {
    let text = readme();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("`carry backtest --data"))
        .map(|line| line.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 6, "{rows:?}");
    if shared_data().is_none() {
        println!("skipped: no shared data");
        return;
    }
    let mut wrong = Vec::new();
    for row in rows {
        let [preset, pairs, from, net, cash, excess, trips, fall, command] = row[..] else { panic!("{row:?}") };
        let output = carry(desk().path(), &format!("{} --json", command.trim_matches('`'))).unwrap();
        let summary: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{command}: {output}"));
        let percent = |name: &str| format!("{:.2}", summary[name].as_f64().unwrap() * 100.0);
        let found = [
            percent("net_apr"),
            percent("net_apr_with_cash"),
            percent("excess_apr"),
            summary["round_trips"].to_string(),
            percent("max_drawdown"),
        ];
        if found != [net, cash, excess, trips, fall] {
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
