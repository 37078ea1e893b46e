//! Cells to rows of the layout: stamps of one unit, rates as plain fractions, prices as decimals; what cannot be used is
//! refused with its place.

use super::meaning::{Hints, Meaning, meaning};
use super::sheet::Sheet;
use crate::data::coverage::STEPS;
use crate::data::error::{Place, escaped, plausible};
use crate::data::history::FundingRow;
use crate::data::save::RawCandles;
use crate::data::what::What;
use crate::domain::decimal::{NumberError, parse_scaled};
use crate::domain::{Price, Rate, Span, WallTime};
use std::collections::{BTreeMap, BTreeSet};

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// Rows of the layout.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Settlements, rising.
    Funding(Vec<(FundingRow, Place)>),
    /// Candles, rising, and their step.
    Candles(RawCandles, Span),
}

/// What became of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What it is.
    pub meaning: Meaning,
    /// Its symbol as a file name.
    pub symbol: String,
    /// `s`, `ms`, `us`, `ns` or `iso`.
    pub unit: &'static str,
    /// The rows that can be used.
    pub rows: Rows,
    /// First and last stamp.
    pub ends: Option<(WallTime, WallTime)>,
    /// Rows of other symbols, passed over because one was asked for.
    pub others: usize,
    /// The rows that cannot.
    pub refused: Vec<Refused>,
}

/// Reads a sheet. `percent` divides rates by 100.
///
/// # Errors
/// The doubt about the sheet as a whole.
pub fn read(sheet: &Sheet, hints: &Hints, percent: bool) -> Result<Read, String> {
    let meaning = meaning(sheet, hints)?;
    let time = meaning.columns.get("time").copied().unwrap_or(0);
    let unit = unit_of(sheet, time)?;
    let (symbol, wanted) = symbol_of(sheet, &meaning)?;
    let mut cells = Cells { columns: &meaning.columns, unit, percent, refused: Vec::new() };
    let mut others = 0;
    let mut rows = Vec::new();
    for (place, row) in &sheet.rows {
        if wanted.is_some_and(|(column, raw)| row.get(column).map(|text| bare(text)) != Some(bare(raw))) {
            others += 1;
        } else if let Some(row) = cells.row(*place, row, meaning.what) {
            rows.push((row, *place));
        }
    }
    rows.sort_by_key(|row| row.0.stamp());
    let ends = rows.first().zip(rows.last()).map(|(first, last)| (WallTime(first.0.stamp()), WallTime(last.0.stamp())));
    let mut refused = cells.refused;
    let rows = if meaning.what == What::Funding {
        let settled = |(row, place)| match row {
            Cell::Settled(row) => Some((row, place)),
            Cell::Candle(..) => None,
        };
        Rows::Funding(rows.into_iter().filter_map(settled).collect())
    } else {
        candles(&rows, &meaning, &mut refused)?
    };
    refused.sort_by_key(|one| one.place.line());
    Ok(Read { meaning, symbol, unit, rows, ends, others, refused })
}

/// A symbol as a file is named: `BTC/USDT:USDT` is `BTCUSDT`.
fn bare(text: &str) -> String {
    text.split(':').next().unwrap_or_default().replace('/', "")
}

/// A symbol, and the column and name to keep when the sheet holds several.
type Chosen<'a> = (String, Option<(usize, &'a str)>);

/// The symbol of a sheet.
fn symbol_of<'a>(sheet: &Sheet, meaning: &'a Meaning) -> Result<Chosen<'a>, String> {
    let column = meaning.columns.get("symbol").copied();
    let of_row = |row: &(Place, Vec<String>)| column.and_then(|column| row.1.get(column)).map(|text| bare(text));
    let met: BTreeSet<String> = sheet.rows.iter().filter_map(of_row).collect();
    let listed = || escaped(&met.iter().take(6).cloned().collect::<Vec<_>>().join(", "), 120);
    match (&meaning.symbol, column) {
        (Some(symbol), Some(column)) if met.contains(&bare(symbol)) => Ok((bare(symbol), Some((column, symbol)))),
        // A flag may rename the one symbol of a file (a coin name to the venue's own), but not choose one that is not there.
        (Some(symbol), _) if met.len() <= 1 => Ok((bare(symbol), None)),
        (Some(symbol), _) => Err(format!("holds {}, and not {}", listed(), escaped(symbol, 40))),
        (None, _) => match (met.first(), met.len()) {
            (Some(only), 1) => Ok((only.clone(), None)),
            (Some(_), _) => Err(format!("holds several symbols ({}): expected --symbol with one of them", listed())),
            (None, _) => Err("does not say its symbol: expected --symbol".to_owned()),
        },
    }
}

