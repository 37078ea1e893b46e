//! The generated market: exactness and reproducibility here; statistics, shocks and what trading it earns in the folder.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic")]

use carry::domain::funding::{PremiumAverage, premium_sample};
use carry::domain::{InstrumentId, Interval, Market, Price, Quantity, Span, WallTime};
use carry::port::Event;
use carry::port::event::Quote;
use carry::sim::generator::{Generator, MarketEvent};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[path = "generator/carry.rs"]
mod carries;
#[path = "generator/shocks.rs"]
mod shocks;
#[path = "generator/statistics.rs"]
mod statistics;

/// 2025-07-01T00:00:00Z, the beginning of a quarter.
const START: WallTime = WallTime(1_751_328_000_000);
const DAY: u64 = 1_440;

/// Every event of so many minutes of a seed.
fn watch(seed: u64, minutes: u64, mut see: impl FnMut(&Generator, WallTime, &MarketEvent)) {
    let mut market = Generator::new(seed, START);
    let mut out = Vec::new();
    for _ in 0..minutes {
        out.clear();
        market.step(&mut out);
        for (at, event) in &out {
            see(&market, *at, event);
        }
    }
}

/// SHA-256 of the events of every `every`-th of so many minutes, as JSON.
fn digest(seed: u64, minutes: u64, every: i64) -> String {
    let mut hash = Sha256::new();
    watch(seed, minutes, |_, at, event| {
        if at.since(START).0 % (every * Span::MINUTE.0) == 0 {
            hash.update(at.0.to_le_bytes());
            hash.update(serde_json::to_vec(event).unwrap());
        }
    });
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn a_seed_gives_the_same_market_on_every_platform() {
    // When a change of the model is meant, these constants change with it and the change log says so.
    let three_days = "30ce4887305b29467ff3d81a2b64fd0ff6d4373f360a13924a335913239c4122";
    assert_eq!(digest(1, 3 * DAY, 1), three_days);
    assert_ne!(digest(2, 3 * DAY, 1), three_days);
    // The month holds all shocks; every hour of it is enough to notice a difference, which never heals.
    assert_eq!(digest(1, 31 * DAY, 60), "7466433dc5e8ddb9ceeb366907476c978cbfc410756236d9b1611096479f8d85");
}

#[test]
fn a_saved_market_goes_on_identically() {
    for (seed, cut) in [(1, 1_u64), (2, 777), (3, 12_345), (4, 43_199), (5, 43_200), (6, 50_001)] {
        let mut market = Generator::new(seed, START);
        let mut out = Vec::new();
        for _ in 0..cut {
            out.clear();
            market.step(&mut out);
        }
        let text = serde_json::to_string(&market).unwrap();
        let mut resumed: Generator = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&resumed).unwrap(), text);
        assert_eq!(resumed.now(), market.now());
        assert_eq!(resumed.catalogue(), market.catalogue());
        for _ in 0..2_000 {
            let mut again = Vec::new();
            out.clear();
            market.step(&mut out);
            resumed.step(&mut again);
            assert_eq!(out, again, "seed {seed} cut at {cut}");
        }
        for instrument in market.catalogue().instruments() {
            assert_eq!(market.book(instrument.id), resumed.book(instrument.id));
        }
    }
}

#[test]
fn events_survive_json() {
    watch(1, 10, |_, _, event| {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<MarketEvent>(&text).unwrap(), event, "{text}");
    });
}

#[test]
fn years_keep_sensible_prices() {
    (1..=2_u64).into_par_iter().for_each(|seed| {
        watch(seed, 730 * DAY, |market, _, event| {
            if let MarketEvent::Public(Event::Mark { instrument, mark, index }) = event {
                let tick = market.catalogue().instrument(*instrument).unwrap().rules.tick;
                assert!(index.units() > 1_000 * tick.units(), "seed {seed}: {index} is too coarse for its tick");
                assert!(mark.distance_bps(*index).to_f64() < 0.15);
            }
        });
    });
}

