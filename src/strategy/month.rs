//! The coming month (recipe M): what funding is expected to pay per 8 h on average over the next weeks.
//!
//! `M = 0.4 x mean of 7 days + 0.2 x mean of 30 days + 0.2 x anchor`; over D days `3 D M`. The weights add up to 0.8: funding that
//! was high comes down, and to less than the anchor as often as not. They were measured on recorded funding of three venues
//! from 2019 on; simpler means were further off for 7, 30 and 60 days (`strategies/README.md`, "The coming month"). In booms it is
//! too low. The ladder decides by it. Tests: here and in `tests/suite/forecast.rs`.

use super::after_print::anchor;
use crate::domain::{Span, WallTime};
use crate::market::funding_window::FundingWindow;

/// Weights of the mean of a week, of a month, and of the anchor.
const WEEK: f64 = 0.4;
const MONTH: f64 = 0.2;
const ANCHOR: f64 = 0.2;
/// A mean needs this share of its time, in hundredths.
const COVERED: i64 = 95;

/// What was paid per 8 h on average, as fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Month {
    /// Over the last 7 days.
    pub week: f64,
    /// Over the last 30 days.
    pub month: f64,
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl Month {
    /// From settled funding; `None` when less than 95 % of 7 or of 30 days is remembered.
    #[must_use]
    pub fn of(funding: &FundingWindow) -> Option<Self> {
        let last = funding.last()?.stamp;
        Some(Self { week: mean(funding, last, 7)?, month: mean(funding, last, 30)? })
    }

    /// The mean rate expected per 8 h, as a fraction.
    ///
    /// Worked: 0.02 % over the week, 0.015 % over the month: 0.008 + 0.003 + 0.002 = 0.013 %.
    #[must_use]
    pub fn per_8h(&self) -> f64 {
        WEEK * self.week + MONTH * self.month + ANCHOR * anchor()
    }

    /// The sum expected over so many days, as a fraction of the notional.
    #[must_use]
    pub fn sum(&self, days: f64) -> f64 {
        3.0 * days * self.per_8h()
    }
}

/// The mean per 8 h of the settlements of the last days, each by its own interval.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "signals are floats; what was paid is added exactly"
)]
fn mean(funding: &FundingWindow, last: WallTime, days: i64) -> Option<f64> {
    // The settlement that ended just when the time begins is not of it; stamps are some minutes late at most.
    let within = Span(days * Span::DAY.0 - Span::HOUR.0 / 2);
    let (mut units, mut hours) = (0_i128, 0_i64);
    for row in funding.rows().rev().take_while(|row| last.since(row.stamp) < within) {
        units += i128::from(row.funding.rate.units());
        hours += row.funding.interval.hours();
    }
    (hours * 100 >= days * 24 * COVERED).then(|| units as f64 / hours as f64 * 8e-18)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FundingRate, Interval, Rate};
    use crate::market::funding_window::Settled;

    /// A window of `hours` of settlements at an interval; the rate per 8 h by the hour it is paid.
    fn window(hours: i64, interval: Interval, per_8h: impl Fn(i64) -> &'static str) -> FundingWindow {
        let mut window = FundingWindow::new(Span::ZERO, Span(30 * Span::DAY.0));
        for hour in (0..hours).filter(|hour| hour % interval.hours() == 0) {
            let funding = FundingRate::from_per_8h(Rate::parse(per_8h(hour)).unwrap(), interval);
            window.push(Settled { stamp: WallTime(hour * 3_600_000 + hour % 7), funding });
        }
        window
    }

    #[test]
    fn week_month_and_anchor_are_weighed_whatever_the_interval() {
        for interval in [Interval::H1, Interval::H4, Interval::H8] {
            // 60 days: the last seven at 0.02 %, before them 0.013 477 8 %, so that 30 days have 0.015 %.
            let begins = 60 * 24 - 7 * 24 + 1 - interval.hours();
            let window = window(60 * 24, interval, |hour| if hour >= begins { "0.0002" } else { "0.000134782608696" });
            let month = Month::of(&window).unwrap();
            assert!((month.week - 0.0002).abs() < 1e-12, "{interval:?} {month:?}");
            assert!((month.month - 0.000_15).abs() < 1e-12, "{interval:?} {month:?}");
            assert!((month.per_8h() - 0.000_13).abs() < 1e-12);
            assert!((month.sum(30.0) - 0.0117).abs() < 1e-10);
        }
    }

    #[test]
    fn a_mean_needs_nearly_all_of_its_time() {
        assert_eq!(Month::of(&window(28 * 24, Interval::H8, |_| "0.0001")), None, "28 days are no month");
        assert!(Month::of(&window(29 * 24, Interval::H8, |_| "0.0001")).is_some());
        assert_eq!(Month::of(&FundingWindow::new(Span::ZERO, Span(30 * Span::DAY.0))), None);
        let mut short = FundingWindow::new(Span::ZERO, Span(7 * Span::DAY.0));
        for row in window(40 * 24, Interval::H8, |_| "0.0001").rows() {
            short.push(*row);
        }
        assert_eq!(Month::of(&short), None, "a memory of a week knows no month");
    }
}
