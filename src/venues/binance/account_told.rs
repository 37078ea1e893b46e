//! What answers and streams say of our orders and transfers: the second half of [`Account`].
//!
//! Executions are told once and before the end of their order; what proves nothing is `Unknown` (rule R-A). Tests:
//! `account_tests.rs`.

use super::account::{Account, Call, CallId, Doubt, NUMBERS, Note, Output, Pending, Stream};
use super::pushed::venue_act;
use crate::domain::{ClientOrderId, FillId, InstrumentId, Market, Quantity, Side, Span, WallTime};
use crate::port::Event;
use crate::port::event::{Transfer, VenueAct};
use crate::port::order::{Fill, Outcome, RejectCause};
use crate::venues::answer::{AccountMessage, Answer, Class, FillRow, OrderRow, OrderStatus, Refused};
use crate::venues::ask::{Ask, From};

/// Executions remembered per instrument, so that a list and a stream do not tell twice.
const SEEN: usize = 4096;
/// A transfer without an answer is looked for until then before its absence counts as proven.
const TRANSFER_WINDOW: Span = Span::seconds(90);

impl Account {
    pub(super) fn answered(
        &mut self,
        call: CallId,
        result: Result<Answer, Refused>,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let Some(pending) = self.pending.remove(&call) else { return };
        if let Err(refused) = &result {
            match refused.class {
                // A ban of the address ends by itself: the budget keeps still, and the venue counts as unreachable.
                Class::Auth | Class::Restricted => out.push(Output::Barred(refused.clone())),
                Class::Clock => out.push(Output::Note(Note::Clock)),
                _ => {}
            }
        }
        match pending {
            Pending::Place { id, instrument } => self.placed((id, instrument), result, now, out),
            Pending::Cancel { id, instrument } => self.cancelled((id, instrument), result, now, out),
            Pending::Order { id, instrument } => match result {
                Ok(Answer::Order(row)) => self.row((id, instrument), &row, now, out),
                Err(refused) if refused.class == Class::NotFound => Self::report(id, Outcome::NotFound, out),
                // No knowledge: the core asks again.
                _ => {}
            },
            Pending::Fills { id, instrument, number, end } => {
                if let Ok(Answer::Fills(rows)) = result {
                    for row in rows.iter().filter(|row| row.order == number) {
                        self.fill((id, instrument), row, now, out);
                    }
                    if let Some(end) = end {
                        self.ended(id);
                        Self::report(id, end, out);
                    }
                }
            }
            Pending::Transfer(transfer) => self.transferred(transfer, result, now, out),
            Pending::Lookup(transfer) => self.looked_up(transfer, result, now, out),
            Pending::Stranger { instrument, fill } => self.stranger((instrument, &fill), result, now, out),
            Pending::Countdown | Pending::Void => {}
            Pending::List => {
                let facts = self.cycle.answered(call, result, now);
                self.listed(facts, now, out);
            }
        }
        self.go_on(now, out);
    }

    pub(super) fn not_sent(&mut self, call: CallId, limited: bool, now: WallTime, out: &mut Vec<Output>) {
        let Some(pending) = self.pending.remove(&call) else { return };
        match pending {
            // It never left: as good as a refusal, and not tried again at once.
            Pending::Place { id, .. } => {
                self.ended(id);
                let cause = if limited { RejectCause::RateLimit } else { RejectCause::Halted };
                Self::report(id, Outcome::Rejected { cause }, out);
            }
            Pending::Cancel { id, .. } => Self::report(id, Outcome::CancelUnknown, out),
            Pending::Transfer(transfer) => out.push(Output::Fact(Event::TransferFailed(transfer))),
            Pending::List => self.cycle.failed(call, now),
            Pending::Stranger { instrument, fill } => self.cycle.orphan(instrument, fill),
            Pending::Order { .. } | Pending::Fills { .. } | Pending::Lookup(_) | Pending::Countdown | Pending::Void => {
            }
        }
    }

    pub(super) fn no_answer(&mut self, call: CallId, now: WallTime, out: &mut Vec<Output>) {
        let Some(pending) = self.pending.remove(&call) else { return };
        match pending {
            Pending::Place { id, instrument } => {
                Self::report(id, Outcome::Unknown, out);
                self.ask_order(id, instrument, out);
                self.cycle.want(now);
            }
            Pending::Cancel { id, .. } => Self::report(id, Outcome::CancelUnknown, out),
            Pending::Transfer(transfer) => {
                self.doubts.push(Doubt { transfer, since: now, asked: None, absent: 0 });
                self.cycle.disturb();
            }
            Pending::List => self.cycle.failed(call, now),
            Pending::Stranger { instrument, fill } => self.cycle.orphan(instrument, fill),
            Pending::Order { .. } | Pending::Fills { .. } | Pending::Lookup(_) | Pending::Countdown | Pending::Void => {
            }
        }
    }

