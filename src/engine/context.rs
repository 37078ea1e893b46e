//! Values for the gate, computed from the state for one proposal.

use super::funds::mark_of;
use super::state::{PairState, State};
use crate::domain::{Amount, Leg, Market, Quantity, Side, SignedQuantity};
use crate::pairs::sizing::margin_of;
use crate::risk::belief::Use;
use crate::risk::gate::{BotState, Context, Proposal};
use crate::risk::throttle::Made;

impl State {
    /// Everything that the rules may look at for this proposal; `None` when the pair or instrument does not exist.
    #[must_use]
    pub fn context<'a>(&'a self, proposal: &Proposal, reduces: bool, parent_left: Quantity) -> Option<Context<'a>> {
        let pair = self.pairs.get(proposal.pair.index())?;
        let instrument = self.catalogue.instrument(proposal.instrument)?;
        let (own, other) = (pair.market.leg(proposal.leg), pair.market.leg(proposal.leg.other()));
        let reducible = reducible(proposal, self.held(pair));
        let pending_other_way = self.orders.live().iter().any(|order| {
            order.intent.instrument == proposal.instrument
                && order.intent.side != proposal.side
                && order.state.is_live()
        });
        let (venue, quote) = pair.pair.account(proposal.leg);
        let funds = self.funds(venue, quote);
        let value = proposal.limit.times(proposal.quantity);
        let fee = value.times_rate(instrument.fees.taker).max(Amount::ZERO);
        let (needs, free, distance_after) = match (instrument.market, reduces) {
            (_, true) => (Amount::ZERO, Amount::ZERO, None),
            (Market::Spot, false) => (value + fee, funds.spot, None),
            (Market::Perp, false) => {
                let needs = margin_of(value, self.leverage_at(instrument.venue_id)) + fee;
                let mut after = funds;
                *(if proposal.leg == Leg::Long { &mut after.longs } else { &mut after.notional }) += value;
                after.perp_equity -= fee;
                let rate = instrument.brackets.first().map(|bracket| bracket.maintenance);
                after.maintenance += rate.map_or(value, |rate| value.times_rate(rate));
                let distance = if self.is_isolated() {
                    super::isolated::after_entry(self, pair, value, rate)
                } else {
                    super::margin::distance(&after)
                };
                (needs, funds.free_perp(), distance)
            }
        };
        let own_settings = self.settings_of(pair);
        let told = pair.market.leg(if instrument.market == Market::Perp { proposal.leg } else { Leg::Short });
        let index_young = told.mark.is_some_and(|(_, at)| self.now.since(at) <= self.settings.gates.max_age);
        let made =
            Made { at: self.now, instrument: proposal.instrument, side: proposal.side, quantity: proposal.quantity };
        Some(Context {
            now: self.now,
            // Clips of an entry that is in work stop too.
            bot: if self.disk_short && self.bot == BotState::Ready { BotState::ReduceOnly } else { self.bot },
            pair_latched: pair.memory.latched.is_some(),
            reachable: self.venue(instrument.venue_id).is_some_and(|venue| !venue.down),
            market: instrument.market,
            rules: &instrument.rules,
            risk: &self.strategy_of(pair).risk,
            gates: &own_settings.gates,
            execution: &own_settings.execution,
            margin: &self.settings.margin,
            reduces,
            mid: own.mid,
            other_mid: other.mid,
            mark: told.mark.map(|(mark, _)| mark),
            index: told.index.filter(|_| index_young),
            age_ms: self.now.since(own.updated.min(other.updated)).0,
            doubt: self.doubt(pair, proposal.leg, if reduces { Use::Reduce } else { Use::Entry }),
            reducible,
            pair_value: self.worst_value(proposal, Leg::Long).max(self.worst_value(proposal, Leg::Short)),
            total_value: self.total_value(proposal, |other| other.strategy == pair.strategy),
            account: self.account_value(proposal),
            needs,
            free,
            distance_after,
            orders_last_minute: self.throttle.count(self.now),
            repeats: self.throttle.repeats(made, self.settings.risk.duplicate_window),
            crosses_own: pending_other_way,
            parent_left,
        })
    }

    /// Value of one leg of the proposal's pair if every live order and the proposal itself were executed (I3).
    fn worst_value(&self, proposal: &Proposal, leg: Leg) -> Amount {
        let Some(pair) = self.pairs.get(proposal.pair.index()) else { return Amount::ZERO };
        let Some(mid) = pair.market.leg(leg).mid else { return Amount::ZERO };
        let held = leg.of(self.held(pair));
        let mut coins = held.magnitude() + self.orders.at_risk(pair.pair.leg(leg));
        if proposal.leg == leg {
            coins += proposal.quantity;
        }
        mid.times(coins)
    }

    /// What the pairs of all strategies would be worth, and their limit; nothing where there is one strategy.
    fn account_value(&self, proposal: &Proposal) -> Option<(Amount, Amount)> {
        let several = !self.settings.strategies.is_empty();
        several.then(|| (self.total_value(proposal, |_| true), self.settings.risk.max_total))
    }

    fn total_value(&self, proposal: &Proposal, is: impl Fn(&PairState) -> bool) -> Amount {
        let mut total = Amount::ZERO;
        for pair in self.pairs.iter().filter(|pair| is(pair)) {
            let (long, short) = self.held(pair);
            let coins = long.magnitude().max(short.magnitude());
            let busy = self.orders.at_risk(pair.pair.long).max(self.orders.at_risk(pair.pair.short));
            let own = if pair.pair.id == proposal.pair { proposal.quantity } else { Quantity::ZERO };
            if let Some(mark) = mark_of(pair) {
                total += mark.times(coins + busy + own);
            }
        }
        total
    }
}

/// Coins that an order on this side can take from what is held.
fn reducible(proposal: &Proposal, (long, short): (SignedQuantity, SignedQuantity)) -> Quantity {
    match (proposal.leg, proposal.side) {
        (Leg::Long, Side::Sell) => Quantity::saturating(long.units()),
        (Leg::Short, Side::Buy) => Quantity::saturating(-short.units()),
        _ => Quantity::ZERO,
    }
}
