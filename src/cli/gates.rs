//! Gates as a person reads them: what was measured, what it must be, whether it blocks. The same lines for history now and
//! for a running bot. Tests: `tests/backtest/why.rs`.

pub use crate::control::gate_words::measured;
use crate::strategy::Gate;
use std::io::{self, Write};

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
