//! The table of a running session on stderr, redrawn in place; nothing at all when stderr is not a terminal.
//!
//! It reads no clock: the caller says how often by a count of updates. Results never go here. Tests stand at the end of
//! this file.

use super::figures::{self, NONE};
use super::foreign;
use super::lines;
use super::run::Lines;
use crate::domain::{Amount, Asset, FundingRate, Quantity, WallTime};
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Most alarms shown, the newest.
const ALARMS: usize = 3;

/// One pair as the table shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct PairLine {
    /// Pair name.
    pub name: String,
    /// Where it stands: `flat`, `entering`, `hedged`, `exiting`, `repair`, `naked`.
    pub phase: String,
    /// Hedged coins.
    pub coins: Quantity,
    /// Perp minus spot over spot, basis points; `None` when it is not known.
    pub basis_bps: Option<f64>,
    /// The rate of the next settlement as estimated now.
    pub funding: Option<FundingRate>,
    /// When it is paid.
    pub next_settlement: Option<WallTime>,
    /// Funding received less paid since the start.
    pub collected: Amount,
    /// Sum of all lines since the start.
    pub net: Amount,
}

/// One moment of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When.
    pub at: WallTime,
    /// The day that is being played and how many there will be, where the session has an end.
    pub day: Option<(i64, i64)>,
    /// Equity.
    pub equity: Amount,
    /// Its coin.
    pub currency: Asset,
    /// Profit lines since the start.
    pub lines: Lines,
    /// The pairs in a steady order.
    pub pairs: Vec<PairLine>,
    /// Alarms that stand or rang lately, oldest first.
    pub alarms: Vec<String>,
}

/// Draws every n-th snapshot over the one before.
#[derive(Debug)]
pub struct LiveTable {
    bar: ProgressBar,
    every: u64,
    updates: u64,
}

impl LiveTable {
    /// A table on stderr that draws the first and then every `every`-th update (0 counts as 1).
    #[must_use]
    pub fn new(every: u64) -> Self {
        Self::on(ProgressDrawTarget::stderr(), every)
    }

    /// The same elsewhere; `ProgressDrawTarget::hidden()` draws nothing.
    #[must_use]
    pub fn on(target: ProgressDrawTarget, every: u64) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        // A template of one known key always parses; without it the bar would only look different.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self { bar, every: every.max(1), updates: 0 }
    }

    /// Takes the next snapshot; says whether it was one to draw.
    pub fn update(&mut self, snapshot: &Snapshot) -> bool {
        let due = self.updates.is_multiple_of(self.every);
        self.updates += 1;
        if due && !self.bar.is_hidden() {
            self.bar.set_message(render(snapshot));
            self.bar.force_draw();
        }
        due
    }

    /// Runs `write` with the table out of the way, for a log line on the same terminal.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }

    /// Removes the table, so that the report starts on a clean line.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// The text of one snapshot.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let day = snapshot.day.map_or_else(String::new, |(day, of)| format!("   day {day} of {of}"));
    let mut text = format!(
        "{}{day}   equity {} {}   net {}\n",
        figures::stamp(snapshot.at),
        figures::money(snapshot.equity),
        snapshot.currency,
        figures::money(snapshot.lines.total() - snapshot.lines.transfers)
    );
    let named = lines::NAMES.into_iter().zip(lines::amounts(&snapshot.lines));
    let shown: Vec<String> = named
        .filter(|(name, amount)| !amount.is_zero() || *name == "funding")
        .map(|(name, amount)| format!("{name} {}", figures::money(amount)))
        .collect();
    text.push_str(&shown.join("   "));
    text.push('\n');
    for line in pair_table(snapshot).lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let first = snapshot.alarms.len().saturating_sub(ALARMS);
    for alarm in snapshot.alarms.iter().skip(first) {
        text.push_str("alarm: ");
        text.push_str(&foreign::plain(alarm));
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn pair_table(snapshot: &Snapshot) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let mut heads = vec![Cell::new("pair"), Cell::new("phase")];
    heads.extend(["coins", "basis", "funding", "next", "collected", "net"].map(|head| right(head.to_string())));
    table.set_header(heads);
    for pair in &snapshot.pairs {
        let next = pair.next_settlement.map_or_else(|| NONE.to_string(), |at| until(snapshot.at, at));
        table.add_row([
            Cell::new(foreign::plain(&pair.name)),
            Cell::new(foreign::plain(&pair.phase)),
            right(pair.coins.to_string()),
            right(pair.basis_bps.map_or_else(|| NONE.to_string(), |bps| format!("{} bps", figures::fixed(bps, 1)))),
            right(pair.funding.map_or_else(|| NONE.to_string(), funding_words)),
            right(next),
            right(figures::money(pair.collected)),
            right(figures::money(pair.net)),
        ]);
    }
    table
}

