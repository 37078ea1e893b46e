//! Text to exact scaled integers and back, and the one rounding division.
//!
//! Nothing here guesses: a number that is not written in exactly the accepted form is an error, and a number that does
//! not fit the scale is an error too. Floats never pass through here on the way to money.

use rust_decimal::Decimal;
use thiserror::Error;

/// Decimals of a price or a quantity.
pub const DECIMALS: u32 = 8;
/// One whole unit at [`DECIMALS`].
pub const ONE: i64 = 100_000_000;
/// Longest number text accepted; longer is refused before any parsing (fault X01).
pub const MAX_TEXT: usize = 40;

/// Why a text is not a number we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NumberError {
    /// Nothing was written.
    #[error("is empty, expected a decimal number")]
    Empty,
    /// Longer than [`MAX_TEXT`].
    #[error("is longer than {MAX_TEXT} characters")]
    TooLong,
    /// Contains something other than sign, digits, one point and an exponent.
    #[error("is not a plain decimal number")]
    NotANumber,
    /// More decimals than the scale holds.
    #[error("has more than {max} decimals")]
    TooManyDecimals {
        /// The most decimals this kind of number may have.
        max: u32,
    },
    /// Outside what the type can hold.
    #[error("is out of range")]
    OutOfRange,
    /// Zero or less where only a positive number means something.
    #[error("must be greater than zero")]
    NotPositive,
    /// Below zero where that means nothing.
    #[error("must not be negative")]
    Negative,
}

/// Parses `-12.5` or `-1.609e-05` into an integer of units of `10^-decimals`.
///
/// Accepted: an optional minus, digits, an optional point with digits, an optional `e` with a signed exponent of at most
/// two digits. Refused: everything else (fault X01, X02, X03).
///
/// # Errors
/// [`NumberError`] says what is wrong with the text.
pub fn parse_scaled(text: &str, decimals: u32) -> Result<i128, NumberError> {
    check_form(text)?;
    let value = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).map_err(|_| NumberError::OutOfRange)?
    } else {
        Decimal::from_str_exact(text).map_err(|_| NumberError::OutOfRange)?
    };
    scaled(value, decimals)
}

/// The same for a number that is already a [`Decimal`].
///
/// # Errors
/// [`NumberError::TooManyDecimals`] or [`NumberError::OutOfRange`].
pub fn scaled(value: Decimal, decimals: u32) -> Result<i128, NumberError> {
    let value = value.normalize();
    if value.scale() > decimals {
        return Err(NumberError::TooManyDecimals { max: decimals });
    }
    let factor = 10_i128.checked_pow(decimals - value.scale()).ok_or(NumberError::OutOfRange)?;
    value.mantissa().checked_mul(factor).ok_or(NumberError::OutOfRange)
}

fn check_form(text: &str) -> Result<(), NumberError> {
    if text.is_empty() {
        return Err(NumberError::Empty);
    }
    if text.len() > MAX_TEXT {
        return Err(NumberError::TooLong);
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|part| {
        let part = part.strip_prefix(['-', '+']).unwrap_or(part);
        digits(part) && part.len() <= 2
    });
    if digits(whole) && fraction.is_none_or(digits) && exponent_ok { Ok(()) } else { Err(NumberError::NotANumber) }
}

/// Converts a double that a file printed (shortest decimal) to an integer of units of `10^-8`.
///
/// The result is the decimal that the double prints as, not the double's binary value: 0.1 gives 0.1 exactly.
///
/// # Errors
/// [`NumberError`] when it is not finite, has more than 8 decimals, or does not fit.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the edge where a file's double becomes an exact decimal; the round trip is checked"
)]
pub fn from_double(value: f64) -> Result<i64, NumberError> {
    if !value.is_finite() {
        return Err(NumberError::NotANumber);
    }
    // Below 2^53 units the product rounds to the right integer, and dividing it back gives the same double exactly when
    // the double is the nearest one to that decimal.
    let product = value * 1e8;
    if product.abs() < 9_007_199_254_740_992.0 {
        let units = libm::round(product) as i64;
        if (units as f64 / 1e8).to_bits() == value.to_bits() || units == 0 && value == 0.0 {
            return Ok(units);
        }
    }
    let text = format!("{value}");
    let units = parse_scaled(&text, DECIMALS)?;
    i64::try_from(units).map_err(|_| NumberError::OutOfRange)
}

