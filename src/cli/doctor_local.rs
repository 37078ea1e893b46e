//! What `carry doctor` looks at on this machine: the key and its file, and the state folder with its disk, lock and ledger.
//!
//! Nothing is made or repaired: the write test uses a file of its own and removes it. Tests: `tests/commands/doctor.rs`.

use crate::checks::ladder::{self, Ladder};
use crate::checks::preflight::{Line, Verdict};
use crate::config::Loaded;
use crate::domain::Span;
use crate::keys::KeyEntry;
use crate::keys::sources::CONTAINER;
use crate::port::Event;
use crate::run::review::Review;
use crate::store::{StateLock, ledger_file};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Bytes that a long run needs before somebody looks again, and those below which nothing should start.
const ROOM_WARN: u64 = 2 * 1024 * 1024 * 1024;
const ROOM_REFUSE: u64 = 256 * 1024 * 1024;

/// The keys that may be used of those that are named, with a line about each and its file.
pub(super) fn keys(named: (&[String], Option<&PathBuf>), lines: &mut Vec<Line>) -> Vec<KeyEntry> {
    let (names, file) = named;
    if names.is_empty() {
        let fix = "name one to check it: --key NAME; carry keys list shows them";
        lines.push(Line::new("key", Verdict::Warn, "none was named", fix));
    }
    names.iter().filter_map(|name| key(name, file.cloned(), lines)).collect()
}

fn key(name: &str, file: Option<PathBuf>, lines: &mut Vec<Line>) -> Option<KeyEntry> {
    let keys = match super::keys::places(file, PathBuf::from(CONTAINER)) {
        Ok(keys) => keys,
        Err(failure) => {
            lines.push(Line::new("key", Verdict::Refuse, failure.message, "name the file of keys: --keys FILE"));
            return None;
        }
    };
    match keys.find(name) {
        Ok(found) => {
            let listed = keys.list().unwrap_or_default().into_iter().find(|known| known.name == found.entry.name);
            let kept =
                listed.map_or_else(String::new, |of| format!(", kept in {} mode {}", of.path.display(), of.mode));
            let entry = found.entry;
            let world = match (entry.is_test(), entry.is_play()) {
                (true, _) => "test",
                (false, true) => "play money",
                (false, false) => "real",
            };
            let text =
                format!("{}: {} {} {}, {world}{kept}", entry.name, entry.venue, entry.kind_word(), entry.shown_id());
            lines.push(Line::new("key", Verdict::Good, text, ""));
            Some(entry)
        }
        Err(error) => {
            // The error names the command that mends it after its first line or its semicolon.
            let text = error.to_string();
            let (found, fix) = text
                .split_once("; run: ")
                .or_else(|| text.split_once('\n'))
                .unwrap_or((text.as_str(), "correct the key, or add it again: carry keys add"));
            lines.push(Line::new("key", Verdict::Refuse, found, fix));
            None
        }
    }
}

/// The state folder.
pub(super) fn state(folder: &Path, loaded: &Loaded, real_money: bool, lines: &mut Vec<Line>) {
    // A folder that does not exist yet is made by the run; its place must be writable.
    let there = std::iter::successors(Some(folder), |folder| folder.parent())
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| Path::new("."));
    lines.push(writable(folder, there));
    lines.push(space(there));
    if there == folder {
        lines.push(lock(folder));
        ledger(folder, lines);
    }
    climb(folder, loaded, real_money, lines);
}

fn writable(folder: &Path, there: &Path) -> Line {
    let probe = there.join(format!(".carry-doctor-{}", std::process::id()));
    let tried = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&probe)
        .and_then(|mut file| file.write_all(b"carry doctor\n").and_then(|()| file.sync_all()));
    let removed = std::fs::remove_file(&probe);
    match tried.and(removed) {
        Ok(()) if there == folder => {
            Line::new("state: writing", Verdict::Good, format!("{} can be written", folder.display()), "")
        }
        Ok(()) => Line::new("state: writing", Verdict::Good, format!("{} is made at the start", folder.display()), ""),
        Err(error) => {
            let found = format!("{} cannot be written: {error}", there.display());
            Line::new("state: writing", Verdict::Refuse, found, "give the folder to this user, or name another --state")
        }
    }
}

