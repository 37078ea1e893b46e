//! What happens to a request that has arrived: checks, matching, executions, and answers to cancels and queries.

use super::faults::PlaceFault;
use super::matching::{Liquidity, take};
use super::settle;
use super::venue::{ENDED_KEPT, SimVenue, VALIDITY, VenueOrder, VenueTrade};
use crate::config::settings::MarginMode;
use crate::domain::fees::{self, Role};
use crate::domain::{
    Amount, ClientOrderId, FillId, Instrument, InstrumentId, Market, Price, Quantity, Side, Span, WallTime,
};
use crate::port::TimeInForce;
use crate::port::event::Wallet;
use crate::port::order::{Fill, Intent, Outcome, Purpose, RejectCause};

impl SimVenue {
    pub(super) fn accept(&mut self, intent: Intent, fault: Option<PlaceFault>, now: WallTime) {
        let id = intent.id;
        if self.find(id).is_some() {
            self.resent += 1;
        }
        if now.since(intent.decided_at) > VALIDITY {
            return;
        }
        let refused = match fault {
            Some(PlaceFault::Reject) => Some(RejectCause::Limit),
            Some(PlaceFault::ReduceRefused) if intent.reduce_only => Some(RejectCause::ReduceOnly),
            Some(PlaceFault::PostOnlyRefused) if intent.time_in_force == TimeInForce::PostOnly => {
                Some(RejectCause::WouldTake)
            }
            Some(PlaceFault::AckThenReject) => {
                self.report(now, id, Outcome::Accepted);
                // The stream takes back what the acknowledgement said: on such venues an ack is not acceptance.
                self.keep_refused(intent, now);
                return;
            }
            _ => self.check(&intent),
        };
        // No answer, and the stream is late too: longer than the bot waits before it asks.
        self.hush = match fault {
            Some(PlaceFault::TimeoutExecuted | PlaceFault::ErrorAccepted) => Span(i64::from(self.faults.draw(12_000))),
            _ => Span::ZERO,
        };
        if let Some(cause) = refused {
            if !matches!(fault, Some(PlaceFault::TimeoutExecuted | PlaceFault::ErrorAccepted | PlaceFault::TimeoutLate))
            {
                self.tell(now + self.latency(), id, Outcome::Rejected { cause });
            }
            let end = Some(Outcome::Rejected { cause });
            self.retire(VenueOrder { intent, fills: Vec::new(), end });
            return;
        }
        // On bars a further clip waits for the next open: one open has one clip and its hedge, not a bar's whole volume.
        let clip = matches!(intent.purpose, Purpose::Enter | Purpose::Exit) && self.opening;
        let waits = self.instant && (clip || matches!(self.liquidity_of(intent.instrument), Liquidity::None));
        let rests = intent.time_in_force == TimeInForce::PostOnly;
        self.orders.push(VenueOrder { intent, fills: Vec::new(), end: None });
        self.changed = true;
        if waits || rests {
            self.report(now, id, Outcome::Accepted);
        } else {
            self.execute(id, fault, now);
        }
        self.hush = Span::ZERO;
    }

    pub(super) fn keep_refused(&mut self, intent: Intent, now: WallTime) {
        let id = intent.id;
        let end = Outcome::Expired { filled: Quantity::ZERO };
        self.retire(VenueOrder { intent, fills: Vec::new(), end: Some(end.clone()) });
        let later = now + Span(500);
        self.report(later, id, end);
    }

    /// The venue's own checks before matching.
    pub(super) fn check(&self, intent: &Intent) -> Option<RejectCause> {
        let instrument = self.catalogue.instrument(intent.instrument)?;
        if self.down.get(instrument.venue_id.index()).copied().unwrap_or(false) {
            return Some(RejectCause::Halted);
        }
        let rules = &instrument.rules;
        let grid = intent.quantity.floor_to(rules.step) == intent.quantity
            && intent.limit.units() % rules.tick.units() == 0
            && intent.quantity >= rules.min_quantity
            && intent.quantity <= rules.max_quantity;
        let value = intent.limit.times(intent.quantity);
        let waived = instrument.market == Market::Perp && intent.reduce_only;
        if !grid || !waived && value < rules.min_notional {
            return Some(RejectCause::Filter);
        }
        if intent.time_in_force == TimeInForce::PostOnly && self.crosses(intent) {
            return Some(RejectCause::WouldTake);
        }
        match instrument.market {
            Market::Spot => self.check_spot(intent, instrument),
            Market::Perp => settle::check_perp(self, intent, instrument),
        }
    }

