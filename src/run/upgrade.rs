//! Whether a session that another version of the program wrote is of the same strategy.
//!
//! A strategy's hash covers every key, so a version that has one key more gives an unchanged strategy another hash. What
//! decides is compared key by key then: a key that the older version did not have must stand at its built-in value. Keys of
//! `run`, `sim`, `alarm`, `live` and `web` never decide what is traded. Tests: at the end, and `tests/commands/upgrade.rs`.

use super::reloaded::CLIMBED;
use super::review::Identity;
use super::typed::quoted;
use crate::config::{Loaded, Settings};
use crate::report::run::RunInfo;
use crate::store::ledger_file;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Sections that do not decide what is traded, as in the strategy's hash.
const BESIDE: [&str; 5] = ["run", "sim", "alarm", "live", "web"];

/// Keys that a live run stores as `live.max_notional` bounds them.
const CAPPED: [&str; 4] = ["risk.max_total", "risk.max_pair", "risk.max_order", "execution.clip"];

/// Whether a key is one of these, of the account or of one of several strategies.
fn is_capped(key: &str) -> bool {
    let of_strategy = |capped: &&str| key.starts_with("strategies.") && key.ends_with(&format!(".{capped}"));
    CAPPED.contains(&key) || CAPPED.iter().any(of_strategy)
}

/// The keys that decide and differ from those of a stored session; `None` when its settings cannot be read.
#[must_use]
pub fn differ(meta: &BTreeMap<String, String>, loaded: &Loaded) -> Option<Vec<String>> {
    let stored: Value = serde_json::from_str(meta.get("settings")?).ok()?;
    let value = |settings: &Settings| serde_json::to_value(settings).ok();
    Some(between(&stored, &value(&loaded.settings)?, &value(&Settings::default())?))
}

fn between(stored: &Value, now: &Value, built_in: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    let names_its_own = |settings: &Value| settings.pointer("/strategy/auto") == Some(&Value::Bool(true));
    for (section, values) in now.as_object().into_iter().flatten() {
        let deciding = values.as_object().filter(|_| !BESIDE.contains(&section.as_str()) && section != "venues");
        for (key, value) in deciding.into_iter().flatten() {
            // Pairs of the universe are named by each start, and no person said them.
            if (section.as_str(), key.as_str()) == ("strategy", "pairs") && names_its_own(stored) && names_its_own(now)
            {
                continue;
            }
            let before = stored.get(section).and_then(|values| values.get(key));
            let before = before.or_else(|| built_in.get(section)?.get(key));
            if before != Some(value) {
                keys.push(format!("{section}.{key}"));
            }
        }
    }
    let of = |settings: &Value, section: &str| settings.get(section).cloned().unwrap_or_default();
    // Tables that are not there any more: what they said is not so any more.
    let before = of(stored, "pairs");
    let gone = before.as_object().into_iter().flatten().filter(|(name, _)| of(now, "pairs").get(name).is_none());
    keys.extend(gone.map(|(name, _)| format!("pairs.{name}")));
    keys.extend(of_strategies((&of(stored, "strategies"), &of(now, "strategies")), built_in));
    if unsigned(&of(stored, "venues")) != unsigned(&of(now, "venues")) {
        keys.push("venues".to_owned());
    }
    keys
}

/// The keys that differ of each of several strategies, and those strategies that came or went.
fn of_strategies((stored, now): (&Value, &Value), built_in: &Value) -> Vec<String> {
    let named = |all: &Value| -> BTreeMap<String, Value> {
        let one = |part: &Value| Some((part.get("name")?.as_str()?.to_owned(), part.get("settings")?.clone()));
        all.as_array().into_iter().flatten().filter_map(one).collect()
    };
    let (stored, now) = (named(stored), named(now));
    let mut keys = Vec::new();
    for (name, settings) in &now {
        match stored.get(name) {
            Some(before) => {
                let own = between(before, settings, built_in);
                keys.extend(own.into_iter().map(|key| format!("strategies.{name}.{key}")));
            }
            None => keys.push(format!("strategies.{name}")),
        }
    }
    keys.extend(stored.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("strategies.{name}")));
    keys
}

/// What venues have otherwise, without the names of keys: which account signs is no part of what is traded.
fn unsigned(venues: &Value) -> Vec<(String, Value)> {
    let rows = venues.as_object().into_iter().flatten().map(|(name, terms)| {
        let mut terms = terms.clone();
        terms.as_object_mut().map(|terms| terms.remove("key"));
        (name.clone(), terms)
    });
    rows.filter(|(_, terms)| terms.as_object().is_some_and(|terms| !terms.is_empty())).collect()
}

/// A line for a refusal that names the keys.
#[must_use]
pub fn named(differ: Option<Vec<String>>) -> String {
    match differ {
        Some(keys) if !keys.is_empty() => format!("\n  differs in: {}", keys.join(", ")),
        Some(_) | None => String::new(),
    }
}

