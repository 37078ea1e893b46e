//! The order book of ours: makes ids, keeps every order, applies reports.

use super::order::Order;
use super::state::{IllegalReport, OrderState};
use crate::domain::{ClientOrderId, FillId, InstrumentId, PairId, Quantity, WallTime};
use crate::planted::{self, Bug};
use crate::port::order::{Fill, Intent, OrderReport, Outcome, Purpose};
use crate::risk::gate::Approved;
use std::collections::{BTreeMap, VecDeque};

/// Ended orders kept for late reports.
const ENDED_KEPT: usize = 2_000;

/// What a report means for the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booking {
    /// Nothing to book.
    Nothing,
    /// A new fill: book it.
    Fill {
        /// The execution.
        fill: Fill,
        /// The order was believed ended.
        late: bool,
        /// More was executed than ordered (fault A14).
        over: bool,
    },
    /// The report contradicts the order.
    Illegal(IllegalReport),
    /// No order of ours has that id.
    Foreign,
}

/// All orders of a run.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    live: Vec<Order>,
    ended: VecDeque<Order>,
    /// Fills booked per instrument: the same id is the same fill (fault C02). Youngest kept.
    seen: BTreeMap<InstrumentId, VecDeque<FillId>>,
    epoch: u32,
    salt: u32,
    number: u32,
    sent: u64,
}

/// Fill ids remembered per instrument.
const FILLS_REMEMBERED: usize = 4_096;

impl Orders {
    /// A boot: ids start over under its epoch, so no id is used for two intents (I2).
    ///
    /// An intent that a crash kept off the disk does not exist.
    pub fn boot(&mut self, epoch: u32, salt: u32) {
        self.live.retain(|order| order.durable || order.state != OrderState::Recorded);
        self.epoch = if planted::is(Bug::IdsReused) { 1 } else { epoch };
        self.salt = if planted::is(Bug::IdsReused) { 1 } else { salt };
        self.number = 0;
    }

    /// The id of the next intent.
    pub const fn next_id(&mut self) -> ClientOrderId {
        self.number += 1;
        ClientOrderId { epoch: self.epoch, salt: self.salt, number: self.number }
    }

    /// Takes an approved order: gives it its id and keeps it as recorded. The driver must put the intent on disk and say
    /// `IntentDurable` before [`Orders::release`] lets it go.
    pub fn submit(&mut self, approved: Approved, now: WallTime) -> Intent {
        let proposal = approved.into_proposal();
        let intent = Intent {
            id: self.next_id(),
            pair: proposal.pair,
            leg: proposal.leg,
            instrument: proposal.instrument,
            side: proposal.side,
            quantity: proposal.quantity,
            limit: proposal.limit,
            time_in_force: proposal.time_in_force,
            reduce_only: proposal.reduce_only,
            purpose: proposal.purpose,
            arrival_mid: proposal.arrival_mid,
            decided_at: now,
            reason: proposal.reason,
        };
        self.live.push(Order::new(intent.clone()));
        intent
    }

    /// The intent is on disk.
    pub fn durable(&mut self, id: ClientOrderId) {
        if let Some(order) = self.live_mut(id) {
            order.durable = true;
        }
    }

    /// The request that carried it can no longer be accepted from this instant on.
    pub fn expires(&mut self, id: ClientOrderId, at: WallTime) {
        if let Some(order) = self.live_mut(id) {
            order.expires = Some(at);
            // What was answered before proves nothing.
            (order.not_found, order.not_found_at) = (0, None);
        }
    }

    /// Lets a durable order go, once. `None` when it may not be sent (any more).
    pub fn release(&mut self, id: ClientOrderId) -> Option<Intent> {
        let order = self.live_mut(id)?;
        if !(order.durable || planted::is(Bug::ReleaseEarly)) || order.state != OrderState::Recorded {
            return None;
        }
        order.state = OrderState::Submitting;
        let intent = order.intent.clone();
        self.sent += 1;
        Some(intent)
    }

    /// Puts back an order read from the ledger of record.
    pub fn restore(&mut self, order: Order) {
        for fill in &order.fills {
            self.remember(order.intent.instrument, *fill);
        }
        self.sent += 1;
        if order.is_settled() { self.ended.push_back(order) } else { self.live.push(order) }
    }

