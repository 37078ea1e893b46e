//! Paper trading on the generated market: the engine, the simulated venue and their durable files, in simulated time.
//!
//! A minute has one order: the market moves, the venue reacts (fills, funding, margin, ADL) and puts its books on disk, the
//! bot hears of it and decides. Between minutes time jumps to whatever is due next. Simulated time stops while the bot is
//! dead: a restart goes on from the later of the two last commits, reads ledger and venue, and lets the venue's clock run on.

use super::collect::Collector;
use super::driver::Driver;
use super::generated::{outside, traded};
use super::journal::{Books, Journal};
use super::session::Session;
use super::wallets::wallets;
use crate::config::Settings;
use crate::domain::{Leg, Span, VenueId, WallTime};
use crate::engine::State;
use crate::port::Event;
use crate::port::order::{OrderReport, Outcome};
use crate::sim::START;
use crate::sim::generator::MarketEvent;
use crate::sim::matching::Liquidity;
use crate::sim::{Faults, Generator, SimVenue};
use crate::store::JournalError;
use crate::store::VenueFile;
use crate::store::venue_file::VenueBatch;

/// What is saved of a market: the generator, the hours whose quotes were kept, and what was shown last.
type Saved = (Generator, Vec<i64>, Vec<Option<(WallTime, Event)>>);

/// The generated market joined to the venue, and the venue's file.
pub struct SimMarket {
    /// The market.
    pub generator: Generator,
    file: Option<VenueFile>,
    events: Vec<(WallTime, MarketEvent)>,
    /// Public facts since the venue's last commit, for its history query.
    fresh: Vec<(WallTime, Event)>,
    /// The hour whose first quotes were kept, per instrument.
    kept: Vec<i64>,
    /// Latest quote, mark and estimate that were shown, per instrument.
    latest: Vec<Option<(WallTime, Event)>>,
    down: Vec<bool>,
}

impl SimMarket {
    /// At the start of a market.
    #[must_use]
    pub fn new(generator: Generator, file: Option<VenueFile>) -> Self {
        let instruments = generator.catalogue().instruments().len();
        let down = (0..generator.catalogue().venues().len())
            .map(|place| !generator.reachable(VenueId(u8::try_from(place).unwrap_or(u8::MAX))))
            .collect();
        Self {
            generator,
            file,
            events: Vec::new(),
            fresh: Vec::new(),
            kept: vec![i64::MIN; instruments],
            latest: vec![None; instruments * 3],
            down,
        }
    }

    /// Advances one minute: the market moves and the venue reacts. The public events wait in `public`.
    pub fn minute(&mut self, venue: &mut SimVenue, public: &mut Vec<Event>) -> WallTime {
        self.events.clear();
        self.generator.step(&mut self.events);
        let now = self.generator.now();
        let events = std::mem::take(&mut self.events);
        for (at, event) in &events {
            match event {
                MarketEvent::Adl { instrument, share, price } => venue.deleverage(*instrument, *share, *price, *at),
                MarketEvent::Public(event) => {
                    self.react(venue, event, now);
                    if self.shows(venue, event) {
                        self.keep(now, event);
                        self.remember(now, event);
                        public.push(event.clone());
                    }
                }
            }
        }
        self.events = events;
        venue.exchange_debts(now);
        // As a live session asks for them each minute; a venue that cannot be reached says nothing.
        let tells = |event: &Event| match event {
            Event::CollateralRate { venue, .. } => !self.down.get(venue.index()).copied().unwrap_or(false),
            _ => true,
        };
        public.extend(venue.collateral_rates().into_iter().filter(tells));
        now
    }

    /// What the venue does about a public fact.
    fn react(&mut self, venue: &mut SimVenue, event: &Event, now: WallTime) {
        match event {
            Event::Quote { instrument, quote } => {
                venue.on_quote(*instrument, quote.bid, quote.ask, now);
            }
            Event::Mark { instrument, mark, .. } => {
                venue.on_mark(*instrument, *mark, (*mark, *mark), (now, now));
            }
            Event::Settled { instrument, settlement } => {
                if let Some(mark) = venue.accounts().position(*instrument).mark {
                    let source = crate::port::event::MarkSource::Mark;
                    venue.settle(*instrument, settlement.funding, (settlement.stamp, now), (mark, source));
                }
            }
            Event::VenueHealth { venue: id, reachable, .. } => {
                venue.set_down(*id, !reachable);
                if let Some(down) = self.down.get_mut(id.index()) {
                    *down = !reachable;
                }
            }
            _ => {}
        }
    }

