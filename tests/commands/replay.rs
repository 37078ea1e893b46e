//! The same decisions again, whatever happened to the process: sessions that are killed, and runs on a real market.
//!
//! `CARRY_KILLS` is how many times the first test kills (4 by default), `CARRY_KILL_SEED` draws the moments.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "counts come from the environment, and a run is timed to place the kills"
)]

use crate::loopback_venue as loopback;
use crate::moments;
use crate::session;

use loopback::Venue;
use moments::{Draw, number};
use serde_json::Value;
use session::{Running, ended, facts, rows, text};
use std::path::Path;
use std::time::Instant;

/// A seed whose first days trade a lot.
const SEED: &str = "9";
const PAIRS: &str = "strategy.pairs=[\"binance:BTCUSDT\"]";

/// Replays a run, which must decide as it did, and gives what was said of each start.
fn replayed(folder: &Path, when: &str) -> Vec<Value> {
    let (code, out, problems) = ended(&["replay", text(folder), "--json"]);
    assert_eq!(code, 0, "{when}: {problems}\n{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["same"], true, "{when}: {out}");
    report["starts"].as_array().unwrap().clone()
}

#[test]
fn l26_a_session_killed_many_times_replays_to_the_same_decisions() {
    let temporary = tempfile::tempdir().unwrap();
    let (kills, seed) = (number("CARRY_KILLS", 4), number("CARRY_KILL_SEED", 1));
    let session = |name: &str| -> Vec<String> {
        let folder = temporary.path().join(name);
        ["paper", "--state", text(&folder), "--days", "4", "--json", "--seed", SEED].map(str::to_owned).to_vec()
    };
    let (calm, args) = (session("calm"), session("killed"));
    let words = |args: &[String]| args.iter().map(String::as_str).collect::<Vec<_>>().join("\u{1}");
    let run = |args: &[String]| {
        let joined = words(args);
        ended(&joined.split('\u{1}').collect::<Vec<_>>())
    };
    let watch = Instant::now();
    let (code, _, problems) = run(&calm);
    let undisturbed = watch.elapsed();
    assert_eq!(code, 0, "{problems}");
    assert_eq!(replayed(&temporary.path().join("calm"), "calm").len(), 1);

    let folder = temporary.path().join("killed");
    let mut draw = Draw(seed);
    let mut landed = 0;
    while landed < kills {
        let joined = words(&args);
        let running = Running::start(&joined.split('\u{1}').collect::<Vec<_>>());
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a moment, not money")]
        let share = 1.5 / kills as f64;
        if running.ends_within(undisturbed.mul_f64(share * draw.next())) {
            break;
        }
        running.kill();
        landed += 1;
        if facts(&folder) > 3 && folder.join("tape/tape-000001.zst").exists() {
            replayed(&folder, &format!("after kill {landed} of seed {seed}"));
        }
    }
    let (code, _, problems) = run(&args);
    assert_eq!(code, 0, "{problems}");
    let starts = replayed(&folder, &format!("at the end, after {landed} kills of seed {seed}"));
    assert!(starts.last().unwrap()["recorded"].is_string(), "{starts:?}");
    println!("{landed} kills, {} starts on the tape", starts.len());
}

#[test]
fn l26_a_run_on_a_real_market_replays_killed_or_stopped() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("s");
    let venue = Venue::start(&["--speed", "600", "--seed", "3", "--history", "3"]);
    let args = |length: &'static str| -> Vec<&str> {
        let mut args = vec!["paper", "--market", "live", "--base-url", &venue.base, "--clock", "venue"];
        args.extend(["--state", text(&folder), "--set", PAIRS, "--for", length]);
        // It enters at once and stays: orders, fills and a settlement are on the tape.
        args.extend([
            "--set",
            "strategy.rule=anchor",
            "--set",
            "entry.funding=-0.4%/8h",
            "--set",
            "entry.margin=0%/8h",
            "--set",
            "exit.funding=-0.5%/8h",
        ]);
        args.extend(["--set", "gates.quadrant=false", "--set", "gates.min_depth=100usdt"]);
        args
    };
    let running = Running::start(&args("30d"));
    running.until(|| rows(&folder, "fill") > 1 || facts(&folder) > 12);
    running.kill();
    replayed(&folder, "killed");
    let (code, _, problems) = ended(&args("1h"));
    assert_eq!(code, 0, "{problems}");
    let starts = replayed(&folder, "stopped");
    assert_eq!(starts.len(), 2, "{starts:?}");
    assert!(starts[0]["recorded"].is_null() && starts[1]["recorded"].is_string(), "{starts:?}");
    // It goes on after its end was recorded.
    let (code, _, problems) = ended(&args("30m"));
    assert_eq!(code, 0, "{problems}");
    assert_eq!(replayed(&folder, "stopped again").len(), 3);
}

#[test]
fn l25_l26_what_is_missing_of_a_tape_is_a_remark_and_what_differs_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("s");
    let killed = |days: &str| {
        let running = Running::start(&["paper", "--state", text(&folder), "--days", days, "--seed", SEED]);
        let before = facts(&folder);
        running.until(|| facts(&folder) > before + 10);
        running.kill();
    };
    killed("3000");
    std::fs::remove_dir_all(folder.join("tape")).unwrap();
    killed("3000");
    std::fs::remove_file(folder.join("tape/tape-000001.zst")).unwrap();
    std::fs::write(folder.join("tape/tape-000002.zst"), "no tape at all").unwrap();
    killed("3000");
    let starts = replayed(&folder, "after two losses");
    assert_eq!(starts.len(), 1, "{starts:?}");
    // A ledger that says something else is found.
    let ledger = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
    let text_of = "UPDATE postings SET amount = '1' WHERE number = 1";
    assert_eq!(ledger.execute(text_of, []).unwrap(), 1);
    drop(ledger);
    let (code, out, problems) = ended(&["replay", text(&folder)]);
    assert_eq!(code, 3, "{problems}");
    assert!(out.contains("differs: "), "{out}");
}
