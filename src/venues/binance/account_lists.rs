//! The lists of an account, asked for in cycles: what streams did not say, and what the ledger is compared with (rule R-D).
//!
//! A cycle asks for everything at once and is complete only when every list came; one that fails is no knowledge and is
//! tried again, later each time. Nothing waits for rates of settlements (`account_income`), and nothing is compared here:
//! `checks/reconcile.rs` does that. Tests: `account_tests.rs`.

use super::account_fills::{Executions, ROWS};
use super::account_income::{Income, Perp, Told};
use super::message::label;
use crate::domain::{FillId, Instrument, InstrumentId, Market, SignedQuantity, Span, Symbol, VenueId, WallTime};
use crate::port::Event;
use crate::port::event::Wallet;
use crate::port::health::Listed;
use crate::venues::answer::{Answer, BalanceRow, Class, FillRow, OrderRow, PositionRow, Refused};
use crate::venues::ask::{Ask, From};
use std::collections::{BTreeMap, VecDeque};

/// Time between two cycles when nothing asks for one earlier.
const EVERY: Span = Span::seconds(30);
/// After a cycle that failed; twice as long after each that follows, up to the usual time.
const AGAIN: Span = Span::seconds(5);
/// Least time between two cycles.
const GAP: Span = Span::seconds(1);
/// A cycle that is not over by then has lost an answer.
const LOST: Span = Span(3 * 60_000);
/// A list that did not come is asked for so often within one cycle: one lost answer does not cost the other lists.
const TRIES: u8 = 3;
/// No lists of a quiet moment for so long: a person is told.
const STALLED: Span = Span(5 * 60_000);

/// All lists of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// When the first question left.
    pub at: WallTime,
    /// Nothing happened on the account meanwhile, as far as streams and answers say.
    pub quiet: bool,
    /// Spot wallet.
    pub spot: Vec<BalanceRow>,
    /// Perp wallet, without payments that were read and are not booked yet.
    pub perp: Vec<BalanceRow>,
    /// Positions of our perps; a perp that is not listed is flat.
    pub positions: Vec<(InstrumentId, PositionRow)>,
    /// Perps with a position that are none of ours.
    pub elsewhere: Vec<Symbol>,
}

/// What lists say that has to be acted on.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Executions.
    pub(super) fills: Vec<(InstrumentId, FillRow)>,
    /// Open orders.
    pub(super) open: Vec<OrderRow>,
    /// What the income says.
    pub(super) told: Told,
    /// Lists that could not be had.
    pub(super) no_list: Vec<Refused>,
    /// Rows that could not be read and are none of ours.
    pub(super) left_out: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Open,
    Spot,
    Perp,
    Positions,
    Income,
    Fills(InstrumentId, From),
}

/// One question of a cycle, and how often it was asked before.
#[derive(Debug, Clone)]
struct Asked {
    step: Step,
    ask: Ask,
    before: u8,
}

impl Asked {
    const fn new(step: Step, ask: Ask) -> Self {
        Self { step, ask, before: 0 }
    }
}

/// The cycle of one venue.
#[derive(Debug)]
pub(super) struct Cycle {
    instruments: Vec<(InstrumentId, Market, Symbol)>,
    /// When one is due.
    next: WallTime,
    running: Option<WallTime>,
    waiting: BTreeMap<u64, Asked>,
    queue: VecDeque<Asked>,
    failed: bool,
    failures: u32,
    quiet: bool,
    spot: Option<Vec<BalanceRow>>,
    perp: Option<Vec<BalanceRow>>,
    positions: Option<Vec<PositionRow>>,
    /// Foreign perps whose positions could not be read.
    odd: Vec<Symbol>,
    orphans: Vec<(InstrumentId, FillRow)>,
    /// When lists of a quiet moment came last.
    compared: WallTime,
    stalled: bool,
    pub(super) fills: BTreeMap<InstrumentId, Executions>,
    pub(super) income: Income,
}

