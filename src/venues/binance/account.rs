//! Our account at one venue: orders out, what became of them in. Sans-IO: it is told what happened and when, and says
//! what to ask, what to send and what is a fact.
//!
//! It translates and remembers what belongs together (a venue's order number and our id, an execution seen twice, a request
//! and its answer); it has no opinion about trading, opens nothing and never asks for the time. An answer that proves
//! nothing is said to be `Unknown`; the core asks again (rule R-A). Lists are compared in `account_lists`.
//! Tests: `account_tests.rs`.

use super::account_lists::{Cycle, Lists};
use super::pushed::venue_act;
use crate::domain::{
    Amount, Asset, Catalogue, ClientOrderId, FillId, InstrumentId, Market, Span, Symbol, VenueId, WallTime,
};
use crate::port::Event;
use crate::port::event::{Transfer, Wallet};
use crate::port::order::{Intent, OrderReport, Outcome, RejectCause, TimeInForce};
use crate::venues::answer::{AccountMessage, Answer, FillRow, Refused};
use crate::venues::ask::{Act, Ask, Placement};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Orders remembered by the venue's number.
pub(super) const NUMBERS: usize = 4096;
/// How long after an answer the stream may be silent about an order that it must have told (fault C04).
const SILENCE: Span = Span::seconds(10);
/// The dead man's switch is renewed this often and fires after four times as long (rule R-E).
const COUNTDOWN_EVERY: Span = Span::seconds(30);
const COUNTDOWN: Span = Span::seconds(120);
/// Number of a request of this session.
pub type CallId = u64;

/// What is asked of the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A question.
    Ask(Ask),
    /// Something that changes the account. Never sent twice by anybody.
    Act(Act),
}

/// Which stream of account events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Spot orders and balances.
    Spot,
    /// Perp orders, balances and positions.
    Perp,
}

impl Stream {
    pub(super) const fn of(market: Market) -> Self {
        match market {
            Market::Spot => Self::Spot,
            Market::Perp => Self::Perp,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The core sends an order.
    Place(Intent),
    /// The core cancels one.
    Cancel {
        /// Our id.
        id: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// The core asks about one.
    Query {
        /// Our id.
        id: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// The core moves money.
    Transfer(Transfer),
    /// The venue answered.
    Answered {
        /// Which request.
        call: CallId,
        /// What.
        result: Result<Answer, Refused>,
    },
    /// A request never left: proof that it did nothing.
    NotSent {
        /// Which.
        call: CallId,
        /// No budget, rather than no connection.
        limited: bool,
    },
    /// A request left and nothing came back.
    NoAnswer {
        /// Which.
        call: CallId,
    },
    /// Nobody knows what became of a placement, and the venue can void it by its nonce: said before [`Input::NoAnswer`] or
    /// the answer that proves nothing.
    Voidable {
        /// Which request.
        call: CallId,
        /// The nonce that it was signed with.
        nonce: u64,
    },
    /// A stream of account events works.
    Opened(Stream),
    /// It broke.
    Closed(Stream),
    /// A message of it.
    Pushed(Stream, AccountMessage),
    /// Compare lists and ledger now.
    Reconcile,
    /// Some time passed; at least once a second.
    Timer,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this.
    Call(CallId, Call),
    /// A fact for the core.
    Fact(Event),
    /// All lists of one moment, to be compared with the ledger (rule R-D).
    Lists(Lists),
    /// Open this stream again: it is silent or ended.
    Reopen(Stream),
    /// The stream of the spot wallet tells of a movement that is no transfer of ours: it is booked once the lists show it.
    Moved(Asset, Amount),
    /// The venue refuses us: key, signature, address, or a restriction of the account.
    Barred(Refused),
    /// Something a person may want to know.
    Note(Note),
}

/// Typed remarks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A list could not be had; nothing is concluded from that.
    NoList(Refused),
    /// The clock is off: measure it.
    Clock,
    /// The venue warns about margin.
    MarginCall,
    /// A mode or leverage was changed.
    ConfigChanged(Option<Symbol>),
    /// A message that does not name an instrument of ours.
    Elsewhere(Symbol),
}

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
    Transfer(Transfer),
    Lookup(Transfer),
    Stranger {
        instrument: InstrumentId,
        fill: FillRow,
    },
    Countdown,
    Void,
    List,
}

/// A transfer whose outcome is not known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    pub(super) transfer: Transfer,
    pub(super) since: WallTime,
    pub(super) asked: Option<WallTime>,
    pub(super) absent: u32,
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
    /// When each order was sent; for windows of lists.
    pub(super) sent: BTreeMap<ClientOrderId, WallTime>,
    pub(super) seen: BTreeMap<InstrumentId, VecDeque<FillId>>,
    pub(super) open: BTreeMap<Stream, bool>,
    /// Orders of which the stream must still say something, and since when.
    pub(super) expected: BTreeMap<ClientOrderId, (Stream, WallTime)>,
    pub(super) resting: BTreeMap<ClientOrderId, Symbol>,
    pub(super) armed: BTreeMap<Symbol, WallTime>,
    pub(super) doubts: Vec<Doubt>,
    /// Numbers of transfers of the venue that are ours or were there before.
    pub(super) transfers_seen: BTreeSet<String>,
    pub(super) cycle: Cycle,
    pub(super) has_countdown: bool,
}

impl Account {
    /// An account with nothing known. `has_countdown` says whether the venue has a dead man's switch for perps.
    #[must_use]
    pub fn new(venue: VenueId, catalogue: &Catalogue, has_countdown: bool, now: WallTime) -> Self {
        let ours = || catalogue.instruments().iter().filter(|instrument| instrument.venue_id == venue);
        Self {
            venue,
            names: ours().map(|one| ((one.market, one.symbol), one.id)).collect(),
            symbols: ours().map(|one| (one.id, (one.market, one.symbol))).collect(),
            next: 0,
            pending: BTreeMap::new(),
            numbers: BTreeMap::new(),
            number_order: VecDeque::new(),
            sent: BTreeMap::new(),
            seen: BTreeMap::new(),
            open: BTreeMap::new(),
            expected: BTreeMap::new(),
            resting: BTreeMap::new(),
            armed: BTreeMap::new(),
            doubts: Vec::new(),
            transfers_seen: BTreeSet::new(),
            cycle: Cycle::new(ours().map(|one| (one.id, one.market, one.symbol)).collect(), now).of_venue(venue),
            has_countdown,
        }
    }

