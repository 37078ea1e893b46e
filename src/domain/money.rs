//! Amounts of one asset, exact to 16 decimals, and money: an amount with its asset.
//!
//! A price and a quantity have 8 decimals each, so their product is exact here. What a venue rounds (fees, funding, net
//! quantities, realised profit) goes through [`Amount::to_ledger_unit`] once; nothing else rounds.

use super::decimal::{self, DECIMALS, NumberError};
use super::quantity::SignedQuantity;
use super::rate::Rate;
use super::text::Asset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Write as _};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Decimals of an amount.
pub const AMOUNT_DECIMALS: u32 = 16;
/// Units of an amount in one ledger unit (1e-8).
const LEDGER_UNIT: i128 = 100_000_000;

/// An amount of one asset in units of 1e-16. Plus is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From units of 1e-16.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// Units of 1e-16.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// So many whole units of the asset.
    #[must_use]
    pub const fn whole(count: i64) -> Self {
        Self(count as i128 * LEDGER_UNIT * LEDGER_UNIT)
    }

    /// Parses a decimal text of at most 16 decimals.
    ///
    /// # Errors
    /// [`NumberError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        decimal::parse_scaled(text, AMOUNT_DECIMALS).map(Self)
    }

    /// A quantity of a coin as an amount of it.
    #[must_use]
    pub const fn of_coins(quantity: SignedQuantity) -> Self {
        Self(quantity.units() as i128 * LEDGER_UNIT)
    }

    /// Rounded half to even to 1e-8, as venues book fees, funding and realised profit.
    #[must_use]
    pub const fn to_ledger_unit(self) -> Self {
        Self(decimal::div_half_even(self.0, LEDGER_UNIT) * LEDGER_UNIT)
    }

    /// Rounded down (towards minus infinity) to 1e-8.
    #[must_use]
    pub const fn floor_to_ledger_unit(self) -> Self {
        Self(self.0.div_euclid(LEDGER_UNIT) * LEDGER_UNIT)
    }

    /// The amount as a quantity of coins, rounded half to even to 1e-8.
    #[must_use]
    pub fn to_coins(self) -> SignedQuantity {
        let units = decimal::div_half_even(self.0, LEDGER_UNIT);
        SignedQuantity::from_units(i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX }))
    }

    /// This amount times a rate, rounded once, half to even, to 1e-8.
    ///
    /// Worked: 1,000 USDT at 0.01 % gives 0.1 USDT; 0.00012345 at 0.05 % gives 0.00000006.
    #[must_use]
    pub const fn times_rate(self, rate: Rate) -> Self {
        if let Some(product) = self.0.checked_mul(rate.units() as i128) {
            return Self(decimal::div_half_even(product, Rate::ONE as i128 * LEDGER_UNIT) * LEDGER_UNIT);
        }
        self.times_rate_wide(rate)
    }

    /// The same where the plain product does not fit.
    const fn times_rate_wide(self, rate: Rate) -> Self {
        // Split so that the product of a large notional and a long rate cannot overflow: units = high * 1e8 + low.
        let high = self.0.div_euclid(LEDGER_UNIT) * rate.units() as i128;
        let low = self.0.rem_euclid(LEDGER_UNIT) * rate.units() as i128;
        // `high` counts 1e-26 of the asset and `low` 1e-34; the ledger unit is 1e-8.
        let step = Rate::ONE as i128;
        let quotient = high.div_euclid(step);
        let rest = high.rem_euclid(step) * LEDGER_UNIT + low;
        Self((quotient + decimal::div_half_even_from(quotient, rest, step * LEDGER_UNIT)) * LEDGER_UNIT)
    }

    /// `self * numerator / denominator`, rounded half to even to 1e-8; for shares of a position's cost.
    ///
    /// A zero denominator gives nothing.
    #[must_use]
    pub const fn share(self, numerator: i64, denominator: i64) -> Self {
        if denominator == 0 {
            return Self(0);
        }
        let denominator_wide = denominator.unsigned_abs() as i128;
        let numerator_wide = if denominator < 0 { -(numerator as i128) } else { numerator as i128 };
        let whole = self.0.div_euclid(denominator_wide);
        let rest = self.0.rem_euclid(denominator_wide);
        let units = whole * numerator_wide + (rest * numerator_wide).div_euclid(denominator_wide);
        Self(units).to_ledger_unit()
    }

    /// For charts and ratios only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "charts and ratios are floats by design")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e16
    }

    /// The larger of two amounts.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.0 >= other.0 { self } else { other }
    }

    /// The smaller of two amounts.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.0 <= other.0 { self } else { other }
    }

    /// Without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}
impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}
impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}
impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::format_scaled(self.0, AMOUNT_DECIMALS))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_long(&text).ok_or_else(|| serde::de::Error::custom("is not an amount"))
    }
}

/// Our own printed amounts may be longer than venue numbers may be.
fn parse_long(text: &str) -> Option<Amount> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.len() > 16 || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let fraction: i128 = format!("{fraction:0<16}").parse().ok()?;
    let units = whole.checked_mul(LEDGER_UNIT * LEDGER_UNIT)?.checked_add(fraction)?;
    Some(Amount(sign * units))
}

/// Display helper: fixed number of decimals, rounded half to even, with thousands separators.
#[must_use]
pub fn grouped(amount: Amount, decimals: u32) -> String {
    let units = decimal::div_half_even(amount.units(), 10_i128.pow(AMOUNT_DECIMALS - decimals.min(AMOUNT_DECIMALS)));
    let factor = 10_u128.pow(decimals);
    let whole = (units.unsigned_abs() / factor).to_string();
    let fraction = units.unsigned_abs() % factor;
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if decimals > 0 {
        let _ = write!(out, ".{fraction:0width$}", width = decimals as usize);
    }
    if units < 0 { format!("-{out}") } else { out }
}

/// An amount and the asset it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.asset)
    }
}

/// Quantities are printed with this many decimals at most.
pub const COIN_DECIMALS: u32 = DECIMALS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_an_amount_is_rounded_once_to_the_ledger_unit() {
        let check = |amount: &str, rate: &str, expected: &str| {
            let product = Amount::parse(amount).unwrap().times_rate(Rate::parse(rate).unwrap());
            assert_eq!(product, Amount::parse(expected).unwrap(), "{amount} x {rate}");
        };
        check("1000", "0.0001", "0.1");
        check("0.00012345", "0.0005", "0.00000006");
        check("0.00000001", "0.5", "0");
        check("0.00000003", "0.5", "0.00000002");
        check("-0.00000003", "0.5", "-0.00000002");
        check("-1000", "0.0001", "-0.1");
        check("1000000000000", "0.03", "30000000000");
        check("12345.6789", "-0.0000057619096205", "-0.07113469");
    }

    proptest::proptest! {
        #[test]
        fn both_ways_of_taking_a_rate_agree(
            high in -(1_i128 << 70)..(1_i128 << 70),
            ties in proptest::prelude::any::<bool>(),
            rate in proptest::prelude::any::<i64>(),
        ) {
            // Halves of a ledger unit come up only when they are made on purpose.
            let (amount, rate) = if ties { (high % 1_000_000_007 * LEDGER_UNIT, Rate::ONE / 2) } else { (high, rate) };
            let (amount, rate) = (Amount(amount), Rate::from_units(rate));
            proptest::prop_assert_eq!(amount.times_rate(rate), amount.times_rate_wide(rate));
        }
    }

    #[test]
    fn shares_add_up_with_what_remains() {
        let cost = Amount::parse("100.00000001").unwrap();
        assert_eq!(cost.share(1, 3), Amount::parse("33.33333334").unwrap());
        assert_eq!(cost.share(3, 3), cost);
        assert_eq!((-cost).share(1, 3), Amount::parse("-33.33333334").unwrap());
    }

    #[test]
    fn amounts_print_and_parse_back() {
        for text in ["0", "1.5", "-0.0000000000000001", "123456789012345678"] {
            assert_eq!(parse_long(text).unwrap().to_string(), text);
        }
        assert_eq!(grouped(Amount::parse("-1234567.125").unwrap(), 2), "-1,234,567.12");
    }
}
