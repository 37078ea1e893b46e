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
    let parts = shares(settings, catalogue, (&places, capital));
    let mut rows = Vec::new();
    let mut left = capital;
    for (place, (venue, quote)) in places.iter().enumerate() {
        let amount = match &parts {
            Some(parts) => parts.get(place).copied().unwrap_or_default(),
            None if place + 1 == places.len() => left,
            None => each,
        };
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

/// What lies in each place where a venue has a share of its own: that share, in equal parts of its quote coins; the other venues
/// share the rest equally. What no venue has a share of lies nowhere and is no part of the run. `None` where no venue has one.
fn shares(
    settings: &Settings,
    catalogue: &Catalogue,
    (places, capital): (&[(VenueId, Asset)], Amount),
) -> Option<Vec<Amount>> {
    let own = |venue: VenueId| catalogue.venue(venue).and_then(|name| settings.terms_of(name)?.capital);
    let set = |place: &&(VenueId, Asset)| own(place.0).is_some();
    places.iter().find(set)?;
    let mut venues: Vec<VenueId> = places.iter().map(|place| place.0).collect();
    venues.sort_unstable();
    venues.dedup();
    let taken: Amount = venues.iter().filter_map(|venue| own(*venue)).map(|share| capital.times_rate(share)).sum();
    let rest = (capital - taken).max(Amount::ZERO);
    let others = i64::try_from(places.iter().filter(|place| !set(place)).count()).unwrap_or(1).max(1);
    let part = |(venue, _): &(VenueId, Asset)| {
        let coins = i64::try_from(places.iter().filter(|place| place.0 == *venue).count()).unwrap_or(1).max(1);
        let money = match own(*venue) {
            Some(share) => capital.times_rate(share).share(1, coins),
            None => rest.share(1, others),
        };
        money.floor_to_ledger_unit()
    };
    Some(places.iter().map(part).collect())
}
