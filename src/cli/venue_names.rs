//! Venues that a configuration names by themselves (`ladder.capital`): one that nothing here knows is a slip of the pen, and its
//! number would never count.
//!
//! Tests: at the end, and `tests/suite/config.rs`.

use crate::config::{ConfigErrors, Loaded, Problem, Source, venue_keys};
use crate::data::folder::Folder;
use std::collections::BTreeSet;

/// The error of a venue that is named and not known; none when all are. `folder` is the history at hand, where there is one.
#[must_use]
pub(super) fn stray(loaded: &Loaded, folder: Option<&Folder>) -> ConfigErrors {
    let mut errors = ConfigErrors::default();
    let named = loaded.settings.ladder.capital.iter().map(|(venue, _)| venue.as_str());
    let known = known(loaded, folder);
    for name in named.filter(|name| !known.contains(*name)) {
        let row = loaded.values.iter().find(|row| row.path == "ladder.capital");
        let (place, text) = row.map_or((Source::Default, ""), |row| (row.source.clone(), row.text.as_str()));
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        let text = format!("ladder.capital = {text}: there is no venue {name}; expected one of {}", all.join(", "));
        errors.add(place, Problem::Conflict(text));
    }
    errors
}

/// Those of the configuration and of the history, and those that the program knows.
fn known(loaded: &Loaded, folder: Option<&Folder>) -> BTreeSet<String> {
    let settings = &loaded.settings;
    let mut known = venue_keys::known(settings.strategy.pairs.iter().chain(&settings.universe.venues));
    known.extend(folder.into_iter().flat_map(|folder| folder.files().keys()).map(|key| key.venue.to_string()));
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::preset;

    #[test]
    fn h01_a_venue_that_is_not_known_is_refused_with_its_key_and_those_that_are() {
        let check = |text: &str, expected: &[&str]| {
            let said = stray(&preset("c.toml", text).unwrap(), None).to_string();
            assert_eq!(said.is_empty(), expected.is_empty(), "{text}: {said}");
            assert!(expected.iter().all(|part| said.contains(part)), "{text}: {said}");
        };
        check("[ladder]\ncapital = [\"binance=1.27x\", \"hyper=2x\", \"okx=1x\"]\n", &[]);
        check("[ladder]\ncapital = [\"deribit=2x\"]\n[strategy]\npairs = [\"deribit:BTCUSDT\"]\n", &[]);
        let words = ["c.toml:2: ", "ladder.capital = ", "no venue nowhere; expected one of alpha, aster,", " hyper, "];
        check("[ladder]\ncapital = [\"binance=1.27x\", \"nowhere=2x\"]\n", &words);
    }

    #[test]
    fn every_venue_that_can_be_traded_live_and_those_of_the_generated_market_are_known() {
        let known = known(&preset("c.toml", "").unwrap(), None);
        for name in ["aster", "aster-testnet", "aster-v1", "binance", "binance-demo"] {
            assert!(crate::venues::binance::profile::Profile::named(name).is_some() && known.contains(name), "{name}");
        }
        for venue in crate::sim::Generator::new(1, crate::sim::START).catalogue().venues() {
            assert!(known.contains(venue.as_str()), "{venue}");
        }
    }
}
