//! What a session says of itself beside its acts: its derived state, what differs, the acts in their order, why it does not trade.
//!
//! Nothing here acts. Tests: `tests/commands/live_views.rs`, `tests/commands/control_live.rs`.

use super::control::{Line, report, text};
use super::{Exit, Failure, Output, folder};
use crate::control::forecast_row::NextRow;
use crate::control::guide::Step;
use crate::control::ladder_row::LadderRow;
use crate::control::request::{Request, Verb};
use crate::control::stops::Stop;
use crate::report::figures;
use serde_json::Value;
use std::path::Path;

/// The pairs of a session whose process is gone, or that is over: from its ledger, and with the state that says so.
pub(super) fn unattended(dir: &Path, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let folder = folder::Folder::open(&folder::Where::at(dir.to_owned()))?;
    let now = crate::run::unattended::unattended(&folder.path, &folder.review()?);
    let result = serde_json::json!({ "at_ms": now.at_ms, "state": now.state, "stops": now.stops, "pairs": now.pairs });
    if json {
        return folder::json(output.out, &report("pairs", dir, (true, None, Some(&result)), now.in_doubt));
    }
    text(&Request::new(Verb::Pairs), &result, output)
}

/// `carry reconcile` of a session that runs.
///
/// # Errors
/// Exit code 1 when no session runs there, 3 when ledger and venue differ.
pub fn reconcile(state: Option<&Path>, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let dir = folder::dir(state)?;
    let reply = Line::to(&dir)?.ask(&Request::new(Verb::Reconcile))?;
    let result = reply.result.unwrap_or_default();
    let words = |name: &str| -> Vec<String> {
        let rows = result.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(|row| row.as_str().map(str::to_owned)).collect()
    };
    let differences = words("differences");
    let steps: Vec<Step> =
        result.get("steps").cloned().and_then(|steps| serde_json::from_value(steps).ok()).unwrap_or_default();
    if json {
        folder::json(output.out, &report("reconcile", &dir, (true, None, Some(&result)), reply.in_doubt))?;
    } else {
        guided(&result, &steps, output)?;
    }
    if !differences.is_empty() {
        let first = steps.first().map_or_else(String::new, |step| format!("\nfirst: {}", step.typed));
        let text = format!("ledger and venue differ\n  {}{first}", differences.join("\n  "));
        return Err(Failure::new(Exit::Difference, text));
    }
    let doubts = words("doubts");
    if !doubts.is_empty() {
        let first = steps.first().map_or_else(String::new, |step| format!("\nfirst: {}", step.typed));
        return Err(Failure::new(Exit::InDoubt, format!("{}{first}", doubts.join("\n"))));
    }
    if reply.in_doubt > 0 {
        let text = format!("the outcome of {} orders is not known; see carry orders", reply.in_doubt);
        return Err(Failure::new(Exit::InDoubt, text));
    }
    Ok(())
}

/// `carry why` of a session that runs.
///
/// # Errors
/// Exit code 1 when no session runs there, 2 when it has no pair of that name.
pub fn why(dir: &Path, pair: Option<&str>, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let request = Request { pair: pair.map(str::to_owned), ..Request::new(Verb::Why) };
    let reply = Line::to(dir)?.ask(&request)?;
    let result = reply.result.unwrap_or_default();
    let rows = result.get("pairs").and_then(Value::as_array).cloned().unwrap_or_default();
    if rows.is_empty() {
        let name = pair.unwrap_or_default().escape_debug().to_string();
        return Err(Failure::new(
            Exit::Usage,
            format!("{name}: there is no such pair in this session; see carry pairs"),
        ));
    }
    if json {
        return folder::json(output.out, &report("why", dir, (true, None, Some(&result)), reply.in_doubt));
    }
    let out = &mut *output.out;
    state_of(&result, out)?;
    for row in &rows {
        let held = row["held"] == true;
        let words = if held { ("says leave", "says stay") } else { ("open", "blocks") };
        let whose = row["strategy"].as_str().map_or_else(String::new, |name| format!("  {name}"));
        writeln!(out, "{}  {}{whose}", text_of(row, "pair"), text_of(row, "phase"))?;
        for gate in row["gates"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let word = if gate["open"] == true { words.0 } else { words.1 };
            if pair.is_some() || gate["open"] != true {
                writeln!(out, "  {}  {}  {word}", text_of(gate, "name"), text_of(gate, "text"))?;
            }
            if pair.is_none() && gate["open"] != true {
                break;
            }
        }
        if let Ok(Some(ladder)) = serde_json::from_value::<Option<LadderRow>>(row["ladder"].clone()) {
            writeln!(out, "  on the ladder      {}", ladder.words())?;
        }
        if let Some(next) = serde_json::from_value::<NextRow>(row["next"].clone()).ok().filter(|_| pair.is_some()) {
            for line in next.lines() {
                writeln!(out, "  {line}")?;
            }
        }
        if let Some(refused) = row["refused"].as_str() {
            writeln!(out, "  the risk gate refused the last order: {refused}")?;
        }
    }
    Ok(())
}

fn text_of<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or(figures::NONE)
}

/// What differs, what stops the session, and the acts in their order.
fn guided(result: &Value, steps: &[Step], output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    if result["agree"] == true {
        writeln!(out, "ledger and venue agree")?;
    }
    state_of(result, out)?;
    if steps.is_empty() {
        return Ok(());
    }
    writeln!(out, "in this order, each shows what it will send or book before you agree:")?;
    for (step, number) in steps.iter().zip(1..) {
        writeln!(out, "  {number}. {}\n     {}", step.typed, step.why)?;
    }
    Ok(())
}

/// The derived state with every reason, before the pairs: none of them may look ready while something stops it.
pub(super) fn state_of(result: &Value, out: &mut dyn std::io::Write) -> Result<(), Failure> {
    let state = result["state"].as_str().unwrap_or_default();
    let now = ["at_ms", "compared_ms"].iter().find_map(|name| result[*name].as_i64()).unwrap_or(i64::MAX);
    let now = crate::domain::WallTime(now);
    let stops: Vec<Stop> = serde_json::from_value(result["stops"].clone()).unwrap_or_default();
    writeln!(out, "state {}", state.to_uppercase())?;
    for stop in &stops {
        writeln!(out, "  {}", super::screen::stop_words(stop, now))?;
    }
    Ok(())
}
