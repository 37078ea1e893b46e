//! The lists of an account, asked for in cycles: what streams did not say, and what the ledger is compared with (rule R-D).
//!
//! A cycle asks for everything at once and is complete only when every list came; one that fails is no knowledge and is
//! tried again. Nothing is compared here: `run/reconcile.rs` does that. Tests: `account_tests.rs`.

use crate::domain::{Amount, Asset, FillId, InstrumentId, Market, Price, Rate, SignedQuantity, Span, Symbol, WallTime};
use crate::port::Event;
use crate::port::event::{Adjustment, MarkSource, Transfer, Wallet};
use crate::port::health::Listed;
use crate::venues::answer::{Answer, BalanceRow, Class, FillRow, IncomeRow, OrderRow, PositionRow, Refused};
use crate::venues::ask::{Ask, From};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Time between two cycles when nothing asks for one earlier.
const EVERY: Span = Span::seconds(30);
/// After a cycle that failed.
const AGAIN: Span = Span::seconds(5);
/// Least time between two cycles.
const GAP: Span = Span::seconds(1);
/// Income rows remembered.
const INCOME_SEEN: usize = 8192;
/// Most rows of a list.
const ROWS: u32 = 1000;

/// All lists of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// When the first question left.
    pub at: WallTime,
    /// Nothing happened on the account meanwhile, as far as streams and answers say.
    pub quiet: bool,
    /// Spot wallet.
    pub spot: Vec<BalanceRow>,
    /// Perp wallet.
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
    /// Funding, rebates and the like.
    pub(super) events: Vec<Event>,
    /// Movements of the perp wallet that no transfer of ours explains.
    pub(super) outside: Vec<(Asset, Amount)>,
    /// Lists that could not be had.
    pub(super) no_list: Vec<Refused>,
}

#[derive(Debug, Clone)]
enum Step {
    Open,
    Spot,
    Perp,
    Positions,
    Income,
    Fills(InstrumentId),
    History(InstrumentId),
}

/// The cycle of one venue.
#[derive(Debug)]
pub(super) struct Cycle {
    instruments: Vec<(InstrumentId, Market, Symbol)>,
    venue: crate::domain::VenueId,
    began: WallTime,
    /// When one is due.
    next: WallTime,
    running: Option<WallTime>,
    waiting: BTreeMap<u64, Step>,
    queue: VecDeque<(Step, Ask)>,
    failed: bool,
    quiet: bool,
    spot: Option<Vec<BalanceRow>>,
    perp: Option<Vec<BalanceRow>>,
    positions: Option<Vec<PositionRow>>,
    /// Instruments with orders, executions or a position: their executions are listed too.
    active: BTreeSet<InstrumentId>,
    last_fill: BTreeMap<InstrumentId, FillId>,
    orphans: Vec<(InstrumentId, FillRow)>,
    coins: BTreeMap<InstrumentId, SignedQuantity>,
    income_from: WallTime,
    income_seen: VecDeque<(Symbol, String)>,
    /// Funding that waits for its rate.
    funding: Vec<(InstrumentId, WallTime, IncomeRow)>,
    rates: BTreeMap<(InstrumentId, WallTime), (Rate, Option<Price>)>,
    /// Marks of the positions, for settlements whose price is not published.
    marks: BTreeMap<InstrumentId, Price>,
    /// Our transfers as changes of the perp wallet, not yet seen in its income.
    transfers: VecDeque<(Asset, Amount)>,
    /// Those of this run as changes of the spot wallet, not yet told by its stream.
    from_spot: VecDeque<(Asset, Amount)>,
    /// Movements of the spot wallet that its stream told; two streams may overlap.
    moved: VecDeque<(Asset, Amount, WallTime)>,
    /// Other movements that an earlier run booked, not yet seen again.
    booked: VecDeque<(Asset, Amount)>,
}

