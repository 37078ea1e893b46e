//! Start-up reconciliation: what the ledger says, with what is still on its way to the bot, against the venue's books; and
//! whether both files are of one instant (fault L25).

use crate::domain::{Amount, Asset, Leg, Market, VenueId};
use crate::engine::State;
use crate::port::event::Wallet;
use crate::sim::SimVenue;
use std::collections::BTreeSet;

/// One of two files is older than the other: commits that were on disk are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Behind {
    /// The venue has told what the ledger does not have.
    #[error(
        "the last commits of ledger.sqlite are gone: the venue told {told} and the ledger has {booked}; its -wal file was lost or damaged; nothing is traded\nput ledger.sqlite, venue.sqlite and their -wal files of one instant back, or start with a new --state folder"
    )]
    Ledger {
        /// Number of the last event that the venue told.
        told: u64,
        /// Number of the last one that is booked.
        booked: u64,
    },
    /// The ledger has booked what the venue does not know.
    #[error(
        "the last commits of venue.sqlite are gone: the ledger has event {booked} of the venue and the venue knows {known}; its -wal file was lost or damaged; nothing is traded\nput ledger.sqlite, venue.sqlite and their -wal files of one instant back, or start with a new --state folder"
    )]
    Venue {
        /// Number of the last event that is booked.
        booked: u64,
        /// Number of the last one that the venue made.
        known: u64,
    },
}

/// Compares the last commits of both files; `booked` are the numbers of venue events that the ledger has.
///
/// # Errors
/// [`Behind`] names the file that lost commits.
pub fn same_instant(booked: &[u64], venue: &SimVenue) -> Result<(), Behind> {
    let (told, known) = venue.numbers();
    let booked = booked.iter().max().copied().unwrap_or(0);
    if booked > known {
        return Err(Behind::Venue { booked, known });
    }
    if told > booked {
        return Err(Behind::Ledger { told, booked });
    }
    Ok(())
}

/// Every account that differs, as a line for a person; empty when all agree: positions, and every asset of every wallet.
#[must_use]
pub fn differences(state: &State, venue: &SimVenue) -> Vec<String> {
    // What is on its way is booked in a copy: both sides then speak of one instant.
    let mut after = state.clone();
    let mut nothing = Vec::new();
    for event in venue.undelivered() {
        after.sequence.0 += 1;
        crate::engine::apply::apply(&mut after, event, &mut nothing);
        nothing.clear();
    }
    let mut lines = Vec::new();
    for one in state.catalogue.instruments().iter().filter(|one| one.market == Market::Perp) {
        let expected = after.position(one.id);
        let there = venue.accounts().position(one.id).coins;
        if expected != there {
            lines.push(format!("{}:{} position: ledger {expected}, venue {there}", one.venue, one.symbol));
        }
    }
    let names = state.catalogue.venues();
    for (id, wallet, asset) in wallets(&after, venue) {
        let mut expected = after.ledger.wallet(id, wallet, asset);
        if let Some(moving) = after.venue(id).and_then(|venue| venue.moving)
            && (moving.from, moving.asset) == (wallet, asset)
            && !venue.has_transfer(moving.id)
        {
            // It is on our disk and never left.
            expected += moving.amount;
        }
        let there: Amount = venue.accounts().wallet(id, wallet, asset);
        if expected != there {
            let name = names.get(id.index()).map_or("?", |name| name.as_str());
            let wallet = format!("{wallet:?}").to_lowercase();
            lines.push(format!("{name} {wallet} {asset}: ledger {expected}, venue {there}"));
        }
    }
    lines
}

/// Every wallet that either side may have something in.
fn wallets(state: &State, venue: &SimVenue) -> BTreeSet<(VenueId, Wallet, Asset)> {
    let mut all: BTreeSet<_> = venue.accounts().wallets().map(|(key, _)| *key).collect();
    for pair in state.catalogue.pairs() {
        for wallet in [Wallet::Spot, Wallet::Perp] {
            for (venue, quote) in Leg::BOTH.map(|leg| pair.account(leg)) {
                all.extend([pair.coin, quote].map(|asset| (venue, wallet, asset)));
            }
        }
    }
    all
}
