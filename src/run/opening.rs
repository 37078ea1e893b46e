//! Reaching the venues of a run: what must be known of each before the first event, and its lines.
//!
//! Whoever calls has made the wires, with or without keys. Tests: `tests/live.rs`, `tests/live_sim.rs`.

use super::inputs;
use crate::checks::asked::Asked;
use crate::checks::inquiry::{Inquiry, Known, Patience, StartError};
use crate::checks::kept::Kept;
use crate::checks::lone_legs;
use crate::config::Settings;
use crate::config::settings::Collateral;
use crate::domain::{Asset, Catalogue, Market, Span, Venue, VenueId, WallTime};
use crate::net::Clock;
use crate::net::wire::{Arrived, Wire};
use crate::pairs::minimums;
use crate::venues::binance::feed::Feed;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A venue that shall be reached.
pub struct Wanted {
    /// Its number in the catalogue.
    pub venue: VenueId,
    /// Its name in pairs, as `binance`.
    pub name: String,
    /// What is traded there.
    pub asked: Asked,
    /// The network.
    pub wire: Arc<Wire>,
}

/// One venue before the first event.
pub struct Door {
    /// Its number in the catalogue.
    pub venue: VenueId,
    /// Its name.
    pub name: String,
    /// The network.
    pub wire: Arc<Wire>,
    /// Public data.
    pub feed: Feed,
    /// When the start-up asked.
    pub now: WallTime,
    /// How long the start-up goes on asking.
    pub patience: Patience,
}

impl Door {
    /// For questions of the start-up.
    #[must_use]
    pub fn inquiry(&self) -> Inquiry<'_> {
        Inquiry { wire: &self.wire, name: &self.name, patience: self.patience }
    }
}

/// Everything of the start.
pub struct Opened {
    /// Instruments and pairs.
    pub catalogue: Catalogue,
    /// Venues.
    pub doors: Vec<Door>,
    /// What they said.
    pub known: Known,
    /// What arrives.
    pub inbox: mpsc::Receiver<Arrived>,
    /// The run's clock.
    pub clock: Clock,
}

/// Reaches every venue and learns what must be known before the first event; `kept` is what the ledger of a session that is gone
/// on with numbers.
///
/// # Errors
/// [`StartError`] when a venue cannot be reached or a pair cannot be traded.
pub async fn open(
    settings: &Settings,
    wanted: Vec<Wanted>,
    kept: Catalogue,
    clock: Clock,
    inbox: mpsc::Receiver<Arrived>,
) -> Result<Opened, StartError> {
    let mut catalogue = Catalogue::of_venues(wanted.iter().filter_map(|one| Venue::new(&one.name).ok()));
    let mut lone = Vec::new();
    let mut known = Known { kept: Kept::of(kept), ..Known::default() };
    let patience = Patience::of(settings.live.start_retry);
    for one in &wanted {
        let inquiry = Inquiry { wire: &one.wire, name: &one.name, patience };
        inquiry.clock().await?;
        inquiry.instruments(&one.asked.pairs, &mut catalogue, &mut known).await?;
        for legs in one.asked.lone() {
            lone.extend(inquiry.lone_legs(legs, &mut known).await?);
        }
        if collateral_at(settings, &one.name) == Collateral::Coin {
            inquiry.no_bundles(&catalogue)?;
        }
    }
    lone_legs::join(settings, &lone, &mut catalogue)?;
    let signed = |venue: VenueId| wanted.iter().any(|one| one.venue == venue && one.wire.signs());
    set_fees(settings, &mut catalogue, &mut known, signed);
    warn_of_small(settings, &catalogue);
    let mut doors = Vec::new();
    for Wanted { venue, name, wire, .. } in wanted {
        let inquiry = Inquiry { wire: &wire, name: &name, patience };
        let now = (clock.wall)();
        let since = now - settings.longest_memory() - Span::DAY;
        inquiry.funding((venue, &catalogue), since, now, &mut known).await?;
        let mut feed = Feed::new(venue, &catalogue, &known.intervals, &known.last, inquiry.has_interest());
        feed.price(&inputs::quotes(venue, &catalogue));
        if let Ok(coin) = Asset::new(wire.profile().fee_coin()) {
            feed.price_fee_coin(coin, settings.run.currency);
        }
        if collateral_at(settings, &name) == Collateral::Coin {
            feed.ask_collateral(coins(&catalogue, venue));
        }
        doors.push(Door { venue, name, wire, feed, now, patience });
    }
    Ok(Opened { catalogue, doors, known, inbox, clock })
}

fn collateral_at(settings: &Settings, name: &str) -> Collateral {
    Venue::new(name).map_or(settings.margin.collateral, |venue| settings.collateral_at(venue))
}

/// Fees that a person set for a venue count where its account cannot be asked; an account that was asked knows its own.
fn set_fees(settings: &Settings, catalogue: &mut Catalogue, known: &mut Known, signed: impl Fn(VenueId) -> bool) {
    catalogue.each(|leg| {
        if signed(leg.venue_id) {
            return;
        }
        for text in settings.venue_fees(leg) {
            known.remarks.push((format!("{}:{}", leg.venue, leg.symbol), format!("fees as set: {text}")));
        }
    });
}

/// A start is never refused for it: what is held must be looked after. `carry check` and `carry doctor` refuse.
fn warn_of_small(settings: &Settings, catalogue: &Catalogue) {
    for pair in catalogue.pairs() {
        let legs = catalogue.instrument(pair.long).zip(catalogue.instrument(pair.short));
        let small = legs.and_then(|(spot, perp)| {
            minimums::judge(
                &settings.of_pair(&pair.name).at_venue(perp.venue.as_str()),
                (&spot.rules, &perp.rules),
                None,
            )
        });
        if let Some(small) = small {
            let (pair, key, least, expected) = (&pair.name, small.key, small.least, small.expected);
            tracing::warn!(pair, key, %least, %expected, "no entry of this pair is an order at its venue: see carry check");
        }
    }
}

/// Coins and quote coins of a venue's pairs.
fn coins(catalogue: &Catalogue, venue: VenueId) -> Vec<Asset> {
    let legs = catalogue.instruments().iter().filter(|one| one.venue_id == venue);
    let coins: BTreeSet<Asset> = legs.flat_map(|one| [one.coin, one.quote]).collect();
    coins.into_iter().collect()
}

/// Opens the streams of every venue.
pub fn open_lines(opened: &mut Opened) {
    for door in &mut opened.doors {
        let of = |market: Market| -> Vec<_> {
            let ours = opened.catalogue.instruments().iter().filter(|one| one.venue_id == door.venue);
            ours.filter(|one| one.market == market).map(|one| one.symbol).collect()
        };
        door.wire.keep_warm();
        let public = door.wire.open_lines(&of(Market::Spot), &of(Market::Perp));
        door.feed.expect(public);
    }
}
