//! The CSV files of a run: fills, funding, equity, round trips. Stamps are integers in milliseconds, money is exact.
//!
//! One row is written field by field into the writer's own buffer, so a year of bars costs no allocation per cell. Column
//! names are a promise to whoever audits a run; `tests/suite/report.rs` holds them.

use super::foreign;
use super::lines;
use super::run::{EquityRow, FillRow, FundingRow, Lines, TripRow};
use crate::domain::decimal::{self, DECIMALS};
use crate::domain::money::AMOUNT_DECIMALS;
use crate::domain::{Amount, Rate, WallTime};
use std::io::{self, Write};

/// One CSV file being written.
struct Sheet<W: Write> {
    rows: csv::Writer<W>,
    scratch: Vec<u8>,
}

impl<W: Write> Sheet<W> {
    fn new(out: W, head: &str) -> io::Result<Self> {
        let mut rows = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(out);
        rows.write_record(head.split(','))?;
        Ok(Self { rows, scratch: Vec::with_capacity(64) })
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        Ok(self.rows.write_field(foreign::cell(text).as_bytes())?)
    }

    fn scaled(&mut self, units: impl Into<i128>, decimals: u32) -> io::Result<()> {
        self.scratch.clear();
        decimal::write_scaled(&mut self.scratch, units.into(), decimals);
        Ok(self.rows.write_field(&self.scratch)?)
    }

    fn integer(&mut self, number: i64) -> io::Result<()> {
        self.scaled(number, 0)
    }

    fn amount(&mut self, amount: Amount) -> io::Result<()> {
        self.scaled(amount.units(), AMOUNT_DECIMALS)
    }

    fn lines(&mut self, profit: &Lines) -> io::Result<()> {
        lines::amounts(profit).into_iter().try_for_each(|amount| self.amount(amount))
    }

    /// Statistics have so many decimals; one that does not exist is an empty cell.
    fn float(&mut self, value: Option<f64>, decimals: usize) -> io::Result<()> {
        self.scratch.clear();
        if let Some(number) = value.filter(|number| number.is_finite()) {
            write!(self.scratch, "{number:.decimals$}")?;
        }
        Ok(self.rows.write_field(&self.scratch)?)
    }

    fn end_row(&mut self) -> io::Result<()> {
        Ok(self.rows.write_record(None::<&[u8]>)?)
    }

    fn finish(mut self) -> io::Result<()> {
        self.rows.flush()
    }
}

/// `fills.csv`: every fill in time order; `fee` above zero is paid.
///
/// # Errors
/// What `out` says.
pub fn fills(out: impl Write, rows: &[FillRow]) -> io::Result<()> {
    let head = "ts_ms,pair,venue,symbol,leg,side,qty,price,mid,fee,fee_asset,arrival_mid,intent,reason";
    let mut sheet = Sheet::new(out, head)?;
    for row in rows {
        sheet.integer(row.at.0)?;
        sheet.text(&row.pair)?;
        sheet.text(&row.venue)?;
        sheet.text(&row.symbol)?;
        sheet.text(row.leg.as_str())?;
        sheet.text(row.side.as_str())?;
        sheet.scaled(row.quantity.units(), DECIMALS)?;
        sheet.scaled(row.price.units(), DECIMALS)?;
        sheet.scaled(row.mid.units(), DECIMALS)?;
        sheet.amount(row.fee)?;
        sheet.text(row.fee_asset.as_str())?;
        sheet.scaled(row.arrival_mid.units(), DECIMALS)?;
        sheet.text(&row.intent)?;
        sheet.text(&row.reason)?;
        sheet.end_row()?;
    }
    sheet.finish()
}

/// `funding.csv`: every settlement on a position; `amount` above zero is received.
///
/// # Errors
/// What `out` says.
pub fn funding(out: impl Write, rows: &[FundingRow]) -> io::Result<()> {
    let mut sheet = Sheet::new(out, "ts_ms,pair,venue,symbol,qty,mark_price,mark_source,rate,amount")?;
    for row in rows {
        sheet.integer(row.at.0)?;
        sheet.text(&row.pair)?;
        sheet.text(&row.venue)?;
        sheet.text(&row.symbol)?;
        sheet.scaled(row.quantity.units(), DECIMALS)?;
        sheet.scaled(row.mark_price.units(), DECIMALS)?;
        sheet.text(&row.mark_source)?;
        sheet.scaled(row.rate.units(), Rate::DECIMALS)?;
        sheet.amount(row.amount)?;
        sheet.end_row()?;
    }
    sheet.finish()
}

/// `equity.csv`: equity and the profit lines since the start.
///
/// # Errors
/// What `out` says.
pub fn equity(out: impl Write, rows: &[EquityRow]) -> io::Result<()> {
    let mut sheet = Sheet::new(out, &format!("ts_ms,equity,{}", lines::NAMES.join(",")))?;
    for row in rows {
        sheet.integer(row.at.0)?;
        sheet.amount(row.equity)?;
        sheet.lines(&row.lines)?;
        sheet.end_row()?;
    }
    sheet.finish()
}

/// `trips.csv`: one row a round trip with its own profit lines; `closed_ms` is empty while it is open.
///
/// # Errors
/// What `out` says.
pub fn trips(out: impl Write, rows: &[TripRow]) -> io::Result<()> {
    let head = format!(
        "pair,opened_ms,closed_ms,coins,notional,entry_basis_bps,exit_basis_bps,settlements,{},total,naked_s,\
         entry_reason,exit_reason",
        lines::NAMES.join(",")
    );
    let mut sheet = Sheet::new(out, &head)?;
    for row in rows {
        sheet.text(&row.pair)?;
        sheet.integer(row.opened.0)?;
        match row.closed {
            Some(WallTime(at)) => sheet.integer(at)?,
            None => sheet.text("")?,
        }
        sheet.scaled(row.coins.units(), DECIMALS)?;
        sheet.amount(row.notional)?;
        sheet.float(Some(row.entry_basis_bps), 4)?;
        sheet.float(row.exit_basis_bps, 4)?;
        sheet.integer(i64::from(row.settlements))?;
        sheet.lines(&row.lines)?;
        sheet.amount(row.lines.total())?;
        sheet.float(Some(row.naked_s), 3)?;
        sheet.text(&row.entry_reason)?;
        sheet.text(row.exit_reason.as_deref().unwrap_or(""))?;
        sheet.end_row()?;
    }
    sheet.finish()
}
