//! Which executions of an instrument are known, and from where on its list is read (faults C02, C11).
//!
//! Completeness is a matter of lists, never of the largest id that a stream told: ids up to an anchor were listed without a
//! gap and are older than [`OVERLAP`]; everything above it is read again at each look, and known ids are left out. Before
//! there is an anchor, time windows that the venue allows are read one after the other, whatever their number.
//! Tests: `account_fills_tests.rs`.

use crate::domain::{FillId, Market, Span, WallTime};
use crate::venues::answer::FillRow;
use crate::venues::ask::From;
use std::collections::BTreeMap;

/// Executions remembered per instrument, so that a list and a stream do not tell twice.
const SEEN: usize = 8192;
/// An execution may come to the list this much after it happened.
const OVERLAP: Span = Span(10 * 60_000);
/// Lists are kept so far back: six months on perps.
const KEPT: Span = Span(179 * 86_400_000);
/// Most rows of a list.
pub(super) const ROWS: u32 = 1000;

/// The longest window of time that may be asked for, a little under what the venue allows.
pub(super) const fn longest(market: Market) -> Span {
    match market {
        Market::Spot => Span(Span::DAY.0 - 1000),
        Market::Perp => Span(7 * Span::DAY.0 - 1000),
    }
}

/// The executions of one instrument.
#[derive(Debug)]
pub(super) struct Executions {
    market: Market,
    seen: BTreeMap<FillId, WallTime>,
    /// Everything up to this one was listed.
    anchor: Option<FillId>,
    /// Without an anchor, the list is read from here on.
    since: WallTime,
    /// Something is held, was held, or was ordered: its list is read at each look.
    pub(super) active: bool,
}

impl Executions {
    pub(super) const fn new(market: Market, since: WallTime) -> Self {
        Self { market, seen: BTreeMap::new(), anchor: None, since, active: false }
    }

    /// Reads from this instant on, if nothing older is known to be complete.
    pub(super) fn since(&mut self, at: WallTime) {
        self.since = self.since.min(at);
    }

    /// An execution that the ledger has.
    pub(super) fn remember(&mut self, fill: FillId, at: WallTime) {
        self.note(fill, at);
    }

    /// After the ledger was read: what it has from before `from` is complete.
    pub(super) fn complete_before(&mut self, from: WallTime) {
        self.since = self.since.min(from);
        self.anchor = self.seen.iter().rev().find(|(_, at)| **at <= from).map(|(id, _)| *id);
    }

    /// Whether it is news.
    pub(super) fn note(&mut self, fill: FillId, at: WallTime) -> bool {
        self.active = true;
        if self.seen.contains_key(&fill) {
            return false;
        }
        self.seen.insert(fill, at);
        if self.seen.len() > SEEN {
            self.seen.pop_first();
        }
        true
    }

    pub(super) fn knows(&self, fill: FillId) -> bool {
        self.seen.contains_key(&fill)
    }

    /// The first question of a look.
    pub(super) fn first(&self, now: WallTime) -> From {
        match self.anchor {
            Some(anchor) => From::Id(anchor.0),
            None => self.window(self.since.max(now - KEPT), now),
        }
    }

    fn window(&self, start: WallTime, now: WallTime) -> From {
        From::Window { start, end: (start + longest(self.market)).min(now + Span::MINUTE) }
    }

    /// The next question after these rows; `None` when everything up to now was read.
    pub(super) fn next(&self, asked: From, rows: &[FillRow], now: WallTime) -> Option<From> {
        let full = rows.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
        let last = rows.iter().map(|row| row.id.0).max();
        match (asked, last) {
            (From::Id(from), Some(last)) if full && last > from => Some(From::Id(last + 1)),
            (From::Window { end, .. }, Some(last)) if full || end < now => Some(From::Id(last + 1)),
            (From::Window { end, .. }, None) if end < now => Some(self.window(end, now)),
            _ => None,
        }
    }

    /// Everything up to a look that began at `at` was read.
    pub(super) fn read(&mut self, at: WallTime) {
        let until = at - OVERLAP;
        let old = self.seen.iter().rev().find(|(_, when)| **when <= until).map(|(id, _)| *id);
        self.anchor = self.anchor.max(old);
        self.since = self.since.max(until);
    }
}
