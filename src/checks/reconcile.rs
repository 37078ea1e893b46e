//! The venue's lists against the ledger (rule R-D): every account that differs, as a line for a person.
//!
//! Pure. Lists of a moment in which something moved say nothing; who calls this waits for a quiet one, twice.
//! Tests: at the end, and `tests/live.rs`.

use crate::domain::{Amount, Asset, Leg, Market, Pair, SignedQuantity, VenueId};
use crate::engine::State;
use crate::port::event::Wallet;
use crate::venues::answer::BalanceRow;
use crate::venues::binance::Lists;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Up to this much of a perp wallet's coin, the venue only rounds realised profit otherwise than the exact ledger.
const ROUNDING: Amount = Amount::from_units(1_000_000_000_000);

/// One account that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which account.
    pub account: String,
    /// What the ledger says.
    pub ledger: String,
    /// What the venue says.
    pub venue: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ledger {}, venue {}", self.account, self.ledger, self.venue)
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Accounts that differ.
    pub differences: Vec<Difference>,
    /// Differences that are only rounding: venue minus ledger, to be booked.
    pub rounding: Vec<(Wallet, Asset, Amount)>,
    /// Coins of pairs that the wallets do not cover.
    pub missing: Vec<(Asset, Amount)>,
}

/// Whether the ledger can be compared now: nothing of ours is on its way at this venue.
#[must_use]
pub fn comparable(state: &State, venue: VenueId) -> bool {
    let moving = state.venue(venue).is_some_and(|venue| venue.moving.is_some());
    let working = state.orders.live().iter().any(|order| {
        let there = state.catalogue.instrument(order.intent.instrument).is_some_and(|one| one.venue_id == venue);
        there && !(order.state == crate::orders::OrderState::Open && order.missing().is_zero())
    });
    !moving && !working
}

/// Compares every wallet and position of a venue.
#[must_use]
pub fn compare(state: &State, venue: VenueId, lists: &Lists) -> Comparison {
    let mut found = Comparison::default();
    wallet(state, (venue, Wallet::Spot), &lists.spot, &mut found);
    wallet(state, (venue, Wallet::Perp), &lists.perp, &mut found);
    found.differences.extend(positions(state, venue, lists).filter(|one| one.ledger != one.venue));
    for symbol in &lists.elsewhere {
        found.differences.push(Difference {
            account: format!("{symbol} position"),
            ledger: "not a pair of this run".to_owned(),
            venue: "open".to_owned(),
        });
    }
    let coins: BTreeSet<Asset> = spot_pairs(state, venue).map(|pair| pair.coin).collect();
    let missing = |coin: Asset| missing_coins(state, (venue, coin), off(state, (venue, coin), lists));
    found.missing = coins.into_iter().map(|coin| (coin, missing(coin))).filter(|(_, coins)| !coins.is_zero()).collect();
    found
}

/// Pairs whose coins stand in the wallets of a venue.
fn spot_pairs(state: &State, venue: VenueId) -> impl Iterator<Item = &Pair> {
    state.catalogue.pairs().iter().filter(move |pair| {
        let place = pair.place(Leg::Long);
        place.venue == venue && place.market == Market::Spot
    })
}

/// Money that somebody moved in or out of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The venue.
    pub venue: VenueId,
    /// Its wallet.
    pub wallet: Wallet,
    /// Which coin.
    pub asset: Asset,
    /// What the venue has more than the ledger; negative when it has less.
    pub amount: Amount,
}

/// What the wallets of a venue have more or less than the ledger, but for the venue's rounding.
#[must_use]
pub fn money(state: &State, venue: VenueId, lists: &Lists) -> Vec<Moved> {
    let mut all = Vec::new();
    for (wallet, rows) in [(Wallet::Spot, &lists.spot), (Wallet::Perp, &lists.perp)] {
        for asset in assets(state, (venue, wallet), rows) {
            let amount = total(rows, asset) - state.ledger.wallet(venue, wallet, asset);
            if !amount.is_zero() && !is_rounding(state, (wallet, asset), amount) {
                all.push(Moved { venue, wallet, asset, amount });
            }
        }
    }
    all
}

