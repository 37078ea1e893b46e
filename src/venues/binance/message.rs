//! What a market data frame says, typed, and why a frame is refused.
//!
//! Prices and quantities on the wire are decimals in JSON strings, times are UTC milliseconds, ids are whole numbers.
//! Text of the venue is kept as a [`Symbol`] (printable, at most 32 bytes) or escaped and cut (fault X08).

use crate::domain::{NumberError, Price, Quantity, Rate, Symbol, WallTime};
use crate::market::book::Level;
use std::fmt;
use thiserror::Error;

/// Largest frame accepted, in bytes; the venue's largest (a depth answer of 5000 levels) is under 400 kB (fault X06).
pub const MAX_FRAME: usize = 4 * 1024 * 1024;

/// Room for the levels of one message, used again for the next.
#[derive(Debug, Default, Clone)]
pub struct Scratch {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

/// Best bid and ask, from `<symbol>@bookTicker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookTicker {
    /// Order book update id (`u`).
    pub update_id: u64,
    /// Symbol (`s`).
    pub symbol: Symbol,
    /// Best bid (`b`, `B`); `None` when that side is empty.
    pub bid: Option<Level>,
    /// Best ask (`a`, `A`); `None` when that side is empty.
    pub ask: Option<Level>,
    /// The matching engine's time (`T`), or the event's (`E`); spot sends neither.
    pub venue_time: Option<WallTime>,
}

/// Changes of the book, from `<symbol>@depth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthUpdate<'a> {
    /// Symbol (`s`).
    pub symbol: Symbol,
    /// Event time (`E`).
    pub event_time: WallTime,
    /// First id in it (`U`).
    pub first: u64,
    /// Last id in it (`u`).
    pub last: u64,
    /// Last id of the message before it (`pu`); USD-M only.
    pub previous: Option<u64>,
    /// New absolute quantities of bids (`b`).
    pub bids: &'a [Level],
    /// New absolute quantities of asks (`a`).
    pub asks: &'a [Level],
}

/// The answer of the depth request. It does not name its symbol: who asked must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthSnapshot<'a> {
    /// Id of the last change in it (`lastUpdateId`).
    pub last: u64,
    /// Bids, best first.
    pub bids: &'a [Level],
    /// Asks, best first.
    pub asks: &'a [Level],
}

/// A trade of the market, from `<symbol>@trade` or `@aggTrade`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Symbol (`s`).
    pub symbol: Symbol,
    /// Trade id (`t`) or aggregate trade id (`a`).
    pub id: u64,
    /// Price (`p`).
    pub price: Price,
    /// Coins (`q`).
    pub quantity: Quantity,
    /// When it happened (`T`).
    pub time: WallTime,
    /// Whether the buyer rested, so that the seller took (`m`).
    pub buyer_is_maker: bool,
}

/// Mark, index and running funding estimate, from `<symbol>@markPrice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkPrice {
    /// Symbol (`s`).
    pub symbol: Symbol,
    /// Event time (`E`).
    pub event_time: WallTime,
    /// Mark price (`p`).
    pub mark: Price,
    /// Index price (`i`); recordings before 2020 lack it.
    pub index: Option<Price>,
    /// Running estimate of the next settlement, plain fraction per interval (`r`); the interval is not in the message.
    /// Dated contracts have none.
    pub rate: Option<Rate>,
    /// When the next settlement is (`T`); dated contracts have none.
    pub next_funding: Option<WallTime>,
}

/// One frame, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// Best bid and ask.
    BookTicker(BookTicker),
    /// Changes of the book.
    Depth(DepthUpdate<'a>),
    /// A whole book.
    Snapshot(DepthSnapshot<'a>),
    /// A trade.
    Trade(Trade),
    /// Several trades of one taker.
    AggTrade(Trade),
    /// Mark and index price.
    Mark(MarkPrice),
    /// The answer to a subscription request.
    Reply {
        /// Our number of the request, when it was a number.
        id: Option<u64>,
        /// Whether the result is `null`, which is how the venue confirms.
        confirmed: bool,
    },
    /// The venue refused something.
    Error {
        /// The venue's code.
        code: i64,
        /// The venue's text, escaped and cut to [`MAX_TEXT`] characters.
        text: String,
        /// Our number of the request, when it was a number.
        id: Option<u64>,
    },
    /// The connection will be closed soon: open another one first.
    ServerShutdown,
    /// Well-formed, and of a kind that is not used here.
    Unrecognised {
        /// The kind's name as sent, or a word for why it has none.
        kind: Symbol,
    },
}

/// Most characters kept of a text of the venue.
pub const MAX_TEXT: usize = 120;

/// Escapes and cuts a text of the venue so that it can be shown (fault X08).
pub(super) fn shown(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).take(MAX_TEXT).collect()
}

