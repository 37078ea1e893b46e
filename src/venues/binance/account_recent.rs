//! A look at the account's recent orders for ids in our own form that this ledger never made: a copied folder, a restored
//! backup or another machine trades the account too (faults G15, G16). Part of [`Account`].
//!
//! Streams tell of such an order only while it happens, and lists of executions only when it met somebody: this list has all. It
//! is asked for at the start, from the ledger's last day on, and with every look; nothing waits for it. Tests:
//! `account_recent_tests.rs`.

use super::account::{Account, Pending};
use super::account_io::{Call, Output};
use crate::domain::{ClientOrderId, InstrumentId, Span, WallTime};
use crate::port::Event;
use crate::venues::answer::OrderRow;
use crate::venues::ask::Ask;
use std::collections::{BTreeMap, BTreeSet};

/// As often as the other lists.
const EVERY: Span = Span::seconds(30);
/// After the first look, so many instruments each time: the list is dear where there are many pairs.
const AT_ONCE: usize = 8;
/// The venue lists no more than a day of spot orders at a time.
const LONGEST: Span = Span(86_400_000 - 60_000);
/// An order may come to the list this much later.
const OVERLAP: Span = Span(2 * 60_000);
/// Ids that were told.
const TOLD: usize = 4_096;
/// Most rows of one answer.
const ROWS: usize = 1_000;

/// What is remembered of the looks.
#[derive(Debug)]
pub(super) struct Recent {
    /// From where on the list of each instrument is read.
    from: BTreeMap<InstrumentId, WallTime>,
    next: WallTime,
    /// Who was asked last.
    last: Option<InstrumentId>,
    told: BTreeSet<String>,
}

impl Recent {
    /// Of these instruments, from a day before `now` on.
    pub(super) fn new(instruments: impl Iterator<Item = InstrumentId>, now: WallTime) -> Self {
        let from = instruments.map(|one| (one, now - LONGEST)).collect();
        Self { from, next: now, last: None, told: BTreeSet::new() }
    }

    /// The ledger was read: it knows all of ours from `from` on.
    pub(super) fn from(&mut self, from: WallTime) {
        self.from.values_mut().for_each(|known| *known = from);
    }

    /// Whose orders to ask for now, and from when on.
    fn due(&mut self, now: WallTime) -> Vec<(InstrumentId, WallTime)> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + EVERY;
        let all = self.last.is_none();
        let after = self.from.range(self.last.map_or(InstrumentId(0), |last| InstrumentId(last.0.saturating_add(1)))..);
        let around = after.chain(self.from.iter()).map(|(one, from)| (*one, (*from).max(now - LONGEST)));
        let most = if all { self.from.len() } else { AT_ONCE.min(self.from.len()) };
        let due: Vec<(InstrumentId, WallTime)> = around.take(most).collect();
        self.last = due.last().map(|(one, _)| *one);
        due
    }

    /// Rows of an answer to a question that was put at `asked` were read.
    fn read(&mut self, instrument: InstrumentId, rows: &[OrderRow], asked: WallTime) {
        let youngest = rows.iter().filter_map(|row| row.at).max();
        // A full answer may have left out younger ones.
        let until = if rows.len() >= ROWS { youngest.unwrap_or(asked) } else { asked };
        if let Some(from) = self.from.get_mut(&instrument) {
            *from = (*from).max(until - OVERLAP);
        }
    }

    /// Whether an id was not told before.
    fn is_news(&mut self, id: &str) -> bool {
        if self.told.len() >= TOLD {
            self.told.pop_first();
        }
        self.told.insert(id.to_owned())
    }
}

impl Account {
    /// Asks for what is due.
    pub(super) fn look_for_others(&mut self, now: WallTime, out: &mut Vec<Output>) {
        for (instrument, start) in self.recent.due(now) {
            let Some((market, symbol)) = self.name(instrument) else { continue };
            let asked =
                |pending: &Pending| matches!(pending, Pending::Recent { instrument: of, .. } if *of == instrument);
            if !self.pending.values().any(asked) {
                let ask = Ask::RecentOrders { market, symbol, start };
                self.call(Pending::Recent { instrument, asked: now }, Call::Ask(ask), out);
            }
        }
    }

    /// The list came.
    pub(super) fn recent(&mut self, of: (InstrumentId, WallTime), rows: &[OrderRow], out: &mut Vec<Output>) {
        let (instrument, asked) = of;
        self.recent.read(instrument, rows, asked);
        for row in rows {
            if self.is_other_instance(&row.client_id) {
                self.not_ours(&row.client_id, Some(instrument), out);
            }
        }
    }

    /// Whether an id is in our form and this ledger never made it. What `carry flatten --key` sends has the epoch 0: that is a
    /// person's act.
    fn is_other_instance(&self, client_id: &str) -> bool {
        client_id.parse::<ClientOrderId>().is_ok_and(|id| id.epoch > 0 && !self.orders.contains_key(&id))
    }

    /// An order that is not ours and no act of the venue's: a person's, another program's, or another session of ours.
    pub(super) fn not_ours(&mut self, client_id: &str, instrument: Option<InstrumentId>, out: &mut Vec<Output>) {
        let venue = self.venue;
        if !self.is_other_instance(client_id) {
            out.push(Output::Fact(Event::Foreign { venue, instrument }));
        } else if self.recent.is_news(client_id) {
            out.push(Output::Fact(Event::OtherInstance { venue, instrument }));
        }
    }
}
