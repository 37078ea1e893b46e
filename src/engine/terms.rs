//! What the settings say of one venue: leverage, collateral and share of the capital may differ from venue to venue.
//!
//! Where no venue has a table of its own nothing is looked up. Tests: `tests/suite/venue_terms.rs`.

use super::state::State;
use crate::config::settings::Collateral;
use crate::domain::{Amount, Leg, Pair, Rate, Venue, VenueId};

impl State {
    /// The name of a venue that has a table of its own.
    #[inline]
    fn with_table(&self, venue: VenueId) -> Option<Venue> {
        if self.settings.venues.is_empty() { None } else { self.catalogue.venue(venue) }
    }

    /// Notional over margin of the perps of a venue.
    #[must_use]
    #[inline]
    pub fn leverage_at(&self, venue: VenueId) -> Rate {
        self.with_table(venue).map_or(self.settings.size.leverage, |name| self.settings.leverage_at(name))
    }

    /// What margins the shorts of a venue.
    #[must_use]
    #[inline]
    pub fn collateral_at(&self, venue: VenueId) -> Collateral {
        self.with_table(venue).map_or(self.settings.margin.collateral, |name| self.settings.collateral_at(name))
    }

    /// Most capital that may be at work at a venue: its own share of `run.capital`, whatever of that lies at venues of this run; else
    /// `size.per_venue` of what there is.
    #[must_use]
    pub fn most_at(&self, venue: VenueId) -> Amount {
        self.part_at(venue).unwrap_or_else(|| self.capital().times_rate(self.settings.size.per_venue))
    }

    /// A venue's own share of `run.capital`, where it has one.
    pub(super) fn part_at(&self, venue: VenueId) -> Option<Amount> {
        let own = self.with_table(venue).and_then(|name| self.settings.terms_of(name)?.capital);
        own.map(|share| self.settings.run.capital.times_rate(share))
    }

    /// Whether a pair's strategy has a part of the capital and not all of it.
    pub(super) fn has_part(&self) -> bool {
        !self.settings.strategies.is_empty() || !self.settings.strategy.capital.is_all()
    }

    /// The share of a venue's money that may be at work there: where there are several strategies, what the one that leaves least
    /// idle says, for each counts its own against its own part of the capital.
    pub(super) fn largest_share(&self) -> Rate {
        let parts = self.settings.strategies.iter().map(|part| part.settings.size.share);
        parts.max().unwrap_or(self.settings.size.share)
    }

    /// Whether coins margin the shorts of any venue of the run.
    #[must_use]
    #[inline]
    pub fn coins_margin(&self) -> bool {
        if self.settings.venues.is_empty() {
            return self.settings.margin.collateral.has_coins();
        }
        self.catalogue.venues().iter().any(|venue| self.settings.collateral_at(*venue).has_coins())
    }

    /// Whether coins margin the short of a pair.
    #[must_use]
    #[inline]
    pub fn coins_margin_of(&self, pair: &Pair) -> bool {
        self.collateral_at(pair.venue(Leg::Short)).has_coins()
    }
}
