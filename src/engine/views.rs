//! Views for the strategy and numbers for the planner, computed from the state.

use super::state::{PairState, State};
use crate::config::Settings;
use crate::config::settings::{First, Weighting};
use crate::domain::{Amount, Catalogue, Leg, Market, Price, Quantity, Rate, Side, SignedQuantity};
use crate::pairs::LatchCause;
use crate::pairs::plan::{LegGrid, PlanInput};
use crate::planted::{self, Bug};
use crate::strategy::View;

impl PairState {
    /// Takes fees from the catalogue and spread and depth from the market, or their proxies on bars.
    #[expect(clippy::float_arithmetic, reason = "cost estimates are signals")]
    pub fn refresh_costs(&mut self, settings: &Settings, catalogue: &Catalogue) {
        let fee = |id| catalogue.instrument(id).map_or(0.0, |instrument| instrument.fees.taker.to_f64());
        self.costs.spot_fee = fee(self.pair.spot);
        self.costs.perp_fee = fee(self.pair.perp);
        let half_spread = |leg: Leg| {
            let market = self.market.leg(leg);
            match (market.bid, market.ask, market.mid) {
                (Some(bid), Some(ask), Some(mid)) if ask > bid => (ask.to_f64() - bid.to_f64()) / 2.0 / mid.to_f64(),
                _ => settings.sim.half_spread.to_f64(),
            }
        };
        self.costs.spot_half_spread = half_spread(Market::Spot);
        self.costs.perp_half_spread = half_spread(Market::Perp);
        let impact = |leg: Leg| {
            let market = self.market.leg(leg);
            let volume = market.mean_volume().to_f64();
            let clip = market.mid.map_or(0.0, |mid| settings.execution.clip.to_f64() / mid.to_f64());
            if volume > 0.0 { settings.sim.impact.to_f64() * libm::sqrt((clip / volume).min(1.0)) } else { 0.0 }
        };
        self.costs.impact = impact(Market::Spot) + impact(Market::Perp);
    }
}

impl State {
    /// The strategy's view of a pair.
    #[must_use]
    #[inline]
    pub fn view<'a>(&'a self, pair: &'a PairState, held: Quantity) -> View<'a> {
        View {
            now: self.now,
            settings: &self.settings,
            market: &pair.market,
            costs: pair.costs,
            held,
            entered_at: pair.memory.entered_at,
            closed_at: pair.memory.closed_at,
            peers_8h: self.peers(pair),
            peg: self.pegs.get(&pair.pair.quote).copied(),
            lacks: self.lacks(pair),
            reachable: self.venue(pair.pair.venue_id).is_some_and(super::state::VenueState::is_whole),
        }
    }

    /// Mean funding of the coin over all venues, weighted as configured; `None` when it is the pair's own that counts.
    #[expect(clippy::float_arithmetic, reason = "signals are floats")]
    fn peers(&self, pair: &PairState) -> Option<f64> {
        let weighting = self.settings.signal.weighting;
        if weighting == Weighting::Own {
            return None;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for peer in self.pairs.iter().filter(|peer| peer.pair.coin == pair.pair.coin) {
            let weight = match weighting {
                Weighting::Own => 0.0,
                Weighting::OpenInterest => peer.market.open_interest().map_or(0.0, Quantity::to_f64),
                Weighting::Volume => peer.market.perp.mean_volume().to_f64(),
            };
            if let Some(mean) = peer.market.funding.smoothed() {
                sum += weight * mean.per_8h();
                weights += weight;
            }
        }
        (weights > 0.0).then(|| sum / weights)
    }

    /// Coins held by a pair: spot and signed perp.
    #[must_use]
    pub fn held(&self, pair: &PairState) -> (SignedQuantity, SignedQuantity) {
        self.ledger
            .pair(pair.pair.id)
            .map_or((SignedQuantity::ZERO, SignedQuantity::ZERO), |book| (book.attribution.spot, book.attribution.perp))
    }

    /// What the planner needs of a pair; `None` without prices.
    #[must_use]
    pub fn plan_input(&self, pair: &PairState) -> Option<PlanInput> {
        let (spot_mid, perp_mid) = (pair.market.spot.mid?, pair.market.perp.mid?);
        let spot = self.catalogue.instrument(pair.pair.spot)?;
        let perp = self.catalogue.instrument(pair.pair.perp)?;
        let (spot_coins, mut perp_coins) = self.held(pair);
        if let Some((listed, _)) = pair.witness.listed.filter(|_| planted::is(Bug::ListOverFills)) {
            perp_coins = listed.coins;
        }
        let fee_coin = self.fee_coin(pair);
        let from_coins = spot.fee_coin(Side::Buy).is_some() && fee_coin.is_none_or(|coin| coin == pair.pair.coin);
        let own_coin = fee_coin == Some(pair.pair.coin);
        let fee_if = |taken: bool| if taken { spot.fees.taker } else { Rate::ZERO };
        let spot_min = least_coins(spot.rules.min_notional, spot_mid, spot.rules.min_quantity, spot.rules.step);
        let perp_min = least_coins(perp.rules.min_notional, perp_mid, perp.rules.min_quantity, perp.rules.step);
        let first = pair.memory.first.unwrap_or_else(|| self.first_leg(pair));
        Some(PlanInput {
            target: pair.memory.target,
            spot: spot_coins,
            perp: perp_coins,
            spot_grid: LegGrid { step: spot.rules.step, min_add: spot_min, min_reduce: spot_min },
            perp_grid: LegGrid { step: perp.rules.step, min_add: perp_min, min_reduce: perp.rules.min_quantity },
            clip: self.clip(pair, spot_mid),
            first,
            coin_fee: fee_if(from_coins || own_coin),
            sell_fee: fee_if(own_coin),
            undo: pair.memory.undo,
            venue_made: pair.memory.venue_made,
            closing: pair.memory.closing,
            reduces_only: pair.memory.latched.is_some_and(|latch| latch.cause == LatchCause::ForeignHand),
        })
    }

    /// Largest clip in coins: by value, and by a share of the depth that both legs show.
    fn clip(&self, pair: &PairState, spot_mid: Price) -> Quantity {
        if pair.last_chance {
            return Quantity::saturating(i64::MAX);
        }
        let execution = &self.settings.execution;
        let by_value = execution.clip.units().div_euclid(i128::from(spot_mid.units()));
        let by_value = Quantity::saturating(i64::try_from(by_value).unwrap_or(i64::MAX));
        let legs = [&pair.market.spot, &pair.market.perp];
        let depth = legs.iter().map(|leg| leg.thinner_depth()).min().unwrap_or(Quantity::ZERO);
        let share = i128::from(depth.units()) * i128::from(self.settings.size.depth_share.units());
        let by_depth = share.div_euclid(i128::from(Rate::ONE));
        by_value.min(Quantity::saturating(i64::try_from(by_depth).unwrap_or(i64::MAX)))
    }

    /// The leg with less depth, or the configured one.
    #[must_use]
    pub fn first_leg(&self, pair: &PairState) -> Leg {
        match self.settings.execution.first {
            First::Leg(leg) => leg,
            First::Auto => {
                let thinner = pair.market.perp.thinner_depth() < pair.market.spot.thinner_depth();
                if thinner { Market::Perp } else { Market::Spot }
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
