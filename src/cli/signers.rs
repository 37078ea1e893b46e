//! The keys of a run: which of them signs for which venue. Tests: at the end.

use super::{Exit, Failure, keys};
use crate::config::Settings;
use crate::domain::Venue;
use crate::domain::pair_name::legs_of_name;
use crate::keys::KeyEntry;
use crate::keys::sources::CONTAINER;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Keys by name, each of its own venue.
pub(super) struct Signers {
    entries: Vec<KeyEntry>,
}

impl Signers {
    /// Reads the keys of these names.
    ///
    /// # Errors
    /// Exit code 2 when one is not there, or when two would sign for the same venue.
    pub(super) fn find(names: &[String], file: Option<PathBuf>) -> Result<Self, Failure> {
        let places = keys::places(file, PathBuf::from(CONTAINER))?;
        let mut entries = Vec::new();
        for name in names {
            entries.push(places.find(name)?.entry);
        }
        Self::of_entries(entries)
    }

    /// Reads the keys of the command line; without any, those that `venues.NAME.key` gives for the venues of the pairs.
    ///
    /// # Errors
    /// Exit code 2 as for [`Signers::find`], for a venue of the pairs without a key, and for a key of another venue than its table's.
    pub(super) fn named(names: &[String], settings: &Settings, file: Option<PathBuf>) -> Result<Self, Failure> {
        if !names.is_empty() {
            return Self::find(names, file);
        }
        let mut wanted = Vec::new();
        for venue in venues(settings) {
            let Some(name) = key_at(settings, venue) else {
                let text = format!(
                    "no key signs at {venue}: name it on the command line, --key NAME, or in the configuration, [venues.{venue}] \
                     key = \"NAME\"; carry keys list shows those that there are"
                );
                return Err(Failure::new(Exit::Usage, text));
            };
            wanted.push((venue, name));
        }
        if wanted.is_empty() {
            return Err(Failure::new(Exit::Usage, "no key is named: --key NAME, as in carry keys list"));
        }
        Self::of_tables(&wanted, file)
    }

    /// Reads the keys of tables of venues.
    ///
    /// # Errors
    /// Exit code 2 as for [`Signers::find`], and for a key of another venue than its table's.
    pub(super) fn of_tables(wanted: &[(Venue, String)], file: Option<PathBuf>) -> Result<Self, Failure> {
        let names: Vec<String> = wanted.iter().map(|(_, name)| name.clone()).collect();
        let signers = Self::find(&names, file)?;
        signers.at_home(wanted)?;
        Ok(signers)
    }

    /// Refuses a key that stands in the table of another venue.
    fn at_home(&self, wanted: &[(Venue, String)]) -> Result<(), Failure> {
        for (venue, name) in wanted {
            if let Some(entry) = self.entries.iter().find(|entry| entry.name == *name && !entry.is_of(venue.as_str())) {
                let text =
                    format!("venues.{venue}.key = \"{name}\", and that key is of {}; name one of {venue}", entry.venue);
                return Err(Failure::new(Exit::Usage, text));
            }
        }
        Ok(())
    }

    fn of_entries(entries: Vec<KeyEntry>) -> Result<Self, Failure> {
        for (place, entry) in entries.iter().enumerate() {
            if let Some(other) = entries.iter().skip(place + 1).find(|other| other.venue == entry.venue) {
                let text =
                    format!("--key: {} and {} are both of {}; name one of them", entry.name, other.name, entry.venue);
                return Err(Failure::new(Exit::Usage, text));
            }
        }
        Ok(Self { entries })
    }

