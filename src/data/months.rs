//! How much of each month a series covers.

use crate::domain::{Span, WallTime};

/// One calendar month (UTC) of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// Its name, `2025-07`.
    pub name: String,
    /// Rows stamped in it.
    pub rows: usize,
    /// Time the rows cover.
    pub covered: Span,
    /// Time of the month between the first and the last row of the file.
    pub whole: Span,
}

/// Adds up rows by month; rows must rise in time.
#[derive(Debug, Default)]
pub(crate) struct Months {
    done: Vec<Month>,
    /// End of the month at hand.
    end: Option<WallTime>,
}

impl Months {
    /// Adds a row that covers `[from, from + length)`; a row that reaches over the end of a month counts where it starts.
    pub(crate) fn add(&mut self, from: WallTime, length: Span) {
        if self.end.is_none_or(|end| from >= end) {
            let Some((name, start, end)) = month_of(from) else { return };
            self.end = Some(end);
            let whole = end.since(if self.done.is_empty() { from } else { start });
            self.done.push(Month { name, rows: 0, covered: Span::ZERO, whole });
        }
        if let Some(month) = self.done.last_mut() {
            month.rows += 1;
            month.covered = Span(month.covered.0.saturating_add(length.0));
        }
    }

    /// The months of a series that ends at `end`, with those that have no row.
    pub(crate) fn finish(self, end: WallTime) -> Vec<Month> {
        let mut out: Vec<Month> = Vec::with_capacity(self.done.len());
        let last = self.end;
        for month in self.done {
            while let Some(next) = out.last().and_then(|before| following(&before.name))
                && next.name != month.name
            {
                out.push(next);
            }
            out.push(month);
        }
        if let (Some(month), Some(month_end)) = (out.last_mut(), last)
            && end < month_end
        {
            month.whole = Span(month.whole.0 - month_end.since(end).0);
        }
        out
    }
}

fn following(name: &str) -> Option<Month> {
    let first: jiff::civil::Date = format!("{name}-01").parse().ok()?;
    let next = first.last_of_month().tomorrow().ok()?;
    let start = jiff::tz::TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()?;
    let (name, start, end) = month_of(WallTime(start.as_millisecond()))?;
    Some(Month { name, rows: 0, covered: Span::ZERO, whole: end.since(start) })
}

/// The name, the start and the end of the month a time lies in.
fn month_of(at: WallTime) -> Option<(String, WallTime, WallTime)> {
    let day = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(at.0).ok()?).date();
    let start = day.first_of_month();
    let ms = |day: jiff::civil::Date| {
        let stamp = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
        Some(WallTime(stamp.as_millisecond()))
    };
    let name = format!("{:04}-{:02}", start.year(), start.month());
    Some((name, ms(start)?, ms(day.last_of_month().tomorrow().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g11_months_are_whole_but_the_first_and_the_last() {
        let hour = |hours: i64| WallTime(1_738_281_600_000 + hours * 3_600_000); // 2025-01-31T00:00Z
        let mut months = Months::default();
        for hours in [0, 1, 24 + 28 * 24, 25 + 28 * 24] {
            months.add(hour(hours), Span::HOUR);
        }
        let found: Vec<_> = months
            .finish(hour(26 + 28 * 24))
            .into_iter()
            .map(|month| (month.name, month.rows, month.covered.0 / 3_600_000, month.whole.0 / 3_600_000))
            .collect();
        let name = |text: &str| text.to_owned();
        assert_eq!(found, [(name("2025-01"), 2, 2, 24), (name("2025-02"), 0, 0, 672), (name("2025-03"), 2, 2, 2)]);
    }
}