    /// An order that was recorded and will not be sent: stale after the wait for the disk (fault G07).
    pub fn withdraw(&mut self, id: ClientOrderId) {
        if let Some(order) = self.live_mut(id)
            && order.state == OrderState::Recorded
        {
            order.state = OrderState::Rejected;
        }
        self.retire();
    }

    /// A cancel leaves: the order counts as live until it is proven ended (fault A11).
    pub fn cancelling(&mut self, id: ClientOrderId, now: WallTime) {
        if let Some(order) = self.live_mut(id) {
            order.state = OrderState::Cancelling;
            order.cancel_sent = Some(now);
        }
    }

    /// Applies a report and says what to book.
    pub fn apply(&mut self, report: &OrderReport, now: WallTime) -> Booking {
        let Some(place) = self.live.iter().position(|order| order.intent.id == report.id) else {
            return self.apply_ended(report, now);
        };
        let Some(order) = self.live.get_mut(place) else { return Booking::Nothing };
        let illegal = advance(order, &report.outcome, now);
        let booking = match (&report.outcome, illegal) {
            (_, Some(illegal)) => Booking::Illegal(illegal),
            (Outcome::Filled(fill), None) => Self::book(&mut self.seen, order, fill, false),
            (_, None) => Booking::Nothing,
        };
        self.retire();
        booking
    }

    fn apply_ended(&mut self, report: &OrderReport, now: WallTime) -> Booking {
        let Some(place) = self.ended.iter().position(|order| order.intent.id == report.id) else {
            return Booking::Foreign;
        };
        let Some(order) = self.ended.get_mut(place) else { return Booking::Foreign };
        let known = order.state;
        let illegal = known.next(&report.outcome).err();
        if illegal.is_some() {
            order.state = known.contradicted(&report.outcome);
        }
        let booking = match (&report.outcome, illegal) {
            (Outcome::Filled(fill), _) => Self::book(&mut self.seen, order, fill, true),
            (_, Some(illegal)) => Booking::Illegal(illegal),
            (_, None) => Booking::Nothing,
        };
        note_total(order, &report.outcome);
        if order.state == OrderState::Unknown {
            order.unknown_since = Some(now);
            order.probed_at = None;
        }
        // The venue executed more than we booked, or it lives after all: it is looked after again until all is here.
        if !order.is_settled()
            && let Some(order) = self.ended.remove(place)
        {
            self.live.push(order);
        }
        booking
    }

    fn book(
        seen: &mut BTreeMap<InstrumentId, VecDeque<FillId>>,
        order: &mut Order,
        fill: &Fill,
        late: bool,
    ) -> Booking {
        let known = seen.entry(order.intent.instrument).or_default();
        if known.contains(&fill.id) && !planted::is(Bug::BookDuplicate) {
            return Booking::Nothing;
        }
        let ignored = (late || !order.state.is_live()) && planted::is(Bug::DropLateFill)
            || !order.fills.is_empty() && planted::is(Bug::OnlyFirstFill);
        if ignored {
            return Booking::Nothing;
        }
        known.push_back(fill.id);
        if known.len() > FILLS_REMEMBERED {
            known.pop_front();
        }
        order.fills.push(fill.id);
        order.filled += fill.quantity;
        let over = order.filled > order.intent.quantity;
        if order.filled >= order.intent.quantity && order.state.is_live() && order.state != OrderState::Recorded {
            order.state = OrderState::Filled;
        }
        Booking::Fill { fill: *fill, late, over }
    }

    /// A fill that no order of ours made: true when it is new.
    pub fn is_new_venue_fill(&mut self, instrument: InstrumentId, fill: FillId) -> bool {
        if self.seen.get(&instrument).is_some_and(|known| known.contains(&fill)) {
            return false;
        }
        self.remember(instrument, fill);
        true
    }

    fn remember(&mut self, instrument: InstrumentId, fill: FillId) {
        let known = self.seen.entry(instrument).or_default();
        known.push_back(fill);
        if known.len() > FILLS_REMEMBERED {
            known.pop_front();
        }
    }