/// The unit of all times of a sheet.
fn unit_of(sheet: &Sheet, column: usize) -> Result<&'static str, String> {
    let mut met: BTreeMap<&'static str, Place> = BTreeMap::new();
    for (place, row) in &sheet.rows {
        if let Some(unit) = row.get(column).and_then(|text| unit(text)) {
            met.entry(unit).or_insert(*place);
        }
    }
    let mut units = met.iter();
    match (units.next(), units.next()) {
        (Some((unit, _)), None) => Ok(unit),
        (Some((one, first)), Some((other, second))) => {
            Err(format!("has times in {one} ({first}) and in {other} ({second}): expected one unit in a file"))
        }
        (None, _) => Err("has no readable times: expected seconds, ms, us, or ISO 8601 in UTC".to_owned()),
    }
}

fn unit(text: &str) -> Option<&'static str> {
    let whole = text.split('.').next().unwrap_or_default();
    if let Ok(number) = whole.parse::<i64>() {
        let units = [("s", 1_000), ("ms", 1), ("us", -1_000), ("ns", -1_000_000)];
        return units.into_iter().find(|(_, factor)| to_ms(number, *factor).is_some_and(plausible)).map(|one| one.0);
    }
    iso(text).map(|_| "iso")
}

/// Milliseconds of a number of units; a factor below zero divides.
const fn to_ms(number: i64, factor: i64) -> Option<i64> {
    if factor > 0 { number.checked_mul(factor) } else { Some(number.div_euclid(-factor)) }
}

fn iso(text: &str) -> Option<WallTime> {
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(WallTime(stamp.as_millisecond()));
    }
    let at: jiff::civil::DateTime = text.parse().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(at).ok().map(|stamp| WallTime(stamp.as_millisecond()))
}

enum Cell {
    Settled(FundingRow),
    Candle(i64, [f64; 4], Option<f64>),
}

impl Cell {
    const fn stamp(&self) -> i64 {
        match self {
            Self::Settled(row) => row.stamp.0,
            Self::Candle(opened, ..) => *opened,
        }
    }
}

struct Cells<'a> {
    columns: &'a BTreeMap<&'static str, usize>,
    unit: &'static str,
    percent: bool,
    refused: Vec<Refused>,
}

