//! Simple guesses of one number, and which of them is believed: the one that was wrong by least, younger errors counting more.
//!
//! Not a fitted model: nothing is estimated but a running sum of absolute errors for each guess, so that the choice needs
//! only `+ - x`, an absolute value and a comparison and is the same on every platform. Everything here is a deviation from
//! the anchor per 8 h, as a fraction (0.0001 is 0.01 %). The constants were measured on recorded settlements of thirteen
//! venues, 2019 to 2026 (`strategies/README.md`, "The forecast"). Tests stand at the end.

use crate::domain::Interval;

/// What a small guess is pulled to zero by: at 0.001 % the venue's clamp would pay the anchor.
pub const PULLS: [f64; 2] = [0.0, 0.000_01];

/// How fast old errors are forgotten, and what is believed before there are enough of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Share of the old errors that is kept at each settlement.
    pub keep: f64,
    /// Settlements scored before the errors are believed.
    pub warm: u32,
    /// Place of the guess that is believed until then.
    pub first: usize,
}

impl Pace {
    /// Eight hours and less often than hourly: a memory of about 140 settlements; the first of the list is believed at first.
    pub const SLOW: Self = Self { keep: 0.993, warm: 10, first: 0 };
    /// Hourly: about 1000 settlements; at first the last print, which stands at place 12 of the guesses after a print.
    pub const HOURLY: Self = Self { keep: 0.999, warm: 100, first: 12 };

    /// Of an interval.
    #[must_use]
    pub const fn of(interval: Interval) -> Self {
        match interval {
            Interval::H1 => Self::HOURLY,
            _ => Self::SLOW,
        }
    }
}

/// A number pulled towards zero: `sign(keep x) * max(|keep x| - pull, 0)`.
///
/// Worked: 0.0002 kept at 0.9 and pulled by 0.00001 is 0.00017; 0.000005 pulled by 0.00001 is 0.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn pulled(value: f64, keep: f64, pull: f64) -> f64 {
    let kept = keep * value;
    let size = (kept.abs() - pull).max(0.0);
    if kept < 0.0 { -size } else { size }
}

/// Writes each base at each keep and each pull, in this order of nesting; what is left of `out` stays as it is.
pub fn fill(out: &mut [f64], bases: &[f64], keeps: &[f64]) {
    let all = bases
        .iter()
        .flat_map(|base| keeps.iter().flat_map(move |keep| PULLS.iter().map(move |pull| pulled(*base, *keep, *pull))));
    for (slot, guess) in out.iter_mut().zip(all) {
        *slot = guess;
    }
}

/// How wrong each of `N` guesses has been.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores<const N: usize> {
    errors: [f64; N],
    scored: u32,
}

impl<const N: usize> Default for Scores<N> {
    fn default() -> Self {
        Self { errors: [0.0; N], scored: 0 }
    }
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl<const N: usize> Scores<N> {
    /// What came after these guesses.
    pub fn score(&mut self, guesses: &[f64; N], came: f64, pace: Pace) {
        for (error, guess) in self.errors.iter_mut().zip(guesses) {
            *error = *error * pace.keep + (guess - came).abs();
        }
        self.scored = self.scored.saturating_add(1);
    }

    /// The guess that is believed: of the least error, the first of equals.
    #[must_use]
    pub fn believed(&self, guesses: &[f64; N], pace: Pace) -> f64 {
        let mut place = pace.first;
        if self.scored >= pace.warm {
            let mut least = f64::INFINITY;
            for (number, error) in self.errors.iter().enumerate() {
                if *error < least {
                    (place, least) = (number, *error);
                }
            }
        }
        guesses.get(place).copied().unwrap_or(0.0)
    }

    /// Settlements scored.
    #[must_use]
    pub const fn scored(&self) -> u32 {
        self.scored
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers that are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: Pace = Pace { keep: 0.5, warm: 2, first: 1 };

    #[test]
    fn a_guess_is_kept_in_part_and_pulled_to_zero() {
        let check = |value: f64, keep: f64, pull: f64, expected: f64| {
            assert!((pulled(value, keep, pull) - expected).abs() < 1e-18, "{value} {keep} {pull}");
        };
        check(0.0002, 0.9, 0.000_01, 0.000_17);
        check(-0.0002, 0.9, 0.000_01, -0.000_17);
        check(0.000_005, 1.0, 0.000_01, 0.0);
        check(-0.000_005, 1.0, 0.000_01, 0.0);
        check(0.0, 1.0, 0.0, 0.0);
        let mut out = [7.0; 5];
        fill(&mut out, &[1.0, 2.0], &[1.0]);
        assert_eq!(out, [1.0, 1.0 - 0.000_01, 2.0, 2.0 - 0.000_01, 7.0], "what is left stays");
    }

    #[test]
    fn the_least_wrong_is_believed_once_enough_came() {
        let mut scores = Scores::<3>::default();
        let guesses = [1.0, 2.0, 3.0];
        assert_eq!(scores.believed(&guesses, PACE), 2.0, "before any score the named one");
        scores.score(&guesses, 3.0, PACE);
        assert_eq!((scores.believed(&guesses, PACE), scores.scored()), (2.0, 1));
        scores.score(&guesses, 3.0, PACE);
        assert_eq!(scores.believed(&guesses, PACE), 3.0);
        // Errors are now 3, 1.5 and 0. Two more at 1: 0.75, 1.875 and 3 against 1.5 of memory: the first wins.
        scores.score(&guesses, 1.0, PACE);
        scores.score(&guesses, 1.0, PACE);
        assert_eq!(scores.believed(&guesses, PACE), 1.0, "{scores:?}");
        let mut equal = Scores::<3>::default();
        equal.score(&[5.0, 4.0, 4.0], 4.0, PACE);
        equal.score(&[5.0, 4.0, 4.0], 4.0, PACE);
        assert_eq!(equal.believed(&guesses, PACE), 2.0, "the first of equals");
    }

    proptest! {
        #[test]
        fn what_is_believed_is_one_of_the_guesses_and_no_larger_than_its_base(
            bases in proptest::collection::vec(-0.01_f64..0.01, 1..40),
        ) {
            let mut scores = Scores::<4>::default();
            for pair in bases.windows(2) {
                let mut guesses = [0.0; 4];
                fill(&mut guesses, &pair[..1], &[1.0, 0.5]);
                let believed = scores.believed(&guesses, PACE);
                prop_assert!(guesses.contains(&believed));
                prop_assert!(guesses.iter().all(|guess| guess.abs() <= pair[0].abs() && guess * pair[0] >= 0.0));
                scores.score(&guesses, pair[1], PACE);
            }
        }
    }
}
