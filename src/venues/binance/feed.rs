//! Public data of one venue: streams and what must be asked for beside them, as events for the core. Sans-IO.
//!
//! It owns the two market sessions, polls what no stream tells (settlements, terms of funding, open interest, listings)
//! and says when the market can be relied on. It decides nothing about trading. Tests: `feed_tests.rs`.

use super::bundles::Bundle;
use super::feed_listed::Listed;
use super::feed_words::Pending;
pub use super::feed_words::{Channel, FeedInput, FeedOutput};
use super::session::{Input as Frame, Note, Output as Said, Session, Subscription};
use super::watch::{Found, Watch};
use crate::domain::{
    Asset, Catalogue, FundingRate, InstrumentId, Interval, Market, Price, Quantity, Rate, Side, Span, Symbol, VenueId,
    WallTime,
};
use crate::port::Event;
use crate::port::event::Settlement;
use crate::venues::answer::{Answer, Class, CollateralRow, FundingRow, FundingTerms, Refused};
use crate::venues::ask::Ask;
use std::collections::BTreeMap;

/// Open interest is asked for this often.
const INTEREST_EVERY: Span = Span::MINUTE;
/// What coins count for as collateral.
const COLLATERAL_EVERY: Span = Span::MINUTE;
/// Terms of funding.
const TERMS_EVERY: Span = Span::HOUR;
/// A settlement that is due is looked for this often.
const SETTLED_EVERY: Span = Span::seconds(10);
/// Levels of a snapshot.
const LEVELS: u32 = 1000;

#[derive(Debug, Clone, Copy)]
struct Perp {
    instrument: InstrumentId,
    symbol: Symbol,
    interval: Option<Interval>,
    last_stamp: Option<WallTime>,
    next: Option<WallTime>,
    asked: Option<WallTime>,
    /// When its first settlements were asked for, where the start knew none.
    began: Option<WallTime>,
}

/// Public data of one venue.
#[derive(Debug)]
pub struct Feed {
    venue: VenueId,
    spot: Session,
    perp: Session,
    perps: Vec<Perp>,
    listed: Listed,
    next_call: u64,
    pending: BTreeMap<u64, Pending>,
    open: BTreeMap<Channel, bool>,
    expected: usize,
    terms_at: Option<WallTime>,
    interest_at: Option<WallTime>,
    has_interest: bool,
    /// Coins whose rate as collateral is asked for; none where it is not needed.
    collateral: Vec<Asset>,
    collateral_at: Option<WallTime>,
    watch: Watch,
    said: Vec<Said>,
}

impl Feed {
    /// The feed of a venue's pairs. `intervals` are the terms known at the start; `last` the newest settlements known.
    #[must_use]
    pub fn new(
        venue: VenueId,
        catalogue: &Catalogue,
        intervals: &BTreeMap<InstrumentId, Interval>,
        last: &BTreeMap<InstrumentId, WallTime>,
        has_interest: bool,
    ) -> Self {
        let ours = |market: Market| {
            catalogue.instruments().iter().filter(move |one| one.venue_id == venue && one.market == market)
        };
        let subscriptions = |market: Market| -> Vec<Subscription> {
            ours(market)
                .map(|one| Subscription {
                    instrument: one.id,
                    symbol: one.symbol,
                    interval: intervals.get(&one.id).copied(),
                })
                .collect()
        };
        let perp = |one: &crate::domain::Instrument| Perp {
            instrument: one.id,
            symbol: one.symbol,
            interval: intervals.get(&one.id).copied(),
            last_stamp: last.get(&one.id).copied(),
            next: None,
            asked: None,
            began: None,
        };
        let mut spot = Session::new(Market::Spot, &subscriptions(Market::Spot));
        for (one, bundle) in ours(Market::Spot).filter_map(|one| Some((one, Bundle::of(one)?))) {
            spot.count_in(one.id, bundle);
        }
        Self {
            venue,
            spot,
            perp: Session::new(Market::Perp, &subscriptions(Market::Perp)),
            perps: ours(Market::Perp).map(perp).collect(),
            listed: Listed::new(venue, catalogue),
            next_call: 0,
            pending: BTreeMap::new(),
            open: BTreeMap::new(),
            expected: 0,
            terms_at: None,
            interest_at: None,
            has_interest,
            collateral: Vec::new(),
            collateral_at: None,
            watch: Watch::new(
                [Market::Spot, Market::Perp].into_iter().flat_map(&ours).map(|one| (one.id, one.market, one.symbol)),
            ),
            said: Vec::new(),
        }
    }

