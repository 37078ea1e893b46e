//! Which sessions there are on this machine: each that runs leaves a small file in the person's state folder, so that `carry
//! status` finds it from anywhere. Services are found in their own place, `/var/lib/carry`.
//!
//! An entry says where, never that it runs: that is asked of the session's socket each time, so an entry that a crash or a power
//! cut left behind misleads nobody. Nothing is decided by it but which folder a command means. Tests: at the end, and
//! `tests/suite/registry.rs`.

use super::request::SOCKET;
use crate::config::sources::Folders;
use crate::domain::WallTime;
use crate::keys::file::replace;
use crate::net::machine_clock;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where services keep their sessions, one folder each.
const SERVICES: &str = "/var/lib/carry";
/// The folder of the entries, in the person's state folder.
const ENTRIES: &str = "carry/sessions";
const LEDGER: &str = "ledger.sqlite";

/// A session that was started on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its state folder.
    pub dir: PathBuf,
    /// When its last start was.
    pub since_ms: WallTime,
    /// Whether a process answers there now.
    #[serde(skip)]
    pub runs: bool,
}

/// An entry of this process; gone when it is dropped.
#[derive(Debug)]
pub struct Entered {
    file: PathBuf,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Why no folder could be chosen.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Unclear {
    /// There is none.
    #[error(
        "no session runs on this machine and there is none under runs/ here; name a session folder, or start one: carry paper"
    )]
    None,
    /// Guessing could close the wrong one.
    #[error("{} sessions run on this machine; name one:{}", .0.len(), listed(.0))]
    Several(Vec<PathBuf>),
}

fn listed(dirs: &[PathBuf]) -> String {
    let lines: Vec<String> = dirs.iter().map(|dir| format!("\n  --state {}", dir.display())).collect();
    lines.concat()
}

/// Leaves an entry for a session that starts; `None` when there is no place for it, which costs only the convenience.
#[must_use]
pub fn enter(dir: &Path) -> Option<Entered> {
    enter_in(&Folders::discover().memory?.join(ENTRIES), dir)
}

fn enter_in(entries: &Path, dir: &Path) -> Option<Entered> {
    let dir = dir.canonicalize().ok()?;
    std::fs::create_dir_all(entries).ok()?;
    let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    let name = crate::domain::text::hex(digest.get(..8)?);
    let file = entries.join(format!("{name}.json"));
    let entry = Entry { dir, since_ms: machine_clock::now(), runs: true };
    replace(&file, &serde_json::to_vec(&entry).ok()?).ok()?;
    Some(Entered { file })
}

/// Every session that is known on this machine. An entry whose folder is gone is taken away.
#[must_use]
pub fn known() -> Vec<Entry> {
    let mut known = Folders::discover().memory.map(|memory| read(&memory.join(ENTRIES))).unwrap_or_default();
    for entry in services(Path::new(SERVICES)) {
        if !known.iter().any(|one| one.dir == entry.dir) {
            known.push(entry);
        }
    }
    known
}

fn read(entries: &Path) -> Vec<Entry> {
    let mut known = Vec::new();
    for file in std::fs::read_dir(entries).into_iter().flatten().flatten() {
        let path = file.path();
        let entry = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Entry>(&bytes).ok());
        let Some(mut entry) = entry else { continue };
        if entry.dir.join(LEDGER).is_file() {
            entry.runs = runs(&entry.dir);
            known.push(entry);
        } else if !entry.dir.exists() {
            let _ = std::fs::remove_file(&path);
        }
    }
    known.sort_by_key(|entry| entry.since_ms);
    known
}

/// Sessions of services; those that this person may not look at are left out.
fn services(place: &Path) -> Vec<Entry> {
    let folders = std::fs::read_dir(place).into_iter().flatten().flatten();
    let sessions = folders.map(|folder| folder.path()).filter(|dir| dir.join(LEDGER).is_file());
    let mut found: Vec<Entry> = sessions.map(|dir| Entry { runs: runs(&dir), dir, since_ms: WallTime(0) }).collect();
    found.sort_by(|a, b| a.dir.cmp(&b.dir));
    found
}

