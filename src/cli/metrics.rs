//! `carry metrics`: what running sessions show, as text for Prometheus.
//!
//! It asks each session over its control socket and disturbs none. Tests: `tests/commands/metrics.rs`.

use super::control;
use super::{Exit, Failure, Output, folder};
use crate::control::metrics::{Kind, TABLE, Told, text};
use crate::control::presence::Presence;
use crate::store::ledger_file;
use std::path::{Path, PathBuf};

/// Running sessions as text for Prometheus, or for the textfile collector of its node exporter
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry metrics                               the session that runs
  carry metrics state/main state/second       several in one text, each with its folder's name in the label session
  carry metrics --list                        every metric with its unit and what it says
  carry metrics --list --json

For the textfile collector of node_exporter, once a minute; a half-written file is never read:
  carry metrics state/main > carry.tmp && mv carry.tmp /var/lib/node_exporter/carry.prom

A folder whose session does not answer gives carry_up 0, and carry_process_exists says whether a process has it; one that is over
gives carry_up 0 alone. Alert rules: deploy/prometheus.")]
pub struct Args {
    /// Folders of sessions; the one that runs when absent
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// The same, as every other verb takes it
    #[arg(long, value_name = "DIR", conflicts_with = "dirs")]
    state: Option<PathBuf>,
    /// The metrics that there are; asks no session
    #[arg(long)]
    list: bool,
    /// The list as JSON (schema carry.metrics/1)
    #[arg(long, requires = "list")]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 when a folder does not exist.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    if args.list {
        return list(args.json, output);
    }
    let named: Vec<Option<&Path>> = match (&args.state, args.dirs.is_empty()) {
        (None, false) => args.dirs.iter().map(|dir| Some(dir.as_path())).collect(),
        (state, _) => vec![state.as_deref()],
    };
    let mut sessions: Vec<(String, PathBuf, Presence)> = Vec::new();
    for dir in named {
        let dir = folder::dir(dir)?;
        let name = name_of(&dir);
        if sessions.iter().any(|(known, ..)| *known == name) {
            let text =
                format!("two folders are named {name}, which is the label of their metrics; ask them one by one");
            return Err(Failure::new(Exit::Usage, text));
        }
        let told = control::told(&dir);
        sessions.push((name, dir, told));
    }
    let of = sessions.iter().map(|(name, dir, presence)| {
        let told = match presence {
            Presence::Now(now) => Told::Now(now),
            Presence::Silent(_) => Told::Silent,
            Presence::Gone if is_over(dir) => Told::Over,
            Presence::Gone => Told::Gone,
        };
        (name.as_str(), told)
    });
    let text = text(of).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    Ok(output.out.write_all(text.as_bytes())?)
}

/// Whether a session came to its end, as its ledger says; one that cannot be read has not.
fn is_over(dir: &Path) -> bool {
    let ledger = dir.join(folder::LEDGER);
    ledger.is_file() && ledger_file::meta(&ledger).is_ok_and(|meta| meta.contains_key("finished"))
}

/// The name of a session's folder, wherever it is asked from.
fn name_of(dir: &Path) -> String {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}

fn list(json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let kind = |kind| match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
    };
    if json {
        let row = |metric: &crate::control::metrics::Metric| {
            serde_json::json!({
                "name": metric.name, "kind": kind(metric.kind), "unit": metric.unit, "help": metric.help,
            })
        };
        let rows: Vec<serde_json::Value> = TABLE.iter().map(row).collect();
        return folder::json(output.out, &serde_json::json!({ "schema": "carry.metrics/1", "metrics": rows }));
    }
    let mut table = folder::table(&["metric", "kind", "unit", "says"], 0..0);
    for metric in TABLE {
        table.add_row([metric.name, kind(metric.kind), metric.unit, metric.help]);
    }
    folder::print(output.out, &table)
}
