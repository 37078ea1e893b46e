//! The layers, last wins: built-in values, `config/carry.toml`, the strategy file, `--config` files, `CARRY__SECTION__KEY`,
//! `--set`. Each value keeps its source, and every error of every layer is reported together.
//!
//! Nothing is guessed, corrected or skipped: with one error there are no settings. Tests: `tests/suite/config.rs`.

use super::assemble::{self, Values};
use super::error::{ConfigErrors, Problem, Source};
use super::file::{self, Written};
use super::keys::{self, Key, Refused};
use super::kind::Kind;
use super::pair_keys::{self, PairPath};
use super::secret::{is_secret_name, looks_secret, shown};
use super::settings::Settings;
use super::sources::Sources;
use super::table::KEYS;
use super::units::{Raw, UnitError, Value};
use super::venue_keys;
use super::venue_layers::OfVenues;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Settings that may be used, and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What the program uses.
    pub settings: Settings,
    /// Every key in the order of the table, then those that single pairs and single venues have otherwise.
    pub values: Vec<Resolved>,
    /// SHA-256 in hex of the canonical values that decide and limit trades: all sections but `run`, `sim`, `alarm`, `live` and `web`,
    /// and of `venues` all but the names of keys. Two files
    /// that say the same in other words (`0.01%/8h`, `1bps/8h`) have the same hash.
    pub strategy_hash: String,
    /// The strategy file, as it was named.
    pub strategy: Option<PathBuf>,
    /// The files of the further strategies, where there are several.
    pub beside: Vec<PathBuf>,
    /// The working folder and the command of the run that these are for, where somebody typed one.
    pub typed: Option<(String, String)>,
}

/// One key after all layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// `section.key`, `pairs."NAME".section.key`, `strategies."NAME".section.key` or `venues.NAME.key`.
    pub path: String,
    /// The canonical value.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
    /// What it overrides, when that was not the built-in value.
    pub over: Option<Source>,
    /// What the key sets and what the value means, in words.
    pub meaning: String,
}

impl Loaded {
    /// Names of the environment variables that are in force: each start must print them (fault H17).
    #[must_use]
    pub fn environment(&self) -> Vec<&str> {
        self.values
            .iter()
            .filter_map(|value| match &value.source {
                Source::Env(name) => Some(name.as_str()),
                Source::Default | Source::File(..) | Source::Flag => None,
            })
            .collect()
    }
}

/// A value with its source.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) value: Value,
    pub(super) source: Source,
    pub(super) over: Option<Source>,
    /// Rises from value to value in the order of the layers; 0 for built-in values.
    pub(super) order: usize,
}

/// Reads and merges all layers.
///
/// # Errors
/// [`ConfigErrors`] holds everything that is wrong in any of them.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    if !sources.beside.is_empty() {
        return super::several::load(sources);
    }
    Layers::merged(sources, sources.strategy.as_deref()).finish(sources.strategy.clone())
}

/// The canonical values of a text as a strategy file would set them, over the built-in ones: a shipped preset, to compare
/// with.
///
/// # Errors
/// [`ConfigErrors`] as for a file.
pub fn preset(name: &str, text: &str) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::default();
    layers.built_in();
    let written = file::values(name, text, &mut layers.errors);
    layers.take_file(written);
    layers.finish(None)
}

#[derive(Default)]
pub(super) struct Layers {
    pub(super) held: BTreeMap<&'static str, Held>,
    /// What single pairs have otherwise, by the pair's name.
    pub(super) pairs: BTreeMap<String, BTreeMap<&'static str, Held>>,
    /// Keys of which some layer's value was refused: no second error about what they leave behind.
    pub(super) refused: BTreeSet<&'static str>,
    /// What single venues have otherwise.
    pub(super) venues: OfVenues,
    /// Values taken so far.
    pub(super) taken: usize,
    pub(super) errors: ConfigErrors,
}

impl Layers {
    /// Every layer, with this file as the strategy's.
    pub(super) fn merged(sources: &Sources, strategy: Option<&Path>) -> Self {
        let mut layers = Self::default();
        layers.built_in();
        let below = sources.base.as_deref().into_iter().chain(strategy);
        for path in below.chain(sources.extra.iter().map(PathBuf::as_path)) {
            let written = file::read(path, &mut layers.errors);
            layers.take_file(written);
        }
        layers.take_environment(&sources.env);
        layers.take_flags(&sources.set);
        layers
    }

    fn built_in(&mut self) {
        match assemble::defaults() {
            Ok(values) => {
                let held = |value| Held { value, source: Source::Default, over: None, order: 0 };
                self.held = values.into_iter().map(|(path, value)| (path, held(value))).collect();
            }
            Err(misfit) => self.errors.add(Source::Default, Problem::Internal(misfit)),
        }
    }

