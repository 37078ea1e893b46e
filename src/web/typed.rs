//! Commands as a page shows them: each names the session of the page, because without a folder it is meant for the one that runs,
//! which may be another one.
//!
//! Tests: at the end, and for every alarm `tests/suite/runbook.rs`.

use crate::observe::words::quoted;
use std::path::Path;

/// Verbs that act on a session, or ask one.
const VERBS: [&str; 21] = [
    "accept",
    "adopt",
    "clear-halt",
    "close",
    "export",
    "fills",
    "flatten",
    "halt",
    "ledger",
    "open",
    "orders",
    "pairs",
    "pause",
    "pnl",
    "reconcile",
    "reload",
    "report",
    "resolve",
    "resume",
    "status",
    "why",
];
/// Where a command ends in a sentence.
const ENDS: [&str; 7] = [", ", "; ", " and ", " or ", " if ", " (", "\n"];

/// The option that names a folder.
#[must_use]
pub fn option(dir: &Path) -> String {
    format!(" --state {}", quoted(&dir.display().to_string()))
}

/// A sentence whose commands name a session; one that names its folder already stays as it is.
#[must_use]
pub fn naming(text: &str, dir: &Path) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find("carry ") {
        let (before, found) = rest.split_at(at);
        let end = ENDS.iter().filter_map(|end| found.find(end)).min().unwrap_or(found.len());
        let (command, after) = found.split_at(end.max("carry ".len()));
        out.push_str(before);
        out.push_str(command);
        let verb = command.split(' ').nth(1).unwrap_or_default();
        if VERBS.contains(&verb) && !command.contains("--state") {
            out.push_str(&option(dir));
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_its_session_and_a_sentence_stays_one() {
        let check = |text: &str, expected: &str| assert_eq!(naming(text, Path::new("runs/a")), expected);
        check("carry clear-halt --reason TEXT", "carry clear-halt --reason TEXT --state runs/a");
        check(
            "carry keys test NAME, then carry clear-halt --reason TEXT",
            "carry keys test NAME, then carry clear-halt --reason TEXT --state runs/a",
        );
        check(
            "bring quote coin to the venue, or carry close PAIR",
            "bring quote coin to the venue, or carry close PAIR --state runs/a",
        );
        check("carry live --state b and the strategy", "carry live --state b and the strategy");
        check("carry status --state b", "carry status --state b");
        check("nothing; type: carry resume", "nothing; type: carry resume --state runs/a");
        check("kill -CONT 7", "kill -CONT 7");
        assert_eq!(naming("carry resume", Path::new("my runs")), "carry resume --state 'my runs'");
    }
}
