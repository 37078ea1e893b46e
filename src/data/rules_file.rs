//! `instruments/VENUE.csv`: rules of instruments as a person or a recorder wrote them.
//!
//! Columns, by the names of the header: `symbol` and `market` (`spot` or `perp`) say which instrument a line is about. The
//! others may be left out or left empty, then a built-in value holds:
//! `coin`, `quote` (else split from the symbol), `multiplier` (coins in one contract), `tick` (quote coins), `step`,
//! `min_qty`, `max_qty` (coins), `min_notional` (quote coins), `maker_bps`, `taker_bps` (basis points of the value; below zero
//! is a rebate), `brackets` (notional from which a maintenance ratio holds: `0:0.004;50000:0.005`). An unknown column is an
//! error, because a misspelt limit would silently not hold. Tests: here and in `tests/suite/data.rs`.

use super::error::{Bad, DataError, Place, escaped};
use super::lines::Lines;
use crate::domain::decimal::parse_scaled;
use crate::domain::margin::Bracket;
use crate::domain::{Amount, Asset, Market, NumberError, Price, Quantity, Rate, Symbol};
use std::path::Path;

const COLUMNS: [&str; 13] = [
    "coin",
    "quote",
    "symbol",
    "market",
    "multiplier",
    "tick",
    "step",
    "min_qty",
    "max_qty",
    "min_notional",
    "maker_bps",
    "taker_bps",
    "brackets",
];
const NAME: &str = "a name of printable text without spaces";
const COINS: &str = "coins, above zero, with at most 8 decimals";
const BRACKETS: &str = "rising NOTIONAL:RATIO from 0 on, such as 0:0.004;50000:0.005, with ratios above 0 up to 1";
const FEE: &str = "basis points from -100 to 1000, such as 5 or -0.5";

/// What a line says; `None` where nothing is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    pub(crate) coin: Option<Asset>,
    pub(crate) quote: Option<Asset>,
    pub(crate) multiplier: Option<u32>,
    pub(crate) tick: Option<Price>,
    pub(crate) step: Option<Quantity>,
    pub(crate) min_quantity: Option<Quantity>,
    pub(crate) max_quantity: Option<Quantity>,
    pub(crate) min_notional: Option<Amount>,
    pub(crate) maker: Option<Rate>,
    pub(crate) taker: Option<Rate>,
    pub(crate) brackets: Option<Vec<Bracket>>,
}

/// A line and the instrument it is about.
#[derive(Debug, Clone)]
pub(crate) struct RulesLine {
    pub(crate) symbol: Symbol,
    pub(crate) market: Market,
    pub(crate) written: Written,
}

/// Reads the rules of one venue.
pub(crate) fn read_rules(file: &Path) -> Result<Vec<RulesLine>, DataError> {
    let mut lines = Lines::open(file)?;
    let names = lines.header("symbol,market,tick,step")?;
    if let Some((field, stranger)) = names.iter().enumerate().find(|(_, name)| !COLUMNS.contains(&name.as_str())) {
        let likeness = |known: &&&str| (strsim::jaro_winkler(known, stranger) * 1e6).round();
        let nearest = COLUMNS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).copied().unwrap_or_default();
        let problem = format!("column `{}` is not known; did you mean `{nearest}`?", escaped(stranger, 40));
        return Err(DataError::row(file, lines.place(field), problem));
    }
    let row = Row { file, names: &names };
    for column in ["symbol", "market"] {
        if row.field(column).is_none() {
            let found = escaped(&names.join(", "), 200);
            return Err(DataError::NoColumn { file: file.to_path_buf(), column: column.to_owned(), found });
        }
    }
    let mut out: Vec<RulesLine> = Vec::new();
    while lines.next()? {
        lines.at_least(names.len())?;
        let line = row.line(&lines)?;
        if out.iter().any(|known| (known.symbol, known.market) == (line.symbol, line.market)) {
            let problem = format!("{} {} stands there twice", escaped(line.symbol.as_str(), 40), line.market);
            return Err(DataError::row(file, Place::Line(lines.line(), 1), problem));
        }
        out.push(line);
    }
    Ok(out)
}

struct Row<'a> {
    file: &'a Path,
    names: &'a [String],
}

