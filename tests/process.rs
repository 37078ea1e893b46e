//! The edges of the process: how it begins and ends, what it prints to, who may speak to it, and the disk it stands on.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

#[path = "support/loopback.rs"]
mod loopback;
#[path = "support/session.rs"]
mod session;

use loopback::Venue;
use serde_json::json;
use session::{Running, carry, ended, text};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

const PAIRS: &str = "strategy.pairs=[\"binance:BTCUSDT\"]";

/// A paper run on a loopback venue.
fn on<'a>(base: &'a str, folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["paper", "--market", "live", "--base-url", base, "--clock", "venue"];
    args.extend(["--state", text(folder), "--set", PAIRS]);
    args.extend(more);
    args
}

fn program(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("tell");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

/// The exit code of a child that must end by itself within the time.
fn code(mut child: Child, limit: Duration) -> Option<i32> {
    let id = child.id().to_string();
    let (told, end) = channel();
    let waiting = std::thread::spawn(move || {
        let status = child.wait();
        let _ = told.send(());
        status
    });
    let in_time = end.recv_timeout(limit).is_ok();
    if !in_time {
        let _ = Command::new("kill").args(["-9", &id]).status();
    }
    let status = waiting.join().unwrap().unwrap();
    assert!(in_time, "it did not end within {limit:?}");
    status.code()
}

#[test]
fn l18_a_start_that_fails_says_why_and_keeps_its_code_with_and_without_a_sink_of_alarms() {
    let folder = tempfile::tempdir().unwrap();
    let tell = program(folder.path(), "cat > /dev/null");
    let exec = format!("alarm.exec={}", tell.display());
    let nowhere = "http://127.0.0.1:9";
    for (name, sink) in [("with", &["--set", exec.as_str()][..]), ("without", &[][..])] {
        let state = folder.path().join(name);
        let machine = ["paper", "--market", "live", "--base-url", nowhere, "--state", text(&state), "--set", PAIRS];
        let args = [&machine[..], &["--set", "live.start_retry=0s"], sink].concat();
        let (code, out, problems) = ended(&args);
        assert_eq!((code, out.as_str()), (5, ""), "{name}: {problems}");
        assert!(problems.contains("carry: binance cannot be reached: no answer to its clock"), "{name}: {problems}");
        assert!(!problems.contains("mistake of its own"), "{name}: {problems}");
    }
}

#[test]
fn l18_a_start_among_passing_errors_goes_on_asking_within_its_bound_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let venue = Venue::start(&["--speed", "200"]);
    for (path, status) in [("/fapi/v1/time", 503), ("/api/v3/exchangeInfo", 503), ("/fapi/v1/fundingRate", 500)] {
        venue.act(&json!({ "match": { "path": path, "times": 3 }, "status": status }));
    }
    let (code, _, problems) = ended(&on(&venue.base, &folder.path().join("s"), &["--for", "10m"]));
    assert_eq!(code, 0, "{problems}");
    assert!(problems.contains("it is asked again"), "{problems}");
    // The bound is kept: a venue that never answers ends the start with the code of a venue that cannot be reached.
    venue.act(&json!({ "match": { "path": "/fapi/v1/time" }, "status": 503 }));
    let short = ["--set", "live.start_retry=1s"];
    let (code, _, problems) = ended(&on(&venue.base, &folder.path().join("t"), &short));
    assert_eq!(code, 5, "{problems}");
}

#[test]
fn l31_l37_a_stop_is_heard_at_once_during_the_start_and_a_hangup_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let venue = Venue::start(&[]);
    venue.act(&json!({ "match": { "path": "/fapi/v1/time" }, "status": 503 }));
    let mut child = carry(&on(&venue.base, &folder.path().join("s"), &["--set", "live.start_retry=1h"]))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("it is asked again") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it was waiting");
    }
    signal(&child, "HUP");
    while !line.contains("SIGHUP") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "a hangup ended it");
    }
    signal(&child, "TERM");
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        let _ = log.read_to_string(&mut rest);
        rest
    });
    assert_eq!(code(child, Duration::from_secs(3)), Some(130));
    assert!(rest.join().unwrap().contains("told to stop while it was starting; nothing was traded"));
}

