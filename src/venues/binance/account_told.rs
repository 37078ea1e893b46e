//! What answers say of our orders and transfers: the second part of [`Account`].
//!
//! Executions are told once and before the end of their order; what proves nothing is `Unknown` (rule R-A), and then the core
//! is told from when on the request can no longer be accepted. Tests: `account_tests.rs`, `account_order_tests.rs`.

use super::account::{Account, NUMBERS, Pending};
use super::account_io::{CallId, Note, Output, Stream};
use crate::domain::{ClientOrderId, InstrumentId, Market, Quantity, Span, WallTime};
use crate::planted::{self, Bug};
use crate::port::Event;
use crate::port::event::Transfer;
use crate::port::order::{Fill, Outcome, RejectCause};
use crate::venues::answer::{Answer, Class, FillRow, OrderRow, OrderStatus, Refused};

type Of = (ClientOrderId, InstrumentId);

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
            if refused.class.lasts() {
                out.push(Output::Barred(refused.clone()));
            } else if refused.class == Class::Clock {
                out.push(Output::Note(Note::Clock));
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
            Pending::Transfer { transfer, sent } => self.transferred((transfer, sent), result, out),
            Pending::Lookup(transfer) => {
                if let Ok(Answer::Transfers(rows)) = result
                    && let Some(event) = self.transfers.looked_up(transfer.id, &rows, now)
                {
                    self.cycle.disturb();
                    out.push(Output::Fact(event));
                }
            }
            Pending::Stranger { instrument, fill } => self.stranger((instrument, &fill), result, now, out),
            Pending::Void { id } if result.is_ok() => {
                // The number of the order's request is used up: what was not executed by now never is.
                out.push(Output::Fact(Event::Expires { id, at: now + Span::seconds(1) }));
            }
            Pending::Countdown | Pending::Void { .. } => {}
            Pending::Rates(instrument) => {
                if let Ok(Answer::FundingHistory(rows)) = result {
                    self.cycle.income.rates(instrument, &rows, now);
                    self.settle(now, out);
                }
            }
            Pending::Recent { instrument, asked } => {
                if let Ok(answer) = result
                    && let (Answer::Orders(rows), _) = answer.parted()
                {
                    self.recent((instrument, asked), &rows, out);
                }
            }
            Pending::List => {
                let found = self.cycle.answered(call, result, now);
                self.listed(found, now, out);
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
            Pending::Transfer { transfer, .. } => {
                self.transfers.failed(&transfer);
                out.push(Output::Fact(Event::TransferFailed(transfer)));
            }
            Pending::List => {
                self.cycle.failed(call, limited, now);
                self.go_on(now, out);
            }
            Pending::Stranger { instrument, fill } => self.cycle.orphan(instrument, fill),
            Pending::Order { .. }
            | Pending::Fills { .. }
            | Pending::Lookup(_)
            | Pending::Rates(_)
            | Pending::Recent { .. }
            | Pending::Countdown
            | Pending::Void { .. } => {}
        }
    }

    pub(super) fn no_answer(&mut self, call: CallId, now: WallTime, out: &mut Vec<Output>) {
        let Some(pending) = self.pending.remove(&call) else { return };
        match pending {
            Pending::Place { id, instrument } => self.doubtful((id, instrument), Outcome::Unknown, now, out),
            Pending::Cancel { id, .. } => Self::report(id, Outcome::CancelUnknown, out),
            Pending::Transfer { transfer, sent } => {
                if planted::is(Bug::TransferRetried) {
                    out.push(Output::Fact(Event::TransferFailed(transfer)));
                    return;
                }
                self.transfers.doubt(transfer, sent);
                self.cycle.disturb();
            }
            Pending::List => {
                self.cycle.failed(call, false, now);
                self.go_on(now, out);
            }
            Pending::Stranger { instrument, fill } => self.cycle.orphan(instrument, fill),
            Pending::Order { .. }
            | Pending::Fills { .. }
            | Pending::Lookup(_)
            | Pending::Rates(_)
            | Pending::Recent { .. }
            | Pending::Countdown
            | Pending::Void { .. } => {}
        }
    }

    /// Nobody knows what became of a placement: it is asked for, and the core learns until when it can still be accepted.
    fn doubtful(&mut self, of: Of, outcome: Outcome, now: WallTime, out: &mut Vec<Output>) {
        let (id, instrument) = of;
        Self::report(id, outcome, out);
        self.say_expiry(id, super::account::OWN_DELAY, out);
        self.ask_order(id, instrument, out);
        self.cycle.want(now);
    }

    fn placed(&mut self, of: Of, result: Result<Answer, Refused>, now: WallTime, out: &mut Vec<Output>) {
        match result {
            Ok(Answer::Order(row)) => self.row(of, &row, now, out),
            Ok(_) => self.doubtful(of, Outcome::Unknown, now, out),
            Err(refused) => match verdict(&refused) {
                Some(cause) => {
                    self.ended(of.0);
                    Self::report(of.0, Outcome::Rejected { cause }, out);
                }
                None => self.doubtful(of, Outcome::Unknown, now, out),
            },
        }
    }

    fn cancelled(&mut self, of: Of, result: Result<Answer, Refused>, now: WallTime, out: &mut Vec<Output>) {
        let (id, instrument) = of;
        match result {
            Ok(Answer::Order(row)) => self.row(of, &row, now, out),
            Ok(_) => self.ask_order(id, instrument, out),
            Err(refused) if refused.class == Class::NotFound => {
                // Not open there: executed, ended, or never arrived. The order itself tells.
                Self::report(id, Outcome::CancelRejected, out);
                self.ask_order(id, instrument, out);
            }
            Err(_) => Self::report(id, Outcome::CancelUnknown, out),
        }
    }

    /// What an answer says of an order: executions first, its end after them.
    fn row(&mut self, of: Of, row: &OrderRow, now: WallTime, out: &mut Vec<Output>) {
        let id = of.0;
        self.learn(row.market, row.venue_id, id);
        let end = (row.status != OrderStatus::Open).then(|| outcome(row));
        if end.is_some()
            && let Some(sent) = self.orders.get(&id).map(|ours| ours.sent)
        {
            self.watch.owes((id, Stream::of(row.market)), sent, now);
        }
        if row.status == OrderStatus::Rejected && row.filled.is_zero() {
            self.ended(id);
            Self::report(id, outcome(row), out);
            return;
        }
        Self::report(id, Outcome::Accepted, out);
        for fill in &row.fills {
            self.fill(of, &FillRow { side: Some(row.side), ..fill.clone() }, now, out);
        }
        let told = self.orders.get(&id).map_or(Quantity::ZERO, |ours| ours.told);
        if told < row.filled {
            self.ask_fills(of, row.venue_id, end, out);
        } else if let Some(end) = end {
            self.ended(id);
            Self::report(id, end, out);
        }
    }

    pub(super) fn learn(&mut self, market: Market, number: u64, id: ClientOrderId) {
        if self.numbers.insert((market, number), id).is_none() {
            self.number_order.push_back((market, number));
            if self.number_order.len() > NUMBERS
                && let Some(old) = self.number_order.pop_front()
            {
                self.numbers.remove(&old);
            }
        }
    }

    /// An execution of our order, told once.
    pub(super) fn fill(&mut self, of: Of, row: &FillRow, now: WallTime, out: &mut Vec<Output>) {
        let Some(fill) = fill_of(row, now) else { return };
        let (id, instrument) = of;
        if !self.cycle.note(instrument, fill.id, fill.at) && !planted::is(Bug::BookDuplicate) {
            return;
        }
        let waits = |pending: &Pending| matches!(pending, Pending::Place { id: of, .. } if *of == id);
        if planted::is(Bug::PushBeforeAnswer) && self.pending.values().any(waits) {
            return;
        }
        self.cycle.disturb();
        if let Some(ours) = self.orders.get_mut(&id) {
            ours.told += fill.quantity;
        }
        Self::report(id, Outcome::Filled(fill), out);
    }

    pub(super) fn ended(&mut self, id: ClientOrderId) {
        self.resting.remove(&id);
    }

    fn transferred(
        &mut self,
        (transfer, sent): (Transfer, WallTime),
        result: Result<Answer, Refused>,
        out: &mut Vec<Output>,
    ) {
        match result {
            Ok(Answer::Transferred(number)) => {
                self.transfers.done(number);
                self.cycle.disturb();
                out.push(Output::Fact(Event::TransferDone(transfer)));
            }
            Err(refused) if proves_nothing_happened(refused.class) => {
                self.transfers.failed(&transfer);
                out.push(Output::Fact(Event::TransferFailed(transfer)));
            }
            // It has no id of ours at the venue: it is looked for, and never sent again before its absence is proven.
            _ => self.transfers.doubt(transfer, sent),
        }
    }
}

