//! The simulated venue: requests arrive late, are checked and matched, and reports leave late.
//!
//! It keeps its own durable state (serialise it whole) and an outbox of private events, numbered, so that a bot that died
//! gets exactly what it had not yet booked. Tests: `tests/sim.rs`.

use super::account::Accounts;
use super::faults::{CancelFault, Faults, PlaceFault, ReportFault};
use super::matching::{Liquidity, take, traded_through};
use super::settle;
use crate::config::Settings;
use crate::config::settings::MarginMode;
use crate::domain::fees::{self, Role};
use crate::domain::{
    Amount, Asset, Catalogue, ClientOrderId, FillId, InstrumentId, Leg, Market, Pair, PairId, Price, Quantity, Side,
    Span, VenueId, WallTime,
};
use crate::port::event::{Transfer, Wallet};
use crate::port::order::{Fill, Intent, OrderReport, Outcome, Purpose, RejectCause};
use crate::port::{Event, TimeInForce};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ended orders kept for queries.
const ENDED_KEPT: usize = 512;
/// How long a request stays acceptable after it was decided: what the bot signs into it.
const VALIDITY: Span = Span::seconds(30);
/// How long a client waits before it calls an outcome unknown.
const CLIENT_TIMEOUT: Span = Span::seconds(2);

/// An order as the venue keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// What was asked.
    pub intent: Intent,
    /// Its executions.
    pub fills: Vec<Fill>,
    /// How it ended; `None` while open.
    pub end: Option<Outcome>,
}

impl VenueOrder {
    fn filled(&self) -> Quantity {
        self.fills.iter().fold(Quantity::ZERO, |sum, fill| sum + fill.quantity)
    }
}

/// A request on its way to the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Request {
    Place(Intent, Option<PlaceFault>),
    Cancel(ClientOrderId, Option<u8>),
    Query(ClientOrderId),
    Transfer(Transfer),
}

/// A private event on its way to the bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outgoing {
    at: WallTime,
    number: u64,
    event: Event,
}

/// Execution that the venue made, for its own books and the comparison with the bot's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueTrade {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Execution.
    pub fill: Fill,
    /// Our order, when it was one.
    pub id: Option<ClientOrderId>,
}

/// The venue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SimVenue {
    pub(super) catalogue: Catalogue,
    pub(super) accounts: Accounts,
    #[serde(skip)]
    pub(super) settings: Settings,
    orders: Vec<VenueOrder>,
    ended: VecDeque<VenueOrder>,
    inbox: Vec<(WallTime, u64, Request)>,
    outbox: Vec<Outgoing>,
    #[serde(skip)]
    liquidity: Vec<Liquidity>,
    down: Vec<bool>,
    faults: Faults,
    next: u64,
    next_fill: u64,
    /// Times that each id reached the venue as a new order; more than one breaks I2.
    resent: u64,
    #[serde(skip)]
    trades: Vec<VenueTrade>,
    /// Books changed since the last [`SimVenue::take_changed`].
    #[serde(skip)]
    changed: bool,
    /// Requests and reports take no time: bars.
    pub(super) instant: bool,
    /// A bar is opening.
    #[serde(skip)]
    opening: bool,
    /// By how much the stream is late about the order in hand.
    #[serde(skip)]
    hush: Span,
}

impl SimVenue {
    /// An empty venue. `instant` is for bars, where a request takes no time.
    #[must_use]
    pub fn new(settings: Settings, catalogue: Catalogue, faults: Faults, instant: bool) -> Self {
        let instruments = catalogue.instruments().len();
        Self {
            accounts: Accounts::new(&catalogue),
            down: vec![false; catalogue.venues().len()],
            catalogue,
            settings,
            orders: Vec::new(),
            ended: VecDeque::new(),
            inbox: Vec::new(),
            outbox: Vec::new(),
            liquidity: vec![Liquidity::None; instruments],
            faults,
            next: 0,
            next_fill: 0,
            resent: 0,
            trades: Vec::new(),
            changed: false,
            instant,
            opening: false,
            hush: Span::ZERO,
        }
    }

