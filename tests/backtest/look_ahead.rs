//! No look-ahead: whatever every price and rate after a time is replaced by, all that was decided up to it stays the same.
//!
//! "After T" is by what each number means: a bar's open is known when it opens, the rest when it closes; a settlement is
//! dated to its stamp's minute. Stamps and volumes stay as they are.

use super::files::{Bar, Noise, Paid, repo, shared, write_candles, write_columns, write_funding};
use carry::cli::history::{Choice, Ready, Window};
use carry::data::Folder;
use carry::data::history::{Candles, PairHistory};
use carry::domain::{Span, WallTime};
use carry::port::Command;
use carry::run::backtest::run;
use carry::run::journal::Journal;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

const DAY: i64 = 86_400_000;
const PAIRS: [&str; 4] = ["binance:BTCUSDT", "binance:AVAXUSDT", "okx:AVAXUSDT", "bybit:BTCUSDT"];
const TIMES: u64 = 50;

/// Writes down every command with its time.
#[derive(Debug, Clone, Default)]
struct Minutes {
    lines: Rc<RefCell<Vec<(WallTime, String)>>>,
}

impl Journal for Minutes {
    fn command(&mut self, at: WallTime, command: &Command) {
        self.lines.borrow_mut().push((at, serde_json::to_string(command).unwrap()));
    }
}

fn cents(value: f64, noise: &mut Noise) -> f64 {
    let factor = 0.4 + f64::from(u32::try_from(noise.below(2_000)).unwrap()) / 1_000.0;
    ((value * factor * 100.0).round().max(1.0)) / 100.0
}

/// Candles with everything after `after` replaced; the open of the bar in which it lies stays.
fn replaced(candles: &Candles, step: Span, after: WallTime, noise: &mut Noise) -> Vec<Bar> {
    let columns = [&candles.open, &candles.high, &candles.low, &candles.close];
    let one = |(place, at): (usize, &WallTime)| {
        let mut prices = columns.map(|column| column[place].to_f64());
        if *at + step > after {
            let open = if *at > after { cents(prices[0], noise) } else { prices[0] };
            let close = cents(prices[3], noise);
            let (top, bottom) = (open.max(close), open.min(close));
            prices = [open, top + top / 8.0, bottom - bottom / 8.0, close].map(|price| (price * 1e4).round() / 1e4);
            prices[0] = open;
            prices[1] = prices[1].max(open);
            prices[2] = prices[2].min(open);
        }
        Bar { at: at.0, prices, volume: candles.volume[place].to_f64() }
    };
    candles.opened.iter().enumerate().map(one).collect()
}

/// Writes the history with everything after `after` replaced.
fn write(history: &PairHistory, root: &Path, after: WallTime, noise: &mut Noise) {
    let (venue, symbol) = history.name.split_once(':').unwrap();
    // The first bars of both legs confirm that a contract is one coin: a pair whose prices contradict that is refused.
    let first = |candles: &Candles| candles.opened.first().copied().unwrap_or(after);
    let confirmed = first(&history.spot).max(first(&history.perp)) + Span(30 * history.step.0);
    let mut candles = |market: &str, candles: &Candles, volume: bool| {
        let file = root.join(format!("klines/{venue}-{market}/{symbol}-{}.parquet", history.step));
        write_candles(&file, &replaced(candles, history.step, after.max(confirmed), noise), volume);
    };
    candles("spot", &history.spot, true);
    candles("perp", &history.perp, true);
    if let Some(mark) = &history.mark {
        candles("mark", mark, false);
    }
    let rows = history.funding.iter().map(|row| {
        let known = row.stamp.floor(Span::MINUTE) <= after;
        let (rate, mark) = (row.rate.to_string(), row.mark.map_or_else(String::new, |mark| mark.to_string()));
        let drawn = format!("0.{:06}", noise.below(3_000));
        let other = row.mark.map_or_else(String::new, |mark| cents(mark.to_f64(), noise).to_string());
        let (rate, mark) = if known { (rate, mark) } else { (drawn, other) };
        Paid { at: row.stamp.0, rate, mark }
    });
    let rows: Vec<Paid> = rows.collect();
    write_funding(&root.join(format!("funding/{venue}/{symbol}.csv")), &rows);
    if !history.open_interest.is_empty() {
        let stamps: Vec<i64> = history.open_interest.iter().map(|row| row.0.0).collect();
        let coins = history.open_interest.iter().map(|(at, coins)| if *at > after { 1.0 } else { coins.to_f64() });
        write_columns(
            &root.join(format!("oi/{venue}/{symbol}-1h.parquet")),
            &stamps,
            &[("open_interest", coins.collect())],
        );
    }
}

/// Everything that a preset decided, with times, and the digest of the run.
fn decisions(root: &Path, preset: &str, set: &[String]) -> (Vec<(WallTime, String)>, String) {
    let choice =
        Choice { data: root.to_path_buf(), strategy: vec![repo(preset).into()], set: Vec::new(), config: Vec::new() };
    let ready = Ready::load(&choice, set.to_vec(), Window::default()).unwrap();
    let minutes = Minutes::default();
    let result = run(&ready.inputs(), minutes.clone(), false).unwrap();
    (minutes.lines.take(), result.summary.digest)
}

fn until(lines: &[(WallTime, String)], last: WallTime) -> &[(WallTime, String)] {
    &lines[..lines.partition_point(|(at, _)| *at <= last)]
}

#[test]
fn noise_after_a_time_changes_no_decision_up_to_it() {
    let Some(shared) = shared() else { return };
    let folder = Folder::open(&shared.join("data")).unwrap();
    let mut noise = Noise(20_261_124);
    let (mut compared, mut bitten) = (0, 0);
    for number in 0..TIMES {
        // 2020-11-01 to 2026-04-30; every second one on a full hour, where a bar closes, settles and opens.
        let drawn = 1_604_188_800_000 + i64::try_from(noise.below(173_318)).unwrap() * 1_000_000;
        let after = if number % 2 == 0 { WallTime(drawn).floor(Span::HOUR) } else { WallTime(drawn) };
        let (from, to) = (WallTime(after.0 - 400 * DAY), WallTime(after.0 + 30 * DAY));
        let load = |name: &&str| folder.load_pair(name, Some(from), Some(to)).ok();
        let histories: Vec<PairHistory> = PAIRS.iter().filter_map(load).collect();
        let (real, noisy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for history in &histories {
            write(history, real.path(), WallTime(i64::MAX), &mut noise);
            write(history, noisy.path(), after, &mut noise);
        }
        let set =
            if number % 4 < 2 { Vec::new() } else { vec!["gates.guard=0s".to_owned(), "exit.min_hold=0s".to_owned()] };
        for preset in ["strategies/anchor.toml", "strategies/ethena.toml"] {
            let (a, b) = (decisions(real.path(), preset, &set), decisions(noisy.path(), preset, &set));
            assert_eq!(until(&a.0, after), until(&b.0, after), "{preset}, noise after {after}");
            compared += until(&a.0, after).len();
            bitten += usize::from(a.1 != b.1);
        }
    }
    println!("{compared} commands compared; the noise changed {bitten} of {} runs", 2 * TIMES);
    assert!(compared > 5_000 && bitten > 50, "{compared} commands, {bitten} runs: the test compares too little");
}
