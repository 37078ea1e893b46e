//! One gate of the strategy in words: what was measured and what it must be. The same for history and for a running session.
//!
//! Tests: `cli/gates.rs`, `tests/backtest/why.rs`.

use crate::strategy::Gate;

/// Larger than any measure: hours since a close that never was.
const NEVER: f64 = 1e11;

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
