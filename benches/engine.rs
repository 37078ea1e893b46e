//! The core under load: single steps, a booking, a year of minutes beside two loops that do the same work, and the choice
//! of numbers. Run: `cargo bench --bench engine`; the ratios are printed last. `CARRY_BENCH_DATA` names a folder of history.
#![expect(missing_docs, reason = "criterion's macros make undocumented functions")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a bench is a program for a person"
)]

mod market;

use carry::data::history::PairHistory;
use carry::domain::fees::Role;
use carry::domain::{
    Amount, Asset, FillId, FundingRate, InstrumentId, Interval, Leg, Price, Quantity, Rate, Sequence, Side, Span,
    WallTime,
};
use carry::engine::{State, step};
use carry::ledger::book::Cause;
use carry::ledger::{BookedFill, Ledger};
use carry::port::event::{Bar, Quote, Settlement};
use carry::port::order::Fill;
use carry::port::{Command, Event, Stamped};
use carry::run::backtest::{Inputs, run};
use carry::run::journal::NoJournal;
use criterion::{Criterion, criterion_group};
use rust_decimal::{Decimal, RoundingStrategy};
use std::hint::black_box;
use std::time::Instant;

const SPOT: InstrumentId = InstrumentId(0);
const PERP: InstrumentId = InstrumentId(1);

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

/// A booted core with one settlement that is too low to trade on: the usual state.
struct Core {
    state: State,
    out: Vec<Command>,
    now: i64,
}

impl Core {
    fn new() -> Self {
        let state = State::new(market::settings("benches/crosscheck.toml"), market::catalogue("GEN"));
        let mut core = Self { state, out: Vec::new(), now: 1_700_000_000_000 };
        core.feed(Event::Boot { epoch: 1, salt: 1 });
        let funding = FundingRate { rate: Rate::parse("0.00005").unwrap(), interval: Interval::H8 };
        core.feed(Event::Settled { instrument: PERP, settlement: Settlement { stamp: WallTime(core.now), funding } });
        core
    }

    fn feed(&mut self, event: Event) {
        let sequence = Sequence(self.state.sequence.0 + 1);
        let stamped = Stamped { sequence, at: WallTime(self.now), event };
        step(&mut self.state, black_box(&stamped), &mut self.out);
    }

    fn bars(&mut self) {
        let opened = WallTime(self.now);
        self.now += 60_000;
        for (instrument, close) in [(SPOT, price("61800.2")), (PERP, price("61810.3"))] {
            let volume = Quantity::saturating(1_234_567_890);
            self.feed(Event::Bar {
                instrument,
                bar: Bar { opened, open: close, high: close, low: close, close, volume },
            });
        }
        self.feed(Event::Turn);
    }

    fn quote(&mut self) {
        self.now += 10;
        let depth = Quantity::saturating(250_700_000);
        let venue_time = WallTime(self.now);
        let quote =
            Quote { bid: price("61810.2"), ask: price("61810.3"), bid_depth: depth, ask_depth: depth, venue_time };
        self.feed(Event::Quote { instrument: PERP, quote });
        self.feed(Event::Turn);
    }
}

/// A position opened and closed: four fills.
fn round_trip(ledger: &mut Ledger, catalogue: &carry::domain::Catalogue, number: &mut u64) -> Amount {
    let pair = catalogue.pairs().first().unwrap();
    let mids = (price("61800.2"), price("61810.3"));
    let usdt = Asset::new("USDT").unwrap();
    for (leg, side) in
        [(Leg::Long, Side::Buy), (Leg::Short, Side::Sell), (Leg::Short, Side::Buy), (Leg::Long, Side::Sell)]
    {
        *number += 1;
        let at = WallTime(1_700_000_000_000);
        let price = if leg == Leg::Long { mids.0 } else { mids.1 };
        let fill = Fill {
            id: FillId(*number),
            quantity: Quantity::saturating(100_000_000),
            price,
            fee: Amount::whole(31),
            fee_asset: usdt,
            role: Role::Taker,
            at,
        };
        ledger.fill(Cause { sequence: Sequence(*number), at }, &BookedFill { pair, leg, side, fill: &fill, mids });
    }
    black_box(ledger.drain());
    ledger.equity(usdt)
}

