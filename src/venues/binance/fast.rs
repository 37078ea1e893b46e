//! Best quotes and book changes in the field orders that the venue sends, read without a general parser.
//!
//! It either gives exactly what the general parser would give, or nothing, and then the general parser decides. It never
//! refuses a frame by itself. Tests: `decode_tests.rs` (any mutation gives the same result or nothing) and `tests/wire.rs`
//! (every recorded line).

use super::decode::{Found, same_symbol, wall_time};
use super::message::{BookTicker, Message, Scratch};
use crate::domain::{Market, Price, Quantity, Symbol, WallTime};
use crate::market::Level;

/// Reads a combined-stream frame of a best quote or a book change in a known field order.
pub(super) fn read(market: Market, frame: &[u8], scratch: &mut Scratch) -> Option<Found> {
    let mut cursor = Cursor { rest: frame };
    cursor.skip(b"{\"stream\":\"")?;
    let stream = cursor.plain_text()?;
    cursor.skip(b",\"data\":{")?;
    let at = stream.iter().position(|byte| *byte == b'@')?;
    let (named, channel) = (stream.get(..at)?, stream.get(at + 1..)?);
    let found = if channel == b"bookTicker" {
        match market {
            Market::Spot => spot_ticker(&mut cursor)?,
            Market::Perp => perp_ticker(&mut cursor)?,
        }
    } else if channel == b"depth" || channel.starts_with(b"depth@") {
        depth(market, &mut cursor, scratch)?
    } else {
        return None;
    };
    let symbol = found.symbol()?;
    let ours = symbol.as_str().is_ascii() && same_symbol(std::str::from_utf8(named).ok()?, symbol.as_str());
    (ours && cursor.rest == b"}}").then_some(found)
}

/// `u s b B a A`.
fn spot_ticker(cursor: &mut Cursor<'_>) -> Option<Found> {
    cursor.skip(b"\"u\":")?;
    let update_id = cursor.whole()?;
    let (symbol, bid, ask) = cursor.quote()?;
    let ticker = BookTicker { update_id, symbol, bid: Some(bid), ask: Some(ask), venue_time: None };
    Some(Found::Whole(Message::BookTicker(ticker)))
}

/// `e u s b B a A T E`, as recorded since 2020, or `e u E T s b B a A`, as documented in 2026.
fn perp_ticker(cursor: &mut Cursor<'_>) -> Option<Found> {
    cursor.skip(b"\"e\":\"bookTicker\",\"u\":")?;
    let update_id = cursor.whole()?;
    let engine_time;
    let (symbol, bid, ask);
    if cursor.skip(b",\"E\":").is_some() {
        cursor.time()?;
        cursor.skip(b",\"T\":")?;
        engine_time = cursor.time()?;
        (symbol, bid, ask) = cursor.quote()?;
    } else {
        (symbol, bid, ask) = cursor.quote()?;
        cursor.skip(b",\"T\":")?;
        engine_time = cursor.time()?;
        cursor.skip(b",\"E\":")?;
        cursor.time()?;
    }
    let ticker = BookTicker { update_id, symbol, bid: Some(bid), ask: Some(ask), venue_time: Some(engine_time) };
    Some(Found::Whole(Message::BookTicker(ticker)))
}