    /// A venue read back from its durable state: settings and liquidity are not part of it.
    #[must_use]
    pub fn resumed(mut self, settings: Settings, booked: u64) -> Self {
        self.liquidity = vec![Liquidity::None; self.catalogue.instruments().len()];
        self.settings = settings;
        // What the bot has on disk need not be told again.
        self.outbox.retain(|outgoing| outgoing.number > booked);
        self
    }

    /// Money that is there before the first event.
    pub fn deposit(&mut self, venue: VenueId, wallet: Wallet, asset: Asset, amount: Amount) {
        self.accounts.add(venue, wallet, asset, amount);
        self.changed = true;
    }

    /// The venue's books.
    #[must_use]
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Instruments and pairs as the venue knows them.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Orders that reached the venue under an id that it had seen before.
    #[must_use]
    pub const fn resent(&self) -> u64 {
        self.resent
    }

    /// The faults, to stop them or to count them.
    pub const fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Executions since the last call.
    pub fn take_trades(&mut self) -> Vec<VenueTrade> {
        std::mem::take(&mut self.trades)
    }

    /// Whether the books changed since the last call.
    pub const fn take_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    /// What an instrument can be traded against from now on.
    pub fn set_liquidity(&mut self, instrument: InstrumentId, liquidity: Liquidity) {
        if let Some(slot) = self.liquidity.get_mut(instrument.index()) {
            *slot = liquidity;
        }
    }

    /// The venue cannot be reached, or can again.
    pub fn set_down(&mut self, venue: VenueId, down: bool) {
        if let Some(slot) = self.down.get_mut(venue.index()) {
            *slot = down;
        }
    }

    /// A place request leaves the bot.
    pub fn place(&mut self, intent: Intent, now: WallTime) {
        let latency = self.latency();
        let fault = self.faults.place();
        let id = intent.id;
        self.changed = true;
        match fault {
            Some(PlaceFault::TimeoutLost) => self.tell(now + CLIENT_TIMEOUT, id, Outcome::Unknown),
            Some(PlaceFault::TimeoutLate) => {
                self.tell(now + CLIENT_TIMEOUT, id, Outcome::Unknown);
                let late = Span::seconds(3 + i64::from(self.faults.draw(20)));
                self.receive(now + late, Request::Place(intent, fault));
            }
            Some(PlaceFault::TimeoutExecuted | PlaceFault::ErrorAccepted) => {
                self.tell(now + CLIENT_TIMEOUT, id, Outcome::Unknown);
                self.receive(now + latency, Request::Place(intent, fault));
            }
            Some(PlaceFault::Slow) => self.receive(now + Span(latency.0 * 20), Request::Place(intent, fault)),
            _ => self.receive(now + latency, Request::Place(intent, fault)),
        }
        if self.instant {
            self.arrivals(now);
        }
    }

    /// A cancel request leaves the bot.
    pub fn cancel(&mut self, id: ClientOrderId, now: WallTime) {
        let latency = self.latency();
        match self.faults.cancel() {
            Some(CancelFault::UnknownLost) => self.tell(now + CLIENT_TIMEOUT, id, Outcome::CancelUnknown),
            Some(CancelFault::UnknownDone) => {
                self.tell(now + CLIENT_TIMEOUT, id, Outcome::CancelUnknown);
                self.receive(now + latency, Request::Cancel(id, Some(1)));
            }
            Some(CancelFault::FilledFirst) => self.receive(now + latency, Request::Cancel(id, Some(2))),
            None => self.receive(now + latency, Request::Cancel(id, None)),
        }
        self.changed = true;
    }

    /// A question about an order leaves the bot.
    pub fn query(&mut self, id: ClientOrderId, now: WallTime) {
        let latency = self.latency();
        self.receive(now + latency, Request::Query(id));
        if self.instant {
            self.arrivals(now);
        }
    }

    /// A transfer request leaves the bot.
    pub fn transfer(&mut self, transfer: Transfer, now: WallTime) {
        self.changed = true;
        if self.accounts.wallet(transfer.venue, transfer.from, transfer.asset) < transfer.amount {
            let latency = self.latency();
            self.send(now + latency, Event::TransferFailed(transfer));
            return;
        }
        // The money leaves at once and arrives later.
        self.accounts.add(transfer.venue, transfer.from, transfer.asset, -transfer.amount);
        let delay = self.settings.sim.transfer_delay;
        self.receive(now + delay, Request::Transfer(transfer));
    }

