//! The public messages in the field orders that the venue sends, read without a general parser.
//!
//! It either gives exactly what the general parser would give, or nothing, and then the general parser decides. It never
//! refuses a frame by itself. Tests: `decode_tests.rs` (any mutation gives the same result or nothing) and
//! `tests/suite/wire.rs` (every recorded line).

use super::decode::{Found, wall_time};
use super::message::{BookTicker, MarkPrice, Message, Scratch, Trade};
use crate::domain::{Market, Price, Quantity, Rate, Symbol, WallTime};
use crate::market::book::Level;

/// Reads a combined-stream frame in a known field order.
pub(super) fn read(market: Market, frame: &[u8], scratch: &mut Scratch) -> Option<Found> {
    let mut cursor = Cursor { rest: frame, symbol: &[] };
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
    } else if channel == b"trade" {
        Found::Whole(Message::Trade(trade(&mut cursor)?))
    } else if channel == b"aggTrade" {
        Found::Whole(Message::AggTrade(agg_trade(&mut cursor)?))
    } else if channel == b"markPrice" || channel.starts_with(b"markPrice@") {
        mark(&mut cursor)?
    } else {
        return None;
    };
    cursor.unused()?;
    // The symbol is ASCII here, so ignoring the case of letters is all that lower case means.
    (named.eq_ignore_ascii_case(cursor.symbol) && cursor.rest == b"}}").then_some(found)
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

/// Spot `e E s t p q T m M`, USD-M `e E T s t p q X m`.
fn trade(cursor: &mut Cursor<'_>) -> Option<Trade> {
    cursor.skip(b"\"e\":\"trade\",\"E\":")?;
    cursor.whole()?;
    let early = if cursor.skip(b",\"T\":").is_some() { Some(cursor.time()?) } else { None };
    cursor.skip(b",\"s\":\"")?;
    let symbol = cursor.symbol()?;
    cursor.skip(b",\"t\":")?;
    let id = cursor.whole()?;
    cursor.rest_of_trade(symbol, id, early)
}

/// Spot `e E s a p q f l T m M`, USD-M `e E a s p q [nq] f l T m`.
fn agg_trade(cursor: &mut Cursor<'_>) -> Option<Trade> {
    cursor.skip(b"\"e\":\"aggTrade\",\"E\":")?;
    cursor.whole()?;
    let (id, symbol);
    if cursor.skip(b",\"a\":").is_some() {
        id = cursor.whole()?;
        cursor.skip(b",\"s\":\"")?;
        symbol = cursor.symbol()?;
    } else {
        cursor.skip(b",\"s\":\"")?;
        symbol = cursor.symbol()?;
        cursor.skip(b",\"a\":")?;
        id = cursor.whole()?;
    }
    cursor.rest_of_trade(symbol, id, None)
}

/// `e E s p [ap] [P] i [P] r T`.
fn mark(cursor: &mut Cursor<'_>) -> Option<Found> {
    cursor.skip(b"\"e\":\"markPriceUpdate\",\"E\":")?;
    let event_time = cursor.time()?;
    cursor.skip(b",\"s\":\"")?;
    let symbol = cursor.symbol()?;
    cursor.skip(b",\"p\":\"")?;
    let mark = Price::from_units(cursor.decimal()?).ok()?;
    cursor.unused()?;
    cursor.skip(b",\"i\":\"")?;
    let index = Price::from_units(cursor.decimal()?).ok()?;
    cursor.unused()?;
    cursor.skip(b",\"r\":\"")?;
    let sign = if cursor.skip(b"-").is_some() { -1 } else { 1 };
    // Units of 1e-8 to units of 1e-18.
    let rate = Rate::from_units(cursor.decimal()?.checked_mul(sign * 10_000_000_000)?);
    cursor.skip(b",\"T\":")?;
    let next = cursor.time()?;
    let (index, rate, next_funding) = (Some(index), Some(rate), Some(next));
    Some(Found::Whole(Message::Mark(MarkPrice { symbol, event_time, mark, index, rate, next_funding })))
}

struct Cursor<'a> {
    rest: &'a [u8],
    /// The symbol as sent, for the comparison with the stream's name.
    symbol: &'a [u8],
}

/// Fields that the general parser skips too, wherever they stand.
const UNUSED: [&[u8]; 9] = [b"ps", b"st", b"M", b"X", b"ap", b"P", b"nq", b"f", b"l"];

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
        self.symbol = self.plain_text()?;
        Symbol::new(std::str::from_utf8(self.symbol).ok()?).ok()
    }

    /// Skips fields of [`UNUSED`] while they are plain texts, whole numbers, true or false.
    fn unused(&mut self) -> Option<()> {
        loop {
            let before = self.rest;
            if self.skip(b",\"").is_none() {
                return Some(());
            }
            if !UNUSED.contains(&self.plain_text()?) {
                self.rest = before;
                return Some(());
            }
            self.skip(b":")?;
            if self.skip(b"\"").is_some() {
                self.plain_text()?;
            } else if self.skip(b"true").or_else(|| self.skip(b"false")).is_none() {
                self.whole()?;
            }
        }
    }

    /// `p q ... T m`, or `p q ... m` when the time came before.
    fn rest_of_trade(&mut self, symbol: Symbol, id: u64, early: Option<WallTime>) -> Option<Trade> {
        self.skip(b",\"p\":\"")?;
        let price = Price::from_units(self.decimal()?).ok()?;
        self.skip(b",\"q\":\"")?;
        let quantity = Quantity::from_units(self.decimal()?).ok()?;
        self.unused()?;
        let time = if let Some(time) = early {
            time
        } else {
            self.skip(b",\"T\":")?;
            self.time()?
        };
        self.skip(b",\"m\":")?;
        let buyer_is_maker = self.skip(b"true").is_some();
        if !buyer_is_maker {
            self.skip(b"false")?;
        }
        Some(Trade { symbol, id, price, quantity, time, buyer_is_maker })
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
