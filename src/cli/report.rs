//! `carry report`: writes the page and the CSV files of a session again, from its ledger of record.
//!
//! Tests: `tests/commands/session_commands.rs`.

use super::folder::{self, Folder, Where};
use super::{Exit, Failure, Output};
use serde::Serialize;
use std::path::PathBuf;

/// Writes a session's report.html and CSV files again, and prints its summary
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry report runs/mine              refreshes the files in runs/mine
  carry report runs/mine --out /tmp/mine
  carry report --json                 the newest session under runs/

A session that is still running is reported as of its last commit. Everything comes from the ledger: files that were lost
come back.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Folder for the files; the session's own when absent
    #[arg(long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// JSON (schema carry.report/2)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    mode: &'a str,
    /// Whether the session is over.
    finished: bool,
    files: Vec<String>,
    summary: &'a crate::report::run::Summary,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the folder is not a session or a file cannot be written.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let folder = Folder::open(&args.place)?;
    let (review, _) = folder.review_now()?;
    let result = review.result();
    let target = args.out.as_ref().unwrap_or(&folder.path);
    let files =
        crate::report::write_all(target, &result).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    if args.json {
        let report = Report {
            schema: "carry.report/2",
            mode: &review.identity.mode,
            finished: review.finished(),
            files: files.iter().map(|file| file.display().to_string()).collect(),
            summary: &result.summary,
        };
        return folder::json(output.out, &report);
    }
    crate::report::print_summary(output.out, &result)?;
    Ok(writeln!(output.out, "\n{} report: {}", review.identity.mode, target.join("report.html").display())?)
}
