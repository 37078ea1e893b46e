//! What a sweep says when it has played: the table of the best, its JSON, and its page. Tests: `tests/suite/sweep.rs`.

use super::about::quoted;
use super::sweep::Args;
use super::{Failure, Output, folder};
use crate::data::save::write_text;
use crate::domain::WallTime;
use crate::report::figures::{self, count, percent};
use crate::report::periods;
use crate::report::sweep::{Page, Sheet, day, render};
use crate::research::deflate::{Deflated, deflate};
use crate::research::plan::{PLAN, Plan, RESULTS, Shard};
use crate::research::rows::Row;
use crate::research::sweep::gather;
use crate::research::views;
use crate::research::walk::{Walk, walk};
use serde::Serialize;
use std::collections::BTreeMap;

/// Sets that are shown.
const SHOWN: usize = 10;
/// The summary in the sweep's folder.
const SUMMARY: &str = "summary.json";
/// The page in the sweep's folder.
const PAGE: &str = "sweep.html";

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    /// Sets of the plan.
    sets: usize,
    /// Sets with results.
    played: usize,
    /// Files of results that are not there: other shards have not played them.
    parts_missing: usize,
    parts: usize,
    shard: Option<String>,
    pairs: &'a [String],
    from_ms: WallTime,
    to_ms: WallTime,
    keys: &'a [String],
    /// The best sets by their gain above cash.
    best: Vec<One<'a>>,
    /// What luck leaves of the best; null for fewer than two sets or six months.
    deflated: Option<Deflated>,
    walk: Option<Walk>,
    left_out: Vec<Out<'a>>,
    plan: String,
    results: String,
    page: Option<String>,
    run_s: f64,
}

#[derive(Debug, Serialize)]
struct One<'a> {
    set: &'a str,
    settings: BTreeMap<&'a str, &'a str>,
    net_return: f64,
    with_cash_return: f64,
    cash_return: f64,
    /// What the money became over what cash became, less one.
    excess: f64,
    net_apr: Option<f64>,
    excess_apr: Option<f64>,
    max_drawdown: f64,
    round_trips: i64,
    time_in_market: f64,
    sharpe_month: Option<f64>,
    /// Gain above cash in each fold.
    folds: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Out<'a> {
    settings: BTreeMap<&'a str, &'a str>,
    why: &'a str,
}

/// Everything that the rows say.
struct Found<'a> {
    plan: &'a Plan,
    rows: &'a [Row],
    /// Whole runs, the best first.
    best: Vec<&'a Row>,
    deflated: Option<Deflated>,
    walk: Option<Walk>,
}

/// Reads what is there and reports it.
///
/// # Errors
/// Files that cannot be written.
pub(super) fn report(
    args: &Args,
    plan: &Plan,
    (change, shard, run_s): (f64, Option<Shard>, f64),
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let (rows, parts_missing) = gather(plan, &args.out);
    let found = Found::of(plan, &rows, change);
    let page = args.out.join(PAGE);
    if parts_missing == 0 {
        write_text(&page, &render(&found.page()))?;
    }
    let ends = (plan.ends_ms.first().copied(), plan.ends_ms.last().copied());
    let report = Report {
        schema: "carry.sweep/1",
        sets: plan.sets.len(),
        played: found.best.len(),
        parts_missing,
        parts: plan.parts().len(),
        shard: shard.map(|shard| format!("{}/{}", shard.place + 1, shard.of)),
        pairs: &plan.pairs,
        from_ms: ends.0.unwrap_or_default(),
        to_ms: ends.1.unwrap_or_default(),
        keys: &plan.keys,
        best: found.best.iter().take(SHOWN).map(|row| found.one(row)).collect(),
        deflated: found.deflated,
        walk: found.walk.clone(),
        left_out: plan.left_out.iter().map(|out| Out { settings: found.named(&out.values), why: &out.why }).collect(),
        plan: args.out.join(PLAN).display().to_string(),
        results: args.out.join(RESULTS).join("*.parquet").display().to_string(),
        page: (parts_missing == 0).then(|| page.display().to_string()),
        run_s,
    };
    if parts_missing == 0 {
        let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        write_text(&args.out.join(SUMMARY), &(text + "\n"))?;
    }
    if args.json {
        return folder::json(output.out, &report);
    }
    found.print(&report, output)
}