impl Cells<'_> {
    fn row(&mut self, place: Place, row: &[String], what: What) -> Option<Cell> {
        let made = if what == What::Funding { self.settled(row) } else { self.candle(row, what) };
        made.map_err(|why| self.refused.push(Refused { place, why })).ok()
    }

    fn cell<'r>(&self, row: &'r [String], name: &str) -> Option<&'r str> {
        let text = row.get(*self.columns.get(name)?)?.as_str();
        (!text.is_empty()).then_some(text)
    }

    fn time(&self, row: &[String]) -> Result<WallTime, String> {
        let text = self.cell(row, "time").ok_or("time is empty")?;
        let bad = || format!("time \"{}\" is no time in {}", escaped(text, 40), self.unit);
        let factor = match self.unit {
            "s" => 1_000,
            "us" => -1_000,
            "ns" => -1_000_000,
            "iso" => return iso(text).filter(|at| plausible(at.0)).ok_or_else(bad),
            _ => 1,
        };
        // Some write 1704067200000.0.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        let number = whole.parse().ok().and_then(|number| to_ms(number, factor)).filter(|ms| plausible(*ms));
        number.map(WallTime).ok_or_else(bad)
    }

    fn rate(&self, row: &[String], name: &str) -> Result<Option<Rate>, String> {
        let Some(text) = self.cell(row, name) else { return Ok(None) };
        let bad = |problem: &dyn std::fmt::Display| format!("{name} \"{}\" {problem}", escaped(text, 40));
        let number = match (text.strip_suffix('%'), self.percent) {
            (Some(number), true) => number.trim_end(),
            (Some(_), false) => return Err(bad(&"is in percent; --rates-in percent converts")),
            (None, _) => text,
        };
        // A hundredth: two decimals less for the digits that are written.
        let decimals = if self.percent { Rate::DECIMALS - 2 } else { Rate::DECIMALS };
        let units = parse_scaled(number, decimals).or_else(|problem| match problem {
            NumberError::TooManyDecimals { .. } => {
                steady(number).map_or(Err(problem), |text| parse_scaled(&text, decimals))
            }
            _ => Err(problem),
        });
        let units = units.map_err(|problem| bad(&problem))?;
        let rate = i64::try_from(units).ok().filter(|units| units.unsigned_abs() <= Rate::ONE.unsigned_abs());
        rate.map(|units| Some(Rate::from_units(units))).ok_or_else(|| bad(&"is beyond 100 %"))
    }

    fn settled(&self, row: &[String]) -> Result<Cell, String> {
        let mark = match self.cell(row, "mark_price") {
            // Binance writes 0 or nothing before it published marks.
            Some(text) if text.parse::<f64>().is_ok_and(|value| value == 0.0) => None,
            Some(text) => Some(
                Price::parse(&rounded(text))
                    .map_err(|problem| format!("mark_price \"{}\" {problem}", escaped(text, 40)))?,
            ),
            None => None,
        };
        Ok(Cell::Settled(FundingRow {
            stamp: self.time(row)?,
            rate: self.rate(row, "rate")?.ok_or("rate is empty")?,
            interval: None,
            mark,
            premium: self.rate(row, "premium")?,
        }))
    }

    fn candle(&self, row: &[String], what: What) -> Result<Cell, String> {
        let stamp = self.time(row)?.0;
        let price = |name: &str| -> Result<f64, String> {
            let text = self.cell(row, name).ok_or_else(|| format!("{name} is empty"))?;
            let bad = |problem: &dyn std::fmt::Display| format!("{name} \"{}\" {problem}", escaped(text, 40));
            let mut value: f64 = text.parse().map_err(|_| bad(&"is not a number"))?;
            if what != What::Premium
                && let Err(problem) = Price::from_double(value)
            {
                value = steady(text).and_then(|text| text.parse().ok()).ok_or_else(|| bad(&problem))?;
                Price::from_double(value).map_err(|_| bad(&problem))?;
            }
            if value.is_finite() { Ok(value) } else { Err(bad(&"is not a number")) }
        };
        let prices = [price("open")?, price("high")?, price("low")?, price("close")?];
        let [open, high, low, close] = prices;
        if high < low || open > high || open < low || close > high || close < low {
            return Err(format!("open {open}, high {high}, low {low}, close {close} are no candle"));
        }
        let traded = matches!(what, What::Spot | What::Perp);
        let volume = match self.cell(row, "volume").filter(|_| traded) {
            Some(text) => {
                let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
                Some(value.ok_or_else(|| format!("volume \"{}\" is no number of coins", escaped(text, 40)))?)
            }
            None if traded => return Err("volume is empty".to_owned()),
            None => None,
        };
        Ok(Cell::Candle(stamp, prices, volume))
    }
}

/// What a program meant that printed a double with all of its digits (`0.00030000000000000003`): the first fifteen are the number,
/// the rest is how the double is stored. `None` for fewer digits: those were written by somebody who meant them.
fn steady(text: &str) -> Option<String> {
    let (mantissa, _) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    let digits = mantissa.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    (digits >= 16).then(|| format!("{value:.14e}"))
}

/// A mark with zeros behind its eighth decimal, as some venues print it.
fn rounded(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() > 8 => {
            format!("{whole}.{}", part.chars().take(8).collect::<String>())
        }
        _ => text.to_owned(),
    }
}

/// Candles on the grid of their step, each once.
fn candles(rows: &[(Cell, Place)], meaning: &Meaning, refused: &mut Vec<Refused>) -> Result<Rows, String> {
    let stamps: BTreeSet<i64> = rows.iter().map(|row| row.0.stamp()).collect();
    let usual = stamps.iter().zip(stamps.iter().skip(1)).map(|(one, next)| next - one).min();
    let step = meaning.step.or(usual.map(Span)).filter(|step| STEPS.contains(step));
    let step = step.ok_or("does not say its step, and its stamps do not show one: expected --step")?;
    let mut out = RawCandles::default();
    let traded = matches!(meaning.what, What::Spot | What::Perp);
    let mut volumes = Vec::new();
    let mut last: Option<&Cell> = None;
    for (cell, place) in rows {
        let Cell::Candle(opened, prices, volume) = cell else { continue };
        if opened.rem_euclid(step.0) != 0 {
            let why = format!("{} is not the start of a {step} bar", WallTime(*opened));
            refused.push(Refused { place: *place, why });
            continue;
        }
        if let Some(Cell::Candle(before, same, traded)) = last
            && before == opened
        {
            if (same, traded) != (prices, volume) {
                let why = format!("{} stands there twice with other values", WallTime(*opened));
                refused.push(Refused { place: *place, why });
            }
            continue;
        }
        out.opened.push(*opened);
        for (column, price) in out.prices.iter_mut().zip(prices) {
            column.push(*price);
        }
        volumes.push(volume.unwrap_or(0.0));
        last = Some(cell);
    }
    out.volume = traded.then_some(volumes);
    Ok(Rows::Candles(out, step))
}