    /// Whether both streams of account events work.
    #[must_use]
    pub fn streams_open(&self) -> bool {
        [Stream::Spot, Stream::Perp].iter().all(|stream| self.open.get(stream) == Some(&true))
    }

    /// A transfer that an earlier run sent and whose end it did not learn.
    pub fn doubt(&mut self, transfer: Transfer, sent: WallTime) {
        self.cycle.expect_spot(&transfer);
        self.doubts.push(Doubt { transfer, since: sent, asked: None, absent: 0 });
    }

    /// A fact that the ledger has already and that the income list may tell again: a transfer of ours, or a movement that was
    /// booked as the venue listed it.
    pub fn booked_before(&mut self, event: &Event) {
        match event {
            Event::TransferSent(transfer) if transfer.venue == self.venue => self.cycle.own_transfer(transfer),
            Event::Adjusted { venue, wallet: Wallet::Perp, asset, amount, cause }
                if *venue == self.venue && *cause != crate::port::event::Adjustment::Rounding =>
            {
                self.cycle.booked(*asset, *amount);
            }
            _ => {}
        }
    }

    /// An order that an earlier run sent: lists and streams may speak of it.
    pub fn remember(&mut self, id: ClientOrderId, sent: WallTime) {
        self.sent.insert(id, sent);
    }

    /// Executions that the ledger has already.
    pub fn remember_fill(&mut self, instrument: InstrumentId, fill: FillId) {
        self.note_fill(instrument, fill);
    }

