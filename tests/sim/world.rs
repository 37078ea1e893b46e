//! One simulated world: the real core, the simulated venue and the generated market in virtual time, one thread, one seed.
//!
//! Chance of the world's own (outages, deleveraging) comes from the seed too. Every event is followed by all checks.

use super::checks::{Checker, Violation};
use super::recorder::Recorder;
use carry::config::Settings;
use carry::config::settings::{Style, When};
use carry::domain::{
    Amount, Bps, FundingRate, InstrumentId, Interval, PairId, Price, Rate, Side, Span, VenueId, WallTime,
};
use carry::engine::State;
use carry::port::Event;
use carry::port::event::{MarkSource, Operator};
use carry::run::Driver;
use carry::run::collect::Collector;
use carry::run::wallets::wallets;
use carry::sim::generator::MarketEvent;
use carry::sim::matching::Liquidity;
use carry::sim::{Faults, Generator, SimVenue};
use carry::store::JournalError;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// 2025-06-01T07:30:00Z: half an hour before all perps settle.
const START: WallTime = WallTime(1_748_736_000_000 + 7 * 3_600_000 + 1_800_000);

/// What else may go wrong in a world, in thousandths per minute.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chaos {
    /// A share of a short is deleveraged.
    pub adl: u32,
    /// A venue goes dark for two to four minutes.
    pub outage: u32,
}

/// The world.
pub struct World {
    /// Core and venue.
    pub driver: Driver<Recorder>,
    /// The checks with what they remember.
    pub checks: Checker,
    /// All prices are multiplied by this: a rally that the generator would not give.
    pub scale: f64,
    /// What the world does by itself.
    pub chaos: Chaos,
    generator: Generator,
    rng: ChaCha8Rng,
    marks: Vec<Option<Price>>,
    shown: Vec<bool>,
    dark_until: Vec<WallTime>,
}

/// Settings under which the bot trades all the time: any funding enters, any funding leaves, holds are short, caps bind.
pub fn settings(seed: u64) -> Settings {
    let percent = |points: i64| Rate::from_units(points * 10_000_000_000_000_000);
    let per_8h = |percent_bp: i64| FundingRate {
        rate: Rate::from_units(percent_bp * 100_000_000_000_000),
        interval: Interval::H8,
    };
    let mut settings = Settings::default();
    settings.strategy.rule = carry::config::settings::Rule::Anchor;
    settings.sim.seed = seed;
    settings.run.capital = Amount::whole(200_000);
    settings.signal.smooth = Span::ZERO;
    (settings.entry.funding, settings.entry.cooldown) = (per_8h(-50), Span::seconds(180));
    (settings.exit.when, settings.exit.funding) = (When::Any, per_8h(50));
    settings.exit.min_hold = Span::seconds(600);
    settings.size.per_pair = percent(10);
    settings.size.depth_share = percent(100);
    settings.size.leverage = percent(if seed & 2 == 0 { 100 } else { 200 });
    settings.gates.guard = Span::ZERO;
    settings.gates.max_age = Span::seconds(150);
    settings.gates.peg = Bps::whole(10_000);
    settings.gates.min_depth = Amount::ZERO;
    settings.gates.mark_divergence = Bps::whole(10_000);
    settings.gates.adl_rank = 4;
    settings.execution.clip = Amount::whole(4_000);
    settings.execution.style = if seed & 1 == 0 { Style::Taker } else { Style::Maker };
    settings.execution.maker_deadline = Span::seconds(150);
    settings.risk.max_pair = Amount::whole(15_000);
    settings.risk.max_total = Amount::whole(45_000);
    settings.risk.daily_loss = percent(100);
    settings.risk.orders_per_minute = 600;
    settings.sim.transfer_delay = Span::seconds(30);
    settings
}