/// `e E [T] s U u [pu] b a`.
fn depth(market: Market, cursor: &mut Cursor<'_>, scratch: &mut Scratch) -> Option<Found> {
    cursor.skip(b"\"e\":\"depthUpdate\",\"E\":")?;
    let event_time = cursor.time()?;
    if market == Market::Perp {
        cursor.skip(b",\"T\":")?;
        cursor.whole()?;
    }
    cursor.skip(b",\"s\":\"")?;
    let symbol = cursor.symbol()?;
    cursor.skip(b",\"U\":")?;
    let first = cursor.whole()?;
    cursor.skip(b",\"u\":")?;
    let last = cursor.whole()?;
    let previous = match market {
        Market::Spot => None,
        Market::Perp => {
            cursor.skip(b",\"pu\":")?;
            Some(cursor.whole()?)
        }
    };
    scratch.clear();
    cursor.skip(b",\"b\":[")?;
    cursor.levels(&mut scratch.bids)?;
    cursor.skip(b",\"a\":[")?;
    cursor.levels(&mut scratch.asks)?;
    (first <= last).then_some(Found::Depth { symbol, event_time, ids: (first, last), previous })
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip(&mut self, literal: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Text up to the closing quote, which is consumed; nothing that JSON would escape, ASCII only.
    fn plain_text(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| !matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~'))?;
        let text = self.rest.get(..end)?;
        self.rest = self.rest.get(end..)?.strip_prefix(b"\"")?;
        Some(text)
    }

    fn symbol(&mut self) -> Option<Symbol> {
        Symbol::new(std::str::from_utf8(self.plain_text()?).ok()?).ok()
    }

    /// A whole number below 2^63 in JSON's form: no leading zero, nothing after the digits that makes it a fraction.
    fn whole(&mut self) -> Option<u64> {
        let (first, _) = self.rest.split_first()?;
        let mut value: u64 = 0;
        let mut digits = 0_usize;
        for byte in self.rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        // Eighteen digits cannot overflow; longer ids are left to the general parser.
        if digits == 0 || digits > 18 || *first == b'0' && digits > 1 {
            return None;
        }
        self.rest = self.rest.get(digits..)?;
        matches!(self.rest.first(), Some(b',' | b'}' | b']')).then_some(value)
    }

    fn time(&mut self) -> Option<WallTime> {
        wall_time(i64::try_from(self.whole()?).ok()?)
    }

    /// A decimal before its closing quote, which is consumed, in units of 1e-8: up to ten whole digits and up to eight
    /// decimals; everything else is left to the general parser.
    fn decimal(&mut self) -> Option<i64> {
        let mut rest = self.rest.iter();
        let mut value: i64 = 0;
        let mut whole_digits = 0_u32;
        let mut last = b'"';
        for byte in rest.by_ref() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                last = *byte;
                break;
            }
            if whole_digits == 10 {
                return None;
            }
            value = value * 10 + i64::from(digit);
            whole_digits += 1;
        }
        let mut decimals = 0_u32;
        if last == b'.' {
            last = 0;
            for byte in rest.by_ref() {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    last = *byte;
                    break;
                }
                if decimals == 8 {
                    return None;
                }
                value = value * 10 + i64::from(digit);
                decimals += 1;
            }
            if decimals == 0 {
                return None;
            }
        }
        if last != b'"' || whole_digits == 0 {
            return None;
        }
        self.rest = rest.as_slice();
        Some(value * 10_i64.pow(8 - decimals))
    }

    /// `price","quantity"`, from after the first quote.
    fn level(&mut self) -> Option<Level> {
        let price = Price::from_units(self.decimal()?).ok()?;
        self.skip(b",\"")?;
        let quantity = Quantity::from_units(self.decimal()?).ok()?;
        Some((price, quantity))
    }

    /// `,"s":"...","b":"...","B":"...","a":"...","A":"..."` with both sides present.
    fn quote(&mut self) -> Option<(Symbol, Level, Level)> {
        self.skip(b",\"s\":\"")?;
        let symbol = self.symbol()?;
        let mut side = |price: &[u8], quantity: &[u8]| -> Option<Level> {
            self.skip(price)?;
            let price = Price::from_units(self.decimal()?).ok()?;
            self.skip(quantity)?;
            let quantity = Quantity::from_units(self.decimal()?).ok()?;
            (!quantity.is_zero()).then_some((price, quantity))
        };
        let bid = side(b",\"b\":\"", b",\"B\":\"")?;
        let ask = side(b",\"a\":\"", b",\"A\":\"")?;
        Some((symbol, bid, ask))
    }

    /// Levels up to and with the closing bracket, from after the opening one.
    fn levels(&mut self, into: &mut Vec<Level>) -> Option<()> {
        if self.skip(b"]").is_some() {
            return Some(());
        }
        loop {
            self.skip(b"[\"")?;
            into.push(self.level()?);
            self.skip(b"]")?;
            match self.rest.split_first()? {
                (b',', rest) => self.rest = rest,
                (b']', rest) => {
                    self.rest = rest;
                    return Some(());
                }
                _ => return None,
            }
        }
    }
}
