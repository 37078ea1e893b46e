//! The edges of the process: how it begins and ends, what it prints to, who may speak to it, and the disk it stands on.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may stop the test")]

use crate::loopback_venue as loopback;
use crate::session;

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

/// A small disk of its own; absent where the system does not let us make one, which CI must.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn of(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let made = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if made.is_ok_and(|made| made.status.success()) {
            return Some(Self(folder));
        }
        let said = "a small file system cannot be mounted here: the test of a full disk is skipped";
        assert!(std::env::var_os("CI").is_none(), "{said}");
        println!("{said}");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.path("filler")).unwrap();
        let block = [7; 4_096];
        while file.write_all(&block).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn l19_a_full_disk_stops_entries_and_lets_what_is_held_be_closed() {
    let Some(disk) = SmallDisk::of(48) else { return };
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let tell = program(folder.path(), &format!("cat >> '{}'", told.display()));
    let state = disk.path("s");
    let exec = format!("alarm.exec={}", tell.display());
    let mut args = vec!["paper", "--state", text(&state), "--days", "3000", "--seed", "9"];
    args.extend(["--set", &exec, "--set", "store.min_free_mb=4"]);
    let first = Running::start(&args);
    first.until(|| session::hedged(&state));
    first.kill();
    // From here on slowly enough to be watched: the reserve holds for days of the market, which must be long on any machine.
    args.extend(["--speed", "1000"]);
    let running = Running::start(&args);
    running.until(|| state.join("control.sock").exists() && ended(&["pairs", "--state", text(&state)]).0 == 0);
    assert!(session::hedged(&state), "nothing is held");
    assert!(state.join("reserve").exists(), "there is no reserve");
    disk.fill();
    let alarms = || std::fs::read_to_string(&told).unwrap_or_default();
    running.until(|| alarms().contains("disk_short"));
    // Everything that is held is closed, on what the reserve gives.
    let (code, out, problems) = ended(&["flatten", "--yes", "--state", text(&state)]);
    assert_eq!(code, 0, "{out}{problems}");
    // As the session says it: on disk it stands with the next fact only.
    let flat = || {
        let (code, out, _) = ended(&["pairs", "--state", text(&state), "--json"]);
        let said: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        let pairs = said["result"]["pairs"].as_array().cloned().unwrap_or_default();
        code == 0 && !pairs.is_empty() && pairs.iter().all(|pair| pair["phase"] == "flat")
    };
    running.until(flat);
    assert!(!state.join("reserve").exists(), "the reserve was not used");
    // It can be killed and started again while the disk has no room for a new reserve, and it enters nothing.
    running.kill();
    let again = Running::start(&args);
    again.until(|| state.join("control.sock").exists() && ended(&["pairs", "--state", text(&state)]).0 == 0);
    assert!(!again.ends_within(Duration::from_secs(2)), "it ended");
    assert!(flat(), "it entered on a full disk");
    again.kill();
    // With room it goes on as before.
    std::fs::remove_file(disk.path("filler")).unwrap();
    let last = Running::start(&args);
    last.until(|| state.join("reserve").exists());
    last.kill();
}

#[test]
fn l22_a_deleted_lock_lets_nobody_in_and_a_copy_of_a_live_ledger_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("s");
    let args = ["paper", "--state", text(&state), "--days", "3000", "--seed", "9", "--speed", "600"];
    let running = Running::start(&args);
    running.until(|| session::facts(&state) > 3);
    std::fs::remove_file(state.join("lock")).unwrap();
    let (code, out, problems) = ended(&args);
    assert_eq!((code, out.as_str()), (7, ""), "{problems}");
    assert!(problems.contains("is in use by another process"), "{problems}");
    assert_eq!(ended(&["pairs", "--state", text(&state)]).0, 0, "the socket of the first one was taken away");
    running.kill();

    let live = |path: &Path| carry::store::LedgerFile::open(&path.join("ledger.sqlite"), "live");
    drop(live(&state).unwrap());
    let copy = folder.path().join("copy");
    session::copy(&state, &copy);
    let refused = live(&copy).unwrap_err();
    assert!(matches!(&refused, carry::store::StoreError::Copied { .. }), "{refused}");
    assert!(refused.to_string().contains("which is still there"), "{refused}");
    // Moved, or all that is left of it: it goes on.
    let moved = folder.path().join("moved");
    std::fs::rename(&state, &moved).unwrap();
    drop(live(&moved).unwrap());
    drop(live(&copy).unwrap());
}

