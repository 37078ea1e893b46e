//! What the streams of an account say: orders, executions, balances, and that they end. Part of [`Account`].
//!
//! Tests: `account_tests.rs`, `account_order_tests.rs`.

use super::account::{Account, Pending};
use super::account_io::{Note, Output, Stream};
use super::account_told::{fill_of, outcome};
use crate::domain::{ClientOrderId, InstrumentId, Market, Side, Span, WallTime};
use crate::planted::{self, Bug};
use crate::port::Event;
use crate::port::event::VenueAct;
use crate::venues::answer::{AccountMessage, Class, FillRow, OrderRow, OrderStatus, Refused, Until};

/// A subscription that was refused for now is made again after this, unless the venue says when.
const PAUSE: Span = Span::seconds(5);

impl Account {
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
                if self.transfers.moved_spot(asset, amount, at) {
                    out.push(Output::Moved(asset, amount));
                    self.cycle.want(now);
                    self.go_on(now, out);
                }
            }
            AccountMessage::Positions { rows, .. } => {
                self.cycle.disturb();
                for row in rows {
                    if let Some(instrument) = self.names.get(&(Market::Perp, row.symbol)).copied() {
                        self.cycle.position(instrument, &row);
                    }
                }
            }
            AccountMessage::MarginCall(_) => out.push(Output::Note(Note::MarginCall)),
            AccountMessage::ConfigChanged { symbol, .. } => {
                out.push(Output::Note(Note::ConfigChanged(symbol)));
            }
            AccountMessage::ListenKeyExpired | AccountMessage::Terminated => {
                self.watch.closed(stream);
                out.push(Output::Reopen(stream));
            }
            AccountMessage::Reply { accepted: Ok(()), .. } => self.watch.confirmed(stream),
            AccountMessage::Reply { accepted: Err(refused), .. } => self.subscription(stream, refused, now, out),
            // It still works: another one takes over before it falls (fault D10).
            AccountMessage::ServerShutdown => out.push(Output::Renew(stream)),
            AccountMessage::Unrecognised(kind) => out.push(Output::Note(Note::Elsewhere(kind))),
        }
    }

    /// The venue refused the subscription of a stream: for good, or for now.
    fn subscription(&mut self, stream: Stream, refused: Refused, now: WallTime, out: &mut Vec<Output>) {
        self.watch.closed(stream);
        if refused.class.lasts() || planted::is(Bug::BarredAtOnce) {
            out.push(Output::Barred(refused));
        } else if refused.class == Class::Clock {
            // Its stamp was too old or too new: it is made again, after the clock was measured.
            out.push(Output::Note(Note::Clock));
            out.push(Output::Reopen(stream));
        } else {
            let again = match refused.until {
                Some(Until::Seconds(seconds)) => now + Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1000)),
                Some(Until::At(at)) => at,
                None => now + PAUSE,
            };
            self.watch.refused(stream, again.max(now + PAUSE));
            out.push(Output::Note(Note::NoList(refused)));
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
        let ours = order.client_id.parse::<ClientOrderId>().ok().filter(|id| self.orders.contains_key(id));
        let Some(id) = ours else {
            // A person's, or an id in our form that this ledger never made: another bot on the account.
            match fill {
                Some(row) => self.foreign(instrument, (&row, Some(order.side), &order.client_id), now, out),
                None => self.not_ours(&order.client_id, Some(instrument), out),
            }
            return;
        };
        self.watch.told(id, order.status != OrderStatus::Open);
        self.learn(order.market, order.venue_id, id);
        if let Some(row) = fill {
            if row.fee.is_some() && row.fee_asset.is_some() {
                self.fill((id, instrument), &FillRow { side: Some(order.side), ..row }, now, out);
            } else if !self.cycle.knows(instrument, row.id) {
                // Executed, and its fee is not told: the venue's list has both.
                self.ask_fills((id, instrument), order.venue_id, None, out);
            }
        }
        if order.status != OrderStatus::Open {
            self.ended(id);
        }
        Self::report(id, outcome(order), out);
    }

    pub(super) fn venue_fill(
        &mut self,
        of: (InstrumentId, VenueAct, Side),
        row: &FillRow,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let (instrument, act, side) = of;
        if self.cycle.knows(instrument, row.id) {
            return;
        }
        let Some(fill) = fill_of(row, now) else {
            // Its fee is not told: the list of executions has it, and is read now.
            self.cycle.want(now);
            self.go_on(now, out);
            return;
        };
        self.cycle.note(instrument, fill.id, fill.at);
        self.cycle.disturb();
        out.push(Output::Fact(Event::VenueFill { instrument, act, side, fill }));
    }

    /// Whether somebody is asking for the order of this execution already.
    pub(super) fn is_asked(&self, instrument: InstrumentId, row: &FillRow) -> bool {
        self.pending.values().any(|pending| match pending {
            Pending::Stranger { instrument: of, fill } => *of == instrument && fill.id == row.id,
            _ => false,
        })
    }
}
