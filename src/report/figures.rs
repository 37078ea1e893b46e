//! Numbers as people read them: grouped money, percent, days, stamps. JSON and CSV keep the exact ones.
//!
//! Tests stand at the end of this file.

use crate::domain::money::grouped;
use crate::domain::{Amount, Span, WallTime};

/// What stands for a number that does not exist.
pub const NONE: &str = "-";

/// Money with two decimals and thousands separators.
#[must_use]
pub fn money(amount: Amount) -> String {
    grouped(amount, 2)
}

/// A fraction in basis points. Worked: 0.0005 is 5.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "shown to people")]
pub fn in_bps(fraction: f64) -> f64 {
    fraction * 1e4
}

/// A fraction as percent with two decimals: 0.0123 is `1.23 %`.
#[must_use]
pub fn percent(fraction: f64) -> String {
    if fraction.is_finite() { format!("{} %", fixed(fraction * 100.0, 2)) } else { NONE.to_string() }
}

/// The same with as few decimals as it needs: 0.04 is `4 %`.
#[must_use]
pub fn short_percent(fraction: f64) -> String {
    let text = percent(fraction);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}").trim_end().to_string()
}

/// So many decimals, and never `-0.00`.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|byte| matches!(byte, b'0' | b'.')) => rest.to_string(),
        _ => text,
    }
}

/// A number that may be missing or not finite.
#[must_use]
pub fn maybe(value: Option<f64>, decimals: usize) -> String {
    value.filter(|number| number.is_finite()).map_or_else(|| NONE.to_string(), |number| fixed(number, decimals))
}

/// A whole number with thousands separators.
#[must_use]
pub fn count(number: u64) -> String {
    i64::try_from(number).map_or_else(|_| number.to_string(), |whole| grouped(Amount::whole(whole), 0))
}

/// Seconds, in the unit that reads best: `350 ms`, `12.5 s`, `4.2 min`, `3.1 h`.
#[must_use]
pub fn seconds(value: f64) -> String {
    match value {
        _ if !value.is_finite() => NONE.to_string(),
        _ if value == 0.0 => "0 s".to_string(),
        _ if value.abs() < 1.0 => format!("{} ms", fixed(value * 1_000.0, 0)),
        _ if value.abs() < 120.0 => format!("{} s", fixed(value, 1)),
        _ if value.abs() < 7_200.0 => format!("{} min", fixed(value / 60.0, 1)),
        _ => format!("{} h", fixed(value / 3_600.0, 1)),
    }
}

/// A stamp to the second, UTC.
#[must_use]
pub fn stamp(at: WallTime) -> String {
    at.floor(Span::seconds(1)).to_string()
}

/// A stamp to the minute, UTC, for tables: `2022-01-01T00:01Z`.
#[must_use]
pub fn minute(at: WallTime) -> String {
    let stamp = at.floor(Span::MINUTE).to_string();
    stamp.strip_suffix(":00Z").map_or_else(|| stamp.clone(), |short| format!("{short}Z"))
}

/// A length of time in days, for ratios and words.
#[must_use]
pub fn days(span: Span) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any run fit 53 bits")]
    let millis = span.millis() as f64;
    millis / 86_400_000.0
}

/// A length of time in words: `180 days`, `6.5 h`, `12 min`.
#[must_use]
pub fn length(span: Span) -> String {
    let days = days(span);
    if days >= 2.0 { format!("{} days", fixed(days, 1)) } else { seconds(days * 86_400.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_and_have_no_negative_zero() {
        assert_eq!(percent(-0.000_001), "0.00 %");
        assert_eq!(percent(0.0321), "3.21 %");
        assert_eq!(percent(f64::NAN), "-");
        assert_eq!(short_percent(0.04), "4 %");
        assert_eq!(short_percent(0.0425), "4.25 %");
        assert_eq!(short_percent(1.0), "100 %");
        assert_eq!(short_percent(f64::INFINITY), "-");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(u64::MAX), "18446744073709551615");
        assert_eq!(maybe(None, 1), "-");
    }

    #[test]
    fn times_take_the_unit_that_reads_best() {
        for (value, expected) in
            [(0.0, "0 s"), (0.35, "350 ms"), (12.5, "12.5 s"), (252.0, "4.2 min"), (11_160.0, "3.1 h")]
        {
            assert_eq!(seconds(value), expected);
        }
        assert_eq!(length(Span::hours(24 * 180)), "180.0 days");
        assert_eq!(length(Span::hours(6)), "6.0 h");
        assert_eq!(stamp(WallTime(1_640_995_261_234)), "2022-01-01T00:01:01Z");
        assert_eq!(minute(WallTime(1_640_995_261_234)), "2022-01-01T00:01Z");
        assert_eq!(minute(WallTime(i64::MAX)), "9223372036854720000ms");
    }
}
