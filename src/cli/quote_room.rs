//! Odds and capacity of one pair at a size, for `carry quote`: how often funding earned as much back as an entry costs now, what each
//! size costs in and out and pays, and the size at which it stops paying. What is not known says so and is never 0.
//!
//! Tests: `tests/suite/quote_room.rs`.

use super::folder;
use super::scan::number;
use super::{Failure, Output};
use crate::domain::Span;
use crate::domain::WallTime;
use crate::strategy::View;
use crate::strategy::capacity::{Pays, cash, horizon, net_apr, pays_up_to};
use crate::strategy::cost::Costs;
use crate::strategy::month::Month;
use crate::strategy::odds::{ENDS, LEAST, Paid, Tally, class_of};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Sizes that are shown beside the one asked for, in the quote coin.
const SIZES: [f64; 5] = [1e3, 1e4, 1e5, 1e6, 1e7];
/// Payments of 8 h in a year.
const PER_YEAR: f64 = 1_095.0;

/// How often the funding of past entries earned back what one costs now, where as much was expected as now.
#[derive(Debug, Serialize)]
pub(super) struct Odds {
    /// Why there are none.
    unknown: Option<&'static str>,
    /// What is expected a year on the notional, percent, and the class that this is of.
    expected_percent: Option<f64>,
    from_percent: Option<f64>,
    to_percent: Option<f64>,
    /// A round trip at the size asked for.
    cost_bps: Option<f64>,
    /// Days by which it is looked; the last ones are the horizon of the rule.
    days: [i64; 3],
    own: Option<Counted>,
    /// Of all series of the pool together; absent where no other is known.
    pooled: Option<Counted>,
    /// Series of the pool, the own one with them.
    pool: Vec<String>,
}

/// Past entries of the class, and the share of them that earned the cost back.
#[derive(Debug, Serialize)]
pub(super) struct Counted {
    /// Entries whose days are over.
    entries: [u32; 3],
    /// Null where fewer than 100 are known: unknown.
    shares: [Option<f64>; 3],
}

/// What it pays by size.
#[derive(Debug, Serialize)]
pub(super) struct Room {
    /// What the costs are from.
    from: &'static str,
    /// Value of the open interest in the quote coin.
    open_interest: Option<f64>,
    sizes: Vec<SizeRow>,
    /// What cash pays: at this a pair has stopped paying.
    cash_percent: f64,
    stops: Stops,
}

/// One size.
#[derive(Debug, Serialize)]
struct SizeRow {
    size: f64,
    /// Fees, spread and depth of both legs, on the way in and on the way out; null where a book holds less.
    enter_bps: Option<f64>,
    leave_bps: Option<f64>,
    net_apr_percent: Option<f64>,
    open_interest_percent: Option<f64>,
}

/// The size at which it pays no more than cash.
#[derive(Debug, Serialize)]
struct Stops {
    /// `never` pays at any size, pays `up_to` the size, pays `beyond` what is known, or `unknown`.
    pays: &'static str,
    size: Option<f64>,
    open_interest_percent: Option<f64>,
}

/// What a size costs: all of it, and of that the way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sized {
    pub(super) costs: Costs,
    pub(super) enter: f64,
}

/// What the room of a pair is computed from.
pub(super) struct Known<'a> {
    /// What the costs are from.
    pub(super) from: &'static str,
    /// Costs by size; `None` where that is not known.
    pub(super) at: &'a dyn Fn(f64) -> Option<Sized>,
    /// The smallest and the largest size of which costs are known.
    pub(super) bounds: Option<(f64, f64)>,
    /// Value of the open interest.
    pub(super) open_interest: Option<f64>,
    /// The size asked for.
    pub(super) size: f64,
}

/// The past of a pair and of the others of its pool, each with its name.
pub(super) struct Past {
    pub(super) own: (String, Vec<Paid>),
    pub(super) others: Vec<(String, Vec<Paid>)>,
}

impl Odds {
    /// At the costs of the view; `known` where they are those of the size.
    #[expect(clippy::float_arithmetic, reason = "percent for a person")]
    pub(super) fn of(view: &View<'_>, cost: Option<f64>, past: &Past) -> Self {
        let whole = (horizon(view.settings).0 + Span::DAY.0 - 1).div_euclid(Span::DAY.0);
        let days = [14, 30, whole];
        let expected = Month::of(&view.market.short.funding).map(|month| PER_YEAR * month.per_8h());
        let percent = |fraction: f64| fraction * 100.0;
        let class = expected.map(class_of);
        let unknown = match (expected, cost) {
            (None, _) => Some("a month of funding is not known, so nothing is expected"),
            (_, None) => Some("what this size costs is not known"),
            (Some(_), Some(_)) => None,
        };
        let counted = class.zip(cost).map(|(class, cost)| {
            let tally = |rows: &Vec<Paid>| Tally::by(rows, cost, WallTime(i64::MIN), days);
            let own = tally(&past.own.1);
            let mut pooled = own;
            past.others.iter().for_each(|(_, rows)| pooled.add(&tally(rows)));
            (Counted::of(&own, class), Counted::of(&pooled, class))
        });
        let pool = [&past.own.0].into_iter().chain(past.others.iter().map(|(name, _)| name)).cloned().collect();
        let (own, pooled) = counted.map_or((None, None), |(own, pooled)| (Some(own), Some(pooled)));
        Self {
            unknown,
            expected_percent: expected.map(percent),
            from_percent: class.and_then(|class| ENDS.get(class.checked_sub(1)?)).map(|end| percent(*end)),
            to_percent: class.and_then(|class| ENDS.get(class)).map(|end| percent(*end)),
            cost_bps: cost.map(|cost| cost * 1e4),
            days,
            own,
            pooled: pooled.filter(|_| !past.others.is_empty()),
            pool,
        }
    }
}

