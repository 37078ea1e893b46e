//! Values that are lists: hosts, names, pairs, and which market prices another one. Each item once, in the order written.
//!
//! Tests: at the end of `units.rs`, `tests/suite/config.rs`.

use super::kind::Kind;
use super::units::{UnitError, Value};
use crate::domain::Venue;
use crate::domain::pair_name::legs_of_name;

/// As they stand in the `Host` line of a request, in lower case.
pub(super) fn hosts(names: Vec<String>) -> Result<Value, UnitError> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
    for (place, name) in names.iter().enumerate() {
        if !(1..=255).contains(&name.len()) || !name.bytes().all(letter) {
            return Err(UnitError::Form(Kind::Hosts.name()));
        }
        if names.iter().take(place).any(|known| known == name) {
            return Err(UnitError::Twice(name.clone()));
        }
    }
    Ok(Value::Hosts(names))
}

/// Names of venues, coins or pairs, each once.
pub(super) fn names(names: Vec<String>) -> Result<Value, UnitError> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    for (place, name) in names.iter().enumerate() {
        if !(1..=60).contains(&name.len()) || !name.bytes().all(letter) {
            return Err(UnitError::Form(Kind::Names.name()));
        }
        if names.iter().take(place).any(|known| known == name) {
            return Err(UnitError::Twice(name.clone()));
        }
    }
    Ok(Value::Hosts(names))
}

/// The word for the pairs that `[universe]` admits.
pub(super) const AUTO: &str = "auto";

/// Names of pairs, each once, or the one word that stands for those of `[universe]`.
pub(super) fn pairs(names: Vec<String>) -> Result<Value, UnitError> {
    if names == [AUTO] {
        return Ok(Value::Pairs(names));
    }
    let mut seen = std::collections::BTreeSet::new();
    for name in &names {
        if legs_of_name(name).is_none() {
            return Err(UnitError::Form(Kind::Pairs.name()));
        }
        if !seen.insert(name.as_str()) {
            return Err(UnitError::Twice(name.clone()));
        }
    }
    Ok(Value::Pairs(names))
}

/// Each market at most once, by another one: `hyperliquid-perp=binance-perp`.
pub(super) fn prices(items: Vec<String>) -> Result<Value, UnitError> {
    let form = || UnitError::Form(Kind::Prices.name());
    let is_market = |text: &str| {
        let split = text.rsplit_once('-').filter(|(_, word)| matches!(*word, "spot" | "perp"));
        split.is_some_and(|(venue, _)| Venue::new(venue).is_ok())
    };
    let mut seen = std::collections::BTreeSet::new();
    for item in &items {
        let (market, by) = item.split_once('=').ok_or_else(form)?;
        if !is_market(market) || !is_market(by) || market == by {
            return Err(form());
        }
        if !seen.insert(market) {
            return Err(UnitError::Twice(market.to_owned()));
        }
    }
    Ok(Value::Pairs(items))
}
