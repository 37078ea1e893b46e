//! History of a venue's public endpoints into the layout on disk, page by page.
//!
//! What a file holds already is kept and continued, so a download that was cut goes on where it stopped; a file is replaced
//! whole (`data/save.rs`). Only candles that are over are taken. Rows off their step's grid or without a price are left
//! out and counted: they become a hole that `verify` reports, never a zero. Tests: `tests/commands/download.rs`.

use super::public::{AskError, PublicVenue};
use crate::data::candles::read_open_interest;
use crate::data::coverage::STEPS;
use crate::data::error::{DataError, Place};
use crate::data::funding::read_funding;
use crate::data::history::FundingRow;
use crate::data::save::{RawCandles, write_candles, write_funding, write_open_interest};
use crate::data::settlements::{repeats, spacings};
pub use crate::data::what::What;
use crate::domain::{Market, Price, Quantity, Span, Symbol, WallTime};
use crate::venues::answer::{Answer, CandleRow};
use crate::venues::ask::{Ask, Candles};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// One file to fill.
#[derive(Debug, Clone)]
pub struct Job {
    /// Name of the venue, for the path.
    pub venue: String,
    /// Whose.
    pub symbol: Symbol,
    /// What.
    pub what: What,
    /// Length of a candle.
    pub step: Span,
    /// First instant wanted; as far back as the venue goes when absent.
    pub from: Option<WallTime>,
    /// Last instant wanted, not after now.
    pub to: WallTime,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Rows that the file did not have.
    pub added: usize,
    /// Rows of the venue that cannot be kept.
    pub left_out: usize,
    /// Rows of the file now.
    pub rows: usize,
    /// First and last stamp of the file now.
    pub ends: Option<(WallTime, WallTime)>,
}

/// Why a job is not done; what came before it is on disk.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The venue.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The disk.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Pages that do not go on: the venue gave rows that were not asked for.
    #[error("{0}: the venue's pages do not move on")]
    Stuck(String),
}

/// Before any perp of the family: the venues give their first rows from there on.
const BEGINNING: WallTime = WallTime(1_500_000_000_000);
/// Pages between two writes to disk.
const PAGES_KEPT: u32 = 25;
/// How far back open interest goes.
const MONTH: Span = Span::hours(29 * 24);

/// The venue's word for a step, when it has one that the layout knows too.
#[must_use]
pub fn step_word(step: Span) -> Option<&'static str> {
    let words = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"];
    words.into_iter().zip(STEPS).find(|(_, span)| *span == step).map(|(word, _)| word)
}

impl Job {
    /// Its file below the folder of history.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.what.path(&self.venue, self.symbol, self.step)
    }

    /// What is still wanted, given the stamps of the file: what lies before them (when a start was asked for), what is missing
    /// between them, and what came after. Holes that lie near one another are asked for together.
    fn ranges(&self, have: &[WallTime], end: WallTime) -> Vec<(WallTime, WallTime)> {
        let start = match self.what {
            What::OpenInterest => self.from.unwrap_or(BEGINNING).max(self.to - MONTH),
            _ => self.from.unwrap_or(BEGINNING),
        };
        let (Some(first), Some(last)) = (have.first(), have.last()) else { return vec![(start, end)] };
        let mut wanted: Vec<(WallTime, WallTime)> = self.from.map(|_| (start, *first + Span(-1))).into_iter().collect();
        for (earlier, later) in self.holes(have) {
            let hole = (earlier + Span(1), later + Span(-1));
            match wanted.last_mut().filter(|last| earlier.since(last.1) <= self.near()) {
                Some(last) => last.1 = hole.1,
                None => wanted.push(hole),
            }
        }
        wanted.push((start.max(*last + Span(1)), end));
        wanted.iter().map(|(from, to)| ((*from).max(start), (*to).min(end))).filter(|(from, to)| from <= to).collect()
    }

    /// Stamps of the file between which something is missing.
    fn holes(&self, have: &[WallTime]) -> Vec<(WallTime, WallTime)> {
        let two = have.iter().copied().zip(have.iter().skip(1).copied());
        if self.what == What::Funding {
            let spacing = spacings(have);
            return two.zip(spacing).filter(|(_, interval)| interval.is_none()).map(|(two, _)| two).collect();
        }
        two.filter(|(earlier, later)| later.since(*earlier) > self.step).collect()
    }

    /// How far apart two holes may be to be asked for together.
    fn near(&self) -> Span {
        let rows = if self.what == What::Funding { Span::hours(8) } else { self.step };
        Span(rows.0.saturating_mul(300))
    }
}