    /// Every key.
    #[must_use]
    pub(super) fn all(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The key that signs for a venue. Where there is one key alone it is asked to, and who makes the signature says why it
    /// cannot.
    ///
    /// # Errors
    /// Exit code 2 when none of several is of that venue.
    pub(super) fn of(&self, venue: &str) -> Result<&KeyEntry, Failure> {
        if let [one] = self.entries.as_slice() {
            return Ok(one);
        }
        self.entries.iter().find(|entry| entry.is_of(venue)).ok_or_else(|| {
            let known: Vec<String> = self.entries.iter().map(|one| format!("{} ({})", one.name, one.venue)).collect();
            let text =
                format!("a leg is at {venue}, and no key is of it: {}; name one more: --key NAME", known.join(", "));
            Failure::new(Exit::Usage, text)
        })
    }

    /// Refuses keys that no venue of the pairs needs, venues without a key, and real money beside play money.
    ///
    /// # Errors
    /// Exit code 2 that names the first one, 4 where real money would be hedged with play money.
    pub(super) fn fit(&self, venues: &[&str]) -> Result<(), Failure> {
        if self.entries.len() < 2 && venues.len() < 2 {
            return Ok(());
        }
        for venue in venues {
            let entry = self.of(venue)?;
            if !entry.is_of(venue) {
                let text = format!(
                    "key {} is of {}, and a leg is at {venue}: name its key too: --key {} --key NAME",
                    entry.name, entry.venue, entry.name
                );
                return Err(Failure::new(Exit::Usage, text));
            }
        }
        let is_real = |entry: &&KeyEntry| !entry.is_test() && !entry.is_play();
        if let (Some(real), Some(play)) =
            (self.entries.iter().find(is_real), self.entries.iter().find(|entry| !is_real(entry)))
        {
            let text = format!(
                "key {} moves real money and key {} does not: a pair whose one leg is play money is not hedged",
                real.name, play.name
            );
            return Err(Failure::new(Exit::Refused, text));
        }
        let idle = self.entries.iter().find(|entry| !venues.iter().any(|venue| entry.is_of(venue)));
        idle.map_or(Ok(()), |entry| {
            let text = format!("key {} is of {}, and no pair has a leg there", entry.name, entry.venue);
            Err(Failure::new(Exit::Usage, text))
        })
    }
}

/// The venues of the pairs that are named, or of the universe, each once.
fn venues(settings: &Settings) -> BTreeSet<Venue> {
    let legs = settings.strategy.pairs.iter().filter_map(|name| legs_of_name(name)).flatten();
    legs.map(|leg| leg.venue).chain(super::universe_names::venues(settings)).collect()
}

fn key_at(settings: &Settings, venue: Venue) -> Option<String> {
    settings.terms_of(venue)?.key.clone()
}

/// The keys that tables of venues give for the venues of a session: what is said now wins over what the session began with.
pub(super) fn tables(began: &Settings, now: Option<&Settings>) -> Vec<(Venue, String)> {
    let key = |venue| now.and_then(|now| key_at(now, venue)).or_else(|| key_at(began, venue));
    venues(began).into_iter().filter_map(|venue| Some((venue, key(venue)?))).collect()
}

/// Names of the keys that the settings give for the venues of the pairs.
pub(super) fn of_settings(settings: &Settings) -> Vec<String> {
    venues(settings).into_iter().filter_map(|venue| key_at(settings, venue)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WallTime;
    use crate::keys::{Kind, Secret};

    fn entry(name: &str, venue: &'static str) -> KeyEntry {
        let kind = Kind::Hmac { key: "k".repeat(64), secret: Secret::new("s".repeat(64)) };
        KeyEntry { name: name.to_owned(), venue, kind, note: String::new(), added_at: WallTime(0), test: false }
    }

    fn said(entries: Vec<KeyEntry>, venues: &[&str]) -> String {
        let fits = Signers::of_entries(entries).and_then(|signers| signers.fit(venues));
        fits.map_or_else(|failure| failure.message, |()| "fits".to_owned())
    }

    #[test]
    fn a_key_in_the_table_of_another_venue_is_refused() {
        let signers = Signers::of_entries(vec![entry("main", "binance"), entry("short", "aster")]).ok().unwrap();
        let at = |rows: [(&str, &str); 2]| {
            let wanted = rows.map(|(venue, name)| (Venue::new(venue).unwrap(), name.to_owned()));
            signers.at_home(&wanted).map_err(|failure| failure.message)
        };
        assert_eq!(at([("binance", "main"), ("aster", "short")]), Ok(()));
        let error = at([("binance", "short"), ("aster", "main")]).unwrap_err();
        assert!(error.contains("venues.binance.key = \"short\", and that key is of aster"), "{error}");
    }

    #[test]
    fn h04_each_venue_has_its_own_key_and_each_key_its_venue() {
        let both = || vec![entry("main", "binance"), entry("short", "aster")];
        assert_eq!(said(both(), &["aster", "binance"]), "fits");
        assert!(
            said(vec![entry("main", "binance")], &["aster", "binance"])
                .contains("main is of binance, and a leg is at aster")
        );
        assert!(said(both(), &["binance"]).contains("short is of aster, and no pair has a leg there"));
        assert!(said(both(), &["binance", "aster-testnet"]).contains("a leg is at aster-testnet, and no key is of it"));
        let mixed = vec![entry("main", "binance"), entry("play", "aster-testnet")];
        assert!(said(mixed, &["binance", "aster-testnet"]).contains("key main moves real money and key play does not"));
        let twice = vec![entry("main", "binance"), entry("other", "binance")];
        assert!(said(twice, &["binance"]).contains("main and other are both of binance"));
        let signers = Signers::of_entries(both()).ok().unwrap();
        assert_eq!(signers.of("aster").ok().unwrap().name, "short");
    }
}
