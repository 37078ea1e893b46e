//! Income of the perp account: what was paid, and a durable list of what is due.
//!
//! The list of income is read in pages of a fixed window, known rows are left out, and the window reaches back as long as a
//! settlement on a position of ours is not seen paid. Each payment is booked with the rate and price of its settlement,
//! which are asked for in batches; it waits a bounded time for them, and nobody waits for it: what is read and not booked
//! yet is taken off the balances that are compared. Tests: `account_income_tests.rs`.

use crate::domain::{Amount, Asset, InstrumentId, Price, Rate, SignedQuantity, Span, Symbol, VenueId, WallTime};
use crate::planted::{self, Bug};
use crate::port::Event;
use crate::port::event::{Adjustment, MarkSource, Wallet};
use crate::venues::answer::{FundingRow, IncomeRow};
use crate::venues::ask::Ask;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most rows of a page.
pub(super) const ROWS: u32 = 1000;
/// Most pages of one look: what is more comes with the next one.
const PAGES: u32 = 10;
/// A row may be listed this much after its time.
const OVERLAP: Span = Span(10 * 60_000);
/// A settlement that is due is looked for this long; then a person is told.
const PATIENCE: Span = Span::DAY;
/// A payment is booked without the venue's rate after this time.
const RATE_PATIENCE: Span = Span(15 * 60_000);
/// Settlements whose rate is kept, per perp.
const RATES: usize = 128;
/// First pause between two questions about the rates of a perp; it doubles up to a minute.
const FIRST_PAUSE: Span = Span::seconds(2);
const LONGEST_PAUSE: Span = Span::MINUTE;
/// Perps asked for at once.
const AT_ONCE: usize = 4;
/// Movements remembered of earlier runs.
const KEPT: usize = 8192;

/// One perp of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Perp {
    pub(super) instrument: InstrumentId,
    pub(super) symbol: Symbol,
    /// The coin in which funding is booked with the pair.
    pub(super) quote: Asset,
}

/// A payment that waits for its rate.
#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    amount: Amount,
    asset: Asset,
    since: WallTime,
}

/// When the rates of a perp may be asked for next.
#[derive(Debug, Clone, Copy)]
struct Pause {
    next: WallTime,
    length: Span,
}

/// What the rows say that has to be acted on.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Facts.
    pub(super) events: Vec<Event>,
    /// Movements of the perp wallet: whether a transfer of ours explains them is for others to say.
    pub(super) moved: Vec<(Asset, Amount, WallTime)>,
    /// Settlements that were due and are not listed as paid.
    pub(super) not_paid: Vec<(InstrumentId, WallTime)>,
    /// Payments that are booked without the venue's rate.
    pub(super) without_rate: Vec<(InstrumentId, WallTime)>,
}

type Key = (WallTime, Symbol, String);

/// The income of one account.
#[derive(Debug)]
pub(super) struct Income {
    venue: VenueId,
    perps: Vec<Perp>,
    /// Everything before was read.
    from: WallTime,
    /// The window that is being read, and its page.
    reading: Option<(WallTime, WallTime, u32)>,
    seen: BTreeSet<Key>,
    /// Movements that an earlier run booked, not yet seen again, each with the time at which it was.
    booked: VecDeque<(Asset, Amount, WallTime)>,
    /// Settlements that are booked; with what an earlier run booked of each and no row has told again yet.
    paid: BTreeMap<(InstrumentId, WallTime), Amount>,
    waiting: BTreeMap<(InstrumentId, WallTime), Waiting>,
    /// Settlements of a position of ours that no row was seen of yet.
    due: BTreeSet<(InstrumentId, WallTime)>,
    /// The hour up to which positions were looked at.
    hour: Option<WallTime>,
    rates: BTreeMap<InstrumentId, BTreeMap<WallTime, (Rate, Option<Price>)>>,
    pauses: BTreeMap<InstrumentId, Pause>,
    coins: BTreeMap<InstrumentId, SignedQuantity>,
    /// Coins at each full hour at which there were some.
    held: BTreeMap<(InstrumentId, WallTime), SignedQuantity>,
    marks: BTreeMap<InstrumentId, Price>,
}

impl Income {
    pub(super) const fn new(venue: VenueId, perps: Vec<Perp>, now: WallTime) -> Self {
        Self {
            venue,
            perps,
            from: now,
            reading: None,
            seen: BTreeSet::new(),
            booked: VecDeque::new(),
            paid: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            hour: None,
            rates: BTreeMap::new(),
            pauses: BTreeMap::new(),
            coins: BTreeMap::new(),
            held: BTreeMap::new(),
            marks: BTreeMap::new(),
        }
    }

