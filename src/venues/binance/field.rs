//! One JSON value as sent, and what it can be read as. Venues of this family print the same field as a number here and
//! as a text there, or as one object here and as a list there; both are read alike.
//!
//! Absent, `null` and a value of another kind are told apart and never become zero. It knows no message.
//! Tests: at the end, and with the answers and pushes that are read through it.

use super::decode::wall_time;
use super::message::DecodeError;
use crate::domain::{
    Amount, Asset, NumberError, Price, Quantity, Rate, Side, SignedQuantity, Symbol, WallTime, decimal,
};
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value that was sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Value<'a> {
    #[default]
    Absent,
    Null,
    /// A text, or a number that is not a whole one of 64 bits, as its digits.
    Text(Cow<'a, str>),
    Whole(i64),
    Flag(bool),
    /// An object or a list where a plain value was expected.
    Nested,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(|value: Value<'de>| value)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }
    fn visit_i64<E>(self, whole: i64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(whole))
    }
    fn visit_u64<E>(self, whole: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(whole).map_or_else(|_| Value::Text(whole.to_string().into()), Value::Whole))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        // The shortest text that reads back to the same double, which is what the venue printed.
        Ok(Value::Text(number.to_string().into()))
    }
    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }
}

type Read<T> = Result<T, DecodeError>;

