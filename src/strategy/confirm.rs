//! Optional confirmation of a funding extreme by a textbook indicator over the last settlements.

use super::view::View;
use crate::config::settings::Indicator;
use crate::domain::Rate;
use yata::core::{Method, PeriodType, ValueType};
use yata::helpers::Peekable;
use yata::methods::{EMA, SMA, StDev};

/// What the indicator measured and what it must exceed; `None` when it is off or has too little history.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn measure(view: &View<'_>) -> Option<Option<(f64, f64)>> {
    let confirm = &view.settings.confirm;
    if confirm.indicator == Indicator::Off {
        return None;
    }
    let values: Vec<ValueType> =
        view.market.short.funding.rows().map(|row| Rate::to_f64(row.funding.per_8h()) * 1e4).collect();
    let period: PeriodType = confirm.period;
    if values.len() < usize::from(period) * 2 {
        return Some(None);
    }
    Some(match confirm.indicator {
        Indicator::Off => None,
        Indicator::Average => {
            last_of::<SMA>(period, &values).zip(values.last().copied()).map(|(mean, last)| (last, mean))
        }
        Indicator::Bollinger => last_of::<SMA>(period, &values)
            .zip(last_of::<StDev>(period, &values))
            .zip(values.last().copied())
            .map(|((mean, deviation), last)| (last, mean + 2.0 * deviation)),
        Indicator::Macd => macd(&values),
        Indicator::Rsi => rsi(period, &values).map(|strength| (strength, f64::from(confirm.level))),
    })
}

fn last_of<M>(period: PeriodType, values: &[ValueType]) -> Option<ValueType>
where
    M: Method<Params = PeriodType, Input = ValueType, Output = ValueType>,
{
    let mut method = M::new(period, values.first()?).ok()?;
    values.iter().map(|value| method.next(value)).last()
}

/// Twelve against twenty-six settlements, signal of nine: the textbook periods.
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn macd(values: &[ValueType]) -> Option<(f64, f64)> {
    let first = values.first()?;
    let (mut fast, mut slow) = (EMA::new(12, first).ok()?, EMA::new(26, first).ok()?);
    let mut signal = EMA::new(9, &0.0).ok()?;
    let mut line = 0.0;
    for value in values {
        line = fast.next(value) - slow.next(value);
        signal.next(&line);
    }
    Some((line, signal.peek()))
}

/// Relative strength: mean rise over mean rise plus mean fall, times one hundred.
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn rsi(period: PeriodType, values: &[ValueType]) -> Option<f64> {
    let changes: Vec<f64> = values.iter().zip(values.iter().skip(1)).map(|(before, after)| after - before).collect();
    let rises: Vec<f64> = changes.iter().map(|change| change.max(0.0)).collect();
    let falls: Vec<f64> = changes.iter().map(|change| (-change).max(0.0)).collect();
    let (rise, fall) = (last_of::<SMA>(period, &rises)?, last_of::<SMA>(period, &falls)?);
    Some(if rise + fall > 0.0 { 100.0 * rise / (rise + fall) } else { 50.0 })
}
