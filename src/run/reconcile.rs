//! The venue's lists against the ledger (rule R-D): every account that differs, as a line for a person.
//!
//! Pure. Lists of a moment in which something moved say nothing; who calls this waits for a quiet one, twice.
//! Tests: at the end, and `tests/live.rs`.

use crate::domain::{Amount, Asset, Market, SignedQuantity, VenueId};
use crate::engine::State;
use crate::port::event::Wallet;
use crate::venues::binance::Lists;
use crate::venues::binance::answer::BalanceRow;
use serde::Serialize;
use std::collections::BTreeSet;

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

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Accounts that differ.
    pub differences: Vec<Difference>,
    /// Differences that are only rounding: venue minus ledger, to be booked.
    pub rounding: Vec<(Wallet, Asset, Amount)>,
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
    for pair in state.catalogue.pairs().iter().filter(|pair| pair.venue_id == venue) {
        let held = state.ledger.pair(pair.id).map_or(SignedQuantity::ZERO, |book| book.perp.coins);
        let row = lists.positions.iter().find(|(instrument, _)| *instrument == pair.leg(Market::Perp));
        let there = row.map_or(SignedQuantity::ZERO, |(_, row)| row.coins);
        if held != there {
            found.differences.push(Difference {
                account: format!("{} position", pair.name),
                ledger: held.to_string(),
                venue: there.to_string(),
            });
        }
    }
    for symbol in &lists.elsewhere {
        found.differences.push(Difference {
            account: format!("{symbol} position"),
            ledger: "not a pair of this run".to_owned(),
            venue: "open".to_owned(),
        });
    }
    found
}

/// Every account that either side knows, whether it differs or not: for a table, and for whoever compares it with the
/// venue's own books.
#[must_use]
pub fn accounts(state: &State, venue: VenueId, lists: &Lists) -> Vec<Difference> {
    let mut rows = Vec::new();
    for (wallet, there) in [(Wallet::Spot, &lists.spot), (Wallet::Perp, &lists.perp)] {
        for asset in assets(state, (venue, wallet), there) {
            let total = there.iter().find(|row| row.asset == asset).map_or(Amount::ZERO, |row| row.total);
            let ledger = state.ledger.wallet(venue, wallet, asset);
            rows.push(Difference {
                account: account_name(state, (venue, wallet), asset),
                ledger: ledger.to_string(),
                venue: total.to_string(),
            });
        }
    }
    for pair in state.catalogue.pairs().iter().filter(|pair| pair.venue_id == venue) {
        let held = state.ledger.pair(pair.id).map_or(SignedQuantity::ZERO, |book| book.perp.coins);
        let row = lists.positions.iter().find(|(instrument, _)| *instrument == pair.leg(Market::Perp));
        let there = row.map_or(SignedQuantity::ZERO, |(_, row)| row.coins);
        rows.push(Difference {
            account: format!("{} position", pair.name),
            ledger: held.to_string(),
            venue: there.to_string(),
        });
    }
    rows
}

/// Assets of a wallet that ledger or venue know.
fn assets(state: &State, of: (VenueId, Wallet), rows: &[BalanceRow]) -> BTreeSet<Asset> {
    let ours = state.ledger.balances().filter_map(|((account, asset), _)| match account {
        crate::ledger::Account::Wallet { venue: known, wallet: which } if (*known, *which) == of => Some(*asset),
        _ => None,
    });
    ours.chain(rows.iter().map(|row| row.asset)).collect()
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
        let there = rows.iter().find(|row| row.asset == asset).map_or(Amount::ZERO, |row| row.total);
        let off = there - ledger;
        if off.is_zero() {
            continue;
        }
        // A ten-thousandth of a quote coin is nothing; of a coin that is collateral it may be a lot.
        if wallet == Wallet::Perp && off.abs() <= ROUNDING && state.quotes.contains(&asset) {
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
