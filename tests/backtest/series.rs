//! A made-up pair with every kind of hole, in whole cents and millionths so that a loop over integers can follow its money.
//!
//! Bars of an hour for a hundred days; settlements every 8 h, every 4 h from day 30 to 60, then every 8 h again.

use super::files::{Bar, Noise, Paid, write_candles, write_funding};
use std::path::Path;

/// 2024-01-01T00:00Z.
pub(crate) const START: i64 = 1_704_067_200_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const HOURS: i64 = 2_400;
/// Hours in which only the perp traded.
const SPOT_HALT: std::ops::Range<i64> = 300..303;
/// Hours in which only spot traded.
const PERP_HALT: std::ops::Range<i64> = 500..506;
/// Hours that nobody recorded.
pub(crate) const HOLE: std::ops::Range<i64> = 700..741;
/// The hour of the settlement that is not in the file.
pub(crate) const MISSING: i64 = 1_800;
/// Stretches that can be traded, as hours of their first and last common bar.
pub(crate) const STRETCHES: [(i64, i64); 3] = [(0, 699), (741, 1_799), (1_808, 2_399)];

/// A settlement in integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    pub(crate) stamp: i64,
    /// Millionths of the notional.
    pub(crate) rate: i64,
    /// Length of the interval that ended, in hours.
    pub(crate) interval: i64,
    /// Published mark in cents.
    pub(crate) mark: Option<i64>,
}

/// Open, high, low and close in cents.
pub(crate) type Cents = [i64; 4];

/// The pair in integers; bars by the hour in which they open.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) spot: Vec<Option<Cents>>,
    pub(crate) perp: Vec<Option<Cents>>,
    pub(crate) mark: Vec<Option<Cents>>,
    pub(crate) funding: Vec<Settled>,
}

pub(crate) fn make(seed: u64) -> Series {
    let mut noise = Noise(seed);
    let (mut close, mut basis, mut rate) = (10_000_i64, 3_i64, 100_i64);
    let mut series = Series { spot: Vec::new(), perp: Vec::new(), mark: Vec::new(), funding: Vec::new() };
    for hour in 0..HOURS {
        let open = close + noise.around(4);
        close = (close + noise.around(60)).clamp(6_000, 16_000);
        let (opening, closing) = (basis, (basis + noise.around(3)).clamp(-12, 20));
        basis = closing;
        let mut bar = |first: i64, last: i64| {
            let above = i64::try_from(noise.below(20)).unwrap();
            let below = i64::try_from(noise.below(20)).unwrap();
            [first, first.max(last) + above, first.min(last) - below, last]
        };
        let (spot, perp) = (bar(open, close), bar(open + opening, close + closing));
        let (halted, unrecorded) = (|halt: &std::ops::Range<i64>| halt.contains(&hour), HOLE.contains(&hour));
        series.spot.push((!halted(&SPOT_HALT) && !unrecorded).then_some(spot));
        series.perp.push((!halted(&PERP_HALT) && !unrecorded).then_some(perp));
        series.mark.push((hour < HOURS / 2 && !unrecorded).then_some(perp.map(|cents| cents + 1)));
        let interval = if (720..1_440).contains(&hour) { 4 } else { 8 };
        if hour % interval == 0 && hour != MISSING {
            rate = (rate + noise.around(60)).clamp(-200, 500);
            let late = match hour {
                400 => 111_000,
                _ if hour % 3 == 0 => 7,
                _ => 0,
            };
            // The first settlement after a change of rhythm ends an interval of the spacing that its stamp shows.
            let interval =
                series.funding.last().map_or(8, |last: &Settled| (START + hour * HOUR - last.stamp + HOUR / 2) / HOUR);
            let interval = if interval > 8 { 8 } else { interval };
            let published = (hour / 4 % 2 == 0).then_some(open + basis + noise.around(3));
            let millionths = if interval == 4 { rate / 2 } else { rate };
            series.funding.push(Settled {
                stamp: START + hour * HOUR + late,
                rate: millionths,
                interval,
                mark: published,
            });
        }
    }
    series
}

fn money(cents: i64) -> f64 {
    format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap()
}

fn bars(rows: &[Option<Cents>]) -> Vec<Bar> {
    let one = |(hour, cents): (i64, &Option<Cents>)| {
        cents.map(|cents| Bar { at: START + hour * HOUR, prices: cents.map(money), volume: 1_000_000.0 })
    };
    (0..).zip(rows).filter_map(one).collect()
}

/// Millionths as a plain fraction.
pub(crate) fn fraction(millionths: i64) -> String {
    format!("{}0.{:06}", if millionths < 0 { "-" } else { "" }, millionths.abs())
}

/// Writes the pair in the layout.
pub(crate) fn write(series: &Series, root: &Path, symbol: &str) {
    for (market, rows) in [("spot", &series.spot), ("perp", &series.perp), ("mark", &series.mark)] {
        let file = root.join(format!("klines/binance-{market}/{symbol}-1h.parquet"));
        write_candles(&file, &bars(rows), market != "mark");
    }
    let paid = |row: &Settled| Paid {
        at: row.stamp,
        rate: fraction(row.rate),
        mark: row.mark.map_or_else(String::new, |cents| money(cents).to_string()),
    };
    let rows: Vec<Paid> = series.funding.iter().map(paid).collect();
    write_funding(&root.join(format!("funding/binance/{symbol}.csv")), &rows);
}
