//! The pairs of a session whose `strategy.pairs` is "auto": those that its folder has, and those that the universe admits now.
//!
//! A ledger numbers its pairs, so the ones that it has stay in their order and new ones come behind them; which of them may be
//! entered is looked at again in the session (`run/universe_watch.rs`). A start for what a dead process left in work does not wait
//! for a look. A simulated venue keeps books of its own, so a session with simulated fills keeps the pairs that it began with.
//! Tests: `tests/commands/universe_live.rs`, `tests/commands/universe_attack.rs`.

use super::real::Place;
use super::universe::seen_now;
use super::{Exit, Failure};
use crate::config::Loaded;
use crate::config::settings::Settings;
use crate::domain::Venue;
use crate::run::folder;
use std::path::Path;

/// Whether a restart of the session may take pairs that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grows {
    /// It may.
    Yes,
    /// Its pairs are those of its first start.
    No,
}

/// Names the pairs of a session, where they are those of the universe.
///
/// # Errors
/// Exit code 2 when no venue is named or nothing is admitted, 5 when a venue cannot be reached.
pub(super) fn name(loaded: &mut Loaded, (folder, place): (&Path, &Place), grows: Grows) -> Result<(), Failure> {
    let settings = &loaded.settings;
    if !settings.strategy.auto {
        return Ok(());
    }
    let usage = |text: &str| Failure::new(Exit::Usage, format!("strategy.pairs = \"auto\": {text}"));
    let venues = settings.universe.venues.clone();
    if venues.is_empty() {
        return Err(usage(
            "a real market needs the venues by name; expected universe.venues such as [\"binance\"] (carry universe shows their pairs)",
        ));
    }
    let numbered = folder::numbered(folder);
    let mut names: Vec<String> = numbered.pairs().iter().map(|pair| pair.name.clone()).collect();
    if names.is_empty() {
        names = admitted(settings, place)?;
    } else if grows == Grows::Yes && venues.len() == 1 && !folder::has_work(folder) {
        match admitted(settings, place) {
            Ok(found) => {
                names.extend(found.into_iter().filter(|name| numbered.pair_named(name).is_none()));
            }
            // What is held is looked after all the same, by hosts that may well answer.
            Err(failure) => tracing::warn!(
                why = failure.message,
                "the universe could not be looked at; the session goes on with the pairs that it has"
            ),
        }
    }
    if names.is_empty() {
        return Err(usage("the universe admits no pair now; see carry universe"));
    }
    loaded.settings.change(|settings| settings.strategy.pairs.clone_from(&names));
    Ok(())
}

/// The pairs that the universe admits now.
fn admitted(settings: &Settings, place: &Place) -> Result<Vec<String>, Failure> {
    let rules = &settings.universe;
    let seen = rules.venues.iter().map(|name| seen_now(name, place.base_of(name), rules));
    let looks = seen.collect::<Result<Vec<_>, _>>()?;
    let found = crate::run::listed::judged(&looks, rules);
    Ok(found.into_iter().filter(|one| one.outside.is_none()).map(|one| one.candidate.name).collect())
}

/// Names of the venues of a session, as far as its settings say them before its pairs are known.
pub(super) fn venues(settings: &Settings) -> Vec<Venue> {
    let named = settings.universe.venues.iter().filter(|_| settings.strategy.auto);
    named.filter_map(|name| Venue::new(name).ok()).collect()
}