impl Cycle {
    pub(super) fn new(instruments: Vec<(InstrumentId, Market, Symbol)>, now: WallTime) -> Self {
        Self {
            instruments,
            venue: crate::domain::VenueId(0),
            began: now,
            next: now,
            running: None,
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            failed: false,
            quiet: true,
            spot: None,
            perp: None,
            positions: None,
            active: BTreeSet::new(),
            last_fill: BTreeMap::new(),
            orphans: Vec::new(),
            coins: BTreeMap::new(),
            income_from: now,
            income_seen: VecDeque::new(),
            funding: Vec::new(),
            rates: BTreeMap::new(),
            marks: BTreeMap::new(),
            transfers: VecDeque::new(),
            from_spot: VecDeque::new(),
            moved: VecDeque::new(),
            booked: VecDeque::new(),
        }
    }

    pub(super) const fn of_venue(mut self, venue: crate::domain::VenueId) -> Self {
        self.venue = venue;
        self
    }

    /// Income and executions are read from here on.
    pub(super) fn income_from(&mut self, at: WallTime) {
        self.income_from = at;
        self.began = self.began.min(at);
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

    pub(super) fn active(&mut self, instrument: InstrumentId) {
        self.active.insert(instrument);
    }

    pub(super) fn saw_fill(&mut self, instrument: InstrumentId, fill: FillId) {
        self.active.insert(instrument);
        let last = self.last_fill.entry(instrument).or_insert(fill);
        *last = (*last).max(fill);
    }

    /// An execution whose order could not be asked for: it comes up again.
    pub(super) fn orphan(&mut self, instrument: InstrumentId, fill: FillRow) {
        self.orphans.push((instrument, fill));
    }

    pub(super) fn position(&mut self, instrument: InstrumentId, coins: SignedQuantity) {
        self.coins.insert(instrument, coins);
        self.active.insert(instrument);
    }

    /// A transfer of ours leaves: its row in the income is ours.
    pub(super) fn own_transfer(&mut self, transfer: &Transfer) {
        let amount = match transfer.from {
            Wallet::Spot => transfer.amount,
            Wallet::Perp => -transfer.amount,
        };
        self.transfers.push_back((transfer.asset, amount));
        if self.transfers.len() > INCOME_SEEN {
            self.transfers.pop_front();
        }
    }

    /// A transfer leaves in this run: the stream of the spot wallet will tell its other side.
    pub(super) fn expect_spot(&mut self, transfer: &Transfer) {
        let amount = match transfer.from {
            Wallet::Spot => -transfer.amount,
            Wallet::Perp => transfer.amount,
        };
        self.from_spot.push_back((transfer.asset, amount));
        if self.from_spot.len() > INCOME_SEEN {
            self.from_spot.pop_front();
        }
    }

    /// The stream tells of a movement of the spot wallet: whether it is news, and no transfer of ours (fault H11).
    pub(super) fn moved_spot(&mut self, asset: Asset, amount: Amount, at: WallTime) -> bool {
        if self.moved.contains(&(asset, amount, at)) {
            return false;
        }
        self.moved.push_back((asset, amount, at));
        if self.moved.len() > INCOME_SEEN {
            self.moved.pop_front();
        }
        let own = self.from_spot.iter().position(|own| *own == (asset, amount));
        own.and_then(|place| self.from_spot.remove(place)).is_none()
    }

    /// An earlier run booked this movement of the perp wallet: its row is known when it comes again.
    pub(super) fn booked(&mut self, asset: Asset, amount: Amount) {
        self.booked.push_back((asset, amount));
    }

    /// Questions to ask now.
    pub(super) fn due(&mut self, now: WallTime) -> Vec<Ask> {
        if self.running.is_none() && now >= self.next {
            self.start(now);
        }
        self.queue.iter().map(|(_, ask)| ask.clone()).collect()
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
            if !self.active.contains(instrument) {
                continue;
            }
            let from = match self.last_fill.get(instrument) {
                Some(last) => From::Id(last.0 + 1),
                None => From::Window { start: self.began.max(now - Span::hours(23)), end: now + Span::MINUTE },
            };
            let ask = Ask::Fills { market: *market, symbol: *symbol, from, limit: ROWS };
            self.queue.push_back((Step::Fills(*instrument), ask));
        }
        let income = Ask::Income { kind: None, start: self.income_from, end: None, page: 1, limit: ROWS };
        self.queue.push_back((Step::Income, income));
        for market in [Market::Spot, Market::Perp] {
            self.queue.push_back((Step::Open, Ask::OpenOrders { market, symbol: None }));
        }
        self.queue.push_back((Step::Positions, Ask::Positions));
        self.queue.push_back((Step::Spot, Ask::Balances(Wallet::Spot)));
        self.queue.push_back((Step::Perp, Ask::Balances(Wallet::Perp)));
    }