    /// During an outage a venue shows nothing but its settlements, which everybody learns afterwards. Nothing is shown of what no
    /// pair is traded of.
    fn shows(&self, venue: &SimVenue, event: &Event) -> bool {
        let catalogue = venue.catalogue();
        let instrument = match event {
            Event::VenueHealth { venue, .. } => {
                let mut legs = catalogue.pairs().iter().flat_map(|pair| Leg::BOTH.map(|leg| pair.venue(leg)));
                return legs.any(|id| id == *venue);
            }
            Event::Quote { instrument, .. }
            | Event::Mark { instrument, .. }
            | Event::FundingEstimate { instrument, .. }
            | Event::OpenInterest { instrument, .. } => *instrument,
            _ => return true,
        };
        if catalogue.legs_of(instrument).is_empty() {
            return false;
        }
        let id = catalogue.instrument(instrument).map(|one| one.venue_id.index());
        !id.and_then(|id| self.down.get(id)).copied().unwrap_or(false)
    }

    /// Keeps what the windows of a restarted bot are refilled from.
    fn keep(&mut self, now: WallTime, event: &Event) {
        if self.file.is_none() {
            return;
        }
        let keep = match event {
            Event::Settled { .. } | Event::OpenInterest { .. } | Event::Peg { .. } => true,
            Event::Quote { instrument, .. } => {
                let hour = now.0.div_euclid(Span::HOUR.0);
                let known = self.kept.get_mut(instrument.index());
                known.is_some_and(|known| std::mem::replace(known, hour) != hour)
            }
            _ => false,
        };
        if keep {
            self.fresh.push((now, event.clone()));
        }
    }

    /// Puts the venue on disk if its books changed.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn commit(&mut self, venue: &mut SimVenue, now: WallTime) -> Result<(), JournalError> {
        if !venue.take_changed() {
            return Ok(());
        }
        let trades = venue.take_trades();
        if self.file.is_none() {
            return Ok(());
        }
        let failed = |error: serde_json::Error| JournalError(error.to_string());
        let mut rows = Vec::with_capacity(trades.len());
        for trade in trades {
            rows.push((trade.fill.at, serde_json::to_string(&trade).map_err(failed)?));
        }
        let batch = VenueBatch {
            venue: serde_json::to_string(venue).map_err(failed)?,
            market: Some(self.saved().map_err(failed)?),
            clock: now,
            trades: rows,
            history: std::mem::take(&mut self.fresh),
        };
        let Some(file) = &mut self.file else { return Ok(()) };
        Ok(file.commit(&batch)?)
    }

    /// Gives the venue the present books of every pair that is or may be traded.
    pub fn show_books(&self, venue: &mut SimVenue, state: &State) {
        for pair in &state.pairs {
            if pair.at_rest && !venue.waits(pair.pair.id) {
                continue;
            }
            for instrument in [pair.pair.long, pair.pair.short] {
                let ladder = self.generator.book(instrument);
                venue.set_liquidity(instrument, Liquidity::Book { bids: ladder.bids, asks: ladder.asks });
            }
        }
    }
}

/// From so many days on a session has no end: a century.
const FOREVER_DAYS: i64 = 36_500;

/// A paper session on the generated market.
pub struct Paper<J> {
    /// Core, venue and journal.
    pub driver: Driver<J>,
    /// Market and the venue's file.
    pub market: SimMarket,
    public: Vec<Event>,
    end: WallTime,
    shown: WallTime,
}

impl<J: Journal> Paper<J> {
    /// A new session: deposits the capital and boots the core.
    ///
    /// # Errors
    /// [`JournalError`] when the first facts are not on disk.
    pub fn start(settings: &Settings, journal: J, market: SimMarket, faults: Faults) -> Result<Self, JournalError> {
        let catalogue = traded(&market.generator, settings);
        let mut venue = SimVenue::new(settings.clone(), catalogue.clone(), faults, false);
        let deposits = wallets(settings, &catalogue);
        for (id, wallet, asset, amount) in &deposits {
            venue.deposit(*id, *wallet, *asset, *amount);
        }
        let collector = Collector::new(catalogue.pairs().len(), true);
        let state = State::new(settings.clone(), catalogue);
        let now = market.generator.now();
        let mut paper = Self {
            driver: Driver::new(state, venue, journal, collector),
            market,
            public: Vec::new(),
            end: now,
            shown: now.floor(Span::HOUR),
        };
        // The venue's books are on disk before the bot's: a bot without a ledger then finds what it does not know.
        paper.market.commit(&mut paper.driver.venue, now)?;
        paper.driver.fact(now, Event::Boot { epoch: 1, salt: salt(settings.sim.seed, 1) }, None)?;
        for (venue, wallet, asset, amount) in deposits {
            paper.driver.fact(now, Event::Opening { venue, wallet, asset, amount }, None)?;
        }
        paper.observe(now);
        Ok(paper)
    }

