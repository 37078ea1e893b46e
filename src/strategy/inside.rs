//! The next settlement as it is expected while its interval runs (recipe B): from the premium seen so far.
//!
//! A venue pays the mean premium of the interval, later samples weighing more, pulled to the anchor by a clamp: for an interval
//! of eight hours hour `j` weighs `j / 36`. After `k` hours the hours to come are taken to be as the last one:
//! `P = sum of w_j p_j for j <= k + p_k x sum of w_j for j > k + c`, `x = P + clamp(I - P, -0.05 %, +0.05 %) - I`, where `p_j`
//! is the mean of the premium (perp over spot less one) at both ends of hour `j` and `I` the anchor. Where the venue states
//! its own running estimate, `x` is that less the anchor. `c` is what the venue's premium differs from perp over spot: it is
//! learnt at settlements off the anchor, where the clamp does not hide the premium. `x` and its middle with the last print
//! join the 41 guesses after a print, with a table of errors for each number of hours to go.
//! Source of the formula: Binance, "Introduction to Binance Futures Funding Rates", read 2026-11; the constants beside it were
//! measured (`strategies/README.md`, "The forecast"). Only intervals of 2 to 8 hours are followed. Tests stand at the end.

use super::after_print::{AfterPrint, GUESSES as AFTER, anchor};
use super::guesses::{Pace, Scores, fill};
use crate::domain::{Interval, Price};

/// Guesses: those from the premium, then those after a print.
const GUESSES: usize = 16 + AFTER;
/// Shares of a base that are tried.
const KEEPS: [f64; 4] = [0.9, 1.0, 0.8, 0.7];
/// The clamp of the venues' formula, per 8 h.
const CLAMP: f64 = 0.0005;
/// How much of a new difference is believed, and how large one may be, per 8 h.
const LEARN: f64 = 0.05;
const LEARN_MOST: f64 = 0.0002;
/// Longest interval that is followed, in hours.
const LONGEST: usize = 8;
/// A deviation from the anchor that is none.
const NONE: f64 = 1e-9;

/// A guess made in the interval that runs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Made {
    guesses: [f64; GUESSES],
    /// From the venue's own estimate: it needs no premium of every hour.
    stated: bool,
}

/// What was expected at one number of hours before a settlement, and believed then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Hours to the settlement.
    pub hours_to_go: u8,
    /// Deviation from the anchor per 8 h.
    pub deviation: f64,
}

/// The interval that runs, and what was learnt of those before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inside {
    /// Hour of the last print, counted from the epoch, and hours of the interval that it began.
    running: Option<(i64, usize)>,
    /// Premium at each whole hour since.
    points: [Option<f64>; LONGEST + 1],
    /// The last premium, with its hour: it may come just before the print of that hour.
    youngest: Option<(i64, f64)>,
    made: [Option<Made>; LONGEST - 1],
    tables: [Scores<GUESSES>; LONGEST - 1],
    offset: f64,
}

/// The premium of a perp over spot, less one, as a fraction; `None` without a price of spot.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "signals are floats; prices stay exact")]
pub fn premium(spot: Price, perp: Price) -> Option<f64> {
    (spot.units() > 0).then(|| (perp.units() - spot.units()) as f64 / spot.units() as f64)
}

