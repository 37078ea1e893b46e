//! Every month has a rally, a cascade with ADL, a depeg, a change of interval and outages; open interest follows.

use super::{DAY, START, watch};
use carry::domain::{InstrumentId, Interval, Market, Price, Rate, WallTime};
use carry::port::Event;
use carry::sim::generator::{Generator, MarketEvent};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What a month of a seed held.
#[derive(Default)]
struct Month {
    dollars: BTreeMap<InstrumentId, Vec<f64>>,
    peg: BTreeMap<String, Vec<f64>>,
    peg_moves: usize,
    interest: BTreeMap<InstrumentId, Vec<f64>>,
    premium: BTreeMap<InstrumentId, f64>,
    adl: Vec<(WallTime, InstrumentId, Rate, Price, Price)>,
    intervals: Vec<(InstrumentId, Interval)>,
    /// Venue, from, until.
    outages: Vec<(usize, WallTime, WallTime)>,
    depth: BTreeMap<InstrumentId, (f64, f64)>,
    marks: BTreeMap<InstrumentId, Price>,
}

fn month(seed: u64) -> Month {
    let mut month = Month::default();
    watch(seed, 30 * DAY, |_, at, event| match event {
        MarketEvent::Public(Event::Mark { instrument, mark, index }) => {
            month.dollars.entry(*instrument).or_default().push(index.to_f64());
            month.marks.insert(*instrument, *mark);
            let least = month.premium.entry(*instrument).or_default();
            *least = least.min(mark.premium_over(*index).to_f64());
        }
        MarketEvent::Public(Event::Quote { instrument, quote }) => {
            let depth = quote.bid_depth.to_f64();
            let range = month.depth.entry(*instrument).or_insert((depth, depth));
            *range = (range.0.min(depth), range.1.max(depth));
        }
        MarketEvent::Public(Event::Peg { asset, price }) => {
            month.peg.entry(asset.to_string()).or_default().push(price.to_f64());
            month.peg_moves += usize::from(at.0 % 300_000 != 0);
        }
        MarketEvent::Public(Event::OpenInterest { instrument, coins }) => {
            assert_eq!(at.0 % 300_000, 0);
            month.interest.entry(*instrument).or_default().push(coins.to_f64());
        }
        MarketEvent::Public(Event::IntervalChanged { instrument, interval }) => {
            month.intervals.push((*instrument, *interval));
        }
        MarketEvent::Public(Event::VenueHealth { venue, reachable, .. }) => {
            let open =
                month.outages.iter_mut().find(|outage| outage.0 == venue.index() && outage.2 == WallTime(i64::MAX));
            match open {
                Some(outage) => outage.2 = if *reachable { at } else { panic!("down twice") },
                None if *reachable => panic!("up without down"),
                None => month.outages.push((venue.index(), at, WallTime(i64::MAX))),
            }
        }
        MarketEvent::Adl { instrument, share, price } => {
            month.adl.push((at, *instrument, *share, *price, month.marks[instrument]));
        }
        MarketEvent::Public(_) => {}
    });
    month
}

/// Largest gain and loss of a series over so many points.
fn extremes(series: &[f64], over: usize) -> (f64, f64) {
    let moves = || series.iter().zip(&series[over..]).map(|(from, to)| to / from - 1.0);
    (moves().fold(0.0, f64::max), moves().fold(0.0, f64::min))
}