    /// Rows are read from here on.
    pub(super) const fn from(&mut self, at: WallTime) {
        self.from = at;
    }

    /// An earlier run booked this movement of the perp wallet at this time: its row is known when it comes again.
    pub(super) fn booked(&mut self, asset: Asset, amount: Amount, at: WallTime) {
        self.booked.push_back((asset, amount, at));
        if self.booked.len() > KEPT {
            self.booked.pop_front();
        }
    }

    /// An earlier run booked this settlement with this amount: its rows are known when they come again.
    pub(super) fn paid(&mut self, instrument: InstrumentId, stamp: WallTime, amount: Amount) {
        *self.paid.entry((instrument, stamp)).or_default() += amount;
    }

    /// A position as a list or a stream tells it.
    pub(super) fn position(&mut self, instrument: InstrumentId, coins: SignedQuantity, mark: Option<Price>) {
        self.coins.insert(instrument, coins);
        if let Some(mark) = mark {
            self.marks.insert(instrument, mark);
        }
    }

    /// Money that rows told and that is not booked yet, by coin.
    pub(super) fn pending(&self, asset: Asset) -> Amount {
        self.waiting.values().filter(|one| one.asset == asset).map(|one| one.amount).sum()
    }

    /// The first question of a look: from where everything was read, and from before the oldest settlement that is due.
    pub(super) fn first(&mut self, now: WallTime) -> Ask {
        let oldest = self.due.iter().map(|(_, stamp)| *stamp - Span::MINUTE).min();
        let start = oldest.map_or(self.from, |oldest| oldest.min(self.from));
        self.page(start, now + Span::MINUTE, 1)
    }

    const fn page(&mut self, start: WallTime, end: WallTime, page: u32) -> Ask {
        self.reading = Some((start, end, page));
        Ask::Income { kind: None, start, end: Some(end), page, limit: ROWS }
    }

    /// A page was read: what it says, and the question for the next one.
    pub(super) fn rows(&mut self, rows: Vec<IncomeRow>, now: WallTime) -> (Told, Option<Ask>) {
        let mut told = Told::default();
        let full = rows.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
        let youngest = rows.iter().map(|row| row.at).max();
        for row in rows {
            let key = (row.at, row.kind, format!("{}:{}", row.asset, row.id));
            if self.seen.insert(key) || planted::is(Bug::IncomeTwice) {
                self.row(&row, now, &mut told);
            }
        }
        let Some((start, end, page)) = self.reading else { return (told, None) };
        if full && page < PAGES {
            return (told, Some(self.page(start, end, page + 1)));
        }
        self.reading = None;
        // Rows up to here were read. When there are more pages than one look reads, the next look goes on at the youngest
        // row; a moment with more rows than that is passed over by a millisecond, never read without end.
        let read =
            if full { youngest.map_or(start, |at| at.max(start + Span(1))) } else { end - Span::MINUTE - OVERLAP };
        self.from = self.from.max(read);
        let keep = self.due.iter().map(|(_, stamp)| *stamp - Span::MINUTE).min().unwrap_or(self.from).min(self.from);
        while self.seen.first().is_some_and(|(at, ..)| *at < keep - Span::HOUR) {
            self.seen.pop_first();
        }
        (told, None)
    }

    fn perp(&self, symbol: Option<Symbol>) -> Option<Perp> {
        self.perps.iter().find(|perp| Some(perp.symbol) == symbol).copied()
    }

    fn adjusted(&self, row: &IncomeRow, cause: Adjustment) -> Event {
        let (venue, wallet, asset, amount) = (self.venue, Wallet::Perp, row.asset, row.amount);
        Event::Adjusted { venue, wallet, asset, amount, cause }
    }

    fn row(&mut self, row: &IncomeRow, now: WallTime, told: &mut Told) {
        let perp = self.perp(row.symbol);
        match (row.kind.as_str(), perp) {
            // Booked with the executions they belong to.
            ("COMMISSION" | "REALIZED_PNL", _) => return,
            ("FUNDING_FEE", Some(perp)) if row.asset == perp.quote => {
                self.payment(perp.instrument, row, now, told);
                return;
            }
            _ => {}
        }
        if matches!(row.kind.as_str(), "FUNDING_FEE")
            && let Some(perp) = perp
        {
            self.due.remove(&(perp.instrument, stamp_of(row.at)));
        }
        if self.was_booked(row) {
            return;
        }
        let cause = match row.kind.as_str() {
            "TRANSFER" => {
                told.moved.push((row.asset, row.amount, row.at));
                return;
            }
            // In a coin that the pair is not booked in: it is money of that coin.
            "FUNDING_FEE" if perp.is_some() => Adjustment::Funding,
            "AUTO_EXCHANGE" => Adjustment::AutoExchange,
            "INSURANCE_CLEAR" => Adjustment::Insurance,
            "COMMISSION_REBATE" | "API_REBATE" | "REFERRAL_KICKBACK" => Adjustment::Rebate,
            _ => Adjustment::External,
        };
        told.events.push(self.adjusted(row, cause));
    }

