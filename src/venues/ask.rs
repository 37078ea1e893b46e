//! What a session may ask of a venue of the Binance family, before it is a request: reads (`Ask`) and writes (`Act`).
//!
//! The two are apart so that a signer for reading cannot sign a write: `encode` makes a [`Request`] of an `Ask` and a
//! [`WriteRequest`] of an `Act`, and only a signer for trading takes the second. Nothing here knows paths or field names.

use crate::domain::{Amount, Asset, ClientOrderId, Market, Price, Quantity, Side, Span, Symbol, WallTime};
use crate::port::TimeInForce;
use crate::port::event::Wallet;

/// Which candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candles {
    /// Of trades.
    Trade(Market),
    /// Of the mark price.
    Mark,
    /// Of the index price; the symbol stands for the pair.
    Index,
    /// Of the premium index, a plain fraction.
    Premium,
}

/// From where on a list of our executions is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Executions with this id and above, oldest first.
    Id(u64),
    /// Executions of a time window, oldest first; the venue's longest is 24 h (spot) or 7 days (perp).
    Window {
        /// First instant.
        start: WallTime,
        /// Last instant.
        end: WallTime,
    },
    /// Those of the order with this number of the venue.
    Order(u64),
    /// The youngest ones.
    Latest,
}

/// A question. Public ones need no key, private ones a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The venue's clock.
    Time(Market),
    /// All instruments of a market with their filters and request limits.
    Instruments(Market),
    /// The same of these symbols alone, where the venue can be asked so (the whole list of spot is ten megabytes); one that it
    /// does not know refuses the question.
    Listed {
        /// Which market.
        market: Market,
        /// Which symbols.
        symbols: Vec<Symbol>,
    },
    /// A book of up to `levels` a side.
    Depth {
        /// Which market.
        market: Market,
        /// Whose.
        symbol: Symbol,
        /// Levels a side.
        levels: u32,
    },
    /// Best bid and ask.
    BestQuote {
        /// Which market.
        market: Market,
        /// Whose; of all when absent.
        symbol: Option<Symbol>,
    },
    /// Candles, oldest first.
    Candles {
        /// Which.
        kind: Candles,
        /// Whose.
        symbol: Symbol,
        /// The venue's word for the step: `1m`, `1h`, `8h`.
        step: &'static str,
        /// First opening time.
        start: WallTime,
        /// Last opening time.
        end: WallTime,
        /// Most rows.
        limit: u32,
    },
    /// Mark, index and running funding estimate.
    Premium {
        /// Whose; of all when absent.
        symbol: Option<Symbol>,
    },
    /// Interval, cap and floor of funding per symbol.
    FundingInfo,
    /// Settlements, oldest first.
    FundingHistory {
        /// Whose.
        symbol: Symbol,
        /// First stamp; the youngest rows when absent.
        start: Option<WallTime>,
        /// Last stamp.
        end: Option<WallTime>,
        /// Most rows.
        limit: u32,
    },
    /// Open interest now.
    OpenInterest {
        /// Whose.
        symbol: Symbol,
    },
    /// Open interest over time, from the venue's statistics.
    OpenInterestHistory {
        /// Whose.
        symbol: Symbol,
        /// The venue's word for the step.
        step: &'static str,
        /// First instant.
        start: WallTime,
        /// Last instant.
        end: WallTime,
        /// Most rows.
        limit: u32,
    },
    /// One order of ours, by our id.
    Order {
        /// Which market.
        market: Market,
        /// Its symbol.
        symbol: Symbol,
        /// Our id, as text: orders of others can be asked for too.
        id: String,
    },
    /// One order, by the venue's number: whose an execution is that we cannot place.
    OrderNumber {
        /// Which market.
        market: Market,
        /// Its symbol.
        symbol: Symbol,
        /// The venue's number.
        number: u64,
    },
    /// Orders of the account since a time, ours and foreign, in whatever state, oldest first.
    RecentOrders {
        /// Which market.
        market: Market,
        /// Whose.
        symbol: Symbol,
        /// First instant; the venue lists a day (spot) or seven (perp) from it on.
        start: WallTime,
    },
    /// Open orders, ours and foreign.
    OpenOrders {
        /// Which market.
        market: Market,
        /// Whose; of all when absent.
        symbol: Option<Symbol>,
    },
    /// Executions on the account.
    Fills {
        /// Which market.
        market: Market,
        /// Whose.
        symbol: Symbol,
        /// From where on.
        from: From,
        /// Most rows.
        limit: u32,
    },
    /// Balances of a wallet.
    Balances(Wallet),
    /// Perp positions.
    Positions,
    /// Leverage and margin mode of a perp.
    SymbolConfig {
        /// Whose.
        symbol: Symbol,
    },
    /// Position mode, multi-assets mode and fee tier of the perp account.
    AccountConfig,
    /// Whether collateral is kept in many coins; `AccountConfig` says so too where the venue has that.
    MultiAssets,
    /// Margin brackets of a perp.
    Brackets {
        /// Whose.
        symbol: Symbol,
    },
    /// Our fee rates.
    Commission {
        /// Which market.
        market: Market,
        /// Whose.
        symbol: Symbol,
    },
    /// Income of the perp account, oldest first.
    Income {
        /// The venue's word for one kind; all when absent.
        kind: Option<&'static str>,
        /// First instant.
        start: WallTime,
        /// Last instant.
        end: Option<WallTime>,
        /// Page, from 1.
        page: u32,
        /// Most rows, at most 1000.
        limit: u32,
    },
    /// Transfers between wallets, in one direction.
    Transfers {
        /// Which wallet they left.
        from: Wallet,
        /// First instant.
        start: WallTime,
    },
    /// Rights of the key.
    KeyRights,
    /// Limits that the venue put on automated trading of the account.
    TradingStatus,
    /// Rates at which coins count as collateral.
    CollateralRates,
    /// Place in the ADL queue.
    AdlRank,
    /// Open, keep alive or close the stream of account events.
    ListenKey {
        /// Which market.
        market: Market,
        /// What to do.
        act: ListenKeyAct,
    },
}

