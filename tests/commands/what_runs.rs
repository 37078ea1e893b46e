//! A run says what it is, by name, hash and differences; its hints are commands that work; a session that is not over tells
//! what is open.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]
#![expect(clippy::disallowed_methods, reason = "tests find the shared folder by environment")]

use crate::session;

use serde_json::Value;
use session::{Running, ended, hedged, text};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn carry(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn out(run: &Output) -> String {
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout.clone()).unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&out(&carry(folder, arguments))).unwrap()
}

fn keys(summary: &Value) -> Vec<String> {
    let changed = summary["run"]["changed"].as_array().unwrap();
    changed.iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn u05_plain_paper_runs_the_strategy_that_was_edited_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    out(&carry(desk, &["init", "."]));

    // Nothing edited: the built-in settings, and nothing that differs from them.
    let summary = json(desk, &["paper", "--days", "1", "--json"]);
    assert_eq!((summary["run"]["strategy"].as_str(), keys(&summary)), (Some("built-in"), Vec::new()));

    let path = desk.join("strategies/anchor.toml");
    let edited = std::fs::read_to_string(&path).unwrap().replace("funding = \"0.01%/8h\"", "funding = \"0.05%/8h\"");
    std::fs::write(&path, edited).unwrap();
    let summary = json(desk, &["paper", "--days", "1", "--json", "--state", "mine", "--seed", "3"]);
    let run = &summary["run"];
    assert_eq!((run["strategy"].as_str(), run["preset"].as_str()), (Some("anchor"), Some("anchor")));
    assert_eq!(run["file"], "strategies/anchor.toml");
    assert_eq!(keys(&summary), ["entry.funding", "sim.seed"]);
    assert_eq!((&run["changed"][0]["value"], &run["changed"][0]["preset"]), (&"0.05%/8h".into(), &"0.01%/8h".into()));
    assert_eq!(run["version"], env!("CARGO_PKG_VERSION"));
    let checked = json(desk, &["check", "strategies/anchor.toml", "--json"]);
    assert_eq!(run["strategy_sha256"], checked["strategy_hash"]);

    // The text, the page and the files of the session say the same, also when they are made again.
    let text = out(&carry(desk, &["report", "mine"]));
    let page = std::fs::read_to_string(desk.join("mine/report.html")).unwrap();
    let hash = &run["strategy_sha256"].as_str().unwrap()[..12];
    for place in [&text, &page] {
        assert!(place.contains("strategies/anchor.toml") && place.contains(hash) && place.contains("entry.funding"));
    }
    // A strategy that was named wins, and one as shipped differs in nothing.
    let summary = json(desk, &["paper", "--days", "1", "--json", "--strategy", "strategies/ethena.toml"]);
    assert_eq!((summary["run"]["strategy"].as_str(), keys(&summary)), (Some("ethena"), Vec::new()));
    // A session goes on with its own strategy, whatever was edited since.
    std::fs::write(desk.join("strategies/mine.toml"), "[entry]\nfunding = \"0.09%/8h\"\n").unwrap();
    out(&carry(desk, &["paper", "--days", "1", "--state", "mine", "--seed", "3"]));
}

/// The commands under `Next:`.
fn hints(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| *line != "Next:").skip(1);
    lines.map(|line| line.trim_start().split("  ").next().unwrap().trim_end().to_owned()).collect()
}