    pub(super) fn crosses(&self, intent: &Intent) -> bool {
        match (self.liquidity_of(intent.instrument), intent.side) {
            (Liquidity::Book { asks, .. }, Side::Buy) => asks.first().is_some_and(|(ask, _)| *ask <= intent.limit),
            (Liquidity::Book { bids, .. }, Side::Sell) => bids.first().is_some_and(|(bid, _)| *bid >= intent.limit),
            (Liquidity::None | Liquidity::Open { .. }, _) => false,
        }
    }

    pub(super) fn check_spot(&self, intent: &Intent, spot: &Instrument) -> Option<RejectCause> {
        let enough = match intent.side {
            Side::Buy => {
                let quote = self.accounts.wallet(spot.venue_id, Wallet::Spot, spot.quote);
                quote >= intent.limit.times(intent.quantity)
            }
            Side::Sell => {
                let coins = self.accounts.wallet(spot.venue_id, Wallet::Spot, spot.coin);
                coins >= Amount::of_coins(intent.quantity.signed(Side::Buy))
            }
        };
        (!enough).then_some(RejectCause::Balance)
    }

    pub(super) fn liquidity_of(&self, instrument: InstrumentId) -> &Liquidity {
        self.liquidity.get(instrument.index()).unwrap_or(&Liquidity::None)
    }

    /// Matches an order as a taker; what does not trade expires.
    pub(super) fn execute(&mut self, id: ClientOrderId, fault: Option<PlaceFault>, now: WallTime) {
        let Some(order) = self.orders.iter().find(|order| order.intent.id == id) else { return };
        let intent = order.intent.clone();
        let tick = self.catalogue.instrument(intent.instrument).map(|instrument| instrument.rules.tick);
        let wanted = match fault {
            Some(PlaceFault::Partial) => {
                let step = self.catalogue.instrument(intent.instrument).map_or(Quantity::ZERO, |one| one.rules.step);
                Quantity::saturating(intent.quantity.units() / 3).floor_to(step)
            }
            Some(PlaceFault::NoFill) => Quantity::ZERO,
            Some(PlaceFault::Overfill) => {
                let step = self.catalogue.instrument(intent.instrument).map_or(Quantity::ZERO, |one| one.rules.step);
                let more = intent.quantity + step;
                // No venue sells coins that are not there, or turns a position round by a reduce-only order.
                if self.covers(&intent, more) { more } else { intent.quantity }
            }
            _ => intent.quantity,
        };
        let slices = match tick {
            Some(tick) if !wanted.is_zero() => {
                let liquidity = self.liquidity_of(intent.instrument);
                take(liquidity, (intent.side, wanted, intent.limit), tick, &self.settings.sim)
            }
            _ => Vec::new(),
        };
        for (price, quantity) in slices {
            self.book(id, (price, quantity), Role::Taker, now);
            self.deplete(intent.instrument, intent.side, quantity);
        }
        self.finish(id, now);
    }

    /// What was taken from a book is gone until the book is shown anew.
    pub(super) fn deplete(&mut self, instrument: InstrumentId, side: Side, quantity: Quantity) {
        let Some(Liquidity::Book { bids, asks }) = self.liquidity.get_mut(instrument.index()) else { return };
        let levels = match side {
            Side::Buy => asks,
            Side::Sell => bids,
        };
        if let Some((_, size)) = levels.first_mut() {
            *size = size.minus(quantity);
            if size.is_zero() {
                levels.remove(0);
            }
        }
    }

    /// Whether the account holds what this many coins of a reducing order need.
    pub(super) fn covers(&self, intent: &Intent, coins: Quantity) -> bool {
        let Some(one) = self.catalogue.instrument(intent.instrument) else { return false };
        let spot = || self.accounts.wallet(one.venue_id, Wallet::Spot, one.coin);
        match (one.market, intent.side) {
            (Market::Spot, Side::Sell) => spot() >= Amount::of_coins(coins.signed(Side::Buy)),
            (Market::Perp, _) if intent.reduce_only => self.accounts.position(one.id).coins.magnitude() >= coins,
            (Market::Spot, Side::Buy) | (Market::Perp, _) => true,
        }
    }