#[test]
fn x02_a_damaged_state_is_refused() {
    let text = serde_json::to_string(&Generator::new(1, START)).unwrap();
    let infinite = f64::INFINITY.to_bits();
    let place = text.find("\"level\":").unwrap() + "\"level\":".len();
    let end = place + text[place..].find(',').unwrap();
    let damaged = format!("{}{infinite}{}", &text[..place], &text[end..]);
    let refused = serde_json::from_str::<Generator>(&damaged).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("finite"), "{refused}");
}

#[test]
fn quotes_are_on_tick_and_books_agree_with_them() {
    for seed in 1..=3 {
        let mut quotes: BTreeMap<InstrumentId, Quote> = BTreeMap::new();
        let mut market = Generator::new(seed, START);
        let mut out = Vec::new();
        let mut before = START;
        for minute in 0..30 * DAY {
            out.clear();
            market.step(&mut out);
            assert_eq!(market.now(), before + Span::MINUTE);
            before = market.now();
            for (at, event) in &out {
                assert_eq!(*at, market.now());
                if let MarketEvent::Public(Event::Quote { instrument, quote }) = event {
                    let leg = market.catalogue().instrument(*instrument).unwrap();
                    assert!(quote.bid < quote.ask, "{quote:?}");
                    for price in [quote.bid, quote.ask] {
                        assert_eq!(price.units() % leg.rules.tick.units(), 0);
                    }
                    for depth in [quote.bid_depth, quote.ask_depth] {
                        assert!(depth >= leg.rules.step && depth.floor_to(leg.rules.step) == depth);
                    }
                    assert_eq!(quote.venue_time, market.now());
                    assert!(market.reachable(leg.venue_id));
                    quotes.insert(*instrument, *quote);
                }
            }
            if minute % 997 == 0 {
                check_books(&market, &quotes);
            }
        }
    }
}