impl<'a> Found<'a> {
    /// `change` is the part of the capital that a full round trip pays in fees.
    fn of(plan: &'a Plan, rows: &'a [Row], change: f64) -> Self {
        let mut best: Vec<&Row> = rows.iter().filter(|row| row.fold.is_none()).collect();
        best.sort_by(|a, b| b.excess().total_cmp(&a.excess()).then_with(|| a.set.cmp(&b.set)));
        let ratios: Vec<f64> = best.iter().filter_map(|row| Some(row.moments?.sharpe)).collect();
        let deflated = best.first().and_then(|row| deflate(row.moments?, &ratios));
        Self { plan, rows, best, deflated, walk: walk(rows, change) }
    }

    fn named(&self, values: &'a [String]) -> BTreeMap<&'a str, &'a str> {
        self.plan.keys.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect()
    }

    fn one(&self, row: &'a Row) -> One<'a> {
        let folds = self.rows.iter().filter(|other| other.fold.is_some() && other.set == row.set);
        One {
            set: &row.set,
            settings: self.named(&row.values),
            net_return: row.net_return,
            with_cash_return: row.with_cash_return,
            cash_return: row.cash_return,
            excess: row.excess(),
            net_apr: row.net_apr,
            excess_apr: row.excess_apr,
            max_drawdown: row.max_drawdown,
            round_trips: row.round_trips,
            time_in_market: row.time_in_market,
            sharpe_month: row.moments.map(|moments| moments.sharpe),
            folds: folds.map(Row::excess).collect(),
        }
    }

    /// Whether the time is long enough for yearly figures.
    fn yearly(&self) -> bool {
        self.best.first().is_some_and(|row| row.net_apr.is_some())
    }

    fn best_sheet(&self, most: usize) -> Sheet {
        let unit = if self.yearly() { "APR" } else { "return" };
        let mut heads: Vec<String> = vec!["set".to_owned()];
        heads.extend(self.plan.keys.iter().cloned());
        heads.extend([format!("net {unit}"), "excess".to_owned(), "largest fall".to_owned()]);
        heads.extend(["trips", "in market", "worst fold"].map(str::to_owned));
        let row = |row: &&Row| {
            let folds = self.rows.iter().filter(|other| other.fold.is_some() && other.set == row.set);
            let worst = folds.map(Row::excess).min_by(f64::total_cmp);
            let mut cells = vec![row.set.clone()];
            cells.extend(row.values.iter().cloned());
            cells.push(percent(row.net_apr.unwrap_or(row.net_return)));
            cells.push(if self.yearly() { periods::percent(row.excess_apr) } else { percent(row.excess()) });
            cells.push(percent(row.max_drawdown));
            cells.push(count(u64::try_from(row.round_trips).unwrap_or_default()));
            cells.push(percent(row.time_in_market));
            cells.push(periods::percent(worst));
            cells
        };
        let rows = self.best.iter().take(most).map(row).collect();
        Sheet { heads, numbers_from: 1 + self.plan.keys.len(), rows }
    }

    fn walk_sheet(&self) -> Sheet {
        let heads =
            ["from", "to", "chosen", "past excess", "excess", "fall", "median set", "in hindsight", "rank likeness"];
        let heads = heads.map(str::to_owned).to_vec();
        let Some(walk) = &self.walk else { return Sheet { heads, numbers_from: 3, rows: Vec::new() } };
        let row = |step: &crate::research::walk::Step| {
            vec![
                day(step.from_ms),
                day(step.to_ms),
                step.set.as_ref().map_or_else(|| "cash".to_owned(), |set| self.label(set)),
                percent(step.past_excess),
                percent(step.excess),
                percent(step.max_drawdown),
                percent(step.median_excess),
                percent(step.best_excess),
                figures::maybe(step.rank_likeness, 2),
            ]
        };
        Sheet { heads, numbers_from: 3, rows: walk.folds.iter().map(row).collect() }
    }

    /// The values of a set, for a person.
    fn label(&self, id: &str) -> String {
        let set = self.plan.sets.iter().find(|set| set.id == id);
        set.map_or_else(|| id.to_owned(), |set| set.values.join(" "))
    }

    fn verdict(&self) -> Vec<String> {
        let Some(best) = self.best.first() else { return vec!["Nothing was played.".to_owned()] };
        let sets = count(u64::try_from(self.best.len()).unwrap_or_default());
        let above = if self.yearly() { periods::percent(best.excess_apr) } else { percent(best.excess()) };
        let every = if self.yearly() { " a year" } else { "" };
        let mut words = Vec::new();
        if best.excess() > 0.0 {
            words.push(format!("The best of {sets} sets is {above}{every} above cash."));
        } else {
            words.push(format!("None of {sets} sets beat cash."));
        }
        words.push(match &self.deflated {
            Some(found) => format!(
                "Deflated for {} trials: a probability of {} that its monthly gain above cash is more than the luck of the best of so many.",
                found.trials,
                percent(found.probability)
            ),
            None => "Too few sets or whole months to say how much of that is luck.".to_owned(),
        });
        if let Some(walk) = &self.walk {
            words.push(format!(
                "Chosen on the past and measured on the next fold: {} above cash over {} folds, {} when each of {} changes \
                 pays a full round trip; {} for the set that is best in hindsight.",
                percent(walk.excess),
                walk.folds.len(),
                percent(walk.excess_after_changes),
                walk.changes,
                percent(walk.best_excess)
            ));
        }
        words
    }

    fn about(&self) -> Vec<String> {
        let day = |at: Option<&WallTime>| at.map_or_else(String::new, |at| day(*at));
        let sets = count(u64::try_from(self.plan.sets.len()).unwrap_or_default());
        vec![
            format!(
                "{sets} sets of {}; {} to {}; {}",
                self.plan.keys.join(", "),
                day(self.plan.ends_ms.first()),
                day(self.plan.ends_ms.last()),
                self.plan.pairs.join(", ")
            ),
            format!("history {}", self.plan.data_sha256.chars().take(16).collect::<String>()),
        ]
    }

    fn page(&self) -> Page {
        let keys = self.plan.axes();
        let left = |out: &crate::research::plan::LeftOut| [out.values.clone(), vec![out.why.clone()]].concat();
        Page {
            about: self.about(),
            verdict: self.verdict(),
            unit: if self.yearly() { "% a year" } else { "% of the time" }.to_owned(),
            best: self.best_sheet(3 * SHOWN),
            walk: self.walk_sheet(),
            heat: views::heat(&keys, &self.best),
            by_key: views::by_key(&keys, &self.best),
            steady: views::steady(self.rows, &self.best, &|row| row.values.join(" ")),
            left_out: Sheet {
                heads: self.plan.keys.iter().cloned().chain(["why".to_owned()]).collect(),
                numbers_from: self.plan.keys.len() + 1,
                rows: self.plan.left_out.iter().map(left).collect(),
            },
        }
    }

    fn print(&self, report: &Report<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
        for line in self.about().iter().take(1) {
            writeln!(output.out, "{line}\n")?;
        }
        for sheet in [self.best_sheet(SHOWN), self.walk_sheet()].iter().filter(|sheet| !sheet.rows.is_empty()) {
            let heads: Vec<&str> = sheet.heads.iter().map(String::as_str).collect();
            let mut table = folder::table(&heads, sheet.numbers_from..heads.len());
            for row in &sheet.rows {
                table.add_row(row);
            }
            folder::print(output.out, &table)?;
            writeln!(output.out)?;
        }
        if report.parts_missing > 0 {
            writeln!(
                output.out,
                "{} of {} result files are missing: other shards play them; the figures are of {} of {} sets.",
                report.parts_missing, report.parts, report.played, report.sets
            )?;
        } else {
            for line in self.verdict() {
                writeln!(output.out, "{line}")?;
            }
        }
        if !self.plan.left_out.is_empty() {
            let left = self.plan.left_out.len();
            writeln!(output.out, "{left} combinations are no settings and were left out; --json says why.")?;
        }
        writeln!(output.out, "\nresults: {}", quoted(&report.results))?;
        if let Some(page) = &report.page {
            writeln!(output.out, "charts: {page} (open it in a browser)")?;
        }
        Ok(())
    }
}
