//! What the venue does by itself: funding, margin checks, liquidation, auto-deleveraging.

use super::account::MarginOf;
use super::venue::SimVenue;
use crate::config::settings::MarginMode;
use crate::domain::fees::Role;
use crate::domain::{
    Amount, FundingRate, InstrumentId, Leg, Pair, PairId, Price, Quantity, Rate, Side, SignedQuantity, WallTime, margin,
};
use crate::port::Event;
use crate::port::event::{MarkSource, VenueAct, Wallet};
use crate::port::health::Listed;
use crate::port::order::{Intent, RejectCause};

/// Margin that a position's value needs when it is opened: value over leverage.
#[must_use]
pub fn initial_margin(value: Amount, leverage: Rate) -> Amount {
    let leverage = i128::from(leverage.units().max(1)) / 1_000_000_000;
    Amount::from_units(
        (value.units() / 100_000_000).saturating_mul(1_000_000_000).div_euclid(leverage.max(1)) * 100_000_000,
    )
}

/// Checks a perp order: reduce-only against the position, else the initial margin afterwards.
pub(super) fn check_perp(venue: &SimVenue, intent: &Intent, pair: &Pair) -> Option<RejectCause> {
    let position = venue.accounts.position(pair.id);
    let signed = intent.quantity.signed(intent.side);
    let against = position.coins.units().signum() * signed.units().signum() < 0;
    if intent.reduce_only {
        let possible = against && signed.magnitude() <= position.coins.magnitude();
        return (!possible).then_some(RejectCause::ReduceOnly);
    }
    if against && signed.magnitude() <= position.coins.magnitude() {
        return None;
    }
    let now = venue.accounts.margin(&venue.catalogue, pair.account(Leg::Short), None);
    let after = now.notional + intent.limit.times(intent.quantity);
    // The venue lets an account use more leverage than ours does; it refuses only what even that cannot carry.
    let most = venue.settings.size.leverage.times(2);
    (now.equity < initial_margin(after, most)).then_some(RejectCause::Balance)
}

impl SimVenue {
    /// Settles funding of one perp: pays the position held at that instant, `-coins x mark x rate`, rounded once.
    pub fn settle(
        &mut self,
        instrument: InstrumentId,
        funding: FundingRate,
        of: (WallTime, WallTime),
        mark: (Price, MarkSource),
    ) {
        let (stamp, now) = of;
        let Some(pair) = self.pair_at(instrument).cloned() else { return };
        let position = self.accounts.position(pair.id).coins;
        if position.is_zero() {
            return;
        }
        let (price, mark_source) = mark;
        let amount = (-price.times_signed(position)).times_rate(funding.rate);
        let (venue, quote) = pair.account(Leg::Short);
        self.accounts.add(venue, Wallet::Perp, quote, amount);
        let at = now + self.latency();
        if self.settings.margin.mode == MarginMode::Isolated {
            self.accounts.add_isolated(pair.id, amount);
            self.list_position(&pair, now);
        }
        let rate = funding.rate;
        self.announce(at, Event::FundingPaid { instrument, stamp, position, mark: price, mark_source, rate, amount });
    }

    /// Puts money of the perp wallet into an isolated position; refused when it is crossed or flat, or the money is not free.
    pub fn add_margin(&mut self, instrument: InstrumentId, amount: Amount, now: WallTime) {
        let Some(pair) = self.pair_at(instrument).cloned() else { return };
        let key = pair.account(Leg::Short);
        let free =
            self.accounts.wallet(key.0, Wallet::Perp, key.1) - self.accounts.isolated_money(&self.catalogue, key);
        let isolated = self.settings.margin.mode == MarginMode::Isolated;
        let taken =
            isolated && !self.accounts.position(pair.id).coins.is_zero() && amount > Amount::ZERO && amount <= free;
        let at = now + self.latency();
        if taken {
            self.accounts.add_isolated(pair.id, amount);
        }
        self.send(at, Event::MarginAdded { instrument, amount, taken });
        // The list that measures it is read a moment later.
        self.list_position(&pair, now + crate::domain::Span::seconds(2));
    }

    /// The pair under which the account keeps the position in an instrument: the first one that it serves.
    #[must_use]
    pub fn pair_of(&self, instrument: InstrumentId) -> Option<PairId> {
        self.catalogue.pair_of(instrument)
    }

