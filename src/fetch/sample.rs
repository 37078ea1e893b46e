//! A small generated history in the layout on disk, so that everything can be tried from a clone alone.
//!
//! The embedded market (`sim/generator`) is played for some days and written as a recorder would have: bars of an hour of spot,
//! perp and mark, open interest, settlements, rules of instruments. The same seed gives the same files. Where a venue shows
//! nothing for a while, its books go on and are recorded. Tests: `tests/suite/cases.rs`.

use crate::data::DataError;
use crate::data::history::FundingRow;
use crate::data::save::{RawCandles, write_candles, write_funding, write_open_interest, write_text};
use crate::domain::decimal::format_scaled;
use crate::domain::{Instrument, InstrumentId, Market, Price, Quantity, Span, Venue, WallTime};
use crate::port::Event;
use crate::sim::Generator;
use crate::sim::generator::MarketEvent;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// First instant of a sample: 2025-01-01.
pub const START: WallTime = WallTime(1_735_689_600_000);
/// What an hour trades, in multiples of the coins quoted near the best price: the backtest takes a twentieth as depth.
const TURNOVER: f64 = 20.0;

/// One hour of one price while it is drawn.
#[derive(Debug, Clone, Copy)]
struct Bar {
    prices: [f64; 4],
    depth: f64,
    looks: f64,
}

/// What is recorded of one instrument.
#[derive(Debug, Default)]
struct Series {
    bars: RawCandles,
    open: Option<Bar>,
    last: Option<(f64, f64)>,
}

impl Series {
    /// A price and the coins quoted near it.
    fn look(&mut self, price: f64, depth: f64) {
        self.last = Some((price, depth));
    }

    /// The last look of a minute goes into the bar.
    #[expect(clippy::float_arithmetic, reason = "a generated history; the nearest double to the decimal is written")]
    fn minute(&mut self) {
        let Some((price, depth)) = self.last else { return };
        let bar = self.open.get_or_insert(Bar { prices: [price; 4], depth: 0.0, looks: 0.0 });
        let [_, high, low, close] = &mut bar.prices;
        (*high, *low, *close) = (high.max(price), low.min(price), price);
        (bar.depth, bar.looks) = (bar.depth + depth, bar.looks + 1.0);
    }

    /// The hour that began at `opened` is over; its close opens the next one.
    #[expect(clippy::float_arithmetic, reason = "a volume is a signal")]
    fn hour(&mut self, opened: WallTime) {
        let Some(bar) = self.open.take() else { return };
        self.bars.opened.push(opened.0);
        for (column, price) in self.bars.prices.iter_mut().zip(bar.prices) {
            column.push(price);
        }
        let volume = libm::floor(bar.depth / bar.looks.max(1.0) * TURNOVER * 1e4) / 1e4;
        self.bars.volume.get_or_insert_default().push(volume);
        let close = bar.prices[3];
        self.open = Some(Bar { prices: [close; 4], depth: 0.0, looks: 0.0 });
    }
}

/// Everything that is recorded.
#[derive(Debug, Default)]
struct Recorder {
    prices: BTreeMap<InstrumentId, Series>,
    marks: BTreeMap<InstrumentId, Series>,
    interest: BTreeMap<InstrumentId, Vec<(WallTime, Quantity)>>,
    funding: BTreeMap<InstrumentId, Vec<FundingRow>>,
    last_mark: BTreeMap<InstrumentId, Price>,
}

impl Recorder {
    fn take(&mut self, now: WallTime, event: &Event) {
        match event {
            Event::Mark { instrument, mark, .. } => {
                self.last_mark.insert(*instrument, *mark);
                self.marks.entry(*instrument).or_default().look(mark.to_f64(), 0.0);
            }
            Event::Settled { instrument, settlement } => {
                let mark = self.last_mark.get(instrument).copied();
                let (stamp, funding) = (settlement.stamp, settlement.funding);
                let row =
                    FundingRow { stamp, rate: funding.rate, interval: Some(funding.interval), mark, premium: None };
                self.funding.entry(*instrument).or_default().push(row);
            }
            Event::OpenInterest { instrument, coins } if now == now.floor(Span::HOUR) => {
                self.interest.entry(*instrument).or_default().push((now, *coins));
            }
            _ => {}
        }
    }

