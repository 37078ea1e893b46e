//! What runs: program, strategy by name and hash, and the settings that differ from its preset; which strategy a plain `carry
//! paper` means, and how a command is printed so that it works.
//!
//! It decides nothing about a run. Tests: `tests/commands/what_runs.rs`.

use crate::config::load::Resolved;
use crate::config::{Loaded, Source};
use crate::report::run::RunInfo;
pub use crate::run::typed::quoted;
use crate::run::what::PRESETS;
pub use crate::run::what::about;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where `carry init` puts strategies.
const STRATEGIES: &str = "strategies";

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
        let as_shipped = PRESETS.iter().any(|(name, text)| {
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

/// The strategy files of a session: those that were named, else those of the session in the folder, else the one that was edited here.
#[must_use]
pub fn strategies(named: &[PathBuf], folder: &Path) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    match of_session(folder) {
        Some(run) => run.file.into_iter().chain(run.beside).map(PathBuf::from).collect(),
        None => edited().into_iter().collect(),
    }
}

/// The same with the working folder and the command of this run, for whoever finds its session without a process: with the variables that set
/// keys, and without a consent, which is on disk already.
#[must_use]
pub fn typed(mut loaded: Loaded, folder: &Path) -> Loaded {
    let variable = |row: &Resolved| match &row.source {
        Source::Env(name) => Some(format!("{name}={} ", quoted(&row.text))),
        Source::Default | Source::File(..) | Source::Flag => None,
    };
    let variables: String = loaded.values.iter().filter_map(variable).collect();
    let at = std::env::current_dir().ok().map(|at| at.display().to_string());
    loaded.typed = at.map(|at| (at, format!("{variables}{}", again(folder))));
    loaded
}

/// The command of this run once more, so that it goes on in its folder.
#[must_use]
pub fn again(folder: &Path) -> String {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(place) = words.iter().position(|word| word == "--consent") {
        words.drain(place..words.len().min(place + 2));
    }
    words.retain(|word| !word.starts_with("--consent="));
    let named = words.iter().any(|word| word == "--state" || word.starts_with("--state="));
    let mut text: Vec<String> =
        std::iter::once("carry".to_owned()).chain(words.iter().map(|word| quoted(word))).collect();
    if !named {
        text.extend(["--state".to_owned(), quoted(&folder.display().to_string())]);
    }
    text.join(" ")
}
