//! Legs that a ledger numbers and in which their venue takes no orders now, or which it lists no longer.
//!
//! A start that goes on with a session takes them as the ledger has them: what is held beside them is looked after, and nothing
//! else of the account waits for a market that is halted or has ended (faults E02, E03, G01). A new session is refused by name.
//! Tests: `tests/live_sim/strategies.rs`, `tests/commands/universe_attack.rs`.

use super::inquiry::{Inquiry, Known};
use crate::domain::{Catalogue, Instrument, Market, Symbol, Venue};
use crate::venues::answer::Listing;
use crate::venues::binance::bundles::Bundle;

/// What the ledger of a session that is gone on with numbers.
#[derive(Debug, Default)]
pub struct Kept {
    catalogue: Catalogue,
    shut: Vec<(Venue, Market, Symbol)>,
}

impl Kept {
    /// Of a ledger with these instruments; empty for a new session.
    #[must_use]
    pub const fn of(catalogue: Catalogue) -> Self {
        Self { catalogue, shut: Vec::new() }
    }

    /// Whether its venue takes no orders in this leg now, as far as the start was told.
    #[must_use]
    pub fn is_shut(&self, leg: &Instrument) -> bool {
        self.shut.contains(&(leg.venue, leg.market, leg.symbol))
    }
}

impl Inquiry<'_> {
    /// Both legs of a pair of one venue as the ledger has them, with the rules of now where they are listed.
    pub(super) fn kept_pair(
        &self,
        symbol: &str,
        listed: (Option<&Listing>, Option<&Listing>),
        known: &mut Known,
    ) -> Option<(Instrument, Instrument)> {
        let pair = known.kept.catalogue.pair_named(&format!("{}:{symbol}", self.name))?;
        let leg = |id| known.kept.catalogue.instrument(id).cloned();
        let (spot, perp) = (leg(pair.long)?, leg(pair.short)?);
        Some((self.shut(spot, listed.0, known), self.shut(perp, listed.1, known)))
    }

    /// One leg of a pair over two venues.
    pub(super) fn kept_leg(
        &self,
        (market, symbol): (Market, Symbol),
        listed: Option<&Listing>,
        known: &mut Known,
    ) -> Option<Instrument> {
        let same = |one: &&Instrument| one.venue.as_str() == self.name && (one.market, one.symbol) == (market, symbol);
        let leg = known.kept.catalogue.instruments().iter().find(same).cloned()?;
        Some(self.shut(leg, listed, known))
    }

    fn shut(&self, mut leg: Instrument, listed: Option<&Listing>, known: &mut Known) -> Instrument {
        let bundle = Bundle::of(&leg);
        if let Some(row) = listed.filter(|row| bundle.is_none() && (row.base, row.quote) == (leg.coin, leg.quote)) {
            leg.rules = row.rules;
        }
        if let Some(bundle) = bundle {
            // The ledger counts it so.
            self.wire.count_in(bundle);
        }
        if !listed.is_some_and(|row| row.trading) {
            let (venue, market, symbol) = (leg.venue, leg.market, leg.symbol);
            let found = if listed.is_some() { "takes no orders in it now" } else { "does not list it" };
            tracing::warn!(%venue, %market, %symbol, found, "the session goes on without trading it");
            known.remarks.push((format!("{venue}:{symbol}"), format!("{market}: the venue {found}")));
            known.kept.shut.push((venue, market, symbol));
        }
        leg
    }
}
