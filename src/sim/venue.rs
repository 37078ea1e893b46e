//! The simulated venue: requests arrive late, are checked and matched, and reports leave late.
//!
//! It keeps its own durable state (serialise it whole) and an outbox of private events, numbered, so that a bot that died
//! gets exactly what it had not yet booked. Tests: `tests/sim.rs`.

use super::account::Accounts;
use super::faults::{CancelFault, Faults, PlaceFault, ReportFault};
use super::matching::{Liquidity, traded_through};
use crate::config::Settings;
use crate::domain::{
    Amount, Asset, Catalogue, ClientOrderId, InstrumentId, Market, PairId, Price, Quantity, Rate, Side, Span, VenueId,
    WallTime,
};
use crate::port::event::{Transfer, Wallet};
use crate::port::order::{Fill, Intent, OrderReport, Outcome};
use crate::port::{Event, TimeInForce};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ended orders kept for queries.
pub(super) const ENDED_KEPT: usize = 512;
/// How long a request stays acceptable after it was decided: what the bot signs into it.
pub(super) const VALIDITY: Span = Span::seconds(30);
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
    pub(super) fn filled(&self) -> Quantity {
        self.fills.iter().fold(Quantity::ZERO, |sum, fill| sum + fill.quantity)
    }
}

/// A request on its way to the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    Place(Intent, Option<PlaceFault>),
    Cancel(ClientOrderId, Option<u8>),
    Query(ClientOrderId),
    Transfer(Transfer),
}

/// A private event on its way to the bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outgoing {
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

/// So many numbers of events a bot remembers at least.
const REMEMBERED: usize = 256;

/// The venue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SimVenue {
    pub(super) catalogue: Catalogue,
    pub(super) accounts: Accounts,
    #[serde(skip)]
    pub(super) settings: Settings,
    pub(super) orders: Vec<VenueOrder>,
    pub(super) ended: VecDeque<VenueOrder>,
    pub(super) inbox: Vec<(WallTime, u64, Request)>,
    pub(super) outbox: Vec<Outgoing>,
    /// Highest number of an event that the bot was told.
    #[serde(default)]
    told: u64,
    #[serde(skip)]
    pub(super) liquidity: Vec<Liquidity>,
    pub(super) down: Vec<bool>,
    pub(super) faults: Faults,
    pub(super) next: u64,
    pub(super) next_fill: u64,
    /// Orders that reached the venue under an id that it had seen before; one is too many (I2).
    pub(super) resent: u64,
    #[serde(skip)]
    pub(super) trades: Vec<VenueTrade>,
    /// Books changed since the last [`SimVenue::take_changed`].
    #[serde(skip)]
    pub(super) changed: bool,
    /// Requests and reports take no time: bars.
    pub(super) instant: bool,
    /// A bar is opening.
    #[serde(skip)]
    pub(super) opening: bool,
    /// By how much the stream is late about the order in hand.
    #[serde(skip)]
    pub(super) hush: Span,
}

impl SimVenue {
    /// An empty venue. `instant` is for bars, where a request takes no time.
    #[must_use]
    pub fn new(settings: Settings, catalogue: Catalogue, faults: Faults, instant: bool) -> Self {
        let instruments = catalogue.instruments().len();
        let mut venue = Self {
            accounts: Accounts::new(&catalogue),
            down: vec![false; catalogue.venues().len()],
            catalogue,
            settings,
            orders: Vec::new(),
            ended: VecDeque::new(),
            inbox: Vec::new(),
            outbox: Vec::new(),
            told: 0,
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
        };
        venue.set_account_model();
        venue
    }

    /// A venue from its durable state, as any version wrote it; [`SimVenue::resumed`] makes it one that goes on.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        let mut venue: Self = serde_json::from_str(text)?;
        venue.accounts = venue.accounts.by_instrument(&venue.catalogue);
        Ok(venue)
    }

    /// A venue read back from its durable state: settings and liquidity are not part of it.
    #[must_use]
    pub fn resumed(mut self, settings: Settings, booked: &[u64]) -> Self {
        self.liquidity = vec![Liquidity::None; self.catalogue.instruments().len()];
        self.settings = settings;
        self.set_account_model();
        // What the bot has on disk need not be told again.
        let oldest = if booked.len() < REMEMBERED { 0 } else { booked.iter().min().copied().unwrap_or(0) };
        self.outbox.retain(|outgoing| outgoing.number > oldest && !booked.contains(&outgoing.number));
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

    /// A coin counts for this share of its value as collateral from now on.
    pub fn on_collateral(&mut self, venue: VenueId, coin: Asset, share: Rate) {
        let all = self.catalogue.instruments().iter();
        for perp in all.filter(|one| (one.market, one.venue_id, one.coin) == (Market::Perp, venue, coin)) {
            self.accounts.set_share(perp.id, share);
        }
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

    /// The venue's lists are asked for. It keeps no book of what the bot believes: what differs is told by its own events.
    pub fn compare(&mut self, venue: VenueId, now: WallTime) {
        if self.down.get(venue.index()).copied().unwrap_or(true) {
            return;
        }
        let latency = self.latency();
        self.send(now + latency + latency, Event::Reconciled { venue, differences: 0, missing: Vec::new() });
        self.changed = true;
    }

    /// A transfer request leaves the bot.
    pub fn transfer(&mut self, transfer: Transfer, now: WallTime) {
        self.changed = true;
        if self.may_leave(transfer.venue, transfer.from, transfer.asset) < transfer.amount {
            let latency = self.latency();
            self.send(now + latency, Event::TransferFailed(transfer));
            return;
        }
        // The money leaves at once and arrives later.
        self.accounts.add(transfer.venue, transfer.from, transfer.asset, -transfer.amount);
        let one_account = self.accounts.is_unified(transfer.venue);
        let delay = if one_account { Span::ZERO } else { self.settings.sim.transfer_delay };
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
        self.told = self.told.max(outgoing.number);
        Some((outgoing.number, outgoing.event))
    }

    /// The highest number of a private event that the bot was told, and the highest that there is, as of its last commit.
    #[must_use]
    pub const fn numbers(&self) -> (u64, u64) {
        (self.told, self.next)
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

    pub(super) fn receive(&mut self, at: WallTime, request: Request) {
        self.next += 1;
        self.inbox.push((at, self.next, request));
    }

    pub(super) fn send(&mut self, at: WallTime, event: Event) {
        self.next += 1;
        self.outbox.push(Outgoing { at, number: self.next, event });
        self.changed = true;
    }

    pub(super) fn tell(&mut self, at: WallTime, id: ClientOrderId, outcome: Outcome) {
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
    pub(super) fn report(&mut self, now: WallTime, id: ClientOrderId, outcome: Outcome) {
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
}