    /// The books of a minute: its best prices, and the coins within ten levels.
    #[expect(clippy::float_arithmetic, reason = "a generated history")]
    fn books(&mut self, market: &Generator) {
        for instrument in market.catalogue().instruments() {
            let ladder = market.book(instrument.id);
            let (Some(bid), Some(ask)) = (ladder.bids.first(), ladder.asks.first()) else { continue };
            let mid = libm::round(f64::midpoint(bid.0.to_f64(), ask.0.to_f64()) * 1e8) / 1e8;
            let near: f64 = ladder.asks.iter().take(10).map(|level| level.1.to_f64()).sum();
            let series = self.prices.entry(instrument.id).or_default();
            series.look(mid, near);
            series.minute();
        }
        self.marks.values_mut().for_each(Series::minute);
    }

    fn hour(&mut self, opened: WallTime) {
        self.prices.values_mut().chain(self.marks.values_mut()).for_each(|series| series.hour(opened));
    }
}

/// Plays the market of a seed for so many days and writes it; gives the files below the folder.
///
/// # Errors
/// [`DataError`] when a file cannot be written.
pub fn write_sample(folder: &Path, seed: u64, days: u32) -> Result<Vec<PathBuf>, DataError> {
    let mut market = Generator::new(seed, START);
    let mut recorder = Recorder::default();
    let mut events = Vec::new();
    for hour in 0..i64::from(days) * 24 {
        for _ in 0..60 {
            events.clear();
            market.step(&mut events);
            for (now, event) in &events {
                if let MarketEvent::Public(event) = event {
                    recorder.take(*now, event);
                }
            }
            recorder.books(&market);
        }
        recorder.hour(START + Span::hours(hour));
    }
    let mut written = Vec::new();
    for instrument in market.catalogue().instruments() {
        files_of(folder, instrument, &recorder, &mut written)?;
    }
    for venue in market.catalogue().venues() {
        let path = PathBuf::from(format!("instruments/{venue}.csv"));
        write_text(&folder.join(&path), &rules_of(*venue, market.catalogue().instruments()))?;
        written.push(path);
    }
    Ok(written)
}

fn files_of(
    folder: &Path,
    instrument: &Instrument,
    recorder: &Recorder,
    written: &mut Vec<PathBuf>,
) -> Result<(), DataError> {
    let (venue, symbol, id) = (instrument.venue, instrument.symbol, instrument.id);
    let mut add = |path: String| {
        written.push(PathBuf::from(&path));
        folder.join(path)
    };
    if let Some(series) = recorder.prices.get(&id) {
        write_candles(&add(format!("klines/{venue}-{}/{symbol}-1h.parquet", instrument.market)), &series.bars)?;
    }
    if instrument.market == Market::Spot {
        return Ok(());
    }
    if let Some(series) = recorder.marks.get(&id) {
        let bars = RawCandles { volume: None, ..series.bars.clone() };
        write_candles(&add(format!("klines/{venue}-mark/{symbol}-1h.parquet")), &bars)?;
    }
    if let Some(rows) = recorder.funding.get(&id) {
        write_funding(&add(format!("funding/{venue}/{symbol}.csv")), rows)?;
    }
    if let Some(rows) = recorder.interest.get(&id) {
        write_open_interest(&add(format!("oi/{venue}/{symbol}-1h.parquet")), rows)?;
    }
    Ok(())
}

/// The rules of a venue's instruments in the form of `data/rules_file.rs`.
fn rules_of(venue: Venue, instruments: &[Instrument]) -> String {
    let mut text =
        String::from("symbol,market,coin,quote,tick,step,min_qty,max_qty,min_notional,maker_bps,taker_bps,brackets\n");
    for one in instruments.iter().filter(|instrument| instrument.venue == venue) {
        let (rules, fees) = (&one.rules, &one.fees);
        let bps =
            |rate: crate::domain::Rate| format_scaled(i128::from(rate.units()), crate::domain::Rate::DECIMALS - 4);
        let brackets: Vec<String> =
            one.brackets.iter().map(|bracket| format!("{}:{}", bracket.floor, bracket.maintenance)).collect();
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{},{}",
            one.symbol,
            one.market,
            one.coin,
            one.quote,
            rules.tick,
            rules.step,
            rules.min_quantity,
            rules.max_quantity,
            rules.min_notional,
            bps(fees.maker),
            bps(fees.taker),
            brackets.join(";"),
        );
    }
    text
}
