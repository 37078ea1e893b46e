//! The one judgement of settlements by their stamps, on which loader, check, statistics, backtest and download agree:
//! which are told twice, which interval each one ended, where one is missing.
//!
//! An interval is 1, 2, 3, 4, 6, 8, 12 or 24 h, proven by two equal spacings in a row (12 and 24 h by three). A spacing that
//! the next one repeats is an interval change, proven from its first gap. Any other spacing is a hole. Stamps closer than a
//! hundredth of the interval are one settlement. Tests stand at the end.

use super::error::{DataError, Place};
use super::history::FundingRow;
use crate::domain::{FundingRate, Interval, Rate, Span, WallTime};
use std::path::Path;

/// Stamps closer than this are one settlement whatever the interval: a hundredth of the shortest.
const ALWAYS_ONE: i64 = 36_000;
/// Stamps at least this far apart are two settlements whatever the interval: a hundredth of the longest.
const ALWAYS_TWO: i64 = 864_000;
/// The middle of the absolute rates per 8 h beyond which they cannot be fractions, in units of 1e-18: of a whole file
/// 0.2 % (219 % a year), of a season of it 0.5 %, of a short file 0.9 %, because a new coin was squeezed at its cap of 0.75 %
/// for three weeks. The anchor written in percent reads as 1 %.
const MIDDLE: u64 = 2_000_000_000_000_000;
const MIDDLE_OF_SEASON: u64 = 5_000_000_000_000_000;
const MIDDLE_OF_SHORT: u64 = 9_000_000_000_000_000;
/// The anchor per 8 h written in percent: a fifth of the rates at exactly that is no coincidence.
const ANCHOR_IN_PERCENT: u64 = 10_000_000_000_000_000;
/// Seldom beyond this for long: 109 % a year. With the anchor in percent among the rates it is the scale; alone it is worth a word.
const SELDOM: u64 = 1_000_000_000_000_000;
/// A stretch of settlements that is judged by itself; less than half of it is short.
const SEASON: Span = Span::hours(90 * 24);
/// Fewest rates that make a scale.
const LEAST: usize = 3;

/// For each stamp of a rising list (equals allowed): the place of the settlement that it tells again.
#[must_use]
pub fn repeats(stamps: &[WallTime]) -> Vec<Option<usize>> {
    let mut out = Vec::with_capacity(stamps.len());
    let mut kept: Option<usize> = None;
    let mut usual: Option<Interval> = None;
    for (place, stamp) in stamps.iter().enumerate() {
        let Some((last, before)) = kept.and_then(|last| Some((last, *stamps.get(last)?))) else {
            kept = Some(place);
            out.push(None);
            continue;
        };
        let distance = stamp.since(before).0;
        let interval = || usual.or_else(|| following(stamps, before));
        if distance < ALWAYS_ONE
            || (distance < ALWAYS_TWO && interval().is_some_and(|interval| distance < interval.span().0 / 100))
        {
            out.push(Some(last));
            continue;
        }
        usual = Interval::spacing(before, *stamp).or(usual);
        kept = Some(place);
        out.push(None);
    }
    out
}

/// The first spacing after `from` that is as long as an interval.
fn following(stamps: &[WallTime], from: WallTime) -> Option<Interval> {
    let mut last = from;
    for stamp in stamps.iter().skip(stamps.partition_point(|stamp| *stamp <= from)) {
        if stamp.since(last).0 >= ALWAYS_TWO {
            if let Some(interval) = Interval::spacing(last, *stamp) {
                return Some(interval);
            }
            last = *stamp;
        }
    }
    None
}

/// The interval between each stamp and the next, where it is proven. No stamp may be told twice.
#[must_use]
pub fn spacings(stamps: &[WallTime]) -> Vec<Option<Interval>> {
    let between = |two: &[WallTime]| match two {
        [earlier, later] => Interval::spacing(*earlier, *later),
        _ => None,
    };
    let met: Vec<_> = stamps.windows(2).map(between).collect();
    let mut out = Vec::with_capacity(met.len());
    for run in met.chunk_by(|one, next| one == next) {
        let proven = run.first().copied().flatten().filter(|interval| run.len() >= interval.proof());
        out.extend(std::iter::repeat_n(proven, run.len()));
    }
    out
}

