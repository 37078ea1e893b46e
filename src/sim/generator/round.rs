//! Where the model's doubles become exact numbers: one constructor a type, and nothing else rounds.
//!
//! Rates have theirs in `Rate::from_f64`. Not a number and everything below the least unit become the least unit, so a
//! price is always above zero. Tests stand at the end.

use crate::domain::{Price, Quantity};

/// The least price there is, 1e-8.
pub(super) const LEAST: Price = match Price::from_units(1) {
    Ok(price) => price,
    Err(_) => panic!("one unit is above zero"),
};

/// A price of so many units of 1e-8; the least price for zero and less.
pub(super) const fn price_units(units: i64) -> Price {
    match Price::from_units(units) {
        Ok(price) => price,
        Err(_) => LEAST,
    }
}

/// The nearest price at 1e-8.
pub(super) fn price(value: f64) -> Price {
    price_units(units(value))
}

/// The nearest quantity at 1e-8, at least one unit.
pub(super) fn quantity(value: f64) -> Quantity {
    Quantity::saturating(units(value).max(1))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the one rounding; a float cast saturates and makes no number zero"
)]
fn units(value: f64) -> i64 {
    libm::round(value * 1e8) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x02_nothing_odd_becomes_a_price() {
        for odd in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 1e-300] {
            assert_eq!(price(odd), LEAST, "{odd}");
            assert_eq!(quantity(odd).units(), 1, "{odd}");
        }
        assert_eq!(price(f64::INFINITY).units(), i64::MAX);
        assert_eq!(price(0.1).to_string(), "0.1");
    }
}