    /// A question of [`Cycle::due`] left under this number.
    pub(super) fn asked(&mut self, call: u64, ask: &Ask) {
        if let Some(place) = self.queue.iter().position(|(_, known)| known == ask)
            && let Some((step, _)) = self.queue.remove(place)
        {
            self.waiting.insert(call, step);
        }
    }

    /// A question got no answer.
    pub(super) fn failed(&mut self, call: u64, now: WallTime) {
        self.waiting.remove(&call);
        self.failed = true;
        self.next = self.next.min(now + AGAIN);
    }

    /// An answer; what is in it that has to be acted on.
    pub(super) fn answered(&mut self, call: u64, result: Result<Answer, Refused>, now: WallTime) -> Found {
        let mut found = Found::default();
        let Some(step) = self.waiting.remove(&call) else { return found };
        match (step, result) {
            (Step::Open, Ok(Answer::Orders(rows))) => found.open = rows,
            (Step::Spot, Ok(Answer::Balances(_, rows))) => self.spot = Some(rows),
            (Step::Perp, Ok(Answer::Balances(_, rows))) => self.perp = Some(rows),
            (Step::Positions, Ok(Answer::Positions(rows))) => self.on_positions(rows, &mut found),
            (Step::Income, Ok(Answer::Income(rows))) => self.on_income(rows, &mut found),
            (Step::Fills(instrument), Ok(Answer::Fills(rows))) => {
                for row in rows {
                    self.saw_fill(instrument, row.id);
                    found.fills.push((instrument, row));
                }
            }
            (Step::History(instrument), Ok(Answer::FundingHistory(rows))) => {
                for row in rows {
                    self.rates.insert((instrument, stamp_of(row.stamp)), (row.rate, row.mark));
                }
                while self.rates.len() > 4096 {
                    self.rates.pop_first();
                }
            }
            (_, Err(refused)) => {
                if refused.class != Class::Clock {
                    found.no_list.push(refused);
                }
                self.failed = true;
                self.next = self.next.min(now + AGAIN);
            }
            (_, Ok(_)) => {
                self.failed = true;
                self.next = self.next.min(now + AGAIN);
            }
        }
        self.tell_funding(&mut found);
        if self.waiting.is_empty() && self.queue.is_empty() {
            found.fills.append(&mut self.orphans);
        }
        found
    }

    fn on_positions(&mut self, rows: Vec<PositionRow>, found: &mut Found) {
        for (instrument, market, symbol) in &self.instruments {
            if *market == Market::Perp {
                let row = rows.iter().find(|row| row.symbol == *symbol);
                let coins = row.map_or(SignedQuantity::ZERO, |row| row.coins);
                self.coins.insert(*instrument, coins);
                found.events.extend(listed(*instrument, row));
                if let Some(mark) = row.and_then(|row| row.mark) {
                    self.marks.insert(*instrument, mark);
                }
                if !coins.is_zero() {
                    self.active.insert(*instrument);
                }
            }
        }
        self.positions = Some(rows);
    }

    fn on_income(&mut self, rows: Vec<IncomeRow>, found: &mut Found) {
        let full = rows.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
        for row in rows {
            // The oldest instant that may still bring rows: the list is read again from there, and known rows are left out.
            self.income_from = self.income_from.max(row.at - Span::MINUTE);
            let key = (row.kind, format!("{}:{}", row.asset, row.id));
            if self.income_seen.contains(&key) {
                continue;
            }
            self.income_seen.push_back(key);
            if self.income_seen.len() > INCOME_SEEN {
                self.income_seen.pop_front();
            }
            self.income(row, found);
        }
        if full {
            self.next = self.next.min(self.income_from);
        }
    }