/// The interval each settlement ended: the one proven before it, else (at a start or after a hole) the one proven after it.
#[must_use]
pub fn intervals(stamps: &[WallTime]) -> Vec<Option<Interval>> {
    let spacing = spacings(stamps);
    let at = |place: usize| spacing.get(place).copied().flatten();
    (0..stamps.len()).map(|place| place.checked_sub(1).and_then(at).or_else(|| at(place))).collect()
}

/// The interval each settlement ended where the stamps prove it: `None` after a hole, because what was paid in it is not known
/// and a settlement is missing before; the first has that of the second. No stamp may be told twice.
#[must_use]
pub fn proven_before(stamps: &[WallTime]) -> Vec<Option<Interval>> {
    let spacing = spacings(stamps);
    let first = spacing.first().copied().flatten();
    stamps.iter().take(1).map(|_| first).chain(spacing.iter().copied()).collect()
}

/// A settlement that stands in a file more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The row that is told first, and where.
    pub(crate) first: (FundingRow, Place),
    /// The row that tells it again, and where.
    pub(crate) again: (FundingRow, Place),
}

impl Repeat {
    /// Whether both tell the same rate.
    pub(crate) fn agrees(&self) -> bool {
        self.first.0.rate == self.again.0.rate
    }

    /// What is said of it.
    pub(crate) fn words(&self) -> String {
        let (first, again) = (&self.first.0, &self.again.0);
        let apart = again.stamp.since(first.stamp);
        let line = self.first.1.line();
        if self.agrees() {
            format!("the settlement of {} in line {line} is told again {} ms later", first.stamp, apart.0)
        } else {
            format!(
                "the settlement of {} has rate {} in line {line} and, {} ms later, rate {} here; expected one rate",
                first.stamp, first.rate, apart.0, again.rate
            )
        }
    }
}

/// Rows of which each settlement stands there once, with its interval, and what was told again.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) rows: Vec<(FundingRow, Place)>,
    pub(crate) repeats: Vec<Repeat>,
}

/// Judges rows that rise in time (equals allowed). Of a settlement told twice the first row stays, with a mark or premium
/// that only the other one has.
pub(crate) fn judge(rows: &[(FundingRow, Place)]) -> Judged {
    let stamps: Vec<_> = rows.iter().map(|row| row.0.stamp).collect();
    let mut judged = Judged::default();
    for (row, repeated) in rows.iter().zip(repeats(&stamps)) {
        match (repeated.and_then(|place| rows.get(place)), judged.rows.last_mut()) {
            (Some(first), Some(kept)) => {
                judged.repeats.push(Repeat { first: *first, again: *row });
                kept.0.mark = kept.0.mark.or(row.0.mark);
                kept.0.premium = kept.0.premium.or(row.0.premium);
            }
            _ => judged.rows.push(*row),
        }
    }
    let stamps: Vec<_> = judged.rows.iter().map(|row| row.0.stamp).collect();
    for (row, interval) in judged.rows.iter_mut().zip(intervals(&stamps)) {
        row.0.interval = interval;
    }
    judged
}

/// What is wrong with rows that came together, and where: a settlement with two rates, or rates in percent. They need not rise.
#[must_use]
pub fn contradiction(rows: &[(FundingRow, Place)]) -> Option<(Place, String)> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.0.stamp);
    let judged = judge(&rows);
    let torn = judged.repeats.iter().find(|repeat| !repeat.agrees()).map(|repeat| (repeat.again.1, repeat.words()));
    torn.or_else(|| scale(&judged.rows).map(|scale| (scale.at.1, scale.words)))
}

