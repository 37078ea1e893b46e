//! What the lists say that streams did not: executions, open orders, income. Part of [`Account`].
//!
//! An execution whose order is not known is placed by the order's own word: ours, the venue's act, or a stranger's. Tests:
//! `account_fills_tests.rs`, `account_income_tests.rs`.

use super::account::{Account, Pending};
use super::account_income::Told;
use super::account_io::{Call, Note, Output};
use super::account_lists::Found;
use super::pushed::venue_act;
use crate::domain::{ClientOrderId, InstrumentId, Market, Side, Span, WallTime};
use crate::port::Event;
use crate::port::event::{Adjustment, VenueAct, Wallet};
use crate::venues::answer::{Answer, Class, FillRow, Refused};
use crate::venues::ask::Ask;

/// Answers that an execution's order is not there, before it counts as somebody else's; those that count are [`APART`] or more.
const LOST: u32 = 3;
/// Answers of one moment are one: a host that does not know a new order yet says so as often as it is asked.
const APART: Span = Span::seconds(1);
/// An execution younger than this may be one of ours whose order a lagging host does not know yet (rule R-A).
const SETTLED: Span = Span::MINUTE;

/// How often nobody could name the order of an execution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nameless {
    times: u32,
    counted: WallTime,
    /// When it was first seen; stands in for its own time when that is not told.
    seen: WallTime,
}

impl Account {
    /// What the lists say that streams did not.
    pub(super) fn listed(&mut self, found: Found, now: WallTime, out: &mut Vec<Output>) {
        for refused in found.no_list {
            out.push(Output::Note(Note::NoList(refused)));
        }
        if found.left_out > 0 {
            out.push(Output::Note(Note::LeftOut(found.left_out)));
        }
        for (instrument, row) in found.fills {
            self.listed_fill(instrument, row, now, out);
        }
        for row in found.open {
            let ours = row.client_id.parse::<ClientOrderId>().is_ok_and(|id| self.orders.contains_key(&id));
            if !ours && venue_act(&row.client_id, "", "").is_none() {
                let instrument = self.names.get(&(row.market, row.symbol)).copied();
                self.not_ours(&row.client_id, instrument, out);
            }
        }
        self.told_income(found.told, out);
        self.settle(now, out);
    }

    fn listed_fill(&mut self, instrument: InstrumentId, row: FillRow, now: WallTime, out: &mut Vec<Output>) {
        let Some((market, symbol)) = self.name(instrument) else { return };
        let id = self.numbers.get(&(market, row.order)).copied();
        if let Some(id) = id {
            self.watch.listed(id);
        }
        if self.cycle.knows(instrument, row.id) {
            return;
        }
        if let Some(id) = id {
            self.fill((id, instrument), &row, now, out);
        } else if !self.is_asked(instrument, &row) {
            let ask = Ask::OrderNumber { market, symbol, number: row.order };
            self.call(Pending::Stranger { instrument, fill: row }, Call::Ask(ask), out);
        }
    }

    /// An execution of a list whose order we did not know: now we do.
    pub(super) fn stranger(
        &mut self,
        of: (InstrumentId, &FillRow),
        result: Result<Answer, Refused>,
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        let (instrument, fill) = of;
        let order = match result {
            Ok(Answer::Order(order)) => order,
            Err(refused) if refused.class == Class::NotFound => {
                // Orders are not kept for ever; one that nobody can name any more is not ours to book.
                if self.is_nobodys((instrument, fill), now) {
                    self.foreign(instrument, (fill, None, ""), now, out);
                } else {
                    self.cycle.orphan(instrument, fill.clone());
                }
                return;
            }
            _ => {
                self.cycle.orphan(instrument, fill.clone());
                return;
            }
        };
        self.lost.remove(&(instrument, fill.id));
        if let Some(act) = venue_act(&order.client_id, "", "") {
            self.venue_fill((instrument, act, order.side), fill, now, out);
            return;
        }
        match order.client_id.parse::<ClientOrderId>() {
            Ok(id) if self.orders.contains_key(&id) => {
                self.learn(order.market, order.venue_id, id);
                self.fill((id, instrument), &FillRow { side: Some(order.side), ..fill.clone() }, now, out);
            }
            _ => self.foreign(instrument, (fill, Some(order.side), &order.client_id), now, out),
        }
    }

    /// One more answer that the order of an execution is not there: whether that is enough.
    pub(super) fn is_nobodys(&mut self, (instrument, fill): (InstrumentId, &FillRow), now: WallTime) -> bool {
        let first = Nameless { times: 0, counted: WallTime(i64::MIN), seen: now };
        let nameless = self.lost.entry((instrument, fill.id)).or_insert(first);
        if nameless.times == 0 || now.since(nameless.counted) >= APART {
            nameless.times = nameless.times.saturating_add(1);
            nameless.counted = now;
        }
        let enough = nameless.times >= LOST && now.since(fill.at.unwrap_or(nameless.seen)) >= SETTLED;
        if enough {
            self.lost.remove(&(instrument, fill.id));
        }
        enough
    }

    /// An execution that a stranger's order made. On a perp it changed the position that hedges ours: the core learns it as a
    /// fact, at once (fault H09). Spot coins of a stranger are none of a pair's: the lists show them.
    pub(super) fn foreign(
        &mut self,
        instrument: InstrumentId,
        (fill, side, client_id): (&FillRow, Option<Side>, &str),
        now: WallTime,
        out: &mut Vec<Output>,
    ) {
        self.not_ours(client_id, Some(instrument), out);
        let is_perp = self.name(instrument).is_some_and(|(market, _)| market == Market::Perp);
        match fill.side.or(side).filter(|_| is_perp) {
            Some(side) => self.venue_fill((instrument, VenueAct::Foreign, side), fill, now, out),
            None => {
                self.cycle.note(instrument, fill.id, fill.at.unwrap_or(now));
            }
        }
    }

    /// What rows of income say.
    pub(super) fn told_income(&mut self, told: Told, out: &mut Vec<Output>) {
        for event in told.events {
            out.push(Output::Fact(event));
        }
        for (asset, amount, at) in told.moved {
            if self.transfers.is_own(asset, amount, at) {
                continue;
            }
            // No transfer of ours explains it: somebody moved money.
            let (venue, wallet, cause) = (self.venue, Wallet::Perp, Adjustment::External);
            out.push(Output::Fact(Event::Adjusted { venue, wallet, asset, amount, cause }));
            out.push(Output::Fact(Event::Foreign { venue, instrument: None }));
        }
        for (instrument, stamp) in told.not_paid {
            out.push(Output::Note(Note::NotPaid(instrument, stamp)));
        }
        for (instrument, stamp) in told.without_rate {
            out.push(Output::Note(Note::WithoutRate(instrument, stamp)));
        }
    }
}