/// Runs a line as a person's shell would.
fn shell(folder: &Path, line: &str) {
    let bin = Path::new(env!("CARGO_BIN_EXE_carry")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut command = Command::new("sh");
    let run = command.args(["-c", line]).current_dir(folder).env_clear().env("PATH", path).output().unwrap();
    assert!(run.status.success(), "{line}\n{}{}", text_of(&run.stdout), text_of(&run.stderr));
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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

#[test]
fn u05_the_commands_that_a_run_names_next_work_as_they_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    let paper = out(&carry(desk, &["paper", "--days", "2", "--state", "my runs/it's mine"]));
    let next = hints(&paper);
    assert_eq!(next.len(), 3, "{paper}");
    for line in &next {
        shell(desk, line);
    }
    // The files are there now: what would be refused is not offered again.
    assert_eq!(hints(&out(&carry(desk, &["paper", "--days", "2", "--state", "second"]))).len(), 2);

    let init = out(&carry(desk, &["init", "a desk"]));
    shell(desk, init.lines().last().unwrap().strip_prefix("next: ").unwrap());

    let Some(data) = shared_data() else {
        println!("skipped: no shared data");
        return;
    };
    let set = "strategy.pairs=[\"binance:BTCUSDT\"]";
    let data = text(&data);
    let mut line = vec!["backtest", "--data", data, "--strategy", "strategies/anchor.toml", "--set", set];
    line.extend(["--from", "2022-06-01", "--to", "2022-07-01", "--capital", "20000usdt"]);
    let next = hints(&out(&carry(desk, &line)));
    assert_eq!(next.len(), 2);
    for word in ["--capital", "run.capital=20000usdt", set, "2022-07-01"] {
        assert!(next.iter().any(|line| line.contains(word) || word == "--capital"), "{word}: {next:?}");
    }
    for line in &next {
        shell(desk, line);
    }
    let again: Value = serde_json::from_str(&std::fs::read_to_string(desk.join("out/summary.json")).unwrap()).unwrap();
    assert_eq!((&again["capital"], keys(&again).len()), (&"20000".into(), 2));
}

/// What `status` says of a session without a process: the command that clears it.
fn starts_again(status: &Value) -> String {
    let stop = status["stops"].as_array().unwrap().iter().find(|stop| stop["why"] == "no_process");
    stop.unwrap()["clear"].as_str().unwrap().to_owned()
}

#[test]
fn u05_the_command_that_status_names_goes_on_with_a_session_that_was_begun_with_keys_and_variables() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let desk = folder.path();
    std::fs::write(desk.join("my rules.toml"), "[entry]\nfunding = \"0.02%/8h\"\n").unwrap();
    let dir = desk.join("runs/one");
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    let words = ["paper", "--state", "runs/one", "--strategy", "my rules.toml", "--days", "3000", "--seed", "9"];
    let sets = ["--set", "strategy.pairs=[\"alpha:BTCUSDT\", \"alpha:ETHUSDT\"]", "--speed", "60"];
    command.args(words).args(sets).current_dir(desk).env_clear().env("CARRY__SIZE__LEVERAGE", "2x");
    let reachable = || std::os::unix::net::UnixStream::connect(dir.join("control.sock")).is_ok();
    let running = Running::of(command.stderr(Stdio::null()));
    running.until(reachable);
    running.kill();

    let line = starts_again(&json(desk, &["status", "runs/one", "--json"]));
    for part in ["CARRY__SIZE__LEVERAGE=2x carry paper --state runs/one", "'my rules.toml'", "ETHUSDT", "--seed 9"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // From elsewhere it goes to the folder that its paths count from.
    let there = starts_again(&json(other.path(), &["status", text(&dir), "--json"]));
    assert!(there.starts_with("cd ") && there.ends_with(&line), "{there}");
    // It goes on with the session, where the line without its keys would be refused as another one.
    let bare =
        carry(desk, &["paper", "--state", "runs/one", "--strategy", "my rules.toml", "--seed", "9", "--days", "1"]);
    assert!(bare.status.code() == Some(2) && text_of(&bare.stderr).contains("holds another session"));
    let bin = Path::new(env!("CARGO_BIN_EXE_carry")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &there.replacen("&& ", "&& exec env ", 1)]).current_dir(other.path());
    let again = Running::of(shell.env_clear().env("PATH", path).stderr(Stdio::null()));
    again.until(reachable);
    let status = json(desk, &["status", "runs/one", "--json"]);
    assert_eq!((&status["boots"], status["state"] != "no_process"), (&Value::from(2), true), "{status}");
    again.kill();

    // A copy is another folder: its session is not told to start the first one.
    session::copy(&dir, &desk.join("copy"));
    let copy = starts_again(&json(desk, &["status", "copy", "--json"]));
    assert!(copy.starts_with("carry paper --state copy and the strategy and --set of before"), "{copy}");
}

#[test]
fn u03_a_session_that_is_not_over_tells_its_open_pairs_and_alarms() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("session");
    let args = ["paper", "--state", text(&dir), "--days", "400", "--seed", "9", "--json"];
    let running = Running::start(&args);
    running.until(|| hedged(&dir));
    running.kill();
    let (code, shown, problems) = ended(&["report", text(&dir)]);
    assert_eq!(code, 0, "{problems}");
    let (_, status, _) = ended(&["report", text(&dir), "--json"]);
    let report: Value = serde_json::from_str(&status).unwrap();
    let summary = &report["summary"];
    let open = summary["open_pairs"].as_u64().unwrap();
    assert!(open > 0 && !shown.contains("No pair was traded"), "{shown}");
    let trips = std::fs::read_to_string(dir.join("trips.csv")).unwrap();
    let open_rows = trips.lines().skip(1).filter(|line| line.split(',').nth(2) == Some("")).count() as u64;
    assert_eq!(open_rows, open, "{trips}");
    assert!(shown.contains("still open") && shown.contains("not over"), "{shown}");
    assert_eq!(summary["run"]["strategy"], "built-in");
    assert_eq!((&summary["schema"], &summary["seed"]), (&"carry.paper/2".into(), &9.into()));
    assert!(summary["net_apr"].is_null() && summary["net_return"].is_number(), "{summary}");
}
