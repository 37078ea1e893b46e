//! `carry compare`: two or more runs side by side. Tests: `tests/suite/compare.rs`.

use super::{Exit, Failure, Output, folder};
use crate::domain::{Amount, WallTime};
use crate::report::compare::{self, Row, Run};
use crate::report::run::Summary;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Two or more runs side by side: figures, years, and the settings in which they differ
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry compare out/anchor out/ethena
  carry compare out/anchor out/ethena --out compare.html
  carry compare runs/a runs/b runs/c --json
  carry compare out/anchor state/main            a backtest beside a session

Each DIR is a folder with the summary.json and equity.csv of a run, as carry backtest --out and carry report write them, or
the state folder of a session, which is read as of its last commit.")]
pub struct Args {
    /// Folders of runs, two or more
    #[arg(value_name = "DIR", required = true, num_args = 2..=8)]
    dirs: Vec<PathBuf>,
    /// Also one page with charts, in this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// JSON (schema carry.compare/1)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    /// What must be known before the figures are compared.
    cautions: Vec<String>,
    runs: Vec<One<'a>>,
    /// Settings in which they differ, with the value of each run in their order.
    settings: Vec<Differs>,
    /// The page, when one was asked for.
    page: Option<String>,
}

#[derive(Debug, Serialize)]
struct One<'a> {
    dir: &'a str,
    summary: &'a Summary,
}

#[derive(Debug, Serialize)]
struct Differs {
    key: String,
    values: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for a folder without a run, 1 for files that cannot be used.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let runs: Vec<Run> = args.dirs.iter().map(|dir| read(dir)).collect::<Result<_, _>>()?;
    if let Some(page) = &args.out {
        std::fs::write(page, compare::render(&runs))
            .map_err(|error| Failure::new(Exit::Failure, format!("{}: {error}", page.display())))?;
    }
    let cautions = compare::cautions(&runs);
    let differ = compare::differences(&runs);
    if args.json {
        let report = Report {
            schema: "carry.compare/1",
            cautions,
            runs: runs.iter().map(|run| One { dir: &run.name, summary: &run.summary }).collect(),
            settings: differ.into_iter().map(|(key, values)| Differs { key, values }).collect(),
            page: args.out.as_ref().map(|page| page.display().to_string()),
        };
        return folder::json(output.out, &report);
    }
    table("", &runs, &compare::figures_of(&runs), output)?;
    table("net by year", &runs, &compare::years(&runs), output)?;
    table("settings that differ", &runs, &differ, output)?;
    for run in &runs {
        writeln!(output.out, "{}: {}", run.name, crate::report::periods::verdict(&run.summary))?;
    }
    for caution in cautions {
        writeln!(output.out, "{caution}")?;
    }
    if let Some(page) = &args.out {
        writeln!(output.out, "page: {}", page.display())?;
    }
    Ok(())
}

fn table(name: &str, runs: &[Run], rows: &[Row], output: &mut Output<'_>) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut head = vec![name];
    head.extend(runs.iter().map(|run| run.name.as_str()));
    let mut table = folder::table(&head, 1..head.len());
    for (name, cells) in rows {
        table.add_row([vec![name.clone()], cells.clone()].concat());
    }
    folder::print(output.out, &table)?;
    Ok(writeln!(output.out)?)
}

fn read(dir: &Path) -> Result<Run, Failure> {
    let path = dir.join("summary.json");
    if !path.is_file() && dir.join(folder::LEDGER).is_file() {
        return of_session(dir);
    }
    if !path.is_file() {
        let text = format!(
            "{}: holds no summary.json and no ledger; expected the folder of a run, see carry compare --help",
            dir.display()
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    let failed = |path: &Path, problem: String| Failure::new(Exit::Failure, format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error.to_string()))?;
    let summary: Summary = serde_json::from_str(&text).map_err(|error| failed(&path, error.to_string()))?;
    if summary.schema.ends_with("/1") {
        let text = format!("is of schema {}, whose yearly figures mean something else; make it again", summary.schema);
        return Err(failed(&path, text));
    }
    Ok(Run { name: dir.display().to_string(), summary, equity: equity(&dir.join("equity.csv"))? })
}

/// What the ledger of a session tells.
fn of_session(dir: &Path) -> Result<Run, Failure> {
    let session = folder::Folder::open(&folder::Where::at(dir.to_owned()))?;
    let result = session.review()?.result();
    let equity = result.equity.iter().map(|row| (row.at, row.equity)).collect();
    Ok(Run { name: dir.display().to_string(), summary: result.summary, equity })
}

/// Time and equity of each row.
fn equity(path: &Path) -> Result<Vec<(WallTime, Amount)>, Failure> {
    let failed = |problem: String| Failure::new(Exit::Failure, format!("{}: {problem}", path.display()));
    let mut rows = csv::Reader::from_path(path).map_err(|error| failed(error.to_string()))?;
    let heads = rows.headers().map_err(|error| failed(error.to_string()))?.clone();
    let column =
        |name: &str| heads.iter().position(|head| head == name).ok_or_else(|| failed(format!("has no column {name}")));
    let (at, equity) = (column("ts_ms")?, column("equity")?);
    let mut found = Vec::new();
    for (line, row) in rows.records().enumerate() {
        let row = row.map_err(|error| failed(error.to_string()))?;
        let cell = |place: usize| row.get(place).unwrap_or_default();
        let bad = |name: &str| failed(format!("line {}: {name} {:?} is not a number", line + 2, cell(at)));
        let stamp = cell(at).parse().map_err(|_| bad("ts_ms"))?;
        found.push((WallTime(stamp), Amount::parse(cell(equity)).map_err(|_| bad("equity"))?));
    }
    Ok(found)
}