/// What to do with a listen key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenKeyAct {
    /// Make one, or get the one that is there.
    Open,
    /// Keep it for another hour.
    Keep(String),
    /// Close it.
    Close(String),
}

/// An order to place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Which market.
    pub market: Market,
    /// Its symbol.
    pub symbol: Symbol,
    /// Our id.
    pub id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
    /// Worst price; there are no market orders.
    pub limit: Price,
    /// How long it may wait.
    pub time_in_force: TimeInForce,
    /// May only lower a perp position; ignored on spot.
    pub reduce_only: bool,
    /// What it is for: what makes legs equal or lowers a position never waits behind entries and lists.
    pub priority: Priority,
}

/// How margin of a perp is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginMode {
    /// All positions share the wallet.
    Cross,
    /// Each position has its own.
    Isolated,
}

/// Something that changes the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Place an order.
    Place(Placement),
    /// Cancel one of our orders.
    Cancel {
        /// Which market.
        market: Market,
        /// Its symbol.
        symbol: Symbol,
        /// Our id.
        id: ClientOrderId,
    },
    /// Cancel every order on a symbol.
    CancelAll {
        /// Which market.
        market: Market,
        /// Whose.
        symbol: Symbol,
    },
    /// Have the venue cancel every order on a perp unless this is said again in time (rule R-E); zero switches it off.
    Countdown {
        /// Whose.
        symbol: Symbol,
        /// After which time.
        after: Span,
    },
    /// Move money between wallets.
    Transfer {
        /// From this wallet to the other one.
        from: Wallet,
        /// What.
        asset: Asset,
        /// How much.
        amount: Amount,
        /// Our id, sent where the venue takes one.
        id: ClientOrderId,
    },
    /// Set the leverage of a perp.
    SetLeverage {
        /// Whose.
        symbol: Symbol,
        /// Whole number.
        leverage: u8,
    },
    /// Set the margin mode of a perp.
    SetMarginMode {
        /// Whose.
        symbol: Symbol,
        /// Which.
        mode: MarginMode,
    },
    /// Put money of the perp wallet into an isolated position (`positionMargin`, type 1). It has no id: what arrived is
    /// measured in the position.
    AddMargin {
        /// Whose.
        symbol: Symbol,
        /// Quote coin, above zero.
        amount: Amount,
    },
    /// One-way or hedge mode.
    SetPositionMode {
        /// Whether long and short are kept apart.
        hedge: bool,
    },
    /// Collateral in many coins, or in the quote coin alone.
    SetMultiAssets {
        /// Whether many.
        on: bool,
    },
    /// Void a request that was sent with this nonce and not yet executed (Aster v3).
    Noop {
        /// The nonce.
        nonce: u64,
    },
}

/// Which of the venue's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// Spot REST.
    Spot,
    /// Perp REST.
    Perp,
    /// Permissions and transfers; the spot host on Binance.
    Wallet,
}

/// HTTP verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// What proof a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// None.
    Public,
    /// The key in a header and no signature.
    Key,
    /// A signature.
    Signed,
}

/// What a request is for: the budget keeps a share for the upper ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// History and other work that can wait.
    Background,
    /// Everything else.
    Normal,
    /// Cancels, reducing orders, and questions about orders in doubt.
    Safety,
}

/// A request as it will be sent, but for its stamp and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Verb.
    pub method: Method,
    /// Host.
    pub host: Host,
    /// Path, from the first slash on.
    pub path: &'static str,
    /// Parameters, percent-encoded, in the order in which they are signed and sent; no stamp and no signature.
    pub query: String,
    /// What proof it needs.
    pub security: Security,
    /// Request weight on its host.
    pub weight: u32,
    /// Whether it counts against the limit of orders.
    pub is_order: bool,
    /// What it is for.
    pub priority: Priority,
}

/// A request that changes the account. Only `encode` makes one, and only a signer for trading takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteRequest(pub(in crate::venues) Request);

impl WriteRequest {
    /// The request, to look at.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.0
    }
}
