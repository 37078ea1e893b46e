//! Keys of one pair: what stands below `[pairs."binance:BTCUSDT".entry]` holds for that pair alone, over what holds for all.
//!
//! Which keys may differ: those that say when, how much and how one pair is traded. What belongs to an account, to all money
//! or to the time after an order was sent is one for all. Tests: `tests/suite/pair_keys.rs`.

use super::keys::Key;
use super::kind::Kind;
use super::settings::Settings;
use crate::domain::Span;

/// Sections of which every key may differ from pair to pair.
const SECTIONS: [&str; 4] = ["signal", "entry", "exit", "confirm"];

/// Single keys of other sections that may.
const SINGLE: [&str; 15] = [
    "size.per_pair",
    "size.depth_share",
    "size.oi_share",
    "size.quantity",
    "gates.guard",
    "gates.adl_rank",
    "gates.delist_lead",
    "gates.min_depth",
    "gates.quadrant",
    "execution.first",
    "execution.style",
    "execution.maker_deadline",
    "execution.collar",
    "execution.reduce_collar",
    "execution.clip",
];

/// The word before the pair's name.
pub(super) const SECTION: &str = "pairs";

/// Whether a pair may have its own value of this key.
#[must_use]
pub fn may_differ(key: &Key) -> bool {
    SECTIONS.contains(&key.section()) || SINGLE.contains(&key.path)
}

/// A path below `pairs`, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PairPath<'a> {
    /// `binance:BTCUSDT`.
    pub(super) pair: &'a str,
    /// `entry.funding`; empty where the path ends with the pair's name.
    pub(super) key: &'a str,
}

/// The parts of `pairs.NAME.section.key`; the name may stand in quotes, as a TOML file has it. `None` when the path is of
/// another section.
pub(super) fn split(path: &str) -> Option<PairPath<'_>> {
    let rest = path.strip_prefix(SECTION)?.strip_prefix('.')?;
    // A pair's name has a colon and no dot.
    let (pair, key) = match rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((pair, key)) => (pair, key.strip_prefix('.').unwrap_or(key)),
        None => rest.split_once('.').unwrap_or((rest, "")),
    };
    Some(PairPath { pair, key })
}

impl Settings {
    /// The settings that hold for a pair.
    #[must_use]
    pub fn of_pair(&self, name: &str) -> &Self {
        self.of_pair_in(self.strategy_of(name), name)
    }

    /// The same change to what holds for all, to what strategies and to what single pairs have otherwise.
    pub fn change(&mut self, mut change: impl FnMut(&mut Self)) {
        let mut pairs = std::mem::take(&mut self.pairs);
        let mut strategies = std::mem::take(&mut self.strategies);
        change(self);
        strategies.iter_mut().map(|part| &mut part.settings).for_each(&mut change);
        pairs.values_mut().for_each(&mut change);
        (self.pairs, self.strategies) = (pairs, strategies);
    }

    /// The longest `signal.memory` of all pairs.
    #[must_use]
    pub fn longest_memory(&self) -> Span {
        let parts = self.strategies.iter().map(|part| part.settings.signal.memory);
        let own = self.pairs.values().map(|own| own.signal.memory);
        own.chain(parts).fold(self.signal.memory, Span::max)
    }

    /// A pair with settings of its own that is not among the traded ones; none is missed while `traded` is empty.
    #[must_use]
    pub fn stray_pair(&self, traded: &[String]) -> Option<&str> {
        let stray = |name: &&String| !traded.is_empty() && !traded.contains(name);
        self.pairs.keys().find(stray).map(String::as_str)
    }
}

/// Whether a text is the name of a pair.
pub(super) fn is_pair(name: &str) -> bool {
    Kind::Pairs.parse(name).is_ok_and(|value| matches!(value, super::units::Value::Pairs(names) if names.len() == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_pair_comes_apart() {
        let of = |pair, key| Some(PairPath { pair, key });
        for (path, expected) in [
            ("pairs.binance:BTCUSDT.entry.funding", of("binance:BTCUSDT", "entry.funding")),
            ("pairs.\"binance:BTCUSDT\".entry.funding", of("binance:BTCUSDT", "entry.funding")),
            ("pairs.binance:BTCUSDT", of("binance:BTCUSDT", "")),
            ("pairs.\"binance:BTCUSDT", of("\"binance:BTCUSDT", "")),
            ("pairs", None),
            ("pairsx.a.b", None),
            ("entry.funding", None),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }

    #[test]
    fn every_single_key_that_may_differ_exists() {
        for path in SINGLE {
            assert!(super::super::keys::find(path).is_some_and(may_differ), "{path}");
        }
        for path in ["run.capital", "risk.max_order", "margin.floor", "size.leverage", "execution.hedge_time"] {
            assert!(!super::super::keys::find(path).is_some_and(may_differ), "{path}");
        }
    }
}
