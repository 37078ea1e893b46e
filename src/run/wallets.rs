//! Which money is in which wallet before the first event of a run with simulated fills.
//!
//! Tests: `tests/backtest/two_venues.rs`, `tests/sim.rs`.

use crate::config::Settings;
use crate::config::settings::Wallets;
use crate::domain::{Amount, Asset, Catalogue, Leg, Market, VenueId};
use crate::port::event::Wallet;

/// Money at the start: the capital (twice, where it is pooled) equally over venues, and within a venue by `sim.spot_share`, in each pair's quote coin. Where
/// only one of the two wallets is used it has all.
#[must_use]
pub fn wallets(settings: &Settings, catalogue: &Catalogue) -> Vec<(VenueId, Wallet, Asset, Amount)> {
    let mut places: Vec<(VenueId, Asset)> = Vec::new();
    for pair in catalogue.pairs() {
        for account in [Leg::Short, Leg::Long].map(|leg| pair.account(leg)) {
            if !places.contains(&account) {
                places.push(account);
            }
        }
    }
    let count = i64::try_from(places.len()).unwrap_or(1).max(1);
    let capital = match settings.sim.wallets {
        Wallets::Equal => settings.run.capital,
        Wallets::Pooled => settings.run.capital + settings.run.capital,
    };
    let each = capital.share(1, count).floor_to_ledger_unit();
    let mut rows = Vec::new();
    let mut left = capital;
    for (place, (venue, quote)) in places.iter().enumerate() {
        let amount = if place + 1 == places.len() { left } else { each };
        left -= amount;
        let uses = |market| {
            let mut legs = catalogue.pairs().iter().flat_map(|pair| Leg::BOTH.map(|leg| pair.place(leg)));
            legs.any(|leg| (leg.market, leg.venue, leg.quote) == (market, *venue, *quote))
        };
        let spot = match (uses(Market::Spot), uses(Market::Perp)) {
            (true, false) => amount,
            (false, _) => Amount::ZERO,
            (true, true) => amount.times_rate(settings.sim.spot_share),
        };
        rows.push((*venue, Wallet::Spot, *quote, spot));
        rows.push((*venue, Wallet::Perp, *quote, amount - spot));
    }
    rows.retain(|(_, _, _, amount)| *amount > Amount::ZERO);
    rows
}