/// What a booking computes, on exact integers: value, fee rounded to 1e-8, cash, and the value at a mark.
fn exact(fills: &[(i64, i64, i64)]) -> Amount {
    let rate = Rate::parse("0.0005").unwrap();
    let (mut cash, mut held) = (Amount::ZERO, Quantity::ZERO);
    let mut last = price("1");
    for (units, coins, _) in fills {
        let (price, quantity) = (Price::from_units(*units).unwrap(), Quantity::from_units(*coins).unwrap());
        let value = price.times(quantity);
        cash -= value + value.times_rate(rate);
        held += quantity;
        last = price;
    }
    cash + last.times(held)
}

/// The same on `rust_decimal`.
fn decimal(fills: &[(Decimal, Decimal)]) -> Decimal {
    let rate = Decimal::new(5, 4);
    let (mut cash, mut held, mut last) = (Decimal::ZERO, Decimal::ZERO, Decimal::ONE);
    for (price, quantity) in fills {
        let value = price * quantity;
        cash -= value + (value * rate).round_dp_with_strategy(8, RoundingStrategy::MidpointNearestEven);
        held += quantity;
        last = *price;
    }
    cash + last * held
}

type Fills = (Vec<(i64, i64, i64)>, Vec<(Decimal, Decimal)>);

fn fills() -> Fills {
    let units = |n: i64| (6_180_020_000_000 + n * 13_000_000, 1_000_000 + n * 1_000, n);
    let whole: Vec<_> = (0..1_000).map(units).collect();
    let decimals = whole.iter().map(|(price, coins, _)| (Decimal::new(*price, 8), Decimal::new(*coins, 8))).collect();
    (whole, decimals)
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    let mut core = Core::new();
    group.bench_function("bars of both legs, then decide", |bencher| bencher.iter(|| core.bars()));
    let mut core = Core::new();
    core.bars();
    group.bench_function("quote, then decide", |bencher| bencher.iter(|| core.quote()));
    group.finish();

    let catalogue = market::catalogue("GEN");
    let mut ledger = Ledger::new(catalogue.pairs());
    let mut number = 0;
    criterion.bench_function("ledger: four fills", |bencher| {
        bencher.iter(|| round_trip(&mut ledger, &catalogue, &mut number));
    });

    let (whole, decimals) = fills();
    assert_eq!(exact(&whole).to_string(), decimal(&decimals).normalize().to_string(), "the same sum");
    let mut group = criterion.benchmark_group("numbers, 1000 bookings");
    group.bench_function("i64 and i128", |bencher| bencher.iter(|| exact(black_box(&whole))));
    group.bench_function("rust_decimal", |bencher| bencher.iter(|| decimal(black_box(&decimals))));
    group.finish();
}

/// What every way of running the year must agree on.
#[derive(Debug, Default, Clone, Copy)]
struct Result {
    trips: u64,
    funding: f64,
}

/// Closes of both legs and the rate settled at each minute.
struct Columns {
    spot: Vec<f64>,
    perp: Vec<f64>,
    settled: Vec<(usize, f64)>,
}

impl Columns {
    fn of(history: &PairHistory) -> Self {
        assert_eq!(history.spot.opened, history.perp.opened, "both legs have every minute");
        let closes = |prices: &[Price]| prices.iter().map(|price| price.to_f64()).collect();
        let place =
            |stamp: WallTime| history.spot.opened.binary_search(&(stamp.floor(Span::MINUTE) - history.step)).unwrap();
        let settled = history.funding.iter().map(|row| (place(row.stamp), row.rate.to_f64())).collect();
        Self { spot: closes(&history.spot.close), perp: closes(&history.perp.close), settled }
    }
}

/// The strategy as tight as it can be written, on doubles.
fn tight(columns: &Columns) -> Result {
    let (mut result, mut rate, mut held) = (Result::default(), 0.0, false);
    let mut due = columns.settled.iter().peekable();
    for (place, (spot, perp)) in columns.spot.iter().zip(&columns.perp).enumerate() {
        if let Some((_, paid)) = due.next_if(|(at, _)| *at == place) {
            rate = *paid;
            if held {
                result.funding += perp * paid;
            }
        }
        if held {
            if rate < 5e-5 || (perp - spot) / spot < -2e-4 {
                held = false;
                result.trips += 1;
            }
        } else if rate > 1e-4 && perp > spot {
            held = true;
        }
    }
    result
}

/// One event of the plain loop.
#[derive(Clone, Copy)]
enum Plain {
    Spot(f64),
    Perp(f64),
    Paid(f64),
    Decide,
}

