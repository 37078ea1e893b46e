//! `carry reload`: the files of a running session are read again, and what differs is taken at one instant.
//!
//! What lets more risk in is shown first and wants a typed yes. The session reads and judges its files itself; nothing here
//! opens them. Tests: `tests/commands/reload.rs`.

use super::control::{Line, agreed, report};
use super::{Exit, Failure, Output, folder};
use crate::config::change::{Change, Effect};
use crate::control::request::{Request, Verb};
use serde_json::Value;
use std::path::PathBuf;

/// Reads the configuration files of a running session again and takes what differs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry reload --state state/main          takes what tightens at once; what lets more risk in is shown and asked for
  carry reload --state state/main --yes    takes that too
  carry check --keys                       the last column says which keys a running session takes
  kill -HUP PID                            the same, but never anything that lets more risk in

The session reads the files, variables and --set values of its start. All of it is taken or none: one error changes nothing
and is named with its file, line, key and what was expected. Keys that need a restart stay as they are, and are listed.
Exit code 4 when more risk was shown only, 2 for a file that is wrong.")]
pub struct Args {
    /// State folder of the session; the newest one under runs/ when absent
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Take what lets more risk in without asking
    #[arg(long)]
    yes: bool,
    /// JSON (schema carry.reload/1)
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Exit code 1 when no session runs there, 2 when a file is wrong, 4 when nobody agreed to more risk.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let dir = folder::dir(args.state.as_deref())?;
    let mut line = Line::to(&dir)?;
    let request = Request::new(Verb::Reload);
    let mut reply = line.ask(&request)?;
    if let Some(plan) = reply.plan.take() {
        let loosens = plan.changes.iter().any(|change| change.effect == Effect::Loosens);
        if loosens && !args.yes {
            if args.json {
                folder::json(output.out, &report("reload", &dir, (false, Some(&plan), None), reply.in_doubt))?;
            } else {
                table(&plan.changes, output)?;
            }
            if !agreed(args.json)? {
                let text = "nothing was changed: some of it lets more risk in; to take it, say --yes";
                return Err(Failure::new(Exit::Refused, text));
            }
        }
        reply = line.ask(&Request { token: Some(plan.token), ..request })?;
    }
    let result = reply.result.unwrap_or_default();
    if args.json {
        return folder::json(output.out, &report("reload", &dir, (true, None, Some(&result)), reply.in_doubt));
    }
    let rows = |name: &str| -> Vec<Change> {
        serde_json::from_value(result.get(name).cloned().unwrap_or(Value::Null)).unwrap_or_default()
    };
    let (taken, restart) = (rows("taken"), rows("restart"));
    if taken.is_empty() && restart.is_empty() {
        return Ok(writeln!(output.out, "nothing differs from what the session has")?);
    }
    if taken.is_empty() {
        writeln!(output.out, "nothing was taken: each of these needs a restart")?;
    } else {
        writeln!(output.out, "taken, all at one instant:")?;
        table(&taken, output)?;
        if !restart.is_empty() {
            writeln!(output.out, "as it was; needs a restart:")?;
        }
    }
    if restart.is_empty() { Ok(()) } else { table(&restart, output) }
}

fn table(changes: &[Change], output: &mut Output<'_>) -> Result<(), Failure> {
    let mut table = folder::table(&["key", "now", "files", ""], 1..3);
    for change in changes {
        let effect = match change.effect {
            Effect::Tightens => "",
            Effect::Loosens => "looser",
            Effect::Restart => "needs a restart",
        };
        table.add_row([&change.key, &change.old, &change.new, effect]);
    }
    folder::print(output.out, &table)
}
