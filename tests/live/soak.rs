//! A live run over many turns of the market with lines that freeze, lists that fail and bans between: it goes on trading and
//! does not grow.
//!
//! `CARRY_SOAK_S` is the length in real seconds: 50 when absent, 1800 for the real thing. Resident memory is read from
//! `/proc`; elsewhere it is not judged.

use super::rig::Rig;
use super::{TURN, closed_and_equal, turns};
use std::fmt::Write as _;
use std::path::PathBuf;

/// How much faster than time the venue's clock runs.
const SPEED: u64 = 330;
/// Resident memory may grow by so many kilobytes after the first turn: pages of the ledger file and of the tape's buffer.
const GROWTH_KB: u64 = 4_096;

/// In each turn, while a pair is held: all lines fall silent, a list fails for some minutes of asking, the address is banned.
fn troubles(turns: u64) -> String {
    let mut script = String::new();
    for turn in 0..turns {
        let at = |minute: u64| turn * TURN + minute;
        write!(script, "[[act]]\nat = \"{}m\"\nact = \"freeze\"\nfor = \"5m\"\n", at(40)).unwrap();
        write!(script, "[[act]]\nat = \"{}m\"\nact = \"ban\"\nfor = \"10m\"\n", at(80)).unwrap();
    }
    for path in ["/fapi/v3/positionRisk", "/api/v3/myTrades", "/fapi/v1/income"] {
        writeln!(
            script,
            "[[fault]]\nmatch = {{ path = \"{path}\", method = \"GET\", every = 7 }}\n\
             error = {{ code = -1000, msg = \"An unknown error occurred while processing the request.\", status = 503 }}"
        )
        .unwrap();
    }
    script
}

/// Kilobytes that a process holds in memory.
fn resident(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{id}/status"))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[test]
fn a_live_run_under_freezes_failing_lists_and_bans_goes_on_trading_and_does_not_grow() {
    let seconds: u64 = std::env::var("CARRY_SOAK_S").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let count = (seconds * SPEED / 60 / TURN).max(1);
    let rig = Rig::new(&(turns(count) + &troubles(count)), u32::try_from(SPEED).unwrap());
    let mut seen = Vec::new();
    let length = count * TURN;
    let ran = Rig::watched(rig.live(&format!("{length}m"), &[]), length * 60 / SPEED * 3 + 60, |id| {
        seen.extend(resident(id));
    });
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(&rig, &ran);
    let summary = ran.summary();
    let trips = summary["round_trips"].as_u64().unwrap();
    // A ban may cost a turn its beginning, but never the whole turn.
    assert!(trips >= count, "{trips} round trips in {count} turns: {}", ran.out);
    assert!(summary["alarms"]["address_banned"].as_u64().is_some(), "{}", ran.out);
    let settled = seen.get(seen.len() / usize::try_from(count.max(2)).unwrap()..).unwrap_or_default();
    if let (Some(first), Some(most)) = (settled.first(), settled.iter().max()) {
        println!("{count} turns, {trips} round trips, resident {first} kB after the first, {most} kB at most");
        assert!(most - first <= GROWTH_KB, "resident memory grew from {first} to {most} kB: {settled:?}");
    }
}
