//! Objects of plain values, read in one pass without a general parser: what orders and balances are pushed as.
//!
//! It gives exactly the values that the general parser would give, or nothing, and then the general parser decides: on white
//! space, escapes, fractions without quotes, a field sent twice, and anything nested that its reader does not know. It never
//! refuses a message by itself. Tests: at the end, and `pushed_tests.rs` (any mutation gives the same result).

#![expect(clippy::inline_always, reason = "each is a step of one loop; as calls they took a third longer")]

use super::field::Value;
use std::borrow::Cow;

/// An object whose fields are plain values.
pub(super) trait Flat<'a>: Default {
    /// The place of a field; `None` for one that is skipped.
    fn slot(&mut self, key: &str) -> Option<&mut Value<'a>>;
}

/// A place in the text.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of a message in which nothing is escaped and nothing is laid out in lines.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        // Without an early end, so that the compiler looks at many bytes at once.
        let odd = text.bytes().fold(0_u8, |odd, byte| odd | u8::from(byte < 0x20) | u8::from(byte == b'\\'));
        (odd == 0).then_some(Self { text, at: 0 })
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Goes past a text that must stand here.
    #[inline(always)]
    pub(super) fn skip(&mut self, literal: &[u8]) -> Option<()> {
        self.rest().starts_with(literal).then(|| self.at += literal.len())
    }

    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Text up to its closing quote, from after the opening one.
    #[inline(always)]
    fn quoted(&mut self) -> Option<&'a str> {
        let length = to_quote(self.rest())?;
        let end = self.at + length;
        let text = self.text.get(self.at..end)?;
        self.at = end + 1;
        Some(text)
    }

    /// A key, from its opening quote to its colon.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Option<&'a str> {
        // Most are one letter.
        if let Some([b'"', letter, b'"', b':']) = self.rest().first_chunk::<4>()
            && *letter != b'"'
        {
            let key = self.text.get(self.at + 1..self.at + 2)?;
            self.at += 4;
            return Some(key);
        }
        self.skip(b"\"")?;
        let key = self.quoted()?;
        self.skip(b":")?;
        Some(key)
    }

    /// A whole number of at most 18 digits in JSON's form.
    #[inline(always)]
    fn whole(&mut self) -> Option<i64> {
        let negative = self.rest().first() == Some(&b'-');
        let digits = self.text.as_bytes().get(self.at + usize::from(negative)..)?;
        let (mut value, mut count) = (0_i64, 0_usize);
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            count += 1;
        }
        let zero_first = digits.first() == Some(&b'0');
        if count == 0 || count > 18 || zero_first && (count > 1 || negative) {
            return None;
        }
        self.at += count + usize::from(negative);
        // A point or an exponent after it makes it another number.
        matches!(digits.get(count), Some(b',' | b'}')).then_some(if negative { -value } else { value })
    }

    /// A plain value.
    #[inline(always)]
    pub(super) fn value(&mut self) -> Option<Value<'a>> {
        Some(match self.rest().first()? {
            b'"' => {
                self.at += 1;
                Value::Text(Cow::Borrowed(self.quoted()?))
            }
            b't' => self.skip(b"true").map(|()| Value::Flag(true))?,
            b'f' => self.skip(b"false").map(|()| Value::Flag(false))?,
            b'n' => self.skip(b"null").map(|()| Value::Null)?,
            _ => Value::Whole(self.whole()?),
        })
    }

    /// Goes past a plain value that nobody reads.
    #[inline(always)]
    pub(super) fn pass(&mut self) -> Option<()> {
        if self.rest().first()? == &b'"' {
            self.at += 1;
            self.at += to_quote(self.rest())? + 1;
            return Some(());
        }
        self.value().map(drop)
    }

    /// Whether a further field follows: past the comma, or past the closing brace.
    #[inline(always)]
    pub(super) fn more(&mut self) -> Option<bool> {
        match self.byte()? {
            b',' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// An object of plain values.
    pub(super) fn object<T: Flat<'a>>(&mut self) -> Option<T> {
        self.skip(b"{")?;
        let mut read = T::default();
        loop {
            let key = self.key()?;
            match read.slot(key) {
                Some(slot) => put(slot, self.value()?)?,
                None => self.pass()?,
            }
            if !self.more()? {
                return Some(read);
            }
        }
    }

    /// A list of such objects.
    pub(super) fn objects<T: Flat<'a>>(&mut self) -> Option<Vec<T>> {
        self.skip(b"[")?;
        let mut all = Vec::new();
        if self.skip(b"]").is_some() {
            return Some(all);
        }
        loop {
            all.push(self.object()?);
            match self.byte()? {
                b',' => {}
                b']' => return Some(all),
                _ => return None,
            }
        }
    }

    /// Whether nothing follows.
    pub(super) fn ends(&self) -> Option<()> {
        self.rest().is_empty().then_some(())
    }
}

