//! `carry check`: reads the configuration as every other command would, and says what it means.
//!
//! It opens no ledger and talks to no venue. Tests: `tests/suite/config.rs`, `tests/suite/minimums.rs`.

use super::{Exit, Failure, Output, minimums};
use crate::config::{ConfigErrors, Loaded, Source, Sources, keys, load};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::path::PathBuf;

/// Read the configuration and print what it means, with the source of each value.
///
/// The layers, last wins: built-in values, config/carry.toml of this folder, FILES in their order, environment variables
/// like `CARRY__ENTRY__FUNDING`, --set. Every error of every layer is reported, and then the exit code is 2; so it is when
/// what a pair may hold, or a clip of it, is less than its venue takes as an order.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry check
  carry check strategies/anchor.toml
  carry check strategies/anchor.toml --set entry.funding=0.02%/8h --json
  carry check strategies/anchor.toml --data data        orders of this size at the prices and rules of that history
  carry check --strategy strategies/majors.toml --strategy strategies/alts.toml   two strategies of one run
  carry check --keys")]
pub struct Args {
    /// Configuration and strategy files; a later one wins
    files: Vec<PathBuf>,
    /// Strategy file of a run of several strategies; may be repeated
    #[arg(long, value_name = "FILE")]
    strategy: Vec<PathBuf>,
    /// Set one key, for example --set size.leverage=2x; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print every key with unit, range, default, meaning and reason (Markdown), and stop
    #[arg(long, conflicts_with_all = ["files", "strategy", "set", "data", "json"])]
    keys: bool,
    /// Judge sizes by the prices and rules of this history; by the usual least order without it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON (schema carry.check/1)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_hash: Option<&'a str>,
    environment: Vec<&'a str>,
    values: Vec<Row<'a>>,
    errors: Vec<Wrong>,
}

#[derive(Serialize)]
struct Row<'a> {
    key: &'a str,
    value: &'a str,
    meaning: &'a str,
    source: String,
    overrides: Option<String>,
}

#[derive(Serialize)]
struct Wrong {
    place: String,
    message: String,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 with every message when the configuration is wrong.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    if args.keys {
        return Ok(output.out.write_all(keys::markdown().as_bytes())?);
    }
    let sources = Sources::of_strategies(&args.strategy, args.files.clone(), args.set.clone());
    let judged = load(&sources).map_err(Ok).and_then(|loaded| match minimums::judge(&loaded, args.data.as_deref()) {
        Ok(errors) if errors.is_empty() => Ok(loaded),
        Ok(errors) => Err(Ok(errors)),
        Err(failure) => Err(Err(failure)),
    });
    match judged {
        Ok(loaded) if args.json => json(&report(&loaded), output),
        Ok(loaded) => table(&loaded, output),
        Err(Err(failure)) => Err(failure),
        Err(Ok(errors)) => {
            if args.json {
                json(&refusal(&errors), output)?;
            }
            Err(errors.into())
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(Exit::Usage, format!("the configuration is wrong\n{errors}"))
    }
}

fn report(loaded: &Loaded) -> Report<'_> {
    let rows = loaded.values.iter().map(|value| Row {
        key: &value.path,
        value: &value.text,
        meaning: &value.meaning,
        source: value.source.to_string(),
        overrides: value.over.as_ref().map(Source::to_string),
    });
    Report {
        schema: SCHEMA,
        ok: true,
        strategy_hash: Some(&loaded.strategy_hash),
        environment: loaded.environment(),
        values: rows.collect(),
        errors: Vec::new(),
    }
}

fn refusal(errors: &ConfigErrors) -> Report<'static> {
    let wrong =
        errors.errors.iter().map(|error| Wrong { place: error.place.to_string(), message: error.problem.to_string() });
    Report {
        schema: SCHEMA,
        ok: false,
        strategy_hash: None,
        environment: Vec::new(),
        values: Vec::new(),
        errors: wrong.collect(),
    }
}

/// Version of the JSON.
const SCHEMA: &str = "carry.check/1";

fn json(report: &Report, output: &mut Output) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *output.out, report).map_err(std::io::Error::from)?;
    Ok(writeln!(output.out)?)
}

fn table(loaded: &Loaded, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["key", "value", "meaning", "source"]);
    for value in &loaded.values {
        let over = value.over.as_ref().map_or_else(String::new, |under| format!(" (over {under})"));
        table.add_row([&value.path, &value.text, &value.meaning, &format!("{}{over}", value.source)]);
    }
    writeln!(output.out, "{table}")?;
    writeln!(output.out, "strategy {}", loaded.strategy_hash)?;
    let environment = loaded.environment();
    if !environment.is_empty() {
        writeln!(output.out, "set by the environment: {}", environment.join(", "))?;
    }
    Ok(writeln!(output.out, "ok")?)
}