/// A name of the venue for display: as it is when it is printable and short, else a word that says so.
pub(super) fn label(text: &str) -> Symbol {
    Symbol::new(text).unwrap_or(Symbol::of("(unprintable)"))
}

/// Kinds of messages, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`Message::BookTicker`].
    BookTicker,
    /// [`Message::Depth`].
    Depth,
    /// [`Message::Snapshot`].
    Snapshot,
    /// [`Message::Trade`].
    Trade,
    /// [`Message::AggTrade`].
    AggTrade,
    /// [`Message::Mark`].
    Mark,
    /// [`Message::Reply`].
    Reply,
    /// [`Message::Error`].
    Error,
    /// [`Message::ServerShutdown`].
    ServerShutdown,
    /// [`Message::Unrecognised`].
    Unrecognised,
}

impl Kind {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BookTicker => "book_ticker",
            Self::Depth => "depth",
            Self::Snapshot => "snapshot",
            Self::Trade => "trade",
            Self::AggTrade => "agg_trade",
            Self::Mark => "mark",
            Self::Reply => "reply",
            Self::Error => "error",
            Self::ServerShutdown => "server_shutdown",
            Self::Unrecognised => "unrecognised",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Message<'_> {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::BookTicker(_) => Kind::BookTicker,
            Self::Depth(_) => Kind::Depth,
            Self::Snapshot(_) => Kind::Snapshot,
            Self::Trade(_) => Kind::Trade,
            Self::AggTrade(_) => Kind::AggTrade,
            Self::Mark(_) => Kind::Mark,
            Self::Reply { .. } => Kind::Reply,
            Self::Error { .. } => Kind::Error,
            Self::ServerShutdown => Kind::ServerShutdown,
            Self::Unrecognised { .. } => Kind::Unrecognised,
        }
    }
}

/// Why a frame is refused. Never holds the frame; foreign text is a [`Symbol`] or absent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Longer than [`MAX_FRAME`].
    #[error("frame of {bytes} bytes, expected at most {MAX_FRAME}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("frame is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// Bytes before the first bad one.
        at: usize,
    },
    /// Not JSON, nested too deep, or cut off.
    #[error("frame is not JSON that we accept: wrong at line {line}, column {column}")]
    NotJson {
        /// Line of the problem, from 1.
        line: usize,
        /// Column of the problem, from 1.
        column: usize,
    },
    /// Not an object at the top.
    #[error("frame is not a JSON object")]
    NotAnObject,
    /// One field twice.
    #[error("field `{field}` stands twice")]
    Duplicate {
        /// The field.
        field: &'static str,
    },
    /// A field that the kind must have is absent.
    #[error("{kind} without field `{field}`")]
    Missing {
        /// What the frame is.
        kind: Kind,
        /// The field.
        field: &'static str,
    },
    /// A field of another JSON type than documented.
    #[error("field `{field}` is not {expected}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A number that we do not accept.
    #[error("field `{field}` {cause}")]
    BadNumber {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        cause: NumberError,
    },
    /// A symbol that is not a printable name of at most 32 bytes.
    #[error("field `{field}` is not a symbol")]
    BadSymbol {
        /// The field.
        field: &'static str,
    },
    /// A time outside 2014 to 2100 in milliseconds: another unit, or garbage (fault B17).
    #[error("field `{field}` is {value}, expected UTC milliseconds")]
    BadTime {
        /// The field.
        field: &'static str,
        /// What it says.
        value: i64,
    },
    /// The first id is above the last.
    #[error("ids run backwards: `U` {first} above `u` {last}")]
    IdsReversed {
        /// `U`.
        first: u64,
        /// `u`.
        last: u64,
    },
    /// The stream's name and the data disagree about the symbol, or the symbol is not ours (fault B11).
    #[error("data of {symbol} on {stream}")]
    WrongSymbol {
        /// Where it came.
        stream: Symbol,
        /// What the data says.
        symbol: Symbol,
    },
    /// The stream's name and the data disagree about the kind (fault B11).
    #[error("{kind} on {stream}")]
    WrongChannel {
        /// Where it came.
        stream: Symbol,
        /// What the data is.
        kind: Kind,
    },
    /// A whole book came as a frame, or something else as the answer to a depth request.
    #[error("{kind} does not belong here")]
    Misplaced {
        /// What it is.
        kind: Kind,
    },
}