/// Fills one file; `seen` is told how far it came.
///
/// # Errors
/// [`DownloadError`]; rows that came before it are kept.
pub async fn download(
    venue: &mut PublicVenue,
    job: &Job,
    data: &Path,
    seen: &dyn Fn(WallTime),
) -> Result<Done, DownloadError> {
    let file = data.join(job.path());
    match job.what {
        What::Funding => {
            let have = if file.exists() { read_funding(&file)? } else { Vec::new() };
            let stamps: Vec<WallTime> = have.iter().map(|row| row.stamp).collect();
            let rows: BTreeMap<WallTime, FundingRow> = have.into_iter().map(|row| (row.stamp, row)).collect();
            let write = |rows: &mut BTreeMap<WallTime, FundingRow>| {
                each_once(&file, &stamps, rows)?;
                write_funding(&file, &rows.values().copied().collect::<Vec<_>>())
            };
            Pages { venue, job, end: job.to, limit: 1000 }.fill(rows, funding_rows, write, seen).await
        }
        What::OpenInterest => {
            let have = if file.exists() { read_open_interest(&file)? } else { Vec::new() };
            let rows: BTreeMap<WallTime, Quantity> = have.into_iter().collect();
            let write = |rows: &mut BTreeMap<WallTime, Quantity>| {
                write_open_interest(&file, &rows.iter().map(|(at, coins)| (*at, *coins)).collect::<Vec<_>>())
            };
            Pages { venue, job, end: job.to, limit: 500 }.fill(rows, interest_rows, write, seen).await
        }
        What::Spot | What::Perp | What::Mark | What::Premium => {
            let have = if file.exists() { RawCandles::read(&file)? } else { RawCandles::default() };
            let write = |rows: &mut BTreeMap<WallTime, Candle>| write_candles(&file, &columns(rows, job.what));
            let limit = if job.what == What::Spot { 1000 } else { 1500 };
            // The last millisecond of a day means the whole day, so the candle that ends with it is over.
            let end = job.to + Span(1) - job.step;
            Pages { venue, job, end, limit }.fill(candles_of(&have), candle_rows, write, seen).await
        }
    }
}

struct Pages<'a> {
    venue: &'a mut PublicVenue,
    job: &'a Job,
    end: WallTime,
    limit: u32,
}

/// The rows of one page by stamp, and how many were left out.
type Page<T> = (Vec<(WallTime, Option<T>)>, usize);

impl Pages<'_> {
    async fn fill<T>(
        self,
        mut rows: BTreeMap<WallTime, T>,
        read: fn(&Job, Answer) -> Page<T>,
        write: impl Fn(&mut BTreeMap<WallTime, T>) -> Result<(), DataError>,
        seen: &dyn Fn(WallTime),
    ) -> Result<Done, DownloadError> {
        let stamps: Vec<WallTime> = rows.keys().copied().collect();
        let (before, mut left_out, mut unsaved) = (rows.len(), 0, 0_u32);
        let mut failed = None;
        'ranges: for (mut start, end) in self.job.ranges(&stamps, self.end) {
            while start <= end {
                let (page, odd) = match self.venue.ask(&self.ask(start, end)).await {
                    Ok(answer) => read(self.job, answer),
                    Err(error) => {
                        failed = Some(DownloadError::Ask(error));
                        break 'ranges;
                    }
                };
                let asked_to = self.asked_to(start, end);
                let Some(last) = page.iter().map(|row| row.0).max().or(asked_to) else { break };
                if last < start {
                    failed = Some(DownloadError::Stuck(self.job.path().display().to_string()));
                    break 'ranges;
                }
                left_out += odd;
                let whole = page.len() >= usize::try_from(self.limit).unwrap_or(usize::MAX);
                rows.extend(page.into_iter().filter_map(|(at, row)| Some((at, row?))).filter(|row| row.0 <= end));
                seen(last);
                start = asked_to.unwrap_or(last).max(last) + Span(1);
                unsaved += 1;
                if unsaved >= PAGES_KEPT {
                    write(&mut rows)?;
                    unsaved = 0;
                }
                if !whole && asked_to.is_none() {
                    break;
                }
            }
        }
        if rows.len() > before {
            write(&mut rows)?;
        }
        let added = rows.len().saturating_sub(before);
        failed.map_or(Ok(Done { added, left_out, rows: rows.len(), ends: ends_of(&rows) }), Err)
    }

    /// The end of the window that is asked for, where a window holds no more than one answer: such pages go on by windows,
    /// since a short one may have a hole. The others go on by what came.
    fn asked_to(&self, start: WallTime, end: WallTime) -> Option<WallTime> {
        let reach = Span(self.job.step.0.saturating_mul(i64::from(self.limit) - 1));
        (self.job.what == What::OpenInterest).then(|| end.min(start + reach))
    }

    fn ask(&self, start: WallTime, end: WallTime) -> Ask {
        let (symbol, limit, step) = (self.job.symbol, self.limit, step_word(self.job.step).unwrap_or("1h"));
        let kind = match self.job.what {
            What::Funding => return Ask::FundingHistory { symbol, start: Some(start), end: Some(end), limit },
            What::OpenInterest => {
                let end = self.asked_to(start, end).unwrap_or(end);
                return Ask::OpenInterestHistory { symbol, step, start, end, limit };
            }
            What::Spot => Candles::Trade(Market::Spot),
            What::Perp => Candles::Trade(Market::Perp),
            What::Mark => Candles::Mark,
            What::Premium => Candles::Premium,
        };
        Ask::Candles { kind, symbol, step, start, end, limit }
    }
}