/// Bytes before the next quote, eight at a time.
#[inline(always)]
fn to_quote(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    let mut rest = bytes;
    let mut before = 0;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        // A byte that is a quote becomes zero; the lowest zero byte is found exactly.
        let other = u64::from_le_bytes(*eight) ^ QUOTES;
        let zeros = other.wrapping_sub(LOW) & !other & HIGH;
        if zeros != 0 {
            return Some(before + usize::try_from(zeros.trailing_zeros() / 8).ok()?);
        }
        (rest, before) = (more, before + 8);
    }
    rest.iter().position(|byte| *byte == b'"').map(|last| before + last)
}

/// Puts a value into its place; a field that was there before is for the general parser to refuse.
#[inline(always)]
pub(super) fn put<'a>(slot: &mut Value<'a>, value: Value<'a>) -> Option<()> {
    if !matches!(slot, Value::Absent) {
        return None;
    }
    *slot = value;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::account_wire::sent;
    use super::super::field::parse;
    use super::*;
    use serde::Deserialize;

    sent!(Two { a "a", b "b", });

    fn flat(text: &str) -> Option<(Value<'_>, Value<'_>)> {
        let mut cursor = Cursor::new(text)?;
        let two: Two<'_> = cursor.object()?;
        cursor.ends()?;
        Some((two.a, two.b))
    }

    #[test]
    fn plain_values_are_read_as_the_general_parser_reads_them() {
        let values = ["1", "-5", "0", "true", "false", "null", "\"\"", "\"x y\"", "\"\u{e9}\"", "123456789012345678"];
        for value in values {
            let text = format!(r#"{{"z":{value},"a":{value},"b":"B"}}"#);
            let general: Two<'_> = parse(&text).unwrap();
            assert_eq!(flat(&text), Some((general.a, general.b)), "{text}");
        }
    }

    #[test]
    fn the_next_quote_is_found_wherever_it_stands() {
        for before in 0..40 {
            for after in 0..12 {
                // Bytes beside a quote in value, and those with the high bit, are none.
                let text = ["!#\u{a2}".repeat(before), "\"".to_owned(), "\"!#".repeat(after)].concat();
                assert_eq!(to_quote(text.as_bytes()), text.find('"'), "{text}");
            }
            assert_eq!(to_quote("!#\u{a2}".repeat(before).as_bytes()), None);
        }
    }

    #[test]
    fn x05_what_is_not_plain_is_left_to_the_general_parser() {
        let values =
            ["01", "-0", "-", "1.5", "1e3", "[]", "{}", "tru", "nul", "\"\\n\"", "\"\n\"", "1234567890123456789", " 1"];
        for value in values {
            assert_eq!(flat(&format!(r#"{{"a":{value}}}"#)), None, "{value}");
        }
        for text in ["", "{", "{}", "{\"a\":1", "{\"a\":1}x", "{\"a\":1,}", "{\"a\":1,\"a\":1}", "{\"a\":null,\"a\":1}"]
        {
            assert_eq!(flat(text), None, "{text}");
        }
    }
}