    /// Whether a request of this id is at the venue or on its way there: the receipt book of an in-process venue.
    #[must_use]
    pub fn has_receipt(&self, id: ClientOrderId) -> bool {
        self.find(id).is_some()
            || self.inbox.iter().any(|(_, _, request)| matches!(request, Request::Place(intent, _) if intent.id == id))
    }

    /// The same for a transfer.
    #[must_use]
    pub fn has_transfer(&self, id: ClientOrderId) -> bool {
        self.inbox.iter().any(|(_, _, request)| matches!(request, Request::Transfer(transfer) if transfer.id == id))
            || self.outbox.iter().any(|outgoing| {
                matches!(&outgoing.event, Event::TransferDone(transfer) | Event::TransferFailed(transfer) if transfer.id == id)
            })
    }

    /// When the next request arrives or the next report is delivered.
    #[must_use]
    pub fn next_due(&self) -> Option<WallTime> {
        let inbox = self.inbox.iter().map(|(at, _, _)| *at).min();
        let outbox = self.outbox.iter().map(|outgoing| outgoing.at).min();
        [inbox, outbox].into_iter().flatten().min()
    }

    /// Handles every request that has arrived by `now`.
    pub fn arrivals(&mut self, now: WallTime) {
        loop {
            let due = self.inbox.iter().enumerate().filter(|(_, (at, _, _))| *at <= now);
            let Some((place, _)) = due.min_by_key(|(_, (at, number, _))| (*at, *number)) else { return };
            let (at, _, request) = self.inbox.remove(place);
            match request {
                Request::Place(intent, fault) => self.accept(intent, fault, at),
                Request::Cancel(id, kind) => self.do_cancel(id, kind, at),
                Request::Query(id) => self.answer(id, at),
                Request::Transfer(transfer) => {
                    self.accounts.add(transfer.venue, transfer.from.other(), transfer.asset, transfer.amount);
                    self.changed = true;
                    self.send(at, Event::TransferDone(transfer));
                }
            }
        }
    }

    /// The next private event that is due by `now`, with its number.
    pub fn deliver(&mut self, now: WallTime) -> Option<(u64, Event)> {
        let due = self.outbox.iter().enumerate().filter(|(_, outgoing)| outgoing.at <= now);
        let (place, _) = due.min_by_key(|(_, outgoing)| (outgoing.at, outgoing.number))?;
        let outgoing = self.outbox.remove(place);
        Some((outgoing.number, outgoing.event))
    }

    /// Private events that the bot has not been told yet, in order.
    pub fn undelivered(&self) -> impl Iterator<Item = &Event> {
        self.outbox.iter().map(|outgoing| &outgoing.event)
    }

    /// A quote moved: fills what rests and was traded through.
    pub fn on_quote(&mut self, instrument: InstrumentId, bid: Price, ask: Price, now: WallTime) {
        if !self.orders.iter().any(|order| order.intent.instrument == instrument) {
            return;
        }
        let hit: Vec<ClientOrderId> = self
            .orders
            .iter()
            .filter(|order| order.intent.instrument == instrument)
            .filter(|order| order.intent.time_in_force == TimeInForce::PostOnly)
            .filter(|order| traded_through(order.intent.side, order.intent.limit, bid, ask))
            .map(|order| order.intent.id)
            .collect();
        for id in hit {
            self.fill_resting(id, now);
        }
    }

    /// A bar of this pair opens: everything that waits for it trades now, or expires.
    pub fn on_open(&mut self, pair: PairId, now: WallTime) {
        let waiting: Vec<ClientOrderId> =
            self.orders.iter().filter(|order| order.intent.pair == pair).map(|order| order.intent.id).collect();
        self.opening = true;
        for id in waiting {
            self.execute(id, None, now);
        }
    }

    /// The open of a bar is over.
    pub const fn opened(&mut self) {
        self.opening = false;
    }

    /// Whether orders of the pair wait for its next open.
    #[must_use]
    pub fn waits(&self, pair: PairId) -> bool {
        self.orders.iter().any(|order| order.intent.pair == pair)
    }

