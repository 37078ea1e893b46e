//! Rules between two keys, checked after all layers are merged. Each message names both keys, their values and sources.
//!
//! What one key may hold by itself is its range in `table.rs`. Tests: `tests/suite/config.rs` has a row for each rule.

use super::error::{ConfigErrors, Problem, Source};
use super::keys;
use super::lists::AUTO;
use super::load::Held;
use super::units::Value;
use crate::domain::pair_name::legs_of_name;
use crate::domain::text::{coin_of, split_symbol};
use crate::domain::{Asset, Market, Rate};
use std::collections::{BTreeMap, BTreeSet};

/// How the left key must stand to the right one.
#[derive(Clone, Copy)]
enum Must {
    Below,
    AtMost,
}

/// Left, relation, right, and why.
const ORDERED: &[(&str, Must, &str, &str)] = &[
    ("signal.smooth", Must::AtMost, "signal.memory", "an average cannot look back further than what is remembered"),
    ("execution.collar", Must::AtMost, "execution.reduce_collar", "getting out must not be harder than getting in"),
    ("execution.clip", Must::AtMost, "risk.max_order", "else every clip would be refused"),
    (
        "execution.probe_every",
        Must::Below,
        "execution.absent_after",
        "an order is asked for again before it is called absent",
    ),
    ("risk.max_order", Must::AtMost, "risk.max_pair", "an order belongs to a pair"),
    ("risk.max_pair", Must::AtMost, "risk.max_total", "a pair is part of the total"),
    ("margin.floor", Must::Below, "margin.top_up", "money is moved before legs shrink"),
    ("margin.top_up", Must::Below, "margin.target", "a top-up must lead out of its own range"),
    ("margin.top_up", Must::AtMost, "margin.warn", "the warning comes before the act"),
    ("margin.warn", Must::AtMost, "margin.target", "else it would still warn after a top-up"),
];

/// Adds an error for each rule that is broken; a rule about a refused value waits until that is mended.
pub(super) fn check(held: &BTreeMap<&'static str, Held>, refused: &BTreeSet<&'static str>, errors: &mut ConfigErrors) {
    let mut rules = Rules { held, refused, errors };
    for (left, must, right, why) in ORDERED {
        rules.ordered((left, right), *must, why);
    }
    rules.hysteresis();
    rules.basis();
    rules.leverage();
    rules.currency();
    rules.part();
    rules.coin();
    rules.collateral();
    rules.isolated();
    rules.both_ways();
    rules.maker();
    rules.silence();
    rules.ladder();
    rules.kind();
}

/// The rules about what one account has otherwise than another: leverage and collateral.
pub(super) fn of_account(
    held: &BTreeMap<&'static str, Held>,
    refused: &BTreeSet<&'static str>,
    errors: &mut ConfigErrors,
) {
    let mut rules = Rules { held, refused, errors };
    rules.leverage();
    rules.collateral();
}

/// The rules about pairs beside each other, whatever strategy they belong to.
pub(super) fn of_all_pairs(
    held: &BTreeMap<&'static str, Held>,
    refused: &BTreeSet<&'static str>,
    errors: &mut ConfigErrors,
) {
    let mut rules = Rules { held, refused, errors };
    rules.isolated();
    rules.both_ways();
}

struct Rules<'a> {
    held: &'a BTreeMap<&'static str, Held>,
    refused: &'a BTreeSet<&'static str>,
    errors: &'a mut ConfigErrors,
}