    fn placed(
        &mut self,
        of: (ClientOrderId, InstrumentId),
        result: Result<Answer, Refused>,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let (id, instrument) = of;
        match result {
            Ok(Answer::Order(row)) => {
                self.expect(id, instrument, now);
                self.row((id, instrument), &row, now, out);
            }
            Ok(_) => Self::report(id, Outcome::Unknown, out),
            Err(refused) => {
                let outcome = verdict(&refused);
                if matches!(outcome, Outcome::Rejected { .. }) {
                    self.ended(id);
                } else {
                    self.ask_order(id, instrument, out);
                    self.cycle.want(now);
                }
                Self::report(id, outcome, out);
            }
        }
    }

    fn cancelled(
        &mut self,
        of: (ClientOrderId, InstrumentId),
        result: Result<Answer, Refused>,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let (id, instrument) = of;
        match result {
            Ok(Answer::Order(row)) => self.row((id, instrument), &row, now, out),
            Ok(_) => self.ask_order(id, instrument, out),
            Err(refused) if refused.class == Class::NotFound => {
                // Not open there: executed, ended, or never arrived. The order itself tells.
                Self::report(id, Outcome::CancelRejected, out);
                self.ask_order(id, instrument, out);
            }
            Err(_) => Self::report(id, Outcome::CancelUnknown, out),
        }
    }

    /// What the venue says of an order: executions first, its end after them.
    fn row(&mut self, of: (ClientOrderId, InstrumentId), row: &OrderRow, now: WallTime, out: &mut Vec<Output>) {
        let (id, instrument) = of;
        self.learn(row.market, row.venue_id, id);
        let end = match row.status {
            OrderStatus::Open => None,
            OrderStatus::Filled => Some(Outcome::Done { filled: row.filled }),
            OrderStatus::Cancelled => Some(Outcome::Cancelled { filled: row.filled }),
            OrderStatus::Expired => Some(Outcome::Expired { filled: row.filled }),
            OrderStatus::Rejected => Some(Outcome::Rejected { cause: RejectCause::Halted }),
        };
        let mut told = Quantity::ZERO;
        for fill in &row.fills {
            told += fill.quantity;
        }
        let complete = told >= row.filled && row.fills.iter().all(|fill| fill.fee.is_some());
        if complete {
            Self::report(id, Outcome::Accepted, out);
            for fill in &row.fills {
                self.fill((id, instrument), &FillRow { side: Some(row.side), ..fill.clone() }, now, out);
            }
            if let Some(end) = end {
                self.ended(id);
                Self::report(id, end, out);
            }
            return;
        }
        Self::report(id, Outcome::Accepted, out);
        let sent = self.sent.get(&id).copied().unwrap_or(now - Span::hours(20));
        let window = From::Window { start: sent - Span::MINUTE, end: now + Span::MINUTE };
        let Some((market, symbol)) = self.name(instrument) else { return };
        let ask = Ask::Fills { market, symbol, from: window, limit: 500 };
        self.call(Pending::Fills { id, instrument, number: row.venue_id, end }, Call::Ask(ask), out);
    }

    fn learn(&mut self, market: Market, number: u64, id: ClientOrderId) {
        if self.numbers.insert((market, number), id).is_none() {
            self.number_order.push_back((market, number));
            if self.number_order.len() > NUMBERS
                && let Some(old) = self.number_order.pop_front()
            {
                self.numbers.remove(&old);
            }
        }
    }

    pub(super) fn note_fill(&mut self, instrument: InstrumentId, fill: FillId) -> bool {
        let seen = self.seen.entry(instrument).or_default();
        if seen.contains(&fill) {
            return false;
        }
        seen.push_back(fill);
        if seen.len() > SEEN {
            seen.pop_front();
        }
        true
    }

    /// An execution of our order, told once.
    pub(super) fn fill(
        &mut self,
        of: (ClientOrderId, InstrumentId),
        row: &FillRow,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let Some(fill) = fill_of(row, now) else { return };
        let (id, instrument) = of;
        if !self.note_fill(instrument, fill.id) {
            return;
        }
        self.cycle.disturb();
        self.cycle.saw_fill(instrument, fill.id);
        Self::report(id, Outcome::Filled(fill), out);
    }

    fn expect(&mut self, id: ClientOrderId, instrument: InstrumentId, now: WallTime) {
        if let Some((market, _)) = self.name(instrument) {
            self.expected.entry(id).or_insert((Stream::of(market), now));
        }
    }