impl Cycle {
    pub(super) fn new(venue: VenueId, ours: &[&Instrument], now: WallTime) -> Self {
        let perps = ours.iter().filter(|one| one.market == Market::Perp);
        let perps = perps.map(|one| Perp { instrument: one.id, symbol: one.symbol, quote: one.quote }).collect();
        Self {
            instruments: ours.iter().map(|one| (one.id, one.market, one.symbol)).collect(),
            next: now,
            running: None,
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            failed: false,
            failures: 0,
            quiet: true,
            spot: None,
            perp: None,
            positions: None,
            odd: Vec::new(),
            orphans: Vec::new(),
            compared: now,
            stalled: false,
            fills: ours.iter().map(|one| (one.id, Executions::new(one.market, now))).collect(),
            income: Income::new(venue, perps, now),
        }
    }

    /// A cycle is wanted soon.
    pub(super) fn want(&mut self, now: WallTime) {
        let soon = match self.running {
            // What is on its way may be from before: another one follows it.
            Some(_) => now + GAP,
            None => now,
        };
        self.next = self.next.min(soon);
    }

    /// Something happened on the account: lists of this moment cannot be compared.
    pub(super) const fn disturb(&mut self) {
        self.quiet = false;
    }

    /// An order left at `sent`: its executions are listed from then on.
    pub(super) fn ordered(&mut self, instrument: InstrumentId, sent: WallTime) {
        if let Some(known) = self.fills.get_mut(&instrument) {
            known.active = true;
            known.since(sent - Span::MINUTE);
        }
    }

    /// An execution: whether it is news.
    pub(super) fn note(&mut self, instrument: InstrumentId, fill: FillId, at: WallTime) -> bool {
        self.fills.get_mut(&instrument).is_some_and(|known| known.note(fill, at))
    }

    pub(super) fn knows(&self, instrument: InstrumentId, fill: FillId) -> bool {
        self.fills.get(&instrument).is_some_and(|known| known.knows(fill))
    }

    /// An execution whose order could not be asked for: it comes up again.
    pub(super) fn orphan(&mut self, instrument: InstrumentId, fill: FillRow) {
        self.orphans.push((instrument, fill));
    }

    /// A position that a stream tells.
    pub(super) fn position(&mut self, instrument: InstrumentId, row: &PositionRow) {
        self.income.position(instrument, row.coins, row.mark);
        if let Some(known) = self.fills.get_mut(&instrument) {
            known.active |= !row.coins.is_zero();
        }
    }

    /// Questions to ask now.
    pub(super) fn due(&mut self, now: WallTime) -> Vec<Ask> {
        if self.running.is_some_and(|began| now.since(began) >= LOST) {
            // Every question ends; were one lost all the same, nothing would ever be compared again.
            self.waiting.clear();
            self.queue.clear();
            self.running = None;
            self.fail(now);
        }
        if self.running.is_none() && now >= self.next {
            self.start(now);
        }
        self.queue.iter().map(|asked| asked.ask.clone()).collect()
    }

    /// Since when no lists could be compared, said once.
    pub(super) fn stalled(&mut self, now: WallTime) -> Option<WallTime> {
        let is = now.since(self.compared) >= STALLED;
        (is && !std::mem::replace(&mut self.stalled, true)).then_some(self.compared)
    }

    fn start(&mut self, now: WallTime) {
        self.running = Some(now);
        self.next = now + EVERY;
        self.failed = false;
        self.quiet = true;
        (self.spot, self.perp, self.positions) = (None, None, None);
        self.queue.clear();
        // Executions before balances: what the balances contain has then been told.
        for (instrument, market, symbol) in &self.instruments {
            if let Some(known) = self.fills.get(instrument).filter(|known| known.active) {
                let from = known.first(now);
                let ask = Ask::Fills { market: *market, symbol: *symbol, from, limit: ROWS };
                self.queue.push_back(Asked::new(Step::Fills(*instrument, from), ask));
            }
        }
        let income = self.income.first(now);
        self.queue.push_back(Asked::new(Step::Income, income));
        for market in [Market::Spot, Market::Perp] {
            self.queue.push_back(Asked::new(Step::Open, Ask::OpenOrders { market, symbol: None }));
        }
        self.queue.push_back(Asked::new(Step::Positions, Ask::Positions));
        self.queue.push_back(Asked::new(Step::Spot, Ask::Balances(Wallet::Spot)));
        self.queue.push_back(Asked::new(Step::Perp, Ask::Balances(Wallet::Perp)));
    }

