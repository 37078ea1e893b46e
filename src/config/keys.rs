//! What is known of every key: kind, default, range, meaning and reason, and the nearest key to a name that is not one.
//!
//! The rows stand in `table.rs`. The defaults, the errors, `carry check`, the presets' comments and the table of
//! `strategies/README.md` all come from here, so they cannot disagree. Tests: at the end of this file and
//! `tests/suite/config.rs`.

use super::kind::Kind;
use super::table::KEYS;
use super::units::{Raw, UnitError, Value};
use std::fmt::Write as _;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.name`.
    pub path: &'static str,
    /// How its value is written.
    pub kind: Kind,
    /// The built-in value.
    pub default: &'static str,
    /// Whether `"off"` is a value.
    pub optional: bool,
    /// Lowest and highest value; the lowest may start with `>`: then it is itself outside.
    pub range: Option<(&'static str, &'static str)>,
    /// What it sets, in one line.
    pub meaning: &'static str,
    /// Why the default and the range are what they are.
    pub reason: &'static str,
    /// Which way of changing it loosens risk, where a running session takes a new value; absent where that needs a restart.
    pub reload: Option<Looser>,
}

/// Which change of a value lets more risk in. `"off"` is looser than any value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looser {
    /// A higher value, or a later word of its kind.
    Higher,
    /// A lower value, or `false`.
    Lower,
    /// Each change: it may be looser or not, which nobody can say from the value alone.
    Any,
}

/// Why a value is not accepted for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be read as its kind.
    Unit(UnitError),
    /// It is outside of the key's range.
    OutOfRange,
}

impl Key {
    /// The same key for a running session to take: `looser` is the change that needs a person's consent.
    #[must_use]
    pub const fn reloads(mut self, looser: Looser) -> Self {
        self.reload = Some(looser);
        self
    }

    /// What a reload does with it, for the table of keys.
    #[must_use]
    pub const fn reload_words(&self) -> &'static str {
        match self.reload {
            None => "restart",
            Some(Looser::Higher) => "yes; higher is looser",
            Some(Looser::Lower) => "yes; lower is looser",
            Some(Looser::Any) => "yes; each change needs consent",
        }
    }

    /// Whether going from one value to another lets more risk in. What cannot be compared does.
    #[must_use]
    pub fn loosens(&self, old: &Value, new: &Value) -> bool {
        if old == new {
            return false;
        }
        if let (Value::Money(old), Value::Money(new)) = (old, new)
            && old.asset != new.asset
        {
            return true;
        }
        match (self.rank(old), self.rank(new)) {
            _ if self.reload == Some(Looser::Any) => true,
            (Some(old), Some(new)) if self.reload == Some(Looser::Higher) => new > old,
            (Some(old), Some(new)) if self.reload == Some(Looser::Lower) => new < old,
            _ => true,
        }
    }

    /// The place of a value among those of its kind, off included; `None` where they have no order.
    fn rank(&self, value: &Value) -> Option<i128> {
        match (value, self.kind) {
            (Value::Off, _) => Some(if self.reload == Some(Looser::Lower) { i128::MIN } else { i128::MAX }),
            (Value::Switch(on), _) => Some(i128::from(*on)),
            (Value::Word(word), Kind::Word(words)) => i128::try_from(words.iter().position(|one| one == word)?).ok(),
            _ => value.magnitude(),
        }
    }

    /// The value of a text without TOML's types.
    ///
    /// # Errors
    /// [`Refused`] says why the value is not accepted.
    pub fn parse(&self, text: &str) -> Result<Value, Refused> {
        self.read(&Raw::Loose(text.to_owned()))
    }

    /// The value of what a file holds, inside the key's range.
    ///
    /// # Errors
    /// [`Refused`] says why the value is not accepted.
    pub fn read(&self, raw: &Raw) -> Result<Value, Refused> {
        if let Raw::Text(text) | Raw::Loose(text) = raw
            && self.optional
            && text == "off"
        {
            return Ok(Value::Off);
        }
        match self.kind.read(raw) {
            Ok(value) if self.allows(&value) => Ok(value),
            Ok(_) => Err(Refused::OutOfRange),
            Err(UnitError::TooLarge) if self.range.is_some() => Err(Refused::OutOfRange),
            Err(error) => Err(Refused::Unit(error)),
        }
    }

    /// The range in words, where there is one.
    #[must_use]
    pub fn range_words(&self) -> Option<String> {
        self.range.map(|(low, high)| match low.strip_prefix('>') {
            Some(low) => format!("more than {low}, at most {high}"),
            None => format!("{low} to {high}"),
        })
    }

    /// What was expected, with an example.
    #[must_use]
    pub fn expected(&self) -> String {
        let off = if self.optional { ", or \"off\"" } else { "" };
        format!("{}{off}", self.kind.expected())
    }

    /// The section.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(section, _)| section)
    }

    fn allows(&self, value: &Value) -> bool {
        let Some((low, high)) = self.range else { return true };
        let bound = |text: &str| self.kind.parse(text).ok().and_then(|value| value.magnitude());
        let (open, low) = low.strip_prefix('>').map_or((false, low), |low| (true, low));
        match (value.magnitude(), bound(low), bound(high)) {
            (Some(value), Some(low), Some(high)) => value <= high && (value > low || value == low && !open),
            _ => false,
        }
    }
}

/// The key of a path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Names of the sections, in the order of the table.
#[must_use]
pub fn sections() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KEYS.iter().map(Key::section).collect();
    names.dedup();
    names
}

/// Names longer than this are compared by their beginning; no key is as long.
const LONGEST: usize = 48;
/// Below this likeness a suggestion would mislead.
const LIKENESS: f64 = 0.55;

/// The key that a wrong path most likely meant: alike as a whole, or the same name in another section.
#[must_use]
pub fn nearest(path: &str) -> Option<&'static str> {
    let path: String = path.to_lowercase().chars().take(LONGEST).collect();
    let name = path.rsplit_once('.').map_or(path.as_str(), |(_, name)| name);
    let score = |key: &Key| {
        let whole = strsim::normalized_damerau_levenshtein(&path, key.path);
        let last = key.path.rsplit_once('.').map_or(key.path, |(_, last)| last);
        // The name alone counts a little less, so that the given section decides between two equal names.
        whole.max(0.95 * strsim::normalized_damerau_levenshtein(name, last))
    };
    best(KEYS.iter().map(|key| (score(key), key.path)))
}

/// The section that a wrong section most likely meant.
#[must_use]
pub fn nearest_section(name: &str) -> Option<&'static str> {
    let name: String = name.to_lowercase().chars().take(LONGEST).collect();
    let all = sections().into_iter().chain([super::pair_keys::SECTION, super::venue_keys::SECTION]);
    best(all.map(|known| (strsim::normalized_damerau_levenshtein(&name, known), known)))
}

fn best(scored: impl Iterator<Item = (f64, &'static str)>) -> Option<&'static str> {
    // The first of equals wins, which is the order of the table.
    let top = scored.fold((0.0, None), |top, (score, name)| if score > top.0 { (score, Some(name)) } else { top });
    if top.0 >= LIKENESS { top.1 } else { None }
}

/// The table of every key as Markdown, as it stands in `strategies/README.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out =
        String::from("| key | unit | range | default | meaning | reason | reload |\n|---|---|---|---|---|---|---|\n");
    for key in KEYS.iter().chain(super::venue_keys::KEYS) {
        let range = key.range_words().unwrap_or_else(|| "-".to_owned());
        let off = if key.optional { ", or `off`" } else { "" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {range}{off} | `{}` | {} | {} | {} |",
            key.path,
            key.kind.unit(),
            key.default,
            key.meaning,
            key.reason,
            key.reload_words()
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h02_every_default_is_inside_its_range_and_canonical() {
        for key in KEYS {
            let value = key.parse(key.default).unwrap_or_else(|error| panic!("{}: {error:?}", key.path));
            assert_eq!(key.kind.print(&value), key.default, "{}", key.path);
        }
    }

    #[test]
    fn h02_every_range_can_be_read_and_is_not_empty() {
        for key in KEYS {
            let Some((low, high)) = key.range else {
                assert!(
                    matches!(
                        key.kind,
                        Kind::Word(_)
                            | Kind::Switch
                            | Kind::Pairs
                            | Kind::Multiples
                            | Kind::Prices
                            | Kind::Path
                            | Kind::Socket
                            | Kind::Hosts
                            | Kind::Names
                            | Kind::Part
                    ),
                    "{} has no range",
                    key.path
                );
                continue;
            };
            let bound = |text: &str| key.kind.parse(text.trim_start_matches('>')).unwrap().magnitude().unwrap();
            assert!(bound(low) < bound(high), "{}", key.path);
            assert!(key.parse(high).is_ok(), "{}", key.path);
            assert_eq!(key.parse(low.trim_start_matches('>')).is_ok(), !low.starts_with('>'), "{}", key.path);
        }
    }

    #[test]
    fn every_key_is_there_once_and_says_what_and_why() {
        for (place, key) in KEYS.iter().enumerate() {
            assert!(KEYS.iter().skip(place + 1).all(|other| other.path != key.path), "{} twice", key.path);
            assert!(key.meaning.len() > 10 && key.reason.len() > 10, "{}", key.path);
            assert!(!key.meaning.contains('|') && !key.reason.contains('|'), "{} would break a table", key.path);
        }
        let sections = sections();
        let mut unique = sections.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), sections.len(), "a section's keys stand together");
    }

    #[test]
    fn a_change_that_lets_more_risk_in_is_known_by_its_direction() {
        let check = |path: &str, old: &str, new: &str, loosens: bool| {
            let key = find(path).unwrap();
            let value = |text: &str| key.parse(text).unwrap();
            assert_eq!(key.loosens(&value(old), &value(new)), loosens, "{path} {old} {new}");
        };
        check("risk.max_pair", "500usd", "400usd", false);
        check("risk.max_pair", "500usd", "600usd", true);
        check("risk.max_pair", "500usd", "500usd", false);
        check("risk.max_pair", "500usd", "400usdc", true);
        check("execution.collar", "50bps", "60bps", true);
        check("entry.funding", "0.01%/8h", "0.02%/8h", false);
        check("entry.funding", "0.01%/8h", "0.01%/4h", false);
        check("entry.funding", "0.01%/4h", "0.01%/8h", true);
        check("entry.basis", "off", "5bps", false);
        check("entry.basis", "5bps", "off", true);
        check("gates.quadrant", "true", "false", true);
        check("gates.quadrant", "false", "true", false);
        check("gates.missing", "refuse", "warn", true);
        check("gates.missing", "warn", "refuse", false);
        check("exit.funding", "0.002%/8h", "0.001%/8h", true);
        check("exit.funding", "0.002%/8h", "0.003%/8h", true);
    }

    #[test]
    fn h01_the_nearest_key_is_found() {
        for (given, expected) in [
            ("entry.fundng", Some("entry.funding")),
            ("risk.max_ordr", Some("risk.max_order")),
            ("entry.min_hold", Some("exit.min_hold")),
            ("margin.topup", Some("margin.top_up")),
            ("ENTRY.FUNDING", Some("entry.funding")),
            ("leverage", Some("size.leverage")),
            ("entry.zzzzzzzzzz", None),
        ] {
            assert_eq!(nearest(given), expected, "{given}");
        }
        assert_eq!(nearest_section("entri"), Some("entry"));
        assert_eq!(nearest_section("venue"), Some("venues"));
        assert_eq!(nearest_section("zzzzzz"), None);
        assert_eq!(nearest(&"x".repeat(1_000_000)), None);
    }
}
