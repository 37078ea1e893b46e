//! What `carry stress` says: a table of the shocks, what became of each pair, and the JSON of it. Tests:
//! `tests/suite/stress.rs`.

use super::stress::{Taken, Told};
use super::{Failure, Output, folder};
use crate::domain::{Amount, WallTime};
use crate::report::figures;
use crate::research::fate::{Fate, Lines, Strain};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    /// Whose book it is.
    source: &'a str,
    at_ms: WallTime,
    currency: &'a str,
    equity: Amount,
    book: Vec<Position<'a>>,
    left_out: Vec<LeftOut<'a>>,
    remarks: &'a [String],
    shocks: Vec<OneShock<'a>>,
}

#[derive(Debug, Serialize)]
struct Position<'a> {
    pair: &'a str,
    spot_coins: f64,
    perp_coins: f64,
    spot_mid: f64,
    perp_mid: f64,
    /// Value of the short.
    notional: Amount,
    wallet: &'a str,
}

#[derive(Debug, Serialize)]
struct LeftOut<'a> {
    pair: &'a str,
    why: &'a str,
}

#[derive(Debug, Serialize)]
struct OneShock<'a> {
    name: &'a str,
    what: &'a str,
    /// `table`, or `history` where prices went as they did.
    path: &'static str,
    source: &'a str,
    /// Change of equity.
    change: Amount,
    /// The same over the equity before.
    of_equity: Option<f64>,
    pairs: Vec<OnePair<'a>>,
    wallets: Vec<OneWallet<'a>>,
    acts: Vec<Act<'a>>,
}

#[derive(Debug, Serialize)]
struct OnePair<'a> {
    pair: &'a str,
    change: Amount,
    lines: Money,
    /// `perp` when the venue liquidated the short.
    liquidated_leg: Option<&'static str>,
    liquidated_hour: Option<f64>,
    deleveraged_coins: f64,
    naked_hours: f64,
    spot_coins_left: f64,
    perp_coins_left: f64,
}

#[derive(Debug, Serialize)]
struct Money {
    funding: Amount,
    basis: Amount,
    delta: Amount,
    fees: Amount,
    slippage: Amount,
    liquidation: Amount,
    peg: Amount,
}

#[derive(Debug, Serialize)]
struct OneWallet<'a> {
    wallet: &'a str,
    /// Least rise of the mark until liquidation on the way; zero or less is liquidated. Null without a short.
    least_distance: Option<f64>,
    margin_left: Amount,
    free_left: Amount,
    /// Coins and money that stood at the venue at their most: a failed venue can take all of it.
    at_venue: Amount,
}

#[derive(Debug, Serialize)]
struct Act<'a> {
    hour: f64,
    what: &'a str,
}

/// An estimate in money, to a cent.
fn cents(value: f64) -> Amount {
    Amount::parse(&figures::fixed(value, 2)).unwrap_or_default()
}

fn money(lines: &Lines) -> Money {
    Money {
        funding: cents(lines.funding),
        basis: cents(lines.basis),
        delta: cents(lines.delta),
        fees: cents(lines.fees),
        slippage: cents(lines.slippage),
        liquidation: cents(lines.liquidation),
        peg: cents(lines.peg),
    }
}

fn one_pair(fate: &Fate) -> OnePair<'_> {
    OnePair {
        pair: &fate.pair,
        change: cents(fate.lines.total()),
        lines: money(&fate.lines),
        liquidated_leg: fate.liquidated.map(|_| "perp"),
        liquidated_hour: fate.liquidated,
        deleveraged_coins: fate.deleveraged,
        naked_hours: fate.naked_hours,
        spot_coins_left: fate.long,
        perp_coins_left: fate.short,
    }
}

fn one_wallet(strain: &Strain) -> OneWallet<'_> {
    OneWallet {
        wallet: &strain.name,
        least_distance: strain.least,
        margin_left: cents(strain.margin),
        free_left: cents(strain.free),
        at_venue: cents(strain.at_venue),
    }
}

#[expect(clippy::float_arithmetic, reason = "a part of the equity")]
fn one_shock(told: &Told, equity: f64) -> OneShock<'_> {
    let change = told.outcome.change();
    OneShock {
        name: told.shock.name,
        what: told.shock.what,
        path: if told.history { "history" } else { "table" },
        source: told.shock.source,
        change: cents(change),
        of_equity: (equity > 0.0).then(|| change / equity),
        pairs: told.outcome.pairs.iter().map(one_pair).collect(),
        wallets: told.outcome.wallets.iter().map(one_wallet).collect(),
        acts: told.outcome.acts.iter().map(|(hour, what)| Act { hour: *hour, what }).collect(),
    }
}