#[test]
fn l20_no_standard_error_ends_or_holds_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let state = folder.path().join(name);
        let mut command = carry(&["paper", "--state", text(&state), "--days", "4", "--seed", "9", "--json"]);
        // Every command of the core is a line: more than a pipe holds.
        command.env("RUST_LOG", "trace").stdout(Stdio::piped());
        command
    };
    // Nobody reads it.
    let child = run("unread").stderr(Stdio::piped()).spawn().unwrap();
    let mut child = child;
    let unread = child.stderr.take();
    let mut out = child.stdout.take().unwrap();
    let mut summary = String::new();
    out.read_to_string(&mut summary).unwrap();
    assert_eq!(code(child, Duration::from_mins(2)), Some(0));
    drop(unread);
    // Its reader went away: every write fails.
    let mut child = run("closed").stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let mut again = String::new();
    child.stdout.take().unwrap().read_to_string(&mut again).unwrap();
    assert_eq!(code(child, Duration::from_mins(2)), Some(0));
    // It cannot be written: a full device.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = run("full").stderr(full).spawn().unwrap();
    let mut third = String::new();
    child.stdout.take().unwrap().read_to_string(&mut third).unwrap();
    assert_eq!(code(child, Duration::from_mins(2)), Some(0));
    let digest = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["digest"].clone();
    assert_eq!((digest(&summary), digest(&summary)), (digest(&again), digest(&third)));
}

#[test]
fn l37_clients_that_say_nothing_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("s");
    let args = ["paper", "--state", text(&state), "--days", "30", "--seed", "9", "--speed", "600"];
    let running = Running::start(&args);
    let socket = state.join("control.sock");
    running.until(|| socket.exists());
    let mut silent: Vec<UnixStream> = Vec::new();
    for number in 0..40 {
        let mut stream = UnixStream::connect(&socket).unwrap();
        if number % 2 == 0 {
            // A line that never ends; the first ones are gone by now.
            let _ = stream.write_all(b"{\"schema\"");
        }
        silent.push(stream);
    }
    let (code, _, problems) = ended(&["halt", "--state", text(&state)]);
    assert_eq!(code, 0, "{problems}");
    drop(silent);
    running.kill();
}

#[test]
fn l37_files_without_end_and_files_of_two_lines_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let long = folder.path().join("long");
    std::fs::File::create(&long).unwrap().set_len(2_000_000).unwrap();
    for (path, problem) in [
        ("/dev/zero", "is not a regular file"),
        (text(&pipe), "is not a regular file"),
        (text(&long), "is larger than"),
    ] {
        let child = carry(&["venue", "--profile", "binance", "--faults", path])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = child;
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(code(child, Duration::from_secs(20)), Some(2), "{said}");
        assert!(said.contains(path) && said.contains(problem), "{said}");
        let state = folder.path().join("s");
        let mut child = carry(&[
            "paper",
            "--market",
            "live",
            "--base-url",
            "https://127.0.0.1:9",
            "--state",
            text(&state),
            "--set",
            PAIRS,
        ])
        .env("CARRY_TEST_ROOT", path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(code(child, Duration::from_secs(20)), Some(2), "{said}");
        assert!(said.contains("CARRY_TEST_ROOT") && said.contains(problem), "{said}");
    }
    let hook = folder.path().join("hook");
    std::fs::write(&hook, "\nhttps://hooks.example/canary-one\nhttps://hooks.example/canary-two\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o600)).unwrap();
    let state = folder.path().join("w");
    let set = format!("alarm.webhook={}", hook.display());
    let (code, _, problems) = ended(&["paper", "--days", "1", "--state", text(&state), "--set", &set]);
    assert_eq!(code, 2, "{problems}");
    assert!(problems.contains("hook: line 3: expected one line"), "{problems}");
    assert!(!problems.contains("canary"), "{problems}");
}