    fn take_file(&mut self, written: Vec<Written>) {
        let mut unknown = BTreeSet::new();
        for Written { path, raw, place } in written {
            let section = path.split_once('.').map_or(path.as_str(), |(section, _)| section);
            let known = keys::sections().contains(&section);
            let is_table = raw == Raw::Other("a table");
            if section == pair_keys::SECTION {
                self.take_below_pairs(&path, &raw, place);
            } else if section == venue_keys::SECTION {
                self.take_below_venues(&path, &raw, place);
            } else if known && path == section {
                // `[entry]` with nothing below it says nothing and does no harm.
                if !is_table {
                    self.section_as_key(section, place);
                }
            } else if known || !(path.contains('.') || is_table) || has_secret(&path, &raw) {
                self.take(&path, &raw, place);
            } else if unknown.insert(section.to_owned()) {
                let nearest = keys::nearest_section(section);
                self.errors.add(place, Problem::UnknownSection { section: shown(section), nearest });
            }
        }
    }

    fn section_as_key(&mut self, section: &str, place: Source) {
        if let Some(section) = keys::sections().into_iter().find(|name| *name == section) {
            self.errors.add(place, Problem::SectionAsKey { section });
        }
    }

    fn take_environment(&mut self, env: &[(String, String)]) {
        let mut ours: Vec<&(String, String)> =
            env.iter().filter(|(name, _)| name.starts_with(Sources::PREFIX)).collect();
        ours.sort();
        for (name, text) in ours {
            let place = Source::Env(shown(name));
            if text.contains('\u{fffd}') {
                self.errors.add(place, Problem::NotUtf8);
                continue;
            }
            let raw = Raw::Loose(text.clone());
            if let Some(key) = KEYS.iter().find(|key| Sources::variable(key.path) == *name) {
                self.take(key.path, &raw, place);
            } else {
                // A lower-case name lands here too: with both spellings set it would be unclear which one holds.
                let path = name.strip_prefix(Sources::PREFIX).unwrap_or(name).replace("__", ".").to_lowercase();
                match venue_keys::split(&path).filter(|of| venue_keys::find(of.key).is_some()) {
                    Some(of) if name.chars().all(|c| !c.is_ascii_lowercase()) => self.take_of_venue(of, &raw, place),
                    _ => self.refuse_unknown(&path, &raw, place),
                }
            }
        }
    }

    fn take_flags(&mut self, set: &[String]) {
        for flag in set {
            match flag.split_once('=') {
                Some((path, text)) => {
                    let text = text.trim();
                    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
                    self.take(path.trim(), &Raw::Loose(bare.to_owned()), Source::Flag);
                }
                None => self.errors.add(Source::Flag, Problem::NotAssignment(shown(flag))),
            }
        }
    }

    /// One value of one layer.
    fn take(&mut self, path: &str, raw: &Raw, place: Source) {
        if let Some(of) = pair_keys::split(path) {
            return self.take_of_pair(of, raw, place);
        }
        if let Some(of) = venue_keys::split(path) {
            return self.take_of_venue(of, raw, place);
        }
        if let Some(market) = path.strip_prefix("sim.prices.") {
            return self.take_price(market, raw, place);
        }
        let Some(key) = keys::find(path) else {
            return self.refuse_unknown(path, raw, place);
        };
        match key.read(raw) {
            Ok(value) => {
                self.taken += 1;
                let held = Held { value, source: place, over: over(self.held.get(key.path)), order: self.taken };
                self.held.insert(key.path, held);
            }
            Err(refused) => {
                self.refused.insert(key.path);
                self.errors.add(place, refusal((key, key.path.to_owned()), raw, refused));
            }
        }
    }

    /// One market of `sim.prices`, as `sim.prices.hyperliquid-perp = "binance-perp"` gives it, beside those that are there.
    fn take_price(&mut self, market: &str, raw: &Raw, place: Source) {
        let (Raw::Text(by) | Raw::Loose(by)) = raw else { return self.take("sim.prices", raw, place) };
        let own = format!("{market}=");
        let known = match self.held.get("sim.prices").map(|held| &held.value) {
            Some(Value::Pairs(items)) => items.iter().filter(|item| !item.starts_with(&own)).cloned().collect(),
            _ => Vec::new(),
        };
        let items = known.into_iter().chain([format!("{own}{by}")]).map(Raw::Text).collect();
        self.take("sim.prices", &Raw::List(items), place);
    }

