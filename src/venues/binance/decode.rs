//! Bytes to typed messages: what a frame is, and whether every field that matters is what the documents say.
//!
//! Unknown fields are tolerated and unknown kinds are [`Message::Unrecognised`]; a known kind with a bad field is refused.
//! Nothing here compares with earlier frames (that is `session`). Tests: at the end, in `decode_tests.rs` and, with
//! recorded material, in `tests/suite/wire.rs`.

use super::fast;
use super::message::{
    BookTicker, DecodeError, DepthSnapshot, DepthUpdate, Kind, MAX_FRAME, MarkPrice, Message, Scratch, Trade, label,
    shown,
};
use super::wire::{self, Body, Data, Sent, Slot, level_size};
use crate::domain::{Market, NumberError, Price, Quantity, Rate, Symbol, WallTime};
use crate::market::book::Level;

/// Decodes one frame or one depth answer: quickly when it has the usual order of fields, else by the general parser.
///
/// # Errors
/// [`DecodeError`] names the field and what was expected.
pub fn decode<'a>(market: Market, frame: &'a [u8], scratch: &'a mut Scratch) -> Result<Message<'a>, DecodeError> {
    if frame.len() > MAX_FRAME {
        return Err(DecodeError::TooLarge { bytes: frame.len() });
    }
    match fast::read(market, frame, scratch) {
        Some(found) => Ok(found.message(scratch)),
        None => decode_general(market, frame, scratch),
    }
}

/// The quick decoder alone: nothing when the frame has another kind or another order of fields than usual.
pub fn decode_quick<'a>(market: Market, frame: &[u8], scratch: &'a mut Scratch) -> Option<Message<'a>> {
    fast::read(market, frame, scratch).map(|found| found.message(scratch))
}

/// The same by the general parser alone: any order of fields, any white space.
///
/// # Errors
/// [`DecodeError`] names the field and what was expected.
pub fn decode_general<'a>(
    market: Market,
    frame: &'a [u8],
    scratch: &'a mut Scratch,
) -> Result<Message<'a>, DecodeError> {
    if frame.len() > MAX_FRAME {
        return Err(DecodeError::TooLarge { bytes: frame.len() });
    }
    let text = std::str::from_utf8(frame).map_err(|error| DecodeError::NotUtf8 { at: error.valid_up_to() })?;
    let sent = wire::read(text, scratch)?;
    let found = recognise(market, &sent)?;
    check_origin(&sent, &found)?;
    Ok(found.message(scratch))
}

/// A message whose levels are still in the scratch.
pub(super) enum Found {
    Depth { symbol: Symbol, event_time: WallTime, ids: (u64, u64), previous: Option<u64> },
    Snapshot { last: u64 },
    Whole(Message<'static>),
}

impl Found {
    fn kind(&self) -> Kind {
        match self {
            Self::Depth { .. } => Kind::Depth,
            Self::Snapshot { .. } => Kind::Snapshot,
            Self::Whole(message) => message.kind(),
        }
    }

    const fn symbol(&self) -> Option<Symbol> {
        match self {
            Self::Depth { symbol, .. } => Some(*symbol),
            Self::Whole(Message::BookTicker(ticker)) => Some(ticker.symbol),
            Self::Whole(Message::Trade(trade) | Message::AggTrade(trade)) => Some(trade.symbol),
            Self::Whole(Message::Mark(mark)) => Some(mark.symbol),
            Self::Snapshot { .. } | Self::Whole(_) => None,
        }
    }

    pub(super) fn message(self, scratch: &Scratch) -> Message<'_> {
        let (bids, asks) = (scratch.bids.as_slice(), scratch.asks.as_slice());
        match self {
            Self::Depth { symbol, event_time, ids: (first, last), previous } => {
                Message::Depth(DepthUpdate { symbol, event_time, first, last, previous, bids, asks })
            }
            Self::Snapshot { last } => Message::Snapshot(DepthSnapshot { last, bids, asks }),
            Self::Whole(message) => message,
        }
    }
}

