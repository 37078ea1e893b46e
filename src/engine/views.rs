//! Views for the strategy and numbers for the planner, computed from the state.

use super::state::{PairState, State};
use crate::config::Settings;
use crate::config::settings::{First, Weighting};
use crate::domain::{Amount, Catalogue, Instrument, Leg, Market, Price, Quantity, Rate, Side, SignedQuantity};
use crate::pairs::LatchCause;
use crate::pairs::plan::{LegGrid, PlanInput};
use crate::planted::{self, Bug};
use crate::strategy::View;

impl PairState {
    /// Takes fees from the catalogue and spread and depth from the market, or their proxies on bars.
    #[expect(clippy::float_arithmetic, reason = "cost estimates are signals")]
    pub fn refresh_costs(&mut self, settings: &Settings, catalogue: &Catalogue) {
        let settings = settings.of_pair_in(self.strategy, &self.pair.name);
        let fee = |id| catalogue.instrument(id).map_or(0.0, |instrument| instrument.fees.taker.to_f64());
        self.costs.long_fee = fee(self.pair.long);
        self.costs.short_fee = fee(self.pair.short);
        let half_spread = |leg: Leg| {
            let market = self.market.leg(leg);
            match (market.bid, market.ask, market.mid) {
                (Some(bid), Some(ask), Some(mid)) if ask > bid => (ask.to_f64() - bid.to_f64()) / 2.0 / mid.to_f64(),
                _ => settings.sim.half_spread.to_f64(),
            }
        };
        self.costs.long_half_spread = half_spread(Leg::Long);
        self.costs.short_half_spread = half_spread(Leg::Short);
        let impact = |leg: Leg| {
            let market = self.market.leg(leg);
            let volume = market.mean_volume().to_f64();
            let clip = market.mid.map_or(0.0, |mid| settings.execution.clip.to_f64() / mid.to_f64());
            if volume > 0.0 { settings.sim.impact.to_f64() * libm::sqrt((clip / volume).min(1.0)) } else { 0.0 }
        };
        self.costs.impact = impact(Leg::Long) + impact(Leg::Short);
    }
}

impl State {
    /// The strategy's view of a pair.
    #[must_use]
    #[inline]
    pub fn view<'a>(&'a self, pair: &'a PairState, held: Quantity) -> View<'a> {
        View {
            now: self.now,
            settings: self.settings_of(pair),
            market: &pair.market,
            costs: pair.costs,
            held,
            entered_at: pair.memory.entered_at,
            closed_at: pair.memory.closed_at,
            peers_8h: self.peers(pair),
            peg: self.pegs.get(&pair.pair.quote(Leg::Short)).copied(),
            lacks: self.lacks(pair),
            spread: pair.pair.is_spread(),
            reachable: !self.any_venue(&pair.pair, |venue| !venue.is_whole()),
            capital: self.capital_per_notional(pair),
        }
    }

