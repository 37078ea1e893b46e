//! What runs: program, strategy by name and hash, and the settings that differ from its preset; and which strategy a plain
//! `carry paper` means.
//!
//! It decides nothing about a run; every header, page and summary shows what stands here. Tests: `tests/what_runs.rs`.

use super::init;
use crate::config::{Loaded, Sources, load};
use crate::report::run::{Changed, RunInfo};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What settings are compared with when their strategy is none of the shipped files.
const BUILT_IN: &str = "built-in";
/// Where `carry init` puts strategies.
const STRATEGIES: &str = "strategies";

/// What these settings are.
#[must_use]
pub fn about(loaded: &Loaded) -> RunInfo {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = loaded.strategy.as_deref().and_then(stem).unwrap_or_else(|| BUILT_IN.to_owned());
    let shipped = shipped().find(|(file, _)| stem(Path::new(file)).as_ref() == Some(&name));
    let compared = match shipped {
        Some((file, text)) => crate::config::load::preset(file, text),
        None => load(&Sources::default()),
    };
    let shown = |key: &str| !key.starts_with("alarm.");
    let changed = compared.map(|preset| {
        let both = loaded.values.iter().zip(&preset.values);
        let differ = both.filter(|(own, other)| own.text != other.text && shown(own.path));
        differ
            .map(|(own, other)| Changed {
                key: own.path.to_owned(),
                value: own.text.clone(),
                preset: other.text.clone(),
                source: own.source.to_string(),
            })
            .collect()
    });
    RunInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("CARRY_COMMIT").map(str::to_owned),
        preset: shipped.map_or_else(|| BUILT_IN.to_owned(), |_| name.clone()),
        strategy: name,
        file: loaded.strategy.as_ref().map(|path| path.display().to_string()),
        strategy_sha256: loaded.strategy_hash.clone(),
        changed: changed.unwrap_or_default(),
        settings: loaded
            .values
            .iter()
            .filter(|value| shown(value.path))
            .map(|value| (value.path.to_owned(), value.text.clone()))
            .collect(),
    }
}

/// The strategies that `carry init` writes, by their names there.
fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
    init::FILES.into_iter().filter(|(name, _)| name.starts_with(STRATEGIES))
}

/// The strategy that a person has edited here: the file of `strategies/` that is not as it was shipped; of several the one
/// that was written last. `None` when there is none.
#[must_use]
pub fn edited() -> Option<PathBuf> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(STRATEGIES).ok()?.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let Ok(about) = entry.metadata() else { continue };
        let as_shipped = shipped().any(|(name, text)| {
            Path::new(name) == path
                && about.len() == text.len() as u64
                && std::fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes())
        });
        if about.is_file() && !as_shipped {
            found.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), path));
        }
    }
    found.into_iter().max().map(|(_, path)| path)
}

/// The strategy file of the session in a folder, when there is one and it names its file.
#[must_use]
pub fn of_session(folder: &Path) -> Option<RunInfo> {
    let ledger = folder.join("ledger.sqlite");
    let read = ledger.is_file().then(|| crate::store::ledger_file::read(&ledger).ok()).flatten()?;
    serde_json::from_str(read.meta.get("run")?).ok()
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

/// The command of this run once more, so that it goes on in its folder.
#[must_use]
pub fn again(folder: &Path) -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let named = words.iter().any(|word| word == "--state" || word.starts_with("--state="));
    let mut text: Vec<String> =
        std::iter::once("carry".to_owned()).chain(words.iter().map(|word| quoted(word))).collect();
    if !named {
        text.extend(["--state".to_owned(), quoted(&folder.display().to_string())]);
    }
    text.join(" ")
}