impl Value<'_> {
    /// Whether nothing was said: absent, `null`, or an empty text.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Absent | Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::Whole(_) | Self::Flag(_) | Self::Nested => false,
        }
    }

    /// The first of both that says something.
    pub(super) fn or<'s>(&'s self, other: &'s Self) -> &'s Self {
        if self.is_empty() { other } else { self }
    }

    /// A text as it stands, or the digits of a number.
    pub(super) fn text(&self, field: &'static str) -> Read<Cow<'_, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Ok(Cow::Borrowed(text)),
            Self::Whole(whole) => Ok(Cow::Owned(whole.to_string())),
            _ => Err(DecodeError::WrongType { field, expected: "a text" }),
        }
    }

    /// The text alone, for words that are compared.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    fn number<T>(&self, field: &'static str, parse: impl Fn(&str) -> Result<T, NumberError>) -> Read<T> {
        let parsed = match self {
            Self::Text(text) if !text.is_empty() => parse(text),
            Self::Whole(whole) => parse(&whole.to_string()),
            _ => return Err(DecodeError::WrongType { field, expected: "a decimal" }),
        };
        parsed.map_err(|cause| DecodeError::BadNumber { field, cause })
    }

    pub(super) fn symbol(&self, field: &'static str) -> Read<Symbol> {
        match self {
            Self::Text(text) => Symbol::new(text).map_err(|_| DecodeError::BadSymbol { field }),
            _ => Err(DecodeError::WrongType { field, expected: "a symbol" }),
        }
    }

    pub(super) fn asset(&self, field: &'static str) -> Read<Asset> {
        match self {
            Self::Text(text) => Asset::new(text).map_err(|_| DecodeError::BadSymbol { field }),
            _ => Err(DecodeError::WrongType { field, expected: "an asset" }),
        }
    }

    pub(super) fn price(&self, field: &'static str) -> Read<Price> {
        match self.plain().and_then(|units| Price::from_units(units).ok()) {
            Some(price) => Ok(price),
            None => self.number(field, Price::parse),
        }
    }

    /// The same, with a sign.
    fn plain_signed(&self) -> Option<i64> {
        let Self::Text(text) = self else { return None };
        match text.strip_prefix('-') {
            Some(size) => plain(size).map(|units| -units),
            None => plain(text),
        }
    }

    /// Units of 1e-8 of a short plain decimal, which nearly all are; the exact parsers judge the rest.
    fn plain(&self) -> Option<i64> {
        if let Self::Text(text) = self { plain(text) } else { None }
    }

    /// A price that the venue computed and prints with more digits than it trades in: to the nearest 1e-8. `None` for
    /// nothing and for zero, which is how the venue writes that there is none.
    pub(super) fn computed_price(&self, field: &'static str) -> Read<Option<Price>> {
        if self.is_empty() {
            return Ok(None);
        }
        let units = match self.plain() {
            Some(units) => units,
            None => self.number(field, rounded)?,
        };
        match units {
            0 => Ok(None),
            units => Price::from_units(units).map(Some).map_err(|cause| DecodeError::BadNumber { field, cause }),
        }
    }

    /// A limit price: market orders print zero.
    pub(super) fn limit(&self, field: &'static str) -> Read<Option<Price>> {
        if self.is_empty() {
            return Ok(None);
        }
        match self.plain() {
            Some(0) => return Ok(None),
            Some(_) => return self.price(field).map(Some),
            None => {}
        }
        match self.number(field, |text| decimal::parse_scaled(text, 8))? {
            0 => Ok(None),
            _ => self.price(field).map(Some),
        }
    }

    pub(super) fn quantity(&self, field: &'static str) -> Read<Quantity> {
        match self.plain().and_then(|units| Quantity::from_units(units).ok()) {
            Some(quantity) => Ok(quantity),
            None => self.number(field, Quantity::parse),
        }
    }

    /// A bound: larger than we can hold means no bound that could bind.
    pub(super) fn quantity_bound(&self, field: &'static str) -> Read<Quantity> {
        match self.quantity(field) {
            Err(DecodeError::BadNumber { cause: NumberError::OutOfRange, .. }) => Ok(Quantity::saturating(i64::MAX)),
            read => read,
        }
    }

    pub(super) fn signed(&self, field: &'static str) -> Read<SignedQuantity> {
        if let Some(units) = self.plain_signed() {
            return Ok(SignedQuantity::from_units(units));
        }
        let units = self.number(field, |text| decimal::parse_scaled(text, 8))?;
        let wrong = DecodeError::BadNumber { field, cause: NumberError::OutOfRange };
        i64::try_from(units).map(SignedQuantity::from_units).map_err(|_| wrong)
    }

    pub(super) fn amount(&self, field: &'static str) -> Read<Amount> {
        match self.plain_signed() {
            // An amount holds 16 decimals.
            Some(units) => Ok(Amount::from_units(i128::from(units) * 100_000_000)),
            None => self.number(field, Amount::parse),
        }
    }

    pub(super) fn rate(&self, field: &'static str) -> Read<Rate> {
        self.number(field, Rate::parse)
    }

    pub(super) fn id(&self, field: &'static str) -> Read<u64> {
        let wrong = DecodeError::WrongType { field, expected: "a whole number not below zero" };
        match self {
            Self::Whole(whole) => u64::try_from(*whole).map_err(|_| wrong),
            Self::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    pub(super) fn whole(&self, field: &'static str) -> Read<i64> {
        let wrong = DecodeError::WrongType { field, expected: "a whole number" };
        match self {
            Self::Whole(whole) => Ok(*whole),
            Self::Text(text) => text.parse().map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    pub(super) fn time(&self, field: &'static str) -> Read<WallTime> {
        let value = self.whole(field)?;
        wall_time(value).ok_or(DecodeError::BadTime { field, value })
    }

    /// A time, where zero and nothing say that there is none.
    pub(super) fn optional_time(&self, field: &'static str) -> Read<Option<WallTime>> {
        if self.is_empty() || self.whole(field)? == 0 { Ok(None) } else { self.time(field).map(Some) }
    }

    /// `true`, `"true"` and their opposites; `None` when nothing was said.
    pub(super) fn flag(&self, field: &'static str) -> Read<Option<bool>> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Flag(flag) => Ok(Some(*flag)),
            Self::Text(text) if text == "true" => Ok(Some(true)),
            Self::Text(text) if text == "false" => Ok(Some(false)),
            _ => Err(DecodeError::WrongType { field, expected: "true or false" }),
        }
    }

    pub(super) fn side(&self, field: &'static str) -> Read<Side> {
        match self.word() {
            "BUY" => Ok(Side::Buy),
            "SELL" => Ok(Side::Sell),
            _ => Err(DecodeError::WrongType { field, expected: "BUY or SELL" }),
        }
    }
}

/// Units of 1e-8 of digits with at most one point between them.
fn plain(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (value, whole) = digits(0, bytes)?;
    let Some((point, rest)) = bytes.get(whole..)?.split_first() else {
        return (whole > 0 && whole <= 10).then(|| value.wrapping_mul(100_000_000));
    };
    let (value, decimals) = digits(value, rest)?;
    if *point != b'.' || decimals != rest.len() || whole == 0 || whole > 10 || decimals == 0 {
        return None;
    }
    // At most eighteen digits in all: nothing overflows.
    Some(value.wrapping_mul(*TENS.get(8_usize.checked_sub(decimals)?)?))
}

/// Powers of ten that lift decimals to units of 1e-8.
const TENS: [i64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Goes on reading a number, up to the first byte that is no digit: the number, and how many digits; at most ten.
#[inline]
fn digits(mut value: i64, bytes: &[u8]) -> Option<(i64, usize)> {
    let mut count = 0;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        count += 1;
    }
    (count <= 10).then_some((value, count))
}

/// Units of 1e-8, rounded half to even.
fn rounded(text: &str) -> Result<i64, NumberError> {
    if let Ok(units) = decimal::parse_scaled(text, 8) {
        return i64::try_from(units).map_err(|_| NumberError::OutOfRange);
    }
    // Only text of the accepted form that has too many decimals goes on.
    match decimal::parse_scaled(text, 28) {
        Ok(_) | Err(NumberError::OutOfRange) => {}
        Err(cause) => return Err(cause),
    }
    let value = Decimal::from_str_exact(text).map_err(|_| NumberError::OutOfRange)?;
    let units = decimal::scaled(value.round_dp(8), 8)?;
    i64::try_from(units).map_err(|_| NumberError::OutOfRange)
}

/// Reads JSON into a type that names its fields; foreign text never reaches the error.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Read<T> {
    let wrong = |error: &serde_json::Error| DecodeError::NotJson { line: error.line(), column: error.column() };
    serde_json::from_str(text).map_err(|error| wrong(&error))
}

/// Reads one object, or a list of them.
pub(super) fn parse_rows<'a, T: Deserialize<'a>>(text: &'a str) -> Read<Vec<T>> {
    if text.trim_start().starts_with('{') { parse(text).map(|row| vec![row]) } else { parse(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x03_a_number_reads_the_same_from_a_text_and_from_a_number() {
        let rate = |json: &str| parse::<Value>(json).unwrap().rate("r");
        assert_eq!(rate("\"0.0065\""), rate("0.0065"));
        assert_eq!(rate("1"), rate("\"1\""));
        assert_eq!(rate("-0.02"), Rate::parse("-0.02").map_err(|_| unreachable!()));
        for nothing in ["null", "\"\"", "[]", "{\"a\":1}", "true"] {
            assert!(matches!(rate(nothing), Err(DecodeError::WrongType { field: "r", .. })), "{nothing}");
        }
        assert!(matches!(rate("\"NaN\""), Err(DecodeError::BadNumber { .. })));
    }

    #[test]
    fn x01_x03_the_short_way_reads_what_the_exact_parsers_read() {
        let texts = ["0", "1", "0.1", "25.36000000", "0.00000001", "9999999999", "9999999999.99999999", "00.5", "007"];
        let odd = [
            "",
            ".",
            "1.",
            ".5",
            "1.2.3",
            "1,5",
            "+1",
            "-1",
            "-0",
            "1e3",
            "0.000000001",
            "99999999999",
            " 1",
            "\u{ff11}",
        ];
        for text in texts.into_iter().chain(odd) {
            let value = Value::Text(text.into());
            assert_eq!(value.price("f").ok(), Price::parse(text).ok(), "{text}");
            assert_eq!(value.quantity("f").ok(), Quantity::parse(text).ok(), "{text}");
            assert_eq!(value.amount("f").ok(), Amount::parse(text).ok(), "{text}");
            let units = |text: &str| decimal::parse_scaled(text, 8).ok().and_then(|units| i64::try_from(units).ok());
            assert_eq!(value.signed("f").ok(), units(text).map(SignedQuantity::from_units), "{text}");
            assert_eq!(value.computed_price("f").ok().flatten(), Price::parse(text).ok(), "{text}");
            let below = format!("-{text}");
            let value = Value::Text(below.as_str().into());
            assert_eq!(value.amount("f").ok(), Amount::parse(&below).ok(), "{below}");
            assert_eq!(value.signed("f").ok(), units(&below).map(SignedQuantity::from_units), "{below}");
        }
    }

    #[test]
    fn a_computed_price_is_rounded_and_zero_means_none() {
        let price = |json: &str| parse::<Value>(json).unwrap().computed_price("p");
        assert_eq!(price("\"2.2991948051948\""), Ok(Price::parse("2.29919481").ok()));
        assert_eq!(price("\"0.00000\""), Ok(None));
        assert_eq!(price("\"\""), Ok(None));
        assert_eq!(price("6679.50671178"), Ok(Price::parse("6679.50671178").ok()));
        for wrong in ["\"-1\"", "\"1e\"", "\"x\"", "\"99999999999999999999999999999999\"", "[]"] {
            assert!(price(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn b17_times_in_another_unit_are_refused() {
        let time = |json: &str| parse::<Value>(json).unwrap().optional_time("t");
        assert_eq!(time("0"), Ok(None));
        assert_eq!(time("\"1700000000000\""), Ok(Some(WallTime(1_700_000_000_000))));
        assert!(time("1700000000").is_err());
        assert!(time("1700000000000000").is_err());
    }
}
