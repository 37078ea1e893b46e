//! The command that a session was started with last, kept in its ledger, so that whoever finds it without a process is told what
//! to type: with every `--set` and variable, in the folder that its relative paths count from.
//!
//! A folder that was copied or restored elsewhere has the command of another one; that is never shown. Tests:
//! `tests/commands/what_runs.rs`.

use crate::config::Loaded;
use crate::store::ledger_file::Batch;
use crate::store::{LedgerFile, StoreError};
use serde::{Deserialize, Serialize};
use std::path::{Path, absolute};

/// Name of the value in the ledger.
pub const KEY: &str = "typed";

/// What was typed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Typed {
    /// The working folder.
    at: String,
    /// The folder of the ledger.
    session: String,
    /// As a shell takes it.
    command: String,
}

/// The value for the ledger of a folder; none where nobody typed anything.
#[must_use]
pub fn meta(loaded: &Loaded, folder: &Path) -> Option<(&'static str, String)> {
    let (at, command) = loaded.typed.clone()?;
    let session = absolute(folder).ok()?.display().to_string();
    Some((KEY, serde_json::to_string(&Typed { at, session, command }).ok()?))
}

/// Writes it down at a start that goes on with a session.
///
/// # Errors
/// [`StoreError`] when it is not on disk.
pub fn keep(ledger: &mut LedgerFile, loaded: &Loaded, folder: &Path) -> Result<(), StoreError> {
    match meta(loaded, folder) {
        Some(row) => ledger.commit(&Batch { meta: vec![row], ..Batch::default() }).map(drop),
        None => Ok(()),
    }
}

/// The command that goes on with the session in a folder, by the value in its ledger; none where it is that of another folder.
#[must_use]
pub fn again(stored: &str, folder: &Path) -> Option<String> {
    let typed: Typed = serde_json::from_str(stored).ok()?;
    if absolute(folder).ok()?.display().to_string() != typed.session {
        return None;
    }
    let here = std::env::current_dir().is_ok_and(|here| here.display().to_string() == typed.at);
    Some(if here { typed.command } else { format!("cd {} && {}", quoted(&typed.at), typed.command) })
}

/// A shell reads the word as one: quoted where it holds anything else than letters, digits and what paths are made of.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