    /// What a file has below `[pairs]`. An empty section says nothing and does no harm, but its name is judged.
    fn take_below_pairs(&mut self, path: &str, raw: &Raw, place: Source) {
        match pair_keys::split(path) {
            Some(of) if *raw == Raw::Other("a table") && (of.key.is_empty() || keys::sections().contains(&of.key)) => {
                if !pair_keys::is_pair(of.pair) {
                    self.errors.add(place, Problem::NoPair { name: shown(of.pair) });
                }
            }
            Some(of) => self.take_of_pair(of, raw, place),
            None if *raw == Raw::Other("a table") => {}
            None => self.errors.add(place, Problem::SectionAsKey { section: pair_keys::SECTION }),
        }
    }

    /// One value of one pair.
    fn take_of_pair(&mut self, of: PairPath, raw: &Raw, place: Source) {
        let key = keys::find(of.key);
        let Some(key) = key.filter(|_| pair_keys::is_pair(of.pair)) else {
            if has_secret(of.key, raw) {
                return self.refuse_unknown(of.key, raw, place);
            }
            if key.is_none() && pair_keys::is_pair(of.pair) {
                return self.refuse_unknown(of.key, raw, place);
            }
            return self.errors.add(place, Problem::NoPair { name: shown(of.pair) });
        };
        let pair = of.pair.to_owned();
        if !pair_keys::may_differ(key) {
            return self.errors.add(place, Problem::NotOfPair { key: key.path, section: key.section(), pair });
        }
        match key.read(raw) {
            Ok(value) => {
                self.taken += 1;
                let own = self.pairs.entry(pair).or_default();
                let held = Held { value, source: place, over: over(own.get(key.path)), order: self.taken };
                own.insert(key.path, held);
            }
            Err(refused) => {
                self.refused.insert(key.path);
                self.errors.add(place, refusal((key, full_path(&pair, key.path)), raw, refused));
            }
        }
    }

    pub(super) fn refuse_unknown(&mut self, path: &str, raw: &Raw, place: Source) {
        // Looking for the nearest key takes time that a file of a million wrong keys must not have.
        if self.errors.is_full() {
            self.errors.more += 1;
        } else {
            let problem = unknown(path, raw, &place);
            self.errors.add(place, problem);
        }
    }

    pub(super) fn finish(mut self, strategy: Option<PathBuf>) -> Result<Loaded, ConfigErrors> {
        self.judge_venues();
        super::checks::check(&self.checked(), &self.refused, &mut self.errors);
        self.check_venues();
        let settings = match self.settings() {
            Ok(settings) => settings,
            Err(misfit) => {
                self.errors.add(Source::Default, Problem::Internal(misfit));
                return Err(self.errors);
            }
        };
        if let Some(pair) = settings.stray_pair(&settings.strategy.pairs) {
            let place = self.pairs.get(pair).and_then(|own| own.values().next()).map(|held| held.source.clone());
            let problem = not_traded(pair, &settings.strategy.pairs);
            self.errors.add(place.unwrap_or(Source::Default), problem);
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let all = KEYS.iter().filter_map(|key| Some(resolved((key, key.path.to_owned()), self.held.get(key.path)?)));
        let own = self.pairs.iter().flat_map(|(pair, own)| {
            KEYS.iter().filter_map(|key| Some(resolved((key, full_path(pair, key.path)), own.get(key.path)?)))
        });
        let of_venues = self.venues.held.iter().flat_map(|(venue, own)| {
            venue_keys::KEYS
                .iter()
                .filter_map(|key| Some(resolved((key, venue_keys::full_path(venue, key)), own.get(key.path)?)))
        });
        let values: Vec<Resolved> = all.chain(own).chain(of_venues).collect();
        let strategy_hash = strategy_hash(&values);
        Ok(Loaded { settings, values, strategy_hash, strategy, beside: Vec::new(), typed: None })
    }

    /// The settings of all, with those of the pairs that differ; each pair's rules between keys are checked too.
    fn settings(&mut self) -> Result<Settings, assemble::Misfit> {
        let typed = |held: &BTreeMap<&'static str, Held>| {
            let values: Values = held.iter().map(|(path, held)| (*path, held.value.clone())).collect();
            assemble::settings(&values)
        };
        let mut settings = typed(&self.held)?;
        for (pair, own) in &self.pairs {
            let with = |mut held: BTreeMap<&'static str, Held>| {
                held.extend(own.iter().map(|(path, held)| (*path, held.clone())));
                held
            };
            let held = with(self.held.clone());
            let mut errors = ConfigErrors::default();
            super::checks::check(&with(self.checked()), &self.refused, &mut errors);
            for error in errors.errors {
                // What is wrong without the pair's keys was said before.
                if !self.errors.errors.contains(&error) {
                    self.errors.add(error.place, error.problem.of_pair(pair));
                }
            }
            settings.pairs.insert(pair.clone(), typed(&held)?);
        }
        self.put_venues(&mut settings)?;
        Ok(settings)
    }
}