    /// Whether anything waits or is on its way.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.orders.is_empty() && self.inbox.is_empty() && self.outbox.is_empty()
    }

    pub(super) fn latency(&self) -> Span {
        if self.instant { Span::ZERO } else { self.settings.sim.latency }
    }

    fn receive(&mut self, at: WallTime, request: Request) {
        self.next += 1;
        self.inbox.push((at, self.next, request));
    }

    pub(super) fn send(&mut self, at: WallTime, event: Event) {
        self.next += 1;
        self.outbox.push(Outgoing { at, number: self.next, event });
        self.changed = true;
    }

    fn tell(&mut self, at: WallTime, id: ClientOrderId, outcome: Outcome) {
        self.send(at, Event::Order(OrderReport { id, outcome }));
    }

    /// An act of the venue's own, told by its stream and again by its lists (faults C02, C10): late or twice, never lost.
    pub(super) fn announce(&mut self, at: WallTime, event: Event) {
        let fault = self.faults.report();
        let later = Span(i64::from(self.faults.draw(3_000)));
        match fault {
            None | Some(ReportFault::Lost) => self.send(at, event),
            Some(ReportFault::Duplicate) => {
                self.send(at, event.clone());
                self.send(at + later, event);
            }
            Some(ReportFault::Reorder) => self.send(at + later, event),
        }
    }

    /// A report on the private stream, subject to faults of the way.
    fn report(&mut self, now: WallTime, id: ClientOrderId, outcome: Outcome) {
        let at = now + self.latency() + self.hush;
        match self.faults.report() {
            None => self.tell(at, id, outcome),
            Some(ReportFault::Duplicate) => {
                self.tell(at, id, outcome.clone());
                let later = Span(i64::from(self.faults.draw(3_000)));
                self.tell(at + later, id, outcome);
            }
            Some(ReportFault::Reorder) => {
                let later = Span(i64::from(self.faults.draw(3_000)));
                self.tell(at + later, id, outcome);
            }
            Some(ReportFault::Lost) => {}
        }
    }

    fn accept(&mut self, intent: Intent, fault: Option<PlaceFault>, now: WallTime) {
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

    fn keep_refused(&mut self, intent: Intent, now: WallTime) {
        let id = intent.id;
        let end = Outcome::Expired { filled: Quantity::ZERO };
        self.retire(VenueOrder { intent, fills: Vec::new(), end: Some(end.clone()) });
        let later = now + Span(500);
        self.report(later, id, end);
    }

    /// The venue's own checks before matching.
    fn check(&self, intent: &Intent) -> Option<RejectCause> {
        let instrument = self.catalogue.instrument(intent.instrument)?;
        let pair = self.catalogue.pair(intent.pair)?;
        if self.down.get(instrument.venue_id.index()).copied().unwrap_or(false) {
            return Some(RejectCause::Halted);
        }
        let rules = &instrument.rules;
        let grid = intent.quantity.floor_to(rules.step) == intent.quantity
            && intent.limit.units() % rules.tick.units() == 0
            && intent.quantity >= rules.min_quantity
            && intent.quantity <= rules.max_quantity;
        let value = intent.limit.times(intent.quantity);
        let waived = intent.leg == Market::Perp && intent.reduce_only;
        if !grid || !waived && value < rules.min_notional {
            return Some(RejectCause::Filter);
        }
        if intent.time_in_force == TimeInForce::PostOnly && self.crosses(intent) {
            return Some(RejectCause::WouldTake);
        }
        match intent.leg {
            Market::Spot => self.check_spot(intent, pair),
            Market::Perp => settle::check_perp(self, intent, pair),
        }
    }

    fn crosses(&self, intent: &Intent) -> bool {
        match (self.liquidity_of(intent.instrument), intent.side) {
            (Liquidity::Book { asks, .. }, Side::Buy) => asks.first().is_some_and(|(ask, _)| *ask <= intent.limit),
            (Liquidity::Book { bids, .. }, Side::Sell) => bids.first().is_some_and(|(bid, _)| *bid >= intent.limit),
            (Liquidity::None | Liquidity::Open { .. }, _) => false,
        }
    }

    fn check_spot(&self, intent: &Intent, pair: &Pair) -> Option<RejectCause> {
        let enough = match intent.side {
            Side::Buy => {
                let quote = self.accounts.wallet(pair.venue_id, Wallet::Spot, pair.quote);
                quote >= intent.limit.times(intent.quantity)
            }
            Side::Sell => {
                let coins = self.accounts.wallet(pair.venue_id, Wallet::Spot, pair.coin);
                coins >= Amount::of_coins(intent.quantity.signed(Side::Buy))
            }
        };
        (!enough).then_some(RejectCause::Balance)
    }

    fn liquidity_of(&self, instrument: InstrumentId) -> &Liquidity {
        self.liquidity.get(instrument.index()).unwrap_or(&Liquidity::None)
    }

    /// Matches an order as a taker; what does not trade expires.
    fn execute(&mut self, id: ClientOrderId, fault: Option<PlaceFault>, now: WallTime) {
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
        }
        self.finish(id, now);
    }

    /// Whether the account holds what this many coins of a reducing order need.
    fn covers(&self, intent: &Intent, coins: Quantity) -> bool {
        let Some(pair) = self.catalogue.pair(intent.pair) else { return false };
        let (spot, perp) = self.holds(pair);
        match (intent.leg, intent.side) {
            (Market::Spot, Side::Sell) => spot >= Amount::of_coins(coins.signed(Side::Buy)),
            (Market::Perp, _) if intent.reduce_only => perp.magnitude() >= coins,
            (Market::Spot, Side::Buy) | (Market::Perp, _) => true,
        }
    }

    fn fill_resting(&mut self, id: ClientOrderId, now: WallTime) {
        let Some(order) = self.orders.iter().find(|order| order.intent.id == id) else { return };
        let (intent, mut quantity) = (order.intent.clone(), order.intent.quantity.minus(order.filled()));
        if intent.reduce_only
            && let Some(pair) = self.catalogue.pair(intent.pair)
        {
            // The position may have shrunk while it rested (ADL): a venue cuts such an order.
            quantity = quantity.min(self.accounts.position(pair.id).coins.magnitude());
        }
        if !quantity.is_zero() {
            self.book(id, (intent.limit, quantity), Role::Maker, now);
        }
        self.finish(id, now);
    }

    fn book(&mut self, id: ClientOrderId, slice: (Price, Quantity), role: Role, now: WallTime) {
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
        let pair = self.catalogue.pair(PairId(instrument.0 / 2))?.clone();
        let coin = known.fee_coin(side);
        let fee = fees::fee((price, quantity), known.fees.of(role), coin, known.quote);
        let leg: Leg = known.market;
        match leg {
            Market::Spot => self.accounts.trade_spot(&pair, side, quantity, price),
            Market::Perp => self.accounts.trade_perp(&pair, side, quantity, price),
        }
        let payer = if leg == Market::Spot { Wallet::Spot } else { Wallet::Perp };
        self.accounts.add(pair.venue_id, payer, fee.asset, -fee.amount);
        if leg == Market::Perp && self.settings.margin.mode == MarginMode::Isolated {
            self.accounts.assign_isolated(pair.id, self.settings.size.leverage);
        }
        self.next_fill += 1;
        let fill =
            Fill { id: FillId(self.next_fill), quantity, price, fee: fee.amount, fee_asset: fee.asset, role, at };
        self.trades.push(VenueTrade { instrument, side, fill, id });
        self.changed = true;
        Some(fill)
    }

    fn finish(&mut self, id: ClientOrderId, now: WallTime) {
        let Some(place) = self.orders.iter().position(|order| order.intent.id == id) else { return };
        let mut order = self.orders.remove(place);
        let filled = order.filled();
        let end = if filled >= order.intent.quantity { Outcome::Done { filled } } else { Outcome::Expired { filled } };
        order.end = Some(end.clone());
        self.retire(order);
        self.report(now, id, end);
    }

    fn retire(&mut self, order: VenueOrder) {
        self.ended.push_back(order);
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
        self.changed = true;
    }

    fn do_cancel(&mut self, id: ClientOrderId, kind: Option<u8>, now: WallTime) {
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
    fn answer(&mut self, id: ClientOrderId, now: WallTime) {
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

    fn find(&self, id: ClientOrderId) -> Option<&VenueOrder> {
        self.orders.iter().chain(self.ended.iter().rev()).find(|order| order.intent.id == id)
    }
}
