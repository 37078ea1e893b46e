//! The rows of a session as CSV files, from the last reading of its own files: exact, and in the columns of `carry export`.
//!
//! Tests: `tests/commands/page_ledger.rs`.

use super::days;
use super::history::{History, net};
use super::words;
use crate::report::sheets;
use std::io::{self, Write as _};

/// Names of the files.
pub const NAMES: [&str; 5] = ["fills.csv", "funding.csv", "trips.csv", "equity.csv", "days.csv"];

/// One of them; `None` for a name that is none.
///
/// # Errors
/// What the writer says.
#[must_use]
pub fn of(history: &History, name: &str) -> Option<io::Result<Vec<u8>>> {
    let mut bytes = Vec::new();
    let result = &history.result;
    let written = match name {
        "fills.csv" => sheets::fills(&mut bytes, &result.fills),
        "funding.csv" => sheets::funding(&mut bytes, &result.funding),
        "trips.csv" => sheets::trips(&mut bytes, &result.trips),
        "equity.csv" => sheets::equity(&mut bytes, &result.equity),
        "days.csv" => by_day(&mut bytes, history),
        _ => return None,
    };
    Some(written.map(|()| bytes))
}

/// A row a UTC day: its lines, its net without transfers, the settlements booked, and whether it has ended.
fn by_day(out: &mut Vec<u8>, history: &History) -> io::Result<()> {
    for (place, day) in days::all(history).iter().enumerate() {
        let named = day.lines.named();
        if place == 0 {
            let heads: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
            writeln!(out, "day,{},net,settlements,closed", heads.join(","))?;
        }
        let lines: Vec<String> = named.iter().map(|(_, amount)| amount.to_string()).collect();
        let (date, net) = (words::date(day.start), net(&day.lines));
        writeln!(out, "{date},{},{net},{},{}", lines.join(","), day.settlements, day.closed)?;
    }
    Ok(())
}
