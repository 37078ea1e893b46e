//! What the ledger says of a run once it took other settings: they, the strategy that they make, and the one that it began as.
//!
//! It goes on disk with the fact itself, so that the next start with the same files goes on with this run. Tests:
//! `tests/commands/reload.rs`.

use crate::config::Settings;
use crate::port::reload::{Reload, Reset};
use crate::report::run::{Changed, RunInfo};
use crate::tape;
use std::collections::BTreeMap;

/// Under which hash a live run showed its hours in the shadow, where it is another one by now.
pub const CLIMBED: &str = "climbed";
/// How an identity names its strategy, at its end.
const STRATEGY: &str = " strategy=";

/// Named values of a ledger after a reload; `known` are those before it.
#[must_use]
pub fn meta(known: &BTreeMap<String, String>, reload: &Reload, settings: &Settings) -> Vec<(&'static str, String)> {
    let mut meta = Vec::new();
    if let Some((kind, former)) = known.get("identity").and_then(|text| text.rsplit_once(STRATEGY)) {
        meta.push(("identity", format!("{kind}{STRATEGY}{}", reload.strategy)));
        if !known.contains_key(CLIMBED) {
            meta.push((CLIMBED, former.to_owned()));
        }
    }
    if let Ok(settings) = tape::canonical(settings) {
        meta.push(("settings", settings.to_string()));
    }
    let run = known.get("run").and_then(|text| serde_json::from_str::<RunInfo>(text).ok());
    if let Some(text) = run.and_then(|run| serde_json::to_string(&told(run, reload)).ok()) {
        meta.push(("run", text));
    }
    meta
}

fn told(mut run: RunInfo, reload: &Reload) -> RunInfo {
    run.strategy_sha256.clone_from(&reload.strategy);
    for Reset { key, old, new } in &reload.resets {
        run.settings.insert(key.clone(), new.clone());
        // A key that is not in the list had the preset's value.
        let preset = match run.changed.iter().position(|one| one.key == *key) {
            Some(place) => run.changed.remove(place).preset,
            None => old.clone(),
        };
        if preset != *new {
            run.changed.push(Changed { key: key.clone(), value: new.clone(), preset, source: "reload".to_owned() });
        }
    }
    run
}