/// What both wallets of a venue together have more of an asset than the ledger; negative when they have less.
#[must_use]
pub fn off(state: &State, (venue, asset): (VenueId, Asset), lists: &Lists) -> Amount {
    let wallets = [(Wallet::Spot, &lists.spot), (Wallet::Perp, &lists.perp)];
    wallets.into_iter().map(|(wallet, rows)| total(rows, asset) - state.ledger.wallet(venue, wallet, asset)).sum()
}

/// Movements of the spot wallet that its stream told and the lists show: to be booked as transfers from outside (fault H11).
///
/// What the lists do not show stays in `told`; so do coins of a pair that somebody took: those stay a difference (H09).
pub fn explained(
    state: &State,
    (venue, lists): (VenueId, &Lists),
    told: &mut BTreeMap<Asset, Amount>,
) -> Vec<(Asset, Amount)> {
    let mut booked = Vec::new();
    told.retain(|asset, amount| {
        let off = total(&lists.spot, *asset) - state.ledger.wallet(venue, Wallet::Spot, *asset);
        if !off.is_zero() && off == *amount && missing_coins(state, (venue, *asset), off).is_zero() {
            booked.push((*asset, off));
        }
        !(off.is_zero() || booked.last().is_some_and(|(last, _)| last == asset))
    });
    booked
}

/// Coins that the pairs of a venue hold of an asset, in whichever wallet.
#[must_use]
pub fn coins_of_pairs(state: &State, venue: VenueId, asset: Asset) -> Amount {
    let pairs = spot_pairs(state, venue).filter(|pair| pair.coin == asset);
    let books = pairs.filter_map(|pair| state.ledger.pair(pair.id));
    books.map(|book| Amount::of_coins(book.attribution.long)).sum()
}

/// Coins of pairs that the wallets would no longer cover after a change; zero when they do.
#[must_use]
pub fn missing_coins(state: &State, (venue, asset): (VenueId, Asset), change: Amount) -> Amount {
    let held = coins_of_pairs(state, venue, asset);
    if held.is_zero() {
        return Amount::ZERO;
    }
    let wallets: Amount =
        [Wallet::Spot, Wallet::Perp].into_iter().map(|wallet| state.ledger.wallet(venue, wallet, asset)).sum();
    (held - wallets - change).max(Amount::ZERO)
}

/// Every account that either side knows, whether it differs or not: for a table, and for whoever compares it with the
/// venue's own books.
#[must_use]
pub fn accounts(state: &State, venue: VenueId, lists: &Lists) -> Vec<Difference> {
    let mut rows = Vec::new();
    for (wallet, there) in [(Wallet::Spot, &lists.spot), (Wallet::Perp, &lists.perp)] {
        for asset in assets(state, (venue, wallet), there) {
            let ledger = state.ledger.wallet(venue, wallet, asset);
            rows.push(Difference {
                account: account_name(state, (venue, wallet), asset),
                ledger: ledger.to_string(),
                venue: total(there, asset).to_string(),
            });
        }
    }
    rows.extend(positions(state, venue, lists));
    rows
}

/// The position in each contract of a venue: of the ledger the sum of all pairs that it serves.
fn positions(state: &State, venue: VenueId, lists: &Lists) -> impl Iterator<Item = Difference> {
    let contracts = state.catalogue.instruments().iter();
    contracts.filter(move |one| one.venue_id == venue && one.market == Market::Perp).map(|one| {
        let row = lists.positions.iter().find(|(instrument, _)| *instrument == one.id);
        Difference {
            account: format!("{}:{} position", one.venue, one.symbol),
            ledger: state.position(one.id).to_string(),
            venue: row.map_or(SignedQuantity::ZERO, |(_, row)| row.coins).to_string(),
        }
    })
}

/// Assets of a wallet that ledger or venue know.
fn assets(state: &State, of: (VenueId, Wallet), rows: &[BalanceRow]) -> BTreeSet<Asset> {
    let ours = state.ledger.balances().filter_map(|((account, asset), _)| match account {
        crate::ledger::Account::Wallet { venue: known, wallet: which } if (*known, *which) == of => Some(*asset),
        _ => None,
    });
    ours.chain(rows.iter().map(|row| row.asset)).collect()
}

/// What a wallet holds of an asset by the lists.
pub(crate) fn listed(lists: &Lists, wallet: Wallet, asset: Asset) -> Amount {
    let rows = match wallet {
        Wallet::Spot => &lists.spot,
        Wallet::Perp => &lists.perp,
    };
    total(rows, asset)
}

