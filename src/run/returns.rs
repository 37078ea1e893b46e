//! Returns, by one definition everywhere: three curves of a run, their compounded yearly figures, and what each calendar
//! month and year of them was.
//!
//! The net curve is equity without money that somebody brought or took. The curve with cash adds what idle money earns
//! elsewhere at the daily factor `(1 + cash_apr)^(1/365)`; that interest joins the idle money and never enters equity. The
//! benchmark is cash alone. Floats: these are statistics, nothing here is booked. Tests stand at the end of this file.

use crate::domain::{Amount, Span, WallTime};
use crate::report::run::{Period, Summary};
use serde::{Deserialize, Serialize};

/// Below this a yearly figure says nothing, and none is given.
const LEAST_DAYS: f64 = 90.0;
const DAY_MS: f64 = 8.64e7;
const YEAR_DAYS: f64 = 365.0;

/// The curves of one run so far, and its calendar.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Curves {
    /// Until when the interest is counted.
    at: Option<WallTime>,
    /// Equity at that time, money of others included.
    equity: f64,
    /// What idle money earned so far.
    interest: f64,
    /// Money that somebody brought (plus) or took since the start, as it was seen last.
    flows: Amount,
    /// What the capital at work would have earned as cash so far, without compounding.
    #[serde(default)]
    charged: f64,
    /// The capital that simple figures are counted on; zero where they are not.
    #[serde(default)]
    capital: f64,
    /// What the two curves are multiplied by, so that a deposit is no gain.
    scales: Option<(f64, f64)>,
    months: Vec<Period>,
    years: Vec<Period>,
    month: Option<Part>,
    year: Option<Part>,
    #[serde(skip)]
    factor: (i64, f64),
}

/// A calendar period that is not over.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Part {
    from: WallTime,
    end: WallTime,
    net: f64,
    with_cash: f64,
    peak: f64,
    fall: f64,
    #[serde(default)]
    charged: f64,
}

/// Money at one time, for the curves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Money {
    /// What earns cash elsewhere.
    pub idle: f64,
    /// The capital that positions need, by the account model.
    pub work: f64,
}

impl Curves {
    /// Simple figures are counted on this capital from now on.
    pub fn counted_on(&mut self, capital: Amount) {
        self.capital = capital.to_f64();
    }

    /// Time passes until `at` with so much idle money, which earns `cash_apr`; months and years that end on the way are
    /// closed at the equity that stood then.
    pub fn advance(&mut self, at: WallTime, money: Money, cash_apr: f64) {
        let Some(mut from) = self.at else { return };
        while let Some(end) = self.month.map(|month| month.end).filter(|end| *end < at) {
            self.accrue(end.since(from), money, cash_apr);
            from = end;
            self.turn(end, cash_apr);
        }
        self.accrue(at.since(from), money, cash_apr);
        self.at = Some(at);
    }

    /// The books are worth this at the time of the last [`Curves::advance`]; `flows` is what somebody brought so far.
    pub fn value(&mut self, at: WallTime, equity: Amount, flows: Amount) {
        let equity = equity.to_f64();
        if self.at.is_none() {
            self.at = Some(at);
            (self.equity, self.flows) = (equity, flows);
            self.begin(at);
        }
        if flows != self.flows {
            let moved = (flows - self.flows).to_f64();
            let (net, cash) = self.scales.unwrap_or((1.0, 1.0));
            let part = |before: f64| if before > 0.0 && before + moved > 0.0 { before / (before + moved) } else { 1.0 };
            self.scales = Some((net * part(self.equity), cash * part(self.equity + self.interest)));
            self.flows = flows;
        }
        self.equity = equity;
        let net = self.net();
        for part in [&mut self.month, &mut self.year].into_iter().flatten() {
            part.peak = part.peak.max(net);
            if part.peak > 0.0 {
                part.fall = part.fall.max((part.peak - net) / part.peak);
            }
        }
    }

    /// Of a run of which only the interest is known.
    #[must_use]
    pub fn known(interest: Amount) -> Self {
        Self { interest: interest.to_f64(), ..Self::default() }
    }

    /// What idle money earned so far.
    #[must_use]
    pub const fn interest(&self) -> f64 {
        self.interest
    }

    /// Months and years, the last ones as far as they went.
    #[must_use]
    pub fn periods(&self, cash_apr: f64) -> (Vec<Period>, Vec<Period>) {
        let Some(at) = self.at else { return Default::default() };
        let whole = |closed: &[Period], open: Option<Part>| {
            let last = open.filter(|open| open.from < at).map(|open| self.closed(&open, at, cash_apr));
            closed.iter().copied().chain(last).collect()
        };
        (whole(&self.months, self.month), whole(&self.years, self.year))
    }

    fn net(&self) -> f64 {
        self.equity * self.scales.map_or(1.0, |scales| scales.0)
    }

    fn with_cash(&self) -> f64 {
        (self.equity + self.interest) * self.scales.map_or(1.0, |scales| scales.1)
    }