    fn retire(&mut self) {
        let mut place = 0;
        while let Some(order) = self.live.get(place) {
            if order.is_settled() {
                let order = self.live.remove(place);
                self.ended.push_back(order);
            } else {
                place += 1;
            }
        }
        while self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
    }

    /// A live order.
    #[must_use]
    pub fn live_order(&self, id: ClientOrderId) -> Option<&Order> {
        self.live.iter().find(|order| order.intent.id == id)
    }

    /// A live order, to note probes and cancels on it.
    pub fn live_mut(&mut self, id: ClientOrderId) -> Option<&mut Order> {
        self.live.iter_mut().find(|order| order.intent.id == id)
    }

    /// An order, live or ended not long ago.
    #[must_use]
    pub fn find(&self, id: ClientOrderId) -> Option<&Order> {
        self.live_order(id).or_else(|| self.ended.iter().rev().find(|order| order.intent.id == id))
    }

    /// Orders that are remembered: unsettled ones, and those that ended not long ago.
    pub fn all(&self) -> impl Iterator<Item = &Order> {
        self.ended.iter().chain(&self.live)
    }

    /// Orders whose outcome is not settled, in order of making.
    #[must_use]
    pub fn live(&self) -> &[Order] {
        &self.live
    }

    /// Whether anything of a pair is still unsettled.
    #[must_use]
    pub fn is_busy(&self, pair: PairId) -> bool {
        self.live.iter().any(|order| order.intent.pair == pair)
    }

    /// Coins of an instrument that live orders may still execute, at worst.
    #[must_use]
    pub fn at_risk(&self, instrument: InstrumentId) -> Quantity {
        if planted::is(Bug::ForgetInFlight) {
            return Quantity::ZERO;
        }
        let mut sum = Quantity::ZERO;
        for order in self.live.iter().filter(|order| order.intent.instrument == instrument) {
            sum += order.at_risk();
        }
        sum
    }

    /// Coins asked for by the last entry of a pair that ended.
    #[must_use]
    pub fn last_entry(&self, pair: PairId) -> Option<Quantity> {
        let enters = |order: &&Order| order.intent.pair == pair && order.intent.purpose == Purpose::Enter;
        self.ended.iter().rev().find(enters).map(|order| order.intent.quantity)
    }

    /// Orders sent so far.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }
}

/// Takes a report over; says when it contradicts what was known.
fn advance(order: &mut Order, outcome: &Outcome, now: WallTime) -> Option<IllegalReport> {
    let before = order.state;
    let legal = match outcome {
        Outcome::CancelUnknown if planted::is(Bug::CancelUnknownIsDone) => Ok(OrderState::Cancelled),
        Outcome::Unknown if planted::is(Bug::UnknownIsRejected) && before.is_live() => Ok(OrderState::Rejected),
        Outcome::NotFound if planted::is(Bug::NotFoundIsDead) && before.is_live() => Ok(OrderState::Rejected),
        // The rest of an order of which something was executed is ended by this, but it never was refused.
        Outcome::Rejected { .. } if !order.filled.is_zero() => {
            Err(IllegalReport { state: before, report: super::state::outcome_name(outcome) })
        }
        _ => before.next(outcome),
    };
    note_total(order, outcome);
    if matches!(outcome, Outcome::Accepted | Outcome::Filled(_)) {
        (order.not_found, order.not_found_at) = (0, None);
    }
    let (next, illegal) = match legal {
        Ok(next) => (next, None),
        Err(illegal) => (before.contradicted(outcome), Some(illegal)),
    };
    if next == OrderState::Unknown && before != OrderState::Unknown {
        order.unknown_since = Some(now);
        order.probed_at = None;
    }
    order.state = next;
    illegal
}

/// The venue's own total at an order's end.
fn note_total(order: &mut Order, outcome: &Outcome) {
    if let Outcome::Cancelled { filled } | Outcome::Expired { filled } | Outcome::Done { filled } = outcome {
        order.stated = Some(order.stated.map_or(*filled, |stated| stated.max(*filled)));
    }
}