    /// A question of [`Cycle::due`] left under this number.
    pub(super) fn asked(&mut self, call: u64, ask: &Ask) {
        if let Some(place) = self.queue.iter().position(|known| known.ask == *ask)
            && let Some(asked) = self.queue.remove(place)
        {
            self.waiting.insert(call, asked);
        }
    }

    /// A question got no answer; `limited` when our own budget held it back.
    pub(super) fn failed(&mut self, call: u64, limited: bool, now: WallTime) {
        let Some(asked) = self.waiting.remove(&call) else { return };
        if limited || !self.again(&asked) {
            self.fail(now);
        }
    }

    /// Asks once more within this cycle, a few times; whether it does.
    fn again(&mut self, asked: &Asked) -> bool {
        let may = asked.before + 1 < TRIES && !self.failed;
        if may {
            self.queue.push_back(Asked { before: asked.before + 1, ..asked.clone() });
        }
        may
    }

    fn fail(&mut self, now: WallTime) {
        if !self.failed {
            self.failed = true;
            self.failures = self.failures.saturating_add(1);
        }
        // Asked again gently: a venue that cannot answer is not asked everything every few seconds (I18).
        let pause = AGAIN.0.saturating_mul(1 << self.failures.saturating_sub(1).min(4));
        self.next = now + Span(pause.min(EVERY.0));
    }

    /// An answer; what is in it that has to be acted on.
    pub(super) fn answered(&mut self, call: u64, result: Result<Answer, Refused>, now: WallTime) -> Found {
        let mut found = Found::default();
        let Some(asked) = self.waiting.remove(&call) else { return found };
        let result = result.map(|answer| self.tolerated(&asked.step, answer, &mut found));
        if let Err(refused) = &result
            && matches!(refused.class, Class::Unknown | Class::Clock)
            && self.again(&asked)
        {
            // What passes by itself: the venue's own failure, or a stamp that its clock did not like.
            return found;
        }
        match (asked.step, result) {
            (Step::Open, Ok(Answer::Orders(rows))) => found.open = rows,
            (Step::Spot, Ok(Answer::Balances(_, rows))) => self.spot = Some(rows),
            (Step::Perp, Ok(Answer::Balances(_, rows))) => self.perp = Some(rows),
            (Step::Positions, Ok(Answer::Positions(rows))) => self.on_positions(rows, &mut found),
            (Step::Income, Ok(Answer::Income(rows))) => {
                let (told, next) = self.income.rows(rows, now);
                found.told = told;
                self.queue.extend(next.map(|ask| Asked::new(Step::Income, ask)));
            }
            (Step::Fills(instrument, from), Ok(Answer::Fills(rows))) => {
                self.on_fills((instrument, from), rows, &mut found);
            }
            // The venue does not list it any more: nothing can be executed on it, and the rest of the account is compared.
            (Step::Fills(..), Err(refused)) if refused.names_no_symbol() => {}
            (_, Err(refused)) => {
                if refused.class != Class::Clock {
                    found.no_list.push(refused);
                }
                self.fail(now);
            }
            (_, Ok(_)) => self.fail(now),
        }
        if self.waiting.is_empty() && self.queue.is_empty() {
            found.fills.append(&mut self.orphans);
        }
        found
    }

    /// A list of which rows of foreign symbols could not be read is a list; one that misses a row of ours is none (L30). A
    /// payment without a symbol may be ours, and so may an order or a position whose symbol cannot be read.
    fn tolerated(&mut self, step: &Step, answer: Answer, found: &mut Found) -> Answer {
        let (list, left_out) = answer.parted();
        let foreign = |symbol: &Symbol| {
            let ours = self.instruments.iter().any(|(_, _, name)| name == symbol);
            !ours && *symbol != label("")
        };
        if !left_out.iter().all(|(symbol, _)| foreign(symbol)) {
            return Answer::Partly { answer: Box::new(list), left_out };
        }
        found.left_out += left_out.len();
        if matches!(step, Step::Positions) {
            // A position that cannot be read is one all the same.
            self.odd = left_out.into_iter().map(|(symbol, _)| symbol).collect();
        }
        list
    }