    /// Whether an earlier run booked it: never one that is younger than what was booked.
    fn was_booked(&mut self, row: &IncomeRow) -> bool {
        let is = |(asset, amount, at): &(Asset, Amount, WallTime)| {
            (*asset, *amount) == (row.asset, row.amount) && row.at <= *at + Span::MINUTE
        };
        let place = self.booked.iter().position(is);
        place.and_then(|place| self.booked.remove(place)).is_some()
    }

    fn payment(&mut self, instrument: InstrumentId, row: &IncomeRow, now: WallTime, told: &mut Told) {
        let key = (instrument, stamp_of(row.at));
        self.due.remove(&key);
        if let Some(waiting) = self.waiting.get_mut(&key) {
            // Two rows of one settlement are one payment.
            waiting.amount += row.amount;
        } else if let Some(left) = self.paid.get_mut(&key) {
            // Rows that make up what an earlier run booked are known; only what is beyond that is news.
            let again = (*left > Amount::ZERO && row.amount > Amount::ZERO && row.amount <= *left)
                || (*left < Amount::ZERO && row.amount < Amount::ZERO && row.amount >= *left);
            if again {
                *left -= row.amount;
            } else if row.at > self.from && !self.was_booked(row) {
                told.events.push(self.adjusted(row, Adjustment::Funding));
            }
        } else {
            self.waiting.insert(key, Waiting { amount: row.amount, asset: row.asset, since: now });
        }
    }
}

impl Income {
    /// The ledger holds this position: settlements since its last payment are due, a week back at most.
    pub(super) fn holds(&mut self, instrument: InstrumentId, coins: SignedQuantity, now: WallTime) {
        if coins.is_zero() {
            return;
        }
        self.coins.entry(instrument).or_insert(coins);
        let last = self.paid.keys().filter(|(of, _)| *of == instrument).map(|(_, stamp)| *stamp).max();
        let first = last.map_or(self.from, |last| last + Span::MINUTE).max(now - Span(7 * Span::DAY.0));
        let mut hour = first.floor(Span::HOUR) + Span::HOUR;
        while hour <= now {
            self.held.insert((instrument, hour), coins);
            hour = hour + Span::HOUR;
        }
    }

    /// Full hours that passed with a position: a settlement may have been then.
    pub(super) fn hours(&mut self, now: WallTime) {
        let hour = now.floor(Span::HOUR);
        if self.hour.is_none_or(|before| before >= hour) {
            self.hour = Some(self.hour.map_or(hour, |before| before.max(hour)));
            return;
        }
        self.hour = Some(hour);
        for (instrument, coins) in &self.coins {
            if !coins.is_zero() && !self.paid.contains_key(&(*instrument, hour)) {
                self.held.insert((*instrument, hour), *coins);
            }
        }
        while self.held.len() > KEPT {
            self.held.pop_first();
        }
    }

    /// Questions about rates that are due: one for each perp, for all its settlements that wait.
    pub(super) fn questions(&mut self, now: WallTime) -> Vec<(InstrumentId, Ask)> {
        let mut wanted: BTreeMap<InstrumentId, (WallTime, WallTime)> = BTreeMap::new();
        let known = |rates: &BTreeMap<InstrumentId, BTreeMap<WallTime, (Rate, Option<Price>)>>,
                     key: &(InstrumentId, WallTime)| {
            rates.get(&key.0).is_some_and(|of| of.contains_key(&key.1))
        };
        // Whether a settlement was at an hour at which we held something is known some seconds after it.
        let passed = self.held.keys().filter(|(_, hour)| now.since(*hour) >= Span::seconds(10));
        for key in self.waiting.keys().chain(passed) {
            if !known(&self.rates, key) {
                let of = wanted.entry(key.0).or_insert((key.1, key.1));
                *of = (of.0.min(key.1), of.1.max(key.1));
            }
        }
        let mut asks = Vec::new();
        for (instrument, (first, last)) in wanted {
            let once = planted::is(Bug::RatesOnce);
            let paused = self.pauses.get(&instrument).is_some_and(|pause| now < pause.next || once);
            let Some(perp) = self.perps.iter().find(|perp| perp.instrument == instrument) else { continue };
            if paused || asks.len() >= AT_ONCE {
                continue;
            }
            let (start, end) = (Some(first - Span::MINUTE), Some(last + Span::MINUTE + Span::MINUTE));
            asks.push((instrument, Ask::FundingHistory { symbol: perp.symbol, start, end, limit: 1000 }));
            let length = self
                .pauses
                .get(&instrument)
                .map_or(FIRST_PAUSE, |pause| Span((pause.length.0 * 2).min(LONGEST_PAUSE.0)));
            self.pauses.insert(instrument, Pause { next: now + length, length });
        }
        asks
    }