    #[expect(clippy::cast_precision_loss, reason = "a span in milliseconds is far below 2^53")]
    fn accrue(&mut self, span: Span, money: Money, cash_apr: f64) {
        self.charged += money.work * cash_apr * span.0 as f64 / (YEAR_DAYS * DAY_MS);
        let money = money.idle.max(0.0) + self.interest;
        if span <= Span::ZERO || money <= 0.0 {
            return;
        }
        // Bars have one length: the power is taken once.
        if self.factor.0 != span.0 {
            self.factor = (span.0, growth(cash_apr, span));
        }
        self.interest += money * (self.factor.1 - 1.0);
    }

    fn begin(&mut self, at: WallTime) {
        let (net, with_cash, charged) = (self.net(), self.with_cash(), self.charged);
        let part = |end| Part { from: at, end, net, with_cash, peak: net, fall: 0.0, charged };
        let (month, year) = (part(next_month(at)), part(next_year(at)));
        self.month = Some(month);
        if self.year.is_none_or(|open| open.end <= at) {
            self.year = Some(year);
        }
    }

    /// A month ends, and with it perhaps a year.
    fn turn(&mut self, end: WallTime, cash_apr: f64) {
        if let Some(month) = self.month {
            self.months.push(self.closed(&month, end, cash_apr));
        }
        if let Some(year) = self.year.filter(|year| year.end <= end) {
            self.years.push(self.closed(&year, end, cash_apr));
        }
        self.begin(end);
    }

    fn closed(&self, part: &Part, at: WallTime, cash_apr: f64) -> Period {
        let rise = |now: f64, then: f64| if then > 0.0 { now / then - 1.0 } else { 0.0 };
        Period {
            from_ms: part.from,
            net: rise(self.net(), part.net),
            with_cash: rise(self.with_cash(), part.with_cash),
            benchmark: growth(cash_apr, at.since(part.from)) - 1.0,
            fall: part.fall,
            excess_simple: finite((self.net() - part.net - (self.charged - part.charged)) / self.capital),
        }
    }

    /// Fills the returns of a summary whose capital, final equity and times are known.
    pub fn fill(&self, summary: &mut Summary) {
        let (capital, cash_apr) = (summary.capital.to_f64(), summary.cash_apr);
        let span = summary.to_ms.since(summary.from_ms);
        let (net, cash) = self.scales.unwrap_or((1.0, 1.0));
        // Without flows the difference is taken in exact money first.
        let net_return = match self.scales {
            None => (summary.final_equity - summary.capital).to_f64() / capital,
            Some(_) => summary.final_equity.to_f64() * net / capital - 1.0,
        };
        let with_cash = match self.scales {
            None => net_return + self.interest / capital,
            Some(_) => (summary.final_equity.to_f64() + self.interest) * cash / capital - 1.0,
        };
        let cash_return = growth(cash_apr, span) - 1.0;
        let zero = |figure: f64| if figure.is_finite() { figure } else { 0.0 };
        summary.net_return = zero(net_return);
        summary.net_return_with_cash = zero(with_cash);
        summary.cash_return = zero(cash_return);
        summary.net_apr = yearly(net_return, span);
        summary.net_apr_with_cash = yearly(with_cash, span);
        summary.benchmark_apr = yearly(cash_return, span);
        summary.net_simple = whole_year(span).and_then(|years| finite(net_return / years));
        summary.excess_apr = match (summary.net_apr_with_cash, summary.benchmark_apr) {
            (Some(own), Some(cash)) if summary.traded() => Some(own - cash),
            _ => None,
        };
        (summary.months, summary.years) = self.periods(cash_apr);
    }
}

/// What one becomes in a span at a yearly rate: `(1 + apr)^(days / 365)`. Worked: 4 % over 730 days is 1.0816.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "figures for a report")]
pub fn growth(apr: f64, span: Span) -> f64 {
    libm::pow(1.0 + apr, span.0 as f64 / (YEAR_DAYS * DAY_MS))
}

/// A return over a span as compounded yearly figure, `(1 + r)^(365 / days) - 1`; none under 90 days, none when all is lost
/// more than once. Worked: 21 % in 730 days is 10 % a year.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "figures for a report")]
pub fn yearly(gain: f64, span: Span) -> Option<f64> {
    let years = whole_year(span)?;
    if gain < -1.0 { None } else { finite(libm::pow(1.0 + gain, 1.0 / years) - 1.0) }
}

/// The years of a span that is long enough for a yearly figure.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "figures for a report")]
fn whole_year(span: Span) -> Option<f64> {
    let days = span.0 as f64 / DAY_MS;
    (days >= LEAST_DAYS).then(|| days / YEAR_DAYS)
}

fn finite(figure: f64) -> Option<f64> {
    figure.is_finite().then_some(figure)
}

/// The first instant of the next UTC month; far off when the calendar has none.
fn next_month(at: WallTime) -> WallTime {
    boundary(at, |day| day.last_of_month().tomorrow().ok())
}

fn next_year(at: WallTime) -> WallTime {
    boundary(at, |day| day.last_of_year().tomorrow().ok())
}