    fn income(&mut self, row: IncomeRow, found: &mut Found) {
        let settled = matches!(row.kind.as_str(), "FUNDING_FEE" | "COMMISSION" | "REALIZED_PNL");
        if !settled && let Some(place) = self.booked.iter().position(|known| *known == (row.asset, row.amount)) {
            self.booked.remove(place);
            return;
        }
        let adjusted = |cause| Event::Adjusted {
            venue: self.venue,
            wallet: Wallet::Perp,
            asset: row.asset,
            amount: row.amount,
            cause,
        };
        match row.kind.as_str() {
            "FUNDING_FEE" => {
                let named = |symbol: Symbol| {
                    self.instruments.iter().find(|(_, market, name)| *market == Market::Perp && *name == symbol)
                };
                match row.symbol.and_then(named) {
                    Some((instrument, _, symbol)) => {
                        let (instrument, stamp) = (*instrument, stamp_of(row.at));
                        if !self.rates.contains_key(&(instrument, stamp)) {
                            let start = Some(stamp - Span::MINUTE);
                            let ask = Ask::FundingHistory { symbol: *symbol, start, end: None, limit: 100 };
                            self.queue.push_back((Step::History(instrument), ask));
                        }
                        self.funding.push((instrument, stamp, row));
                    }
                    None => found.events.push(adjusted(Adjustment::External)),
                }
            }
            // Booked with the executions they belong to.
            "COMMISSION" | "REALIZED_PNL" => {}
            "TRANSFER" => {
                let known = self.transfers.iter().position(|own| *own == (row.asset, row.amount));
                match known {
                    Some(place) => {
                        self.transfers.remove(place);
                    }
                    None => found.outside.push((row.asset, row.amount)),
                }
            }
            "AUTO_EXCHANGE" => found.events.push(adjusted(Adjustment::AutoExchange)),
            "INSURANCE_CLEAR" => found.events.push(adjusted(Adjustment::Insurance)),
            "COMMISSION_REBATE" | "API_REBATE" | "REFERRAL_KICKBACK" => {
                found.events.push(adjusted(Adjustment::Rebate));
            }
            _ => found.events.push(adjusted(Adjustment::External)),
        }
    }

    /// Funding whose rate and position are known.
    fn tell_funding(&mut self, found: &mut Found) {
        let mut place = 0;
        while let Some((instrument, stamp, row)) = self.funding.get(place) {
            let known = self.rates.get(&(*instrument, *stamp)).zip(self.coins.get(instrument));
            let Some(((rate, mark), position)) = known else {
                place += 1;
                continue;
            };
            let published = mark.map(|mark| (mark, MarkSource::Funding));
            let own = || self.marks.get(instrument).map(|mark| (*mark, MarkSource::Mark));
            let Some((mark, mark_source)) = published.or_else(own) else {
                place += 1;
                continue;
            };
            found.events.push(Event::FundingPaid {
                instrument: *instrument,
                stamp: *stamp,
                position: *position,
                mark,
                mark_source,
                rate: *rate,
                amount: row.amount,
            });
            self.funding.remove(place);
        }
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
        // Funding that still waits for its rate is in the balances and not in the ledger.
        let quiet = self.quiet && self.funding.is_empty() && self.orphans.is_empty();
        if !quiet {
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
            elsewhere: Vec::new(),
        };
        for row in self.positions.take()? {
            match named(row.symbol) {
                Some((instrument, _, _)) => lists.positions.push((*instrument, row)),
                None if !row.coins.is_zero() => lists.elsewhere.push(row.symbol),
                None => {}
            }
        }
        Some(lists)
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

/// The settlement that a time belongs to: the venue is some milliseconds to seconds off the hour.
fn stamp_of(at: WallTime) -> WallTime {
    (at + Span::MINUTE).floor(Span::HOUR)
}