/// The refusal of settings for a pair that is not traded.
#[must_use]
pub fn not_traded(pair: &str, traded: &[String]) -> Problem {
    Problem::PairNotTraded { name: pair.to_owned(), traded: traded.join(", ") }
}

/// What a new value stands over, where that is not built in.
pub(super) fn over(under: Option<&Held>) -> Option<Source> {
    under.map(|held| held.source.clone()).filter(|source| *source != Source::Default)
}

/// `pairs."binance:BTCUSDT".entry.funding`
pub(super) fn full_path(pair: &str, key: &str) -> String {
    format!("{}.\"{pair}\".{key}", pair_keys::SECTION)
}

fn resolved((key, path): (&'static Key, String), held: &Held) -> Resolved {
    Resolved {
        path,
        text: key.kind.print(&held.value),
        source: held.source.clone(),
        over: held.over.clone(),
        meaning: format!("{}: {}", key.meaning, key.kind.words(&held.value)),
    }
}

pub(super) fn strategy_hash(values: &[Resolved]) -> String {
    let mut hash = Sha256::new();
    let decides =
        |value: &&Resolved| !["run.", "sim.", "alarm.", "live.", "web."].iter().any(|no| value.path.starts_with(no));
    // All of the capital is what every strategy had before there was a choice, and its hash stays what it was.
    let all = |value: &&Resolved| value.path == "strategy.capital" && value.text == "all";
    let decides = |value: &&Resolved| decides(value) && !all(value) && !venue_keys::is_signer(&value.path);
    for value in values.iter().filter(decides) {
        hash.update(format!("{} = {}\n", value.path, value.text));
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn unknown(path: &str, raw: &Raw, place: &Source) -> Problem {
    let key = shown(path);
    if is_secret_name(path) {
        return Problem::SecretKey { key };
    }
    if holds_secret(raw) {
        return Problem::SecretValue { key };
    }
    let nearest = if path.to_lowercase() == "run.currency" { Some("run.capital") } else { keys::nearest(path) };
    let in_its_way = |path: &str| match place {
        Source::Env(_) => Sources::variable(path),
        Source::Default | Source::File(..) | Source::Flag => path.to_owned(),
    };
    Problem::UnknownKey { key, nearest: nearest.map(in_its_way) }
}

pub(super) fn has_secret(path: &str, raw: &Raw) -> bool {
    is_secret_name(path) || holds_secret(raw)
}

fn holds_secret(raw: &Raw) -> bool {
    match raw {
        Raw::Text(text) | Raw::Loose(text) => looks_secret(text),
        Raw::List(items) => items.iter().any(holds_secret),
        Raw::Integer(_) | Raw::Float(_) | Raw::Switch(_) | Raw::Other(_) => false,
    }
}

pub(super) fn refusal((key, path): (&'static Key, String), raw: &Raw, refused: Refused) -> Problem {
    // The address of a webhook lets everybody who has it write there.
    let address = matches!(raw, Raw::Text(text) | Raw::Loose(text) if key.kind == Kind::Path && text.contains("://"));
    if address || holds_secret(raw) {
        return Problem::SecretValue { key: path };
    }
    match refused {
        Refused::OutOfRange => Problem::OutOfRange {
            key: path,
            shown: raw_shown(raw),
            range: key.range_words().unwrap_or_else(|| key.expected()),
        },
        Refused::Unit(error) => {
            let error = if let UnitError::Twice(name) = error { UnitError::Twice(shown(&name)) } else { error };
            Problem::Value { key: path, shown: raw_shown(raw), why: error.to_string(), expected: key.expected() }
        }
    }
}

/// A value as it was written, for a message.
fn raw_shown(raw: &Raw) -> String {
    match raw {
        Raw::Text(text) => format!("\"{}\"", shown(text)),
        Raw::Loose(text) | Raw::Integer(Some(text)) | Raw::Float(text) => shown(text),
        Raw::Switch(on) => on.to_string(),
        Raw::List(items) => {
            let more = if items.len() > 5 { ", ..." } else { "" };
            let shown: Vec<String> = items.iter().take(5).map(raw_shown).collect();
            format!("[{}{more}]", shown.join(", "))
        }
        Raw::Integer(None) | Raw::Other(_) => "...".to_owned(),
    }
}