/// A socket that nobody listens to refuses at once, whoever left it there.
fn runs(dir: &Path) -> bool {
    UnixStream::connect(dir.join(SOCKET)).is_ok()
}

/// The session that a command without a folder means. One that runs goes before one that is over; among several that run
/// only one below the folder one stands in may be meant, because the command may close positions.
///
/// # Errors
/// [`Unclear`] when there is none, or more than one could be meant.
pub fn choose(here: Option<PathBuf>, known: Vec<Entry>) -> Result<PathBuf, Unclear> {
    let same = |a: &Path, b: &Path| a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if let Some(here) = &here
        && runs(here)
    {
        return Ok(here.clone());
    }
    let running: Vec<PathBuf> = known.iter().filter(|entry| entry.runs).map(|entry| entry.dir.clone()).collect();
    match running.as_slice() {
        [one] => return Ok(here.filter(|here| same(here, one)).unwrap_or_else(|| one.clone())),
        [] => {}
        _ => return Err(Unclear::Several(running)),
    }
    // What a crash left behind is better than nothing; the command says itself that no process runs there.
    here.or_else(|| known.into_iter().next_back().map(|entry| entry.dir)).ok_or(Unclear::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(place: &Path, name: &str) -> PathBuf {
        let dir = place.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(LEDGER), "").unwrap();
        dir.canonicalize().unwrap()
    }

    #[test]
    fn u01_an_entry_lives_as_long_as_its_session() {
        let place = tempfile::tempdir().unwrap();
        let (entries, dir) = (place.path().join("entries"), session(place.path(), "one"));
        let entered = enter_in(&entries, &dir).unwrap();
        let found = read(&entries);
        assert_eq!((found.len(), &found[0].dir, found[0].runs), (1, &dir, false));
        let _listens = std::os::unix::net::UnixListener::bind(dir.join(SOCKET)).unwrap();
        assert!(read(&entries)[0].runs);
        drop(entered);
        assert_eq!(read(&entries), []);
    }

    #[test]
    fn u01_what_a_crash_left_is_noticed_and_what_is_gone_is_swept() {
        let place = tempfile::tempdir().unwrap();
        let (entries, dir) = (place.path().join("entries"), session(place.path(), "one"));
        std::mem::forget(enter_in(&entries, &dir));
        drop(std::os::unix::net::UnixListener::bind(dir.join(SOCKET)).unwrap());
        assert!(dir.join(SOCKET).exists() && !read(&entries)[0].runs, "a dead socket is no process");
        assert_eq!(choose(None, read(&entries)), Ok(dir.clone()));
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(read(&entries), []);
        assert_eq!(std::fs::read_dir(&entries).unwrap().count(), 0);
    }

    #[test]
    fn u01_the_one_that_runs_is_meant_and_several_are_never_guessed() {
        let place = tempfile::tempdir().unwrap();
        let entry = |name: &str, runs| Entry { dir: session(place.path(), name), since_ms: WallTime(1), runs };
        let over = || Some(place.path().join("over"));
        let (a, b, over_dir) = (entry("a", true), entry("b", true), entry("over", false));
        assert_eq!(choose(over(), vec![a.clone(), over_dir]), Ok(a.dir.clone()));
        let several = choose(over(), vec![a.clone(), b.clone()]).unwrap_err();
        let text = several.to_string();
        assert!(text.starts_with("2 sessions run") && text.contains("/a\n") && text.ends_with("/b"), "{text}");
        assert_eq!(choose(over(), vec![]), Ok(place.path().join("over")));
        assert_eq!(choose(None, vec![]), Err(Unclear::None));
        // One that runs below the folder one stands in is meant, whatever else runs.
        let _listens = std::os::unix::net::UnixListener::bind(b.dir.join(SOCKET)).unwrap();
        assert_eq!(choose(Some(b.dir.clone()), vec![a, b.clone()]), Ok(b.dir));
    }
}
