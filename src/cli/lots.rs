//! `carry export --lots`: a session as tax forms ask for it. Tests: `tests/commands/lots.rs`.

use super::folder;
use super::{Exit, Failure};
use crate::domain::{Amount, WallTime};
use crate::report::foreign;
use crate::run::lots::{Declared, LotRow, OtherRow, SettlementRow, Totals};
use serde::Serialize;
use std::io::{self, Write};

/// Columns of the table; a promise to whoever reads it by program.
const HEAD: [&str; 19] = [
    "kind",
    "pair",
    "venue",
    "symbol",
    "leg",
    "opened_by",
    "asset",
    "quantity",
    "opened_ms",
    "opened",
    "closed_ms",
    "closed",
    "cost",
    "proceeds",
    "fees",
    "gain",
    "amount",
    "currency",
    "note",
];

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    mode: &'a str,
    #[serde(flatten)]
    declared: &'a Declared,
}

/// The rows, as JSON or CSV.
///
/// # Errors
/// What the output says.
pub(super) fn write(out: &mut dyn Write, mode: &str, declared: &Declared, json: bool) -> Result<(), Failure> {
    if json {
        return folder::json(out, &Report { schema: "carry.export.lots/1", mode, declared });
    }
    Ok(csv_of(out, declared)?)
}

/// The sums of the rows are those of the ledger.
///
/// # Errors
/// Exit code 3 when they are not.
pub(super) fn judge(declared: &Declared) -> Result<(), Failure> {
    let Some(wrong) = declared.totals.iter().find(|one| !one.difference.is_zero()) else { return Ok(()) };
    let Totals { ledger, currency, difference, .. } = wrong;
    Err(Failure::new(
        Exit::Difference,
        format!(
            "the lots do not explain the {ledger} {currency} that the ledger's wallets changed by: difference {difference}"
        ),
    ))
}

/// Names and values of a total, in the order in which they sum up.
#[must_use]
pub(super) fn total_lines(one: &Totals) -> [(&'static str, Amount); 11] {
    [
        ("gains of closed lots, before fees", one.gains),
        ("fees paid", one.fees),
        ("funding", one.funding),
        ("other", one.other),
        ("realised = gains - fees + funding + other", one.realised),
        ("moved in or out by somebody", one.moved),
        ("cost of coins that are held", one.held_cost),
        ("of that taken over by adopt", one.adopted),
        ("realised by average cost on open positions", one.average_cost),
        ("change of the ledger's wallets", one.ledger),
        ("difference, must be 0", one.difference),
    ]
}

/// One row of the table before it is written.
#[derive(Default)]
struct Cells([String; HEAD.len()]);

impl Cells {
    fn set(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        let place = HEAD.iter().position(|head| *head == name);
        if let Some(cell) = place.and_then(|place| self.0.get_mut(place)) {
            *cell = value.to_string();
        }
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.set(name, &foreign::cell(value))
    }

    fn maybe(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.set(name, &value),
            None => self,
        }
    }

    /// A time twice: as a number and as UTC text.
    fn time(self, name: &str, at: Option<WallTime>) -> Self {
        let Some(at) = at else { return self };
        self.set(&format!("{name}_ms"), &at.0).set(name, &at)
    }
}

fn csv_of(out: &mut dyn Write, declared: &Declared) -> io::Result<()> {
    let mut sheet = csv::Writer::from_writer(out);
    sheet.write_record(HEAD)?;
    let lots = declared.lots.iter().map(|row| lot("lot", row));
    let open = declared.open.iter().map(|row| lot("open", row));
    let settlements = declared.settlements.iter().map(settlement);
    let other = declared.other.iter().map(rest);
    let totals = declared.totals.iter().flat_map(|one| {
        total_lines(one).map(|(name, amount)| {
            Cells::default()
                .set("kind", &"total")
                .set("amount", &amount)
                .set("currency", &one.currency)
                .set("note", &name)
        })
    });
    for row in lots.chain(open).chain(settlements).chain(other).chain(totals) {
        sheet.write_record(&row.0)?;
    }
    sheet.flush()
}

fn lot(kind: &str, row: &LotRow) -> Cells {
    Cells::default()
        .set("kind", &kind)
        .text("pair", &row.pair)
        .text("venue", &row.venue)
        .text("symbol", &row.symbol)
        .set("leg", &row.leg)
        .set("opened_by", &row.opened_by.as_str())
        .text("asset", row.asset.as_str())
        .set("quantity", &row.quantity)
        .time("opened", Some(row.opened_ms))
        .time("closed", row.closed_ms)
        .maybe("cost", row.cost)
        .maybe("proceeds", row.proceeds)
        .set("fees", &row.fees)
        .maybe("gain", row.gain)
        .text("currency", row.currency.as_str())
        .maybe("note", row.note)
}

fn settlement(row: &SettlementRow) -> Cells {
    Cells::default()
        .set("kind", &"funding")
        .text("pair", &row.pair)
        .text("venue", &row.venue)
        .text("symbol", &row.symbol)
        .set("leg", &"perp")
        .set("quantity", &row.quantity)
        .time("opened", Some(row.settled_ms))
        .time("closed", Some(row.booked_ms))
        .set("amount", &row.amount)
        .text("currency", row.currency.as_str())
        .set("note", &format!("rate {} mark {}", row.rate, row.mark_price))
}

fn rest(row: &OtherRow) -> Cells {
    Cells::default()
        .set("kind", &"other")
        .text("pair", row.pair.as_deref().unwrap_or(""))
        .time("closed", Some(row.at_ms))
        .set("amount", &row.amount)
        .text("currency", row.asset.as_str())
        .set("note", &row.what)
}
