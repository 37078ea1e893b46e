//! Funding of a quarter against the published figures of the third quarter of 2025.

use super::{DAY, START, watch};
use carry::domain::Span;
use carry::port::Event;
use carry::sim::generator::{Generator, MarketEvent};
use rayon::prelude::*;
use std::fmt::Write as _;

/// Funding of one perp over a quarter in percent per 8 h.
#[derive(Debug, Clone, Default)]
struct Funding {
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
    anchored: f64,
    positive: f64,
    /// Share of the fullest bin of 0.0005 % that is not the anchor's.
    second: f64,
    /// Highest three-day mean as a yearly rate in percent.
    hottest: f64,
}

#[expect(clippy::cast_precision_loss, reason = "statistics")]
fn funding(sums: &[f64]) -> Funding {
    let count = sums.len() as f64;
    let mean = sums.iter().sum::<f64>() / count;
    let at_anchor = |rate: f64| (rate - 0.01).abs() < 0.000_05;
    let share = |holds: &dyn Fn(f64) -> bool| sums.iter().filter(|rate| holds(**rate)).count() as f64 / count;
    let bin = |rate: f64| (rate / 0.000_5).floor();
    let mut bins: Vec<f64> = sums.iter().filter(|rate| !at_anchor(**rate)).map(|rate| bin(*rate)).collect();
    bins.sort_by(f64::total_cmp);
    let second = bins.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(<[f64]>::len).max().unwrap_or(0);
    Funding {
        mean,
        std: (sums.iter().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / count).sqrt(),
        min: sums.iter().copied().fold(f64::INFINITY, f64::min),
        max: sums.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        anchored: share(&at_anchor),
        positive: share(&|rate| rate > 0.0),
        second: second as f64 / count,
        hottest: sums.windows(9).map(|days| days.iter().sum::<f64>() / 9.0 * 1_095.0).fold(0.0, f64::max),
    }
}

/// 8 h sums of every perp of a seed over a quarter.
fn quarter(seed: u64) -> Vec<Funding> {
    let mut sums: Vec<Vec<f64>> = Vec::new();
    watch(seed, 92 * DAY, |market, _, event| {
        if let MarketEvent::Public(Event::Settled { instrument, settlement }) = event {
            sums.resize(market.catalogue().instruments().len(), Vec::new());
            let block = (settlement.stamp.since(START).0 - 1) / Span::hours(8).0;
            let list = &mut sums[instrument.index()];
            list.resize(list.len().max(usize::try_from(block).unwrap() + 1), 0.0);
            *list.last_mut().unwrap() += settlement.funding.rate.to_f64() * 100.0;
        }
    });
    sums.into_iter().filter(|list| !list.is_empty()).map(|list| funding(&list)).collect()
}

/// Mean, least and most of one number over all seeds.
#[expect(clippy::cast_precision_loss, reason = "statistics")]
fn spread(quarters: &[Vec<Funding>], place: usize, part: fn(&Funding) -> f64) -> (f64, f64, f64) {
    let values = || quarters.iter().map(|quarter| part(&quarter[place]));
    let least = values().fold(f64::INFINITY, f64::min);
    let most = values().fold(f64::NEG_INFINITY, f64::max);
    (values().sum::<f64>() / quarters.len() as f64, least, most)
}

fn table(quarters: &[Vec<Funding>], market: &Generator) -> String {
    let four = |(mean, least, most): (f64, f64, f64)| format!("{mean:.4} ({least:.4}..{most:.4})");
    let two = |(mean, least, most): (f64, f64, f64)| format!("{mean:.2} ({least:.2}..{most:.2})");
    let mut text = format!("percent per 8 h: mean over {} seeds (least .. most)\n", quarters.len());
    for (head, width) in [("pair", 15), ("mean", 24), ("std", 24), ("min", 8), ("max", 24), ("anchor", 17)] {
        write!(text, "{head:<width$} ").unwrap();
    }
    writeln!(text, "{:<17} hottest 3d %/y", "positive").unwrap();
    for (place, pair) in market.catalogue().pairs().iter().enumerate() {
        let of = |part| spread(quarters, place, part);
        let (name, min, hottest) = (&pair.name, of(|f| f.min).0, of(|f| f.hottest).0);
        let (mean, std, max) = (four(of(|f| f.mean)), four(of(|f| f.std)), four(of(|f| f.max)));
        let (anchored, positive) = (two(of(|f| f.anchored)), two(of(|f| f.positive)));
        writeln!(
            text,
            "{name:<15} {mean:<24} {std:<24} {min:<8.4} {max:<24} {anchored:<17} {positive:<17} {hottest:.0}"
        )
        .unwrap();
    }
    text
}

/// The band holds for the average of all seeds and for at least three seeds in four.
fn band(quarters: &[Vec<Funding>], place: usize, part: fn(&Funding) -> f64, (low, high): (f64, f64)) {
    let (mean, ..) = spread(quarters, place, part);
    assert!((low..=high).contains(&mean), "pair {place}: {mean} is not in {low}..{high}");
    let inside = quarters.iter().filter(|quarter| (low..=high).contains(&part(&quarter[place]))).count();
    assert!(inside * 4 >= quarters.len() * 3, "pair {place}: {inside} of {} in {low}..{high}", quarters.len());
}

#[test]
fn a_quarter_looks_in_kind_like_the_third_quarter_of_2025() {
    let seeds: Vec<u64> = (1..=24).collect();
    let quarters: Vec<Vec<Funding>> = seeds.par_iter().map(|seed| quarter(*seed)).collect();
    let market = Generator::new(1, START);
    println!("{}", table(&quarters, &market));
    let place = |name: &str| market.catalogue().pair_named(name).unwrap().id.index();
    let (alpha, hyper) = (place("alpha:BTCUSDT"), place("hyper:BTCUSDC"));
    // Published for Binance BTC: 0.0057, 0.0039, at most 0.0100, 30.7 % at the anchor, 92.5 % positive.
    band(&quarters, alpha, |f| f.mean, (0.003, 0.009));
    band(&quarters, alpha, |f| f.std, (0.002, 0.008));
    band(&quarters, alpha, |f| f.anchored, (0.2, 0.6));
    band(&quarters, alpha, |f| f.positive, (0.85, 0.99));
    band(&quarters, alpha, |f| f.max, (0.009_999_9, 0.010_000_1));
    // And for Hyperliquid BTC, summed to 8 h: 0.0120, 0.0097, at most 0.0672, 39.5 % and 96.0 %.
    band(&quarters, hyper, |f| f.mean, (0.007, 0.02));
    band(&quarters, hyper, |f| f.std, (0.006, 0.02));
    band(&quarters, hyper, |f| f.anchored, (0.25, 0.6));
    band(&quarters, hyper, |f| f.positive, (0.85, 0.99));
    band(&quarters, hyper, |f| f.max, (0.03, 0.15));
    for quarter in &quarters {
        assert!(quarter[hyper].std > 1.2 * quarter[alpha].std, "hyper is the wilder one");
        for place in [alpha, hyper] {
            assert!(quarter[place].anchored > quarter[place].second, "the mode is at the anchor: {:?}", quarter[place]);
        }
        for alt in ["SOL", "DOGE", "WIF"] {
            let place = place(&format!("alpha:{alt}USDT"));
            assert!(quarter[place].std > 2.0 * quarter[alpha].std, "{alt} is wilder than BTC");
            assert!(quarter[place].hottest > 20.0, "{alt} has days that pay");
            assert!(quarter[place].min < 0.0, "{alt} has days on which cash wins");
        }
    }
}
