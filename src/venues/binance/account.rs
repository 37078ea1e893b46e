//! Our account at one venue: orders out, what became of them in. Sans-IO: it is told what happened and when, and says
//! what to ask, what to send and what is a fact.
//!
//! It translates and remembers what belongs together (a venue's order number and our id, an execution seen twice, a request
//! and its answer); it has no opinion about trading, opens nothing and never asks for the time. An answer that proves
//! nothing is said to be `Unknown`; the core asks again (rule R-A). Lists are compared in `account_lists`.
//! Tests: `account_tests.rs`.

use super::account_fills;
use super::account_found::Nameless;
pub use super::account_io::{Call, CallId, Input, Note, Output, Stream};
use super::account_lists::Cycle;
use super::account_recent::Recent;
use super::account_transfers::Transfers;
use super::account_watch::{Due, Watch};
use super::profile::{Feature, Profile};
use crate::domain::{
    Catalogue, ClientOrderId, FillId, Instrument, InstrumentId, Market, Quantity, Span, Symbol, VenueId, WallTime,
};
use crate::planted::{self, Bug};
use crate::port::Event;
use crate::port::event::Transfer;
use crate::port::order::{Intent, OrderReport, Outcome, RejectCause, TimeInForce};
use crate::venues::answer::FillRow;
use crate::venues::ask::{Act, Ask, From, Placement, Priority};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Orders remembered, by our id and by the venue's number.
pub(super) const NUMBERS: usize = 16_384;
/// The dead man's switch is renewed this often and fires after four times as long (rule R-E).
const COUNTDOWN_EVERY: Span = Span::seconds(30);
const COUNTDOWN: Span = Span::seconds(120);
/// Between the decision to send and the signature at most.
pub(super) const OWN_DELAY: Span = Span(500);
/// Of an order of an earlier run: it was signed at most this much after it was decided.
const EARLIER_DELAY: Span = Span::seconds(10);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pending {
    Place {
        id: ClientOrderId,
        instrument: InstrumentId,
    },
    Cancel {
        id: ClientOrderId,
        instrument: InstrumentId,
    },
    Order {
        id: ClientOrderId,
        instrument: InstrumentId,
    },
    /// Executions of an order whose end is told after them.
    Fills {
        id: ClientOrderId,
        instrument: InstrumentId,
        number: u64,
        end: Option<Outcome>,
    },
    Transfer {
        transfer: Transfer,
        sent: WallTime,
    },
    Lookup(Transfer),
    Stranger {
        instrument: InstrumentId,
        fill: FillRow,
    },
    Countdown,
    Void {
        id: ClientOrderId,
    },
    /// Rates of settlements that were paid.
    Rates(InstrumentId),
    /// Recent orders of whoever.
    Recent {
        instrument: InstrumentId,
        asked: WallTime,
    },
    List,
}

/// What is remembered of an order of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ours {
    pub(super) instrument: InstrumentId,
    pub(super) sent: WallTime,
    /// When its request was signed, where that was told.
    pub(super) signed: Option<WallTime>,
    /// Coins of the executions that were told.
    pub(super) told: Quantity,
    /// How often its executions were asked for.
    pub(super) tries: u32,
}

/// Account of one venue.
#[derive(Debug)]
pub struct Account {
    pub(super) venue: VenueId,
    pub(super) names: BTreeMap<(Market, Symbol), InstrumentId>,
    pub(super) symbols: BTreeMap<InstrumentId, (Market, Symbol)>,
    pub(super) next: CallId,
    pub(super) pending: BTreeMap<CallId, Pending>,
    /// Our ids by the venue's numbers.
    pub(super) numbers: BTreeMap<(Market, u64), ClientOrderId>,
    pub(super) number_order: VecDeque<(Market, u64)>,
    pub(super) orders: BTreeMap<ClientOrderId, Ours>,
    /// Executions whose order nobody could name so far.
    pub(super) lost: BTreeMap<(InstrumentId, FillId), Nameless>,
    /// Orders of an earlier run whose outcome is not known: until when their requests are valid is said at the first timer.
    early: Vec<ClientOrderId>,
    pub(super) watch: Watch,
    pub(super) resting: BTreeMap<ClientOrderId, Symbol>,
    pub(super) armed: BTreeMap<Symbol, WallTime>,
    pub(super) transfers: Transfers,
    pub(super) cycle: Cycle,
    pub(super) recent: Recent,
    pub(super) has_countdown: bool,
    /// How long after its signature a placement can still be accepted, with the venue's margin, where that is known.
    pub(super) validity: BTreeMap<Market, Span>,
}