impl Rules<'_> {
    fn value(&self, path: &str) -> Option<&Value> {
        if self.refused.contains(path) { None } else { self.held.get(path).map(|held| &held.value) }
    }

    fn magnitude(&self, path: &str) -> Option<i128> {
        self.value(path)?.magnitude()
    }

    /// `margin.floor (25%, default)`
    fn named(&self, path: &str) -> String {
        match (keys::find(path), self.held.get(path)) {
            (Some(key), Some(held)) => format!("{path} ({}, {})", key.kind.print(&held.value), held.source),
            _ => path.to_owned(),
        }
    }

    /// The place is that of the key which was set last: the one to look at first.
    fn conflict(&mut self, paths: &[&str], text: String) {
        let last = paths.iter().filter_map(|path| self.held.get(path)).max_by_key(|held| held.order);
        let place = last.map_or(Source::Default, |held| held.source.clone());
        self.errors.add(place, Problem::Conflict(text));
    }

    fn ordered(&mut self, (left, right): (&str, &str), must: Must, why: &str) {
        let (Some(low), Some(high)) = (self.magnitude(left), self.magnitude(right)) else { return };
        let (holds, word) = match must {
            Must::Below => (low < high, "below"),
            Must::AtMost => (low <= high, "at most"),
        };
        if !holds {
            self.conflict(&[left, right], format!("{} must be {word} {}: {why}", self.named(left), self.named(right)));
        }
    }

    fn hysteresis(&mut self) {
        let paths = ["exit.funding", "entry.funding", "entry.margin"];
        let [Some(exit), Some(entry), Some(margin)] = paths.map(|path| self.magnitude(path)) else { return };
        if exit > entry.saturating_add(margin) {
            let text = format!(
                "{} must be at most {} plus {}: else a pair is closed as soon as it is opened",
                self.named(paths[0]),
                self.named(paths[1]),
                self.named(paths[2])
            );
            self.conflict(&paths, text);
        }
    }

    fn basis(&mut self) {
        let paths = ["exit.basis", "entry.basis"];
        let [Some(exit), Some(entry)] = paths.map(|path| self.magnitude(path)) else { return };
        if exit > entry && self.value("exit.when") == Some(&Value::Word("any")) {
            let text = format!(
                "{} must be at most {} while {}: else a pair is closed as soon as it is opened",
                self.named(paths[0]),
                self.named(paths[1]),
                self.named("exit.when")
            );
            self.conflict(&paths, text);
        }
    }

    /// At leverage L the mark may rise by about 1/L before liquidation, so that is the distance right after an entry.
    fn leverage(&mut self) {
        let paths = ["margin.top_up", "size.leverage"];
        let [Some(top_up), Some(leverage)] = paths.map(|path| self.magnitude(path)) else { return };
        let one = i128::from(Rate::ONE);
        let on = self.value("margin.autopilot") == Some(&Value::Switch(true));
        if on && top_up.saturating_mul(leverage) >= one * one {
            let text = format!(
                "{} must be below 1 / {}: the distance to liquidation right after an entry",
                self.named(paths[0]),
                self.named(paths[1])
            );
            self.conflict(&paths, text);
        }
    }

    /// Limits are in the reporting coin: `usd` says so, another coin's name says something else than what is done.
    fn currency(&mut self) {
        let Some(Value::Money(capital)) = self.value("run.capital") else { return };
        let currency = capital.asset;
        let other = |path: &&'static str| match self.value(path) {
            Some(Value::Money(money)) => money.asset != currency && money.asset.as_str() != "USD",
            _ => false,
        };
        let wrong: Vec<&'static str> = self.held.keys().copied().filter(other).collect();
        for path in wrong {
            let text = format!("{} must be in usd or in the coin of {}", self.named(path), self.named("run.capital"));
            self.conflict(&[path, "run.capital"], text);
        }
    }

    /// A strategy has no more than there is.
    fn part(&mut self) {
        let paths = ["strategy.capital", "run.capital"];
        if let [Some(Value::Money(part)), Some(Value::Money(whole))] = paths.map(|path| self.value(path))
            && part.amount > whole.amount
        {
            let text = format!("{} must be at most {}", self.named(paths[0]), self.named(paths[1]));
            self.conflict(&paths, text);
        }
    }

    /// Coins margin shorts in cross mode alone, and one coin's collateral counts for one short, in one quote coin.
    fn collateral(&mut self) {
        if !matches!(self.value("margin.collateral"), Some(Value::Word("coin" | "unified"))) {
            return;
        }
        if self.value("margin.mode") == Some(&Value::Word("isolated")) {
            let text = format!(
                "{} needs margin.mode = \"cross\", not {}: an isolated position takes no other collateral",
                self.named("margin.collateral"),
                self.named("margin.mode")
            );
            self.conflict(&["margin.collateral", "margin.mode"], text);
        }
        let Some(Value::Pairs(names)) = self.value("strategy.pairs") else { return };
        if let Some(name) = names.iter().find(|name| name.contains('/')) {
            let text = format!(
                "{} margins a short with coins of its own venue, not {name} of strategy.pairs",
                self.named("margin.collateral")
            );
            return self.conflict(&["margin.collateral", "strategy.pairs"], text);
        }
        let split = |name: &String| {
            let (venue, symbol) = name.split_once(':')?;
            let (coin, quote) = split_symbol(symbol)?;
            Some((venue.to_owned(), coin, quote))
        };
        let rows: Vec<(String, Asset, Asset)> = names.iter().filter_map(split).collect();
        let clash = rows.iter().enumerate().find_map(|(place, row)| {
            let before =
                rows.iter().take(place).find(|other| other.0 == row.0 && (other.1 == row.1 || other.2 != row.2));
            before.map(|before| format!("{}:{}{} and {}:{}{}", before.0, before.1, before.2, row.0, row.1, row.2))
        });
        if let Some(clash) = clash {
            let text = format!(
                "{} takes pairs of one quote coin and of different coins at a venue, not {clash} of strategy.pairs: a coin \
                 would be counted twice",
                self.named("margin.collateral")
            );
            self.conflict(&["margin.collateral", "strategy.pairs"], text);
        }
    }

    /// The margin of an isolated position is watched where it is a short.
    fn isolated(&mut self) {
        let Some(Value::Pairs(names)) = self.value("strategy.pairs") else { return };
        let spread = names.iter().find(|name| legs_of_name(name).is_some_and(|[long, _]| long.market == Market::Perp));
        if self.value("margin.mode") == Some(&Value::Word("isolated"))
            && let Some(name) = spread
        {
            let text = format!(
                "{} does not go with {name} of strategy.pairs: a long perp needs cross",
                self.named("margin.mode")
            );
            self.conflict(&["margin.mode", "strategy.pairs"], text);
        }
    }

    /// One account has one position in a perp: what one pair holds long and another short would cancel out there, and neither
    /// could be reduced.
    fn both_ways(&mut self) {
        let Some(Value::Pairs(names)) = self.value("strategy.pairs") else { return };
        let legs: Vec<_> = names.iter().filter_map(|name| Some((name, legs_of_name(name)?))).collect();
        let clash = legs.iter().find_map(|(name, [long, _])| {
            let other = legs.iter().find(|(_, [_, short])| long.market == Market::Perp && short == long)?;
            Some((*name, other.0, *long))
        });
        if let Some((long, short, leg)) = clash {
            let text = format!(
                "strategy.pairs lists {long} and {short}: the one is long and the other short of {leg}, which is one position \
                 at the venue, so neither could be reduced"
            );
            self.conflict(&["strategy.pairs"], text);
        }
    }

    /// What rests at a venue must be cancelled by the venue when we are gone, and no spot market does that.
    fn maker(&mut self) {
        let is = |path: &str, word: &'static str| self.value(path) == Some(&Value::Word(word));
        if !is("run.mode", "live") || !is("execution.style", "maker") || is("execution.first", "perp") {
            return;
        }
        let text = format!(
            "{} with {} needs execution.first = \"perp\", not {}: no venue cancels resting spot orders for a session that is gone",
            self.named("run.mode"),
            self.named("execution.style"),
            self.named("execution.first")
        );
        self.conflict(&["run.mode", "execution.style", "execution.first"], text);
    }

    /// Hours have a beginning and an end, and are not none of the day, which could as well mean all of it.
    fn silence(&mut self) {
        let paths = ["alarm.silent_from", "alarm.silent_to"];
        if let [Some(from), Some(to)] = paths.map(|path| self.magnitude(path))
            && from == to
        {
            let text = format!(
                "{} and {} are the same time: expected two different ones, or off for both",
                self.named(paths[0]),
                self.named(paths[1])
            );
            self.conflict(&paths, text);
        }
        let set = paths.map(|path| self.value(path).map(|value| *value != Value::Off));
        if let [Some(from), Some(to)] = set
            && from != to
        {
            let text =
                format!("{} and {} belong together: set both or none", self.named(paths[0]), self.named(paths[1]));
            self.conflict(&paths, text);
        }
    }

    /// A strategy and its pairs are of one kind. With `basis` a pair of two perps is decided by the difference of its fundings, as
    /// its name says.
    fn kind(&mut self) {
        const SPREAD: &str = "two perps, the long leg first, for example binance-perp:BTCUSDT/hyperliquid-perp:BTC";
        let (Some(Value::Word(kind)), Some(Value::Pairs(names))) =
            (self.value("strategy.kind"), self.value("strategy.pairs"))
        else {
            return;
        };
        let is_spread = |name: &str| legs_of_name(name).is_some_and(|[long, _]| long.market == Market::Perp);
        let wrong = match *kind {
            "spread" if names.is_empty() || *names == [AUTO] => Some(format!(
                "trades pairs that are named, and strategy.pairs is {}; expected {SPREAD}",
                if names.is_empty() { "empty" } else { "\"auto\"" }
            )),
            "spread" => names.iter().find(|name| !is_spread(name)).map(|name| {
                format!(
                    "trades two perps, and {name} of strategy.pairs is spot and perp; expected {SPREAD}, or strategy.kind = \"basis\""
                )
            }),
            "ladder" => names.iter().find(|name| is_spread(name)).map(|name| {
                format!(
                    "forecasts the funding of a short beside spot, and {name} of strategy.pairs is two perps; expected spot and perp, \
                     for example binance:BTCUSDT, or strategy.kind = \"spread\""
                )
            }),
            _ => None,
        };
        if let Some(wrong) = wrong {
            let text = format!("{} {wrong}", self.named("strategy.kind"));
            self.conflict(&["strategy.kind", "strategy.pairs"], text);
        }
    }

    /// The ladder's forecast is made of the funding of 30 days.
    fn ladder(&mut self) {
        const MONTH: i128 = 30 * 86_400_000;
        if self.value("strategy.kind") != Some(&Value::Word("ladder")) {
            return;
        }
        if self.magnitude("signal.memory").is_some_and(|memory| memory < MONTH) {
            let text = format!(
                "{} needs signal.memory of at least 30d, not {}: it forecasts the coming month from the last one",
                self.named("strategy.kind"),
                self.named("signal.memory")
            );
            self.conflict(&["strategy.kind", "signal.memory"], text);
        }
    }

    /// One BTC is not one ETH: a fixed quantity fits pairs of its coin only.
    fn coin(&mut self) {
        let Some(Value::Quantity(_, coin)) = self.value("size.quantity") else { return };
        let Some(Value::Pairs(names)) = self.value("strategy.pairs") else { return };
        let other = |name: &&String| {
            let Some([long, _]) = legs_of_name(name) else { return false };
            // Hyperliquid names the coin alone.
            coin_of(long.symbol) != Some(*coin)
        };
        let Some(name) = names.iter().find(other) else { return };
        let text = format!("{} is in another coin than {name} of strategy.pairs", self.named("size.quantity"));
        self.conflict(&["size.quantity", "strategy.pairs"], text);
    }
}
