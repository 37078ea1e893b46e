//! The ledger: a month of days, the lines of the month, the proof that they sum, and the months before.

use super::history::{History, midnight, net};
use super::parts;
use super::view::View;
use super::words::{self, NONE};
use crate::control::snapshot::Snapshot;
use crate::domain::{Amount, Span, WallTime};
use crate::ledger::Lines;
use crate::report::run::TripRow;
use maud::{Markup, html};

/// One UTC day.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// Its midnight.
    pub start: WallTime,
    /// What its lines moved by.
    pub lines: Lines,
    /// Settlements booked.
    pub settlements: usize,
    /// Whether it has ended.
    pub closed: bool,
    /// What comparing the ledger with the venues came to.
    pub proof: Proof,
}

/// What is known of a day's comparisons of ledger and venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Every venue was compared that day, and agreed at the last time.
    Agrees,
    /// Accounts that differed when they were compared last that day.
    Differs(u32),
    /// The ledger has no comparison of that day with every venue.
    NotCompared,
    /// Fills are simulated: there is no account to compare with.
    NoAccount,
}

impl Proof {
    /// Of the comparisons on file: when, the place of the venue, how many accounts differed.
    fn of(compared: &[(WallTime, usize, u32)], venues: usize, start: WallTime) -> Self {
        let end = start + Span::DAY;
        let of_day = |venue: usize| {
            let mut rows = compared.iter().rev().filter(move |(_, of, _)| *of == venue);
            rows.find(|(at, ..)| *at >= start && *at < end).map(|(.., count)| *count)
        };
        let last: Vec<Option<u32>> = (0..venues).map(of_day).collect();
        let differ: u32 = last.iter().flatten().sum();
        match last.iter().all(Option::is_some) && venues > 0 {
            _ if differ > 0 => Self::Differs(differ),
            true => Self::Agrees,
            false => Self::NotCompared,
        }
    }

    const fn mark(self) -> parts::Mark {
        match self {
            Self::Agrees => parts::Mark::Yes,
            Self::Differs(_) => parts::Mark::No,
            Self::NotCompared | Self::NoAccount => parts::Mark::Stale,
        }
    }
}

/// Every day of the session up to the last reading of its files.
#[must_use]
pub fn all(history: &History) -> Vec<Day> {
    let (first, today) = (midnight(history.began()), midnight(history.last.at_ms));
    let count = (today.since(first).0 / Span::DAY.0).max(0) + 1;
    (0..count).map(|number| day(history, first + Span(number * Span::DAY.0))).collect()
}

fn day(history: &History, start: WallTime) -> Day {
    let end = start + Span::DAY;
    let closed = end <= history.last.at_ms;
    let upto = if closed { history.lines_at(WallTime(end.0 - 1)) } else { history.last.lines };
    let settlements = history.result.funding.iter().filter(|row| row.at >= start && row.at < end).count();
    let lines = upto - history.lines_at(WallTime(start.0 - 1));
    let simulated = history.last.simulated;
    let proof = if simulated { Proof::NoAccount } else { Proof::of(&history.compared, history.venues, start) };
    Day { start, lines, settlements, closed, proof }
}

/// A month of the calendar.
struct Month {
    /// `2026-10`.
    name: String,
    start: WallTime,
    end: WallTime,
}

impl Month {
    /// Of a text as `2026-10`.
    fn named(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        Self::of(jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?)
    }

    /// That an instant lies in.
    fn with(at: WallTime) -> Option<Self> {
        Self::named(words::date(at).get(..7)?)
    }

    fn of(first: jiff::civil::Date) -> Option<Self> {
        let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
        let instant = |date: jiff::civil::Date| {
            let stamp = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
            Some(WallTime(stamp.as_millisecond()))
        };
        let name = format!("{:04}-{:02}", first.year(), first.month());
        Some(Self { name, start: instant(first)?, end: instant(next)? })
    }