#[test]
fn l25_files_of_two_instants_are_refused_by_name_and_nothing_is_traded() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("s");
    let args =
        |state: &Path| ["paper", "--state", text(state), "--days", "3000", "--seed", "9"].map(str::to_owned).to_vec();
    let run = |state: &Path| {
        let args = args(state);
        ended(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let first = args(&state);
    let running = Running::start(&first.iter().map(String::as_str).collect::<Vec<_>>());
    running.until(|| session::hedged(&state));
    running.kill();
    let early = folder.path().join("early");
    session::copy(&state, &early);
    let running = Running::start(&first.iter().map(String::as_str).collect::<Vec<_>>());
    // Long enough for a settlement, which moves money and no coins.
    let paid = session::rows(&state, "funding");
    running.until(|| session::rows(&state, "funding") > paid + 2);
    running.kill();
    for (name, lost) in [("ledger", "ledger.sqlite"), ("venue", "venue.sqlite")] {
        let mixed = folder.path().join(name);
        session::copy(&state, &mixed);
        for suffix in ["", "-wal", "-shm"] {
            let file = format!("{lost}{suffix}");
            let _ = std::fs::remove_file(mixed.join(&file));
            let _ = std::fs::copy(early.join(&file), mixed.join(&file));
        }
        let (code, out, problems) = run(&mixed);
        assert_eq!((code, out.as_str()), (3, ""), "{name}: {problems}");
        assert!(problems.contains(&format!("the last commits of {lost} are gone")), "{name}: {problems}");
        assert!(problems.contains("put ledger.sqlite, venue.sqlite"), "{name}: {problems}");
    }
    // A log whose bytes are not those that were written is one whose commits are gone.
    let flipped = folder.path().join("flipped");
    session::copy(&state, &flipped);
    let log = flipped.join("ledger.sqlite-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    for byte in bytes.iter_mut().skip(40).step_by(97) {
        *byte ^= 0x55;
    }
    std::fs::write(&log, bytes).unwrap();
    let (code, out, problems) = run(&flipped);
    assert_eq!((code, out.as_str()), (3, ""), "{problems}");
}

#[test]
fn l31_comparisons_and_health_do_not_pile_up_in_the_ledger() {
    use carry::domain::{Sequence, VenueId, WallTime};
    use carry::port::{Event, Stamped};
    use carry::store::ledger_file::{Batch, LedgerFile, StoredFact};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = LedgerFile::open(&path, "live").unwrap();
    let mut batch = Batch::default();
    for number in 1..=3_000_u64 {
        let venue = VenueId(u8::from(number % 2 == 0));
        let event = match number % 3 {
            0 => Event::VenueHealth { venue, reachable: number % 4 == 0, missing: Vec::new() },
            1 => Event::Reconciled { venue, differences: 0, missing: Vec::new() },
            _ => Event::Foreign { venue, instrument: None },
        };
        let stamped = Stamped { sequence: Sequence(number), at: WallTime(0), event };
        batch.facts.push(StoredFact { stamped, mids: None });
        let at = WallTime(i64::try_from(number).unwrap() * 3_600_000);
        for _ in 0..3 {
            batch.rows.push(("equity", at, "{}".to_owned()));
        }
    }
    ledger.commit(&batch).unwrap();
    drop(ledger);
    let loaded = LedgerFile::open(&path, "live").unwrap().load().unwrap();
    assert_eq!(loaded.facts.len(), 1_000 + 4, "the newest of each venue and kind, and everything else");
    assert!(loaded.rows.len() < 5_200, "{} rows", loaded.rows.len());
}
