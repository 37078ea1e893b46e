//! `carry portfolio`: the ladder at a time of history: every pair and cash by what they pay on their own capital, what each must
//! reach, what each move must gain, and the moves that would be decided. Nothing is sent.
//!
//! It plays the history through the engine that trades and asks the rule that decides. Tests: `tests/suite/ladder.rs`.

use super::folder;
use super::history::{Choice, Ready, Window};
use super::{Exit, Failure, Output};
use crate::config::settings::StrategyKind;
use crate::control::ladder_row::{self, LadderRow, PlannedMove};
use crate::data::history::PairHistory;
use crate::domain::{Interval, Quantity, Span, WallTime};
use crate::engine::PairState;
use crate::engine::State;
use crate::report::figures::{self, NONE};
use crate::run::backtest::Bars;
use crate::run::journal::NoJournal;
use crate::strategy::capacity::Capacity;
use crate::strategy::ladder::Terms;
use crate::strategy::odds::{DAYS, Paid, Tally, class_of};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Ranks pairs and cash by what they pay on their own capital, with what each move must gain; sends nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry portfolio --data data --strategy strategies/ladder.toml
  carry portfolio --data data --strategy strategies/ladder.toml --at 2024-03-01
  carry portfolio --data data --strategy strategies/ladder.toml --at 2024-03-01 --set ladder.slots=1 --json")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Play the history to this time (UTC date or time); its end when left out
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// Print JSON (schema carry.portfolio/1)
    #[arg(long)]
    json: bool,
}

/// One pair, with its odds and its capacity.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    ladder: LadderRow,
    /// Absent before a month of funding is known.
    odds: Option<Odds>,
    /// Absent where the volume of its bars is not known.
    capacity: Option<Room>,
}

/// How often funding earned a round trip back where as much was expected as now, by what had ended by then.
#[derive(Debug, Serialize)]
struct Odds {
    days: [i64; 3],
    /// Of the pair's own past, and of all pairs together; null where fewer than 100 instants are known.
    own: [Option<f64>; 3],
    pooled: [Option<f64>; 3],
}

/// What it pays by size in one bar, both ways paid for.
#[derive(Debug, Serialize)]
struct Room {
    sizes: Vec<Size>,
    /// The size in the quote coin at which it pays no more than cash; null where it is more than a whole bar.
    stops_paying_at: Option<f64>,
    /// The same as a share of the open interest, percent; null where one of them is not known.
    open_interest_percent: Option<f64>,
}

/// What a size pays a year on its own capital, its round trip spread over `ladder.horizon`.
#[derive(Debug, Serialize)]
struct Size {
    size: f64,
    net_apr_percent: f64,
}

/// Sizes that are shown, in the quote coin.
const SIZES: [f64; 4] = [1e4, 1e5, 1e6, 1e7];

