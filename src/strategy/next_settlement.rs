//! The forecast of one perp's next settlement, and how good it was: right after a print, then from hour to hour.
//!
//! It is told what the market is told and keeps nothing but running numbers, so that a backtest, a replay, a live run and
//! `carry stats --forecast` say the same of the same history. Beside it stands its skill: the mean absolute error of what it
//! said right after each print, against "as the last print" and "the anchor". Tests: here and in `tests/suite/forecast.rs`.

use super::after_print::{AfterPrint, GUESSES, anchor, deviation};
use super::inside::{Expected, Inside};
use crate::domain::{FundingRate, Interval, Span, WallTime};
use std::iter::Peekable;

/// How long after a whole hour a premium still is that of its end.
const HOUR_END: Span = Span(300_000);

/// Sums of absolute errors per 8 h, as fractions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Skill {
    /// Settlements scored.
    pub count: u64,
    /// Of the last print.
    pub last_print: f64,
    /// Of the anchor.
    pub anchor: f64,
    /// Of the forecast.
    pub forecast: f64,
}

/// Mean absolute errors per 8 h, as fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Of the last print.
    pub last_print: f64,
    /// Of the anchor.
    pub anchor: f64,
    /// Of the forecast.
    pub forecast: f64,
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "statistics are floats")]
impl Skill {
    /// One settlement: what came, what the last print was, what was expected; deviations from the anchor per 8 h.
    pub fn add(&mut self, came: f64, last: f64, expected: f64) {
        self.count += 1;
        self.last_print += (came - last).abs();
        self.anchor += came.abs();
        self.forecast += (came - expected).abs();
    }

    /// Adds what another saw.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.last_print += other.last_print;
        self.anchor += other.anchor;
        self.forecast += other.forecast;
    }

    /// The means; `None` before any settlement was scored.
    #[must_use]
    pub fn errors(&self) -> Option<Errors> {
        let mean = |sum: f64| sum / self.count as f64;
        (self.count > 0).then(|| Errors {
            last_print: mean(self.last_print),
            anchor: mean(self.anchor),
            forecast: mean(self.forecast),
        })
    }
}

/// What one settlement says of what was expected of it; deviations from the anchor per 8 h.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What came.
    pub came: f64,
    /// The last print.
    pub last: f64,
    /// What was expected right after it.
    pub expected: f64,
    /// Whether both settlements have a known interval: only then it says something of what was expected right after.
    pub sound: bool,
    /// What was expected at whole hours since, the most hours to go first.
    pub late: Vec<Expected>,
}

/// The forecaster of one perp.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NextSettlement {
    after: AfterPrint,
    inside: Inside,
    /// How good it was so far.
    pub skill: Skill,
    /// The last settlement.
    stamp: Option<WallTime>,
}

/// What is expected of the next settlement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Next {
    /// Rate per 8 h as a fraction.
    pub per_8h: f64,
    /// Hours to the settlement when it was made inside the interval; `None` right after the print.
    pub hours_to_go: Option<u8>,
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl NextSettlement {
    /// A settlement was published with the interval that the venue states or that was proven. Where its distance from the one
    /// before is not that interval, a settlement is missing between, and it counts as one of unknown interval; one that is not
    /// younger is a repeat.
    pub fn on_paid(&mut self, stamp: WallTime, funding: FundingRate) -> Option<Judged> {
        if self.stamp.is_some_and(|last| stamp <= last) {
            return None;
        }
        let follows = self.stamp.is_none_or(|last| Interval::spacing(last, stamp) == Some(funding.interval));
        self.on_settled(stamp, follows.then_some(funding))
    }

    /// A settlement was published; `funding` is `None` when the interval that it ended is not known. Gives what it says of
    /// what was expected; `None` for the first one.
    pub fn on_settled(&mut self, stamp: WallTime, funding: Option<FundingRate>) -> Option<Judged> {
        let came = funding.map_or(0.0, deviation);
        let interval = funding.map(|funding| funding.interval);
        let hour = hour_of(stamp);
        let late = self.inside.on_print(hour, interval, came);
        let (last, expected) = (self.after.last(), self.after.expected());
        let sound = self.after.is_sound() && funding.is_some();
        if sound {
            self.skill.add(came, last, expected);
        }
        self.after.on_print(funding);
        self.inside.begin(hour, interval.or(self.after.interval()));
        self.stamp.replace(stamp).map(|_| Judged { came, last, expected, sound, late })
    }

    /// A whole hour has passed: the premium, perp over spot less one, and the venue's own running estimate of the next
    /// settlement where it states one. What comes later than five minutes after the hour is no end of it and is left out.
    pub fn on_hour(&mut self, at: WallTime, premium: Option<f64>, stated: Option<FundingRate>) {
        if at.0.rem_euclid(Span::HOUR.0) <= HOUR_END.0 {
            self.inside.on_hour(hour_of(at), premium, stated.map(deviation), &self.after);
        }
    }

    /// The same for all hours of a list that end with a settlement of that stamp or before it; a stamp is some minutes late at
    /// most, and a candle that closes with a settlement is known with it.
    pub fn on_hours(&mut self, stamp: WallTime, hours: &mut Peekable<impl Iterator<Item = (WallTime, f64)>>) {
        while let Some((at, premium)) = hours.next_if(|(at, _)| *at <= stamp + Span(Span::HOUR.0 / 2)) {
            self.on_hour(at, Some(premium), None);
        }
    }

    /// What is expected now; `None` before the first settlement.
    #[must_use]
    pub fn expected(&self) -> Option<Next> {
        let inside = self.inside.expected();
        let deviation = inside.map_or_else(|| self.after.expected(), |said| said.deviation);
        let hours_to_go = inside.map(|said| said.hours_to_go);
        self.stamp.map(|_| Next { per_8h: anchor() + deviation, hours_to_go })
    }

    /// The guesses made right after the last print, before one of them is believed.
    #[must_use]
    pub const fn guesses(&self) -> &[f64; GUESSES] {
        self.after.guesses()
    }

    /// The interval that runs, as far as it is known.
    #[must_use]
    pub const fn interval(&self) -> Option<Interval> {
        self.after.interval()
    }
}