    /// Its days in which there was a session.
    fn days(&self, history: &History) -> Vec<Day> {
        let from = self.start.max(midnight(history.began()));
        let upto = WallTime(self.end.0 - 1).min(history.last.at_ms);
        let count = if upto < from { 0 } else { midnight(upto).since(from).0 / Span::DAY.0 + 1 };
        (0..count).map(|number| day(history, from + Span(number * Span::DAY.0))).collect()
    }
}

/// The page, of the month that the files end in or of another one.
#[must_use]
pub fn page(view: &View, month: Option<&str>) -> Markup {
    let (Some(now), Some(history)) = (&view.snapshot, &view.history) else { return super::overview::nothing(view) };
    let lines = now.lines;
    let Some(shown) = month.map_or_else(|| Month::with(history.last.at_ms), Month::named) else {
        return html! { section.card id="calendar" { (parts::head("Ledger", &html! {})) p { "There is no such month; expected one as 2026-10." } } };
    };
    html! {
        (calendar(view, history, &shown))
        (by_pair(view, now))
        div.two { (proof(view, now, history, lines)) (months(history, now)) }
    }
}

/// Monday is 0.
fn weekday(at: WallTime) -> i64 {
    (at.0.div_euclid(Span::DAY.0) + 3).rem_euclid(7)
}

fn calendar(view: &View, history: &History, month: &Month) -> Markup {
    let (now, days) = (&history.last, &month.days(history));
    let widest = days.iter().map(|day| net(&day.lines).abs().to_f64()).fold(0.0, f64::max);
    let first = days.first().map_or(0, |day| weekday(day.start));
    let sum = days.iter().fold(Amount::ZERO, |sum, day| sum + net(&day.lines));
    let before = Month::with(WallTime(month.start.0 - 1)).filter(|_| month.start > history.began());
    let after = Month::with(month.end).filter(|_| month.end <= now.at_ms);
    let to = |other: &Month| super::frame::address(view, &format!("/ledger?month={}", other.name));
    html! {
        section.card id="calendar" {
            (parts::head(&month.name, &html! { "net of each day, " (now.currency) ", together " (words::gain(sum)) ", read " (words::moment(now.at_ms)) " · " (legend(now.simulated)) }))
            @if before.is_some() || after.is_some() {
                p.months {
                    @if let Some(before) = &before { a href=(to(before)) rel="prev" { "‹ " (before.name) } " " }
                    @if let Some(after) = &after { a href=(to(after)) rel="next" { (after.name) " ›" } }
                }
            }
            div.calendar role="list" {
                @for day in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] { span.weekday { (day) } }
                @for _ in 0..first { span.empty {} }
                @for day in days { (cell(day, widest)) }
            }
        }
    }
}

/// What the marks of the days say.
fn legend(simulated: bool) -> Markup {
    let stale = parts::mark(parts::Mark::Stale);
    html! {
        @if simulated { (stale) " fills are simulated: no account is compared" }
        @else {
            span.ours { (parts::mark(parts::Mark::Yes)) } " ledger and venue compared that day and equal, unexplained 0; "
            (stale) " no comparison is on file"
        }
    }
}

fn cell(day: &Day, widest: f64) -> Markup {
    let sum = net(&day.lines);
    let share = if widest > 0.0 { sum.to_f64() / widest } else { 0.0 };
    let width = format!("{:.1}", share.abs() * 50.0);
    let x = if share < 0.0 { format!("{:.1}", 50.0 - share.abs() * 50.0) } else { "50".to_owned() };
    let clean = day.lines.unexplained.is_zero();
    let mark = if clean { day.proof.mark() } else { parts::Mark::No };
    html! {
        div role="listitem" class={ @if day.closed { "day" } @else { "day open" } } {
            p { span.soft { (words::day(day.start).get(3..5).unwrap_or_default()) } b { (words::gain(sum)) } }
            svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                rect class={ @if share < 0.0 { "fill against" } @else { "fill" } } x=(x) y="0" width=(width) height="6" {}
            }
            p.soft {
                @if day.closed { span class=(mark.class()) { (parts::mark(mark)) } " " (day.settlements) " booked" }
                @else { "open, " (day.settlements) " booked" }
                @if let Proof::Differs(count) = day.proof { " " b.against { (count) @if count == 1 { " difference" } @else { " differences" } } }
                @if day.proof == Proof::NotCompared && day.closed { " not compared" }
                @if !clean { " " b.against { "unexplained " (words::proof(day.lines.unexplained)) } }
            }
        }
    }
}