    fn ended(&mut self, id: ClientOrderId) {
        self.resting.remove(&id);
    }

    pub(super) fn pushed(&mut self, stream: Stream, message: AccountMessage, now: WallTime, out: &mut Vec<Output>) {
        match message {
            AccountMessage::Order { order, fill, by_venue } => self.told((&order, fill, by_venue), now, out),
            AccountMessage::Balances { reason, .. } => {
                self.cycle.disturb();
                let word = reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default();
                if matches!(word.as_str(), "FUNDING_FEE" | "AUTO_EXCHANGE" | "INSURANCE_CLEAR" | "DEPOSIT" | "WITHDRAW")
                {
                    self.cycle.want(now);
                    self.go_on(now, out);
                }
            }
            AccountMessage::Moved { asset, amount, at } => {
                self.cycle.disturb();
                if self.cycle.moved_spot(asset, amount, at) {
                    out.push(Output::Moved(asset, amount));
                    self.cycle.want(now);
                    self.go_on(now, out);
                }
            }
            AccountMessage::Positions { rows, .. } => {
                self.cycle.disturb();
                for row in rows {
                    if let Some(instrument) = self.names.get(&(Market::Perp, row.symbol)).copied() {
                        self.cycle.position(instrument, row.coins);
                    }
                }
            }
            AccountMessage::MarginCall(_) => out.push(Output::Note(Note::MarginCall)),
            AccountMessage::ConfigChanged { symbol, .. } => {
                out.push(Output::Note(Note::ConfigChanged(symbol)));
            }
            AccountMessage::ListenKeyExpired | AccountMessage::Terminated => {
                self.open.insert(stream, false);
                out.push(Output::Reopen(stream));
            }
            AccountMessage::Reply { accepted, .. } => {
                match accepted {
                    Ok(()) => {}
                    // Its stamp was too old or too new: it is made again, after the clock was measured.
                    Err(refused) if refused.class == Class::Clock => {
                        out.push(Output::Note(Note::Clock));
                        out.push(Output::Reopen(stream));
                    }
                    Err(refused) => out.push(Output::Barred(refused)),
                }
            }
            AccountMessage::ServerShutdown => out.push(Output::Reopen(stream)),
            AccountMessage::Unrecognised(kind) => out.push(Output::Note(Note::Elsewhere(kind))),
        }
    }

    /// The stream tells of an order.
    fn told(&mut self, what: (&OrderRow, Option<FillRow>, Option<VenueAct>), now: WallTime, out: &mut Vec<Output>) {
        let (order, fill, by_venue) = what;
        let Some(instrument) = self.names.get(&(order.market, order.symbol)).copied() else {
            out.push(Output::Note(Note::Elsewhere(order.symbol)));
            out.push(Output::Fact(Event::Foreign { venue: self.venue, instrument: None }));
            return;
        };
        self.cycle.disturb();
        if let Some(act) = by_venue {
            if let Some(row) = fill {
                self.venue_fill((instrument, act, order.side), &row, now, out);
            }
            return;
        }
        let Ok(id) = order.client_id.parse::<ClientOrderId>() else {
            out.push(Output::Fact(Event::Foreign { venue: self.venue, instrument: Some(instrument) }));
            return;
        };
        if !self.sent.contains_key(&id) {
            // An id in our form that this ledger never made: another bot on the account.
            out.push(Output::Fact(Event::Foreign { venue: self.venue, instrument: Some(instrument) }));
            return;
        }
        self.expected.remove(&id);
        self.learn(order.market, order.venue_id, id);
        if let Some(row) = fill {
            if row.fee.is_some() {
                self.fill((id, instrument), &FillRow { side: Some(order.side), ..row }, now, out);
            } else {
                self.cycle.want(now);
            }
        }
        let filled = order.filled;
        let outcome = match order.status {
            OrderStatus::Open => Outcome::Accepted,
            OrderStatus::Filled => Outcome::Done { filled },
            OrderStatus::Cancelled => Outcome::Cancelled { filled },
            OrderStatus::Expired => Outcome::Expired { filled },
            OrderStatus::Rejected => Outcome::Rejected { cause: RejectCause::Halted },
        };
        if order.status != OrderStatus::Open {
            self.ended(id);
        }
        Self::report(id, outcome, out);
    }

    fn venue_fill(&mut self, of: (InstrumentId, VenueAct, Side), row: &FillRow, now: WallTime, out: &mut Vec<Output>) {
        let (instrument, act, side) = of;
        let Some(fill) = fill_of(row, now) else { return };
        if self.note_fill(instrument, fill.id) {
            self.cycle.disturb();
            self.cycle.saw_fill(instrument, fill.id);
            out.push(Output::Fact(Event::VenueFill { instrument, act, side, fill }));
        }
    }

