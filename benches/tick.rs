//! Tick to order: the bytes of a best-quote frame until an order that the gate approved lies in our hands, decode included.
//! Prints p50, p99 and the allocations of each stage. Run: `cargo bench --bench tick`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program for a person"
)]

mod market;

use carry::domain::{FundingRate, InstrumentId, Interval, Leg, Market, Quantity, Rate, Sequence, VenueId, WallTime};
use carry::engine::{State, step};
use carry::port::event::{Settlement, Wallet};
use carry::port::{Command, Event, Stamped};
use carry::venues::binance::feed::{Channel, Feed, FeedInput, FeedOutput};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PERP: InstrumentId = InstrumentId(1);
/// Time between ticks: slow enough for our own limit on orders a minute.
const PAUSE: i64 = 10_000;
const SAMPLES: usize = 50_000;

/// The feed of both legs and the core behind it.
struct Bot {
    state: State,
    wire: Feed,
    outputs: Vec<FeedOutput>,
    commands: Vec<Command>,
    now: i64,
    update: u64,
}

impl Bot {
    fn new() -> Self {
        let catalogue = market::catalogue("BTC");
        let intervals: BTreeMap<_, _> = [(PERP, Interval::H8)].into();
        let wire = Feed::new(VenueId(0), &catalogue, &intervals, &BTreeMap::new(), false);
        let mut bot = Self {
            state: State::new(market::settings("strategies/anchor.toml"), catalogue),
            wire,
            outputs: Vec::with_capacity(16),
            commands: Vec::with_capacity(16),
            now: 1_700_000_000_000,
            update: 1,
        };
        bot.feed(Event::Boot { epoch: 1, salt: 1 });
        let capital = bot.state.settings.run.capital;
        let pair = bot.state.catalogue.pairs().first().unwrap().clone();
        for wallet in [Wallet::Spot, Wallet::Perp] {
            bot.feed(Event::Opening {
                venue: pair.venue(Leg::Short),
                wallet,
                asset: pair.quote(Leg::Short),
                amount: capital,
            });
        }
        let funding = FundingRate { rate: Rate::parse("0.0005").unwrap(), interval: Interval::H8 };
        for _ in 0..90 {
            bot.now += 8 * 3_600_000;
            let settlement = Settlement { stamp: WallTime(bot.now), funding };
            bot.feed(Event::Settled { instrument: PERP, settlement });
        }
        bot.now += 3_600_000;
        bot
    }

    fn feed(&mut self, event: Event) {
        let sequence = Sequence(self.state.sequence.0 + 1);
        let stamped = Stamped { sequence, at: WallTime(self.now), event };
        step(&mut self.state, &stamped, &mut self.commands);
    }

    /// The frame of a leg's next best quote.
    fn frame(&mut self, market: Market, text: &mut String) {
        use std::fmt::Write as _;
        self.update += 1;
        let cents = self.update % 90 + 10;
        text.clear();
        let (update, time) = (self.update, self.now);
        match market {
            Market::Spot => write!(
                text,
                r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{update},"s":"BTCUSDT","b":"61800.{cents}000000","B":"25.50700000","a":"61801.{cents}000000","A":"25.51000000"}}}}"#
            ),
            Market::Perp => write!(
                text,
                r#"{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"BTCUSDT","b":"61850.{cents}","B":"25.507","a":"61851.{cents}","A":"25.510","T":{time},"E":{time}}}}}"#
            ),
        }
        .unwrap();
    }

    /// Frame to decoded event.
    fn decode(&mut self, market: Market, frame: &[u8]) {
        let channel = Channel { market, place: 0 };
        self.wire.handle(FeedInput::Frame(channel, frame), WallTime(self.now), &mut self.outputs);
    }

    /// Decoded event into the core, and what it decides.
    fn decide(&mut self) {
        while let Some(output) = self.outputs.pop() {
            if let FeedOutput::Fact(event) = output {
                self.feed(event);
            }
        }
        self.feed(Event::Turn);
    }

    /// Whether an approved order was made; takes it back, so that the next tick can make one again.
    fn undo(&mut self) -> bool {
        let mut made = false;
        for command in std::mem::take(&mut self.commands) {
            if let Command::Record(intent) = command {
                self.state.orders.withdraw(intent.id);
                made = true;
            }
        }
        self.commands = Vec::with_capacity(16);
        // As the driver does after each turn.
        self.state.records.clear();
        let pair = self.state.pairs.first_mut().unwrap();
        pair.memory.target = Quantity::ZERO;
        pair.at_rest = true;
        pair.dirty = false;
        made
    }
}

fn percentile(times: &mut [u64], share: usize) -> u64 {
    times.sort_unstable();
    times.get(times.len() * share / 1000).copied().unwrap_or_default()
}

/// Allocations and growths since a region began.
fn count(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.allocations + change.reallocations
}

fn main() {
    let region = Region::new(ALLOCATOR);
    black_box(Vec::<u8>::with_capacity(1));
    assert_eq!(count(&region), 1, "the counter counts");
    let mut bot = Bot::new();
    let (mut spot, mut perp) = (String::new(), String::new());
    let (mut whole, mut decoding, mut timer) = (Vec::new(), Vec::new(), Vec::new());
    let (mut allocated, mut allocated_decoding, mut orders) = (0, 0, 0);
    for sample in 0..SAMPLES + 1_000 {
        bot.now += PAUSE;
        bot.frame(Market::Spot, &mut spot);
        bot.frame(Market::Perp, &mut perp);
        bot.decode(Market::Spot, spot.as_bytes());
        while let Some(output) = bot.outputs.pop() {
            if let FeedOutput::Fact(event) = output {
                bot.feed(event);
            }
        }
        let region = Region::new(ALLOCATOR);
        let start = Instant::now();
        bot.decode(Market::Perp, black_box(perp.as_bytes()));
        let decoded = start.elapsed();
        let in_decode = count(&region);
        let middle = Instant::now();
        bot.decide();
        let decided = middle.elapsed();
        let in_all = count(&region);
        let empty = Instant::now().elapsed();
        let made = bot.undo();
        assert!(made, "no order: {:?} {:?}", bot.state.refusals, bot.state.pairs.first().and_then(|p| p.refusal));
        if sample >= 1_000 {
            orders += 1;
            let ns = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap();
            whole.push(ns(decoded) + ns(decided));
            decoding.push(ns(decoded));
            timer.push(ns(empty));
            allocated += in_all;
            allocated_decoding += in_decode;
        }
    }
    println!(
        "tick to approved order, {orders} orders: p50 {} ns, p99 {} ns, p99.9 {} ns (two clock readings, {} ns each, included)",
        percentile(&mut whole, 500),
        percentile(&mut whole, 990),
        percentile(&mut whole, 999),
        percentile(&mut timer, 500)
    );
    println!("  of that decode: p50 {} ns, p99 {} ns", percentile(&mut decoding, 500), percentile(&mut decoding, 990));
    println!("allocations over all {orders} orders: {allocated} in all, {allocated_decoding} in decode");
}