/// What the state of an order says.
pub(super) const fn outcome(order: &OrderRow) -> Outcome {
    let filled = order.filled;
    match order.status {
        OrderStatus::Open => Outcome::Accepted,
        OrderStatus::Filled => Outcome::Done { filled },
        OrderStatus::Cancelled => Outcome::Cancelled { filled },
        OrderStatus::Expired => Outcome::Expired { filled },
        OrderStatus::Rejected => Outcome::Rejected { cause: RejectCause::Halted },
    }
}

/// What a refusal of an order proves; nothing when it may have been taken.
const fn verdict(refused: &Refused) -> Option<RejectCause> {
    Some(match refused.class {
        Class::Proof(cause) => cause,
        Class::Later | Class::RateLimit | Class::Clock | Class::Banned => RejectCause::RateLimit,
        Class::Auth | Class::Restricted | Class::Liquidating | Class::State => RejectCause::Halted,
        Class::Malformed => RejectCause::Filter,
        Class::Unknown | Class::NotFound | Class::Unchanged | Class::ListenKey => return None,
    })
}

/// Whether a refusal proves that nothing was done.
const fn proves_nothing_happened(class: Class) -> bool {
    !matches!(class, Class::Unknown | Class::NotFound | Class::Unchanged | Class::ListenKey)
}

/// An execution as the core takes it; `None` when its fee is not known yet.
pub(super) fn fill_of(row: &FillRow, now: WallTime) -> Option<Fill> {
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