    /// The venue.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        self.venue
    }

    /// How many connections there will be.
    pub const fn expect(&mut self, connections: usize) {
        self.expected = connections;
    }

    /// What these coins count for as collateral is asked for too, at once and then each minute.
    pub fn ask_collateral(&mut self, coins: Vec<Asset>) {
        self.collateral = coins;
    }

    /// These quote coins are priced by the venue's own pairs, at once and then each minute.
    pub fn price(&mut self, quotes: &[Asset]) {
        self.watch.price(quotes);
    }

    /// So is the coin that the venue takes fees in besides the usual ones, in this coin.
    pub fn price_fee_coin(&mut self, asset: Asset, currency: Asset) {
        self.watch.price_fee_coin(asset, currency);
    }

    /// How far the venue's clock is from ours, and how wrong that may be: event times far off are refused from now on.
    pub fn clock(&mut self, offset: Option<(Span, Span)>) {
        self.spot.set_offset(offset);
        self.perp.set_offset(offset);
    }

    /// Messages refused for their event time since the start, and whether the last one of a channel was.
    #[must_use]
    pub fn mistimed(&self) -> (u64, bool) {
        let of = |session: &Session| session.mistimed();
        let ((spot, spot_now), (perp, perp_now)) = (of(&self.spot), of(&self.perp));
        (spot + perp, spot_now || perp_now)
    }

    /// Listings are read again at the next opportunity: an order was refused as if a rule or the trading status had changed.
    pub const fn reread(&mut self) {
        self.listed.reread();
    }

    /// Whether an instrument of ours is of this market.
    fn trades(&self, market: Market) -> bool {
        self.listed.trades(market)
    }

    /// Whether a market can be seen: its connections work, and none of its streams is frozen. One in which nothing of ours is
    /// traded lacks nothing.
    #[must_use]
    pub fn sees(&self, market: Market) -> bool {
        if !self.trades(market) {
            return true;
        }
        let lines = self.open.iter().filter(|(channel, _)| channel.market == market);
        let any = lines.clone().next().is_some();
        // A line that was never opened is in no list: which market it is of is not known.
        let opened = self.open.len() >= self.expected;
        opened && any && lines.into_iter().all(|(_, open)| *open) && !self.watch.is_frozen(market)
    }

    /// Whether all connections work.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.expected > 0 && self.open.values().filter(|open| **open).count() >= self.expected
    }

    /// The book of an instrument, bids and asks from the best on, at most `levels` a side; `None` while it is not in step.
    #[must_use]
    pub fn ladder(&self, instrument: InstrumentId, levels: usize) -> Option<Ladder> {
        let book = self.spot.book(instrument).or_else(|| self.perp.book(instrument))?;
        let side = |side| book.levels(side).take(levels).collect();
        Some((side(Side::Buy), side(Side::Sell)))
    }

    /// Takes in what happened at `now`, and adds what follows to `out`.
    pub fn handle(&mut self, input: FeedInput<'_>, now: WallTime, out: &mut Vec<FeedOutput>) {
        match input {
            FeedInput::Frame(channel, bytes) => self.frame(channel, bytes, now, out),
            FeedInput::Opened(channel) => {
                self.open.insert(channel, true);
                // The sessions ask for snapshots as soon as the stream speaks.
            }
            FeedInput::Closed(channel) => {
                self.open.insert(channel, false);
                let mut said = std::mem::take(&mut self.said);
                self.session(channel.market).handle(Frame::Disconnected, now, &mut said);
                self.pass_on(channel.market, &mut said, out);
                self.said = said;
            }
            FeedInput::Answered { call, result, body } => self.answered(call, (result, body), now, out),
            FeedInput::Failed { call } => self.failed(call, now, out),
            FeedInput::Timer => self.timer(now, out),
        }
    }

    fn frame(&mut self, channel: Channel, bytes: &[u8], now: WallTime, out: &mut Vec<FeedOutput>) {
        let mut said = std::mem::take(&mut self.said);
        let market = channel.market;
        self.session(market).handle(Frame::Frame(bytes), now, &mut said);
        for one in &said {
            if let Said::Event(event) = one {
                self.watch.hear(event, now);
            }
        }
        if said.contains(&Said::Note(Note::ServerShutdown)) {
            out.push(FeedOutput::Renew(channel));
        }
        self.pass_on(market, &mut said, out);
        self.said = said;
    }

    const fn session(&mut self, market: Market) -> &mut Session {
        match market {
            Market::Spot => &mut self.spot,
            Market::Perp => &mut self.perp,
        }
    }

    fn pass_on(&mut self, market: Market, said: &mut Vec<Said>, out: &mut Vec<FeedOutput>) {
        for one in said.drain(..) {
            match one {
                Said::Event(event) => {
                    if let Event::FundingEstimate { instrument, next, .. } = event
                        && let Some(perp) = self.perps.iter_mut().find(|perp| perp.instrument == instrument)
                    {
                        perp.next = Some(next);
                    }
                    out.push(FeedOutput::Fact(event));
                }
                Said::NeedSnapshot { instrument, symbol } => {
                    let ask = Ask::Depth { market, symbol, levels: LEVELS };
                    self.call(Pending::Snapshot(instrument, market), ask, out);
                }
                Said::BookFailing { .. } => {
                    out.push(FeedOutput::Reconnect(market));
                }
                Said::BookLost { .. } => {}
                Said::Refused(error) => out.push(FeedOutput::Refused(error.to_string())),
                Said::Note(note) => out.push(FeedOutput::Note(note)),
            }
        }
    }

    fn call(&mut self, pending: Pending, ask: Ask, out: &mut Vec<FeedOutput>) {
        self.next_call += 1;
        self.pending.insert(self.next_call, pending);
        out.push(FeedOutput::Call(self.next_call, ask));
    }

    fn answered(
        &mut self,
        call: u64,
        (result, body): (Result<Answer, Refused>, &[u8]),
        now: WallTime,
        out: &mut Vec<FeedOutput>,
    ) {
        let answer = match result {
            Ok(answer) => answer,
            Err(refused) => {
                if let (Class::Malformed, Some(Pending::Listings(market))) =
                    (refused.class, self.pending.get(&call).copied())
                {
                    // One of them is not listed any more: the whole list says of which ones that is not so.
                    self.call(Pending::Whole(market), Ask::Instruments(market), out);
                }
                self.failed(call, now, out);
                return;
            }
        };
        let Some(pending) = self.pending.remove(&call) else { return };
        let (answer, left_out) = answer.parted();
        match (pending, answer) {
            (Pending::Snapshot(instrument, market), _) => {
                let mut said = std::mem::take(&mut self.said);
                self.session(market).handle(Frame::Snapshot { instrument, body }, now, &mut said);
                self.pass_on(market, &mut said, out);
                self.said = said;
            }
            (Pending::Terms, Answer::FundingInfo(rows)) => self.terms(&rows, &left_out, out),
            (Pending::Listings(_), Answer::Instruments { listings, .. }) => self.listed.told(&listings, out),
            (Pending::Whole(market), Answer::Instruments { listings, .. }) => {
                self.listed.whole((market, &listings), now, out);
            }
            (Pending::Settled(instrument), Answer::FundingHistory(rows)) => self.settled(instrument, &rows, out),
            (Pending::Collateral, Answer::CollateralRates(rows)) => self.rates(&rows, out),
            (Pending::Check(check), Answer::BestQuotes(rows)) => found(self.watch.quoted(check, &rows, now), out),
            (Pending::Check(check), Answer::Premium(rows)) => found(self.watch.marked(check, &rows, now), out),
            (Pending::Interest(instrument), Answer::OpenInterest(rows)) => {
                if let Some((_, coins)) = rows.last() {
                    out.push(FeedOutput::Fact(Event::OpenInterest { instrument, coins: *coins }));
                }
            }
            _ => {}
        }
    }

    fn failed(&mut self, call: u64, now: WallTime, out: &mut Vec<FeedOutput>) {
        if let Some(Pending::Snapshot(instrument, market)) = self.pending.remove(&call) {
            let mut said = std::mem::take(&mut self.said);
            self.session(market).handle(Frame::SnapshotFailed { instrument }, now, &mut said);
            self.pass_on(market, &mut said, out);
            self.said = said;
        }
    }

    fn terms(&mut self, rows: &[FundingTerms], left_out: &[(Symbol, String)], out: &mut Vec<FeedOutput>) {
        for perp in &mut self.perps {
            if let Some((symbol, why)) = left_out.iter().find(|(symbol, _)| *symbol == perp.symbol) {
                // Its row is there and cannot be read: what was known of it stays, and its settlements are checked against that.
                out.push(FeedOutput::Refused(format!("terms of funding of {symbol}: {why}")));
                continue;
            }
            // A perp that is not listed is one of eight hours; its settlements are checked against that.
            let found = rows.iter().find(|row| row.symbol == perp.symbol).map_or(Interval::H8, |row| row.interval);
            if perp.interval == Some(found) {
                continue;
            }
            let changed = perp.interval.is_some();
            perp.interval = Some(found);
            self.perp.set_interval(perp.instrument, Some(found));
            if changed {
                let (instrument, interval) = (perp.instrument, found);
                out.push(FeedOutput::Fact(Event::IntervalChanged { instrument, interval }));
            }
        }
    }

    /// The share that counts is the bid rate over the index: what the haircut leaves.
    fn rates(&self, rows: &[CollateralRow], out: &mut Vec<FeedOutput>) {
        for asset in &self.collateral {
            // The venue names them against the US dollar: BTCUSD.
            let named = |row: &&CollateralRow| row.symbol.as_str().strip_suffix("USD") == Some(asset.as_str());
            let Some(row) = rows.iter().find(named) else { continue };
            let (venue, asset, index) = (self.venue, *asset, row.index);
            let one = i128::from(Rate::ONE);
            let units = (i128::from(row.bid.units()) * one / i128::from(index.units())).min(one);
            let share = Rate::from_units(i64::try_from(units).unwrap_or(0));
            out.push(FeedOutput::Fact(Event::CollateralRate { venue, asset, index, share }));
        }
    }

    fn settled(&mut self, instrument: InstrumentId, rows: &[FundingRow], out: &mut Vec<FeedOutput>) {
        let Some(perp) = self.perps.iter_mut().find(|perp| perp.instrument == instrument) else { return };
        for row in rows {
            let stamp = (row.stamp + Span::seconds(30)).floor(Span::MINUTE);
            if perp.last_stamp.is_some_and(|last| stamp <= last) {
                continue;
            }
            // The interval that ended, by the stamps: terms may have changed in between.
            let interval = perp.last_stamp.and_then(|last| Interval::between(last, stamp)).or(perp.interval);
            perp.last_stamp = Some(stamp);
            if let Some(interval) = interval {
                let settlement = Settlement { stamp, funding: FundingRate { rate: row.rate, interval } };
                let fact = Event::Settled { instrument, settlement };
                // From before this feed: it fills the windows, and nothing is decided on it or paid for it.
                let past = perp.began.is_some_and(|began| stamp <= began);
                out.push(FeedOutput::Fact(if past { Event::Past { at: stamp, fact: Box::new(fact) } } else { fact }));
            }
        }
    }

    fn timer(&mut self, now: WallTime, out: &mut Vec<FeedOutput>) {
        let mut said = std::mem::take(&mut self.said);
        for market in [Market::Spot, Market::Perp] {
            self.session(market).handle(Frame::Timer, now, &mut said);
            self.pass_on(market, &mut said, out);
        }
        self.said = said;
        if self.trades(Market::Perp) && self.terms_at.is_none_or(|at| now.since(at) >= TERMS_EVERY) {
            self.terms_at = Some(now);
            self.call(Pending::Terms, Ask::FundingInfo, out);
        }
        for (market, ask) in self.listed.due(now) {
            self.call(Pending::Listings(market), ask, out);
        }
        for (check, ask) in self.watch.due(now) {
            self.call(Pending::Check(check), ask, out);
        }
        if self.has_interest && self.interest_at.is_none_or(|at| now.since(at) >= INTEREST_EVERY) {
            self.interest_at = Some(now);
            for (instrument, symbol) in self.perps.iter().map(|perp| (perp.instrument, perp.symbol)).collect::<Vec<_>>()
            {
                self.call(Pending::Interest(instrument), Ask::OpenInterest { symbol }, out);
            }
        }
        if !self.collateral.is_empty() && self.collateral_at.is_none_or(|at| now.since(at) >= COLLATERAL_EVERY) {
            self.collateral_at = Some(now);
            self.call(Pending::Collateral, Ask::CollateralRates, out);
        }
        let mut due = Vec::new();
        for perp in &mut self.perps {
            // Due when a stamp has passed that is not known, by the interval, or when none is known at all.
            let interval = perp.interval.map_or(Span::HOUR, Interval::span);
            let passed = perp.last_stamp.is_none_or(|last| now >= last + interval + Span::seconds(3));
            if passed && perp.asked.is_none_or(|at| now.since(at) >= SETTLED_EVERY) {
                perp.asked = Some(now);
                perp.began = perp.began.or(perp.last_stamp.is_none().then_some(now));
                due.push((perp.instrument, perp.symbol, perp.last_stamp));
            }
        }
        for (instrument, symbol, last) in due {
            let start = last.map(|last| last + Span::seconds(1));
            let limit = if start.is_some() { 100 } else { 1_000 };
            let ask = Ask::FundingHistory { symbol, start, end: None, limit };
            if start.is_some() {
                // A settlement may change the interval: the terms are read again with it.
                self.terms_at = self.terms_at.map(|at| at.min(now - TERMS_EVERY + Span::MINUTE));
            }
            self.call(Pending::Settled(instrument), ask, out);
        }
    }
}

fn found(found: Found, out: &mut Vec<FeedOutput>) {
    out.extend(found.event.map(FeedOutput::Fact));
    out.extend(found.reopen.map(FeedOutput::Reconnect));
}

/// Bids and asks, best first.
pub type Ladder = (Vec<(Price, Quantity)>, Vec<(Price, Quantity)>);

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