impl Account {
    /// An account with nothing known.
    #[must_use]
    pub fn new(venue: VenueId, catalogue: &Catalogue, profile: &Profile, now: WallTime) -> Self {
        let ours: Vec<&Instrument> =
            catalogue.instruments().iter().filter(|instrument| instrument.venue_id == venue).collect();
        let validity = [Market::Spot, Market::Perp].into_iter();
        Self {
            venue,
            names: ours.iter().map(|one| ((one.market, one.symbol), one.id)).collect(),
            symbols: ours.iter().map(|one| (one.id, (one.market, one.symbol))).collect(),
            next: 0,
            pending: BTreeMap::new(),
            numbers: BTreeMap::new(),
            number_order: VecDeque::new(),
            orders: BTreeMap::new(),
            lost: BTreeMap::new(),
            early: Vec::new(),
            watch: Watch::new(profile.has(Feature::WsApiUserData)),
            resting: BTreeMap::new(),
            armed: BTreeMap::new(),
            transfers: Transfers::default(),
            cycle: Cycle::new(venue, &ours, now),
            recent: Recent::new(ours.iter().map(|one| one.id), now),
            // Every venue of the family has one for perps.
            has_countdown: true,
            validity: validity.filter_map(|market| Some((market, profile.validity(market)?))).collect(),
        }
    }

    /// Whether both streams of account events work.
    #[must_use]
    pub fn streams_open(&self) -> bool {
        self.watch.all_open()
    }

    /// Whether a stream of account events works.
    #[must_use]
    pub fn is_stream_open(&self, stream: Stream) -> bool {
        self.watch.is_open(stream)
    }

    /// A transfer that an earlier run sent at this time and whose end it did not learn.
    pub fn doubt(&mut self, transfer: Transfer, sent: WallTime) {
        self.transfers.expect_spot(&transfer, sent);
        self.transfers.doubt(transfer, sent);
    }

    /// A fact that the ledger has already, and when it was booked: lists may tell it again. Orders are remembered before.
    pub fn booked_before(&mut self, event: &Event, at: WallTime) {
        match event {
            Event::TransferSent(transfer) if transfer.venue == self.venue => self.transfers.own(transfer, at),
            Event::TransferFailed(transfer) if transfer.venue == self.venue => self.transfers.failed(transfer),
            Event::Order(OrderReport { id, outcome: Outcome::Filled(fill) }) => {
                if let Some(ours) = self.orders.get_mut(id) {
                    ours.told += fill.quantity;
                    let instrument = ours.instrument;
                    self.remember_fill(instrument, fill.id, fill.at);
                }
            }
            _ => self.cycle.booked_before(self.venue, event, at),
        }
    }

    /// The ledger was read: it is complete but for what happened after `from`, and lists are read from there on.
    pub fn recalled(&mut self, from: WallTime) {
        self.cycle.income.from(from);
        self.recent.from(from);
        for known in self.cycle.fills.values_mut() {
            known.complete_before(from);
            known.active &= !planted::is(Bug::AskOnlyShown);
        }
    }

    /// A perp position of the ledger: settlements since its last payment are due, as long as lists can show them.
    pub fn holds(&mut self, instrument: InstrumentId, coins: crate::domain::SignedQuantity, now: WallTime) {
        self.cycle.income.holds(instrument, coins, now);
        if let Some(known) = self.cycle.fills.get_mut(&instrument) {
            known.active |= !planted::is(Bug::AskOnlyShown);
        }
    }

    /// An order that an earlier run sent: lists and streams may speak of it.
    pub fn remember(&mut self, id: ClientOrderId, instrument: InstrumentId, sent: WallTime) {
        if self.symbols.contains_key(&instrument) {
            self.orders.entry(id).or_insert(Ours { instrument, sent, signed: None, told: Quantity::ZERO, tries: 0 });
            while self.orders.len() > NUMBERS {
                self.orders.pop_first();
            }
            if let Some(known) = self.cycle.fills.get_mut(&instrument) {
                known.active = true;
            }
        }
    }

    /// An order that an earlier run sent and whose outcome is not known.
    pub fn unsettled(&mut self, id: ClientOrderId, instrument: InstrumentId, sent: WallTime) {
        self.remember(id, instrument, sent);
        self.cycle.ordered(instrument, sent);
        self.early.push(id);
    }

    /// An execution that the ledger has already.
    pub fn remember_fill(&mut self, instrument: InstrumentId, fill: FillId, at: WallTime) {
        if let Some(known) = self.cycle.fills.get_mut(&instrument) {
            known.remember(fill, at);
        }
    }

