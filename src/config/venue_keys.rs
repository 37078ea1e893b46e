//! The keys of `[venues.NAME]`: the rows of the table, and the parts of a path.
//!
//! Each row stands for a key of all venues, which keeps its meaning where a venue has no value of its own. Tests: at the end,
//! `tests/suite/venue_keys.rs`.

use super::assemble::{Field, Misfit};
use super::keys::Key;
use super::kind::Kind;
use super::units::Value;
use super::venues::{VenueFees, VenueTerms};
use crate::domain::pair_name::legs_of_name;
use std::collections::{BTreeMap, BTreeSet};

/// The word before the venue's name.
pub(super) const SECTION: &str = "venues";

/// How the paths of the rows begin.
const BEFORE: &str = "venues.NAME.";

/// Venues that this program knows without a pair that names them: those it trades at, those of the generated market, and those
/// whose fees and symbols it knows. A further one is known by a pair of it.
const KNOWN: [&str; 10] =
    ["alpha", "aster", "aster-testnet", "aster-v1", "binance", "binance-demo", "bybit", "hyper", "hyperliquid", "okx"];

/// Those, and the ones that are named themselves or by a leg of a pair.
#[must_use]
pub fn known<'a>(named: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = KNOWN.iter().map(|name| (*name).to_owned()).collect();
    for name in named {
        match legs_of_name(name) {
            Some(legs) => known.extend(legs.map(|leg| leg.venue.to_string())),
            None if name.contains(':') => {}
            None => known.extend([name.clone()]),
        }
    }
    known
}

const fn row(
    path: &'static str,
    (kind, general): (Kind, &'static str),
    range: Option<(&'static str, &'static str)>,
    meaning: &'static str,
    reason: &'static str,
) -> Key {
    Key { path, kind, default: general, optional: false, range, meaning, reason, reload: None }
}

const FEE: Option<(&str, &str)> = Some(("-10bps", "100bps"));

/// Every key of a venue. The default is the key of all venues that holds where a venue has no value; `-` where there is none.
pub const KEYS: &[Key] = &[
    row(
        "venues.NAME.key",
        (Kind::KeyName, "-"),
        None,
        "name of the stored key that signs there, as in carry keys list; --key wins",
        "a run over two venues has a key of each; the secret itself never stands in a file like this one",
    ),
    row(
        "venues.NAME.collateral",
        (Kind::Word(&["quote", "coin", "unified"]), "margin.collateral"),
        None,
        "what margins the shorts of this venue",
        "not every venue takes coins as collateral",
    ),
    row(
        "venues.NAME.leverage",
        (Kind::Leverage, "size.leverage"),
        Some(("0.1x", "3x")),
        "notional of the perps of this venue over their margin",
        "a venue with a far liquidation carries more, and no money moves between venues",
    ),
    row(
        "venues.NAME.capital",
        (Kind::Share, "size.per_venue"),
        Some((">0%", "100%")),
        "share of the capital that lies at this venue in a simulation, and the most that may be at work there; venues without \
         one share the rest equally",
        "a venue may fail with all that is there; one name for sim.wallets and size.per_venue",
    ),
    row(
        "venues.NAME.fees",
        (Kind::Word(&["ask"]), "-"),
        None,
        "ask: its own fees, as its account, its listing or the folder of history says, whatever sim.spot_maker and the like say",
        "fees of one venue must not be taken for those of another",
    ),
    row(
        "venues.NAME.fees.spot_maker",
        (Kind::Bps, "sim.spot_maker"),
        FEE,
        "spot fee of an order that rested, where the account cannot be asked (backtest, paper, shadow)",
        "your own tier, which a venue tells to a key alone",
    ),
    row(
        "venues.NAME.fees.spot_taker",
        (Kind::Bps, "sim.spot_taker"),
        FEE,
        "likewise of an order that took",
        "your own tier, which a venue tells to a key alone",
    ),
    row(
        "venues.NAME.fees.perp_maker",
        (Kind::Bps, "sim.perp_maker"),
        FEE,
        "perp fee of an order that rested, likewise",
        "your own tier, which a venue tells to a key alone",
    ),
    row(
        "venues.NAME.fees.perp_taker",
        (Kind::Bps, "sim.perp_taker"),
        FEE,
        "likewise of an order that took",
        "your own tier, which a venue tells to a key alone",
    ),
];

/// A path below `venues`, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VenuePath<'a> {
    /// `binance`.
    pub(super) venue: &'a str,
    /// `leverage` or `fees.spot_maker`; empty where the path ends with the venue's name.
    pub(super) key: &'a str,
}

