//! Which spot symbol a perp is paired with: its own name, or the coin's where a contract is several coins (`1000SHIBUSDT`).
//!
//! A contract of several coins is one when spot does not list the perp's own name, the perp's coin is called a number and a
//! coin, spot lists that coin, and the prices say the same (fault E05). From then on the wire counts the spot leg in
//! contracts. What is not proven is refused by name: a leg that is wrong a thousandfold must not hang on a guess.
//! Tests: `tests/live/bundle.rs`, `tests/commands/doctor.rs`.

use super::inquiry::{Inquiry, StartError};
use crate::domain::text::split_symbol;
use crate::domain::{Market, Price, Symbol};
use crate::venues::answer::{Answer, Class, Listing};
use crate::venues::ask::Ask;
use crate::venues::binance::bundles::Bundle;
use std::collections::BTreeMap;

/// Spot and index of one contract may lie so many times apart: what names could get wrong is ten times and more, and a market
/// in trouble is never off by this much.
const TIMES: i64 = 2;

impl Inquiry<'_> {
    /// The spot symbols of these perps, and the wire is told of contracts of several coins.
    ///
    /// # Errors
    /// [`StartError`]: a pair that cannot be counted, or two that would count the same coins differently.
    pub async fn spot_legs(&self, perps: &[Symbol]) -> Result<BTreeMap<Symbol, Symbol>, StartError> {
        let mut legs = BTreeMap::new();
        for perp in perps {
            let leg = self.spot_leg(*perp).await?;
            legs.insert(*perp, leg.map_or(*perp, |one| one.spot));
        }
        for bundle in self.wire.bundles().iter() {
            // In a wallet coins have one name, and here it would mean two units.
            let same = |perp: &&Symbol| {
                split_symbol(perp.as_str()).is_some_and(|(coin, quote)| match Bundle::named(coin, quote) {
                    Some(other) if legs.get(*perp) == Some(&other.spot) => {
                        other.coin == bundle.coin && other.contract != bundle.contract
                    }
                    _ => coin == bundle.coin,
                })
            };
            if let Some(other) = perps.iter().find(same) {
                let problem = format!(
                    "its spot leg is of {0}, which another pair counts in contracts of {1} {0}; an account holds one of the two: \
                     take one out of strategy.pairs",
                    bundle.coin, bundle.coins
                );
                return Err(self.refused_pair(*other, problem));
            }
        }
        Ok(legs)
    }

    /// What a perp's spot leg is counted in, when its contract is several coins; the wire is told.
    ///
    /// # Errors
    /// [`StartError`]: its spot leg cannot be counted in contracts, or prices do not say the same.
    pub async fn spot_leg(&self, perp: Symbol) -> Result<Option<Bundle>, StartError> {
        let named = split_symbol(perp.as_str()).and_then(|(coin, quote)| Bundle::named(coin, quote));
        let Some(bundle) = named else { return Ok(None) };
        if self.wire.bundles().iter().any(|known| *known == bundle) {
            return Ok(Some(bundle));
        }
        if self.listed(Market::Spot, perp).await?.is_some() {
            // The venue trades the same bundle on spot.
            return Ok(None);
        }
        let Some(spot) = self.listed(Market::Spot, bundle.spot).await? else { return Ok(None) };
        let contract = self.listed(Market::Perp, perp).await?;
        let Some(contract) = contract.filter(|one| one.base == bundle.contract && one.quote == spot.quote) else {
            return Ok(None);
        };
        if spot.base != bundle.coin {
            return Ok(None);
        }
        if bundle.rules_in(&spot.rules).is_none() {
            let problem = format!(
                "one contract is {} {}, and the grid of spot {} cannot be counted in contracts",
                bundle.coins, bundle.coin, bundle.spot
            );
            return Err(self.refused_pair(perp, problem));
        }
        self.confirm((bundle, contract.symbol)).await?;
        self.wire.count_in(bundle);
        Ok(Some(bundle))
    }

    /// The prices must say what the names say.
    async fn confirm(&self, (bundle, perp): (Bundle, Symbol)) -> Result<(), StartError> {
        let quotes =
            self.ask("a best quote", Ask::BestQuote { market: Market::Spot, symbol: Some(bundle.spot) }).await?;
        let marks = self.ask("its mark", Ask::Premium { symbol: Some(perp) }).await?;
        let spot = match &quotes {
            Answer::BestQuotes(rows) => rows.iter().find(|row| row.symbol == bundle.spot),
            _ => None,
        };
        let spot = spot.and_then(|row| {
            let (bid, ask) = (bundle.level_in(row.bid?).ok()?, bundle.level_in(row.ask?).ok()?);
            Some(Price::mid(bid.0, ask.0))
        });
        let index = match &marks {
            Answer::Premium(rows) => rows.iter().find(|row| row.symbol == perp).map(|row| row.index),
            _ => None,
        };
        let near =
            |one: Price, other: Price| one.units() / TIMES <= other.units() && other.units() / TIMES <= one.units();
        match (spot, index) {
            (Some(spot), Some(index)) if near(spot, index) => Ok(()),
            (spot, index) => {
                let word = |price: Option<Price>| price.map_or_else(|| "unknown".to_owned(), |price| price.to_string());
                let problem = format!(
                    "its name says that one contract is {} {}; of so many spot {} costs {}, and the index of the perp is {}: \
                     prices must confirm the name",
                    bundle.coins,
                    bundle.coin,
                    bundle.spot,
                    word(spot),
                    word(index)
                );
                Err(self.refused_pair(perp, problem))
            }
        }
    }

    /// One symbol, where the venue lists it.
    async fn listed(&self, market: Market, symbol: Symbol) -> Result<Option<Listing>, StartError> {
        let answer = match self.ask("its instruments", Ask::Listed { market, symbols: vec![symbol] }).await {
            Err(StartError::Refused { refused, .. }) if refused.class == Class::Malformed => return Ok(None),
            other => other?,
        };
        match answer {
            Answer::Instruments { listings, .. } => Ok(listings.into_iter().find(|row| row.symbol == symbol)),
            _ => Err(StartError::Unreachable {
                venue: self.name.to_owned(),
                what: "its instruments: the answer is of another kind".to_owned(),
            }),
        }
    }

    pub(super) fn refused_pair(&self, perp: Symbol, problem: String) -> StartError {
        StartError::Pair { pair: format!("{}:{perp}", self.name), problem }
    }
}
