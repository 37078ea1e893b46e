//! Where a pair can be traded: pure functions from bar times and settlement stamps to stretches and the step.
//!
//! A pair is flattened at the open of its last common bar before a hole of more than 24 h, a missing settlement, or the end
//! of its history. Coverage, unlike prices, is known in advance. No prices and no files here. Tests stand at the end.

use super::history::Segment;
use super::settlements::spacings;
use crate::domain::{Span, WallTime};

/// Longest time without common bars that a position is held through.
pub const LONGEST_HALT: Span = Span::DAY;
/// How far from its nominal hour a venue may stamp a settlement, as in `Interval::spacing`.
const STAMP_TOLERANCE: i64 = 300_000;

/// Steps that candles may have, finest first.
pub const STEPS: [Span; 12] = [
    Span::MINUTE,
    Span(180_000),
    Span(300_000),
    Span(900_000),
    Span(1_800_000),
    Span::HOUR,
    Span::hours(2),
    Span::hours(4),
    Span::hours(6),
    Span::hours(8),
    Span::hours(12),
    Span::DAY,
];

/// A stretch of settlements without a missing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funded {
    /// Its first settlement.
    pub first: WallTime,
    /// When the first missing settlement would have been: its last one plus its last interval, or the next stamp when that
    /// came sooner than any interval allows.
    pub missing: WallTime,
}

/// The instant a stamp means: the whole hour when it lies within five minutes of one, else its minute.
///
/// Venues stamp some milliseconds, seldom up to two minutes, late. Worked: 08:00:00.007 and 08:01:51 mean 08:00.
#[must_use]
pub fn nominal(stamp: WallTime) -> WallTime {
    let hour = WallTime(stamp.0.saturating_add(Span::HOUR.0 / 2)).floor(Span::HOUR);
    if (stamp.0 - hour.0).abs() <= STAMP_TOLERANCE { hour } else { stamp.floor(Span::MINUTE) }
}

/// Open times that both legs have. Both inputs rise strictly.
#[must_use]
pub fn common_opens(spot: &[WallTime], perp: &[WallTime]) -> Vec<WallTime> {
    let mut out = Vec::with_capacity(spot.len().min(perp.len()));
    let mut others = perp.iter().peekable();
    for open in spot {
        while others.next_if(|other| *other < open).is_some() {}
        if others.next_if_eq(&open).is_some() {
            out.push(*open);
        }
    }
    out
}

/// Stretches of settlements whose spacing is a proven interval. A lone stamp has none and makes no stretch.
#[must_use]
pub fn funded(stamps: &[WallTime]) -> Vec<Funded> {
    let mut out = Vec::new();
    let mut open: Option<Funded> = None;
    for ((earlier, later), interval) in stamps.iter().zip(stamps.iter().skip(1)).zip(spacings(stamps)) {
        if let Some(interval) = interval {
            let first = open.map_or(nominal(*earlier), |stretch| stretch.first);
            open = Some(Funded { first, missing: nominal(*later) + interval.span() });
        } else if let Some(stretch) = open.take() {
            out.push(Funded { missing: stretch.missing.min(nominal(*later)), ..stretch });
        }
    }
    out.extend(open);
    out
}

/// Tradable stretches of a pair: common bars inside one funded stretch, without a hole of more than 24 h between two.
///
/// `common` are open times both legs have, rising; a stretch has at least two bars. Its last bar is the last one that opens
/// strictly before the missing settlement, so that the position is gone when that settlement should have come.
#[must_use]
pub fn segments(common: &[WallTime], step: Span, stamps: &[WallTime]) -> Vec<Segment> {
    let longest = Span(LONGEST_HALT.0.saturating_add(step.0));
    let mut out = Vec::new();
    for stretch in funded(stamps) {
        let start = common.partition_point(|open| *open < stretch.first);
        let end = common.partition_point(|open| *open < stretch.missing).max(start);
        let bars = common.get(start..end).unwrap_or(&[]);
        for run in bars.chunk_by(|earlier, later| later.since(*earlier) <= longest) {
            if let (Some(first), Some(last)) = (run.first(), run.last())
                && first < last
            {
                out.push(Segment { first: *first, last: *last });
            }
        }
    }
    out
}