/// The clamp of the funding formula: what a premium pays above the anchor, per 8 h.
///
/// Worked: premiums from -0.04 % to 0.06 % pay the anchor; 0.08 % pays 0.02 % above it.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn clamped(premium: f64) -> f64 {
    premium + (anchor() - premium).clamp(-CLAMP, CLAMP) - anchor()
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl Inside {
    /// A whole hour has passed: the premium at its end, and the venue's running estimate (deviation from the anchor per 8 h)
    /// where it states one. The first of an hour stands.
    pub fn on_hour(&mut self, hour: i64, premium: Option<f64>, stated: Option<f64>, after: &AfterPrint) {
        self.youngest = premium.map(|premium| (hour, premium)).or(self.youngest);
        let Some((passed, hours)) = self.passed(hour) else { return };
        if let (Some(point), Some(premium)) = (self.points.get_mut(passed), premium) {
            point.get_or_insert(premium);
        }
        if passed == 0 || passed >= hours || self.made.get(passed - 1).is_none_or(Option::is_some) {
            return;
        }
        let seen = stated.or_else(|| Some(clamped(self.premium(passed, hours)? + self.offset)));
        let (Some(x), Some(slot)) = (seen, self.made.get_mut(passed - 1)) else { return };
        let mut guesses = [0.0; GUESSES];
        fill(&mut guesses, &[x, f64::midpoint(x, after.last())], &KEEPS);
        for (slot, guess) in guesses.iter_mut().skip(GUESSES - AFTER).zip(after.guesses()) {
            *slot = *guess;
        }
        *slot = Some(Made { guesses, stated: stated.is_some() });
    }

    /// A settlement was published: scores what was guessed in the interval that ends, if it is the one that was followed.
    /// `came` is its deviation; `interval` the one that it ended, `None` after a hole.
    /// Gives what was believed at each hour, the most hours to go first, where the premium of every hour was seen.
    pub fn on_print(&mut self, hour: i64, interval: Option<Interval>, came: f64) -> Vec<Expected> {
        let followed = self.running.filter(|(start, hours)| {
            let ended = interval.and_then(|interval| usize::try_from(interval.hours()).ok());
            ended == Some(*hours) && self.passed(hour) == Some((*hours, *hours)) && *start < hour
        });
        let Some((_, hours)) = followed else { return Vec::new() };
        let whole = self.premium(hours, hours);
        let mut believed = Vec::new();
        for (passed, made) in (1..hours).zip(&self.made) {
            let Some(made) = made.filter(|made| made.stated || whole.is_some()) else { continue };
            let to_go = hours - passed;
            let Some(table) = to_go.checked_sub(1).and_then(|place| self.tables.get_mut(place)) else { continue };
            if let Ok(hours_to_go) = u8::try_from(to_go) {
                let deviation = table.believed(&made.guesses, Pace::SLOW);
                believed.push(Expected { hours_to_go, deviation });
            }
            table.score(&made.guesses, came, Pace::SLOW);
        }
        if let Some(seen) = whole.filter(|_| came.abs() > NONE) {
            let side = if came > 0.0 { CLAMP } else { -CLAMP };
            let implied = came + anchor() + side;
            self.offset += LEARN * (implied - seen - self.offset).clamp(-LEARN_MOST, LEARN_MOST);
        }
        believed
    }

    /// The next interval begins at a print of that hour.
    pub fn begin(&mut self, hour: i64, interval: Option<Interval>) {
        let hours = interval.and_then(|interval| usize::try_from(interval.hours()).ok());
        self.running = hours.filter(|hours| (2..=LONGEST).contains(hours)).map(|hours| (hour, hours));
        self.made = [None; LONGEST - 1];
        self.points = [None; LONGEST + 1];
        if let Some(first) = self.points.first_mut() {
            *first = self.youngest.filter(|(at, _)| *at == hour).map(|(_, premium)| premium);
        }
    }

    /// What is expected now, made at the last whole hour of the interval that runs.
    #[must_use]
    pub fn expected(&self) -> Option<Expected> {
        let (_, hours) = self.running?;
        let passed = self.made.iter().rposition(Option::is_some)? + 1;
        let made = self.made.get(passed - 1).copied().flatten()?;
        let to_go = hours.checked_sub(passed)?;
        let table = self.tables.get(to_go.checked_sub(1)?)?;
        Some(Expected { hours_to_go: u8::try_from(to_go).ok()?, deviation: table.believed(&made.guesses, Pace::SLOW) })
    }

    /// Whole hours since the last print, and hours of the interval; `None` beyond it.
    fn passed(&self, hour: i64) -> Option<(usize, usize)> {
        let (start, hours) = self.running?;
        let passed = usize::try_from(hour.checked_sub(start)?).ok()?;
        (passed <= hours).then_some((passed, hours))
    }

    /// The weighted premium after `passed` of `hours` hours, the hours to come as the last one; `None` when an hour is missing.
    fn premium(&self, passed: usize, hours: usize) -> Option<f64> {
        let mut seen = 0.0;
        let (mut weights, mut weight, mut last) = (0.0, 0.0, 0.0);
        for ends in self.points.windows(2).take(passed) {
            let [Some(from), Some(to)] = ends else { return None };
            last = f64::midpoint(*from, *to);
            weight += 1.0;
            weights += weight;
            seen += weight * last;
        }
        let mut to_come = 0.0;
        for _ in passed..hours {
            weight += 1.0;
            to_come += weight;
        }
        (passed > 0).then(|| (seen + last * to_come) / (weights + to_come))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "products that are computed alike")]
mod tests {
    use super::*;
    use crate::domain::{FundingRate, Rate};
    use proptest::prelude::*;

    fn print(rate: &str) -> FundingRate {
        FundingRate { rate: Rate::parse(rate).unwrap(), interval: Interval::H8 }
    }

    /// An interval that begins at hour 0 with a print, and a premium at each hour from 0 on.
    fn begun(premiums: &[f64]) -> (Inside, AfterPrint) {
        let mut after = AfterPrint::default();
        after.on_print(Some(print("0.0003")));
        let mut inside = Inside::default();
        inside.begin(0, Some(Interval::H8));
        for (hour, premium) in (0..).zip(premiums) {
            inside.on_hour(hour, Some(*premium), None, &after);
        }
        (inside, after)
    }

    #[test]
    fn the_clamp_pays_the_anchor_for_small_premiums() {
        let check = |premium: f64, expected: f64| assert!((clamped(premium) - expected).abs() < 1e-15, "{premium}");
        check(0.0, 0.0);
        check(-0.0004, 0.0);
        check(0.0006, 0.0);
        check(0.0008, 0.0002);
        check(-0.0008, -0.0004);
    }