/// The strategies that a stored session began with, where others are named now: which files are missing or new, and the flags that
/// name those of the session.
#[must_use]
pub fn other_strategies(meta: &BTreeMap<String, String>, loaded: &Loaded) -> Option<String> {
    let run: RunInfo = serde_json::from_str(meta.get("run")?).ok()?;
    let began: Vec<String> = run.file.into_iter().chain(run.beside).collect();
    let named: Vec<String> =
        loaded.strategy.iter().chain(&loaded.beside).map(|path| path.display().to_string()).collect();
    if began.len() < 2 && named.len() < 2 {
        return None;
    }
    let left: Vec<&String> = began.iter().filter(|file| !named.contains(file)).collect();
    let new: Vec<&String> = named.iter().filter(|file| !began.contains(file)).collect();
    let mut text = String::new();
    for file in left {
        let _ = write!(
            text,
            "\n  {file} is of this session and is not named: what its pairs hold would belong to no strategy"
        );
    }
    for file in new {
        let _ = write!(text, "\n  {file} is named and is none of this session");
    }
    let flags: Vec<String> = began.iter().map(|file| format!("--strategy {}", quoted(file))).collect();
    (!text.is_empty()).then(|| format!("{text}\n  it goes on with {}", flags.join(" ")))
}

/// Hashes under which earlier versions knew this strategy, by the runs of a state folder: the live one and its shadow.
#[must_use]
pub fn former(folder: &Path, loaded: &Loaded) -> Vec<String> {
    let mut hashes = Vec::new();
    for run in [folder.to_owned(), folder.join("shadow")] {
        let Ok(meta) = ledger_file::meta(&run.join("ledger.sqlite")) else { continue };
        if differ(&meta, loaded).is_some_and(|keys| keys.iter().all(|key| is_capped(key))) {
            hashes.push(Identity::parse(meta.get("identity").map_or("", String::as_str)).strategy);
            // A run that took other settings with a person's consent showed its hours as what it began as.
            hashes.extend(meta.get(CLIMBED).cloned());
        }
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn g17_a_new_key_at_its_built_in_value_is_the_same_strategy() {
        let built_in = json!({ "entry": { "funding": 1, "fresh": "warn" }, "run": { "capital": "5" } });
        let check = |stored: Value, now: Value, expected: &[&str]| {
            assert_eq!(between(&stored, &now, &built_in), expected, "{stored} {now}");
        };
        let now = json!({ "entry": { "funding": 2, "fresh": "warn" }, "run": { "capital": "9" } });
        check(json!({ "entry": { "funding": 2 }, "run": { "capital": "5" } }), now.clone(), &[]);
        check(json!({ "entry": { "funding": 1 } }), now, &["entry.funding"]);
        let fresh = json!({ "entry": { "funding": 1, "fresh": "refuse" } });
        check(json!({ "entry": { "funding": 1 } }), fresh, &["entry.fresh"]);
        // A key that is no longer there decides nothing.
        check(json!({ "entry": { "funding": 1, "gone": 7 } }), json!({ "entry": { "funding": 1 } }), &[]);
    }

    #[test]
    fn g17_pairs_that_the_universe_names_are_no_other_strategy() {
        let of = |auto: bool, pairs: &[&str]| json!({ "strategy": { "auto": auto, "pairs": pairs } });
        let check = |stored: Value, now: Value, expected: &[&str]| {
            assert_eq!(between(&stored, &now, &json!({})), expected, "{stored} {now}");
        };
        check(of(true, &["a:X"]), of(true, &["a:X", "a:Y"]), &[]);
        check(of(true, &["a:X"]), of(true, &[]), &[]);
        check(of(false, &["a:X"]), of(false, &["a:X", "a:Y"]), &["strategy.pairs"]);
        check(of(true, &["a:X"]), of(false, &["a:X"]), &["strategy.auto"]);
    }

    #[test]
    fn each_strategy_is_compared_by_its_name_and_caps_of_a_consent_are_none_of_it() {
        let part = |name: &str, funding: i64, cap: i64| json!({ "name": name, "settings": { "entry": { "funding": funding }, "risk": { "max_pair": cap } } });
        let with = |parts: &[Value]| json!({ "strategies": parts });
        let stored = with(&[part("a", 1, 5), part("b", 1, 5)]);
        let check = |now: Value, expected: &[&str]| assert_eq!(between(&stored, &now, &json!({})), expected, "{now}");
        check(stored.clone(), &[]);
        check(with(&[part("b", 1, 5), part("a", 1, 5)]), &[]);
        check(with(&[part("a", 1, 5), part("b", 2, 6)]), &["strategies.b.entry.funding", "strategies.b.risk.max_pair"]);
        check(with(&[part("a", 1, 5)]), &["strategies.b"]);
        check(with(&[part("a", 1, 5), part("c", 1, 5)]), &["strategies.c", "strategies.b"]);
        assert!(is_capped("strategies.b.risk.max_pair") && is_capped("risk.max_pair"));
        assert!(!is_capped("strategies.b.entry.funding") && !is_capped("strategies.b"));
    }

    #[test]
    fn a_table_of_a_venue_or_pair_that_came_or_went_is_another_strategy_and_the_name_of_a_key_is_none() {
        let check = |stored: Value, now: Value, expected: &[&str]| {
            assert_eq!(between(&stored, &now, &json!({})), expected, "{stored} {now}");
        };
        let with = |leverage: &str| json!({ "venues": { "binance": { "key": leverage, "leverage": leverage } } });
        check(with("1"), with("2"), &["venues"]);
        check(json!({}), with("2"), &["venues"]);
        check(with("1"), json!({}), &["venues"]);
        let signed = |key: &str| json!({ "venues": { "binance": { "key": key } } });
        check(signed("main"), signed("other"), &[]);
        check(json!({}), signed("main"), &[]);
        check(json!({ "pairs": { "a:X": 1 } }), json!({}), &["pairs.a:X"]);
    }
}