fn check_books(market: &Generator, quotes: &BTreeMap<InstrumentId, Quote>) {
    for leg in market.catalogue().instruments().iter().filter(|leg| market.reachable(leg.venue_id)) {
        let (book, quote) = (market.book(leg.id), quotes[&leg.id]);
        assert!(book.bids.windows(2).all(|pair| pair[0].0 > pair[1].0));
        assert!(book.asks.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (levels, best, depth) in
            [(&book.bids, quote.bid, quote.bid_depth), (&book.asks, quote.ask, quote.ask_depth)]
        {
            assert_eq!(levels.first().map(|level| level.0), Some(best));
            assert!(levels.len() >= 18, "{}", levels.len());
            let near = |price: Price| (price.to_f64() / best.to_f64() - 1.0).abs() <= 0.001;
            let inside = levels.iter().filter(|level| near(level.0)).fold(Quantity::ZERO, |sum, level| sum + level.1);
            assert_eq!(inside, depth, "{} {levels:?}", leg.symbol);
            assert!(levels.iter().all(|(price, size)| {
                !size.is_zero() && price.units() % leg.rules.tick.units() == 0 && size.floor_to(leg.rules.step) == *size
            }));
        }
    }
    assert!(market.book(InstrumentId(999)).bids.is_empty());
}

/// What a test knows of one perp while it recomputes its funding.
#[derive(Clone)]
struct Recomputed {
    average: PremiumAverage,
    interval: Interval,
    settled: WallTime,
    next: Option<WallTime>,
    perp: Option<Quote>,
    checked: usize,
    changed: bool,
}

impl Recomputed {
    /// Takes one event of this perp in the order in which they are published.
    fn see(&mut self, market: &Generator, at: WallTime, event: &Event) {
        match event {
            Event::Quote { quote, .. } => self.perp = Some(*quote),
            Event::Mark { instrument, index, mark } => {
                // The settlement of this minute comes before its sample: remember the index with the quote.
                let leg = market.catalogue().instrument(*instrument).unwrap();
                let Some(quote) = self.perp.filter(|quote| quote.venue_time == at) else { return };
                assert!(mark.distance_bps(Price::mid(quote.bid, quote.ask)).to_f64() < 0.05, "{} {mark}", leg.symbol);
                if at != at.floor(self.interval.span()) {
                    self.average.push(premium_sample(quote.bid, quote.ask, *index));
                }
            }
            Event::Settled { instrument, settlement } => {
                assert_eq!(settlement.stamp, at);
                assert_eq!(settlement.funding.interval, self.interval);
                if self.next.is_some() {
                    assert_eq!(Some(at), self.next, "as the estimate announced");
                    assert_eq!(at.since(self.settled), self.interval.span());
                }
                let leg = market.catalogue().instrument(*instrument).unwrap();
                if self.average.count() == self.interval.hours() * 60 {
                    let mean = self.average.mean().unwrap();
                    assert_eq!(settlement.funding, leg.formula.rate(mean, self.interval));
                    self.checked += 1;
                }
                self.settled = at;
                self.average.restart();
            }
            Event::IntervalChanged { interval, .. } => {
                assert_eq!(self.settled, at, "announced with a settlement");
                self.interval = *interval;
                self.changed = true;
            }
            Event::FundingEstimate { funding, next, .. } => {
                assert_eq!(funding.interval, self.interval);
                assert!(*next > at && next.since(at) <= self.interval.span());
                self.next = Some(*next);
            }
            _ => {}
        }
    }
}

#[test]
fn b14_funding_is_the_formula_of_its_samples_and_stamps_are_spaced_by_the_interval() {
    for seed in 1..=4 {
        let market = Generator::new(seed, START);
        let fresh = |leg: &carry::domain::Instrument| Recomputed {
            average: PremiumAverage::new(leg.weighting),
            interval: if leg.venue.as_str() == "hyper" { Interval::H1 } else { Interval::H8 },
            settled: START,
            next: None,
            perp: None,
            checked: 0,
            changed: false,
        };
        let mut known: Vec<Recomputed> = market.catalogue().instruments().iter().map(fresh).collect();
        let mut index: BTreeMap<InstrumentId, Price> = BTreeMap::new();
        watch(seed, 30 * DAY, |market, at, event| {
            let MarketEvent::Public(event) = event else { return };
            let (Event::Quote { instrument, .. }
            | Event::Mark { instrument, .. }
            | Event::Settled { instrument, .. }
            | Event::IntervalChanged { instrument, .. }
            | Event::FundingEstimate { instrument, .. }) = event
            else {
                return;
            };
            let perp = &mut known[instrument.index()];
            if let Event::Mark { index: price, .. } = event {
                index.insert(*instrument, *price);
            }
            perp.see(market, at, event);
            // After a settlement the minute's sample is the first of the next interval.
            if matches!(event, Event::Settled { .. })
                && let Some(quote) = perp.perp.filter(|quote| quote.venue_time == at)
            {
                perp.average.push(premium_sample(quote.bid, quote.ask, index[instrument]));
            }
        });
        let perps = || market.catalogue().instruments().iter().filter(|leg| leg.market == Market::Perp);
        for leg in perps() {
            let least = if leg.venue.as_str() == "hyper" { 650 } else { 75 };
            assert!(known[leg.id.index()].checked >= least, "{} {}", leg.symbol, known[leg.id.index()].checked);
        }
        assert_eq!(perps().filter(|leg| known[leg.id.index()].changed).count(), 1, "one perp changes its interval");
    }
}

#[test]
fn a_start_need_not_be_aligned_with_minutes_or_settlements() {
    let odd = WallTime(START.0 + 7 * 3_600_000 + 59 * 60_000 + 12_345);
    let mut market = Generator::new(9, odd);
    let mut out = Vec::new();
    market.step(&mut out);
    assert_eq!(market.now(), WallTime(START.0 + 8 * 3_600_000));
    let settled = out.iter().filter(|(_, event)| matches!(event, MarketEvent::Public(Event::Settled { .. }))).count();
    assert_eq!(settled, market.catalogue().pairs().len(), "the first minute may settle");
}