    /// Goes on with a session that was read back: refills the windows from the venue's history, learns which intents never
    /// left, and decides anew at the same instant.
    ///
    /// # Errors
    /// [`JournalError`] when the first facts of this boot are not on disk.
    pub fn resume(
        mut driver: Driver<J>,
        mut market: SimMarket,
        clocks: (WallTime, WallTime),
        epoch: u32,
        history: &[(WallTime, Event)],
    ) -> Result<Self, JournalError> {
        let (bot, venue) = clocks;
        let now = bot.max(venue);
        let mut public = Vec::new();
        // The venue's clock runs on to the bot's: nothing of ours happens in between, or the venue would have told.
        let mut quotes: Vec<(WallTime, Event)> = history.to_vec();
        while market.generator.now() + Span::MINUTE <= now {
            let at = market.minute(&mut driver.venue, &mut public);
            quotes.extend(public.drain(..).map(|event| (at, event)));
        }
        driver.refill(&quotes, now)?;
        driver.refill(&market.present(), now)?;
        market.commit(&mut driver.venue, now)?;
        let seed = driver.state.settings.sim.seed;
        let mut paper = Self { driver, market, public: Vec::new(), end: now, shown: now.floor(Span::HOUR) };
        paper.driver.fact(now, Event::Boot { epoch: epoch + 1, salt: salt(seed, epoch + 1) }, None)?;
        for verdict in outside(&paper.driver.state) {
            paper.driver.market(now, verdict)?;
            paper.driver.market_events -= 1;
        }
        paper.market.show_books(&mut paper.driver.venue, &paper.driver.state);
        paper.driver.settle_facts(now)?;
        resolve_unsent(&mut paper.driver, now)?;
        paper.driver.rouse(now)?;
        paper.driver.settle(now)?;
        paper.market.commit(&mut paper.driver.venue, now)?;
        // The hour's look at the books is lost when the kill came between it and the next commit.
        let looked = paper.driver.collector.period().map(|(_, last)| last);
        if looked.is_none_or(|last| last < paper.shown) {
            paper.observe(now);
        }
        Ok(paper)
    }

    /// The end of the session.
    pub const fn until(&mut self, end: WallTime) {
        self.end = end;
    }

    /// Plays the next minute, and whatever is due before it; false at the end.
    ///
    /// # Errors
    /// [`JournalError`] when a fact or intent is not on disk.
    pub fn step(&mut self) -> Result<bool, JournalError> {
        let next = self.market.generator.now() + Span::MINUTE;
        if next > self.end {
            return Ok(false);
        }
        while let Some(at) = self.due().filter(|at| *at < next) {
            self.between(at)?;
        }
        let now = self.market.minute(&mut self.driver.venue, &mut self.public);
        self.market.show_books(&mut self.driver.venue, &self.driver.state);
        self.driver.venue.arrivals(now);
        self.market.commit(&mut self.driver.venue, now)?;
        for event in std::mem::take(&mut self.public) {
            self.driver.market(now, event)?;
        }
        self.driver.settle_facts(now)?;
        self.driver.turn(now)?;
        self.driver.wake(now)?;
        self.driver.settle(now)?;
        self.market.commit(&mut self.driver.venue, now)?;
        if now.floor(Span::HOUR) > self.shown {
            self.shown = now.floor(Span::HOUR);
            self.observe(now);
        }
        Ok(true)
    }

    fn due(&self) -> Option<WallTime> {
        [self.driver.venue.next_due(), self.driver.next_wake()].into_iter().flatten().min()
    }

    fn between(&mut self, at: WallTime) -> Result<(), JournalError> {
        let at = at.max(self.driver.state.now);
        self.market.show_books(&mut self.driver.venue, &self.driver.state);
        self.driver.venue.arrivals(at);
        self.market.commit(&mut self.driver.venue, at)?;
        self.driver.settle(at)?;
        self.driver.wake(at)?;
        self.driver.settle(at)?;
        self.market.commit(&mut self.driver.venue, at)
    }

