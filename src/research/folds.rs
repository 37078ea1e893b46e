//! Folds: one stretch of time cut into equal parts, and the figures of one run inside each.
//!
//! A set is played once over the whole time and its figures are read at the folds' ends, by the definition of the yearly table: a
//! fraction of the curve's value at the fold's start. So a pair may be held over an end, windows are warm, and nothing that a
//! fold shows was decided with knowledge of it. Tests: at the end.

use crate::domain::{Amount, Span, WallTime};
use crate::run::collect::Running;
use crate::run::returns::{growth, yearly};

/// The ends of `count` equal parts of a time, the first and the last included; ends inside it lie at midnight UTC where the parts
/// are longer than a day.
#[must_use]
pub fn ends(first: WallTime, last: WallTime, count: u32) -> Vec<WallTime> {
    let count = i64::from(count.max(1));
    let part = last.since(first).0 / count;
    let round = if part > Span::DAY.0 { Span::DAY } else { Span::HOUR };
    let inner = (1..count).map(|place| WallTime(first.0 + part * place).floor(round));
    std::iter::once(first).chain(inner).chain(std::iter::once(last)).collect()
}

/// What a run was in one stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its start.
    pub from: WallTime,
    /// Its end.
    pub to: WallTime,
    /// Change of equity, a fraction of that at the start.
    pub net: f64,
    /// The same with what idle money earned.
    pub with_cash: f64,
    /// Cash alone.
    pub cash: f64,
    /// The net change a year, compounded; none under 90 days.
    pub net_apr: Option<f64>,
    /// The change with cash a year less cash alone a year; none under 90 days.
    pub excess_apr: Option<f64>,
    /// Largest fall of equity from a peak inside it.
    pub fall: f64,
    /// Round trips that ended in it.
    pub trips: u64,
    /// Share of the time in the market, weighted by notional.
    pub time_in_market: f64,
    /// Equity at its end.
    pub equity: Amount,
}

/// Reads the figures of a run at the ends of folds.
#[derive(Debug)]
pub struct Folds {
    ends: Vec<WallTime>,
    cash_apr: f64,
    carries: f64,
    start: Running,
    seen: Running,
    peak: f64,
    fall: f64,
    parts: Vec<Part>,
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "figures of a report")]
impl Folds {
    /// Of a run with so much capital, which carries `carries` when all of it is at work.
    #[must_use]
    pub fn new(ends: &[WallTime], capital: Amount, carries: Amount, cash_apr: f64) -> Self {
        let start = Running { equity: capital, ..Running::default() };
        let peak = capital.to_f64();
        Self {
            ends: ends.to_vec(),
            cash_apr,
            carries: carries.to_f64(),
            start,
            seen: start,
            peak,
            fall: 0.0,
            parts: Vec::new(),
        }
    }

    /// The run stands at `now` with these figures; what ended before is closed with the figures that stood then.
    pub fn look(&mut self, now: WallTime, running: Running) {
        while self.ends.get(self.parts.len() + 1).is_some_and(|end| *end < now) {
            self.close();
        }
        self.seen = running;
        let equity = running.equity.to_f64();
        self.peak = self.peak.max(equity);
        if self.peak > 0.0 {
            self.fall = self.fall.max((self.peak - equity) / self.peak);
        }
    }

    /// All parts, once the run is over.
    #[must_use]
    pub fn finish(mut self) -> Vec<Part> {
        while self.parts.len() + 1 < self.ends.len() {
            self.close();
        }
        self.parts
    }

    fn close(&mut self) {
        let place = self.parts.len();
        let (Some(from), Some(to)) = (self.ends.get(place).copied(), self.ends.get(place + 1).copied()) else { return };
        let span = to.since(from);
        let rise = |now: f64, then: f64| if then > 0.0 { now / then - 1.0 } else { 0.0 };
        let (start, seen) = (self.start, self.seen);
        let (before, after) = (start.equity.to_f64(), seen.equity.to_f64());
        let net = rise(after, before);
        let with_cash = rise(after + seen.interest, before + start.interest);
        let cash = growth(self.cash_apr, span) - 1.0;
        let excess = yearly(with_cash, span).zip(yearly(cash, span)).map(|(own, cash)| own - cash);
        let most = self.carries * span.0 as f64;
        let at_work = seen.notional_ms - start.notional_ms;
        self.parts.push(Part {
            from,
            to,
            net,
            with_cash,
            cash,
            net_apr: yearly(net, span),
            excess_apr: excess,
            fall: self.fall,
            trips: seen.trips - start.trips,
            time_in_market: if most > 0.0 { at_work / most } else { 0.0 },
            equity: seen.equity,
        });
        (self.start, self.peak, self.fall) = (seen, after, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: WallTime = WallTime(1_609_459_200_000);

    fn day(number: i64) -> WallTime {
        START + Span(number * Span::DAY.0)
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
    }

    #[test]
    fn ends_are_equal_parts_at_midnight() {
        assert_eq!(ends(START, day(10), 2), [START, day(5), day(10)]);
        assert_eq!(ends(START + Span::HOUR, day(9), 4)[1..4], [day(2), day(4), day(6)]);
        assert_eq!(ends(START, day(1), 2), [START, START + Span::hours(12), day(1)]);
        assert_eq!(ends(START, day(1), 0), [START, day(1)]);
    }

    #[test]
    fn a_part_holds_its_own_gain_fall_and_trips_and_a_later_event_changes_nothing() {
        let running = |equity, trips, interest, notional_ms| Running {
            equity: Amount::whole(equity),
            interest,
            notional_ms,
            trips,
        };
        let mut folds = Folds::new(&ends(START, day(200), 2), Amount::whole(1_000), Amount::whole(500), 0.0);
        folds.look(day(50), running(1_200, 1, 10.0, 0.0));
        folds.look(day(60), running(1_080, 1, 20.0, 0.0));
        // An instant at the end belongs to the part that it ends.
        folds.look(day(100), running(1_100, 2, 50.0, 500.0 * 8.64e7 * 25.0));
        folds.look(day(101), running(550, 2, 50.0, 500.0 * 8.64e7 * 25.0));
        folds.look(day(200), running(1_210, 5, 60.0, 500.0 * 8.64e7 * 125.0));
        let parts = folds.finish();
        assert_eq!((parts.len(), parts[0].trips, parts[1].trips), (2, 2, 3));
        near(parts[0].net, 0.1);
        near(parts[0].with_cash, 0.15);
        near(parts[0].fall, 0.1);
        near(parts[0].time_in_market, 0.25);
        near(parts[1].net, 0.1);
        near(parts[1].fall, 0.5);
        near(parts[1].time_in_market, 1.0);
        near((1.0 + parts[0].net) * (1.0 + parts[1].net), 1.21);
        assert!(parts[0].net_apr.is_some() && parts[0].excess_apr.is_some());
    }

    #[test]
    fn a_run_that_ends_early_gives_every_part() {
        let folds = Folds::new(&ends(START, day(3), 3), Amount::whole(1), Amount::whole(1), 0.04);
        let parts = folds.finish();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.net.abs() < 1e-12 && part.net_apr.is_none()));
    }
}
