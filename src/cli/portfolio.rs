//! `carry portfolio`: the ladder at a time of history: every pair and cash by what they pay on their own capital, what each must
//! reach, what each move must gain, and the moves that would be decided. Nothing is sent.
//!
//! It plays the history through the engine that trades and asks the rule that decides. Tests: `tests/ladder.rs`.

use super::history::{Choice, Ready, Window};
use super::{Exit, Failure, Output};
use crate::config::settings::StrategyKind;
use crate::control::ladder_row::{self, LadderRow, PlannedMove};
use crate::engine::State;
use crate::report::figures::NONE;
use crate::run::backtest::Bars;
use crate::run::journal::NoJournal;
use crate::strategy::ladder::Terms;
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
    pairs: Vec<LadderRow>,
    /// The moves that would be decided now, in their order.
    plan: Vec<PlannedMove>,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let window = Window::read(None, args.at.as_deref(), ("", "--at"))?;
    let ready = Ready::load(&args.choice, args.choice.set.clone(), window)?;
    if ready.settings.strategy.kind != StrategyKind::Ladder {
        let text = format!(
            "--strategy {}: strategy.kind is \"basis\", which decides about each pair by itself (carry why shows it); \
             expected a strategy of kind \"ladder\", such as strategies/ladder.toml",
            args.choice.strategy.display()
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    let failed = |error: crate::store::JournalError| Failure::new(Exit::Failure, error.to_string());
    let inputs = ready.inputs();
    let mut bars = Bars::new(&inputs, NoJournal, false).map_err(failed)?;
    while bars.step().map_err(failed)? {}
    let at = bars.now().to_string();
    bars.driver().state.mark_all();
    let report = report(&bars.driver().state, at);
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn report(state: &State, at: String) -> Report {
    let (mut pairs, plan) = ladder_row::of(state);
    pairs.sort_by(|one, other| {
        let pays = |row: &LadderRow| row.apr_percent.unwrap_or(f64::NEG_INFINITY);
        pays(other).total_cmp(&pays(one)).then_with(|| one.pair.cmp(&other.pair))
    });
    let terms = Terms::of(&state.settings);
    let held = pairs.iter().filter(|row| row.held).count();
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

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    writeln!(out, "carry portfolio   market history   at {}", report.at)?;
    writeln!(out, "{} slots, {} of them in cash; yearly figures on own capital\n", report.slots, report.slots_in_cash)?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "pair",
        "pays",
        "capital",
        "a side",
        "must reach",
        "left below",
        "instead of",
        "must gain",
        "gains",
    ]);
    let percent = |figure: Option<f64>| figure.map_or_else(|| NONE.to_owned(), |figure| format!("{figure:.2} %"));
    let line = |row: &LadderRow| {
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
        ]
    };
    let better = |row: &&LadderRow| row.apr_percent.is_some_and(|apr| apr > report.cash_apr_percent);
    for row in report.pairs.iter().take_while(better) {
        table.add_row(line(row));
    }
    let mut cash = vec!["cash".to_owned(), percent(Some(report.cash_apr_percent))];
    cash.resize(9, NONE.to_owned());
    table.add_row(cash);
    for row in report.pairs.iter().skip_while(better) {
        table.add_row(line(row));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}\n")?;
    for row in &report.pairs {
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