    /// An act of a person, or what one found out about an order: a fact of now, decided on at once.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn operate(&mut self, event: Event) -> Result<(), JournalError> {
        let at = self.now().max(self.driver.state.now);
        self.market.show_books(&mut self.driver.venue, &self.driver.state);
        self.driver.fact(at, event, None)?;
        self.driver.turn(at)?;
        self.driver.settle(at)?;
        self.market.commit(&mut self.driver.venue, at)
    }

    /// Values the books and takes a row of equity.
    pub fn observe(&mut self, now: WallTime) {
        self.driver.observe(now);
    }

    /// Lets what is on its way arrive, without another minute of the market, and values the books for the last time.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn finish(&mut self) -> Result<(), JournalError> {
        let last = self.now() + Span::MINUTE;
        while let Some(at) = self.due().filter(|at| *at < last) {
            self.between(at)?;
        }
        self.driver.state.mark_all();
        let now = self.driver.state.now;
        self.driver.collector.finish(now, &self.driver.state);
        Ok(())
    }

    /// The day that is being played, from 1, and how many there will be; `None` for a session without an end.
    #[must_use]
    pub fn day(&self) -> Option<(i64, i64)> {
        let days = |span: Span| (span.0 + Span::DAY.0 - 1).div_euclid(Span::DAY.0).max(1);
        let all = days(self.end.since(START));
        (all < FOREVER_DAYS).then(|| (days(self.now().since(START)).min(all), all))
    }

    /// Time of the last minute played.
    #[must_use]
    pub fn now(&self) -> WallTime {
        self.market.generator.now()
    }
}

impl Paper<Session> {
    /// The process ends and the run does not: a last look at the books, and all that is not on disk yet.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn rest(&mut self) -> Result<(), JournalError> {
        let last = self.driver.state.now;
        self.observe(last);
        let digest = self.driver.digest();
        let Driver { state, collector, journal, .. } = &mut self.driver;
        journal.rest(&digest, Books { state, collector })
    }
}

impl SimMarket {
    /// The market as it was shown last, each fact at its time.
    fn present(&self) -> Vec<(WallTime, Event)> {
        let mut facts: Vec<_> = self.latest.iter().flatten().cloned().collect();
        for (place, _) in self.down.iter().enumerate().filter(|(_, down)| **down) {
            let venue = VenueId(u8::try_from(place).unwrap_or(u8::MAX));
            facts.push((self.generator.now(), Event::VenueHealth { venue, reachable: false, missing: Vec::new() }));
        }
        facts
    }

    fn remember(&mut self, now: WallTime, event: &Event) {
        let slot = match event {
            Event::Quote { instrument, .. } => instrument.index() * 3,
            Event::Mark { instrument, .. } => instrument.index() * 3 + 1,
            Event::FundingEstimate { instrument, .. } => instrument.index() * 3 + 2,
            _ => return,
        };
        if let Some(slot) = self.latest.get_mut(slot) {
            *slot = Some((now, event.clone()));
        }
    }

    /// What goes on disk of it.
    fn saved(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&(&self.generator, &self.kept, &self.latest))
    }

    /// A market read back from the venue's file.
    ///
    /// # Errors
    /// The text is not a saved market.
    pub fn read_back(text: &str, file: Option<VenueFile>) -> Result<Self, serde_json::Error> {
        let (generator, kept, latest): Saved = serde_json::from_str(text)?;
        Ok(Self { kept, latest, ..Self::new(generator, file) })
    }
}

/// Randomness of a boot, from the seed: a simulated session draws nothing from the machine.
fn salt(seed: u64, epoch: u32) -> u32 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(epoch % 63 + 1) ^ u64::from(epoch);
    u32::try_from(mixed & 0xffff_ffff).unwrap_or(0)
}

/// Intents and transfers that are on disk but that the venue never received, by the venue's own receipt book.
///
/// # Errors
/// [`JournalError`] when a fact is not on disk.
pub fn resolve_unsent<J: Journal>(driver: &mut Driver<J>, now: WallTime) -> Result<(), JournalError> {
    let unsent: Vec<_> = driver
        .state
        .orders
        .live()
        .iter()
        .filter(|order| order.state == crate::orders::OrderState::Recorded)
        .map(|order| (order.intent.id, driver.venue.has_receipt(order.intent.id)))
        .collect();
    for (id, received) in unsent {
        let outcome = if received { Outcome::Accepted } else { Outcome::Absent };
        driver.fact(now, Event::Order(OrderReport { id, outcome }), None)?;
    }
    let moving: Vec<_> = driver.state.venues.iter().filter_map(|venue| venue.moving).collect();
    for transfer in moving {
        if !driver.venue.has_transfer(transfer.id) {
            // It is on our disk and never left: it leaves now.
            driver.venue.transfer(transfer, now);
        }
    }
    Ok(())
}