/// The lines since the start, pair by pair, with what belongs to none of them.
fn by_pair(view: &View, now: &Snapshot) -> Markup {
    let whole = now.lines;
    let pairs: Vec<(&str, Lines)> = view
        .pairs()
        .iter()
        .filter_map(|row| Some((row.pair.as_str(), row.detail.as_ref()?.lines)))
        .filter(|(_, lines)| lines.named().iter().any(|(_, value)| !value.is_zero()))
        .collect();
    let inside = pairs.iter().fold(Lines::default(), |mut sum, (_, lines)| {
        sum += *lines;
        sum
    });
    let outside = whole - inside;
    html! {
        section.card id="by-pair" {
            (parts::head("By line and pair", &html! { (now.currency) " · since the start, valued at " (words::clock(now.at_ms)) " UTC" }))
            div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table {
                thead { tr { th { "pair" } @for (name, _) in whole.named() { th.n { (name) } } th.n { "net" } } }
                tbody {
                    @for (pair, lines) in &pairs { (line_row(pair, lines, false)) }
                    (line_row("outside pairs", &outside, false))
                    (line_row("all", &whole, true))
                }
            } }
            p.note { "Net leaves transfers out: money that somebody moved is no profit." }
        }
    }
}

fn line_row(name: &str, lines: &Lines, sum: bool) -> Markup {
    html! {
        tr class={ @if sum { "sum" } } {
            td { @if sum { b { (name) } } @else { (name) } }
            @for (line, value) in lines.named() { td.n { @if line == "unexplained" { (words::proof(value)) } @else { (words::gain(value)) } } }
            td.n { b { (words::gain(net(lines))) } }
        }
    }
}

fn proof(view: &View, now: &Snapshot, history: &History, lines: Lines) -> Markup {
    let opening = now.detail.as_ref().map(|detail| detail.opening);
    let summed = opening.map(|opening| opening + lines.total());
    let left = summed.map(|summed| now.equity - summed);
    let row = |name: &str, value: Markup| html! { tr { td { (name) } td.n { (value) } } };
    let level = |value: Option<Amount>| html! { (value.map_or_else(|| NONE.to_owned(), words::level)) };
    let compared = now.reconciled_ms.map_or_else(|| super::answers::not_compared(now).to_owned(), words::moment);
    html! {
        section.card id="proof" {
            (parts::head("Proof", &html! { "ledger and venue compared: " (compared) }))
            table { tbody {
                (row("money at the start", level(opening)))
                (row("all lines since then", words::gain(lines.total())))
                (row("sum", level(summed)))
                (row("equity, valued from the books", level(Some(now.equity))))
                tr.sum { td { b { "unexplained" } } td.n { b { @match left { Some(left) => { (words::proof(left)) } None => { (NONE) } } } } }
            } }
            p.note { (history.result.fills.len()) " fills, " (history.result.funding.len()) " settlements, "
                (trips(&history.result.trips)) ". In a terminal: " code { "carry export" (view.option()) } }
            p.files { @for name in super::sheet::NAMES { a.button href=(super::frame::address(view, &format!("/files/{name}"))) download { (name) } " " } }
        }
    }
}

/// A round trip is one that is over; what is held is counted apart.
fn trips(trips: &[TripRow]) -> String {
    let open = trips.iter().filter(|trip| trip.closed.is_none()).count();
    let over = trips.len() - open;
    let over = if over == 1 { "1 round trip".to_owned() } else { format!("{over} round trips") };
    if open == 0 { over } else { format!("{over}, and {open} open") }
}