    /// Mean funding of the coin over all venues, weighted as configured; `None` when it is the pair's own that counts.
    #[expect(clippy::float_arithmetic, reason = "signals are floats")]
    fn peers(&self, pair: &PairState) -> Option<f64> {
        let weighting = self.settings_of(pair).signal.weighting;
        if weighting == Weighting::Own {
            return None;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for peer in self.pairs.iter().filter(|peer| peer.pair.coin == pair.pair.coin) {
            let weight = match weighting {
                Weighting::Own => 0.0,
                Weighting::OpenInterest => peer.market.short.open_interest().map_or(0.0, Quantity::to_f64),
                Weighting::Volume => peer.market.short.mean_volume().to_f64(),
            };
            if let Some(mean) = peer.market.short.funding.smoothed() {
                sum += weight * mean.per_8h();
                weights += weight;
            }
        }
        (weights > 0.0).then(|| sum / weights)
    }

    /// Coins held by a pair: signed, of the long leg and of the short one.
    #[must_use]
    pub fn held(&self, pair: &PairState) -> (SignedQuantity, SignedQuantity) {
        self.ledger.pair(pair.pair.id).map_or((SignedQuantity::ZERO, SignedQuantity::ZERO), |book| {
            (book.attribution.long, book.attribution.short)
        })
    }

    /// Coins of the long leg that the venue did not have at the last comparison.
    fn missing_coins(&self, pair: &PairState) -> Quantity {
        let venue = self.venue(pair.pair.venue(Leg::Long)).filter(|_| pair.pair.market(Leg::Long) == Market::Spot);
        let rows = venue.map(|venue| venue.missing_coins.as_slice()).unwrap_or_default();
        let row = rows.iter().find(|(asset, _)| *asset == pair.pair.coin);
        row.map_or(Quantity::ZERO, |(_, amount)| amount.to_coins().magnitude())
    }

    /// What the planner needs of a pair; `None` without prices.
    #[must_use]
    pub fn plan_input(&self, pair: &PairState) -> Option<PlanInput> {
        let (long_mid, short_mid) = (pair.market.long.mid?, pair.market.short.mid?);
        let long = self.catalogue.instrument(pair.pair.long)?;
        let short = self.catalogue.instrument(pair.pair.short)?;
        let (long_coins, mut short_coins) = self.held(pair);
        if let Some((listed, _)) = pair.witness.listed(Leg::Short).filter(|_| planted::is(Bug::ListOverFills)) {
            short_coins = listed.coins;
        }
        let fee_coin = self.fee_coin(pair);
        let from_coins = long.fee_coin(Side::Buy).is_some() && fee_coin.is_none_or(|coin| coin == pair.pair.coin);
        let own_coin = fee_coin == Some(pair.pair.coin);
        let fee_if = |taken: bool| if taken { long.fees.taker } else { Rate::ZERO };
        let long_min = least_coins(long.rules.min_notional, long_mid, long.rules.min_quantity, long.rules.step);
        let short_min = least_coins(short.rules.min_notional, short_mid, short.rules.min_quantity, short.rules.step);
        // Venues waive the least value for reduces of a contract, and not for sales of coins.
        let min_reduce = |of: &Instrument, min_add| match of.market {
            Market::Spot => min_add,
            Market::Perp => of.rules.min_quantity,
        };
        let first = pair.memory.first.unwrap_or_else(|| self.first_leg(pair));
        Some(PlanInput {
            target: pair.memory.target,
            long_coins,
            short_coins,
            long_grid: LegGrid { step: long.rules.step, min_add: long_min, min_reduce: min_reduce(long, long_min) },
            short_grid: LegGrid {
                step: short.rules.step,
                min_add: short_min,
                min_reduce: min_reduce(short, short_min),
            },
            clip: self.clip(pair, long_mid),
            first,
            coin_fee: fee_if(from_coins || own_coin),
            sell_fee: fee_if(own_coin),
            undo: pair.memory.undo,
            venue_made: pair.memory.venue_made,
            closing: pair.memory.closing,
            reduces_only: pair.memory.latched.is_some_and(|latch| latch.cause == LatchCause::ForeignHand),
            strangers: pair.memory.strangers,
            missing: self.missing_coins(pair),
        })
    }

    /// Largest clip in coins: by value, and by a share of the depth that both legs show.
    fn clip(&self, pair: &PairState, long_mid: Price) -> Quantity {
        if pair.last_chance {
            return Quantity::saturating(i64::MAX);
        }
        let settings = self.settings_of(pair);
        let execution = &settings.execution;
        let by_value = execution.clip.units().div_euclid(i128::from(long_mid.units()));
        let by_value = Quantity::saturating(i64::try_from(by_value).unwrap_or(i64::MAX));
        let legs = [&pair.market.long, &pair.market.short];
        let depth = legs.iter().map(|leg| leg.thinner_depth()).min().unwrap_or(Quantity::ZERO);
        let share = i128::from(depth.units()) * i128::from(settings.size.depth_share.units());
        let by_depth = share.div_euclid(i128::from(Rate::ONE));
        by_value.min(Quantity::saturating(i64::try_from(by_depth).unwrap_or(i64::MAX)))
    }

    /// The leg with less depth, or the configured one.
    #[must_use]
    pub fn first_leg(&self, pair: &PairState) -> Leg {
        match self.settings_of(pair).execution.first {
            First::Leg(leg) => leg,
            First::Auto => {
                let thinner = pair.market.short.thinner_depth() < pair.market.long.thinner_depth();
                if thinner { Leg::Short } else { Leg::Long }
            }
        }
    }
}

/// Least coins of an order: the venue's minimum quantity and minimum value, with a twentieth to spare for price moves.
fn least_coins(min_notional: Amount, price: Price, min_quantity: Quantity, step: Quantity) -> Quantity {
    let units = (min_notional.units() + min_notional.units() / 20).div_euclid(i128::from(price.units()));
    let by_value = i64::try_from(units).unwrap_or(i64::MAX);
    let grid = step.units().max(1);
    let rounded = by_value.saturating_add(grid - 1) / grid * grid;
    Quantity::saturating(rounded).max(min_quantity)
}