/// A scale of rates that cannot be: where it shows first, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) at: (WallTime, Place),
    pub(crate) words: String,
}

impl Scale {
    /// The error for it.
    pub(crate) fn error(self, file: &Path) -> DataError {
        DataError::row(file, self.at.1, self.words)
    }
}

/// Whether rates are written in percent: nobody pays 219 % a year for long. `None` when the scale is plausible.
/// Worked: the anchor of 0.01 % written as 0.01 reads as 1 % per 8 h.
pub(crate) fn scale(rows: &[(FundingRow, Place)]) -> Option<Scale> {
    let season = |row: &(FundingRow, Place)| row.0.stamp.0.div_euclid(SEASON.0);
    implausible(rows, MIDDLE).or_else(|| {
        let mut seasons = rows.chunk_by(|one, next| season(one) == season(next));
        seasons.find_map(|rows| implausible(rows, MIDDLE_OF_SEASON))
    })
}

/// What is said of so many settlements none of which has a proven interval.
#[must_use]
pub fn no_interval(count: usize) -> String {
    format!(
        "none of {count} settlements has an interval that the stamps prove (1, 2, 3, 4, 6, 8, 12 or 24 h, twice in a row); carry data \
         verify names the spacings"
    )
}

/// What a person should be told of rates that may be what they say and seldom are; `None` for others.
#[must_use]
pub fn unusual(rows: &[FundingRow]) -> Option<String> {
    let mut sizes: Vec<_> = rows.iter().map(per_8h).collect();
    sizes.sort_unstable();
    let middle = sizes.get(sizes.len() / 2).filter(|middle| rows.len() >= LEAST && **middle >= SELDOM)?;
    Some(format!(
        "half of its {} rates are {:.0} % a year or more, which is seldom for so long: are they written in percent? carry data import \
         --rates-in percent converts such files",
        rows.len(),
        yearly(*middle)
    ))
}

/// The absolute rate per 8 h, in units of 1e-18.
fn per_8h(row: &FundingRow) -> u64 {
    let interval = row.interval.unwrap_or(Interval::H8);
    FundingRate { rate: row.rate, interval }.per_8h().units().unsigned_abs()
}

/// Percent a year of units per 8 h.
#[expect(clippy::float_arithmetic, reason = "a number for a person")]
fn yearly(units: u64) -> f64 {
    Rate::from_units(i64::try_from(units).unwrap_or(i64::MAX)).to_f64() * 3.0 * 365.0 * 100.0
}

