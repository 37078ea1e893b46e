//! A real market and simulated fills: `paper --market live` and `shadow`. The engine, the simulated venue, and public data.
//!
//! Orders trade against the books that the streams keep, after the latency of the settings; nothing here can sign an order.
//! Outside of that it is the loop of a live run. Tests: `tests/live.rs`.

use super::driver::Driver;
use super::health::took;
use super::journal::Journal;
use super::live::MEASURE;
use super::universe_watch::UniverseWatch;
use crate::control::latency::Latency;
use crate::domain::{Leg, Span, VenueId, WallTime};
use crate::net::wire::{Arrived, Asker, Line, Outcome as Came, Wire};
use crate::port::Event;
use crate::port::event::MarkSource;
use crate::sim::matching::Liquidity;
use crate::store::JournalError;
use crate::store::VenueFile;
use crate::store::venue_file::VenueBatch;
use crate::venues::binance::feed::{Channel, Feed, FeedInput, FeedOutput};
use std::sync::Arc;

/// Levels of a book that orders may trade against.
const LEVELS: usize = 200;

/// Public data of one venue.
pub struct Stand {
    /// Its number.
    pub venue: VenueId,
    /// Its data.
    pub feed: Feed,
    /// The network.
    pub wire: Arc<Wire>,
    /// Whether it counts as reachable.
    pub reachable: bool,
    /// When its clock was measured last.
    pub measured: Option<WallTime>,
    /// How long its answers took.
    pub trips: Latency,
}

/// A run with simulated fills on a real market.
pub struct Shadow<J> {
    /// Core, simulated venue, journal.
    pub driver: Driver<J>,
    /// Venues.
    pub stands: Vec<Stand>,
    file: VenueFile,
    told: Vec<FeedOutput>,
    facts: Vec<Event>,
    shown: WallTime,
    pub(super) universe: Option<UniverseWatch>,
}

