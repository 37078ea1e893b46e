//! What differs between two configurations, and which of it a running session takes without a restart.
//!
//! A session takes the keys that the table marks, all of them at one instant; the others keep their value until a restart.
//! Values are compared and told in their canonical text. Tests: at the end, `tests/commands/reload.rs`.

use super::assemble::{self, Values};
use super::keys::{self, Key};
use super::load::{Loaded, Resolved, full_path, strategy_hash};
use super::pair_keys;
use super::settings::{Part, Settings};
use super::strategies;
use super::venue_keys;
use crate::domain::Venue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a change does to a running session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is taken, and lets less risk in.
    Tightens,
    /// It is taken with a person's consent: it lets more risk in, or nobody can say from the values alone.
    Loosens,
    /// It needs a restart.
    Restart,
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `section.key`, or `pairs."NAME".section.key`.
    pub key: String,
    /// The value that the session has, as canonical text.
    pub old: String,
    /// The value that the files have.
    pub new: String,
    /// What it does.
    pub effect: Effect,
}

/// Every key that differs, in the order of the table; then those of single pairs.
#[must_use]
pub fn between(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let (before, after) = (texts(old), texts(new));
    let keys = super::table::KEYS.iter();
    let mut changes: Vec<Change> =
        keys.filter_map(|key| change(key, &[key.path.to_owned()], (&before, &after))).collect();
    let parts = |loaded: &Loaded| loaded.settings.strategies.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
    let parts: BTreeSet<String> = parts(old).into_iter().chain(parts(new)).collect();
    for name in &parts {
        let own = super::table::KEYS.iter().filter(|key| strategies::is_own(key));
        changes.extend(own.filter_map(|key| change(key, &[strategies::full_path(name, key.path)], (&before, &after))));
    }
    let names: BTreeSet<&String> = old.settings.pairs.keys().chain(new.settings.pairs.keys()).collect();
    for name in names {
        let own = super::table::KEYS.iter().filter(|key| pair_keys::may_differ(key));
        // A pair without a value of its own has that of its strategy, or of all.
        let whose = old.settings.strategy_name(name).map(str::to_owned);
        changes.extend(own.filter_map(|key| {
            let all = whose.as_ref().map_or_else(|| key.path.to_owned(), |of| strategies::full_path(of, key.path));
            change(key, &[full_path(name, key.path), all], (&before, &after))
        }));
    }
    changes.extend(of_venues(&before, &after));
    changes
}

/// What venues have otherwise: each needs a restart. A venue without a value of its own has that of all venues.
fn of_venues<'a>(before: &'a Texts<'_>, after: &'a Texts<'_>) -> impl Iterator<Item = Change> + use<'a> {
    let paths: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    paths.into_iter().filter_map(|path| {
        let row = venue_keys::find_path(path)?;
        let all = venue_keys::general(row);
        let text = |texts: &Texts<'_>| {
            let own = texts.get(path).or_else(|| texts.get(all?));
            own.map_or_else(|| "-".to_owned(), |text| (*text).to_owned())
        };
        let (old, new) = (text(before), text(after));
        (old != new).then(|| Change { key: path.to_owned(), old, new, effect: Effect::Restart })
    })
}

type Texts<'a> = BTreeMap<&'a str, &'a str>;

fn texts(loaded: &Loaded) -> Texts<'_> {
    loaded.values.iter().map(|row| (row.path.as_str(), row.text.as_str())).collect()
}

/// The change of one key by its path; the first of several paths that has a value counts.
fn change(key: &Key, paths: &[String], (before, after): (&Texts<'_>, &Texts<'_>)) -> Option<Change> {
    let text =
        |texts: &Texts<'_>| paths.iter().find_map(|path| texts.get(path.as_str())).map(|text| (*text).to_owned());
    let (old, new) = (text(before)?, text(after)?);
    if old == new {
        return None;
    }
    let effect = match (key.reload, key.parse(&old), key.parse(&new)) {
        (None, ..) => Effect::Restart,
        (Some(_), Ok(old), Ok(new)) if !key.loosens(&old, &new) => Effect::Tightens,
        _ => Effect::Loosens,
    };
    Some(Change { key: paths.first()?.clone(), old, new, effect })
}