fn boundary(at: WallTime, next: impl Fn(jiff::civil::Date) -> Option<jiff::civil::Date>) -> WallTime {
    let found = || {
        let day = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(at.0).ok()?).date();
        let start = jiff::tz::TimeZone::UTC.to_timestamp(next(day)?.at(0, 0, 0, 0)).ok()?;
        Some(WallTime(start.as_millisecond()))
    };
    found().unwrap_or(WallTime(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2021-01-01, 00:00 UTC.
    const START: WallTime = WallTime(1_609_459_200_000);

    fn day(number: i64) -> WallTime {
        START + Span(number * Span::DAY.0)
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
    }

    #[test]
    fn u04_yearly_figures_are_compounded_and_absent_under_ninety_days() {
        near(yearly(0.21, Span(730 * Span::DAY.0)).unwrap(), 0.10);
        near(yearly(-0.19, Span(730 * Span::DAY.0)).unwrap(), -0.10);
        assert_eq!(yearly(0.01, Span(90 * Span::DAY.0 - 1)), None);
        assert!(yearly(0.01, Span(90 * Span::DAY.0)).is_some());
        assert_eq!(yearly(-1.5, Span(400 * Span::DAY.0)), None);
        near(growth(0.04, Span(730 * Span::DAY.0)), 1.0816);
    }

    #[test]
    fn u04_money_that_is_always_idle_earns_the_benchmark_to_the_last_digit_that_counts() {
        let mut curves = Curves::default();
        curves.value(START, Amount::whole(100_000), Amount::ZERO);
        for hour in 1..=24 * 730 {
            curves.advance(START + Span::hours(hour), Money { idle: 100_000.0, work: 0.0 }, 0.04);
        }
        near(curves.interest() / 100_000.0, 0.0816);
        let (months, years) = curves.periods(0.04);
        assert_eq!((months.len(), years.len()), (24, 2));
        for period in years {
            near(period.with_cash, 0.04);
            near(period.benchmark, 0.04);
            near(period.net, 0.0);
        }
        assert_eq!(months[1].from_ms, day(31));
    }

    #[test]
    fn u04_months_hold_their_own_gain_and_fall_and_make_up_the_year() {
        let mut curves = Curves::default();
        let mut at = |number: i64, equity: i64| {
            curves.advance(day(number), Money::default(), 0.0);
            curves.value(day(number), Amount::whole(equity), Amount::ZERO);
        };
        at(0, 1_000);
        at(10, 1_100);
        at(20, 990);
        // The last instant of January belongs to January, and nothing moves until the tenth of February.
        at(31, 1_045);
        at(40, 1_254);
        at(41, 1_128);
        let (months, years) = curves.periods(0.0);
        near(months[0].net, 0.045);
        near(months[0].fall, 0.1);
        near(months[1].net, 1_128.0 / 1_045.0 - 1.0);
        near(months[1].fall, 126.0 / 1_254.0);
        near(years[0].net, 0.128);
        assert_eq!(years.len(), 1);
    }

    #[test]
    fn the_simple_excess_is_the_gain_less_the_cash_of_the_capital_at_work() {
        let mut curves = Curves::default();
        curves.counted_on(Amount::whole(1_000));
        curves.value(START, Amount::whole(2_000), Amount::ZERO);
        // Half of a capital of 1,000 works for the whole of 2021 and gains 50; as cash at 4 % it would have gained 20.
        curves.advance(day(365), Money { idle: 0.0, work: 500.0 }, 0.04);
        curves.value(day(365), Amount::whole(2_050), Amount::ZERO);
        let (_, years) = curves.periods(0.04);
        near(years[0].excess_simple.unwrap(), 0.03);
        let mut unknown = Curves::default();
        unknown.value(START, Amount::whole(1_000), Amount::ZERO);
        unknown.advance(day(365), Money::default(), 0.04);
        assert_eq!(unknown.periods(0.04).1[0].excess_simple, None, "no capital was named");
    }

    #[test]
    fn u04_a_deposit_is_no_gain() {
        let mut curves = Curves::default();
        curves.value(START, Amount::whole(1_000), Amount::ZERO);
        curves.advance(day(1), Money::default(), 0.0);
        curves.value(day(1), Amount::whole(1_100), Amount::ZERO);
        // A thousand comes in, and the next day earns five percent on all of it.
        curves.advance(day(2), Money::default(), 0.0);
        curves.value(day(2), Amount::whole(2_100), Amount::whole(1_000));
        curves.advance(day(3), Money::default(), 0.0);
        curves.value(day(3), Amount::whole(2_205), Amount::whole(1_000));
        let (months, _) = curves.periods(0.0);
        near(months[0].net, 1.1 * 1.05 - 1.0);
        near(months[0].fall, 0.0);
    }

    #[test]
    fn the_calendar_is_that_of_utc() {
        assert_eq!(next_month(START), day(31));
        assert_eq!(next_month(day(31)), day(59));
        assert_eq!(next_month(day(58)), day(59));
        assert_eq!(next_year(day(364)), day(365));
        assert_eq!(next_month(WallTime(i64::MAX)), WallTime(i64::MAX));
    }
}
