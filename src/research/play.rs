//! One set of settings played over the shared history. Tests: `tests/suite/sweep.rs`.

use super::deflate::Moments;
use super::folds::{Folds, Part};
use super::rows::Row;
use crate::domain::{Span, WallTime};
use crate::report::run::{Period, Summary};
use crate::run::NoJournal;
use crate::run::backtest::{Bars, Inputs, finish};
use crate::run::capital_need::carries;
use crate::run::returns::growth;
use crate::store::JournalError;

/// Plays it: the row of the whole time, then one for each fold between `ends`. The caller fills set and values in.
///
/// # Errors
/// [`JournalError`] when the run does not progress.
pub fn play(inputs: &Inputs<'_>, ends: &[WallTime]) -> Result<Vec<Row>, JournalError> {
    let settings = &inputs.settings;
    let mut bars = Bars::new(inputs, NoJournal, false)?;
    let carries = carries(&bars.driver().state, settings.run.capital);
    let mut folds = Folds::new(ends, settings.run.capital, carries, settings.run.cash_apr.to_f64());
    while bars.step()? {
        let now = bars.now();
        let collector = &mut bars.driver().collector;
        if let Some(running) = collector.running() {
            folds.look(now, running);
        }
        collector.forget_rows();
    }
    let (result, _) = finish(bars, inputs, 0.0);
    let mut rows = vec![whole(&result.summary)];
    if ends.len() > 2 {
        rows.extend(folds.finish().into_iter().zip(0..).map(|(part, fold)| of_fold(&part, fold)));
    }
    Ok(rows)
}

fn whole(summary: &Summary) -> Row {
    Row {
        set: String::new(),
        values: Vec::new(),
        fold: None,
        from: summary.from_ms,
        to: summary.to_ms,
        net_return: summary.net_return,
        with_cash_return: summary.net_return_with_cash,
        cash_return: summary.cash_return,
        net_apr: summary.net_apr,
        excess_apr: summary.excess_apr,
        max_drawdown: summary.max_drawdown,
        round_trips: i64::try_from(summary.round_trips).unwrap_or(i64::MAX),
        time_in_market: summary.time_in_market,
        moments: Moments::of(&whole_months(summary)),
        final_equity: summary.final_equity.to_string(),
        digest: summary.digest.clone(),
    }
}

fn of_fold(part: &Part, fold: i64) -> Row {
    Row {
        set: String::new(),
        values: Vec::new(),
        fold: Some(fold),
        from: part.from,
        to: part.to,
        net_return: part.net,
        with_cash_return: part.with_cash,
        cash_return: part.cash,
        net_apr: part.net_apr,
        excess_apr: part.excess_apr,
        max_drawdown: part.fall,
        round_trips: i64::try_from(part.trips).unwrap_or(i64::MAX),
        time_in_market: part.time_in_market,
        moments: None,
        final_equity: part.equity.to_string(),
        digest: String::new(),
    }
}

/// The gains above cash of the calendar months that the run covers from end to end.
#[expect(clippy::float_arithmetic, reason = "statistics")]
fn whole_months(summary: &Summary) -> Vec<f64> {
    // Cash over 28 days and more: a month that was cut short earned less.
    let least = growth(summary.cash_apr, Span(28 * Span::DAY.0 - 1)) - 1.0;
    let ends = summary.months.iter().skip(1).map(|next| next.from_ms).chain([summary.to_ms]);
    let whole = |(month, end): &(&Period, WallTime)| {
        end.since(month.from_ms) >= Span(28 * Span::DAY.0 - 1) && month.benchmark >= least
    };
    summary.months.iter().zip(ends).filter(whole).map(|(month, _)| month.with_cash - month.benchmark).collect()
}
