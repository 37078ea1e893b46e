//! `[venues.NAME]`: what one venue has otherwise than all of them. What is not set there is that of all venues.
//!
//! The rows stand in `venue_keys.rs`, the merging of layers in `venue_layers.rs`. Tests: `tests/suite/venue_keys.rs`,
//! `tests/suite/venue_terms.rs`.

use super::settings::{Collateral, Settings};
use crate::domain::{Bps, Instrument, Market, Rate, Venue};
use serde::{Deserialize, Serialize};

/// What one venue has otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VenueTerms {
    /// Name of the stored key that signs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What margins its shorts, in place of `margin.collateral`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<Collateral>,
    /// Notional of its perps over their margin, in place of `size.leverage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<Rate>,
    /// Share of the capital that is there and that may be at work there, in place of `sim.wallets` and `size.per_venue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capital: Option<Rate>,
    /// Its fees, in place of `sim.spot_maker` and the like.
    #[serde(default, skip_serializing_if = "VenueFees::is_default")]
    pub fees: VenueFees,
}

/// Fees of one venue as a person set them; a rate below zero is a rebate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueFees {
    /// All of them are the venue's own: what the folder of history, the venue's listing or the account says.
    pub ask: bool,
    /// Of a spot order that rested.
    pub spot_maker: Option<Bps>,
    /// Of a spot order that took.
    pub spot_taker: Option<Bps>,
    /// Of a perp order that rested.
    pub perp_maker: Option<Bps>,
    /// Of a perp order that took.
    pub perp_taker: Option<Bps>,
}

impl VenueFees {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Those of a market, maker and taker.
    const fn of(&self, market: Market) -> (Option<Bps>, Option<Bps>) {
        match market {
            Market::Spot => (self.spot_maker, self.spot_taker),
            Market::Perp => (self.perp_maker, self.perp_taker),
        }
    }
}

impl Settings {
    /// What a venue has otherwise; nothing where it has no table of its own.
    #[must_use]
    #[inline]
    pub fn terms_of(&self, venue: Venue) -> Option<&VenueTerms> {
        // Asked at every decision, and most runs have no table: no search then.
        if self.venues.is_empty() { None } else { self.venues.get(&venue) }
    }

    /// Notional over margin of the perps of a venue.
    #[must_use]
    #[inline]
    pub fn leverage_at(&self, venue: Venue) -> Rate {
        self.terms_of(venue).and_then(|terms| terms.leverage).unwrap_or(self.size.leverage)
    }

    /// What margins the shorts of a venue.
    #[must_use]
    #[inline]
    pub fn collateral_at(&self, venue: Venue) -> Collateral {
        self.terms_of(venue).and_then(|terms| terms.collateral).unwrap_or(self.margin.collateral)
    }

    /// Most of the capital that may be at work at a venue.
    #[must_use]
    #[inline]
    pub fn share_at(&self, venue: Venue) -> Rate {
        self.terms_of(venue).and_then(|terms| terms.capital).unwrap_or(self.size.per_venue)
    }

    /// Whether coins are collateral anywhere: at a venue with a table of its own, or at the others.
    #[must_use]
    pub fn any_coins_margin(&self) -> bool {
        self.margin.collateral.has_coins()
            || self.venues.values().any(|terms| terms.collateral.is_some_and(Collateral::has_coins))
    }

    /// The settings as one venue has them: the keys that have a name in its table hold its values. For whoever looks at one
    /// venue alone.
    #[must_use]
    pub fn at_venue(&self, name: &str) -> Self {
        let mut own = self.clone();
        if let Ok(venue) = Venue::new(name) {
            own.change(|one| {
                one.margin.collateral = one.collateral_at(venue);
                one.size.leverage = one.leverage_at(venue);
                one.size.per_venue = one.share_at(venue);
            });
        }
        own
    }

    /// Gives a leg the fees that a person set for its venue; returns the keys with their values, for a remark.
    pub fn venue_fees(&self, leg: &mut Instrument) -> Vec<String> {
        let Some(terms) = self.terms_of(leg.venue) else { return Vec::new() };
        let (maker, taker) = terms.fees.of(leg.market);
        let mut words = Vec::new();
        for (word, own, fee) in [("maker", maker, &mut leg.fees.maker), ("taker", taker, &mut leg.fees.taker)] {
            if let Some(own) = own {
                *fee = own.to_rate();
                words.push(format!("venues.{}.fees.{}_{word} {own}", leg.venue, leg.market));
            }
        }
        words
    }

    /// Whether a venue's fees are its own whatever `sim.spot_maker` and the like say.
    #[must_use]
    pub fn asks_fees(&self, venue: Venue) -> bool {
        self.terms_of(venue).is_some_and(|terms| terms.fees.ask)
    }
}