/// The parts of `venues.NAME.key`; the name may stand in quotes, as a TOML file has it. `None` when the path is of another
/// section.
pub(super) fn split(path: &str) -> Option<VenuePath<'_>> {
    let rest = path.strip_prefix(SECTION)?.strip_prefix('.')?;
    let (venue, key) = rest.split_once('.').unwrap_or((rest, ""));
    let venue = venue.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(venue);
    Some(VenuePath { venue, key })
}

/// The row of a key without its venue: `leverage`.
#[must_use]
pub(super) fn find(key: &str) -> Option<&'static Key> {
    KEYS.iter().find(|row| name_of(row) == key)
}

/// The row of `venues.binance.leverage`.
#[must_use]
pub(super) fn find_path(path: &str) -> Option<&'static Key> {
    split(path).and_then(|of| find(of.key))
}

/// `leverage` of `venues.NAME.leverage`.
pub(super) fn name_of(row: &Key) -> &'static str {
    row.path.strip_prefix(BEFORE).unwrap_or(row.path)
}

/// `venues.binance.leverage`.
pub(super) fn full_path(venue: &str, row: &Key) -> String {
    format!("{SECTION}.{venue}.{}", name_of(row))
}

/// The key of all venues that holds where a venue has no value of this one.
pub(super) fn general(row: &Key) -> Option<&'static str> {
    Some(row.default).filter(|path| *path != "-")
}

/// Whether a path is the name of a stored key: which account signs is no part of what is traded.
pub(super) fn is_signer(path: &str) -> bool {
    split(path).is_some_and(|of| of.key == "key")
}

/// The typed terms of a venue's values by path of their rows.
///
/// # Errors
/// [`Misfit`] names a row of another kind than its field.
pub(super) fn terms(values: &BTreeMap<&'static str, Value>) -> Result<VenueTerms, Misfit> {
    fn get<T: Field>(values: &BTreeMap<&'static str, Value>, path: &'static str) -> Result<Option<T>, Misfit> {
        values.get(path).map(|value| T::field(value).ok_or(Misfit(path))).transpose()
    }
    let named = |path| match values.get(path) {
        None => Ok(None),
        Some(Value::Path(name)) => Ok(Some(name.clone())),
        Some(_) => Err(Misfit(path)),
    };
    Ok(VenueTerms {
        key: named("venues.NAME.key")?,
        collateral: get(values, "venues.NAME.collateral")?,
        leverage: get(values, "venues.NAME.leverage")?,
        capital: get(values, "venues.NAME.capital")?,
        fees: VenueFees {
            ask: values.contains_key("venues.NAME.fees"),
            spot_maker: get(values, "venues.NAME.fees.spot_maker")?,
            spot_taker: get(values, "venues.NAME.fees.spot_taker")?,
            perp_maker: get(values, "venues.NAME.fees.perp_maker")?,
            perp_taker: get(values, "venues.NAME.fees.perp_taker")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn the_venues_that_are_traded_live_and_those_of_the_generated_market_are_known() {
        for name in known(&[]) {
            assert!(crate::domain::Venue::new(&name).is_ok(), "{name}");
        }
        let named = ["own:BTCUSDT/other:BTC".to_owned(), "third".to_owned()];
        let more: Vec<String> = known(&named).difference(&known(&[])).cloned().collect();
        assert_eq!(more, ["other", "own", "third"]);
    }

    #[test]
    fn a_path_of_a_venue_comes_apart() {
        let of = |venue, key| Some(VenuePath { venue, key });
        for (path, expected) in [
            ("venues.binance.leverage", of("binance", "leverage")),
            ("venues.\"binance-demo\".fees.spot_maker", of("binance-demo", "fees.spot_maker")),
            ("venues.binance", of("binance", "")),
            ("venues", None),
            ("venuesx.a.b", None),
            ("universe.venues", None),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }

    #[test]
    fn every_row_stands_for_a_key_of_the_same_kind_and_range_and_has_its_field() {
        for row in KEYS {
            assert!(row.path.starts_with(BEFORE) && find(name_of(row)) == Some(row), "{}", row.path);
            assert!(!row.meaning.contains('|') && !row.reason.contains('|'), "{}", row.path);
            if let Some(path) = general(row) {
                let key = keys::find(path).unwrap_or_else(|| panic!("{path} is no key"));
                assert!(row.kind == key.kind && row.meaning.len() > 10, "{}", row.path);
                if path != "size.per_venue" {
                    assert_eq!(row.range, key.range, "{}", row.path);
                }
            }
            let text = match row.kind {
                Kind::Word(words) => words[0],
                Kind::KeyName => "main",
                Kind::Leverage => "2x",
                Kind::Share => "40%",
                _ => "7bps",
            };
            let values = BTreeMap::from([(row.path, row.parse(text).unwrap())]);
            assert_ne!(terms(&values).unwrap(), VenueTerms::default(), "{} has no field", row.path);
        }
    }
}