#[test]
fn each_month_has_every_shock() {
    let seeds: Vec<u64> = (1..=12).collect();
    let months: Vec<Month> = seeds.par_iter().map(|seed| month(*seed)).collect();
    let market = Generator::new(1, START);
    println!("seed  best day  worst hour BTC  pegs            worst premium  adl  intervals  outages");
    for (seed, month) in seeds.iter().zip(&months) {
        let day = month.dollars.values().map(|series| extremes(series, 1_440).0).fold(0.0, f64::max);
        let falls: Vec<f64> = month.dollars.values().map(|series| extremes(series, 60).1).collect();
        let lows: Vec<f64> = month.peg.values().map(|s| s.iter().copied().fold(2.0, f64::min)).collect();
        let premium = month.premium.values().copied().fold(0.0, f64::min);
        println!(
            "{seed:>4}  {day:>8.2}  {:>14.2}  {lows:.4?}  {premium:>13.3}  {:>3}  {:?}  {}",
            falls[0],
            month.adl.len(),
            month.intervals.iter().map(|change| change.1).collect::<Vec<_>>(),
            month.outages.len()
        );
        assert!((0.3..1.2).contains(&day), "seed {seed}: best day {day}");
        assert!(falls.iter().all(|fall| *fall < -0.04), "seed {seed}: every coin falls in the cascade: {falls:?}");
        assert!(premium < -0.005 && premium > -0.15, "seed {seed}: worst premium {premium}");
        assert_eq!(lows.iter().filter(|low| (0.965..0.991).contains(*low)).count(), 1, "seed {seed}: {lows:?}");
        assert!(lows.iter().any(|low| *low > 0.998), "seed {seed}: the other coin keeps its peg: {lows:?}");
        assert!(month.peg_moves > 0, "seed {seed}: a moving peg is published at once");
        check_adl(&market, month);
        assert_eq!(month.intervals.len(), 2, "seed {seed}: there and back");
        let (there, back) = (month.intervals[0], month.intervals[1]);
        assert_eq!(there.0, back.0);
        assert!(matches!(there.1, Interval::H4 | Interval::H1) && back.1 == Interval::H8);
        for venue in 0..2 {
            assert!(month.outages.iter().any(|outage| outage.0 == venue), "seed {seed}: venue {venue} fails once");
        }
        for (_, from, until) in &month.outages {
            assert!((3..=125).contains(&(until.since(*from).0 / 60_000)), "seed {seed}: {from} to {until}");
        }
        for series in month.interest.values() {
            assert!(extremes(series, 12).1 < -0.25, "seed {seed}: open interest is washed out in an hour");
            assert!(extremes(series, 288 * 3).0 > 0.1, "seed {seed}: and comes back");
        }
        assert!(month.depth.values().all(|(least, most)| *least > 0.0 && least * 5.0 < *most), "books empty");
    }
    let hourly = months.iter().filter(|month| month.intervals[0].1 == Interval::H1).count();
    assert!(hourly > 0 && hourly < months.len(), "both kinds of change occur");
}

/// Shorts of one venue only are deleveraged, all in one minute, near the mark.
fn check_adl(market: &Generator, month: &Month) {
    let instrument = |id| market.catalogue().instrument(id).unwrap();
    assert!(month.adl.len() >= 4);
    let first = month.adl[0];
    for (at, id, share, price, mark) in &month.adl {
        assert_eq!((*at, instrument(*id).venue_id), (first.0, instrument(first.1).venue_id));
        assert_eq!(instrument(*id).market, Market::Perp);
        assert!(*share > Rate::ZERO && share.units() <= Rate::ONE);
        assert!((price.to_f64() / mark.to_f64() - 1.0).abs() < 0.001);
        assert_eq!(price.units() % instrument(*id).rules.tick.units(), 0);
    }
}

#[test]
fn open_interest_follows_funding() {
    let mut last: BTreeMap<InstrumentId, f64> = BTreeMap::new();
    let (mut hot, mut cold) = (Vec::new(), Vec::new());
    for seed in 1..=4 {
        watch(seed, 30 * DAY, |_, _, event| match event {
            MarketEvent::Public(Event::FundingEstimate { instrument, funding, .. }) => {
                last.insert(*instrument, funding.per_8h().to_f64());
            }
            // alpha:SOLUSDT, usual open interest 1.5e9 dollars at 180.
            MarketEvent::Public(Event::OpenInterest { instrument: id @ InstrumentId(5), coins }) => match last[id] {
                funding if funding > 0.000_3 => hot.push(coins.to_f64()),
                funding if funding < 0.0 => cold.push(coins.to_f64()),
                _ => {}
            },
            _ => {}
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "statistics")]
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&hot) > 1.05 * mean(&cold), "{} against {}", mean(&hot), mean(&cold));
}