    fn on_fills(&mut self, (instrument, from): (InstrumentId, From), rows: Vec<FillRow>, found: &mut Found) {
        let began = self.running.unwrap_or_default();
        let of = self.instruments.iter().find(|(known, ..)| *known == instrument);
        if let (Some(known), Some((_, market, symbol))) = (self.fills.get_mut(&instrument), of) {
            match known.next(from, &rows, began) {
                Some(from) => {
                    let ask = Ask::Fills { market: *market, symbol: *symbol, from, limit: ROWS };
                    self.queue.push_back(Asked::new(Step::Fills(instrument, from), ask));
                }
                None => known.read(began),
            }
        }
        found.fills.extend(rows.into_iter().map(|row| (instrument, row)));
    }

    fn on_positions(&mut self, rows: Vec<PositionRow>, found: &mut Found) {
        for (instrument, market, symbol) in &self.instruments {
            if *market == Market::Perp {
                let row = rows.iter().find(|row| row.symbol == *symbol);
                let coins = row.map_or(SignedQuantity::ZERO, |row| row.coins);
                self.income.position(*instrument, coins, row.and_then(|row| row.mark));
                if let Some(known) = self.fills.get_mut(instrument) {
                    known.active |= !coins.is_zero();
                }
                found.told.events.extend(listed(*instrument, row));
            }
        }
        self.positions = Some(rows);
    }

    /// The lists, once all are there.
    pub(super) fn take(&mut self, now: WallTime) -> Option<Lists> {
        let at = self.running?;
        if !self.waiting.is_empty() || !self.queue.is_empty() {
            return None;
        }
        self.running = None;
        if self.failed {
            return None;
        }
        self.failures = 0;
        let quiet = self.quiet && self.orphans.is_empty();
        if quiet {
            (self.compared, self.stalled) = (now, false);
        } else {
            self.next = self.next.min(now + GAP + GAP);
        }
        let named = |symbol: Symbol| {
            self.instruments.iter().find(|(_, market, name)| *market == Market::Perp && *name == symbol)
        };
        let mut lists = Lists {
            at,
            quiet,
            spot: self.spot.take()?,
            perp: self.perp.take()?,
            positions: Vec::new(),
            elsewhere: std::mem::take(&mut self.odd),
        };
        for row in &mut lists.perp {
            row.total -= self.income.pending(row.asset);
        }
        for row in self.positions.take()? {
            match named(row.symbol) {
                Some((instrument, _, _)) => lists.positions.push((*instrument, row)),
                None if !row.coins.is_zero() => lists.elsewhere.push(row.symbol),
                None => {}
            }
        }
        Some(lists)
    }

    /// A fact that an earlier run booked, and when: what it says is known when a list tells it again.
    pub(super) fn booked_before(&mut self, venue: VenueId, event: &Event, at: WallTime) {
        match event {
            Event::Adjusted { venue: of, wallet: Wallet::Perp, asset, amount, cause }
                if *of == venue && *cause != crate::port::event::Adjustment::Rounding =>
            {
                self.income.booked(*asset, *amount, at);
            }
            Event::FundingPaid { instrument, stamp, amount, .. } if self.fills.contains_key(instrument) => {
                self.income.paid(*instrument, *stamp, *amount);
            }
            Event::VenueFill { instrument, fill, .. } => {
                if let Some(known) = self.fills.get_mut(instrument) {
                    known.remember(fill.id, fill.at);
                }
            }
            _ => {}
        }
    }

    /// What rows of rates say, and payments that are ready.
    pub(super) fn settled(&mut self, now: WallTime) -> Told {
        let mut told = Told::default();
        self.income.settle(now, &mut told);
        told
    }
}

/// What the list says of one of our perps: a second witness of its mark, and its place in the ADL queue. None is flat.
fn listed(instrument: InstrumentId, row: Option<&PositionRow>) -> Vec<Event> {
    let listed = Listed {
        coins: row.map_or(SignedQuantity::ZERO, |row| row.coins),
        mark: row.and_then(|row| row.mark),
        liquidation: row.and_then(|row| row.liquidation),
        isolated: row.and_then(|row| row.isolated),
        // The row's time is that of the last trade, not of the mark.
        at: None,
    };
    let rank = row.map_or(Some(0), |row| row.adl);
    let rank = rank.map(|rank| Event::AdlRank { instrument, rank });
    [Some(Event::PositionListed { instrument, listed }), rank].into_iter().flatten().collect()
}