fn recognise(market: Market, sent: &Sent<'_>) -> Result<Found, DecodeError> {
    let body = &sent.body;
    match &body.kind {
        Slot::Text(kind) => match kind.as_ref() {
            "depthUpdate" if is_partial(&body.stream) => Ok(unrecognised("(partial depth)")),
            "depthUpdate" => depth(market, body),
            "bookTicker" => ticker(market, body),
            "trade" => trade(body, &body.trade_id, "t").map(|trade| Found::Whole(Message::Trade(trade))),
            "aggTrade" => trade(body, &body.ask, "a").map(|trade| Found::Whole(Message::AggTrade(trade))),
            "markPriceUpdate" => mark(body),
            "serverShutdown" => Ok(Found::Whole(Message::ServerShutdown)),
            other => Ok(Found::Whole(Message::Unrecognised { kind: label(other) })),
        },
        Slot::Absent => nameless(market, sent),
        _ => Err(DecodeError::WrongType { field: "e", expected: "text" }),
    }
}

const fn unrecognised(word: &'static str) -> Found {
    Found::Whole(Message::Unrecognised { kind: Symbol::of(word) })
}

/// Frames without a kind: spot's best quotes, depth answers, replies and errors.
fn nameless(market: Market, sent: &Sent<'_>) -> Result<Found, DecodeError> {
    let body = &sent.body;
    let text = |slot: &Slot<'_>| matches!(slot, Slot::Text(_));
    match sent.data {
        Data::List => return Ok(unrecognised("(list)")),
        Data::Other => return Err(DecodeError::WrongType { field: "data", expected: "an object or a list" }),
        Data::Absent | Data::Object => {}
    }
    if body.snapshot_id != Slot::Absent {
        if sent.data == Data::Object {
            return Ok(unrecognised("(partial depth)"));
        }
        return snapshot(body);
    }
    let quotes = [&body.symbol, &body.bid, &body.bid_quantity, &body.ask, &body.ask_quantity];
    if channel_is(&body.stream, "bookTicker") || body.last_id != Slot::Absent && quotes.into_iter().all(text) {
        return ticker(market, body);
    }
    let id = match body.id {
        Slot::Whole(id) => u64::try_from(id).ok(),
        _ => None,
    };
    if let Slot::Whole(code) = body.code {
        let text = match &body.message {
            Slot::Text(text) => shown(text),
            _ => String::new(),
        };
        return Ok(Found::Whole(Message::Error { code, text, id }));
    }
    if body.result != Slot::Absent && body.id != Slot::Absent {
        return Ok(Found::Whole(Message::Reply { id, confirmed: body.result == Slot::Null }));
    }
    Ok(unrecognised("(no kind)"))
}

fn depth(market: Market, body: &Body<'_>) -> Result<Found, DecodeError> {
    let kind = Kind::Depth;
    levels(kind, &body.bid, "b")?;
    levels(kind, &body.ask, "a")?;
    let previous = match (market, &body.previous_id) {
        (Market::Spot, Slot::Absent) => None,
        (_, slot) => Some(id(kind, slot, "pu")?),
    };
    let ids = (id(kind, &body.first_id, "U")?, id(kind, &body.last_id, "u")?);
    if ids.0 > ids.1 {
        return Err(DecodeError::IdsReversed { first: ids.0, last: ids.1 });
    }
    let event_time = time(kind, &body.event_time, "E")?;
    Ok(Found::Depth { symbol: symbol(kind, &body.symbol)?, event_time, ids, previous })
}

fn snapshot(body: &Body<'_>) -> Result<Found, DecodeError> {
    let kind = Kind::Snapshot;
    levels(kind, &body.bids, "bids")?;
    levels(kind, &body.asks, "asks")?;
    Ok(Found::Snapshot { last: id(kind, &body.snapshot_id, "lastUpdateId")? })
}

