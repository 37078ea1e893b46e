//! What the venue does by itself: funding, margin checks, liquidation, auto-deleveraging.

use super::account::MarginOf;
use super::venue::SimVenue;
use crate::config::settings::MarginMode;
use crate::domain::fees::Role;
use crate::domain::{
    Amount, FundingRate, Instrument, InstrumentId, Leg, Market, Pair, Price, Quantity, Rate, Side, SignedQuantity,
    WallTime, margin,
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
pub(super) fn check_perp(venue: &SimVenue, intent: &Intent, perp: &Instrument) -> Option<RejectCause> {
    let position = venue.accounts.position(perp.id);
    let signed = intent.quantity.signed(intent.side);
    let against = position.coins.units().signum() * signed.units().signum() < 0;
    if intent.reduce_only {
        let possible = against && signed.magnitude() <= position.coins.magnitude();
        return (!possible).then_some(RejectCause::ReduceOnly);
    }
    if against && signed.magnitude() <= position.coins.magnitude() {
        return None;
    }
    let now = venue.accounts.margin(&venue.catalogue, (perp.venue_id, perp.quote), None);
    let after = now.notional + intent.limit.times(intent.quantity);
    (now.equity < initial_margin(after, venue.most_leverage(perp.venue_id))).then_some(RejectCause::Balance)
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
        let Some((venue, quote)) = self.catalogue.instrument(instrument).map(|one| (one.venue_id, one.quote)) else {
            return;
        };
        let position = self.accounts.position(instrument).coins;
        if position.is_zero() {
            return;
        }
        let (price, mark_source) = mark;
        let amount = (-price.times_signed(position)).times_rate(funding.rate);
        self.accounts.add(venue, Wallet::Perp, quote, amount);
        let at = now + self.latency();
        if self.settings.margin.mode == MarginMode::Isolated {
            self.accounts.add_isolated(instrument, amount);
            self.list_position(instrument, now);
        }
        let rate = funding.rate;
        self.announce(at, Event::FundingPaid { instrument, stamp, position, mark: price, mark_source, rate, amount });
    }

    /// Puts money of the perp wallet into an isolated position; refused when it is crossed or flat, or the money is not free.
    pub fn add_margin(&mut self, instrument: InstrumentId, amount: Amount, now: WallTime) {
        let Some(key) = self.catalogue.instrument(instrument).map(|one| (one.venue_id, one.quote)) else { return };
        let free =
            self.accounts.wallet(key.0, Wallet::Perp, key.1) - self.accounts.isolated_money(&self.catalogue, key);
        let isolated = self.settings.margin.mode == MarginMode::Isolated;
        let taken =
            isolated && !self.accounts.position(instrument).coins.is_zero() && amount > Amount::ZERO && amount <= free;
        let at = now + self.latency();
        if taken {
            self.accounts.add_isolated(instrument, amount);
        }
        self.send(at, Event::MarginAdded { instrument, amount, taken });
        // The list that measures it is read a moment later.
        self.list_position(instrument, now + crate::domain::Span::seconds(2));
    }

    /// What the account's list would say of a position.
    pub(super) fn list_position(&mut self, instrument: InstrumentId, now: WallTime) {
        let position = self.accounts.position(instrument);
        let isolated = (!position.isolated.is_zero()).then_some(position.isolated);
        let listed = Listed { coins: position.coins, mark: None, liquidation: None, isolated, at: Some(now) };
        let at = now + self.latency();
        self.send(at, Event::PositionListed { instrument, listed });
    }

    /// The mark of a perp moved to `mark`, and may have been as low and as high as `range` since: liquidates what that broke. The
    /// first of `when` dates the execution, from the second on it is told.
    ///
    /// The price of a liquidation is the one at which the margin was exactly spent, and never worse than the end of the range.
    #[inline]
    pub fn on_mark(&mut self, perp: InstrumentId, mark: Price, range: (Price, Price), when: (WallTime, WallTime)) {
        if self.accounts.position(perp).coins.is_zero() {
            self.accounts.mark(perp, mark);
        } else {
            self.on_held_mark(perp, mark, range, when);
        }
    }

    fn on_held_mark(&mut self, perp: InstrumentId, mark: Price, range: (Price, Price), when: (WallTime, WallTime)) {
        let position = self.accounts.position(perp);
        let is_long = position.coins.units() > 0;
        let worst = if is_long { range.0 } else { range.1 };
        let from = position.mark.unwrap_or(mark);
        let margins =
            self.catalogue.instrument(perp).map(|one| (self.margin_at(one, worst), self.margin_at(one, from)));
        self.accounts.mark(perp, mark);
        let Some((_, before)) = margins.filter(|(stressed, _)| stressed.equity <= stressed.maintenance) else { return };
        let MarginOf { equity, collateral, notional, maintenance, .. } = before;
        let distance = if is_long {
            margin::liquidation_fall(equity, collateral, notional, maintenance)
        } else {
            margin::liquidation_distance_with(equity, collateral, notional, maintenance)
        };
        let distance = distance.unwrap_or(Rate::ZERO).max(Rate::ZERO);
        let moved = i128::from(from.units()) * i128::from(distance.units()) / i128::from(Rate::ONE);
        let moved = i64::try_from(moved).unwrap_or(i64::MAX);
        let units = if is_long {
            from.units().saturating_sub(moved).max(worst.units())
        } else {
            from.units().saturating_add(moved).min(worst.units())
        };
        let price = Price::from_units(units.max(1)).unwrap_or(worst);
        self.close_by_venue(perp, position.coins.magnitude(), (price, VenueAct::Liquidation), when);
    }

    /// Margin figures of what a position is part of, with its perp at `price`.
    fn margin_at(&self, perp: &Instrument, price: Price) -> MarginOf {
        match self.settings.margin.mode {
            MarginMode::Cross => {
                self.accounts.margin(&self.catalogue, (perp.venue_id, perp.quote), Some((perp.id, price)))
            }
            MarginMode::Isolated => self.accounts.isolated_margin(perp, price),
        }
    }

    /// Auto-deleverages a share of the short at a price.
    pub fn deleverage(&mut self, instrument: InstrumentId, share: Rate, price: Price, now: WallTime) {
        let position = self.accounts.position(instrument).coins;
        if position.units() >= 0 {
            return;
        }
        let step = self.catalogue.instrument(instrument).map_or(Quantity::ZERO, |one| one.rules.step);
        let part = i128::from(position.magnitude().units()) * i128::from(share.units()) / i128::from(Rate::ONE);
        let coins = Quantity::saturating(i64::try_from(part).unwrap_or(0)).floor_to(step).min(position.magnitude());
        if !coins.is_zero() {
            self.close_by_venue(instrument, coins, (price, VenueAct::Adl), (now, now));
        }
    }

    fn close_by_venue(
        &mut self,
        instrument: InstrumentId,
        coins: Quantity,
        how: (Price, VenueAct),
        when: (WallTime, WallTime),
    ) {
        let ((price, act), (at, now)) = (how, when);
        let side = if self.accounts.position(instrument).coins.units() > 0 { Side::Sell } else { Side::Buy };
        let what = ((price, coins), Role::Taker);
        let Some(fill) = self.trade(instrument, side, what, (None, at)) else { return };
        let delivered = now + self.latency();
        self.announce(delivered, Event::VenueFill { instrument, act, side, fill });
    }

    /// Signed coins of the long and the short leg of a pair in the venue's own books.
    #[must_use]
    pub fn holds(&self, pair: &Pair) -> (SignedQuantity, SignedQuantity) {
        let of = |leg: Leg| match pair.market(leg) {
            Market::Spot => self.accounts.wallet(pair.venue(leg), Wallet::Spot, pair.coin).to_coins(),
            Market::Perp => self.accounts.position(pair.leg(leg)).coins,
        };
        (of(Leg::Long), of(Leg::Short))
    }
}