impl World {
    /// A world at its start: money deposited, core booted.
    pub fn new(seed: u64, settings: Settings, faults: Faults, chaos: Chaos) -> Result<Self, Violation> {
        let generator = Generator::new(seed, START);
        let catalogue = generator.catalogue().clone();
        let (pairs, venues) = (catalogue.pairs().len(), catalogue.venues().len());
        let venue = SimVenue::new(settings.clone(), catalogue.clone(), faults, false);
        let deposits = wallets(&settings, &catalogue);
        let state = State::new(settings, catalogue);
        let checks = Checker::new(&state);
        let mut world = Self {
            driver: Driver::new(state, venue, Recorder::default(), Collector::new(pairs, false)),
            checks,
            scale: 1.0,
            chaos,
            generator,
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0xc4a0_5eed),
            marks: vec![None; pairs],
            shown: vec![false; pairs * 2],
            dark_until: vec![WallTime(i64::MIN); venues],
        };
        let salt = u32::try_from(seed & 0xffff_ffff).unwrap_or(0);
        world.fact(START, Event::Boot { epoch: 1, salt }, None)?;
        for (venue, wallet, asset, amount) in deposits {
            world.driver.venue.deposit(venue, wallet, asset, amount);
            world.fact(START, Event::Opening { venue, wallet, asset, amount }, None)?;
        }
        Ok(world)
    }

    /// Now, to the minute.
    pub fn now(&self) -> WallTime {
        self.generator.now()
    }

    /// Plays so many minutes.
    pub fn minutes(&mut self, count: u32) -> Result<(), Violation> {
        (0..count).try_for_each(|_| self.minute())
    }

    /// Everything that is due before the next minute, then the minute.
    pub fn minute(&mut self) -> Result<(), Violation> {
        let next = self.generator.now() + Span::MINUTE;
        while let Some(at) = self.due().filter(|at| *at < next) {
            self.between(at.max(self.driver.state.now))?;
        }
        let mut events = Vec::new();
        self.generator.step(&mut events);
        self.shown.iter_mut().for_each(|shown| *shown = false);
        self.lights(next)?;
        for (_, event) in events {
            match event {
                MarketEvent::Adl { instrument, share, price } => {
                    self.deleverage(instrument, share, self.scaled(instrument, price));
                }
                MarketEvent::Public(event) => self.public(next, event)?,
            }
        }
        self.misfortune();
        self.between(next)?;
        self.turn(next)?;
        self.settle(next)?;
        self.checks.minute(&self.driver)
    }

    fn due(&self) -> Option<WallTime> {
        [self.driver.venue.next_due(), self.driver.next_wake()].into_iter().flatten().min()
    }

    fn between(&mut self, at: WallTime) -> Result<(), Violation> {
        self.settle(at)?;
        self.driver.wake(at).map_err(stuck)?;
        self.check()?;
        self.settle(at)
    }

    /// As `Driver::settle`, with a look after every event.
    fn settle(&mut self, at: WallTime) -> Result<(), Violation> {
        for _ in 0..1_000 {
            self.show_books();
            self.driver.venue.arrivals(at);
            let mut delivered = false;
            while let Some((number, event)) = self.driver.venue.deliver(at) {
                self.fact(at, event, Some(number))?;
                delivered = true;
            }
            if !delivered {
                return Ok(());
            }
            self.turn(at)?;
        }
        Err(Violation(format!("A24: more than 1000 rounds at {at}")))
    }

    fn fact(&mut self, at: WallTime, event: Event, number: Option<u64>) -> Result<(), Violation> {
        self.driver.fact(at, event, number).map_err(stuck)?;
        self.check()
    }

    fn turn(&mut self, at: WallTime) -> Result<(), Violation> {
        self.driver.turn(at).map_err(stuck)?;
        self.check()
    }

    fn check(&mut self) -> Result<(), Violation> {
        self.checks.after(&mut self.driver)
    }

    /// An act of the operator.
    pub fn operate(&mut self, act: Operator) -> Result<(), Violation> {
        let now = self.driver.state.now.max(self.now());
        self.fact(now, Event::Operator(act), None)
    }

    /// What everybody is told, and what the venue does about it.
    fn public(&mut self, at: WallTime, event: Event) -> Result<(), Violation> {
        let event = self.rescale(event);
        let venue = &mut self.driver.venue;
        match &event {
            Event::Quote { instrument, quote } => venue.on_quote(*instrument, quote.bid, quote.ask, at),
            Event::Mark { instrument, mark, .. } => {
                let Some(pair) = venue.catalogue().pair_of(*instrument) else { return Ok(()) };
                self.marks[pair.index()] = Some(*mark);
                venue.on_mark(*instrument, *mark, (*mark, *mark), (at, at));
            }
            Event::Settled { instrument, settlement } => {
                let pair = venue.catalogue().pair_of(*instrument);
                if let Some(mark) = pair.and_then(|pair| self.marks[pair.index()]) {
                    venue.settle(*instrument, settlement.funding, (settlement.stamp, at), (mark, MarkSource::Funding));
                }
            }
            Event::VenueHealth { venue: id, reachable, .. } => venue.set_down(*id, !reachable),
            _ => {}
        }
        if self.hidden(&event) {
            return self.check();
        }
        self.driver.market(at, event).map_err(stuck)?;
        self.check()
    }

    /// A dark venue shows no prices.
    fn hidden(&self, event: &Event) -> bool {
        let (Event::Quote { instrument, .. }
        | Event::Mark { instrument, .. }
        | Event::FundingEstimate { instrument, .. }) = event
        else {
            return false;
        };
        let id = self.generator.catalogue().instrument(*instrument).map(|one| one.venue_id);
        id.is_some_and(|id| self.dark_until[id.index()] > self.generator.now())
    }

    /// Books of everything that has an order on its way, as they stand in this minute.
    fn show_books(&mut self) {
        let orders = self.driver.state.orders.live().iter();
        let wanted: Vec<InstrumentId> =
            orders.map(|order| order.intent.instrument).filter(|one| !self.shown[one.index()]).collect();
        for instrument in wanted {
            self.shown[instrument.index()] = true;
            let ladder = self.generator.book(instrument);
            let scaled = |levels: Vec<(Price, _)>| {
                levels.into_iter().map(|(price, size)| (self.scaled(instrument, price), size)).collect()
            };
            let book = Liquidity::Book { bids: scaled(ladder.bids), asks: scaled(ladder.asks) };
            self.driver.venue.set_liquidity(instrument, book);
        }
    }

    /// Outages of the world's own making begin and end.
    fn lights(&mut self, at: WallTime) -> Result<(), Violation> {
        for place in 0..self.dark_until.len() {
            let id = VenueId(u8::try_from(place).unwrap_or(0));
            let dark = self.dark_until[place];
            if dark == at {
                self.driver.venue.set_down(id, false);
                self.driver
                    .market(at, Event::VenueHealth { venue: id, reachable: true, missing: Vec::new() })
                    .map_err(stuck)?;
            } else if dark < at && self.generator.reachable(id) && self.chance(self.chaos.outage) {
                let minutes = 2 + i64::from(self.rng.next_u32() % 3);
                self.dark_until[place] = at + Span(Span::MINUTE.0 * minutes);
                self.driver.venue.set_down(id, true);
                self.driver
                    .market(at, Event::VenueHealth { venue: id, reachable: false, missing: Vec::new() })
                    .map_err(stuck)?;
            }
        }
        self.check()
    }

    fn misfortune(&mut self) {
        if !self.chance(self.chaos.adl) {
            return;
        }
        let shorts: Vec<PairId> = self
            .driver
            .state
            .pairs
            .iter()
            .filter(|pair| !self.driver.venue.accounts().position(pair.pair.short).coins.is_zero())
            .map(|pair| pair.pair.id)
            .collect();
        let Some(id) = shorts.get(self.rng.next_u32() as usize % shorts.len().max(1)) else { return };
        let (share, mark) = (
            Rate::from_units(i64::from(1 + self.rng.next_u32() % 10) * 100_000_000_000_000_000),
            self.marks[id.index()],
        );
        if let Some(price) = mark {
            self.deleverage(InstrumentId(id.0 * 2 + 1), share, price);
        }
    }

    /// The venue closes a share of our short.
    pub fn deleverage(&mut self, instrument: InstrumentId, share: Rate, price: Price) {
        let now = self.generator.now();
        let tick = self.generator.catalogue().instrument(instrument).map(|one| one.rules.tick);
        let price = tick.map_or(price, |tick| price.on_tick(tick, Side::Buy));
        self.driver.venue.deleverage(instrument, share, price, now);
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.next_u32() % 1000 < thousandths
    }

    fn scaled(&self, instrument: InstrumentId, price: Price) -> Price {
        if self.scale == 1.0 {
            return price;
        }
        let tick = self.generator.catalogue().instrument(instrument).map(|one| one.rules.tick);
        let moved = Price::parse(&format!("{:.8}", price.to_f64() * self.scale)).unwrap_or(price);
        tick.map_or(moved, |tick| moved.on_tick(tick, Side::Buy))
    }

    fn rescale(&self, event: Event) -> Event {
        match event {
            Event::Quote { instrument, mut quote } => {
                (quote.bid, quote.ask) = (self.scaled(instrument, quote.bid), self.scaled(instrument, quote.ask));
                Event::Quote { instrument, quote }
            }
            Event::Mark { instrument, mark, index } => {
                Event::Mark { instrument, mark: self.scaled(instrument, mark), index: self.scaled(instrument, index) }
            }
            other => other,
        }
    }

    /// No more faults and no more misfortune: what is left must come to rest.
    pub fn calm(&mut self) {
        self.driver.venue.faults_mut().stop();
        self.chaos = Chaos::default();
    }

    /// Whether every venue can be reached.
    pub fn is_lit(&self) -> bool {
        self.driver.state.venues.iter().all(|venue| !venue.down)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn stuck(error: JournalError) -> Violation {
    Violation(format!("A24: {error}"))
}
