//! What a start that goes on begins with, put on its tape and read back from there: with the facts of the ledger it is the
//! core as recovery made it (fault L26).
//!
//! Recovery itself is in `session.rs`; replaying in `replay.rs`. Tests: `tests/commands/replay.rs`.

use super::session::RecoverError;
use crate::domain::Sequence;
use crate::store::Loaded;
use crate::tape::{self, Resumption, TapeWriter};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Values of the ledger, beside facts and intents, that a start begins with.
const BEGINS: [&str; 3] = ["clock", "sequence", "flags"];

/// What the core begins with after this ledger was read, beside its facts and intents, for the tape: with both the same start
/// can be made again later.
#[must_use]
pub fn begins(loaded: &Loaded) -> serde_json::Value {
    let meta: BTreeMap<&str, &String> = BEGINS.iter().filter_map(|key| Some((*key, loaded.meta.get(*key)?))).collect();
    serde_json::json!({ "meta": meta, "pairs": loaded.pairs })
}

/// The ledger as it was read at that start, from what it is now.
///
/// # Errors
/// [`RecoverError`] when `begins` is not what [`begins`] made.
pub fn as_it_was(begins: &serde_json::Value, now: &Loaded, after: Sequence) -> Result<Loaded, RecoverError> {
    #[derive(Deserialize)]
    struct Begins {
        meta: BTreeMap<String, String>,
        pairs: BTreeMap<String, String>,
    }
    let begins =
        Begins::deserialize(begins).map_err(|error| RecoverError(format!("the start on the tape: {error}")))?;
    Ok(Loaded {
        meta: begins.meta,
        pairs: begins.pairs,
        intents: now.intents.iter().filter(|stored| stored.sequence <= after.0).cloned().collect(),
        facts: now.facts.iter().filter(|fact| fact.stamped.sequence <= after).cloned().collect(),
        rows: Vec::new(),
    })
}

/// The tape of a start that goes on. It is never needed to go on, so whatever is wrong with it is a remark (fault L25).
#[must_use]
pub fn tape_of(folder: &Path, run: tape::Header, loaded: &Loaded, after: Sequence) -> Option<TapeWriter> {
    let from = Resumption { after, run, begins: begins(loaded) };
    TapeWriter::go_on(&folder.join("tape"), from).map_or_else(
        |error| {
            tracing::warn!(%error, "no tape is written: this start cannot be replayed");
            None
        },
        Some,
    )
}