impl Counted {
    fn of(tally: &Tally, class: usize) -> Self {
        Self {
            entries: [0, 1, 2].map(|day| tally.instants(class, day)),
            shares: [0, 1, 2].map(|day| tally.share(class, day)),
        }
    }

    /// `87 % of 412`, or what is missing.
    #[expect(clippy::float_arithmetic, reason = "percent for a person")]
    fn words(&self) -> [String; 3] {
        let mut words = [const { String::new() }; 3];
        for (word, (share, entries)) in words.iter_mut().zip(self.shares.iter().zip(self.entries)) {
            *word = match share {
                Some(share) => format!("{:.0} % of {entries}", share * 100.0),
                None => format!("unknown ({entries} of {LEAST})"),
            };
        }
        words
    }
}

impl Room {
    /// Of a view whose costs are replaced by those of each size.
    #[expect(clippy::float_arithmetic, reason = "percent for a person")]
    pub(super) fn of(view: &View<'_>, known: &Known<'_>) -> Self {
        let apr = |sized: Sized| net_apr(&View { costs: sized.costs, ..*view });
        let share = |size: f64| known.open_interest.map(|interest| size / interest * 100.0);
        let row = |size: f64| {
            let sized = (known.at)(size);
            SizeRow {
                size,
                enter_bps: sized.map(|sized| sized.enter * 1e4),
                leave_bps: sized.map(|sized| (sized.costs.round_trip() - sized.enter) * 1e4),
                net_apr_percent: sized.and_then(apr).map(|apr| apr * 100.0),
                open_interest_percent: share(size),
            }
        };
        let mut sizes: Vec<f64> = SIZES.to_vec();
        if !sizes.contains(&known.size) {
            sizes.push(known.size);
            sizes.sort_by(f64::total_cmp);
        }
        let bar = cash(view.settings);
        let more = |size: f64| (known.at)(size).and_then(apr).is_some_and(|apr| apr > bar);
        let is_known = known.bounds.filter(|(least, _)| (known.at)(*least).and_then(apr).is_some());
        let (pays, size) = match is_known.map(|bounds| pays_up_to(more, bounds)) {
            None => ("unknown", None),
            Some(Pays::Never) => ("never", None),
            Some(Pays::UpTo(size)) => ("up_to", Some(size)),
            Some(Pays::Beyond(size)) => ("beyond", Some(size)),
        };
        Self {
            from: known.from,
            open_interest: known.open_interest,
            sizes: sizes.into_iter().map(row).collect(),
            cash_percent: bar * 100.0,
            stops: Stops { pays, size, open_interest_percent: size.and_then(share) },
        }
    }
}

fn print_counted(odds: &Odds, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let [one, two, three] = odds.days;
    let head = format!("past entries where as much was expected that had earned it by day {one} / {two} / {three}:");
    writeln!(out, "                   {head}")?;
    let unknown = || "unknown: the past of no other pair is at hand".to_owned();
    let line = |counted: Option<&Counted>| counted.map_or_else(unknown, |all| all.words().join(" / "));
    writeln!(out, "                   own past {}", line(odds.own.as_ref()))?;
    writeln!(out, "                   pooled   {}", line(odds.pooled.as_ref()))?;
    writeln!(out, "                   entries stand 8 h apart: shares are frequencies, not independent trials")
}

/// Prints both.
pub(super) fn print(odds: &Odds, room: &Room, quote: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    let expected = match (odds.from_percent, odds.to_percent) {
        (None, Some(to)) => format!("below {to:.0} %"),
        (Some(from), Some(to)) => format!("{from:.0} to {to:.0} %"),
        (Some(from), None) => format!("above {from:.0} %"),
        (None, None) => "unknown".to_owned(),
    };
    let cost = odds.cost_bps.map_or_else(|| "unknown".to_owned(), |bps| format!("{bps:.1} bps"));
    writeln!(
        out,
        "odds               expected {} % a year ({expected}); a round trip costs {cost}",
        number(odds.expected_percent, 2)
    )?;
    if let Some(why) = odds.unknown {
        writeln!(out, "                   unknown: {why}")?;
    } else {
        print_counted(odds, out)?;
    }
    writeln!(out, "\ncapacity from {}\n", room.from)?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["size", "enter bps", "leave bps", "net APR %", "% of open interest"]);
    for size in &room.sizes {
        let bps = |bps: Option<f64>| bps.map_or_else(|| "not known".to_owned(), |bps| format!("{bps:.1}"));
        table.add_row([
            format!("{:.0}", size.size),
            bps(size.enter_bps),
            bps(size.leave_bps),
            number(size.net_apr_percent, 2),
            number(size.open_interest_percent, 3),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    folder::print(out, &table)?;
    Ok(writeln!(out, "{}\n", room.words(quote))?)
}

impl Room {
    /// The size at which it stops paying, in a sentence.
    fn words(&self, quote: &str) -> String {
        let cash = format!("cash ({:.2} %)", self.cash_percent);
        let share = self
            .stops
            .open_interest_percent
            .map_or_else(String::new, |share| format!(", {share:.3} % of the open interest"));
        match (self.stops.pays, self.stops.size) {
            ("never", _) => format!("pays no more than {cash} at any size"),
            ("up_to", Some(size)) => format!("pays more than {cash} up to {size:.0} {quote}{share}"),
            ("beyond", Some(size)) => {
                format!("pays more than {cash} at {size:.0} {quote} still{share}; costs of more are not known")
            }
            _ => format!("at which size it pays no more than {cash} is not known"),
        }
    }
}