fn months(history: &History, now: &Snapshot) -> Markup {
    let rows = &history.result.summary.months;
    html! {
        section.card id="months" {
            (parts::head("Months", &html! { "% of the equity at their start · with idle cash est" }))
            @if rows.is_empty() { p.note { "None has ended yet; the first is of " (words::date(now.at_ms).chars().take(7).collect::<String>()) "." } }
            table {
                thead { tr { th { "month" } th.n { "net" } th.n { "with cash est" } th.n { "cash alone" } th.n { "largest fall" } } }
                tbody { @for row in rows.iter().rev().take(24) { tr {
                    td { (words::date(row.from_ms).chars().take(7).collect::<String>()) }
                    td.n { (words::signed(row.net * 100.0, 2)) } td.n { (words::signed(row.with_cash * 100.0, 2)) }
                    td.n { (words::signed(row.benchmark * 100.0, 2)) } td.n { (words::plain(row.fall * 100.0, 2)) }
                } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trip_that_is_open_is_no_round_trip() {
        let trip = |closed: Option<i64>| TripRow {
            pair: "a:X".to_owned(),
            opened: WallTime(0),
            closed: closed.map(WallTime),
            coins: crate::domain::Quantity::ZERO,
            notional: Amount::ZERO,
            entry_basis_bps: 0.0,
            exit_basis_bps: None,
            settlements: 0,
            lines: Lines::default(),
            naked_s: 0.0,
            entry_reason: "signal".to_owned(),
            exit_reason: None,
        };
        assert_eq!(trips(&[trip(None), trip(None)]), "0 round trips, and 2 open");
        assert_eq!(trips(&[trip(Some(1)), trip(None)]), "1 round trip, and 1 open");
        assert_eq!(trips(&[trip(Some(1)), trip(Some(2))]), "2 round trips");
    }

    #[test]
    fn a_day_is_proved_by_a_comparison_with_every_venue_and_by_nothing_else() {
        let hour = |hour: i64| WallTime(hour * 3_600_000);
        let proof = |rows: &[(WallTime, usize, u32)]| Proof::of(rows, 2, hour(24));
        assert_eq!(proof(&[]), Proof::NotCompared);
        assert_eq!(
            proof(&[(hour(23), 0, 0), (hour(23), 1, 0), (hour(48), 0, 0), (hour(48), 1, 0)]),
            Proof::NotCompared
        );
        assert_eq!(proof(&[(hour(24), 0, 0)]), Proof::NotCompared, "the other venue was not");
        assert_eq!(proof(&[(hour(24), 0, 0), (hour(47), 1, 0)]), Proof::Agrees);
        assert_eq!(proof(&[(hour(24), 0, 0), (hour(25), 1, 2)]), Proof::Differs(2));
        assert_eq!(proof(&[(hour(24), 0, 3), (hour(25), 1, 0), (hour(26), 0, 0)]), Proof::Agrees, "it was cleared");
        let cell_of = |proof: Proof| {
            let day = Day { start: hour(24), lines: Lines::default(), settlements: 3, closed: true, proof };
            cell(&day, 1.0).into_string()
        };
        assert!(cell_of(Proof::Agrees).contains("class=\"ours\""));
        for unproved in [Proof::NotCompared, Proof::NoAccount, Proof::Differs(1)] {
            assert!(!cell_of(unproved).contains("class=\"ours\""), "{unproved:?}");
        }
        assert!(
            cell_of(Proof::NotCompared).contains("not compared") && cell_of(Proof::Differs(1)).contains("1 difference")
        );
    }

    #[test]
    fn weeks_begin_on_monday() {
        // 1970-01-01 was a Thursday, 2026-11-30 is a Monday.
        assert_eq!((weekday(WallTime(0)), weekday(WallTime(1_795_996_800_000))), (3, 0));
    }

    #[test]
    fn a_month_has_its_days_and_what_is_none_is_refused() {
        let days = |text: &str| Month::named(text).map(|month| month.end.since(month.start).0 / Span::DAY.0);
        for (text, expected) in [
            ("2024-02", Some(29)),
            ("2026-02", Some(28)),
            ("2026-12", Some(31)),
            ("2026-13", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
        assert_eq!(Month::with(WallTime(1_795_996_800_000)).map(|month| month.name).as_deref(), Some("2026-11"));
    }
}