    /// Takes in what happened at `now`, and adds what follows to `out`.
    pub fn handle(&mut self, input: Input, now: WallTime, out: &mut Vec<Output>) {
        match input {
            Input::Place(intent) => self.place(&intent, now, out),
            Input::Cancel { id, instrument } => {
                if let Some((market, symbol)) = self.name(instrument) {
                    let act = Act::Cancel { market, symbol, id };
                    self.call(Pending::Cancel { id, instrument }, Call::Act(act), out);
                }
            }
            Input::Query { id, instrument } => self.ask_order(id, instrument, out),
            Input::Transfer(transfer) => self.transfer(transfer, now, out),
            Input::Answered { call, result } => self.answered(call, result, now, out),
            Input::NotSent { call, limited } => self.not_sent(call, limited, now, out),
            Input::NoAnswer { call } => self.no_answer(call, now, out),
            Input::Signed { call, at } => {
                if let Some(Pending::Place { id, .. }) = self.pending.get(&call)
                    && let Some(ours) = self.orders.get_mut(id)
                {
                    ours.signed = Some(at);
                }
            }
            Input::Voidable { call, nonce } => {
                // An order that still waits at the venue is not executed behind our back. What became of it is asked for
                // all the same: a void that is answered proves nothing, and one that is refused does not either.
                if let Some(Pending::Place { id, .. }) = self.pending.get(&call) {
                    let pending = Pending::Void { id: *id };
                    self.call(pending, Call::Act(Act::Noop { nonce }), out);
                }
            }
            Input::Opened(stream) => {
                self.watch.opened(stream, now);
                // The venue replays nothing: whatever happened before is in the lists (rule R-D).
                if !planted::is(Bug::ReopenedNoLists) {
                    self.cycle.want(now);
                }
                self.go_on(now, out);
            }
            Input::Closed(stream) => self.watch.closed(stream),
            Input::Pushed(stream, message) => self.pushed(stream, message, now, out),
            Input::Settled { transfer, arrived } => {
                self.transfers.settled(&transfer, arrived);
                let end = if arrived { Event::TransferDone } else { Event::TransferFailed };
                out.push(Output::Fact(end(transfer)));
                self.cycle.disturb();
                self.cycle.want(now);
            }
            Input::Reconcile => {
                self.cycle.want(now);
                self.go_on(now, out);
            }
            Input::Timer => self.timer(now, out),
        }
    }

    pub(super) fn name(&self, instrument: InstrumentId) -> Option<(Market, Symbol)> {
        self.symbols.get(&instrument).copied()
    }

    pub(super) fn call(&mut self, pending: Pending, call: Call, out: &mut Vec<Output>) {
        self.next += 1;
        self.pending.insert(self.next, pending);
        out.push(Output::Call(self.next, call));
    }

    pub(super) fn report(id: ClientOrderId, outcome: Outcome, out: &mut Vec<Output>) {
        out.push(Output::Fact(Event::Order(OrderReport { id, outcome })));
    }

    fn place(&mut self, intent: &Intent, now: WallTime, out: &mut Vec<Output>) {
        let Some((market, symbol)) = self.name(intent.instrument) else {
            Self::report(intent.id, Outcome::Rejected { cause: RejectCause::Halted }, out);
            return;
        };
        self.remember(intent.id, intent.instrument, now);
        self.cycle.disturb();
        self.cycle.ordered(intent.instrument, now);
        if intent.time_in_force == TimeInForce::PostOnly && market == Market::Perp {
            self.resting.insert(intent.id, symbol);
            self.arm(now, out);
        }
        let placement = Placement {
            market,
            symbol,
            id: intent.id,
            side: intent.side,
            quantity: intent.quantity,
            limit: intent.limit,
            time_in_force: intent.time_in_force,
            reduce_only: intent.reduce_only && market == Market::Perp,
            priority: if intent.purpose.lowers_risk() || intent.reduce_only {
                Priority::Safety
            } else {
                Priority::Normal
            },
        };
        let pending = Pending::Place { id: intent.id, instrument: intent.instrument };
        self.call(pending, Call::Act(Act::Place(placement)), out);
    }

    pub(super) fn ask_order(&mut self, id: ClientOrderId, instrument: InstrumentId, out: &mut Vec<Output>) {
        let Some((market, symbol)) = self.name(instrument) else { return };
        let asked = self.pending.values().any(|pending| match pending {
            Pending::Order { id: known, .. } | Pending::Fills { id: known, .. } => *known == id,
            _ => false,
        });
        if asked {
            // The answer to the question before is still on its way.
            return;
        }
        let ask = Ask::Order { market, symbol, id: id.to_string() };
        self.call(Pending::Order { id, instrument }, Call::Ask(ask), out);
    }

    fn transfer(&mut self, transfer: Transfer, now: WallTime, out: &mut Vec<Output>) {
        self.transfers.own(&transfer, now);
        self.transfers.expect_spot(&transfer, now);
        let Transfer { id, from, asset, amount, .. } = transfer;
        let act = Act::Transfer { from, asset, amount, id };
        self.call(Pending::Transfer { transfer, sent: now }, Call::Act(act), out);
    }

