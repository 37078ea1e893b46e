//! Sessions of the built binary that are killed, robbed of a file, or started twice.
//!
//! `CARRY_KILLS` is how many times the first test kills (6 by default), `CARRY_KILL_SEED` draws the moments. The moments are
//! spread over the time that an undisturbed run takes here; some fall into the start of a process. When a session ends
//! before all kills were spent, another one takes the rest.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]
#![expect(
    clippy::disallowed_methods,
    reason = "counts come from the environment, and a run is timed to place the kills"
)]

#[path = "support/moments.rs"]
mod moments;
#[path = "support/session.rs"]
mod session;

use carry::run::review::Review;
use carry::store::ledger_file;
use moments::{Draw, number};
use serde_json::Value;
use session::{Running, balances, copy, ended, facts, hedged, text};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A seed whose first days trade a lot.
const SEED: &str = "9";
const DAYS: &str = "10";

fn paper<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["paper", "--state", text(folder), "--days", DAYS, "--json"];
    args.extend(more);
    args
}

/// What a session came to, without what a restart may change: ids carry the number of the boot.
#[derive(Debug, PartialEq)]
struct Books {
    summary: Vec<(&'static str, Value)>,
    trips: String,
    fills: Vec<Vec<String>>,
    funding: String,
    last_equity: String,
    balances: String,
}

fn books(folder: &Path) -> Books {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let kept = ["final_equity", "pnl", "round_trips", "open_pairs", "max_naked_s", "max_naked_notional", "to_ms"];
    let fills = read("fills.csv");
    let intent = fills.lines().next().unwrap().split(',').position(|name| name == "intent").unwrap();
    Books {
        summary: kept.map(|key| (key, summary[key].clone())).to_vec(),
        trips: read("trips.csv"),
        fills: fills
            .lines()
            .map(|line| {
                let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
                cells.remove(intent);
                cells
            })
            .collect(),
        funding: read("funding.csv"),
        last_equity: read("equity.csv").lines().next_back().unwrap().to_owned(),
        balances: format!("{:#?}", balances(folder)),
    }
}

#[test]
fn g01_killed_at_any_moment_the_books_end_as_if_it_never_was() {
    let temporary = tempfile::tempdir().unwrap();
    let (kills, seed) = (number("CARRY_KILLS", 6), number("CARRY_KILL_SEED", 1));
    let calm = temporary.path().join("calm");
    let watch = Instant::now();
    let (code, _, problems) = ended(&paper(&calm, &["--seed", SEED]));
    let undisturbed = watch.elapsed();
    assert_eq!(code, 0, "{problems}");
    let expected = books(&calm);
    assert!(expected.fills.len() > 10, "a session without trades proves nothing: {:?}", expected.fills);
    println!("undisturbed {undisturbed:?}; {kills} kills, seed {seed}");

    let mut draw = Draw(seed);
    let (mut landed, mut sessions) = (0, 0);
    while landed < kills {
        sessions += 1;
        assert!(sessions <= kills + 3, "{landed} of {kills} kills landed in {sessions} sessions");
        let folder = temporary.path().join(format!("killed-{sessions}"));
        let args = paper(&folder, &["--seed", SEED]);
        loop {
            let running = Running::start(&args);
            if landed == kills {
                assert!(running.ends_within(Duration::from_mins(10)), "the last start does not end");
                assert_eq!(running.code(), 0, "after {landed} kills, seed {seed}");
                break;
            }
            // A third of them while it starts up, the rest within the share of a run that keeps kills for later.
            let share = if draw.next() < 0.33 { 0.05 } else { 0.8 };
            if running.ends_within(undisturbed.mul_f64(share * draw.next())) {
                assert_eq!(running.code(), 0, "after {landed} kills, seed {seed}");
                break;
            }
            running.kill();
            landed += 1;
        }
        let found = books(&folder);
        assert_eq!(found, expected, "after {landed} kills, seed {seed}, session {sessions}");
    }
    println!("{landed} kills in {sessions} sessions");
}

/// A session that was killed while it held something.
fn killed(folder: &Path) {
    let running = Running::start(&["paper", "--state", text(folder), "--days", "3000", "--seed", SEED]);
    running.until(|| hedged(folder));
    running.kill();
}

/// A copy of the killed session in which one thing is changed.
fn broken(from: &Path, name: &str, change: impl Fn(&Path)) -> PathBuf {
    let folder = from.with_file_name(name);
    copy(from, &folder);
    change(&folder);
    folder
}

fn remove(folder: &Path, names: &[&str]) {
    for name in names {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

#[test]
fn g01_legs_that_the_last_facts_made_equal_were_not_unequal_until_the_restart() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("equal");
    killed(&folder);
    // As a kill leaves it between the facts that made the legs equal and the next commit, with the venue an hour on.
    let ledger = folder.join("ledger.sqlite");
    let file = rusqlite::Connection::open(&ledger).unwrap();
    let last: i64 = file.query_row("SELECT max(at_ms) FROM facts", [], |row| row.get(0)).unwrap();
    let sql = "UPDATE pairs SET body = json_set(body, '$.memory.unequal_since', ?1, '$.at_rest', json('false')) WHERE phase = 'hedged'";
    assert!(file.execute(sql, [last - 200]).unwrap() > 0);
    let sql = "UPDATE meta SET value = ?1 WHERE key = 'clock'";
    assert_eq!(file.execute(sql, [(last + 3_600_000).to_string()]).unwrap(), 1);
    drop(file);
    let state = Review::of(&ledger_file::read(&ledger).unwrap(), None).unwrap().state;
    let hedged: Vec<_> = state.pairs.iter().filter(|pair| pair.memory.max_unequal_ms > 0).collect();
    assert!(!hedged.is_empty());
    for pair in hedged {
        assert_eq!(pair.memory.unequal_since, None, "{}", pair.pair.name);
        assert!(pair.memory.max_unequal_ms < 3_600_000, "{}: {} ms", pair.pair.name, pair.memory.max_unequal_ms);
    }
}

#[test]
fn g02_without_one_of_its_files_a_session_says_what_differs_and_makes_nothing_up() {
    let temporary = tempfile::tempdir().unwrap();
    let whole = temporary.path().join("whole");
    killed(&whole);

    let ledger = ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"];
    for (name, gone) in [("no-ledger", &ledger[..]), ("no-ledger-but-its-log", &ledger[..1])] {
        let folder = broken(&whole, name, |folder| remove(folder, gone));
        for _ in 0..2 {
            let (code, out, problems) = ended(&paper(&folder, &["--seed", SEED]));
            assert_eq!((code, out.as_str()), (3, ""), "{name}: {problems}");
            assert!(problems.contains("no ledger of ours explains"), "{problems}");
            assert!(problems.contains("position"), "the table names what the venue holds: {problems}");
            assert!(!folder.join("ledger.sqlite").exists(), "{name}: a ledger was made up");
        }
    }

    let venue = ["venue.sqlite", "venue.sqlite-wal", "venue.sqlite-shm"];
    let folder = broken(&whole, "no-venue", |folder| remove(folder, &venue));
    for _ in 0..2 {
        let (code, out, problems) = ended(&paper(&folder, &["--seed", SEED]));
        assert_eq!((code, out.as_str()), (3, ""), "{problems}");
        assert!(problems.contains("the venue's books are gone"), "{problems}");
        assert!(!folder.join("venue.sqlite").exists(), "a venue was made up");
    }
}

#[test]
fn g15_a_folder_has_one_session_and_one_process() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    let first = Running::start(&["paper", "--state", text(&folder), "--days", DAYS, "--seed", SEED, "--speed", "60"]);
    first.until(|| facts(&folder) >= 5);
    let (code, out, problems) = ended(&paper(&folder, &["--seed", SEED]));
    assert_eq!((code, out.as_str()), (7, ""), "{problems}");
    assert!(problems.contains("is in use by another process"), "{problems}");
    first.kill();

    let same = |more: &[&str]| ended(&paper(&folder, more));
    for (change, more) in
        [("seed", &["--seed", "999"][..]), ("strategy", &["--seed", SEED, "--set", "entry.funding=0.09%/8h"][..])]
    {
        let (code, out, problems) = same(more);
        assert_eq!((code, out.as_str()), (2, ""), "{change}: {problems}");
        assert!(problems.contains("holds another session") && problems.contains("asked:"), "{change}: {problems}");
    }
    let live = broken(&folder, "live", |folder| {
        let ledger = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
        let text = "UPDATE meta SET value = replace(value, 'mode=paper', 'mode=live') WHERE key = 'identity'";
        assert_eq!(ledger.execute(text, []).unwrap(), 1);
    });
    let (code, _, problems) = ended(&paper(&live, &["--seed", SEED]));
    assert_eq!(code, 2, "{problems}");
    assert!(problems.contains("there: mode=live"), "{problems}");
}

/// A name, what is done to the folder, and what the message must say.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn g05_a_damaged_ledger_is_named_and_kept_and_a_finished_one_prints_its_report() {
    let temporary = tempfile::tempdir().unwrap();
    let whole = temporary.path().join("whole");
    let args = ["paper", "--state", text(&whole), "--days", "1", "--seed", SEED, "--json"];
    let (code, first, problems) = ended(&args);
    assert_eq!(code, 0, "{problems}");
    // Over: the same report again, also when its files were lost.
    assert_eq!(ended(&args), (0, first.clone(), String::new()));
    remove(&whole, &["summary.json", "report.txt", "report.html", "fills.csv"]);
    assert_eq!(ended(&args), (0, first, String::new()));
    assert!(whole.join("summary.json").exists() && whole.join("report.html").exists());