impl Row<'_> {
    fn field(&self, column: &str) -> Option<usize> {
        self.names.iter().position(|name| name == column)
    }

    /// The value of a cell, or `None` when the column or the cell is empty.
    fn cell<T, E: std::fmt::Display>(
        &self,
        lines: &Lines<'_>,
        column: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, DataError> {
        let Some(field) = self.field(column) else { return Ok(None) };
        let text = lines.text(field)?;
        if text.is_empty() {
            return Ok(None);
        }
        let bad = Bad { file: self.file, place: lines.place(field), column, expected };
        parse(text).map(Some).map_err(|problem| bad.is(format_args!("\"{}\"", escaped(text, 40)), problem))
    }

    fn line(&self, lines: &Lines<'_>) -> Result<RulesLine, DataError> {
        let missing = |column: &str| {
            let place = self.field(column).map_or(Place::Line(lines.line(), 1), |field| lines.place(field));
            Bad { file: self.file, place, column, expected: NAME }.is("is", "empty")
        };
        let market = |text: &str| match text {
            "spot" => Ok(Market::Spot),
            "perp" => Ok(Market::Perp),
            _ => Err("is not a market"),
        };
        let name = |text: &str| Asset::new(text).map_err(|_| "is not a name");
        let whole = |text: &str| text.parse().ok().filter(|coins| *coins > 0).ok_or("is not a whole number");
        Ok(RulesLine {
            symbol: self
                .cell(lines, "symbol", NAME, |text| Symbol::new(text).map_err(|_| "is not a name"))?
                .ok_or_else(|| missing("symbol"))?,
            market: self.cell(lines, "market", "`spot` or `perp`", market)?.ok_or_else(|| missing("market"))?,
            written: Written {
                coin: self.cell(lines, "coin", NAME, name)?,
                quote: self.cell(lines, "quote", NAME, name)?,
                multiplier: self.cell(lines, "multiplier", "coins in one contract, 1 or more", whole)?,
                tick: self.cell(lines, "tick", "quote coins, above zero, with at most 8 decimals", Price::parse)?,
                step: self.cell(lines, "step", COINS, positive)?,
                min_quantity: self.cell(lines, "min_qty", COINS, positive)?,
                max_quantity: self.cell(lines, "max_qty", COINS, positive)?,
                min_notional: self.cell(lines, "min_notional", "quote coins, zero or more", not_negative)?,
                maker: self.cell(lines, "maker_bps", FEE, fee)?,
                taker: self.cell(lines, "taker_bps", FEE, fee)?,
                brackets: self.cell(lines, "brackets", BRACKETS, |text| {
                    parse_brackets(text).ok_or("is not a list of brackets")
                })?,
            },
        })
    }
}

fn positive(text: &str) -> Result<Quantity, NumberError> {
    Quantity::parse(text)
        .and_then(|quantity| if quantity.is_zero() { Err(NumberError::NotPositive) } else { Ok(quantity) })
}

fn not_negative(text: &str) -> Result<Amount, NumberError> {
    Amount::parse(text).and_then(|amount| if amount < Amount::ZERO { Err(NumberError::Negative) } else { Ok(amount) })
}

/// Basis points as a fraction, exactly: a point is 1e-4, so 14 decimals of it are the 18 of a rate.
fn fee(text: &str) -> Result<Rate, NumberError> {
    let units = parse_scaled(text, Rate::DECIMALS - 4)?;
    let rate = i64::try_from(units).map(Rate::from_units).map_err(|_| NumberError::OutOfRange)?;
    let bounds = Rate::from_units(-Rate::ONE / 100)..=Rate::from_units(Rate::ONE / 10);
    if bounds.contains(&rate) { Ok(rate) } else { Err(NumberError::OutOfRange) }
}

/// `0:0.004;50000:0.005`: floors rise from zero, ratios are above 0 and at most 1.
pub(crate) fn parse_brackets(text: &str) -> Option<Vec<Bracket>> {
    let mut out: Vec<Bracket> = Vec::new();
    for part in text.split(';') {
        let (floor, ratio) = part.split_once(':')?;
        let bracket = Bracket { floor: Amount::parse(floor).ok()?, maintenance: Rate::parse(ratio).ok()? };
        let rises = out.last().map_or(bracket.floor.is_zero(), |last| bracket.floor > last.floor);
        if !rises || bracket.maintenance <= Rate::ZERO || bracket.maintenance.units() > Rate::ONE {
            return None;
        }
        out.push(bracket);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_rise_from_zero() {
        assert_eq!(parse_brackets("0:0.004;50000:0.005").unwrap().len(), 2);
        for bad in ["", "0", "1:0.1", "0:0", "0:1.1", "0:0.004;0:0.005", "0:0.004;", "0:-0.1", "0:NaN"] {
            assert!(parse_brackets(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn h02_fees_are_basis_points_inside_bounds() {
        assert_eq!(fee("5.5"), Rate::parse("0.00055"));
        assert_eq!(fee("-0.5"), Rate::parse("-0.00005"));
        for bad in ["1001", "-101", "x", ""] {
            assert!(fee(bad).is_err(), "{bad:?}");
        }
    }
}