    pub(super) fn fill_resting(&mut self, id: ClientOrderId, now: WallTime) {
        let Some(order) = self.orders.iter().find(|order| order.intent.id == id) else { return };
        let (intent, mut quantity) = (order.intent.clone(), order.intent.quantity.minus(order.filled()));
        if intent.reduce_only {
            // The position may have shrunk while it rested (ADL): a venue cuts such an order.
            quantity = quantity.min(self.accounts.position(intent.instrument).coins.magnitude());
        }
        if !quantity.is_zero() {
            self.book(id, (intent.limit, quantity), Role::Maker, now);
        }
        self.finish(id, now);
    }

    pub(super) fn book(&mut self, id: ClientOrderId, slice: (Price, Quantity), role: Role, now: WallTime) {
        let Some(place) = self.orders.iter().position(|order| order.intent.id == id) else { return };
        let Some(intent) = self.orders.get(place).map(|order| order.intent.clone()) else { return };
        let Some(fill) = self.trade(intent.instrument, intent.side, (slice, role), (Some(id), now)) else { return };
        if let Some(order) = self.orders.get_mut(place) {
            order.fills.push(fill);
        }
        self.report(now, id, Outcome::Filled(fill));
    }

    /// Moves coins, money and fee of one execution.
    pub(super) fn trade(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        what: ((Price, Quantity), Role),
        of: (Option<ClientOrderId>, WallTime),
    ) -> Option<Fill> {
        let ((price, quantity), role) = what;
        let (id, at) = of;
        let known = self.catalogue.instrument(instrument)?;
        let coin = known.fee_coin(side);
        let fee = fees::fee((price, quantity), known.fees.of(role), coin, known.quote);
        let (market, venue) = (known.market, known.venue_id);
        let before = self.accounts.position(instrument);
        match market {
            Market::Spot => self.accounts.trade_spot(known, side, quantity, price),
            Market::Perp => self.accounts.trade_perp(known, side, quantity, price),
        }
        let payer = if market == Market::Spot { Wallet::Spot } else { Wallet::Perp };
        self.accounts.add(venue, payer, fee.asset, -fee.amount);
        if market == Market::Perp && self.settings.margin.mode == MarginMode::Isolated {
            self.accounts.share_isolated(instrument, &before, self.leverage_at(venue));
            self.list_position(instrument, at);
        }
        self.next_fill += 1;
        let fill =
            Fill { id: FillId(self.next_fill), quantity, price, fee: fee.amount, fee_asset: fee.asset, role, at };
        self.trades.push(VenueTrade { instrument, side, fill, id });
        self.changed = true;
        Some(fill)
    }

    pub(super) fn finish(&mut self, id: ClientOrderId, now: WallTime) {
        let Some(place) = self.orders.iter().position(|order| order.intent.id == id) else { return };
        let mut order = self.orders.remove(place);
        let filled = order.filled();
        let end = if filled >= order.intent.quantity { Outcome::Done { filled } } else { Outcome::Expired { filled } };
        order.end = Some(end.clone());
        self.retire(order);
        self.report(now, id, end);
    }

    pub(super) fn retire(&mut self, order: VenueOrder) {
        self.ended.push_back(order);
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
        self.changed = true;
    }

    pub(super) fn do_cancel(&mut self, id: ClientOrderId, kind: Option<u8>, now: WallTime) {
        if kind == Some(2) {
            self.fill_resting(id, now);
        }
        let Some(place) = self.orders.iter().position(|order| order.intent.id == id) else {
            if kind.is_none() || kind == Some(2) {
                self.report(now, id, Outcome::CancelRejected);
            }
            return;
        };
        let mut order = self.orders.remove(place);
        let end = Outcome::Cancelled { filled: order.filled() };
        order.end = Some(end.clone());
        self.retire(order);
        self.report(now, id, end);
    }

    /// Answers a query: every fill again, then how it stands; "not found" is all that is said of an unknown id.
    pub(super) fn answer(&mut self, id: ClientOrderId, now: WallTime) {
        let at = now + self.latency();
        let Some(order) = self.find(id).cloned() else {
            self.tell(at, id, Outcome::NotFound);
            return;
        };
        for fill in &order.fills {
            self.tell(at, id, Outcome::Filled(*fill));
        }
        self.tell(at, id, order.end.unwrap_or(Outcome::Accepted));
    }

    pub(super) fn find(&self, id: ClientOrderId) -> Option<&VenueOrder> {
        self.orders.iter().chain(self.ended.iter().rev()).find(|order| order.intent.id == id)
    }
}
