//! The next settlement as it is expected right after a print (recipe A): 41 simple guesses of its deviation from the anchor.
//!
//! Streaming: one call a settlement, no history kept. `d = rate x 8 / hours - 0.0001`; two running means of it, `E1` at a half
//! and `E3` at a fifth; the bases `(d + E3) / 2`, `d`, `E1`, `E3`, each kept at 0.9, 1, 0.95, 0.7 and 0.5, with and without the
//! pull of `guesses.rs`; the last guess is the anchor. Found by trying these and richer models on the recorded settlements of
//! thirteen venues: none that learns weights did better, and the last print alone did worse on every one
//! (`strategies/README.md`, "The forecast"). Tests stand at the end.

use super::guesses::{Pace, Scores, fill};
use crate::domain::{FundingRate, Interval};

/// Number of guesses.
pub const GUESSES: usize = 41;
/// Shares of a base that are tried.
const KEEPS: [f64; 5] = [0.9, 1.0, 0.95, 0.7, 0.5];
/// Weight of the youngest print in the fast and in the slow running mean.
const FAST: f64 = 0.5;
const SLOW: f64 = 0.2;

/// The anchor per 8 h as a fraction: what the venues' formula pays while the premium is near zero.
#[must_use]
pub fn anchor() -> f64 {
    FundingRate::ANCHOR.per_8h().to_f64()
}

/// How far a rate is from the anchor, per 8 h, as a fraction; above zero it pays more.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn deviation(funding: FundingRate) -> f64 {
    funding.per_8h().to_f64() - anchor()
}

/// What is expected right after each print.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AfterPrint {
    fast: f64,
    slow: f64,
    deviation: f64,
    guesses: [f64; GUESSES],
    scores: Scores<GUESSES>,
    /// The last interval that was known.
    interval: Option<Interval>,
    /// Whether the last print's interval was known: only then are the guesses made at it scored.
    sound: bool,
}

impl Default for AfterPrint {
    fn default() -> Self {
        Self {
            fast: 0.0,
            slow: 0.0,
            deviation: 0.0,
            guesses: [0.0; GUESSES],
            scores: Scores::default(),
            interval: None,
            sound: false,
        }
    }
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl AfterPrint {
    /// A settlement was published. Without its interval (the first after a hole) it counts as the anchor, the guess towards it
    /// is not scored and neither is the one made at it: a settlement is missing between.
    pub fn on_print(&mut self, funding: Option<FundingRate>) {
        let came = funding.map_or(0.0, deviation);
        if funding.is_some() && self.sound {
            self.scores.score(&self.guesses, came, self.pace());
        }
        self.sound = funding.is_some();
        self.interval = funding.map(|funding| funding.interval).or(self.interval);
        self.deviation = came;
        self.fast += FAST * (came - self.fast);
        self.slow += SLOW * (came - self.slow);
        let bases = [f64::midpoint(came, self.slow), came, self.fast, self.slow];
        fill(&mut self.guesses, &bases, &KEEPS);
    }

    /// The deviation from the anchor that is expected next, per 8 h; zero before any print.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.scores.believed(&self.guesses, self.pace())
    }

    /// The deviation of the last print, per 8 h.
    #[must_use]
    pub const fn last(&self) -> f64 {
        self.deviation
    }

    /// Whether the last print's interval was known.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.sound
    }

    /// The last interval that was known.
    #[must_use]
    pub const fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// All guesses made at the last print.
    #[must_use]
    pub const fn guesses(&self) -> &[f64; GUESSES] {
        &self.guesses
    }

    fn pace(&self) -> Pace {
        self.interval.map_or(Pace::SLOW, Pace::of)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "zeros and whole numbers that are exact")]
mod tests {
    use super::*;
    use crate::domain::Rate;
    use proptest::prelude::*;

    fn print(per_8h: f64, interval: Interval) -> FundingRate {
        FundingRate::from_per_8h(Rate::from_f64(per_8h).unwrap(), interval)
    }

    fn expected_after(prints: &[f64], interval: Interval) -> f64 {
        let mut after = AfterPrint::default();
        for rate in prints {
            after.on_print(Some(print(*rate, interval)));
        }
        after.expected()
    }

    #[test]
    fn before_ten_scores_nine_tenths_of_the_mean_of_print_and_slow_mean() {
        // One print of 0.03 %: d 0.02 %, E3 0.004 %, 0.9 x 0.012 % = 0.0108 % above the anchor.
        assert!((expected_after(&[0.0003], Interval::H8) - 0.000_108).abs() < 1e-15);
        assert!((expected_after(&[0.0003], Interval::H4) - 0.000_108).abs() < 1e-15);
        // Hourly the last print alone.
        assert!((expected_after(&[0.0003], Interval::H1) - 0.0002).abs() < 1e-15);
        assert_eq!(AfterPrint::default().expected(), 0.0);
    }

    #[test]
    fn a_steady_series_is_expected_to_go_on_and_a_jumping_one_to_come_back() {
        let steady = expected_after(&[0.0003; 60], Interval::H8);
        assert!((steady - 0.0002).abs() < 1e-6, "{steady}");
        let jumps: Vec<f64> = (0..200).map(|number| if number % 2 == 0 { 0.0003 } else { 0.0001 }).collect();
        let after_high = expected_after(&jumps[..199], Interval::H8);
        assert!(after_high < 0.000_12, "{after_high}: half of the time it came back to the anchor at once");
        assert_eq!(expected_after(&[0.0001; 60], Interval::H8), 0.0);
    }

    #[test]
    fn a_print_of_unknown_interval_is_the_anchor_and_nobody_is_scored_for_it() {
        let mut after = AfterPrint::default();
        for rate in [0.0003, 0.0002] {
            after.on_print(Some(print(rate, Interval::H8)));
        }
        assert_eq!((after.scores.scored(), after.is_sound()), (1, true));
        after.on_print(None);
        assert_eq!((after.scores.scored(), after.last(), after.is_sound()), (1, 0.0, false));
        after.on_print(Some(print(0.0002, Interval::H8)));
        assert_eq!(after.scores.scored(), 1, "the guess made at the hole is not scored");
        after.on_print(Some(print(0.0002, Interval::H4)));
        assert_eq!((after.scores.scored(), after.interval()), (2, Some(Interval::H4)));
    }

    proptest! {
        #[test]
        fn what_is_expected_lies_between_the_anchor_and_what_was_seen(
            prints in proptest::collection::vec(-0.02_f64..0.02, 1..150),
            hours in proptest::sample::select(vec![Interval::H1, Interval::H4, Interval::H8]),
        ) {
            let expected = expected_after(&prints, hours);
            let deviations = prints.iter().map(|rate| rate - 0.0001);
            let (low, high) = deviations.fold((0.0_f64, 0.0_f64), |(low, high), d| (low.min(d), high.max(d)));
            prop_assert!((low - 1e-12..=high + 1e-12).contains(&expected), "{} in {} to {}", expected, low, high);
        }
    }
}