    pub(super) fn pair_at(&self, instrument: InstrumentId) -> Option<&Pair> {
        self.catalogue.pair(self.pair_of(instrument)?)
    }

    /// What the account's list would say of a position.
    pub(super) fn list_position(&mut self, pair: &Pair, now: WallTime) {
        let position = self.accounts.position(pair.id);
        let isolated = (!position.isolated.is_zero()).then_some(position.isolated);
        let listed = Listed { coins: position.coins, mark: None, liquidation: None, isolated, at: Some(now) };
        let at = now + self.latency();
        self.send(at, Event::PositionListed { instrument: pair.short, listed });
    }

    /// The mark of a perp moved to `mark`, and may have been as high as `high` since: liquidates what that broke.
    ///
    /// The price of a liquidation is the one at which the margin was exactly spent, never better than `low`.
    #[inline]
    pub fn on_mark(&mut self, pair_id: PairId, mark: Price, high: Price, when: (WallTime, WallTime)) {
        if self.accounts.position(pair_id).coins.is_zero() {
            self.accounts.mark(pair_id, mark);
        } else {
            self.on_held_mark(pair_id, mark, high, when);
        }
    }

    fn on_held_mark(&mut self, pair_id: PairId, mark: Price, high: Price, when: (WallTime, WallTime)) {
        let position = self.accounts.position(pair_id);
        let Some(pair) = self.catalogue.pair(pair_id) else { return };
        let stressed = self.margin_at(pair, high);
        if stressed.equity > stressed.maintenance || position.coins.units() > 0 {
            self.accounts.mark(pair_id, mark);
            return;
        }
        let from = position.mark.unwrap_or(mark);
        let before = self.margin_at(pair, from);
        let distance =
            margin::liquidation_distance_with(before.equity, before.collateral, before.notional, before.maintenance)
                .unwrap_or(Rate::ZERO);
        let rise = i128::from(from.units()) * i128::from(distance.units().max(0)) / i128::from(Rate::ONE);
        let units = i64::try_from(i128::from(from.units()) + rise).unwrap_or(high.units());
        let price = Price::from_units(units.min(high.units()).max(1)).unwrap_or(high);
        let pair = pair.clone();
        self.accounts.mark(pair_id, mark);
        self.close_by_venue(&pair, position.coins.magnitude(), (price, VenueAct::Liquidation), when);
    }

    /// Margin figures of what a pair's position is part of, with that pair at `price`.
    fn margin_at(&self, pair: &Pair, price: Price) -> MarginOf {
        match self.settings.margin.mode {
            MarginMode::Cross => {
                self.accounts.margin(&self.catalogue, pair.account(Leg::Short), Some((pair.id, price)))
            }
            MarginMode::Isolated => self.accounts.isolated_margin(&self.catalogue, pair, price),
        }
    }

    /// Auto-deleverages a share of the short at a price.
    pub fn deleverage(&mut self, instrument: InstrumentId, share: Rate, price: Price, now: WallTime) {
        let Some(pair) = self.pair_at(instrument).cloned() else { return };
        let position = self.accounts.position(pair.id).coins;
        if position.units() >= 0 {
            return;
        }
        let step = self.catalogue.instrument(instrument).map_or(Quantity::ZERO, |one| one.rules.step);
        let part = i128::from(position.magnitude().units()) * i128::from(share.units()) / i128::from(Rate::ONE);
        let coins = Quantity::saturating(i64::try_from(part).unwrap_or(0)).floor_to(step).min(position.magnitude());
        if !coins.is_zero() {
            self.close_by_venue(&pair, coins, (price, VenueAct::Adl), (now, now));
        }
    }

    fn close_by_venue(&mut self, pair: &Pair, coins: Quantity, how: (Price, VenueAct), when: (WallTime, WallTime)) {
        let (price, act) = how;
        let (at, now) = when;
        let what = ((price, coins), Role::Taker);
        let Some(fill) = self.trade(pair.short, Side::Buy, what, (None, at)) else { return };
        let delivered = now + self.latency();
        self.announce(delivered, Event::VenueFill { instrument: pair.short, act, side: Side::Buy, fill });
    }

    /// Signed perp coins and spot coins of a pair in the venue's own books.
    #[must_use]
    pub fn holds(&self, pair: &Pair) -> (Amount, SignedQuantity) {
        let spot = self.accounts.wallet(pair.venue(Leg::Long), Wallet::Spot, pair.coin);
        (spot, self.accounts.position(pair.id).coins)
    }
}