    let half = |folder: &Path| {
        let bytes = std::fs::read(folder.join("ledger.sqlite")).unwrap();
        std::fs::write(folder.join("ledger.sqlite"), &bytes[..bytes.len() / 2]).unwrap();
    };
    let noise = |folder: &Path| {
        let mut bytes = std::fs::read(folder.join("ledger.sqlite")).unwrap();
        for byte in bytes.iter_mut().skip(8_192) {
            *byte ^= 0xa5;
        }
        std::fs::write(folder.join("ledger.sqlite"), bytes).unwrap();
    };
    let words = |folder: &Path| std::fs::write(folder.join("ledger.sqlite"), "these are no books of ours").unwrap();
    let row = |folder: &Path| {
        let ledger = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
        assert_eq!(ledger.execute("UPDATE facts SET body = '{' WHERE sequence = 2", []).unwrap(), 1);
    };
    let version = |folder: &Path| {
        let ledger = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
        ledger.pragma_update(None, "user_version", 99).unwrap();
    };
    let cases: [Damage; 5] = [
        // The writer checks a whole file when it opens it; a reader finds the damage where it reads.
        ("half", &half, ""),
        ("noise", &noise, ""),
        ("words", &words, "file is not a database"),
        ("row", &row, "table facts row 2"),
        ("version", &version, "has schema version 99"),
    ];
    for (name, change, expected) in cases {
        let folder = broken(&whole, name, change);
        let before = std::fs::read(folder.join("ledger.sqlite")).unwrap();
        for verb in [&["paper", "--days", "1", "--seed", SEED, "--state"][..], &["status"][..]] {
            let mut args = verb.to_vec();
            args.push(text(&folder));
            let (code, out, problems) = ended(&args);
            assert_eq!((code, out.as_str()), (1, ""), "{name} {verb:?}: {problems}");
            assert!(problems.contains("ledger.sqlite"), "{name} {verb:?}: {problems}");
            let damage = ["malformed", "integrity check"].iter().any(|word| problems.contains(word));
            let told = if expected.is_empty() { damage } else { problems.contains(expected) };
            assert!(told, "{name} {verb:?}: {problems}");
        }
        assert_eq!(std::fs::read(folder.join("ledger.sqlite")).unwrap(), before, "{name}: the file is kept");
    }
}