trait Listens {
    fn on(&mut self, event: Plain, orders: &mut Vec<bool>);
}

#[derive(Default)]
struct Strategy {
    spot: f64,
    perp: f64,
    rate: f64,
    held: bool,
}

impl Listens for Strategy {
    fn on(&mut self, event: Plain, orders: &mut Vec<bool>) {
        match event {
            Plain::Spot(close) => self.spot = close,
            Plain::Perp(close) => self.perp = close,
            Plain::Paid(rate) => self.rate = rate,
            Plain::Decide => {
                let leave = self.rate < 5e-5 || (self.perp - self.spot) / self.spot < -2e-4;
                if self.held && leave || !self.held && self.rate > 1e-4 && self.perp > self.spot {
                    self.held = !self.held;
                    orders.push(self.held);
                }
            }
        }
    }
}

/// The same through events, a strategy behind a trait, and a queue of orders.
fn event_loop(columns: &Columns, strategy: &mut dyn Listens) -> Result {
    let (mut result, mut position, mut orders) = (Result::default(), 0.0, Vec::new());
    let mut due = columns.settled.iter().peekable();
    for (place, (spot, perp)) in columns.spot.iter().zip(&columns.perp).enumerate() {
        strategy.on(Plain::Spot(*spot), &mut orders);
        strategy.on(Plain::Perp(*perp), &mut orders);
        if let Some((_, paid)) = due.next_if(|(at, _)| *at == place) {
            result.funding += position * perp * paid;
            strategy.on(Plain::Paid(*paid), &mut orders);
        }
        strategy.on(Plain::Decide, &mut orders);
        for enter in orders.drain(..) {
            position = if enter { 1.0 } else { 0.0 };
            result.trips += u64::from(!enter);
        }
    }
    result
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A year through the engine and through both loops, in turn.
fn year() {
    let history = market::history();
    let columns = Columns::of(&history);
    let coin = history.name.trim_start_matches("binance:").trim_end_matches("USDT").to_owned();
    let histories = [history];
    let inputs = Inputs {
        settings: market::settings("benches/crosscheck.toml"),
        catalogue: market::catalogue(&coin),
        histories: &histories,
        remarks: Vec::new(),
    };
    let timed = |work: &mut dyn FnMut() -> Result| {
        let start = Instant::now();
        let result = black_box(work());
        (start.elapsed().as_secs_f64(), result)
    };
    let (mut engine, mut plain, mut least) = (Vec::new(), Vec::new(), Vec::new());
    let mut events = 0;
    for _ in 0..15 {
        let (seconds, expected) = timed(&mut || tight(black_box(&columns)));
        least.push(seconds);
        let (seconds, looped) = timed(&mut || event_loop(black_box(&columns), &mut Strategy::default()));
        plain.push(seconds);
        let summary = run(&inputs, NoJournal, true).unwrap().summary;
        engine.push(summary.run_s);
        events = summary.events;
        assert_eq!((expected.trips, looped.trips), (summary.round_trips, summary.round_trips), "the same work");
        assert!((expected.funding - summary.pnl.funding.to_f64()).abs() < 1e-3, "{expected:?} {:?}", summary.pnl);
        assert!((looped.funding - expected.funding).abs() < 1e-6);
    }
    let (engine, plain, least) = (median(engine), median(plain), median(least));
    println!(
        "year of minutes, {events} events: engine {:.1} ms ({:.1} M events/s), event loop {:.2} ms, tight loop {:.2} ms; \
         engine / event loop {:.1}, engine / tight loop {:.1}",
        engine * 1e3,
        events as f64 / engine / 1e6,
        plain * 1e3,
        least * 1e3,
        engine / plain,
        engine / least
    );
}

fn numbers() {
    let (whole, decimals) = fills();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..301 {
        let start = Instant::now();
        black_box(exact(black_box(&whole)));
        ours.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        black_box(decimal(black_box(&decimals)));
        theirs.push(start.elapsed().as_secs_f64());
    }
    let (ours, theirs) = (median(ours) * 1e6, median(theirs) * 1e6);
    println!("a booking: i64 and i128 {ours:.1} ns, rust_decimal {theirs:.1} ns; ratio {:.2}", ours / theirs);
}

criterion_group!(group, benches);

fn main() {
    group();
    Criterion::default().configure_from_args().final_summary();
    println!("\nmedians of interleaved rounds:");
    numbers();
    year();
}