fn space(there: &Path) -> Line {
    let fix = "free some space, or name a --state folder on another disk: without space nothing can be recorded, and nothing is sent";
    let free = match rustix::fs::statvfs(there) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => return Line::new("state: disk", Verdict::Warn, format!("free space is not known: {error}"), fix),
    };
    let found = format!("{} MB free", free / (1024 * 1024));
    match free {
        ROOM_WARN.. => Line::new("state: disk", Verdict::Good, found, ""),
        ROOM_REFUSE.. => Line::new("state: disk", Verdict::Warn, found, fix),
        _ => Line::new("state: disk", Verdict::Refuse, found, fix),
    }
}

fn lock(folder: &Path) -> Line {
    if !folder.join("lock").is_file() {
        return Line::new("state: lock", Verdict::Good, "no process has it", "");
    }
    // Taken and let go at once.
    match StateLock::take(folder) {
        Ok(_) => Line::new("state: lock", Verdict::Good, "no process has it", ""),
        Err(error) => {
            let fix =
                format!("carry status {} shows what it does; stop it before another is started", folder.display());
            Line::new("state: lock", Verdict::Warn, error.to_string(), &fix)
        }
    }
}

fn ledger(folder: &Path, lines: &mut Vec<Line>) {
    let path = folder.join("ledger.sqlite");
    if !path.is_file() {
        return;
    }
    let loaded = match ledger_file::read(&path) {
        Ok(loaded) => loaded,
        Err(error) => {
            let fix = "put back a copy of the folder, or begin in another --state folder after a look at the venue";
            lines.push(Line::new("state: ledger", Verdict::Refuse, error.to_string(), fix));
            return;
        }
    };
    let last = loaded.facts.iter().rev().find_map(|fact| match &fact.stamped.event {
        Event::Reconciled { differences, .. } => Some((fact.stamped.at, *differences)),
        _ => None,
    });
    let compare = format!("compare: carry reconcile --state {} --key NAME", folder.display());
    lines.push(match last {
        None => Line::new("state: reconciliation", Verdict::Warn, "never was one", &compare),
        Some((at, 0)) => {
            Line::new("state: reconciliation", Verdict::Good, format!("ledger and venue agreed at {at}"), "")
        }
        Some((at, count)) => {
            Line::new("state: reconciliation", Verdict::Refuse, format!("{count} accounts differed at {at}"), &compare)
        }
    });
    let Ok(review) = Review::of(&loaded, None) else { return };
    let unsettled = review.state.orders.live().iter().filter(|order| !order.is_settled()).count();
    if unsettled > 0 {
        let found = format!("{unsettled} orders of the ledger are not settled");
        lines.push(Line::new("state: orders", Verdict::Warn, found, &compare));
    }
}

/// Hours in the shadow and consent, which real money waits for.
fn climb(folder: &Path, loaded: &Loaded, real_money: bool, lines: &mut Vec<Line>) {
    let ladder = match Ladder::open(folder) {
        Ok(ladder) => ladder,
        Err(error) => {
            lines.push(Line::new("ladder", Verdict::Refuse, error.to_string(), "mend or remove the file"));
            return;
        }
    };
    let live = &loaded.settings.live;
    let verdict = if real_money { Verdict::Refuse } else { Verdict::Warn };
    let need = live.shadow_hours;
    let have = ladder.shadow(&loaded.strategy_hash);
    let minutes = |span: Span| span.0 / Span::MINUTE.0;
    let found = format!("{} of {} minutes in the shadow", minutes(have), minutes(need));
    lines.push(match ladder.allows(&loaded.strategy_hash, need) {
        Ok(()) => Line::new("ladder: shadow", Verdict::Good, found, ""),
        Err(not_yet) => {
            let text = not_yet.to_string();
            let fix = text.split_once("run: ").map_or(text.as_str(), |(_, fix)| fix);
            Line::new("ladder: shadow", verdict, found, fix)
        }
    });
    if let Err(not_yet) = ladder.allows_notional(live, loaded.settings.run.currency) {
        let fix =
            format!("carry live --consent \"{}\"", ladder::words(live.max_notional, loaded.settings.run.currency));
        let text = not_yet.to_string();
        let found = text.lines().next().unwrap_or_default();
        lines.push(Line::new("ladder: consent", verdict, found, &fix));
    }
}
