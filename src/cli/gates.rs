//! Gates as a person reads them: what was measured, what it must be, whether it blocks. The same lines for history now and
//! for a running bot. Tests: `tests/backtest/why.rs`.

use crate::strategy::Gate;
use std::io::{self, Write};

/// Larger than any measure: hours since a close that never was.
const NEVER: f64 = 1e11;

/// Prints gates in order, one a line; `words` are what an open and a closed one are called.
///
/// # Errors
/// What `out` says.
pub fn render(gates: &[Gate], words: (&str, &str), out: &mut dyn Write) -> io::Result<()> {
    let name = gates.iter().map(|gate| gate.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = gates.iter().map(measured).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    for (gate, line) in gates.iter().zip(lines) {
        let word = if gate.open { words.0 } else { words.1 };
        writeln!(out, "  {:name$}  {line:width$}  {word}", gate.name)?;
    }
    Ok(())
}

/// One gate in words: `funding 0.0062 %/8h, must be > 0.01 %/8h`.
#[must_use]
pub fn measured(gate: &Gate) -> String {
    match gate.relation {
        ">" | ">=" | "<" | "<=" => {
            let (measured, unit) = (number(gate.measured, gate.unit), gate.unit);
            let spaced =
                if measured.ends_with(|last: char| last.is_ascii_digit()) { format!(" {unit}") } else { String::new() };
            format!("{measured}{spaced}, must be {} {} {unit}", gate.relation, number(gate.threshold, unit))
        }
        "=" => format!("{}: {}, must be yes", gate.unit, if gate.open { "yes" } else { "no" }),
        // A quadrant is a word, with the change of open interest that made it.
        quadrant => format!("{quadrant}: {} {}", number(gate.measured, gate.unit), gate.unit),
    }
}

/// A measure with the decimals that its unit deserves.
fn number(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "unknown".to_owned();
    }
    if value.abs() > NEVER {
        return "never".to_owned();
    }
    let first = unit.split(' ').next().unwrap_or(unit);
    match first {
        "%/8h" => format!("{value:.4}"),
        "%apr" | "bps" => format!("{value:.2}"),
        "quote" | "rank" | "seconds" => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_says_what_was_measured_and_what_it_must_be() {
        let check = |measured_value: f64, threshold, relation, unit, expected: &str| {
            let gate = Gate { name: "n", measured: measured_value, threshold, relation, unit, open: false };
            assert_eq!(measured(&gate), expected);
        };
        check(0.006_21, 0.01, ">", "%/8h", "0.0062 %/8h, must be > 0.0100 %/8h");
        check(f64::NAN, 6.0, ">=", "%apr", "unknown, must be >= 6.00 %apr");
        check(f64::INFINITY, 20.0, "<=", "days", "never, must be <= 20.0 days");
        check(0.0, 1.0, "=", "window full", "window full: no, must be yes");
        check(12.0, -10.0, "crowded shorts", "% open interest a day", "crowded shorts: 12.0 % open interest a day");
    }
}