/// The step with the longest coverage common to both legs: most common bars times their length; the finer one of equals.
///
/// `steps` are steps with their number of common bars; a step without any is not chosen.
#[must_use]
pub fn longest_step(steps: &[(Span, usize)]) -> Option<Span> {
    let covered = |(step, bars): &(Span, usize)| i128::from(step.0) * i128::try_from(*bars).unwrap_or(i128::MAX);
    let best = steps.iter().filter(|choice| choice.1 > 0).max_by_key(|choice| (covered(choice), -choice.0.0))?;
    Some(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn hour(hours: i64) -> WallTime {
        WallTime(hours * 3_600_000)
    }

    fn hours(list: impl IntoIterator<Item = i64>) -> Vec<WallTime> {
        list.into_iter().map(hour).collect()
    }

    fn check(bars: &[WallTime], stamps: &[WallTime], expected: &[(i64, i64)]) {
        let found: Vec<_> = segments(bars, Span::HOUR, stamps)
            .iter()
            .map(|segment| (segment.first.0 / 3_600_000, segment.last.0 / 3_600_000))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_stretch_ends_at_a_hole_a_missing_settlement_or_the_end() {
        // All there: no coverage before the first stamp, none from the settlement after the last stamp on.
        check(&hours(0..100), &hours([8, 16, 24, 32]), &[(8, 39)]);
        // The bars end first.
        check(&hours(0..36), &hours([8, 16, 24, 32]), &[(8, 35)]);
        // 24 hours without a bar are held through, 25 are a hole.
        check(&hours((0..10).chain(34..60)), &hours((0..8).map(|n| n * 8)), &[(0, 59)]);
        check(&hours((0..10).chain(35..60)), &hours((0..8).map(|n| n * 8)), &[(0, 9), (35, 59)]);
        // The settlement at 24 is missing: gone by then, back at the next stamp.
        check(&hours(0..100), &hours([0, 8, 16, 32, 40, 48]), &[(0, 23), (32, 55)]);
        // The last proven interval says when the missing one was due.
        check(&hours(0..100), &hours([8, 16, 24, 28, 32, 48, 56, 64]), &[(8, 35), (48, 71)]);
        // A stamp that comes too soon for any interval ends the stretch before it and begins the next.
        check(&hours(0..100), &hours([0, 8, 16, 23, 31, 39]), &[(0, 22), (23, 46)]);
        // Two stamps prove no interval; a stretch of one bar is none.
        check(&hours(0..100), &hours([8]), &[]);
        check(&hours(0..100), &hours([8, 16]), &[]);
        check(&hours([8]), &hours([8, 16, 24]), &[]);
        check(&hours([]), &hours([8, 16, 24]), &[]);
        check(&hours(0..100), &hours([]), &[]);
    }

    #[test]
    fn e06_interval_changes_are_not_holes() {
        check(&hours(0..100), &hours([8, 16, 24, 28, 32, 34, 36, 37, 38]), &[(8, 38)]);
    }

    #[test]
    fn u08_every_proven_interval_is_traded_and_a_lone_spacing_is_a_hole() {
        for interval in [1, 2, 3, 4, 6, 8, 12, 24] {
            let stamps = hours((0..4).map(|number| number * interval));
            check(&hours(0..100), &stamps, &[(0, 4 * interval - 1)]);
        }
        check(&hours(0..100), &hours([0, 4, 8, 16, 20, 24]), &[(0, 11), (16, 27)]);
    }

    #[test]
    fn late_stamps_mean_their_hour() {
        let late = [WallTime(hour(8).0 + 7), WallTime(hour(16).0 + 111_000), hour(24)];
        check(&hours(0..100), &late, &[(8, 31)]);
        assert_eq!(nominal(WallTime(hour(8).0 - 300_000)), hour(8));
        assert_eq!(nominal(WallTime(hour(8).0 + 300_001)), WallTime(hour(8).0 + 300_000));
    }

    #[test]
    fn the_longest_common_coverage_wins_and_the_finer_of_equals() {
        assert_eq!(longest_step(&[(Span::HOUR, 80), (Span::hours(8), 9)]), Some(Span::HOUR));
        assert_eq!(longest_step(&[(Span::HOUR, 80), (Span::hours(8), 11)]), Some(Span::hours(8)));
        assert_eq!(longest_step(&[(Span::hours(8), 10), (Span::HOUR, 80)]), Some(Span::HOUR));
        assert_eq!(longest_step(&[(Span::hours(8), 0)]), None);
        assert_eq!(longest_step(&[]), None);
    }

    /// Rising times from `start` on, by the hours between two.
    fn walk(start: i64, gaps: &[i64]) -> Vec<WallTime> {
        let mut at = start;
        let mut out = vec![hour(at)];
        for gap in gaps {
            at += gap;
            out.push(hour(at));
        }
        out
    }

    proptest! {
        #[test]
        fn segments_hold_what_they_promise(
            bar_gaps in proptest::collection::vec(prop_oneof![60 => Just(1_i64), 3 => 2_i64..40], 0..400),
            stamp_gaps in proptest::collection::vec(prop_oneof![6 => Just(8_i64), 3 => Just(4), 1 => 1_i64..40], 0..40),
            start in 0_i64..60,
        ) {
            let (bars, stamps) = (walk(0, &bar_gaps), walk(start, &stamp_gaps));
            let found = segments(&bars, Span::HOUR, &stamps);
            for segment in &found {
                prop_assert!(segment.first < segment.last);
                let inside: Vec<_> =
                    bars.iter().filter(|bar| (segment.first..=segment.last).contains(bar)).collect();
                prop_assert_eq!((inside.first(), inside.last()), (Some(&&segment.first), Some(&&segment.last)));
                prop_assert!(inside.windows(2).all(|two| two[1].since(*two[0]) <= Span::hours(25)), "a hole inside");
                // Each settlement from the one at or before the first bar to the one at or before the last is there.
                let before = stamps.iter().rposition(|stamp| *stamp <= segment.first);
                prop_assert!(before.is_some(), "no settlement before the first bar");
                let proven = spacings(&stamps);
                for place in before.unwrap()..proven.len() {
                    prop_assert!(stamps[place + 1] > segment.last || proven[place].is_some(), "a missing settlement inside");
                }
                prop_assert!(segment.last < *stamps.last().unwrap() + Span::DAY);
            }
            prop_assert!(found.windows(2).all(|two| two[0].last < two[1].first));
        }

        #[test]
        fn a_pair_without_holes_is_one_segment(bars in 2_i64..200, settlements in 2_i64..30) {
            let stamps = hours((0..=settlements).map(|number| number * 8));
            let last = (bars - 1).min(settlements * 8 + 7);
            let expected = Segment { first: hour(0), last: hour(last) };
            prop_assert_eq!(segments(&hours(0..bars), Span::HOUR, &stamps), vec![expected]);
        }

        #[test]
        fn common_opens_are_the_intersection(
            a in proptest::collection::btree_set(0_i64..60, 0..40),
            b in proptest::collection::btree_set(0_i64..60, 0..40),
        ) {
            let both: Vec<_> = a.intersection(&b).map(|at| hour(*at)).collect();
            prop_assert_eq!(common_opens(&hours(a), &hours(b)), both);
        }
    }
}
