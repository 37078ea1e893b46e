//! `[venues.NAME]` of all layers: reading, names that are none, and two names of one value.
//!
//! A key of a venue is a name of a key of all venues (`margin.collateral`, `size.leverage`, `size.per_venue` and `sim.wallets`,
//! `sim.spot_maker` and the like). Between layers the venue's own wins, because the specific beats the general, and `--set` of
//! either wins over files; inside one layer the two must say the same. Tests: `tests/suite/venue_keys.rs`.

use super::checks;
use super::error::{ConfigErrors, Problem, Source};
use super::keys::{self, Key};
use super::load::{Held, Layers, has_secret, over, refusal};
use super::secret::shown;
use super::settings::Settings;
use super::units::{Raw, Value};
use super::venue_keys::{self, KEYS, VenuePath, full_path, general};
use super::venues::VenueTerms;
use super::{assemble, table};
use crate::domain::pair_name::legs_of_name;
use crate::domain::{Rate, Venue};
use std::collections::BTreeMap;

/// Values of one venue, by path of their rows.
pub(super) type OfVenue = BTreeMap<&'static str, Held>;

const CAPITAL: &str = "venues.NAME.capital";
const COLLATERAL: &str = "venues.NAME.collateral";
const LEVERAGE: &str = "venues.NAME.leverage";
const ASK: &str = "venues.NAME.fees";

/// What the layers say of venues.
#[derive(Default)]
pub(super) struct OfVenues {
    /// Values, by the venue's name.
    pub(super) held: BTreeMap<String, OfVenue>,
    /// Where each name was written first.
    pub(super) places: BTreeMap<String, Source>,
    /// Pairs of all strategies, where there are several: their venues are known.
    pub(super) named: Vec<String>,
}

impl Layers {
    /// What a file has below `[venues]`. An empty table says nothing and does no harm, but its name is judged.
    pub(super) fn take_below_venues(&mut self, path: &str, raw: &Raw, place: Source) {
        let is_table = *raw == Raw::Other("a table");
        match venue_keys::split(path) {
            Some(of) if is_table && (of.key.is_empty() || of.key == "fees") => self.name_venue(of.venue, &place),
            Some(of) => self.take_of_venue(of, raw, place),
            None if is_table => {}
            None => self.errors.add(place, Problem::SectionAsKey { section: venue_keys::SECTION }),
        }
    }

    fn name_venue(&mut self, venue: &str, place: &Source) {
        self.venues.places.entry(venue.to_owned()).or_insert_with(|| place.clone());
    }

    /// One value of one venue.
    pub(super) fn take_of_venue(&mut self, of: VenuePath, raw: &Raw, place: Source) {
        let Some(key) = venue_keys::find(of.key) else {
            let path = format!("{}.{}.{}", venue_keys::SECTION, of.venue, of.key);
            let path = path.trim_end_matches('.').to_owned();
            if has_secret(of.key, raw) || self.errors.is_full() {
                return self.refuse_unknown(&path, raw, place);
            }
            let known: Vec<&str> = KEYS.iter().map(venue_keys::name_of).collect();
            let problem = Problem::NotOfVenue { key: shown(&path), known: known.join(", ") };
            return self.errors.add(place, problem);
        };
        self.name_venue(of.venue, &place);
        let path = format!("{}.{}.{}", venue_keys::SECTION, shown(of.venue), of.key);
        match key.read(raw) {
            Ok(value) => {
                self.taken += 1;
                let own = self.venues.held.entry(of.venue.to_owned()).or_default();
                // The venue's own fees and a number for one of them exclude each other: the later layer counts.
                let is_fee = |path: &str| path.starts_with(ASK) && path != ASK;
                match key.path {
                    ASK => own.retain(|path, held| !is_fee(path) || same_layer(&held.source, &place)),
                    path if is_fee(path) => {
                        own.retain(|path, held| *path != ASK || same_layer(&held.source, &place));
                    }
                    _ => {}
                }
                let held = Held { value, source: place, over: over(own.get(key.path)), order: self.taken };
                own.insert(key.path, held);
            }
            Err(refused) => {
                self.refused.insert(key.path);
                self.errors.add(place, refusal((key, path), raw, refused));
            }
        }
    }

    /// Judges names and values of all venues against each other and against the keys of all venues.
    pub(super) fn judge_venues(&mut self) {
        self.judge_names();
        self.last_word();
        let mut venues = std::mem::take(&mut self.venues);
        let mut told = Vec::new();
        for (venue, own) in &venues.held {
            for (path, held) in own {
                let Some(row) = KEYS.iter().find(|row| row.path == *path) else { continue };
                self.two_names((venue, row), held, &mut told);
            }
        }
        told.extend(self.wallets(&venues.held));
        told.extend(whole(&venues.held));
        told.sort_by_key(|(order, ..)| *order);
        for (_, place, text) in told {
            self.errors.add(place, Problem::Conflict(text));
        }
        venues.held.retain(|_, own| !own.is_empty());
        self.venues = venues;
    }

