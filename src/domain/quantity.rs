//! Quantities of coins, exact to 8 decimals: unsigned for orders and fills, signed for positions.

use super::decimal::{self, DECIMALS, NumberError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Receives coins, pays the quote coin.
    Buy,
    /// Gives coins, receives the quote coin.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `buy` or `sell`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// A quantity of coins, never negative, in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

/// A signed quantity of coins in units of 1e-8: plus is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SignedQuantity(i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From units of 1e-8.
    ///
    /// # Errors
    /// [`NumberError::Negative`] below zero.
    pub const fn from_units(units: i64) -> Result<Self, NumberError> {
        if units >= 0 { Ok(Self(units)) } else { Err(NumberError::Negative) }
    }

    /// From units of 1e-8, with everything below zero made zero.
    #[must_use]
    pub const fn saturating(units: i64) -> Self {
        if units > 0 { Self(units) } else { Self(0) }
    }

    /// Parses a decimal text.
    ///
    /// # Errors
    /// [`NumberError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let units = decimal::parse_scaled(text, DECIMALS)?;
        Self::from_units(i64::try_from(units).map_err(|_| NumberError::OutOfRange)?)
    }

    /// From a double of a file, as the decimal it prints as.
    ///
    /// # Errors
    /// [`NumberError`] when it is negative or has more than 8 decimals.
    pub fn from_double(value: f64) -> Result<Self, NumberError> {
        Self::from_units(decimal::from_double(value)?)
    }

    /// Units of 1e-8.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// For signals and charts only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "signals and charts are floats by design")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e8
    }

    /// Rounded down to a whole number of steps; a zero step leaves it as it is.
    #[must_use]
    pub const fn floor_to(self, step: Self) -> Self {
        if step.0 == 0 { self } else { Self(self.0 - self.0 % step.0) }
    }

    /// Less `other`, or zero when `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self::saturating(self.0 - other.0)
    }

    /// As a long (buy) or short (sell) signed quantity.
    #[must_use]
    pub const fn signed(self, side: Side) -> SignedQuantity {
        match side {
            Side::Buy => SignedQuantity(self.0),
            Side::Sell => SignedQuantity(-self.0),
        }
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SignedQuantity {
    /// Flat.
    pub const ZERO: Self = Self(0);

    /// From units of 1e-8.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// Units of 1e-8.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Whether it is flat.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Size without sign.
    #[must_use]
    pub const fn magnitude(self) -> Quantity {
        Quantity(self.0.saturating_abs())
    }

    /// The side that made it: buy when long, sell when short or flat.
    #[must_use]
    pub const fn side(self) -> Side {
        if self.0 > 0 { Side::Buy } else { Side::Sell }
    }

    /// For signals and charts only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "signals and charts are floats by design")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e8
    }
}

impl Add for SignedQuantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for SignedQuantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for SignedQuantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for SignedQuantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for SignedQuantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

macro_rules! decimal_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&decimal::format_scaled(i128::from(self.0), DECIMALS))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let units = decimal::parse_scaled(&text, DECIMALS)
                    .ok()
                    .and_then(|units| i64::try_from(units).ok())
                    .ok_or_else(|| serde::de::Error::custom("is not a quantity"))?;
                Ok(Self(units))
            }
        }
    };
}
decimal_text!(Quantity);
decimal_text!(SignedQuantity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a20_rounding_down_to_a_step_may_give_nothing() {
        let step = Quantity::parse("0.001").unwrap();
        assert_eq!(Quantity::parse("0.0129").unwrap().floor_to(step), Quantity::parse("0.012").unwrap());
        assert!(Quantity::parse("0.0009").unwrap().floor_to(step).is_zero());
    }

    #[test]
    fn signs_say_long_and_short() {
        let one = Quantity::parse("1").unwrap();
        assert_eq!(one.signed(Side::Sell).units(), -100_000_000);
        assert_eq!(one.signed(Side::Sell).magnitude(), one);
        assert_eq!(Quantity::parse("-1"), Err(NumberError::Negative));
    }
}