impl Loaded {
    /// These settings with what a running session takes of others: the keys that need a restart stay as they are.
    ///
    /// # Errors
    /// [`assemble::Misfit`] names a key of the table that does not fit its field.
    pub fn taking(&self, new: &Self) -> Result<Self, assemble::Misfit> {
        let taken = |row: &&Resolved| keys::find(key_of(&row.path)).is_some_and(|key| key.reload.is_some());
        let kept = self.values.iter().filter(|row| !taken(row));
        let mut values: Vec<Resolved> = kept.chain(new.values.iter().filter(taken)).cloned().collect();
        let place = |row: &Resolved| {
            let key = super::table::KEYS.iter().position(|key| key.path == key_of(&row.path));
            let pair = row.path.strip_suffix(key_of(&row.path)).unwrap_or_default().to_owned();
            let venue = venue_keys::find_path(&row.path).map(|row| row.path);
            let venue = venue.and_then(|path| venue_keys::KEYS.iter().position(|row| row.path == path));
            let name = venue_keys::split(&row.path).map(|of| of.venue.to_owned());
            (name, venue, pair, key)
        };
        values.sort_by_key(place);
        let rows: BTreeMap<String, String> = values.iter().map(|row| (row.path.clone(), row.text.clone())).collect();
        let settings = settings_of(&rows)?;
        Ok(Self {
            settings,
            strategy_hash: strategy_hash(&values),
            values,
            strategy: self.strategy.clone(),
            beside: self.beside.clone(),
            typed: self.typed.clone(),
        })
    }
}

/// `section.key` of a path that may be one pair's or one strategy's.
fn key_of(path: &str) -> &str {
    let of_strategy = || strategies::split(path).map_or(path, |(_, key)| key);
    pair_keys::split(path).map_or_else(of_strategy, |of| of.key)
}

/// Settings from canonical texts by path; a key without a text has its built-in value.
///
/// # Errors
/// [`assemble::Misfit`] names a key whose text is none of its kind.
pub fn settings_of(rows: &BTreeMap<String, String>) -> Result<Settings, assemble::Misfit> {
    let mut all = assemble::defaults()?;
    let mut own: BTreeMap<&str, Values> = BTreeMap::new();
    let mut venues: BTreeMap<Venue, Values> = BTreeMap::new();
    let mut parts: BTreeMap<&str, Values> = BTreeMap::new();
    for (path, text) in rows {
        if let Some((row, of)) = venue_keys::find_path(path).zip(venue_keys::split(path)) {
            let value = row.parse(text).map_err(|_| assemble::Misfit(row.path))?;
            let venue = Venue::new(of.venue).map_err(|_| assemble::Misfit(row.path))?;
            venues.entry(venue).or_default().insert(row.path, value);
            continue;
        }
        let Some(key) = keys::find(key_of(path)) else { continue };
        let value = key.parse(text).map_err(|_| assemble::Misfit(key.path))?;
        match (pair_keys::split(path), strategies::split(path)) {
            (Some(of), _) => own.entry(of.pair).or_default().insert(key.path, value),
            (None, Some((name, _))) => parts.entry(name).or_default().insert(key.path, value),
            (None, None) => all.insert(key.path, value),
        };
    }
    let mut settings = assemble::settings(&all)?;
    for (name, own) in &parts {
        let settings_of_it = assemble::settings(&with(&all, own))?;
        settings.strategy.pairs.extend(settings_of_it.strategy.pairs.iter().cloned());
        settings.strategies.push(Part { name: (*name).to_owned(), settings: settings_of_it });
    }
    for (pair, own) in own {
        let part = settings.strategy_name(pair).and_then(|name| parts.get(name));
        let values = part.map_or_else(|| all.clone(), |part| with(&all, part));
        settings.pairs.insert(pair.to_owned(), assemble::settings(&with(&values, &own))?);
    }
    let mut terms = BTreeMap::new();
    for (venue, values) in &venues {
        terms.insert(*venue, venue_keys::terms(values)?);
    }
    settings.change(|one| one.venues.clone_from(&terms));
    Ok(settings)
}

