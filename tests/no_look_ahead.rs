//! No look-ahead: noise over every price and rate after T leaves every decision up to T as it was.

#[path = "common/shared.rs"]
mod shared;

use carry::config::{Sources, load};
use carry::data::Folder;
use carry::data::history::{Candles, PairHistory};
use carry::data::instruments;
use carry::domain::{Catalogue, Price, Rate, Span, WallTime};
use carry::port::Command;
use carry::run::backtest::{Bars, Inputs};
use carry::run::journal::Journal;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use std::path::PathBuf;

/// Remembers every command up to a time, as text.
struct Decisions<'a> {
    until: WallTime,
    taken: &'a mut Vec<String>,
}

impl Journal for Decisions<'_> {
    fn command(&mut self, at: WallTime, command: &Command) {
        if at <= self.until && !matches!(command, Command::WakeAt { .. }) {
            self.taken.push(format!("{at} {}", serde_json::to_string(command).unwrap()));
        }
    }
}

fn decide(strategy: &str, folder: &Folder, histories: &[PairHistory], until: WallTime) -> Vec<String> {
    let strategy = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(strategy));
    let settings = load(&Sources { strategy, ..Sources::default() }).unwrap().settings;
    let mut catalogue = Catalogue::default();
    for history in histories {
        let legs = instruments::legs(folder, history).unwrap();
        catalogue.add_pair(legs.spot, legs.perp);
    }
    let inputs = Inputs { settings, catalogue, histories, remarks: Vec::new() };
    let mut taken = Vec::new();
    let mut bars = Bars::new(&inputs, Decisions { until, taken: &mut taken }, false).unwrap();
    while bars.step().unwrap() {}
    drop(bars);
    taken
}

/// Prices of bars that close after `t` and rates settled after it become noise; a bar that is open at `t` keeps its open.
fn noisy(history: &PairHistory, t: WallTime, rng: &mut ChaCha8Rng) -> PairHistory {
    let mut copy = history.clone();
    let step = history.step;
    for candles in [Some(&mut copy.spot), Some(&mut copy.perp), copy.mark.as_mut()].into_iter().flatten() {
        spoil(candles, t, step, rng);
    }
    for row in copy.funding.iter_mut().filter(|row| row.stamp > t + Span::MINUTE) {
        row.rate = Rate::from_units(i64::from(rng.next_u32() % 2_000_000) * 1_000_000_000 - 1_000_000_000_000_000);
        row.mark = row.mark.map(|_| price(rng));
    }
    for row in copy.open_interest.iter_mut().filter(|row| row.0 > t) {
        row.1 = carry::domain::Quantity::saturating(i64::from(rng.next_u32()) * 1_000_000);
    }
    copy
}

fn spoil(candles: &mut Candles, t: WallTime, step: Span, rng: &mut ChaCha8Rng) {
    for place in 0..candles.opened.len() {
        if candles.opened[place] + step <= t {
            continue;
        }
        let mut four = [price(rng), price(rng), price(rng), price(rng)];
        four.sort();
        if candles.opened[place] >= t {
            candles.open[place] = four[1];
        }
        (candles.low[place], candles.close[place], candles.high[place]) = (four[0], four[2], four[3]);
        candles.volume[place] = carry::domain::Quantity::saturating(i64::from(rng.next_u32()) * 100_000);
    }
}

fn price(rng: &mut ChaCha8Rng) -> Price {
    Price::from_units(i64::from(rng.next_u32() % 1_000_000 + 1) * 100_000_000).unwrap()
}

#[test]
fn i17_noise_after_an_instant_changes_no_decision_up_to_it() {
    let Some(shared) = shared::shared() else { return };
    let folder = Folder::open(&shared.join("data")).unwrap();
    let names = ["binance:BTCUSDT".to_owned(), "binance:AVAXUSDT".to_owned(), "binance:SOLUSDT".to_owned()];
    let histories = folder.load_pairs(&names, None, None).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_124);
    let (first, last) = (1_601_500_000_000_u64, 1_769_000_000_000_u64);
    let mut decided = 0;
    for round in 0..50 {
        let t = WallTime(i64::try_from(first + rng.next_u64() % (last - first)).unwrap()).floor(Span::MINUTE);
        // On an hour every second time: the instant at which decisions fall.
        let t = if round % 2 == 0 { t.floor(Span::HOUR) } else { t };
        let cut: Vec<PairHistory> = histories.iter().map(|history| window(history, t)).collect();
        let spoilt: Vec<PairHistory> = cut.iter().map(|history| noisy(history, t, &mut rng)).collect();
        let strategy = if round % 4 < 2 { "strategies/anchor.toml" } else { "strategies/ethena.toml" };
        let (before, after) = (decide(strategy, &folder, &cut, t), decide(strategy, &folder, &spoilt, t));
        decided += before.len();
        assert_eq!(before, after, "round {round}, {strategy}, T = {t}");
    }
    assert!(decided > 500, "only {decided} commands were compared: the test would not see much");
}

/// A year before T and a month after it: enough for every window, and quick.
fn window(history: &PairHistory, t: WallTime) -> PairHistory {
    let (from, until) = (t - Span(400 * Span::DAY.0), t + Span(30 * Span::DAY.0));
    let mut copy = history.clone();
    copy.spot = copy.spot.window(from, until);
    copy.perp = copy.perp.window(from, until);
    copy.mark = copy.mark.map(|mark| mark.window(from, until));
    copy.funding.retain(|row| row.stamp >= from && row.stamp < until);
    copy.open_interest.retain(|row| row.0 >= from && row.0 < until);
    copy.segments.retain(|segment| segment.last >= from && segment.first < until);
    copy
}
