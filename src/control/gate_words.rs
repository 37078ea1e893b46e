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
            let unit = gate.unit;
            let (measured, threshold) = apart(gate.measured, gate.threshold, unit);
            let spaced =
                if measured.ends_with(|last: char| last.is_ascii_digit()) { format!(" {unit}") } else { String::new() };
            format!("{measured}{spaced}, must be {} {threshold} {unit}", gate.relation)
        }
        "=" => format!("{}: {}, must be yes", gate.unit, if gate.open { "yes" } else { "no" }),
        // A quadrant is a word, with the change of open interest that made it.
        quadrant => format!("{quadrant}: {} {}", number(gate.measured, gate.unit, 0), gate.unit),
    }
}

/// Most decimals that are shown beyond those of the unit.
const MOST: usize = 8;

/// A measure and its threshold, with so many decimals that two that differ do not look the same.
fn apart(measured: f64, threshold: f64, unit: &str) -> (String, String) {
    let texts = |more| (number(measured, unit, more), number(threshold, unit, more));
    (0..=MOST).map(texts).find(|(one, other)| one != other).unwrap_or_else(|| texts(0))
}

/// A measure with the decimals that its unit deserves, and so many more.
fn number(value: f64, unit: &str, more: usize) -> String {
    if value.is_nan() {
        return "unknown".to_owned();
    }
    if value.abs() > NEVER {
        return "never".to_owned();
    }
    let first = unit.split(' ').next().unwrap_or(unit);
    let decimals = match first {
        "%/8h" => 4,
        "%apr" | "bps" => 2,
        "quote" | "rank" | "seconds" => 0,
        _ => 1,
    };
    format!("{value:.*}", decimals + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u16_a_measure_that_blocks_does_not_look_like_its_threshold() {
        let texts = |measured, threshold| apart(measured, threshold, "%/8h");
        assert_eq!(texts(0.0062, 0.01), ("0.0062".to_owned(), "0.0100".to_owned()));
        assert_eq!(texts(0.009_996, 0.01), ("0.009996".to_owned(), "0.010000".to_owned()));
        assert_eq!(texts(0.01, 0.01), ("0.0100".to_owned(), "0.0100".to_owned()), "what is equal is shown so");
    }
}