    /// Nobody knows what became of a placement: from when on its request can no longer be accepted.
    pub(super) fn say_expiry(&self, id: ClientOrderId, after: Span, out: &mut Vec<Output>) {
        let Some(ours) = self.orders.get(&id) else { return };
        let valid = self.name(ours.instrument).and_then(|(market, _)| self.validity.get(&market));
        if let Some(valid) = valid {
            let signed = ours.signed.unwrap_or(ours.sent + after);
            out.push(Output::Fact(Event::Expires { id, at: signed + *valid }));
        }
    }

    fn timer(&mut self, now: WallTime, out: &mut Vec<Output>) {
        for id in std::mem::take(&mut self.early) {
            self.say_expiry(id, EARLIER_DELAY, out);
        }
        for due in self.watch.due(now) {
            self.stream_due(due, now, out);
        }
        self.arm(now, out);
        for (transfer, start) in self.transfers.due(now) {
            let ask = Ask::Transfers { from: transfer.from, start };
            self.call(Pending::Lookup(transfer), Call::Ask(ask), out);
        }
        self.cycle.income.hours(now);
        self.settle(now, out);
        self.look_for_others(now, out);
        if let Some(since) = self.cycle.stalled(now) {
            out.push(Output::Stalled { since });
        }
        self.go_on(now, out);
    }

    fn stream_due(&mut self, due: Due, now: WallTime, out: &mut Vec<Output>) {
        match due {
            Due::Lists => self.cycle.want(now),
            Due::Renew(stream) => out.push(Output::Renew(stream)),
            Due::Reopen(stream) => out.push(Output::Reopen(stream)),
        }
    }

    /// Books payments that are ready, and asks for the rates of those that are not: one question for each perp.
    pub(super) fn settle(&mut self, now: WallTime, out: &mut Vec<Output>) {
        let told = self.cycle.settled(now);
        self.told_income(told, out);
        let flying =
            |of: InstrumentId| move |pending: &Pending| matches!(pending, Pending::Rates(known) if *known == of);
        for (instrument, ask) in self.cycle.income.questions(now) {
            if !self.pending.values().any(flying(instrument)) {
                self.call(Pending::Rates(instrument), Call::Ask(ask), out);
            }
        }
    }

    /// Keeps the dead man's switch of every perp that has an order of ours resting, and lets go of the others.
    pub(super) fn arm(&mut self, now: WallTime, out: &mut Vec<Output>) {
        if !self.has_countdown {
            return;
        }
        let symbols: BTreeSet<Symbol> = self.resting.values().copied().collect();
        for symbol in &symbols {
            let due = self.armed.get(symbol).is_none_or(|armed| now.since(*armed) >= COUNTDOWN_EVERY);
            if due {
                self.armed.insert(*symbol, now);
                let act = Act::Countdown { symbol: *symbol, after: COUNTDOWN };
                self.call(Pending::Countdown, Call::Act(act), out);
            }
        }
        let free: Vec<Symbol> = self.armed.keys().filter(|symbol| !symbols.contains(symbol)).copied().collect();
        for symbol in free {
            self.armed.remove(&symbol);
            let act = Act::Countdown { symbol, after: Span::ZERO };
            self.call(Pending::Countdown, Call::Act(act), out);
        }
    }

    /// Asks for the next lists of the cycle, if one is due.
    pub(super) fn go_on(&mut self, now: WallTime, out: &mut Vec<Output>) {
        for ask in self.cycle.due(now) {
            self.next += 1;
            self.cycle.asked(self.next, &ask);
            self.pending.insert(self.next, Pending::List);
            out.push(Output::Call(self.next, Call::Ask(ask)));
        }
        if let Some(lists) = self.cycle.take(now) {
            for due in self.watch.compared(lists.at, now) {
                self.stream_due(due, now, out);
            }
            out.push(Output::Lists(lists));
        }
    }

    /// The question for the executions of one order: by its number, or, every other time, by the time at which it was sent.
    /// Both are windows that the venue allows, whatever the order's age.
    pub(super) fn ask_fills(
        &mut self,
        of: (ClientOrderId, InstrumentId),
        number: u64,
        end: Option<Outcome>,
        out: &mut Vec<Output>,
    ) {
        let (id, instrument) = of;
        let Some((market, symbol)) = self.name(instrument) else { return };
        let Some(ours) = self.orders.get_mut(&id) else { return };
        let from = if ours.tries.is_multiple_of(2) {
            From::Order(number)
        } else {
            let start = ours.sent - Span::MINUTE;
            From::Window { start, end: start + account_fills::longest(market) }
        };
        ours.tries = ours.tries.saturating_add(1);
        let ask = Ask::Fills { market, symbol, from, limit: account_fills::ROWS };
        self.call(Pending::Fills { id, instrument, number, end }, Call::Ask(ask), out);
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