/// Prints units of `10^-decimals` without trailing zeros and never with an exponent.
#[must_use]
pub fn format_scaled(value: i128, decimals: u32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let factor = 10_u128.pow(decimals);
    let magnitude = value.unsigned_abs();
    let whole = magnitude / factor;
    let fraction = magnitude % factor;
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{fraction:0width$}", width = decimals as usize);
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// Appends exactly what [`format_scaled`] prints, without allocating: for files of many rows.
pub fn write_scaled(out: &mut Vec<u8>, value: i128, decimals: u32) {
    if value < 0 {
        out.push(b'-');
    }
    let factor = 10_u128.pow(decimals);
    let magnitude = value.unsigned_abs();
    // A wide division costs about ten narrow ones, and most numbers of a report fit 64 bits.
    let (whole, fraction) = match (u64::try_from(magnitude), u64::try_from(factor)) {
        (Ok(magnitude), Ok(factor)) => (u128::from(magnitude / factor), u128::from(magnitude % factor)),
        _ => (magnitude / factor, magnitude % factor),
    };
    write_digits(out, whole, 1);
    if fraction > 0 {
        out.push(b'.');
        write_digits(out, fraction, decimals);
        let kept = out.iter().rev().skip_while(|byte| **byte == b'0').count();
        out.truncate(kept);
    }
}

/// Appends the digits of `value`, at least `width` of them with zeros in front.
fn write_digits(out: &mut Vec<u8>, value: u128, width: u32) {
    /// 10^18: the largest part of a wide number that is sure to fit 64 bits.
    const PART: u128 = 1_000_000_000_000_000_000;
    let Ok(mut rest) = u64::try_from(value) else {
        write_digits(out, value / PART, width.saturating_sub(18));
        return write_digits(out, value % PART, 18);
    };
    let mut digits = [b'0'; 20];
    let mut left = 20;
    for slot in digits.iter_mut().rev() {
        if rest == 0 {
            break;
        }
        *slot += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        left -= 1;
    }
    let used = 20 - left;
    for _ in used..usize::try_from(width).unwrap_or(0) {
        out.push(b'0');
    }
    out.extend_from_slice(digits.get(left..).unwrap_or(&[]));
}

/// Division rounded to the nearest integer, ties to even. `divisor` must be positive.
///
/// Worked: 25 / 10 = 2, 35 / 10 = 4, -25 / 10 = -2.
#[must_use]
pub const fn div_half_even(value: i128, divisor: i128) -> i128 {
    let quotient = value.div_euclid(divisor);
    let remainder = value.rem_euclid(divisor);
    let twice = remainder.saturating_mul(2);
    if twice > divisor || twice == divisor && quotient % 2 != 0 { quotient + 1 } else { quotient }
}

/// The last rounding step of a division done in two parts: 0 or more whole steps in `rest`, ties to the even total.
#[must_use]
pub(crate) const fn div_half_even_from(quotient: i128, rest: i128, divisor: i128) -> i128 {
    let more = rest.div_euclid(divisor);
    let twice = rest.rem_euclid(divisor).saturating_mul(2);
    if twice > divisor || twice == divisor && (quotient + more) % 2 != 0 { more + 1 } else { more }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<i128, NumberError>) {
        assert_eq!(parse_scaled(text, 8), expected, "{text:?}");
    }

    #[test]
    fn x01_x02_x03_only_the_documented_forms_are_numbers() {
        check("1", Ok(100_000_000));
        check("-0.00000001", Ok(-1));
        check("1.50", Ok(150_000_000));
        check("-1.609e-05", Ok(-1_609));
        check("2E-5", Ok(2_000));
        check("0.123456789", Err(NumberError::TooManyDecimals { max: 8 }));
        check("", Err(NumberError::Empty));
        for bad in ["NaN", "inf", "+1", "0x10", "1_000", "1,5", ".5", "5.", "1e", "1e400", "--1", "１", "null", " 1"] {
            check(bad, Err(NumberError::NotANumber));
        }
        check(&"9".repeat(41), Err(NumberError::TooLong));
        check(&"9".repeat(35), Err(NumberError::OutOfRange));
    }

    #[test]
    fn doubles_become_the_decimal_they_print_as() {
        for text in ["0.1", "67357.4", "0.00000001", "92233720368.1", "1e-8", "123456789.12345678"] {
            let value: f64 = text.parse().unwrap();
            assert_eq!(
                i128::from(from_double(value).unwrap()),
                parse_scaled(&format!("{value}"), 8).unwrap(),
                "{text}"
            );
        }
        assert_eq!(from_double(f64::NAN), Err(NumberError::NotANumber));
        assert_eq!(from_double(0.123_456_789), Err(NumberError::TooManyDecimals { max: 8 }));
    }

    #[test]
    fn halves_round_to_even() {
        for (value, expected) in [(25, 2), (35, 4), (-25, -2), (-35, -4), (26, 3), (-26, -3), (24, 2)] {
            assert_eq!(div_half_even(value, 10), expected, "{value}");
        }
    }

    #[test]
    fn writing_is_printing_without_an_allocation() {
        let mut values = vec![0_i128, 1, 9, 10, 100_000_000, i128::from(u64::MAX), i128::from(u64::MAX) + 1, i128::MAX];
        values.extend((1..38).map(|power| 10_i128.pow(power)));
        values.extend((1..38).map(|power| 10_i128.pow(power) * 17 / 10 - 1));
        for value in values.iter().flat_map(|value| [*value, -*value]).chain([i128::MIN]) {
            for decimals in [0, 2, 8, 16, 18, 30, 38] {
                let mut out = b"x".to_vec();
                write_scaled(&mut out, value, decimals);
                assert_eq!(String::from_utf8(out).unwrap(), format!("x{}", format_scaled(value, decimals)));
            }
        }
    }

    #[test]
    fn printing_and_parsing_are_inverse() {
        for value in [0_i128, 1, -1, 100_000_000, -123_456_789_012, i128::from(i64::MAX)] {
            assert_eq!(parse_scaled(&format_scaled(value, 8), 8), Ok(value));
        }
    }
}