fn ticker(market: Market, body: &Body<'_>) -> Result<Found, DecodeError> {
    let kind = Kind::BookTicker;
    let venue_time = match (market, &body.time, &body.event_time) {
        (_, Slot::Absent, Slot::Absent) if market == Market::Spot => None,
        (_, Slot::Absent, event) => Some(time(kind, event, "E")?),
        (_, engine, _) => Some(time(kind, engine, "T")?),
    };
    let bid = (text(kind, &body.bid, "b")?, text(kind, &body.bid_quantity, "B")?);
    let ask = (text(kind, &body.ask, "a")?, text(kind, &body.ask_quantity, "A")?);
    Ok(Found::Whole(Message::BookTicker(BookTicker {
        update_id: id(kind, &body.last_id, "u")?,
        symbol: symbol(kind, &body.symbol)?,
        bid: side(bid, ["b", "B"])?,
        ask: side(ask, ["a", "A"])?,
        venue_time,
    })))
}

/// A side of the best quote: `None` when nothing stands there, which the venue writes as zeros (fault B09).
fn side((price, quantity): (&str, &str), [price_field, quantity_field]: [&'static str; 2]) -> SideResult {
    let size = level_size(quantity).map_err(|cause| DecodeError::BadNumber { field: quantity_field, cause })?;
    match Price::parse(price) {
        Ok(_) if size.is_zero() => Ok(None),
        Ok(price) => Ok(Some((price, size))),
        Err(NumberError::NotPositive) if size.is_zero() && !price.starts_with('-') => Ok(None),
        Err(cause) => Err(DecodeError::BadNumber { field: price_field, cause }),
    }
}

type SideResult = Result<Option<Level>, DecodeError>;

fn trade(body: &Body<'_>, trade_id: &Slot<'_>, id_field: &'static str) -> Result<Trade, DecodeError> {
    let kind = if id_field == "t" { Kind::Trade } else { Kind::AggTrade };
    let buyer_is_maker = match body.buyer_is_maker {
        Slot::Flag(flag) => flag,
        Slot::Absent => return Err(DecodeError::Missing { kind, field: "m" }),
        _ => return Err(DecodeError::WrongType { field: "m", expected: "true or false" }),
    };
    Ok(Trade {
        symbol: symbol(kind, &body.symbol)?,
        id: id(kind, trade_id, id_field)?,
        price: price(kind, &body.price, "p")?,
        quantity: number(text(kind, &body.quantity, "q")?, "q", Quantity::parse)?,
        time: time(kind, &body.time, "T")?,
        buyer_is_maker,
    })
}

fn mark(body: &Body<'_>) -> Result<Found, DecodeError> {
    let kind = Kind::Mark;
    let index = match &body.index {
        Slot::Absent => None,
        slot => Some(price(kind, slot, "i")?),
    };
    // Dated contracts send an empty rate and the time zero.
    let rate = match text(kind, &body.rate, "r")? {
        "" => None,
        rate => Some(number(rate, "r", Rate::parse)?),
    };
    let next_funding = match &body.time {
        Slot::Whole(0) => None,
        slot => Some(time(kind, slot, "T")?),
    };
    Ok(Found::Whole(Message::Mark(MarkPrice {
        symbol: symbol(kind, &body.symbol)?,
        event_time: time(kind, &body.event_time, "E")?,
        mark: price(kind, &body.price, "p")?,
        index,
        rate,
        next_funding,
    })))
}

fn levels(kind: Kind, slot: &Slot<'_>, field: &'static str) -> Result<(), DecodeError> {
    match slot {
        Slot::Levels => Ok(()),
        Slot::Absent => Err(DecodeError::Missing { kind, field }),
        _ => Err(DecodeError::WrongType { field, expected: "a list of [\"price\", \"quantity\"]" }),
    }
}

fn text<'s>(kind: Kind, slot: &'s Slot<'_>, field: &'static str) -> Result<&'s str, DecodeError> {
    match slot {
        Slot::Text(text) => Ok(text),
        Slot::Absent => Err(DecodeError::Missing { kind, field }),
        _ => Err(DecodeError::WrongType { field, expected: "text" }),
    }
}

fn id(kind: Kind, slot: &Slot<'_>, field: &'static str) -> Result<u64, DecodeError> {
    let wrong = DecodeError::WrongType { field, expected: "a whole number not below zero" };
    match slot {
        Slot::Whole(id) => u64::try_from(*id).map_err(|_| wrong),
        Slot::Absent => Err(DecodeError::Missing { kind, field }),
        _ => Err(wrong),
    }
}

