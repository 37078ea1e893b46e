//! Several strategies in one run: each has its pairs, its rules and its part of the capital.
//!
//! A run of one strategy has none of these: its settings are those of the run. Tests: at the end,
//! `tests/commands/strategies.rs`.

use super::keys::{self, Key};
use super::pair_keys;
use super::settings::Settings;
use crate::domain::{Amount, Rate, StrategyId};
use serde::{Deserialize, Serialize};

/// The word before a strategy's name.
const SECTION: &str = "strategies";

/// Keys of a strategy beside those that may differ from pair to pair.
const SINGLE: [&str; 12] = [
    "strategy.kind",
    "strategy.rule",
    "strategy.pairs",
    "strategy.capital",
    "size.share",
    "size.per_coin",
    "size.per_venue",
    "size.per_quote",
    "gates.peg",
    "risk.max_order",
    "risk.max_pair",
    "risk.max_total",
];

/// Whether each of several strategies has its own value of this key; the others are one for the account.
#[must_use]
pub fn is_own(key: &Key) -> bool {
    pair_keys::may_differ(key) || SINGLE.contains(&key.path)
}

/// `strategies."ethena".entry.funding`
pub(super) fn full_path(strategy: &str, key: &str) -> String {
    format!("{SECTION}.\"{strategy}\".{key}")
}

/// Name and key of such a path; `None` when it is of another section.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(SECTION)?.strip_prefix(".\"")?.split_once("\".")
}

/// Which part of the capital a strategy may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capital {
    /// All of it.
    #[default]
    All,
    /// This part.
    Share(Rate),
    /// This much of `run.capital`.
    Amount(Amount),
}

impl Capital {
    /// Whether it is all.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// What part of `run.capital` it is; rounded down, and never more than the whole.
    #[must_use]
    pub fn share_of(self, whole: Amount) -> Rate {
        let one = Rate::from_units(Rate::ONE);
        match self {
            Self::All => one,
            Self::Share(share) => share.min(one),
            Self::Amount(amount) if amount >= whole => one,
            Self::Amount(amount) => {
                // Twelve decimals of the part, so that the product fits.
                let parts = amount.units().max(0).saturating_mul(1_000_000_000_000).div_euclid(whole.units().max(1));
                Rate::from_units(i64::try_from(parts).unwrap_or(0).saturating_mul(Rate::ONE / 1_000_000_000_000))
            }
        }
    }

    /// The money that it is when there is `there` of `whole`: of less than the whole each strategy has its part.
    #[must_use]
    pub fn of(self, (there, whole): (Amount, Amount)) -> Amount {
        match self {
            Self::All => there,
            Self::Amount(amount) if there >= whole => amount.min(there),
            other => there.times_rate(other.share_of(whole)),
        }
    }
}

/// One of several strategies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name: that of its file, without the ending.
    pub name: String,
    /// Its settings; what is one for all strategies is the same in each. Its pairs stand in `strategy.pairs`.
    pub settings: Settings,
}

impl Settings {
    /// The settings of a strategy; those of the run where there is one strategy.
    #[must_use]
    #[inline]
    pub fn of_strategy(&self, id: StrategyId) -> &Self {
        self.strategies.get(id.index()).map_or(self, |part| &part.settings)
    }

    /// The strategy that names a pair. In a run of one strategy it is that one.
    #[must_use]
    pub fn strategy_of(&self, pair: &str) -> StrategyId {
        let named = |part: &Part| part.settings.strategy.pairs.iter().any(|name| name == pair);
        let place = self.strategies.iter().position(named).unwrap_or(0);
        StrategyId(u8::try_from(place).unwrap_or(0))
    }

    /// The settings of a pair whose strategy is known.
    #[must_use]
    #[inline]
    pub fn of_pair_in(&self, id: StrategyId, name: &str) -> &Self {
        // Asked at every decision, and most runs have no pair that differs: no search then.
        let own = if self.pairs.is_empty() { None } else { self.pairs.get(name) };
        own.unwrap_or_else(|| self.of_strategy(id))
    }

    /// Where a key of a pair's strategy stands among all values: its own path, or the plain one.
    #[must_use]
    pub fn path_of(&self, pair: &str, key: &str) -> String {
        let own = keys::find(key).is_some_and(is_own);
        self.strategy_name(pair).filter(|_| own).map_or_else(|| key.to_owned(), |name| full_path(name, key))
    }

    /// The name of the strategy of a pair, where there are several.
    #[must_use]
    pub fn strategy_name(&self, pair: &str) -> Option<&str> {
        self.strategies.get(self.strategy_of(pair).index()).map(|part| part.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_key_of_a_strategy_exists_and_what_is_of_the_account_is_none() {
        for path in SINGLE {
            assert!(keys::find(path).is_some_and(is_own), "{path}");
        }
        for path in ["run.capital", "risk.daily_loss", "risk.foreign", "margin.floor", "size.leverage", "gates.max_age"]
        {
            assert!(!keys::find(path).is_some_and(is_own), "{path}");
        }
        let path = full_path("a.b", "entry.funding");
        assert_eq!((path.as_str(), split(&path)), ("strategies.\"a.b\".entry.funding", Some(("a.b", "entry.funding"))));
        assert_eq!(split("strategy.pairs"), None);
    }

    #[test]
    fn a_part_is_of_what_is_there() {
        let percent = |points: i64| Rate::from_units(points * 10_000_000_000_000_000);
        let whole = Amount::whole(1_000);
        let of = |part: Capital, there: i64| part.of((Amount::whole(there), whole));
        assert_eq!(of(Capital::All, 700), Amount::whole(700));
        assert_eq!(of(Capital::Share(percent(30)), 1_000), Amount::whole(300));
        assert_eq!(of(Capital::Amount(Amount::whole(300)), 1_000), Amount::whole(300));
        // Of half the money each has half of its part, an amount too: none takes what is another one's.
        assert_eq!(of(Capital::Share(percent(30)), 500), Amount::whole(150));
        assert_eq!(of(Capital::Amount(Amount::whole(300)), 500), Amount::whole(150));
        assert_eq!(of(Capital::Amount(Amount::whole(3_000)), 500), Amount::whole(500));
        let third = Capital::Amount(Amount::whole(1)).share_of(Amount::whole(3));
        assert!(third.times(3) <= Rate::from_units(Rate::ONE), "rounded down");
    }
}