    /// Names of venues that nothing here knows.
    fn judge_names(&mut self) {
        let names = |path: &&str| match self.held.get(*path).map(|held| &held.value) {
            Some(Value::Pairs(names) | Value::Hosts(names)) => Some(names),
            _ => None,
        };
        let known = venue_keys::known(
            ["strategy.pairs", "universe.venues"].iter().filter_map(names).flatten().chain(&self.venues.named),
        );
        for (name, place) in &self.venues.places {
            if !known.contains(name) || Venue::new(name).is_err() {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let problem = Problem::NoVenue { name: shown(name), known: known.join(", ") };
                self.errors.add(place.clone(), problem);
            }
        }
    }

    /// `--set` of a key of all venues wins over what files say of one.
    fn last_word(&mut self) {
        let by_hand = |held: &Held| held.source == Source::Flag;
        let all = &self.held;
        for own in self.venues.held.values_mut() {
            for row in KEYS {
                let Some(said) = general(row).and_then(|path| all.get(path)).filter(|held| by_hand(held)) else {
                    continue;
                };
                if let Some(held) = own.get_mut(row.path).filter(|held| !by_hand(held)) {
                    let over = Some(held.source.clone());
                    *held = Held { over, ..said.clone() };
                }
            }
            let split = all.get("sim.wallets").is_some_and(by_hand) && !all.get("size.per_venue").is_some_and(by_hand);
            if split && own.get(CAPITAL).is_some_and(|held| !by_hand(held)) {
                own.remove(CAPITAL);
            }
            if fee_keys().any(|path| all.get(path).is_some_and(by_hand))
                && own.get(ASK).is_some_and(|held| !by_hand(held))
            {
                own.remove(ASK);
            }
        }
    }

    /// One value with two names in one layer.
    fn two_names(&self, (venue, row): (&str, &'static Key), own: &Held, told: &mut Vec<(usize, Source, String)>) {
        let path = full_path(venue, row);
        let own_words = format!("{path} ({}, {})", row.kind.print(&own.value), own.source);
        let all: Vec<&'static str> =
            if row.path == ASK { fee_keys().collect() } else { general(row).into_iter().collect() };
        for all in all {
            let Some((key, held)) = keys::find(all).zip(self.held.get(all)) else { continue };
            let differs = if row.path == ASK {
                key.parse(key.default).is_ok_and(|usual| usual != held.value)
            } else {
                held.value != own.value
            };
            if differs && same_layer(&held.source, &own.source) {
                let text = format!(
                    "{all} ({}, {}) and {own_words} are two names of one value and differ; keep one of them",
                    key.kind.print(&held.value),
                    held.source
                );
                told.push(later(held, own, text));
            }
        }
    }

    /// Shares of the capital against `sim.wallets`: an equal split is one of equal shares, and one pair of wallets for all venues
    /// has no shares, and none of the other differences between venues.
    fn wallets(&self, venues: &BTreeMap<String, OfVenue>) -> Option<(usize, Source, String)> {
        let split = self.held.get("sim.wallets")?;
        let Value::Word(word) = split.value else { return None };
        let parts = || venues.iter().filter_map(|(name, own)| Some((name, own.get(CAPITAL)?)));
        let pooled = word == "pooled";
        let (name, row, own) = if pooled {
            let rows = KEYS.iter().filter(|row| [CAPITAL, COLLATERAL, LEVERAGE].contains(&row.path));
            let mut set =
                rows.flat_map(|row| venues.iter().filter_map(move |(name, own)| Some((name, row, own.get(row.path)?))));
            set.next()?
        } else {
            let first = parts().next()?;
            let uneven = parts().any(|(_, held)| held.value != first.1.value);
            let (name, held) = parts().find(|(_, held)| uneven && same_layer(&held.source, &split.source))?;
            (name, KEYS.iter().find(|row| row.path == CAPITAL)?, held)
        };
        let why = if pooled {
            "one pair of wallets for all venues has no terms of a venue; take one of them out"
        } else {
            "are two names of one value and differ; keep one of them"
        };
        let text = format!(
            "sim.wallets ({word}, {}) and {} ({}, {}) {}{why}",
            split.source,
            full_path(name, row),
            row.kind.print(&own.value),
            own.source,
            if pooled { "do not go together: " } else { "" }
        );
        Some(later(split, own, text))
    }

    /// The values of all venues as rules between keys look at them: where a venue has a collateral of its own, that rule looks at
    /// each venue by itself, in [`Layers::check_venues`].
    pub(super) fn checked(&self) -> BTreeMap<&'static str, Held> {
        let mut held = self.held.clone();
        if self.venues.held.values().any(|own| own.contains_key(COLLATERAL))
            && let Some(collateral) = held.get_mut("margin.collateral")
        {
            collateral.value = Value::Word("quote");
        }
        held
    }