    #[test]
    fn later_hours_weigh_more_and_the_hours_to_come_are_as_the_last() {
        // Hours 1 and 2 have premiums 0.1 % and 0.2 %: (1 x 0.1 + 2 x 0.2 + 33 x 0.2) / 36.
        let (inside, _) = begun(&[0.001, 0.001, 0.003]);
        let expected = (0.001 + 2.0 * 0.002 + 33.0 * 0.002) / 36.0;
        assert!((inside.premium(2, 8).unwrap() - expected).abs() < 1e-15);
        let said = inside.expected().unwrap();
        assert_eq!(said.hours_to_go, 6);
        // Before ten scores nine tenths of what the formula pays for it.
        assert!((said.deviation - 0.9 * (expected - 0.0005 - 0.0001)).abs() < 1e-15, "{said:?}");
        assert_eq!(begun(&[0.001]).0.expected(), None, "no hour has passed");
    }

    #[test]
    fn the_estimate_of_the_venue_stands_for_the_premium() {
        let (mut inside, after) = begun(&[]);
        inside.on_hour(3, None, Some(0.0004), &after);
        assert_eq!(inside.expected(), Some(Expected { hours_to_go: 5, deviation: 0.9 * 0.0004 }));
        inside.on_hour(3, None, Some(0.0009), &after);
        assert_eq!(inside.expected().unwrap().deviation, 0.9 * 0.0004, "the first of an hour stands");
        let believed = inside.on_print(8, Some(Interval::H8), 0.0004);
        assert_eq!(believed, [Expected { hours_to_go: 5, deviation: 0.9 * 0.0004 }]);
        assert_eq!(inside.tables.iter().map(Scores::scored).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn nothing_is_scored_over_a_hole() {
        let flat = [0.0002; 9];
        let scored = |inside: &Inside| inside.tables.iter().map(Scores::scored).sum::<u32>();
        let (mut whole, _) = begun(&flat);
        assert_eq!(whole.on_print(8, Some(Interval::H8), 0.0).len(), 7);
        assert_eq!(scored(&whole), 7);
        // An hour without a premium, a settlement at another hour, one of unknown interval.
        let mut torn = begun(&flat).0;
        torn.points[4] = None;
        assert!(torn.on_print(8, Some(Interval::H8), 0.0).is_empty());
        for (hour, interval) in [(16, Some(Interval::H8)), (8, None), (4, Some(Interval::H4)), (8, Some(Interval::H4))]
        {
            let mut other = begun(&flat).0;
            assert!(other.on_print(hour, interval, 0.0).is_empty() && scored(&other) == 0, "{hour} {interval:?}");
        }
    }

    #[test]
    fn the_difference_of_the_premium_is_learnt_off_the_anchor_only() {
        let (mut inside, _) = begun(&[0.001; 9]);
        inside.on_print(8, Some(Interval::H8), 0.0);
        assert_eq!(inside.offset, 0.0);
        // It paid 0.05 % above the anchor, so its premium was 0.11 %, not 0.1 %.
        inside.on_print(8, Some(Interval::H8), 0.0005);
        assert!((inside.offset - 0.05 * 0.0001).abs() < 1e-15, "{}", inside.offset);
    }

    #[test]
    fn the_premium_of_the_settlement_may_come_before_or_after_it() {
        let after = AfterPrint::default();
        for print_first in [false, true] {
            let mut inside = Inside::default();
            if print_first {
                inside.begin(8, Some(Interval::H4));
            }
            inside.on_hour(8, Some(0.001), None, &after);
            if !print_first {
                inside.begin(8, Some(Interval::H4));
            }
            inside.on_hour(9, Some(0.001), None, &after);
            assert_eq!(inside.expected().map(|said| said.hours_to_go), Some(3));
        }
        let mut hourly = Inside::default();
        hourly.begin(8, Some(Interval::H1));
        hourly.on_hour(9, Some(0.001), None, &after);
        assert_eq!(hourly.expected(), None, "nothing lies inside an hour");
    }

    proptest! {
        #[test]
        fn any_order_of_hours_and_prints_is_taken(
            steps in proptest::collection::vec((0_i64..40, -0.01_f64..0.01, 0_u8..4), 0..200),
        ) {
            let mut after = AfterPrint::default();
            let mut inside = Inside::default();
            for (hour, value, what) in steps {
                match what {
                    0 => {
                        let interval = [Interval::H8, Interval::H4, Interval::H24][usize::try_from(hour % 3).unwrap()];
                        for said in inside.on_print(hour, Some(interval), value) {
                            prop_assert!((1..8).contains(&said.hours_to_go) && said.deviation.is_finite());
                        }
                        after.on_print(Some(print("0.0002")));
                        inside.begin(hour, Some(interval));
                    }
                    1 => inside.on_hour(hour, None, Some(value), &after),
                    _ => inside.on_hour(hour, Some(value), None, &after),
                }
                prop_assert!(inside.expected().is_none_or(|said| said.deviation.abs() <= 0.0101));
            }
        }
    }
}
