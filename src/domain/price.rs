//! A price of one coin in the quote coin, exact to 8 decimals, always above zero.

use super::decimal::{self, DECIMALS, NumberError, ONE};
use super::money::Amount;
use super::quantity::{Quantity, Side, SignedQuantity};
use super::rate::{Bps, Rate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A price above zero in units of 1e-8 of the quote coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

impl Price {
    /// A price from units of 1e-8.
    ///
    /// # Errors
    /// [`NumberError::NotPositive`] for zero or less: there is no zero price.
    pub const fn from_units(units: i64) -> Result<Self, NumberError> {
        if units > 0 { Ok(Self(units)) } else { Err(NumberError::NotPositive) }
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
    /// [`NumberError`] when it is not a positive decimal of at most 8 places.
    pub fn from_double(value: f64) -> Result<Self, NumberError> {
        Self::from_units(decimal::from_double(value)?)
    }

    /// Units of 1e-8.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// For signals and charts only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "signals and charts are floats by design")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e8
    }

    /// The middle of a bid and an ask, rounded half to even at 1e-8. It values positions; it is never paid.
    #[must_use]
    pub const fn mid(bid: Self, ask: Self) -> Self {
        let sum = bid.0 as i128 + ask.0 as i128;
        #[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "a mean of two i64 fits an i64")]
        Self(decimal::div_half_even(sum, 2) as i64)
    }

    /// Value of a quantity at this price, exact to 16 decimals.
    #[must_use]
    pub const fn times(self, quantity: Quantity) -> Amount {
        Amount::from_units(self.0 as i128 * quantity.units() as i128)
    }

    /// Signed value of a signed quantity at this price, exact.
    #[must_use]
    pub const fn times_signed(self, quantity: SignedQuantity) -> Amount {
        Amount::from_units(self.0 as i128 * quantity.units() as i128)
    }

    /// This price moved by `by` against the taker: up for a buy, down for a sell; rounded to the tick away from the mid
    /// (a buy's limit up, a sell's limit down), never below one tick.
    #[must_use]
    pub fn worse_by(self, by: Bps, side: Side, tick: Self) -> Self {
        let shift = decimal::div_half_even(i128::from(self.0) * i128::from(by.units()), Bps::ONE * 10_000);
        let raw = match side {
            Side::Buy => i128::from(self.0) + shift,
            Side::Sell => i128::from(self.0) - shift,
        };
        Self::to_tick(raw, tick, side)
    }

    /// The nearest price on the tick grid that a buyer (up) or seller (down) accepts.
    #[must_use]
    pub fn on_tick(self, tick: Self, side: Side) -> Self {
        Self::to_tick(i128::from(self.0), tick, side)
    }

    fn to_tick(raw: i128, tick: Self, side: Side) -> Self {
        let tick_units = i128::from(tick.0);
        let ticks = match side {
            Side::Buy => (raw + tick_units - 1).div_euclid(tick_units),
            Side::Sell => raw.div_euclid(tick_units),
        };
        let units = ticks.max(1).saturating_mul(tick_units);
        Self(i64::try_from(units).unwrap_or(i64::MAX))
    }

    /// `self / other - 1` as a rate, rounded half to even at 1e-18; saturates at the ends of [`Rate`].
    #[must_use]
    pub fn premium_over(self, other: Self) -> Rate {
        let difference = i128::from(self.0) - i128::from(other.0);
        let scaled = difference.saturating_mul(i128::from(Rate::ONE));
        let units = decimal::div_half_even(scaled, i128::from(other.0));
        Rate::from_units(i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX }))
    }

    /// How far this lies from `other`, as a fraction of `other` in basis points (never negative), rounded up.
    #[must_use]
    pub fn distance_bps(self, other: Self) -> Bps {
        let difference = (i128::from(self.0) - i128::from(other.0)).abs();
        let bps = difference * 10_000 * Bps::ONE / i128::from(other.0) + 1;
        Bps::from_units(i64::try_from(bps).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::format_scaled(i128::from(self.0), DECIMALS))
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// One whole quote coin.
pub const PRICE_ONE: i64 = ONE;

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn there_is_no_zero_price() {
        assert_eq!(Price::parse("0"), Err(NumberError::NotPositive));
        assert_eq!(Price::parse("-1"), Err(NumberError::NotPositive));
    }

    #[test]
    fn value_is_exact_to_sixteen_decimals() {
        let value = price("0.00000001").times(Quantity::parse("0.00000001").unwrap());
        assert_eq!(value.to_string(), "0.0000000000000001");
    }

    #[test]
    fn a_limit_is_rounded_outward_to_the_tick() {
        assert_eq!(price("100.05").worse_by(Bps::whole(10), Side::Buy, price("0.1")), price("100.2"));
        assert_eq!(price("100.05").worse_by(Bps::whole(10), Side::Sell, price("0.1")), price("99.9"));
        assert_eq!(price("0.1").worse_by(Bps::whole(9999), Side::Sell, price("0.1")), price("0.1"));
    }

    #[test]
    fn premium_is_relative_to_the_other_price() {
        assert_eq!(price("100.1").premium_over(price("100")), Rate::parse("0.001").unwrap());
        assert_eq!(price("99").distance_bps(price("100")).units(), 100 * 10_000 + 1);
    }
}