    /// Rates of a perp: an hour without one was no settlement, a settlement at rate zero pays nothing.
    pub(super) fn rates(&mut self, instrument: InstrumentId, rows: &[FundingRow], now: WallTime) {
        let known = self.rates.entry(instrument).or_default();
        for row in rows {
            known.insert(stamp_of(row.stamp), (row.rate, row.mark));
        }
        while known.len() > RATES {
            known.pop_first();
        }
        let youngest = known.keys().next_back().copied();
        let hours: Vec<WallTime> = self.held.keys().filter(|key| key.0 == instrument).map(|key| key.1).collect();
        for hour in hours {
            let key = (instrument, hour);
            match self.rates.get(&instrument).and_then(|of| of.get(&hour)) {
                Some((rate, _))
                    if *rate != Rate::ZERO && !self.paid.contains_key(&key) && !self.waiting.contains_key(&key) =>
                {
                    self.due.insert(key);
                    self.held.remove(&key);
                    self.pauses.remove(&instrument);
                }
                Some(_) => {
                    self.held.remove(&key);
                }
                // A younger one is listed, or it is long past: there was none at this hour.
                None if youngest.is_some_and(|at| at > hour) || now.since(hour) >= Span(10 * Span::MINUTE.0) => {
                    self.held.remove(&key);
                }
                None => {}
            }
        }
    }

    /// Payments whose rate and position are known, and those that waited long enough.
    pub(super) fn settle(&mut self, now: WallTime, told: &mut Told) {
        let mut over = Vec::new();
        for ((instrument, stamp), one) in &self.waiting {
            let patient = now.since(one.since) < RATE_PATIENCE || planted::is(Bug::RatesOnce);
            let rate = self.rates.get(instrument).and_then(|of| of.get(stamp)).copied();
            let own = || self.marks.get(instrument).map(|mark| (*mark, MarkSource::Mark));
            let mark = rate.and_then(|(_, mark)| mark).map(|mark| (mark, MarkSource::Funding)).or_else(own);
            let held = self.held.get(&(*instrument, *stamp)).or_else(|| self.coins.get(instrument));
            let position = held.copied().unwrap_or(SignedQuantity::ZERO);
            let ready = rate.is_some() && mark.is_some() && self.coins.contains_key(instrument);
            if !ready && patient {
                continue;
            }
            let row = rate.zip(mark).map(|((rate, _), mark)| (rate, mark));
            over.push(((*instrument, *stamp), row, position));
        }
        for ((instrument, stamp), found, position) in over {
            let Some(one) = self.waiting.remove(&(instrument, stamp)) else { continue };
            self.pauses.remove(&instrument);
            self.paid.insert((instrument, stamp), Amount::ZERO);
            self.held.remove(&(instrument, stamp));
            let Some((rate, (mark, mark_source))) = found else {
                // The amount is the venue's own word; only what it was computed from is not known.
                told.without_rate.push((instrument, stamp));
                let (venue, wallet, asset, amount) = (self.venue, Wallet::Perp, one.asset, one.amount);
                let cause = Adjustment::Funding;
                told.events.push(Event::Adjusted { venue, wallet, asset, amount, cause });
                continue;
            };
            let amount = one.amount;
            told.events.push(Event::FundingPaid { instrument, stamp, position, mark, mark_source, rate, amount });
        }
        let late: Vec<(InstrumentId, WallTime)> =
            self.due.iter().filter(|(_, stamp)| now.since(*stamp) >= PATIENCE).copied().collect();
        for key in late {
            self.due.remove(&key);
            told.not_paid.push(key);
        }
    }
}

/// The settlement that a time belongs to: the venue is some milliseconds to seconds off the hour.
pub(super) fn stamp_of(at: WallTime) -> WallTime {
    (at + Span::MINUTE).floor(Span::HOUR)
}