/// Columns of the table.
const HEADER: [&str; 11] = [
    "pair",
    "pays",
    "capital",
    "a side",
    "must reach",
    "left below",
    "instead of",
    "must gain",
    "gains",
    "odds 30 d",
    "pays up to",
];

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    at: String,
    /// What cash pays, and what a pair must pay beside its costs to be better.
    cash_apr_percent: f64,
    hurdle_percent: f64,
    slots: usize,
    slots_in_cash: usize,
    /// Pairs by what they pay, the best first; those of which it is not known at the end.
    pairs: Vec<Row>,
    /// The moves that would be decided now, in their order.
    plan: Vec<PlannedMove>,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let window = Window::read(None, args.at.as_deref(), ("", "--at"))?;
    let file = args.choice.one_strategy("carry portfolio")?;
    let ready = Ready::load(&args.choice, args.choice.set.clone(), window)?;
    if ready.settings.strategy.kind != StrategyKind::Ladder {
        let text = format!(
            "--strategy {}: strategy.kind is \"{}\", which decides about each pair by itself (carry why shows it); \
             expected a strategy of kind \"ladder\", such as strategies/ladder.toml",
            file.display(),
            if ready.settings.strategy.kind == StrategyKind::Spread { "spread" } else { "basis" }
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    let failed = |error: crate::store::JournalError| Failure::new(Exit::Failure, error.to_string());
    let inputs = ready.inputs();
    let mut bars = Bars::new(&inputs, NoJournal, false).map_err(failed)?;
    while bars.step().map_err(failed)? {}
    let at = bars.now().to_string();
    bars.driver().state.mark_all();
    let report = report(&bars.driver().state, &ready.histories, at);
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn report(state: &State, histories: &[PairHistory], at: String) -> Report {
    let (rows, plan) = ladder_row::of(state);
    let tallies: Vec<Tally> =
        state.pairs.iter().zip(histories).map(|(pair, history)| past(state, pair, history)).collect();
    let mut pooled = Tally::default();
    for tally in &tallies {
        pooled.add(tally);
    }
    let mut pairs: Vec<Row> = rows
        .into_iter()
        .filter_map(|ladder| {
            let place = state.pairs.iter().position(|pair| pair.pair.name == ladder.pair)?;
            let pair = state.pairs.get(place)?;
            let own = tallies.get(place).copied().unwrap_or_default();
            let odds = ladder.apr_percent.map(|apr| odds(apr * ladder.capital / 100.0, &own, &pooled));
            let capacity = capacity(state, pair, &ladder);
            Some(Row { ladder, odds, capacity })
        })
        .collect();
    pairs.sort_by(|one, other| {
        let pays = |row: &Row| row.ladder.apr_percent.unwrap_or(f64::NEG_INFINITY);
        pays(other).total_cmp(&pays(one)).then_with(|| one.ladder.pair.cmp(&other.ladder.pair))
    });
    let terms = Terms::of(&state.settings);
    let held = pairs.iter().filter(|row| row.ladder.held).count();
    let cash = state.settings.run.cash_apr.to_f64() * 100.0;
    Report {
        schema: "carry.portfolio/1",
        at,
        cash_apr_percent: cash,
        hurdle_percent: terms.cash * 100.0 - cash,
        slots: terms.slots,
        slots_in_cash: terms.slots.saturating_sub(held),
        pairs,
        plan,
    }
}

/// What became of the instants of a pair, its own round trip as the cost; nothing that had not ended by now.
fn past(state: &State, pair: &PairState, history: &PairHistory) -> Tally {
    let rows = history.funding.iter().filter(|row| row.stamp <= state.now);
    let paid: Vec<Paid> =
        rows.map(|row| (row.stamp, row.rate.to_f64(), row.interval.map_or(8, Interval::hours))).collect();
    Tally::of(&paid, pair.costs.round_trip(), WallTime(i64::MIN))
}

/// The class of what is expected now, a year on the notional.
fn odds(apr: f64, own: &Tally, pooled: &Tally) -> Odds {
    let class = class_of(apr);
    Odds {
        days: DAYS,
        own: [0, 1, 2].map(|day| own.share(class, day)),
        pooled: [0, 1, 2].map(|day| pooled.share(class, day)),
    }
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "percent for a person")]
fn capacity(state: &State, pair: &PairState, row: &LadderRow) -> Option<Room> {
    let view = state.view(pair, Quantity::ZERO);
    let capacity = Capacity::of(&view)?;
    let apr = row.apr_percent? / 100.0;
    let horizon = view.settings.ladder.horizon.0 as f64 / Span::DAY.0 as f64;
    // What one unit of a side's cost is worth a year on the pair's own capital.
    let yearly = 365.0 / horizon / row.capital;
    let net = |size: f64| Size { size, net_apr_percent: (apr - 2.0 * capacity.one_side(size) * yearly) * 100.0 };
    let cash = Terms::of(&state.settings).cash;
    let stops_paying_at = capacity.largest((apr - cash) / 2.0 / yearly);
    let interest = pair.market.short.open_interest().zip(view.market.short.mid);
    let interest = interest.map(|(coins, mid)| coins.to_f64() * mid.to_f64()).filter(|value| *value > 0.0);
    let share = stops_paying_at.zip(interest).map(|(size, interest)| size / interest * 100.0);
    Some(Room { sizes: SIZES.map(net).into(), stops_paying_at, open_interest_percent: share })
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    writeln!(out, "carry portfolio   market history   at {}", report.at)?;
    writeln!(out, "{} slots, {} of them in cash; yearly figures on own capital\n", report.slots, report.slots_in_cash)?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(HEADER);
    let percent = |figure: Option<f64>| figure.map_or_else(|| NONE.to_owned(), |figure| format!("{figure:.2} %"));
    let line = |whole: &Row| {
        let row = &whole.ladder;
        [
            row.pair.clone(),
            percent(row.apr_percent),
            format!("{:.2}", row.capital),
            percent(Some(row.side_percent)),
            if row.held { "held".to_owned() } else { percent(row.must_reach_percent) },
            percent(Some(row.leave_below_percent)),
            row.instead_of.clone().unwrap_or_else(|| NONE.to_owned()),
            percent(row.must_gain_percent),
            percent(row.gains_percent),
            odds_words(whole.odds.as_ref()),
            size_words(whole.capacity.as_ref()),
        ]
    };
    let better = |row: &&Row| row.ladder.apr_percent.is_some_and(|apr| apr > report.cash_apr_percent);
    for row in report.pairs.iter().take_while(better) {
        table.add_row(line(row));
    }
    let mut cash = vec!["cash".to_owned(), percent(Some(report.cash_apr_percent))];
    cash.resize(11, NONE.to_owned());
    table.add_row(cash);
    for row in report.pairs.iter().skip_while(better) {
        table.add_row(line(row));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    folder::print(out, &table)?;
    writeln!(out)?;
    let odds =
        "odds: how often a round trip was earned back in 30 days where as much was expected, own past / all pairs";
    writeln!(out, "{odds}; pays up to: the size in one bar at which it pays no more than cash\n")?;
    for row in report.pairs.iter().map(|row| &row.ladder) {
        if let Some(why) = &row.passed_over {
            writeln!(out, "{} was passed over within the last day: {why}", row.pair)?;
        }
    }
    if report.plan.is_empty() {
        return Ok(writeln!(out, "no move pays for itself now")?);
    }
    writeln!(out, "moves that would be decided now, one after the other:")?;
    for one in &report.plan {
        let words = match (&one.from, &one.to) {
            (Some(from), Some(to)) => format!("leave {from}, then enter {to}"),
            (Some(from), None) => format!("leave {from} for cash"),
            (None, Some(to)) => format!("enter {to} from cash"),
            (None, None) => continue,
        };
        writeln!(out, "  {words}")?;
    }
    Ok(())
}

/// `87 % / 84 %`: of the pair's own past, and of all pairs.
#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn odds_words(odds: Option<&Odds>) -> String {
    let share =
        |share: Option<f64>| share.map_or_else(|| NONE.to_owned(), |share| figures::fixed(share * 100.0, 0) + " %");
    odds.map_or_else(|| NONE.to_owned(), |odds| format!("{} / {}", share(odds.own[1]), share(odds.pooled[1])))
}

fn size_words(capacity: Option<&Room>) -> String {
    match capacity {
        None => NONE.to_owned(),
        Some(room) => room.stops_paying_at.map_or_else(|| "a whole bar".to_owned(), |size| figures::fixed(size, 0)),
    }
}
