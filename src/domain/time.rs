//! Wall time in UTC milliseconds, and spans of time in milliseconds.
//!
//! Two types: a time is a point, a span is a length, and only the sums that mean something exist. This module never
//! reads a clock; `net/machine_clock.rs` does.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// UTC milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct WallTime(pub i64);

/// A length of time in milliseconds; may be negative as a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// One minute.
    pub const MINUTE: Self = Self(60_000);
    /// One hour.
    pub const HOUR: Self = Self(3_600_000);
    /// One day of 24 hours.
    pub const DAY: Self = Self(86_400_000);

    /// So many seconds.
    #[must_use]
    pub const fn seconds(count: i64) -> Self {
        Self(count * 1_000)
    }

    /// So many hours.
    #[must_use]
    pub const fn hours(count: i64) -> Self {
        Self(count * 3_600_000)
    }

    /// Milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }
}

impl WallTime {
    /// The start of the period of length `span` (aligned to 1970) in which this time lies.
    #[must_use]
    pub const fn floor(self, span: Span) -> Self {
        Self(self.0 - self.0.rem_euclid(span.0))
    }

    /// How long after `earlier` this is.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl Add<Span> for WallTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for WallTime {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        match ms {
            _ if ms != 0 && ms % 86_400_000 == 0 => write!(f, "{}d", ms / 86_400_000),
            _ if ms != 0 && ms % 3_600_000 == 0 => write!(f, "{}h", ms / 3_600_000),
            _ if ms != 0 && ms % 60_000 == 0 => write!(f, "{}m", ms / 60_000),
            _ if ms % 1_000 == 0 => write!(f, "{}s", ms / 1_000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g11_times_are_utc_integers() {
        assert_eq!(WallTime(1_640_995_200_000).to_string(), "2022-01-01T00:00:00Z");
        assert_eq!(WallTime(1_640_995_261_234).floor(Span::MINUTE), WallTime(1_640_995_260_000));
        assert_eq!(WallTime(-1).floor(Span::HOUR), WallTime(-3_600_000));
        assert_eq!(Span::hours(8).to_string(), "8h");
    }
}