fn total(rows: &[BalanceRow], asset: Asset) -> Amount {
    rows.iter().find(|row| row.asset == asset).map_or(Amount::ZERO, |row| row.total)
}

/// A ten-thousandth of a quote coin is nothing; of a coin that is collateral it may be a lot.
fn is_rounding(state: &State, (wallet, asset): (Wallet, Asset), off: Amount) -> bool {
    wallet == Wallet::Perp && off.abs() <= ROUNDING && state.quotes.contains(&asset)
}

fn account_name(state: &State, (venue, wallet): (VenueId, Wallet), asset: Asset) -> String {
    let name = state.catalogue.venues().get(venue.index()).map_or("?", |name| name.as_str());
    let word = match wallet {
        Wallet::Spot => "spot",
        Wallet::Perp => "perp",
    };
    format!("{name} {word} {asset}")
}

fn wallet(state: &State, of: (VenueId, Wallet), rows: &[BalanceRow], found: &mut Comparison) {
    let (venue, wallet) = of;
    for asset in assets(state, of, rows) {
        let ledger = state.ledger.wallet(venue, wallet, asset);
        let there = total(rows, asset);
        let off = there - ledger;
        if off.is_zero() {
            continue;
        }
        if is_rounding(state, (wallet, asset), off) {
            found.rounding.push((wallet, asset, off));
            continue;
        }
        found.differences.push(Difference {
            account: account_name(state, of, asset),
            ledger: ledger.to_string(),
            venue: there.to_string(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::WallTime;
    use crate::port::Event;
    use crate::port::event::{Adjustment, Stamped};
    use crate::sim::Generator;
    use crate::sim::START;

    const VENUE: VenueId = VenueId(0);

    fn usdt() -> Asset {
        Asset::of("USDT")
    }

    /// A ledger with this much in the spot wallet.
    fn state(usdt: i64) -> State {
        let mut state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let cause = Adjustment::External;
        let event = Event::Adjusted {
            venue: VENUE,
            wallet: Wallet::Spot,
            asset: self::usdt(),
            amount: Amount::whole(usdt),
            cause,
        };
        let stamped = Stamped { sequence: crate::domain::Sequence(1), at: START, event };
        crate::engine::step(&mut state, &stamped, &mut Vec::new());
        state
    }

    fn lists(spot: &[(&str, i64)]) -> Lists {
        let row = |(asset, total): &(&str, i64)| {
            let total = Amount::whole(*total);
            BalanceRow { asset: Asset::new(asset).unwrap(), total, free: total }
        };
        Lists {
            at: WallTime(0),
            quiet: true,
            spot: spot.iter().map(row).collect(),
            perp: Vec::new(),
            positions: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    #[test]
    fn h11_a_movement_is_booked_once_the_lists_show_it_and_as_much_as_they_show() {
        let state = state(100);
        let mut told = BTreeMap::from([(usdt(), Amount::whole(5))]);
        assert_eq!(explained(&state, (VENUE, &lists(&[("USDT", 104)])), &mut told), [], "the lists say otherwise");
        assert_eq!(told.len(), 1, "it may still come");
        assert_eq!(explained(&state, (VENUE, &lists(&[("USDT", 105)])), &mut told), [(usdt(), Amount::whole(5))]);
        assert!(told.is_empty());
        let mut told = BTreeMap::from([(usdt(), Amount::whole(5))]);
        assert_eq!(explained(&state, (VENUE, &lists(&[("USDT", 100)])), &mut told), []);
        assert!(told.is_empty(), "it went back, or was in the ledger already");
    }

    #[test]
    fn h11_what_a_person_may_accept_is_free_money_alone() {
        let state = state(100);
        let money = |spot: &[(&str, i64)]| super::money(&state, VENUE, &lists(spot));
        assert_eq!(money(&[("USDT", 100)]), []);
        let rows = money(&[("USDT", 40), ("SOL", 2)]);
        let seen: Vec<(Asset, Amount)> = rows.iter().map(|one| (one.asset, one.amount)).collect();
        assert_eq!(seen, [(Asset::of("SOL"), Amount::whole(2)), (usdt(), Amount::whole(-60))]);
    }
}