/// Takes out rows that tell a settlement again which the file, or an earlier row, has: venues stamp some milliseconds late,
/// and files that were floored to the hour are continued.
fn each_once(file: &Path, have: &[WallTime], rows: &mut BTreeMap<WallTime, FundingRow>) -> Result<(), DataError> {
    let stamps: Vec<WallTime> = rows.keys().copied().collect();
    for (stamp, first) in stamps.iter().zip(repeats(&stamps)) {
        let Some(first) = first.and_then(|place| stamps.get(place)) else { continue };
        let (Some(kept), Some(again)) = (rows.get(first).copied(), rows.get(stamp).copied()) else { continue };
        if kept.rate != again.rate {
            let line = have.binary_search(first).or_else(|_| have.binary_search(stamp)).map_or(1, |place| place + 2);
            let place = Place::Line(u64::try_from(line).unwrap_or(1), 1);
            let problem = format!(
                "the settlement of {first} has rate {} and, stamped {stamp}, rate {}: one of the file and one of the venue; \
                 expected one rate",
                kept.rate, again.rate
            );
            return Err(DataError::row(file, place, problem));
        }
        rows.remove(stamp);
    }
    Ok(())
}

fn ends_of<T>(rows: &BTreeMap<WallTime, T>) -> Option<(WallTime, WallTime)> {
    rows.first_key_value().zip(rows.last_key_value()).map(|((first, _), (last, _))| (*first, *last))
}

fn funding_rows(job: &Job, answer: Answer) -> Page<FundingRow> {
    let Answer::FundingHistory(rows) = answer else { return (Vec::new(), 0) };
    let kept = rows.into_iter().filter(|row| row.symbol == job.symbol);
    let row = |row: crate::venues::answer::FundingRow| {
        (
            row.stamp,
            Some(FundingRow { stamp: row.stamp, rate: row.rate, interval: None, mark: row.mark, premium: None }),
        )
    };
    (kept.map(row).collect(), 0)
}

fn interest_rows(_: &Job, answer: Answer) -> Page<Quantity> {
    let Answer::OpenInterest(rows) = answer else { return (Vec::new(), 0) };
    (rows.into_iter().map(|(at, coins)| (at, Some(coins))).collect(), 0)
}

/// Open, high, low, close and coins.
#[derive(Debug, Clone, Copy)]
struct Candle([f64; 4], Option<f64>);

fn candle_rows(job: &Job, answer: Answer) -> Page<Candle> {
    let Answer::Candles(rows) = answer else { return (Vec::new(), 0) };
    let page: Vec<_> = rows.iter().map(|row| (row.opened, candle(job, row))).collect();
    let left_out = page.iter().filter(|row| row.1.is_none()).count();
    (page, left_out)
}

fn candle(job: &Job, row: &CandleRow) -> Option<Candle> {
    let on_grid = row.opened.0.rem_euclid(job.step.0.max(1)) == 0;
    let number = |text: &String| text.parse::<f64>().ok().filter(|value| value.is_finite());
    let price = |text: &String| {
        let good = job.what == What::Premium || Price::parse(text).is_ok();
        if good { number(text) } else { None }
    };
    let [open, high, low, close] = &row.prices;
    let prices = [price(open)?, price(high)?, price(low)?, price(close)?];
    let volume = match &row.volume {
        Some(text) => Some(number(text)?),
        None => None,
    };
    on_grid.then_some(Candle(prices, volume))
}

fn candles_of(raw: &RawCandles) -> BTreeMap<WallTime, Candle> {
    let value = |column: usize, place: usize| raw.prices.get(column)?.get(place).copied();
    let candle = |(place, stamp): (usize, &i64)| {
        let prices = [value(0, place)?, value(1, place)?, value(2, place)?, value(3, place)?];
        Some((WallTime(*stamp), Candle(prices, raw.volume.as_ref().and_then(|volume| volume.get(place).copied()))))
    };
    raw.opened.iter().enumerate().filter_map(candle).collect()
}

fn columns(rows: &BTreeMap<WallTime, Candle>, what: What) -> RawCandles {
    let column = |pick: fn(&Candle) -> f64| rows.values().map(pick).collect::<Vec<_>>();
    let traded = matches!(what, What::Spot | What::Perp);
    RawCandles {
        opened: rows.keys().map(|at| at.0).collect(),
        prices: [
            column(|candle| candle.0[0]),
            column(|candle| candle.0[1]),
            column(|candle| candle.0[2]),
            column(|candle| candle.0[3]),
        ],
        volume: traded.then(|| rows.values().map(|candle| candle.1.unwrap_or(0.0)).collect()),
    }
}
