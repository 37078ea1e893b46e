//! What runs: program, strategy by name and hash, and the settings that differ from the preset that it is made from.
//!
//! Every header, page and summary shows what stands here. Tests: `tests/commands/what_runs.rs`.

use crate::config::{Loaded, Sources, load};
use crate::report::run::{Changed, RunInfo};
use std::path::Path;

/// What settings are compared with when their strategy is none of the shipped files.
const BUILT_IN: &str = "built-in";

/// The strategies that are shipped, by the names under which `carry init` writes them.
pub const PRESETS: [(&str, &str); 3] = [
    ("strategies/anchor.toml", include_str!("../../strategies/anchor.toml")),
    ("strategies/ethena.toml", include_str!("../../strategies/ethena.toml")),
    ("strategies/ladder.toml", include_str!("../../strategies/ladder.toml")),
];

/// What these settings are.
#[must_use]
pub fn about(loaded: &Loaded) -> RunInfo {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let names: Vec<String> = loaded.strategy.iter().chain(&loaded.beside).filter_map(|path| stem(path)).collect();
    let name = if names.is_empty() { BUILT_IN.to_owned() } else { names.join("+") };
    let shipped = PRESETS.into_iter().find(|(file, _)| stem(Path::new(file)).as_ref() == Some(&name));
    let compared = match shipped {
        Some((file, text)) => crate::config::load::preset(file, text),
        None => load(&Sources::default()),
    };
    let shown = |key: &str| !key.starts_with("alarm.") && !key.starts_with("web.");
    let changed = compared.map(|preset| {
        let usual = |path: &str| preset.values.iter().find(|value| value.path == path).map(|value| &value.text);
        let differ = loaded.values.iter().filter(|own| shown(&own.path)).filter_map(|own| {
            // A pair's own value is compared with what holds for all in the preset.
            let key = own.path.rsplit_once("\".").map_or(own.path.as_str(), |(_, key)| key);
            let other = usual(key).filter(|other| **other != own.text)?;
            Some((own, other))
        });
        differ
            .map(|(own, other)| Changed {
                key: own.path.clone(),
                value: own.text.clone(),
                preset: other.clone(),
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
        beside: loaded.beside.iter().map(|path| path.display().to_string()).collect(),
        strategy_sha256: loaded.strategy_hash.clone(),
        changed: changed.unwrap_or_default(),
        settings: loaded
            .values
            .iter()
            .filter(|value| shown(&value.path))
            .map(|value| (value.path.clone(), value.text.clone()))
            .collect(),
    }
}