    /// An execution of a list whose order we did not know: now we do.
    fn stranger(
        &mut self,
        of: (InstrumentId, &FillRow),
        result: Result<Answer, Refused>,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let (instrument, fill) = of;
        let Ok(Answer::Order(order)) = result else {
            self.cycle.orphan(instrument, fill.clone());
            return;
        };
        if let Some(act) = venue_act(&order.client_id, "", "") {
            self.venue_fill((instrument, act, order.side), fill, now, out);
            return;
        }
        match order.client_id.parse::<ClientOrderId>() {
            Ok(id) if self.sent.contains_key(&id) => {
                self.learn(order.market, order.venue_id, id);
                self.fill((id, instrument), &FillRow { side: Some(order.side), ..fill.clone() }, now, out);
            }
            _ => {
                self.note_fill(instrument, fill.id);
                out.push(Output::Fact(Event::Foreign { venue: self.venue, instrument: Some(instrument) }));
            }
        }
    }

    fn transferred(
        &mut self,
        transfer: Transfer,
        result: Result<Answer, Refused>,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        match result {
            Ok(Answer::Transferred(number)) => {
                self.transfers_seen.insert(number);
                self.cycle.disturb();
                out.push(Output::Fact(Event::TransferDone(transfer)));
            }
            Err(refused) if proves_nothing_happened(refused.class) => {
                out.push(Output::Fact(Event::TransferFailed(transfer)));
            }
            // It has no id of ours at the venue: it is looked for, and never sent again before its absence is proven.
            _ => self.doubts.push(Doubt { transfer, since: now, asked: None, absent: 0 }),
        }
    }

    fn looked_up(&mut self, transfer: Transfer, result: Result<Answer, Refused>, now: WallTime, out: &mut Vec<Output>) {
        use crate::venues::answer::TransferStatus;
        let Some(place) = self.doubts.iter().position(|doubt| doubt.transfer.id == transfer.id) else { return };
        let Ok(Answer::Transfers(rows)) = result else { return };
        let Some(doubt) = self.doubts.get_mut(place) else { return };
        let since = doubt.since - Span::MINUTE;
        let found = rows.iter().find(|row| {
            row.asset == transfer.asset
                && row.amount == transfer.amount
                && row.at >= since
                && !self.transfers_seen.contains(&row.id)
        });
        match found.map(|row| (row.status, row.id.clone())) {
            Some((TransferStatus::Done, number)) => {
                self.transfers_seen.insert(number);
                self.doubts.remove(place);
                out.push(Output::Fact(Event::TransferDone(transfer)));
            }
            Some((TransferStatus::Failed, number)) => {
                self.transfers_seen.insert(number);
                self.doubts.remove(place);
                out.push(Output::Fact(Event::TransferFailed(transfer)));
            }
            None if now.since(doubt.since) >= TRANSFER_WINDOW => {
                doubt.absent += 1;
                if doubt.absent >= 2 {
                    self.doubts.remove(place);
                    out.push(Output::Fact(Event::TransferFailed(transfer)));
                }
            }
            Some((TransferStatus::Pending, _)) | None => {}
        }
    }
}

/// What a refusal of an order proves.
fn verdict(refused: &Refused) -> Outcome {
    let cause = match refused.class {
        Class::Proof(cause) => cause,
        Class::Later | Class::RateLimit | Class::Clock | Class::Banned => RejectCause::RateLimit,
        Class::Auth | Class::Restricted | Class::Liquidating | Class::State => RejectCause::Halted,
        Class::Malformed => RejectCause::Filter,
        Class::Unknown | Class::NotFound | Class::Unchanged | Class::ListenKey => return Outcome::Unknown,
    };
    Outcome::Rejected { cause }
}

/// Whether a refusal proves that nothing was done.
const fn proves_nothing_happened(class: Class) -> bool {
    !matches!(class, Class::Unknown | Class::NotFound | Class::Unchanged | Class::ListenKey)
}

/// An execution as the core takes it; `None` when its fee is not known yet.
fn fill_of(row: &FillRow, now: WallTime) -> Option<Fill> {
    let (fee, fee_asset) = (row.fee?, row.fee_asset?);
    Some(Fill {
        id: row.id,
        quantity: row.quantity,
        price: row.price,
        fee,
        fee_asset,
        role: row.role.unwrap_or(crate::domain::fees::Role::Taker),
        at: row.at.unwrap_or(now),
    })
}