/// The rate with its interval and annualised, at a width that stays the same: `0.0100 %/8h (10.95 %)`.
fn funding_words(funding: FundingRate) -> String {
    let rate = figures::fixed(funding.rate.to_f64() * 100.0, 4);
    format!("{rate} %/{} ({})", funding.interval, figures::percent(funding.annualised().to_f64()))
}

/// How long until a settlement, in hours and minutes: `3:07`.
fn until(now: WallTime, then: WallTime) -> String {
    let minutes = then.since(now).millis().max(0) / 60_000;
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Span;

    fn snapshot() -> Snapshot {
        let at = WallTime(1_640_995_200_000);
        let hedged = PairLine {
            name: "binance:BTCUSDT".to_string(),
            phase: "hedged".to_string(),
            coins: Quantity::parse("0.512").unwrap(),
            basis_bps: Some(-4.26),
            funding: Some(FundingRate::ANCHOR),
            next_settlement: Some(at + Span::hours(3) + Span::MINUTE),
            collected: Amount::parse("12.345").unwrap(),
            net: Amount::parse("-1.5").unwrap(),
        };
        let odd = PairLine {
            name: "x:\u{1b}[2J".to_string(),
            phase: "flat".to_string(),
            coins: Quantity::ZERO,
            basis_bps: None,
            funding: None,
            next_settlement: None,
            collected: Amount::ZERO,
            net: Amount::ZERO,
        };
        let lines = Lines { funding: hedged.collected, fees: Amount::parse("-13.845").unwrap(), ..Lines::default() };
        let alarms = ["one", "two", "three", "four"].map(str::to_string).to_vec();
        let currency = Asset::of("USDT");
        let day = Some((12, 120));
        Snapshot { at, day, equity: Amount::whole(9_998), currency, lines, pairs: vec![hedged, odd], alarms }
    }

    #[test]
    fn x08_a_snapshot_is_a_small_table_without_escapes() {
        let text = render(&snapshot());
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.contains("funding 12.34   fees -13.84"), "{text}");
        assert!(text.starts_with("2022-01-01T00:00:00Z   day 12 of 120   equity 9,998.00 USDT"), "{text}");
        assert!(!render(&Snapshot { day: None, ..snapshot() }).contains("day "));
        assert!(text.contains("-4.3 bps  0.0100 %/8h (10.95 %)  3:01"), "{text}");
        assert!(!text.contains("alarm: one") && text.ends_with("alarm: two\nalarm: three\nalarm: four"), "{text}");
    }

    #[test]
    fn every_nth_update_is_drawn_and_none_where_nobody_looks() {
        let mut table = LiveTable::on(ProgressDrawTarget::hidden(), 3);
        let drawn: Vec<bool> = (0..7).map(|_| table.update(&snapshot())).collect();
        assert_eq!(drawn, [true, false, false, true, false, false, true]);
        assert_eq!(table.bar.message(), "");
        assert_eq!(table.suspend(|| 7), 7);
        table.finish();
    }
}
