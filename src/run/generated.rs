//! The pairs of a session on the generated market: those that `strategy.pairs` names, and all of its own where none is named.
//!
//! A session of an earlier version traded pairs that were not named. They keep their numbers, because its ledger knows them by
//! those; they are outside: no entry, and what is held is closed by its rules. Tests: `tests/suite/generated_pairs.rs`.

use crate::config::{ConfigErrors, Loaded, Problem, Settings, Source};
use crate::domain::universe::{Outside, Verdict};
use crate::domain::{Catalogue, Pair};
use crate::engine::State;
use crate::port::Event;
use crate::sim::Generator;
use std::collections::BTreeMap;

/// The pairs that are named, of one venue or over two; all of the market when none is named.
#[must_use]
pub fn traded(generator: &Generator, settings: &Settings) -> Catalogue {
    with(generator, settings, &[])
}

/// The same, and beside them those that the session in the ledger had.
///
/// # Errors
/// Says what is wrong with the pairs that the ledger has.
pub fn again(generator: &Generator, settings: &Settings, meta: &BTreeMap<String, String>) -> Result<Catalogue, String> {
    let Some(text) = meta.get("catalogue") else { return Ok(traded(generator, settings)) };
    let known: Catalogue = serde_json::from_str(text).map_err(|error| format!("meta catalogue: {error}"))?;
    let names = |of: &Catalogue| of.pairs().iter().map(|pair| pair.name.clone()).collect::<Vec<String>>();
    let (known, now) = (names(&known), with(generator, settings, &names(&known)));
    if names(&now) == known { Ok(now) } else { Err(format!("meta catalogue: its pairs are {}", known.join(", "))) }
}

fn with(generator: &Generator, settings: &Settings, known: &[String]) -> Catalogue {
    let mut catalogue = generator.catalogue().clone();
    catalogue.each(|leg| drop(settings.venue_fees(leg)));
    settings.strategy.pairs.iter().for_each(|name| catalogue.add_named(name));
    catalogue.keep(|pair| is_named(settings, pair) || known.contains(&pair.name));
    catalogue
}

fn is_named(settings: &Settings, pair: &Pair) -> bool {
    let named = &settings.strategy.pairs;
    named.is_empty() || named.contains(&pair.name)
}

/// What the core is told of pairs that the settings do not name.
#[must_use]
pub fn outside(state: &State) -> Vec<Event> {
    let others = state.catalogue.pairs().iter().filter(|pair| !is_named(&state.settings, pair));
    others.map(|pair| Event::Universe(Verdict { pair: pair.id, outside: Some(Outside::Unnamed) })).collect()
}

/// Refuses names that no pair of the market has.
///
/// # Errors
/// Each of them, with those that the market has.
pub fn all_there(loaded: &Loaded, generator: &Generator) -> Result<(), ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let there = traded(generator, &loaded.settings);
    let own: Vec<&str> = generator.catalogue().pairs().iter().map(|pair| pair.name.as_str()).collect();
    for name in loaded.settings.strategy.pairs.iter().filter(|name| there.pair_named(name).is_none()) {
        let place = loaded.values.iter().find(|row| row.path == "strategy.pairs").map(|row| row.source.clone());
        let what = if name.contains('/') { "a leg of it is not in" } else { "there is no such pair in" };
        let text = format!(
            "strategy.pairs: {name}: {what} the generated market; it has {}, and pairs of two of their legs; real pairs are \
             traded by carry paper --market live",
            own.join(", ")
        );
        errors.add(place.unwrap_or(Source::Default), Problem::Conflict(text));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