/// The whole hour since the epoch nearest to a time: venues stamp settlements some minutes late at most.
const fn hour_of(at: WallTime) -> i64 {
    (at.0 + Span::HOUR.0 / 2).div_euclid(Span::HOUR.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Rate;

    fn print(rate: &str) -> FundingRate {
        FundingRate { rate: Rate::parse(rate).unwrap(), interval: Interval::H8 }
    }

    const fn hour(hours: i64) -> WallTime {
        WallTime(hours * 3_600_000)
    }

    #[test]
    fn skill_is_the_mean_absolute_error_against_the_last_print_and_the_anchor() {
        let mut next = NextSettlement::default();
        assert_eq!((next.expected(), next.skill.errors()), (None, None));
        assert_eq!(next.on_settled(hour(8), Some(print("0.0003"))), None);
        let said = next.expected().unwrap();
        // 0.0001 + 0.9 x (0.0002 + 0.00004) / 2.
        assert!((said.per_8h - 0.000_208).abs() < 1e-15 && said.hours_to_go.is_none());
        let judged = next.on_settled(hour(16), Some(print("0.0002"))).unwrap();
        assert!(judged.sound && judged.late.is_empty());
        let errors = next.skill.errors().unwrap();
        assert!((errors.last_print - 0.0001).abs() < 1e-15);
        assert!((errors.anchor - 0.0001).abs() < 1e-15);
        assert!((errors.forecast - 0.000_008).abs() < 1e-15);
    }

    #[test]
    fn a_hole_is_not_scored_and_stamps_may_be_some_minutes_late() {
        let mut next = NextSettlement::default();
        next.on_settled(hour(8), Some(print("0.0003")));
        assert!(!next.on_settled(hour(32), None).unwrap().sound);
        assert!(!next.on_settled(hour(40), Some(print("0.0002"))).unwrap().sound, "the guess was made at the hole");
        assert!(next.on_settled(hour(48) + Span(240_000), Some(print("0.0002"))).unwrap().sound);
        assert_eq!(next.skill.count, 1);
        for hours in 48..55 {
            next.on_hour(hour(hours), Some(0.001), None);
        }
        assert_eq!(next.expected().unwrap().hours_to_go, Some(2));
        // 0.1 % of premium pays 0.05 %; nine tenths of what is above the anchor before ten scores.
        assert!((next.expected().unwrap().per_8h - (0.0001 + 0.9 * 0.0004)).abs() < 1e-15);
        next.on_settled(hour(56), Some(print("0.0005")));
        assert_eq!(next.expected().unwrap().hours_to_go, None);
    }

    #[test]
    fn a_settlement_that_does_not_follow_the_last_is_one_after_a_hole_and_a_repeat_is_none() {
        let paid = |next: &mut NextSettlement, hours: i64, interval: Interval| {
            let rate = Rate::parse("0.0002").unwrap();
            next.on_paid(hour(hours), FundingRate { rate, interval }).map(|judged| judged.sound)
        };
        let mut next = NextSettlement::default();
        assert_eq!(paid(&mut next, 8, Interval::H8), None);
        assert_eq!(paid(&mut next, 16, Interval::H8), Some(true));
        assert_eq!(paid(&mut next, 16, Interval::H8), None, "a repeat");
        assert_eq!(paid(&mut next, 32, Interval::H8), Some(false), "one is missing before it");
        assert_eq!(paid(&mut next, 40, Interval::H8), Some(false), "the guess was made at the hole");
        assert_eq!(paid(&mut next, 44, Interval::H4), Some(true), "the interval changed");
        // A premium some minutes after the hour is its end, one of its middle is not.
        next.on_hour(hour(45) + Span(200_000), Some(0.001), Some(FundingRate::ANCHOR));
        assert_eq!(next.expected().unwrap().hours_to_go, Some(3));
        next.on_hour(hour(46) + Span(400_000), Some(0.001), Some(FundingRate::ANCHOR));
        assert_eq!(next.expected().unwrap().hours_to_go, Some(3));
    }

    #[test]
    fn skills_of_several_perps_join_by_settlement() {
        let mut one = Skill::default();
        one.add(0.0002, 0.0001, 0.0002);
        let mut two = Skill::default();
        two.add(0.0, 0.0001, 0.0);
        one.join(&two);
        let errors = one.errors().unwrap();
        assert_eq!(one.count, 2);
        assert!((errors.anchor - 0.0001).abs() < 1e-15 && errors.forecast == 0.0);
    }
}