/// Values with others over them.
fn with(all: &Values, own: &Values) -> Values {
    let mut values = all.clone();
    values.extend(own.iter().map(|(path, value)| (*path, value.clone())));
    values
}

impl Settings {
    /// What was consented to in writing, `live.max_notional`, bounds every cap of the gate.
    pub fn within_consent(&mut self) {
        self.change(|own| {
            let most = own.live.max_notional;
            let risk = &mut own.risk;
            for cap in [&mut risk.max_total, &mut risk.max_pair, &mut risk.max_order] {
                *cap = most.min(*cap);
            }
            // A clip buys its fee in coins too, and its limit is a collar away.
            own.execution.clip = own.execution.clip.min(risk.max_order.share(9, 10));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::preset;
    use super::super::table::KEYS;
    use super::*;

    fn loaded(text: &str) -> Loaded {
        preset("test.toml", text).unwrap()
    }

    #[test]
    fn what_differs_is_told_with_what_it_does() {
        let old = loaded("[risk]\nmax_pair = \"500000usd\"\nmax_total = \"900000usd\"\n");
        let new = loaded("[risk]\nmax_pair = \"400000usd\"\nmax_total = \"950000usd\"\n[signal]\nsmooth = \"1d\"\n");
        let told: Vec<(String, Effect)> =
            between(&old, &new).into_iter().map(|change| (change.key, change.effect)).collect();
        let expected = [
            ("signal.smooth", Effect::Restart),
            ("risk.max_pair", Effect::Tightens),
            ("risk.max_total", Effect::Loosens),
        ];
        assert_eq!(told, expected.map(|(key, effect)| (key.to_owned(), effect)));
        assert_eq!(between(&old, &old), []);
        let taken = old.taking(&new).unwrap();
        assert_eq!(taken.settings.risk, new.settings.risk);
        assert_eq!(taken.settings.signal, old.settings.signal);
        let alone = loaded("[risk]\nmax_pair = \"400000usd\"\nmax_total = \"950000usd\"\n");
        assert_eq!((taken.strategy_hash, taken.settings), (alone.strategy_hash, alone.settings));
    }

    #[test]
    fn a_pair_keeps_what_is_its_own_and_follows_what_is_of_all() {
        let pair = "[pairs.\"binance:BTCUSDT\".entry]\nmargin = \"0.01%/8h\"\n";
        let old = loaded(&format!("[entry]\nfunding = \"0.01%/8h\"\n{pair}"));
        let new = loaded(&format!("[entry]\nfunding = \"0.02%/8h\"\nmargin = \"0.03%/8h\"\n{pair}"));
        let keys: Vec<String> = between(&old, &new).into_iter().map(|change| change.key).collect();
        assert_eq!(keys, ["entry.funding", "entry.margin", "pairs.\"binance:BTCUSDT\".entry.funding"]);
        assert_eq!(old.taking(&new).unwrap(), new);
        // A pair that has nothing of its own any more is as all are.
        let without = loaded("[entry]\nfunding = \"0.01%/8h\"\n");
        let taken = old.taking(&without).unwrap();
        assert_eq!(between(&old, &without).len(), 1);
        assert_eq!((taken.settings, taken.strategy_hash), (without.settings, without.strategy_hash));
    }

    #[test]
    fn every_key_makes_the_same_settings_from_its_text() {
        for key in KEYS {
            let Some((low, high)) = key.range else { continue };
            for text in [low.trim_start_matches('>'), high] {
                let Ok(value) = key.parse(text) else { continue };
                let mut values = assemble::defaults().unwrap();
                values.insert(key.path, value.clone());
                let rows = BTreeMap::from([(key.path.to_owned(), key.kind.print(&value))]);
                assert_eq!(settings_of(&rows), assemble::settings(&values), "{} {text}", key.path);
            }
        }
    }
}