fn implausible(rows: &[(FundingRow, Place)], most: u64) -> Option<Scale> {
    let mut sizes: Vec<_> = rows.iter().map(|row| per_8h(&row.0)).collect();
    sizes.sort_unstable();
    let middle = *sizes.get(sizes.len() / 2)?;
    let (first, last) = (rows.first()?.0.stamp, rows.last()?.0.stamp);
    let most = if last.since(first).0 < SEASON.0 / 2 { MIDDLE_OF_SHORT } else { most };
    let at_anchor = sizes.iter().filter(|size| **size == ANCHOR_IN_PERCENT).count();
    // A coin whose rates are small most of the time may meet a cap of 1 %; one whose rates are large should meet others as well.
    let anchored = at_anchor * 5 >= rows.len() || (middle >= SELDOM && at_anchor >= 2 && at_anchor * 50 >= rows.len());
    if rows.len() < LEAST || (middle <= most && !anchored) {
        return None;
    }
    let (row, place) = rows.iter().find(|row| per_8h(&row.0) >= middle)?;
    let yearly = yearly(middle);
    let words = format!(
        "rate {} and half of the {} rates about it are {yearly:.0} % a year or more: they look like percent, expected plain \
         fractions such as 0.0001 for 0.01 %; carry data import --rates-in percent converts them",
        row.rate,
        rows.len()
    );
    Some(Scale { at: (row.stamp, *place), words })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;

    const fn at(hours: i64, ms: i64) -> WallTime {
        WallTime(1_735_689_600_000 + hours * 3_600_000 + ms)
    }

    fn walk(spacings: &[i64]) -> Vec<WallTime> {
        let mut hour = 0;
        let mut out = vec![at(0, 0)];
        for spacing in spacings {
            hour += spacing;
            out.push(at(hour, 0));
        }
        out
    }

    /// Hours of the proven spacings; zero is a hole.
    fn proven(walked: &[i64]) -> Vec<i64> {
        spacings(&walk(walked)).iter().map(|interval| interval.map_or(0, Interval::hours)).collect()
    }

    #[test]
    fn u08_intervals_are_what_the_stamps_prove() {
        for hours in [1, 2, 3, 4, 6, 8] {
            assert_eq!(proven(&[hours]), [0], "one spacing proves nothing");
            assert_eq!(proven(&[hours, hours]), [hours, hours]);
        }
        for hours in [12, 24] {
            assert_eq!(proven(&[hours, hours]), [0, 0], "two missing settlements look like {hours} h");
            assert_eq!(proven(&[hours; 3]), [hours; 3]);
        }
        for hours in [5, 7, 9, 10, 16, 48] {
            assert_eq!(proven(&[hours; 4]), [0; 4], "{hours} h is no interval");
        }
        // A change is proven from its first gap; a spacing that nothing repeats is a hole, long or short.
        assert_eq!(proven(&[8, 8, 4, 4, 1, 1]), [8, 8, 4, 4, 1, 1]);
        assert_eq!(proven(&[4, 4, 8, 4, 4]), [4, 4, 0, 4, 4]);
        assert_eq!(proven(&[8, 8, 4, 8, 8]), [8, 8, 0, 8, 8]);
        assert_eq!(proven(&[8, 8, 16, 8, 8]), [8, 8, 0, 8, 8]);
        assert_eq!(proven(&[8, 8, 24, 8, 8]), [8, 8, 0, 8, 8]);
        let known: Vec<_> =
            intervals(&walk(&[8, 8, 16, 4, 4])).iter().map(|one| one.map_or(0, Interval::hours)).collect();
        assert_eq!(known, [8, 8, 8, 4, 4, 4]);
        let before: Vec<_> =
            proven_before(&walk(&[8, 8, 16, 4, 4])).iter().map(|one| one.map_or(0, Interval::hours)).collect();
        assert_eq!(before, [8, 8, 8, 0, 4, 4]);
        assert!(proven_before(&[]).is_empty());
    }

    #[test]
    fn u06_stamps_closer_than_a_hundredth_of_the_interval_are_one_settlement() {
        let check =
            |stamps: &[WallTime], expected: &[Option<usize>]| assert_eq!(repeats(stamps), expected, "{stamps:?}");
        check(&[at(0, 0), at(8, 0), at(8, 5), at(16, 0)], &[None, None, Some(1), None]);
        check(&[at(0, 0), at(8, 0), at(8, 287_999), at(16, 0)], &[None, None, Some(1), None]);
        check(&[at(0, 0), at(8, 0), at(8, 288_000), at(16, 0)], &[None; 4]);
        // Equal stamps, three tellings, and a repeat of the very first.
        check(&[at(0, 0), at(0, 0), at(0, 7), at(8, 0)], &[None, Some(0), Some(0), None]);
        check(&[at(0, 0), at(0, 3 * MINUTE), at(8, 0), at(16, 0)], &[None, Some(0), None, None]);
        // Hourly: 36 s. Daily: 864 s.
        check(&[at(0, 0), at(1, 0), at(1, 35_999), at(2, 0)], &[None, None, Some(1), None]);
        check(&[at(0, 0), at(1, 0), at(1, 36_000), at(2, 0)], &[None; 4]);
        check(&[at(0, 0), at(24, 0), at(24, 863_999), at(48, 0)], &[None, None, Some(1), None]);
        check(&[], &[]);
    }

    fn row(hours: i64, rate: &str) -> (FundingRow, Place) {
        let rate = Rate::parse(rate).unwrap();
        let line = u64::try_from(hours).unwrap() + 2;
        (FundingRow { stamp: at(hours, 0), rate, interval: None, mark: None, premium: None }, Place::Line(line, 1))
    }

    fn judged(hours: i64, count: i64, rate: &str) -> Vec<(FundingRow, Place)> {
        let rows: Vec<_> = (0..count).map(|number| row(number * hours, rate)).collect();
        judge(&rows).rows
    }

    #[test]
    fn u08_rates_in_percent_are_implausible_and_squeezes_are_not() {
        // The anchor in percent, at every interval, and a quiet market in percent.
        for (hours, count, rate) in [
            (8, 40, "0.01"),
            (4, 40, "0.005"),
            (1, 40, "0.00125"),
            (24, 40, "0.03"),
            (8, 40, "0.05"),
            (8, 400, "-0.003"),
        ] {
            let found = scale(&judged(hours, count, rate)).unwrap();
            assert_eq!(found.at, (at(0, 0), Place::Line(2, 1)));
            assert!(found.words.contains("--rates-in percent"), "{}", found.words);
        }
        // Fractions: the anchor, a crowded year, a new coin's weeks at its cap.
        for (hours, count, rate) in
            [(8, 40, "0.0001"), (8, 1_000, "0.0015"), (1, 1_000, "0.0001"), (24, 100, "0.005"), (8, 60, "-0.0075")]
        {
            assert_eq!(scale(&judged(hours, count, rate)), None, "{count} times {rate} each {hours} h");
        }
        // A month in percent, too short for its middle to tell: a few of its rates are the anchor's.
        let month = |rate: &str, peak: &str| {
            let mut rows = judged(8, 90, rate);
            for row in rows.iter_mut().step_by(30) {
                row.0.rate = Rate::parse(peak).unwrap();
            }
            rows
        };
        assert!(scale(&month("0.004", "0.01")).is_some());
        assert_eq!(scale(&month("0.00004", "0.01")), None, "small rates that meet a cap of 1 %");
        assert_eq!(
            scale(&month("0.004", "0.0123")),
            None,
            "large ones that never meet the anchor may be what they say"
        );
        let rows = |judged: Vec<(FundingRow, Place)>| judged.into_iter().map(|row| row.0).collect::<Vec<_>>();
        assert!(unusual(&rows(month("0.004", "0.0123"))).unwrap().contains("438 % a year or more"));
        assert_eq!(unusual(&rows(month("0.0009", "0.01"))), None);
        let mut squeezed = judged(8, 200, "0.0001");
        for row in squeezed.iter_mut().skip(100).take(21) {
            row.0.rate = Rate::parse("-0.02").unwrap();
        }
        assert_eq!(scale(&squeezed), None);
        // Percent from some day on.
        let mut mixed = judged(8, 700, "0.0001");
        for row in mixed.iter_mut().skip(300) {
            row.0.rate = Rate::parse("0.01").unwrap();
        }
        assert!(scale(&mixed).unwrap().at.0 >= at(2_400, 0));
        assert_eq!(scale(&judged(8, 2, "0.05")), None, "two rows are no scale");
    }

    proptest! {
        #[test]
        fn u06_each_settlement_once_whatever_is_told_again(
            hours in proptest::sample::select(vec![1_i64, 2, 3, 4, 6, 8, 12, 24]),
            extra in proptest::collection::vec((0_usize..20, 0_i64..35_999), 0..20),
        ) {
            let clean: Vec<_> = (0..20).map(|number| at(number * hours, 0)).collect();
            let mut told = clean.clone();
            told.extend(extra.iter().map(|(place, late)| clean[*place] + Span(*late)));
            told.sort_unstable();
            let kept: Vec<_> =
                told.iter().zip(repeats(&told)).filter(|(_, again)| again.is_none()).map(|(stamp, _)| *stamp).collect();
            prop_assert_eq!(kept, clean);
        }
    }
}
