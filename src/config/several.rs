//! Several strategy files for one run: which keys are each one's own, what all must agree about, and what is refused.
//!
//! Each file is merged with the layers of all as if it were alone, so that every error of a single strategy is found here too.
//! Tests: `tests/commands/strategies.rs`.

use super::change::settings_of;
use super::checks;
use super::error::{ConfigErrors, Problem, Source};
use super::keys::{self, Key};
use super::lists::AUTO;
use super::load::{Held, Layers, Loaded, Resolved, strategy_hash};
use super::secret::escaped;
use super::settings::Settings;
use super::sources::Sources;
use super::strategies::{Capital, full_path, is_own};
use super::table::KEYS;
use super::units::Value;
use super::{pair_keys, venue_keys};
use crate::domain::pair_name::legs_of_name;
use crate::domain::{Amount, Money, Rate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Limits of the account of which the least holds when files differ.
const LEAST: [&str; 2] = ["risk.daily_loss", "risk.orders_per_minute"];

/// The limit that each strategy has and that all have together.
const TOTAL: &str = "risk.max_total";

/// A file with the layers that hold for it.
struct One {
    name: String,
    file: String,
    layers: Layers,
}

/// Reads and merges all layers for each strategy. Strategies stand in the order of their names.
pub(super) fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let files: Vec<PathBuf> = sources.strategy.iter().chain(&sources.beside).cloned().collect();
    let mut all: Vec<One> = files.iter().map(|file| one(sources, file)).collect();
    all.sort_by(|one, other| (&one.name, &one.file).cmp(&(&other.name, &other.file)));
    for one in &mut all {
        gather(std::mem::take(&mut one.layers.errors), &mut errors);
    }
    names(&all, &mut errors);
    agree(&mut all, &mut errors);
    agree_of_venues(&mut all, &mut errors);
    pairs(&all, &mut errors);
    tables(&mut all, &mut errors);
    capital(&all, &mut errors);
    together(&all, &mut errors);
    let total = total(sources, &all);
    let mut loaded: Vec<(String, Loaded)> = Vec::new();
    for One { name, layers, .. } in all {
        match layers.finish(None) {
            Ok(one) => loaded.push((name, one)),
            Err(found) => gather(found, &mut errors),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let values = rows(&loaded, total.as_ref());
    let by_path: BTreeMap<String, String> = values.iter().map(|row| (row.path.clone(), row.text.clone())).collect();
    let settings: Settings = settings_of(&by_path).map_err(|misfit| {
        errors.add(Source::Default, Problem::Internal(misfit));
        errors
    })?;
    let strategy_hash = strategy_hash(&values);
    Ok(Loaded {
        settings,
        values,
        strategy_hash,
        strategy: sources.strategy.clone(),
        beside: sources.beside.clone(),
        typed: None,
    })
}

fn one(sources: &Sources, file: &Path) -> One {
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    One { name, file: escaped(&file.display().to_string(), 4_096), layers: Layers::merged(sources, Some(file)) }
}

/// Errors of the layers that are one for all are said once.
fn gather(found: ConfigErrors, errors: &mut ConfigErrors) {
    for error in found.errors {
        if !errors.errors.contains(&error) {
            errors.add(error.place, error.problem);
        }
    }
    errors.more += found.more;
}

fn refuse(errors: &mut ConfigErrors, place: Source, text: String) {
    errors.add(place, Problem::Conflict(text));
}

impl One {
    fn held(&self, path: &str) -> Option<&Held> {
        self.layers.held.get(path).filter(|_| !self.layers.refused.contains(path))
    }

    fn place(&self, path: &str) -> Source {
        let named = self.held(path).map(|held| held.source.clone()).filter(|source| *source != Source::Default);
        named.unwrap_or_else(|| Source::File(self.file.clone(), 0))
    }

    fn pairs(&self) -> &[String] {
        match self.held("strategy.pairs").map(|held| &held.value) {
            Some(Value::Pairs(names)) => names,
            _ => &[],
        }
    }

    /// Whether a value stands in this strategy's own file.
    fn says(&self, held: &Held) -> bool {
        matches!(&held.source, Source::File(file, _) if *file == self.file)
    }
}

/// State, reports and commands name a strategy by its file.
fn names(all: &[One], errors: &mut ConfigErrors) {
    for (place, one) in all.iter().enumerate() {
        let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if one.name.is_empty() || one.name.len() > 40 || !one.name.chars().all(letter) {
            let text =
                "a strategy is named by its file; expected at most 40 of A-Z, a-z, 0-9, -, _ and . before the ending";
            refuse(errors, Source::File(one.file.clone(), 0), text.to_owned());
        }
        if let Some(other) = all.iter().take(place).find(|other| other.name == one.name) {
            let text = format!(
                "is named {} like {}; expected files whose names differ: pairs are told apart by them",
                one.name, other.file
            );
            refuse(errors, Source::File(one.file.clone(), 0), text);
        }
    }
}

/// What is one for the account: what the files say wins over the layers of all, and they must say the same.
fn agree(all: &mut [One], errors: &mut ConfigErrors) {
    for key in KEYS.iter().filter(|key| !is_own(key)) {
        let said: Vec<Held> =
            all.iter().filter_map(|one| one.held(key.path).filter(|held| one.says(held)).cloned()).collect();
        let Some(first) = said.first() else { continue };
        let chosen = if LEAST.contains(&key.path) {
            said.iter().min_by_key(|held| held.value.magnitude()).unwrap_or(first)
        } else {
            if let Some(other) = said.iter().find(|other| other.value != first.value) {
                refuse(errors, other.source.clone(), differ(key, key.path, (first, other)));
            }
            first
        };
        // A later layer is one for all: where it says something no file's own value is left.
        for one in all.iter_mut() {
            one.layers.held.insert(key.path, chosen.clone());
        }
    }
}

fn differ(key: &Key, path: &str, (first, other): (&Held, &Held)) -> String {
    let words = |held: &Held| format!("({}, {})", key.kind.print(&held.value), held.source);
    format!(
        "{path} {} and {} differ: it holds for the account and not for one strategy; say it in one place",
        words(first),
        words(other)
    )
}

/// The same of the tables of venues.
fn agree_of_venues(all: &mut [One], errors: &mut ConfigErrors) {
    let mut said: BTreeMap<(String, &'static str), Held> = BTreeMap::new();
    for one in all.iter() {
        let rows = one.layers.venues.held.iter().flat_map(|(venue, own)| own.iter().map(move |row| (venue, row)));
        for (venue, (path, held)) in rows.filter(|(_, (_, held))| one.says(held)) {
            let Some(row) = venue_keys::KEYS.iter().find(|row| row.path == *path) else { continue };
            let known = said.entry((venue.clone(), row.path)).or_insert_with(|| held.clone());
            if known.value != held.value {
                let text = differ(row, &venue_keys::full_path(venue, row), (known, held));
                refuse(errors, held.source.clone(), text);
            }
        }
    }
    let named: Vec<String> = all.iter().flat_map(|one| one.pairs().to_vec()).collect();
    for one in all.iter_mut() {
        for ((venue, path), held) in &said {
            one.layers.venues.held.entry(venue.clone()).or_default().insert(path, held.clone());
        }
        one.layers.venues.named.clone_from(&named);
    }
}

/// Each names its own pairs, and no two the same one.
fn pairs(all: &[One], errors: &mut ConfigErrors) {
    for one in all {
        let place = || one.place("strategy.pairs");
        if one.held("strategy.pairs").is_some() && (one.pairs().is_empty() || one.pairs() == [AUTO]) {
            let said = if one.pairs().is_empty() { "[]" } else { "\"auto\"" };
            let text = format!(
                "strategy.pairs = {said}: of several strategies each names its own pairs, for one that takes every pair would take \
                 those of the others too; expected a list, for example [\"binance:BTCUSDT\"]"
            );
            refuse(errors, place(), text);
        }
        if one.held("strategy.kind").is_some_and(|held| held.value == Value::Word("ladder")) {
            let text = "strategy.kind = \"ladder\": the ladder puts one capital on all pairs of a run, and is not played beside another \
                        strategy yet; play it alone, or take kind basis or spread";
            refuse(errors, one.place("strategy.kind"), text.to_owned());
        }
        if one.held("size.quantity").is_some_and(|held| held.value != Value::Off) {
            let text = "size.quantity is not bounded by strategy.capital, so it is not taken beside another strategy; expected \"off\"";
            refuse(errors, one.place("size.quantity"), text.to_owned());
        }
    }
    for (place, one) in all.iter().enumerate() {
        for other in all.iter().take(place) {
            shared((one, other), errors);
        }
    }
}

/// A pair of two strategies, or an instrument.
fn shared((one, other): (&One, &One), errors: &mut ConfigErrors) {
    for name in one.pairs() {
        let place = || one.place("strategy.pairs");
        if other.pairs().contains(name) {
            let text = format!(
                "{name} is named by {} and by {}; a pair belongs to one strategy: take it out of one of them",
                other.place("strategy.pairs"),
                place()
            );
            refuse(errors, place(), text);
            continue;
        }
        let Some(legs) = legs_of_name(name) else { continue };
        let clash = other.pairs().iter().find_map(|known| {
            let both = legs_of_name(known)?;
            Some((known, *legs.iter().find(|leg| both.contains(leg))?))
        });
        if let Some((known, leg)) = clash {
            let text = format!(
                "{name} and {known} of {} both trade {leg}, which is one position at the venue; what happens to it there could not be \
                 told apart between two strategies: put both pairs into one of them",
                other.place("strategy.pairs")
            );
            refuse(errors, place(), text);
        }
    }
}

/// `[pairs."NAME"]` of a layer of all belongs to the strategy that names the pair; in a strategy's own file it must be its own.
fn tables(all: &mut [One], errors: &mut ConfigErrors) {
    let named: BTreeMap<String, String> =
        all.iter().flat_map(|one| one.pairs().iter().map(|pair| (pair.clone(), one.file.clone()))).collect();
    for one in all {
        let (own, file) = (one.pairs().to_vec(), one.file.clone());
        one.layers.pairs.retain(|pair, held| {
            let Some(whose) = named.get(pair).filter(|_| !own.contains(pair)) else { return true };
            let here = |held: &&Held| matches!(&held.source, Source::File(name, _) if *name == file);
            if let Some(held) = held.values().find(here) {
                let text = format!("[{}.\"{pair}\"]: the pair is one of {whose}; write it there", pair_keys::SECTION);
                refuse(errors, held.source.clone(), text);
            }
            false
        });
    }
}

/// The parts are together not more than the whole.
fn capital(all: &[One], errors: &mut ConfigErrors) {
    let part = |one: &One| -> Option<(Rate, String)> {
        let held = one.held("strategy.capital")?;
        let Value::Money(Money { amount: whole, .. }) = one.held("run.capital")?.value else { return None };
        let part = match &held.value {
            Value::Rate(share) => Capital::Share(*share),
            Value::Money(money) => Capital::Amount(money.amount),
            _ => Capital::All,
        };
        let text = keys::find("strategy.capital").map_or_else(String::new, |key| key.kind.print(&held.value));
        let place = if held.source == Source::Default { &Source::File(one.file.clone(), 0) } else { &held.source };
        Some((part.share_of(whole), format!("{} ({text}, {place})", one.name)))
    };
    let parts: Vec<(Rate, String)> = all.iter().filter_map(part).collect();
    let sum: i128 = parts.iter().map(|(share, _)| i128::from(share.units())).sum();
    if parts.len() == all.len() && sum > i128::from(Rate::ONE) {
        let words: Vec<&str> = parts.iter().map(|(_, words)| words.as_str()).collect();
        let text = format!(
            "strategy.capital of {} is together more than run.capital; say in each file its part, for example strategy.capital = \"50%\"",
            words.join(" and ")
        );
        let last = all.last().map_or(Source::Default, |one| one.place("strategy.capital"));
        refuse(errors, last, text);
    }
}

/// The rules about pairs of one account, for those of all strategies.
fn together(all: &[One], errors: &mut ConfigErrors) {
    let Some(first) = all.first() else { return };
    let mut union = Layers {
        held: first.layers.held.clone(),
        refused: all.iter().flat_map(|one| one.layers.refused.clone()).collect(),
        ..Layers::default()
    };
    for (venue, own) in &first.layers.venues.held {
        union.venues.held.insert(venue.clone(), own.clone());
    }
    let names: Vec<String> = all.iter().flat_map(|one| one.pairs().to_vec()).collect();
    if let Some(held) = union.held.get_mut("strategy.pairs") {
        held.value = Value::Pairs(names);
    }
    let mut found = ConfigErrors::default();
    checks::of_account(&union.checked(), &union.refused, &mut found);
    checks::of_all_pairs(&union.checked(), &union.refused, &mut found);
    union.check_venues();
    gather(found, errors);
    gather(union.errors, errors);
}

/// What all pairs of the account may be worth: what a layer of all says, else what the strategies may be together.
fn total(sources: &Sources, all: &[One]) -> Option<Resolved> {
    let key = keys::find(TOTAL)?;
    let shared = Layers::merged(sources, None);
    let held = shared.held.get(TOTAL).filter(|held| held.source != Source::Default);
    let (value, source, word) = if let Some(held) = held {
        (held.value.clone(), held.source.clone(), "all strategies together")
    } else {
        let parts = all.iter().filter_map(|one| match &one.held(TOTAL)?.value {
            Value::Money(money) => Some(*money),
            _ => None,
        });
        let parts: Vec<Money> = parts.collect();
        let amount: Amount = parts.iter().map(|money| money.amount).sum();
        (
            Value::Money(Money { amount, asset: parts.first()?.asset }),
            Source::Default,
            "what all strategies say, together",
        )
    };
    let meaning = format!("{}: {}, {word}", key.meaning, key.kind.words(&value));
    Some(Resolved { path: TOTAL.to_owned(), text: key.kind.print(&value), source, over: None, meaning })
}

/// What is one for the account, then what pairs have otherwise, what is each strategy's own, and what venues have otherwise: in the
/// order in which [`Loaded::taking`] keeps them.
fn rows(all: &[(String, Loaded)], total: Option<&Resolved>) -> Vec<Resolved> {
    let key = |row: &Resolved| keys::find(&row.path);
    let first = all.first().map(|(_, one)| one.values.as_slice()).unwrap_or_default();
    let of_account = first.iter().filter_map(|row| match key(row)? {
        key if key.path == TOTAL => total.cloned(),
        key => (!is_own(key)).then(|| row.clone()),
    });
    let mut of_pairs: Vec<Resolved> = Vec::new();
    let mut own: Vec<Resolved> = Vec::new();
    for (name, one) in all {
        for row in &one.values {
            if pair_keys::split(&row.path).is_some() {
                of_pairs.push(row.clone());
            } else if key(row).is_some_and(is_own) {
                own.push(Resolved { path: full_path(name, &row.path), ..row.clone() });
            }
        }
    }
    let pair = |row: &Resolved| pair_keys::split(&row.path).map(|of| of.pair.to_owned());
    of_pairs.sort_by_key(pair);
    let of_venues = first.iter().filter(|row| venue_keys::split(&row.path).is_some()).cloned();
    of_account.chain(of_pairs).chain(own).chain(of_venues).collect()
}