    /// The rules between keys whose values may differ from venue to venue, for each venue and for the others.
    pub(super) fn check_venues(&mut self) {
        let mut found = ConfigErrors::default();
        let has_own = |venue: &str| self.venues.held.get(venue).is_some_and(|own| own.contains_key(COLLATERAL));
        for (venue, own) in &self.venues.held {
            let mut held = self.held.clone();
            let mut renamed = Vec::new();
            for row in KEYS.iter().filter(|row| [COLLATERAL, LEVERAGE].contains(&row.path)) {
                if let Some((path, value)) = general(row).zip(own.get(row.path)) {
                    held.insert(path, value.clone());
                    renamed.push((format!("{path} ("), format!("{} (", full_path(venue, row))));
                }
            }
            if !renamed.is_empty() && keep_pairs(&mut held, |one| one == venue) {
                let mut errors = ConfigErrors::default();
                checks::of_account(&held, &self.refused, &mut errors);
                for error in errors.errors {
                    found.add(error.place, error.problem.renamed(&renamed));
                }
            }
        }
        let mut others = self.held.clone();
        if self.venues.held.keys().any(|venue| has_own(venue)) && keep_pairs(&mut others, |one| !has_own(one)) {
            checks::of_account(&others, &self.refused, &mut found);
        }
        for error in found.errors {
            if !self.errors.errors.contains(&error) {
                self.errors.add(error.place, error.problem);
            }
        }
    }

    /// Gives the settings, and those of each pair, what venues have otherwise.
    pub(super) fn put_venues(&self, settings: &mut Settings) -> Result<(), assemble::Misfit> {
        let mut all: BTreeMap<Venue, VenueTerms> = BTreeMap::new();
        for (name, own) in &self.venues.held {
            let values = own.iter().map(|(path, held)| (*path, held.value.clone())).collect();
            // A name that is none was refused before.
            if let Ok(venue) = Venue::new(name) {
                all.insert(venue, venue_keys::terms(&values)?);
            }
        }
        settings.change(|one| one.venues.clone_from(&all));
        Ok(())
    }
}

/// Leaves the pairs with a leg at such a venue; false where there is none left to look at.
fn keep_pairs(held: &mut BTreeMap<&'static str, Held>, at: impl Fn(&str) -> bool) -> bool {
    let Some(Held { value: Value::Pairs(names), .. }) = held.get_mut("strategy.pairs") else { return true };
    if names.is_empty() {
        return true;
    }
    names.retain(|name| legs_of_name(name).is_some_and(|legs| legs.iter().any(|leg| at(leg.venue.as_str()))));
    !names.is_empty()
}

fn fee_keys() -> impl Iterator<Item = &'static str> {
    table::KEYS.iter().map(|key| key.path).filter(|path| {
        let market = path.strip_prefix("sim.").map_or("", |rest| rest.split_once('_').map_or("", |(word, _)| word));
        matches!(market, "spot" | "perp") && (path.ends_with("maker") || path.ends_with("taker"))
    })
}

/// Whether two values come from one layer: a file, the environment, or the command line.
fn same_layer(one: &Source, other: &Source) -> bool {
    match (one, other) {
        (Source::File(one, _), Source::File(other, _)) => one == other,
        (Source::Env(_), Source::Env(_)) | (Source::Flag, Source::Flag) => true,
        _ => false,
    }
}

/// A message at the place of the value that was set last: the one to look at first.
fn later(one: &Held, other: &Held, text: String) -> (usize, Source, String) {
    let last = if one.order > other.order { one } else { other };
    (last.order, last.source.clone(), text)
}

/// Shares of one capital are together not more than the whole.
fn whole(venues: &BTreeMap<String, OfVenue>) -> Option<(usize, Source, String)> {
    let row = KEYS.iter().find(|row| row.path == CAPITAL)?;
    let parts: Vec<(&String, &Held)> =
        venues.iter().filter_map(|(name, own)| Some((name, own.get(CAPITAL)?))).collect();
    let sum: i128 = parts.iter().filter_map(|(_, held)| held.value.magnitude()).sum();
    let last = parts.iter().max_by_key(|(_, held)| held.order)?;
    // What one key of all venues says of each is no split.
    let split = parts.iter().any(|(_, held)| held.value != last.1.value || held.source != Source::Flag);
    if sum <= i128::from(Rate::ONE) || !split {
        return None;
    }
    let words: Vec<String> = parts
        .iter()
        .map(|(name, held)| format!("{} ({}, {})", full_path(name, row), row.kind.print(&held.value), held.source))
        .collect();
    let text = format!("{} are shares of one capital and more than 100% together", words.join(" and "));
    Some((last.1.order, last.1.source.clone(), text))
}
