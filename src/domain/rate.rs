//! Fractions: rates (0.0001 is 0.01 %) exact to 18 decimals, and basis points.

use super::decimal::{self, NumberError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Neg, Sub};

/// A plain fraction in units of 1e-18: 0.0001 is 0.01 %. Without an interval it cannot be compared with funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(i64);

impl Rate {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// Units in 1 (100 %).
    pub const ONE: i64 = 1_000_000_000_000_000_000;
    /// Decimals held.
    pub const DECIMALS: u32 = 18;

    /// From units of 1e-18.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// Units of 1e-18.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Parses a plain fraction; an exponent is accepted (`1e-05`). Outside +-9.2 is out of range.
    ///
    /// # Errors
    /// [`NumberError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let units = decimal::parse_scaled(text, Self::DECIMALS)?;
        i64::try_from(units).map(Self).map_err(|_| NumberError::OutOfRange)
    }

    /// For statistics and charts only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "statistics are floats by design")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e18
    }

    /// A signal back to a rate: rounded half away from zero at 1e-18, saturating; not a number is `None`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::float_arithmetic, reason = "the one rounding of a signal")]
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self(libm::round(value * 1e18) as i64))
    }

    /// Limited to `[low, high]`.
    #[must_use]
    pub fn clamp_to(self, low: Self, high: Self) -> Self {
        Self(self.0.max(low.0).min(high.0.max(low.0)))
    }

    /// Divided by a small whole number, half to even.
    #[must_use]
    pub fn over(self, divisor: i64) -> Self {
        let units = decimal::div_half_even(i128::from(self.0), i128::from(divisor.max(1)));
        Self(i64::try_from(units).unwrap_or(self.0))
    }

    /// So many parts of `whole`: multiplied, then divided half to even, so that nothing is lost where it divides; saturating.
    #[must_use]
    pub fn part(self, parts: i64, whole: i64) -> Self {
        let units = decimal::div_half_even(i128::from(self.0) * i128::from(parts), i128::from(whole.max(1)));
        Self(i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Multiplied by a small whole number, saturating.
    #[must_use]
    pub const fn times(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Add for Rate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl Sub for Rate {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
impl Neg for Rate {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::format_scaled(i128::from(self.0), Self::DECIMALS))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Basis points (1e-4) in units of 1e-4 of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bps(i64);

impl Bps {
    /// Units in one basis point.
    pub const ONE: i128 = 10_000;
    /// No points.
    pub const ZERO: Self = Self(0);

    /// From units of 1e-4 of a point.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// Units of 1e-4 of a point.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// So many whole basis points.
    #[must_use]
    pub const fn whole(points: i64) -> Self {
        Self(points * 10_000)
    }

    /// As a plain fraction.
    #[must_use]
    pub const fn to_rate(self) -> Rate {
        Rate(self.0.saturating_mul(10_000_000_000))
    }

    /// For signals only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "signals are floats by design")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e8
    }
}

impl fmt::Display for Bps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}bps", decimal::format_scaled(i128::from(self.0), 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_plain_fractions() {
        assert_eq!(Rate::parse("0.0001").unwrap().units(), 100_000_000_000_000);
        assert_eq!(Rate::parse("4.7772405593e-06").unwrap(), Rate::parse("0.0000047772405593").unwrap());
        assert_eq!(Rate::parse("10"), Err(NumberError::OutOfRange));
        assert_eq!(Bps::whole(5).to_rate(), Rate::parse("0.0005").unwrap());
        assert_eq!(Bps::whole(5).to_string(), "5bps");
    }
}