impl<J: Journal> Shadow<J> {
    /// Joins them; no venue has been reached yet.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn new(driver: Driver<J>, stands: Vec<Stand>, file: VenueFile, now: WallTime) -> Result<Self, JournalError> {
        let (universe, shown) = (UniverseWatch::of(&driver.state, now), now.floor(Span::HOUR));
        let mut shadow = Self { driver, stands, file, told: Vec::new(), facts: Vec::new(), shown, universe };
        for stand in &shadow.stands {
            let venue = stand.venue;
            shadow.driver.venue.set_down(venue, true);
            shadow.driver.fact(now, Event::VenueHealth { venue, reachable: false, missing: Vec::new() }, None)?;
        }
        shadow.commit(now)?;
        shadow.observe(now);
        Ok(shadow)
    }

    /// Takes in what arrived.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn arrived(&mut self, arrived: Arrived, now: WallTime) -> Result<(), JournalError> {
        if let Arrived::Request { venue, outcome: Came::Answered { .. }, signed: Some(signed), .. } = &arrived
            && let Some(stand) = self.stands.iter_mut().find(|stand| stand.venue == *venue)
        {
            stand.trips.note(took(*signed, now));
        }
        match arrived {
            Arrived::Request { venue, asker: Asker::Feed, call, outcome, .. } => match outcome {
                Came::Answered { result, body } => {
                    self.feed(venue, FeedInput::Answered { call, result, body: &body }, now)
                }
                Came::NotSent { .. } | Came::NoAnswer => self.feed(venue, FeedInput::Failed { call }, now),
            },
            Arrived::Frame { venue, line: Line::Public { market, place }, arrival } => {
                self.feed(venue, FeedInput::Frame(Channel { market, place }, &arrival.bytes), now)
            }
            Arrived::Opened { venue, line: Line::Public { market, place } } => {
                self.feed(venue, FeedInput::Opened(Channel { market, place }), now)
            }
            Arrived::Closed { venue, line: Line::Public { market, place }, why } => {
                tracing::warn!(?market, place, why, "a stream broke");
                self.feed(venue, FeedInput::Closed(Channel { market, place }), now)
            }
            Arrived::Request { asker: Asker::Universe, call, outcome, .. } => self.on_universe(call, outcome, now),
            // It has no account.
            Arrived::Request { .. } | Arrived::Frame { .. } | Arrived::Opened { .. } | Arrived::Closed { .. } => Ok(()),
        }
    }

    fn feed(&mut self, venue: VenueId, input: FeedInput<'_>, now: WallTime) -> Result<(), JournalError> {
        let Some(stand) = self.stands.iter_mut().find(|stand| stand.venue == venue) else { return Ok(()) };
        let mut told = std::mem::take(&mut self.told);
        stand.feed.handle(input, now, &mut told);
        let mut facts = std::mem::take(&mut self.facts);
        for one in told.drain(..) {
            match one {
                FeedOutput::Call(call, ask) => stand.wire.ask(Asker::Feed, call, ask),
                FeedOutput::Fact(event) => facts.push(event),
                FeedOutput::Reconnect(market) => stand.wire.reconnect_public(market),
                FeedOutput::Renew(Channel { market, place }) => stand.wire.renew(Line::Public { market, place }),
                FeedOutput::Note(note) => tracing::debug!(?note, "market data"),
                FeedOutput::Refused(why) => tracing::debug!(why, "a frame was refused"),
            }
        }
        self.told = told;
        for event in facts.drain(..) {
            self.react(&event, now);
            self.driver.market(now, event)?;
        }
        self.facts = facts;
        Ok(())
    }

    /// What the simulated venue does about a public fact.
    fn react(&mut self, event: &Event, now: WallTime) {
        let venue = &mut self.driver.venue;
        match event {
            Event::Quote { instrument, quote } => venue.on_quote(*instrument, quote.bid, quote.ask, now),
            Event::Mark { instrument, mark, .. } => {
                venue.on_mark(*instrument, *mark, (*mark, *mark), (now, now));
            }
            Event::CollateralRate { venue: of, asset, share, .. } => venue.on_collateral(*of, *asset, *share),
            Event::Settled { instrument, settlement } => {
                if let Some(mark) = venue.accounts().position(*instrument).mark {
                    let stamps = (settlement.stamp, now);
                    venue.settle(*instrument, settlement.funding, stamps, (mark, MarkSource::Mark));
                }
            }
            _ => {}
        }
    }

    /// Everything that is due by `now`, and then the core decides.
    ///
    /// # Errors
    /// [`JournalError`] when a fact or intent is not on disk.
    pub fn turn(&mut self, now: WallTime, tick: bool) -> Result<(), JournalError> {
        if tick {
            self.look_at_universe(now)?;
            for place in 0..self.stands.len() {
                let Some(venue) = self.stands.get(place).map(|stand| stand.venue) else { continue };
                self.feed(venue, FeedInput::Timer, now)?;
                if let Some(stand) = self.stands.get_mut(place)
                    && stand.measured.is_none_or(|at| now.since(at) >= MEASURE)
                {
                    stand.measured = Some(now);
                    stand.wire.measure_clock();
                }
                self.health(place, now)?;
            }
        }
        self.show_books();
        self.driver.venue.arrivals(now);
        self.commit(now)?;
        self.driver.settle_facts(now)?;
        self.driver.turn(now)?;
        self.driver.wake(now)?;
        self.driver.settle(now)?;
        self.commit(now)?;
        if now.floor(Span::HOUR) > self.shown {
            self.shown = now.floor(Span::HOUR);
            self.observe(now);
        }
        Ok(())
    }

    /// Values the books and takes a row of equity.
    pub fn observe(&mut self, now: WallTime) {
        self.driver.observe(now);
    }

    fn show_books(&mut self) {
        let Self { driver, stands, .. } = self;
        for pair in &driver.state.pairs {
            if pair.at_rest && !driver.venue.waits(pair.pair.id) {
                continue;
            }
            for leg in Leg::BOTH {
                let Some(stand) = stands.iter().find(|stand| stand.venue == pair.pair.venue(leg)) else { continue };
                let instrument = pair.pair.leg(leg);
                // A book out of step is no book: nothing trades against it.
                let liquidity = stand
                    .feed
                    .ladder(instrument, LEVELS)
                    .map_or(Liquidity::None, |(bids, asks)| Liquidity::Book { bids, asks });
                driver.venue.set_liquidity(instrument, liquidity);
            }
        }
    }

    fn health(&mut self, place: usize, now: WallTime) -> Result<(), JournalError> {
        let Some(stand) = self.stands.get_mut(place) else { return Ok(()) };
        stand.feed.clock(stand.wire.offset().map(|offset| (offset.offset, offset.error)));
        let reachable = stand.feed.is_open() && stand.wire.clock_known();
        if reachable == stand.reachable {
            return Ok(());
        }
        stand.reachable = reachable;
        let venue = stand.venue;
        self.driver.venue.set_down(venue, !reachable);
        self.driver.fact(now, Event::VenueHealth { venue, reachable, missing: Vec::new() }, None)
    }

    fn commit(&mut self, now: WallTime) -> Result<(), JournalError> {
        if !self.driver.venue.take_changed() {
            return Ok(());
        }
        let failed = |error: serde_json::Error| JournalError(error.to_string());
        let mut trades = Vec::new();
        for trade in self.driver.venue.take_trades() {
            trades.push((trade.fill.at, serde_json::to_string(&trade).map_err(failed)?));
        }
        let venue = serde_json::to_string(&self.driver.venue).map_err(failed)?;
        let batch = VenueBatch { venue, market: None, clock: now, trades, history: Vec::new() };
        Ok(self.file.commit(&batch)?)
    }

    /// Whether every venue counts as reachable.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.stands.iter().all(|stand| stand.reachable)
    }

    /// Whether nothing of ours is in work.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.driver.venue.is_quiet() && self.driver.state.pairs.iter().all(|pair| pair.at_rest)
    }

    /// When something is due by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<WallTime> {
        [self.driver.venue.next_due(), self.driver.next_wake()].into_iter().flatten().min()
    }
}