fn time(kind: Kind, slot: &Slot<'_>, field: &'static str) -> Result<WallTime, DecodeError> {
    match slot {
        Slot::Whole(value) => wall_time(*value).ok_or(DecodeError::BadTime { field, value: *value }),
        Slot::Absent => Err(DecodeError::Missing { kind, field }),
        _ => Err(DecodeError::WrongType { field, expected: "a whole number of milliseconds" }),
    }
}

/// A time in milliseconds between 2014 and 2100; seconds and microseconds fall outside (fault B17).
pub(super) fn wall_time(value: i64) -> Option<WallTime> {
    (1_388_534_400_000..4_102_444_800_000).contains(&value).then_some(WallTime(value))
}

fn number<T>(
    text: &str,
    field: &'static str,
    parse: impl Fn(&str) -> Result<T, NumberError>,
) -> Result<T, DecodeError> {
    parse(text).map_err(|cause| DecodeError::BadNumber { field, cause })
}

fn price(kind: Kind, slot: &Slot<'_>, field: &'static str) -> Result<Price, DecodeError> {
    number(text(kind, slot, field)?, field, Price::parse)
}

fn symbol(kind: Kind, slot: &Slot<'_>) -> Result<Symbol, DecodeError> {
    Symbol::new(text(kind, slot, "s")?).map_err(|_| DecodeError::BadSymbol { field: "s" })
}

/// The name of the stream, when there is one, must agree with the data about symbol and kind (fault B11).
fn check_origin(sent: &Sent<'_>, found: &Found) -> Result<(), DecodeError> {
    let stream = match (&sent.body.stream, sent.data) {
        (Slot::Absent, Data::Absent) => return Ok(()),
        (Slot::Text(stream), Data::Object | Data::List) => stream.as_ref(),
        (Slot::Absent, _) => return Err(DecodeError::WrongType { field: "stream", expected: "the name of a stream" }),
        (_, Data::Absent) => return Err(DecodeError::WrongType { field: "data", expected: "an object or a list" }),
        _ => return Err(DecodeError::WrongType { field: "stream", expected: "text" }),
    };
    let Some(symbol) = found.symbol() else { return Ok(()) };
    let (named, channel) = stream.split_once('@').unwrap_or((stream, ""));
    // All-symbol streams (`!markPrice@arr`, `!bookTicker`) name no symbol.
    if !named.starts_with('!') && !same_symbol(named, symbol.as_str()) {
        return Err(DecodeError::WrongSymbol { stream: label(stream), symbol });
    }
    let kind = found.kind();
    let channel = if named.starts_with('!') { named.trim_start_matches('!') } else { channel };
    let fits = match kind {
        Kind::BookTicker => channel == "bookTicker",
        Kind::Depth => channel == "depth" || channel.starts_with("depth@"),
        Kind::Trade => channel == "trade",
        Kind::AggTrade => channel == "aggTrade",
        Kind::Mark => channel == "markPrice" || channel.starts_with("markPrice@"),
        Kind::Snapshot | Kind::Reply | Kind::Error | Kind::ServerShutdown | Kind::Unrecognised => true,
    };
    if fits { Ok(()) } else { Err(DecodeError::WrongChannel { stream: label(stream), kind }) }
}

/// Stream names carry the symbol in lower case; symbols need not be ASCII.
fn same_symbol(lower: &str, symbol: &str) -> bool {
    lower.eq_ignore_ascii_case(symbol) || !symbol.is_ascii() && lower.to_lowercase() == symbol.to_lowercase()
}

fn channel_is(stream: &Slot<'_>, wanted: &str) -> bool {
    matches!(stream, Slot::Text(stream) if stream.split_once('@').is_some_and(|(_, channel)| channel == wanted))
}

/// `depth5`, `depth10`, `depth20`: the top of the book as a whole, which must never be taken for changes.
fn is_partial(stream: &Slot<'_>) -> bool {
    let partial = |(_, channel): (&str, &str)| {
        channel.strip_prefix("depth").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    matches!(stream, Slot::Text(stream) if stream.split_once('@').is_some_and(partial))
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