/// Prints it.
///
/// # Errors
/// What the output says.
#[expect(clippy::float_arithmetic, reason = "values of positions")]
pub(super) fn report((taken, told): (&Taken, &[Told]), json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let book = &taken.book;
    let wallet = |place: usize| book.purses.get(place).map_or("", |purse| purse.name.as_str());
    let position = |held: &'_ crate::research::book::Held| (held.short * held.perp, held.wallet);
    let report = Report {
        schema: "carry.stress/1",
        source: &taken.source,
        at_ms: book.at,
        currency: &taken.currency,
        equity: cents(book.equity),
        book: book
            .held
            .iter()
            .map(|held| Position {
                pair: &held.pair,
                spot_coins: held.long,
                perp_coins: -held.short,
                spot_mid: held.spot,
                perp_mid: held.perp,
                notional: cents(position(held).0),
                wallet: wallet(position(held).1),
            })
            .collect(),
        left_out: book.left_out.iter().map(|(pair, why)| LeftOut { pair, why }).collect(),
        remarks: &taken.remarks,
        shocks: told.iter().map(|told| one_shock(told, book.equity)).collect(),
    };
    if json { folder::json(output.out, &report) } else { print(&report, output) }
}

fn print(report: &Report<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
    let equity = figures::money(report.equity);
    writeln!(
        output.out,
        "{} at {}: equity {equity} {}\n",
        report.source,
        figures::minute(report.at_ms),
        report.currency
    )?;
    for left in &report.left_out {
        writeln!(output.out, "{} left out: {}", left.pair, left.why)?;
    }
    if report.book.is_empty() {
        return Ok(writeln!(output.out, "Nothing is held: no shock moves it.")?);
    }
    for position in &report.book {
        let notional = figures::money(position.notional);
        writeln!(output.out, "{}: short of {notional}, margin of {}", position.pair, position.wallet)?;
    }
    writeln!(output.out)?;
    let heads = ["shock", "prices", "change", "of equity", "least distance", "liquidated", "deleveraged", "naked h"];
    let mut table = folder::table(&heads, 2..heads.len());
    for shock in &report.shocks {
        table.add_row(row(shock));
    }
    folder::print(output.out, &table)?;
    for shock in &report.shocks {
        writeln!(output.out, "\n{}: {}", shock.name, shock.what)?;
        for pair in &shock.pairs {
            let lines = &pair.lines;
            writeln!(
                output.out,
                "  {}: {} = funding {} + basis {} + delta {} + fees {} + slippage {} + liquidation {} + peg {}",
                pair.pair,
                pair.change,
                lines.funding,
                lines.basis,
                lines.delta,
                lines.fees,
                lines.slippage,
                lines.liquidation,
                lines.peg
            )?;
        }
        for act in shock.acts.iter().take(12) {
            writeln!(output.out, "  {} h  {}", figures::fixed(act.hour, 1), act.what)?;
        }
        if shock.acts.len() > 12 {
            writeln!(output.out, "  and {} more acts; --json has them", shock.acts.len() - 12)?;
        }
        for wallet in &shock.wallets {
            writeln!(output.out, "  {}: {} stands there at the most", wallet.wallet, figures::money(wallet.at_venue))?;
        }
        writeln!(output.out, "  source: {}", shock.source)?;
    }
    for remark in report.remarks {
        writeln!(output.out, "\n{remark}")?;
    }
    Ok(writeln!(output.out, "\nAn estimate: nothing is sent and nothing is booked. Plus is gained.")?)
}

fn row(shock: &OneShock<'_>) -> Vec<String> {
    let least = shock.wallets.iter().filter_map(|wallet| wallet.least_distance).min_by(f64::total_cmp);
    let percent = |value: Option<f64>| value.map_or_else(|| figures::NONE.to_owned(), figures::percent);
    let liquidated = shock.pairs.iter().filter(|pair| pair.liquidated_leg.is_some()).count();
    let deleveraged = shock.pairs.iter().filter(|pair| pair.deleveraged_coins > 0.0).count();
    let naked = shock.pairs.iter().map(|pair| pair.naked_hours).max_by(f64::total_cmp);
    vec![
        shock.name.to_owned(),
        shock.path.to_owned(),
        figures::money(shock.change),
        percent(shock.of_equity),
        percent(least),
        liquidated.to_string(),
        deleveraged.to_string(),
        figures::maybe(naked, 1),
    ]
}