    /// From where on income is read: what is older is booked or was there before.
    pub fn income_from(&mut self, at: WallTime) {
        self.cycle.income_from(at);
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
            Input::Transfer(transfer) => {
                self.cycle.own_transfer(&transfer);
                self.cycle.expect_spot(&transfer);
                let act = Act::Transfer {
                    from: transfer.from,
                    asset: transfer.asset,
                    amount: transfer.amount,
                    id: transfer.id,
                };
                self.call(Pending::Transfer(transfer), Call::Act(act), out);
            }
            Input::Answered { call, result } => self.answered(call, result, now, out),
            Input::NotSent { call, limited } => self.not_sent(call, limited, now, out),
            Input::NoAnswer { call } => self.no_answer(call, now, out),
            Input::Voidable { call, nonce } => {
                // An order that still waits at the venue is not executed behind our back. What became of it is asked for
                // all the same: a void that is answered proves nothing, and one that is refused does not either.
                if matches!(self.pending.get(&call), Some(Pending::Place { .. })) {
                    self.call(Pending::Void, Call::Act(Act::Noop { nonce }), out);
                }
            }
            Input::Opened(stream) => {
                self.open.insert(stream, true);
                // The venue replays nothing: whatever happened before is in the lists (rule R-D).
                self.cycle.want(now);
                self.go_on(now, out);
            }
            Input::Closed(stream) => {
                self.open.insert(stream, false);
            }
            Input::Pushed(stream, message) => self.pushed(stream, message, now, out),
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
        self.sent.insert(intent.id, now);
        while self.sent.len() > NUMBERS {
            self.sent.pop_first();
        }
        self.cycle.disturb();
        self.cycle.active(intent.instrument);
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

    fn timer(&mut self, now: WallTime, out: &mut Vec<Output>) {
        let silent: Vec<(ClientOrderId, Stream)> = self
            .expected
            .iter()
            .filter(|(_, (_, since))| now.since(*since) >= SILENCE)
            .map(|(id, (stream, _))| (*id, *stream))
            .collect();
        for (id, stream) in silent {
            self.expected.remove(&id);
            // It pings, and says nothing of an order that was executed: it is dead (fault C04).
            self.open.insert(stream, false);
            out.push(Output::Reopen(stream));
        }
        self.arm(now, out);
        for place in 0..self.doubts.len() {
            let Some(doubt) = self.doubts.get_mut(place) else { continue };
            if doubt.asked.is_some_and(|asked| now.since(asked) < Span::seconds(2)) {
                continue;
            }
            doubt.asked = Some(now);
            let (transfer, start) = (doubt.transfer, doubt.since - Span::MINUTE);
            let ask = Ask::Transfers { from: transfer.from, start };
            self.call(Pending::Lookup(transfer), Call::Ask(ask), out);
        }
        self.go_on(now, out);
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
            out.push(Output::Lists(lists));
        }
    }

    /// What the lists say that streams did not.
    pub(super) fn listed(&mut self, facts: super::account_lists::Found, now: WallTime, out: &mut Vec<Output>) {
        for refused in facts.no_list {
            out.push(Output::Note(Note::NoList(refused)));
        }
        for (instrument, row) in facts.fills {
            if self.seen.get(&instrument).is_some_and(|seen| seen.contains(&row.id)) {
                continue;
            }
            let Some((market, symbol)) = self.name(instrument) else { continue };
            if let Some(id) = self.numbers.get(&(market, row.order)).copied() {
                self.fill((id, instrument), &row, now, out);
            } else {
                let ask = Ask::OrderNumber { market, symbol, number: row.order };
                self.call(Pending::Stranger { instrument, fill: row }, Call::Ask(ask), out);
            }
        }
        for row in facts.open {
            let ours = row.client_id.parse::<ClientOrderId>().is_ok_and(|id| self.sent.contains_key(&id));
            if !ours && venue_act(&row.client_id, "", "").is_none() {
                let instrument = self.names.get(&(row.market, row.symbol)).copied();
                out.push(Output::Fact(Event::Foreign { venue: self.venue, instrument }));
            }
        }
        for event in facts.events {
            out.push(Output::Fact(event));
        }
        for (asset, amount) in facts.outside {
            self.outside(asset, amount, out);
        }
    }

    /// A movement of the perp wallet that no transfer of ours explains.
    fn outside(&self, asset: Asset, amount: Amount, out: &mut Vec<Output>) {
        let cause = crate::port::event::Adjustment::External;
        let venue = self.venue;
        out.push(Output::Fact(Event::Adjusted { venue, wallet: Wallet::Perp, asset, amount, cause }));
        out.push(Output::Fact(Event::Foreign { venue, instrument: None }));
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
