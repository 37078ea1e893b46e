//! `carry data sample`: a small generated history, so that every command can be tried without a network or files of one's own.

use super::about::quoted;
use super::{Exit, Failure, Output};
use crate::fetch::sample::write_sample;
use serde::Serialize;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  carry data sample sample
  carry data sample sample --days 60 --seed 7 --json
Two venues that do not exist and nine pairs, drawn from a seed: the same seed gives the same files. It is no real history.";

/// Arguments of `carry data sample`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder to write; it must not be there, or be empty
    dir: PathBuf,
    /// Length in days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=400))]
    days: u32,
    /// Which market is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// JSON (schema carry.data.sample/1)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    folder: String,
    seed: u64,
    days: u32,
    files: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 when something is in the folder already, 1 when it cannot be written.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let taken = match std::fs::read_dir(&args.dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    let folder = args.dir.display().to_string();
    if taken {
        let text = format!("{folder}: something is there already; expected a folder that is empty or not there");
        return Err(Failure::new(Exit::Usage, text));
    }
    let files = write_sample(&args.dir, args.seed, args.days)
        .map_err(|problem| Failure::new(Exit::Failure, problem.to_string()))?;
    if args.json {
        let files = files.iter().map(|file| file.display().to_string()).collect();
        let report = Report { schema: "carry.data.sample/1", folder, seed: args.seed, days: args.days, files };
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    let (count, days) = (files.len(), args.days);
    writeln!(output.out, "wrote {count} files of {days} generated days into {folder}: no real history")?;
    let data = quoted(&folder);
    Ok(writeln!(output.out, "next: carry backtest --data {data} --strategy strategies/anchor.toml")?)
}
